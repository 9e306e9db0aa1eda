// Package governance has the use cases of approvals, reviews and deprecations: transition requests
// and the decisions on them, the guards that ask for them, the periodic reviews of models, and the
// way of versions out of use.
package governance

import "pedigree/service/core"

// Governance has the use cases of approvals, reviews and deprecations. It is safe for concurrent use.
type Governance struct{ core *core.Core }

// New returns the use cases over a Core.
func New(c *core.Core) *Governance { return &Governance{core: c} }
