// Package provenance answers questions about lineage: what a node came from, what came of
// it, how two nodes differ. It reads only.
package provenance

import "pedigree/service/core"

// Explorer answers questions about lineage.
type Explorer struct{ core *core.Core }

// New returns the part on a core.
func New(c *core.Core) *Explorer { return &Explorer{c} }
