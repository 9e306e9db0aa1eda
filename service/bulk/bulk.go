// Package bulk records batches of facts in one transaction each, and exports all facts of a
// registry in the form that such batches accept.
package bulk

import "pedigree/service/core"

// Bulk records and exports facts in bulk.
type Bulk struct{ core *core.Core }

// New returns a Bulk on a core.
func New(c *core.Core) *Bulk { return &Bulk{c} }
