package core

import (
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// LineageEdge is an edge from an effect to a cause.
type LineageEdge struct {
	ID        registry.ID
	From      registry.ID
	To        registry.ID
	Kind      registry.EdgeKind
	ValidFrom time.Time
	ValidTo   time.Time
}

// NewLineageEdge converts an edge of the graph.
func NewLineageEdge(e *graph.Edge) LineageEdge {
	return LineageEdge{ID: e.ID, From: e.From, To: e.To, Kind: e.Kind, ValidFrom: e.ValidFrom, ValidTo: e.ValidTo}
}
