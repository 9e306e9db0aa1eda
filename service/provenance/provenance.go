// Package provenance answers queries about lineage: the causes and effects of a node, paths
// between nodes, and the differences of two nodes. It only reads; package facts writes lineage.
package provenance

import "pedigree/service/core"

// Explorer answers queries about lineage.
type Explorer struct{ core *core.Core }

// New returns an Explorer on a core.
func New(c *core.Core) *Explorer { return &Explorer{c} }
