// Package access holds the use cases about callers: the viewer, tokens, sessions, roles of
// subjects, the rules of the policy, permissions of the server itself, and the audit log. It
// makes no policy decisions; package policies does.
package access

import "pedigree/service/core"

// Access identifies callers, lists what they may do, manages tokens and sessions and lists the
// audit log.
type Access struct {
	core       *core.Core
	sessionKey []byte
}

// New returns an Access on a core.
func New(c *core.Core) *Access { return &Access{c, c.Gate.Key("sessions")} }
