package service

import (
	"context"
	"slices"
	"sort"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
)

// ImpactInput asks what descends from any of the nodes Of.
type ImpactInput struct {
	Of      []registry.ID
	Targets []registry.Kind
	Live    bool
	Where   *LineageFilter
	AsOf    time.Time
	KnownAt time.Time
	First   *int
	After   *string
}

// ImpactConnection is one page of descendants.
type ImpactConnection struct {
	Edges        []*ImpactEdge
	PageInfo     PageInfo
	TotalCount   *int
	Environments []*EnvironmentCount
	Truncation   Truncation
	AsOf         time.Time
	KnownAt      time.Time
}

// ImpactEdge is a descendant with one shortest way to it.
type ImpactEdge struct {
	Cursor string
	Node   registry.ProvenanceNode
	Depth  int
	Path   []registry.ProvenanceNode
}

// EnvironmentCount tells how many descendants an environment has.
type EnvironmentCount struct {
	Environment *string
	Count       int
}

// maxIDs is how many ids one question takes.
const maxIDs = 100

// Impact returns what descends from any of the given nodes, nearest first.
func (s *Service) Impact(ctx context.Context, in ImpactInput) (*ImpactConnection, error) {
	scope, err := s.gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	if len(in.Of) == 0 || len(in.Of) > maxIDs {
		return nil, registry.Invalid("of", "must be 1 to %d ids, not %d", maxIDs, len(in.Of))
	}
	if len(in.Targets) == 0 {
		in.Targets = []registry.Kind{registry.KindDeployment}
	}
	size, err := Paging{First: in.First}.size(50)
	if err != nil {
		return nil, err
	}
	bindings := []any{"impact", in.Of, in.Targets, in.Live, in.Where, in.AsOf, in.KnownAt}
	start := place{Depth: -1}
	if in.After != nil && *in.After != "" {
		if err := s.open(scope.Actor().Subject, bindings, *in.After, &start); err != nil {
			return nil, err
		}
	} else if start.At, err = s.instantOf(ctx, scope, in.AsOf, in.KnownAt); err != nil {
		return nil, err
	}
	at := start.At.graph()
	at.Current = at.Current && at.Known == 0
	found, err := lineage.WalkImpact(ctx, scope, in.Of, at)
	if err != nil {
		return nil, err
	}
	v := &view{s: s, ctx: ctx, scope: scope, at: start.At}
	return v.impact(found, in, start, size, bindings)
}

func (v *view) impact(found *lineage.Impact, in ImpactInput, start place, size int, bindings any) (*ImpactConnection, error) {
	for _, n := range found.Nodes {
		v.hide(n)
	}
	kept, err := v.targets(found, in)
	if err != nil {
		return nil, err
	}
	out := &ImpactConnection{Edges: []*ImpactEdge{}, AsOf: v.at.Valid, KnownAt: v.at.KnownAt, Environments: v.environments(kept)}
	out.Truncation = v.truncation(&lineage.Graph{Reasons: found.Reasons, Frontier: found.Frontier, Redacted: redacted(found)})
	total := len(kept)
	out.TotalCount = &total
	from := 0
	item := func(d lineage.Descendant) *lineage.Item { return &lineage.Item{Node: d.Node, Depth: d.Depth} }
	for start.Depth >= 0 && from < total && v.order(item(kept[from]), start) <= 0 {
		from++
	}
	to := min(from+size, total)
	at := start.At
	if at.Known == 0 {
		at.Known = found.Head
	}
	for _, d := range kept[from:to] {
		e, err := v.descendant(found, d)
		if err != nil {
			return nil, err
		}
		e.Cursor = v.s.seal(v.scope.Actor().Subject, bindings, place{at, d.Depth, v.id(d.Node.ID)})
		out.Edges = append(out.Edges, e)
	}
	out.PageInfo.HasNextPage, out.PageInfo.HasPreviousPage = to < total, from > 0
	if to > from {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = out.Edges[0].Cursor, out.Edges[to-from-1].Cursor
	}
	return out, nil
}

func redacted(found *lineage.Impact) (n int) {
	for _, node := range found.Nodes {
		if node.Hidden {
			n++
		}
	}
	return n
}

// targets keeps the descendants that were asked for. A hidden one is no answer:
// it is only counted as redacted.
func (v *view) targets(found *lineage.Impact, in ImpactInput) ([]lineage.Descendant, error) {
	keep, err := v.s.keeper(in.Where)
	if err != nil {
		return nil, err
	}
	kept := []lineage.Descendant{}
	for _, d := range found.Descendants {
		if d.Node.Hidden || !slices.Contains(in.Targets, d.Node.Kind) {
			continue
		}
		if in.Live && d.Node.Kind == registry.KindDeployment && !v.live(d.Node) {
			continue
		}
		if ok, err := keep(d.Node); err != nil {
			return nil, err
		} else if ok {
			kept = append(kept, d)
		}
	}
	slices.SortFunc(kept, func(a, b lineage.Descendant) int {
		return v.order(&lineage.Item{Node: a.Node, Depth: a.Depth}, place{Depth: b.Depth, ID: v.id(b.Node.ID)})
	})
	return kept, nil
}

// live reports whether a deployment stands at the instant asked for.
func (v *view) live(n *graph.Node) bool {
	return !n.ValidFrom.After(v.at.Valid) && (n.ValidTo.IsZero() || n.ValidTo.After(v.at.Valid))
}

func (v *view) environments(kept []lineage.Descendant) []*EnvironmentCount {
	counts := map[string]int{}
	for _, d := range kept {
		counts[d.Node.Text(registry.IndexEnvironment)]++
	}
	out := []*EnvironmentCount{}
	for env, n := range counts {
		c := &EnvironmentCount{Count: n}
		if env != "" {
			c.Environment = &env
		}
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return environmentOf(out[i]) < environmentOf(out[j]) })
	return out
}

func environmentOf(c *EnvironmentCount) string {
	if c.Environment == nil {
		return ""
	}
	return *c.Environment
}

func (v *view) descendant(found *lineage.Impact, d lineage.Descendant) (*ImpactEdge, error) {
	noun, err := v.node(d.Node)
	if err != nil {
		return nil, err
	}
	e := &ImpactEdge{Node: noun, Depth: d.Depth}
	for _, id := range d.Path {
		n, err := v.node(found.Nodes[id])
		if err != nil {
			return nil, err
		}
		e.Path = append(e.Path, n)
	}
	return e, nil
}
