// Package events records facts that arrive as events: in any order, more than once, and from
// several producers. What the events of a run, a dataset or a dataset version have told is
// kept beside it; each event is merged into that, and the facts are written anew from it. So
// the same events give the same graph in every order.
package events

import (
	"pedigree/service/bulk"
	"pedigree/service/core"
)

// EventRecorder has the use cases of events.
type EventRecorder struct {
	core *core.Core
	// facts records the facts of events that another registry sent.
	facts *bulk.Bulk
}

// New returns the use cases over a core.
func New(c *core.Core, facts *bulk.Bulk) *EventRecorder { return &EventRecorder{c, facts} }
