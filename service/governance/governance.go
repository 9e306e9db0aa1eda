// Package governance has the use cases of approvals and reviews: transition requests and the
// decisions on them, the guards that ask for them, and the periodic reviews of models.
package governance

import "pedigree/service/core"

// Governance has the use cases of approvals and reviews. It is safe for concurrent use.
type Governance struct{ core *core.Core }

// New returns the use cases over a Core.
func New(c *core.Core) *Governance { return &Governance{core: c} }
