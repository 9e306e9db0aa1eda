// Package bulk records batches of facts in one transaction, and exports all facts of a
// registry as a batch takes them.
package bulk

import "pedigree/service/core"

// Bulk records and exports facts in bulk.
type Bulk struct{ core *core.Core }

// New returns the part on a core.
func New(c *core.Core) *Bulk { return &Bulk{c} }
