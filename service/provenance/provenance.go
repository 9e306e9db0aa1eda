// Package provenance answers queries about lineage: the causes and effects of a node, paths
// between nodes, and the differences of two nodes. It only reads; package facts writes lineage.
package provenance

import "pedigree/service/core"

// Explorer answers queries about lineage.
type Explorer struct {
	core *core.Core
	// streams has a place for each list that is being handed out while it is walked: such a walk takes
	// much memory, so that further ones wait for their turn.
	streams chan struct{}
}

// maxStreams is how many such lists are walked at one time.
const maxStreams = 2

// New returns an Explorer on a core.
func New(c *core.Core) *Explorer { return &Explorer{c, make(chan struct{}, maxStreams)} }
