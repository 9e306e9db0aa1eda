package provenance

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// LineageCounts has the numbers of nodes and edges in the lineage of a node.
type LineageCounts struct {
	Counts     []*LineageCount
	Nodes      int
	Edges      int
	Redacted   int
	Truncation Truncation
	HistoryCut bool
	AsOf       time.Time
	KnownAt    time.Time
}

// LineageCount is the number of nodes of a kind at a depth.
type LineageCount struct {
	Kind  registry.Kind
	Depth int
	Count int
}

// LineageCounts counts the nodes and edges of all pages of Lineage with the same input. It
// reads no documents unless the filter needs them.
func (e *Explorer) LineageCounts(ctx context.Context, in LineageInput) (*LineageCounts, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	o, _, err := in.options()
	if err != nil {
		return nil, err
	}
	at, err := e.core.ResolveInstant(ctx, scope, in.AsOf, in.KnownAt)
	if err != nil {
		return nil, err
	}
	filter, err := newNodeFilter(in.Where)
	if err != nil {
		return nil, err
	}
	o.At, o.Bare = at.StoreInstant(), !in.Where.readsDocuments()
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	g, err := lineage.Walk(walkCtx, scope, in.Of, o)
	if err != nil {
		return nil, err
	}
	if at, err = at.Seen(ctx, scope, g.Head); err != nil {
		return nil, err
	}
	v := &view{explorer: e, ctx: ctx, scope: scope, at: at}
	return v.counts(g, filter)
}

func (v *view) counts(g *lineage.Graph, filter nodeFilter) (*LineageCounts, error) {
	out := &LineageCounts{Counts: []*LineageCount{}, Redacted: g.Redacted, HistoryCut: g.HistoryCut, AsOf: v.at.Valid, KnownAt: v.at.KnownAt}
	matching, counts := map[registry.ID]bool{}, map[LineageCount]int{}
	for _, it := range g.Items {
		v.registerHidden(it.Node)
		ok, err := filter(it.Node)
		if err != nil {
			return nil, err
		}
		if ok {
			matching[it.Node.ID] = true
			counts[LineageCount{Kind: it.Node.Kind, Depth: it.Depth}]++
		}
	}
	out.Nodes = len(matching)
	for _, e := range g.Edges {
		if matching[e.From] && matching[e.To] {
			out.Edges++
		}
	}
	for c, n := range counts {
		out.Counts = append(out.Counts, &LineageCount{c.Kind, c.Depth, n})
	}
	slices.SortFunc(out.Counts, func(a, b *LineageCount) int {
		return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.Kind, b.Kind))
	})
	out.Truncation = v.truncation(g)
	return out, nil
}
