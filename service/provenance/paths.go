package provenance

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// PathSet has the shortest paths between two nodes.
type PathSet struct {
	Paths      []*Path
	Exhaustive bool
	OnAnyPath  PathGraph
	Truncation Truncation
	AsOf       time.Time
	KnownAt    time.Time
}

// Path is one path; Length is its number of edges.
type Path struct {
	Length int
	Nodes  []registry.ProvenanceNode
}

// PathGraph has all nodes and edges that lie on any path.
type PathGraph struct {
	Nodes []registry.ProvenanceNode
	Edges []*core.LineageEdge
}

// maxPaths is the largest number of paths in one query.
const maxPaths = 100

// Paths returns the k shortest paths between two nodes; k is 1..maxPaths and 3 by default.
func (e *Explorer) Paths(ctx context.Context, from, to registry.ID, k *int, asOf, knownAt time.Time) (*PathSet, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	limit, err := core.CheckRange("k", k, 3, 1, maxPaths)
	if err != nil {
		return nil, err
	}
	at, err := e.core.ResolvePinned(ctx, scope, asOf, knownAt)
	if err != nil {
		return nil, err
	}
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	found, err := lineage.FindPaths(walkCtx, scope, from, to, limit, at.StoreInstant())
	if err != nil {
		return nil, err
	}
	v := &view{explorer: e, ctx: ctx, scope: scope, at: at}
	return v.pathSet(found)
}

func (v *view) pathSet(found *lineage.Paths) (*PathSet, error) {
	v.registerHidden(found.Nodes...)
	g := &lineage.Graph{Reasons: found.Reasons, Redacted: len(v.opaqueIDs)}
	if g.Redacted > 0 {
		g.Reasons = append(g.Reasons, lineage.ReasonAccess)
	}
	out := &PathSet{Paths: []*Path{}, Exhaustive: found.Exhaustive, AsOf: v.at.Valid, KnownAt: v.at.KnownAt, Truncation: v.truncation(g),
		OnAnyPath: PathGraph{Edges: []*core.LineageEdge{}}}
	byID := map[registry.ID]*graph.Node{}
	for _, n := range found.Nodes {
		byID[n.ID] = n
	}
	var err error
	if out.OnAnyPath.Nodes, err = v.nouns(found.Nodes); err != nil {
		return nil, err
	}
	for _, e := range found.Edges {
		edge := v.edge(&e)
		out.OnAnyPath.Edges = append(out.OnAnyPath.Edges, &edge)
	}
	var onPaths []*graph.Node
	for _, ids := range found.Shortest {
		for _, id := range ids {
			onPaths = append(onPaths, byID[id])
		}
	}
	nouns, err := v.nouns(onPaths)
	if err != nil {
		return nil, err
	}
	for _, ids := range found.Shortest {
		out.Paths = append(out.Paths, &Path{Length: len(ids) - 1, Nodes: nouns[:len(ids):len(ids)]})
		nouns = nouns[len(ids):]
	}
	return out, nil
}
