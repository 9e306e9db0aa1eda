// Package lineageout tells what is recorded as OpenLineage events: the whole registry, or what
// happened since a place in the log. An event has the facets of OpenLineage for other tools, and the
// facts that it tells another registry in a facet of its own: replayed there, the events give the same
// lineage.
package lineageout

import (
	"sync"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// Teller has the use cases of events that go out. It is safe for concurrent use.
type Teller struct {
	core      *core.Core
	leaseLock sync.Mutex
	lease     *policies.Lease
}

// New returns the use cases over a core.
func New(c *core.Core) *Teller { return &Teller{core: c} }

// LineageEvent is one event to send.
type LineageEvent struct {
	// Seq is the sequence of the log entry that the event tells of, 0 when it is of none.
	Seq int64
	// Of is the node that the event is about. Events of one node are in order.
	Of registry.ID
	// Line is the event as JSON in one line.
	Line []byte
}
