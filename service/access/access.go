// Package access holds the use cases about who calls: the viewer, tokens, the server's
// own permissions, and the log.
package access

import "pedigree/service/core"

// Access answers who calls and what they may do.
type Access struct{ core *core.Core }

// New returns the part on a core.
func New(c *core.Core) *Access { return &Access{c} }
