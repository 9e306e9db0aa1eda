package service

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// ProvenanceNodeEdge is a lineage node one hop away.
type ProvenanceNodeEdge struct {
	Cursor   string
	Relation registry.EdgeKind
	Node     registry.ProvenanceNode
}

// ProvenanceNodeConnection is a page of lineage nodes one hop away.
type ProvenanceNodeConnection struct {
	Connection[*ProvenanceNodeEdge]
}

// Upstream lists what a lineage node came from, one hop.
func (s *Service) Upstream(ctx context.Context, n registry.Node, p Paging) (*ProvenanceNodeConnection, error) {
	return s.neighbors(ctx, n, graph.Upstream, p)
}

// Downstream lists what came of a lineage node, one hop.
func (s *Service) Downstream(ctx context.Context, n registry.Node, p Paging) (*ProvenanceNodeConnection, error) {
	return s.neighbors(ctx, n, graph.Downstream, p)
}

func (s *Service) neighbors(ctx context.Context, n registry.Node, d graph.Direction, p Paging) (*ProvenanceNodeConnection, error) {
	c, err := listNeighbors(ctx, s, n.NodeMeta().ID, hopQuery{direction: d, at: n.NodeMeta().ReadAt}, p,
		func(cursor string, kind registry.EdgeKind, n registry.ProvenanceNode) *ProvenanceNodeEdge {
			return &ProvenanceNodeEdge{cursor, kind, n}
		})
	if err != nil {
		return nil, err
	}
	return &ProvenanceNodeConnection{*c}, nil
}
