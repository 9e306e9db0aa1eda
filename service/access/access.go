// Package access holds the use cases about callers: the viewer, tokens, roles of subjects, the
// rules of the policy, permissions of the server itself, and the audit log. It makes no policy decisions; package policies does.
package access

import "pedigree/service/core"

// Access identifies callers, lists what they may do, creates tokens and lists the audit log.
type Access struct{ core *core.Core }

// New returns an Access on a core.
func New(c *core.Core) *Access { return &Access{c} }
