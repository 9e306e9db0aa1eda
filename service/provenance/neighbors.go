package provenance

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
)

// ProvenanceNodeEdge is a neighbor of a lineage node, with the kind of the edge between them.
type ProvenanceNodeEdge struct {
	Cursor   string
	Relation registry.EdgeKind
	Node     registry.ProvenanceNode
}

// ProvenanceNodeConnection is a page of neighbors of a lineage node.
type ProvenanceNodeConnection struct {
	core.Connection[*ProvenanceNodeEdge]
}

// Upstream returns one page of the direct causes of a lineage node.
func (e *Explorer) Upstream(ctx context.Context, n registry.Node, p core.Paging) (*ProvenanceNodeConnection, error) {
	return e.neighbors(ctx, n, graph.Upstream, p)
}

// Downstream returns one page of the direct effects of a lineage node.
func (e *Explorer) Downstream(ctx context.Context, n registry.Node, p core.Paging) (*ProvenanceNodeConnection, error) {
	return e.neighbors(ctx, n, graph.Downstream, p)
}

func (e *Explorer) neighbors(ctx context.Context, n registry.Node, d graph.Direction, p core.Paging) (*ProvenanceNodeConnection, error) {
	conn, err := core.ListNeighbors(ctx, e.core, n, core.HopQuery{Direction: d, At: n.NodeMeta().ReadAt}, p,
		func(cursor string, kind registry.EdgeKind, n registry.ProvenanceNode) *ProvenanceNodeEdge {
			return &ProvenanceNodeEdge{cursor, kind, n}
		})
	if err != nil {
		return nil, err
	}
	return &ProvenanceNodeConnection{*conn}, nil
}
