package provenance

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// ColumnLineageInput selects a column, Column of the dataset version Of, and the direction of
// the walk. The default direction is downstream.
type ColumnLineageInput struct {
	Of        registry.ID
	Column    string
	Direction lineage.Direction
	MaxDepth  *int
	AsOf      time.Time
	KnownAt   time.Time
	First     *int
	After     *string
}

// ColumnLineage is one page of the columns that the walk from a column reached. Its methods
// list the nodes that use any of the columns, not only those of the page.
type ColumnLineage struct {
	Root       registry.ID
	Column     string
	Columns    []*LineageColumn
	PageInfo   core.PageInfo
	Truncation Truncation
	AsOf       time.Time
	KnownAt    time.Time

	explorer *Explorer
	scope    *policies.Scope
	at       registry.Instant
	readAt   graph.Instant
	resolved core.ResolvedInstant
	bindings []any
	found    *lineage.Columns
}

// LineageColumn is a column that a walk reached, with its distance from the start and the
// sources over which it was reached.
type LineageColumn struct {
	Node   *registry.DatasetVersion
	Column string
	Depth  int
	From   []*registry.ColumnSource
}

// columnPageStart is the cursor of a page of columns: the position before its first column,
// and the instant. Depth is -1 for the first page.
type columnPageStart struct {
	At     core.ResolvedInstant `json:"at"`
	Depth  int                  `json:"d"`
	ID     registry.ID          `json:"i"`
	Column string               `json:"c"`
}

func (p columnPageStart) compare(it lineage.ColumnItem) int {
	return cmp.Or(cmp.Compare(it.Depth, p.Depth), cmp.Compare(it.Of, p.ID), cmp.Compare(it.Name, p.Column))
}

// ColumnLineage returns the columns that are derived from a column of a dataset version, or
// that it is derived from, with the features, versions, models and deployments that use them.
// It answers FORBIDDEN for callers without permission to see columns.
func (e *Explorer) ColumnLineage(ctx context.Context, in ColumnLineageInput) (*ColumnLineage, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	core.ToNFC(&in.Column)
	if in.Direction == "" {
		in.Direction = lineage.Downstream
	}
	depth, err := core.CheckRange("maxDepth", in.MaxDepth, 10, 0, 50)
	if err != nil {
		return nil, err
	}
	size, err := core.Paging{First: in.First}.Size(50)
	if err != nil {
		return nil, err
	}
	bindings := []any{"columns", in.Of, in.Column, in.Direction, depth, in.AsOf, in.KnownAt}
	start := columnPageStart{Depth: -1}
	if in.After != nil && *in.After != "" {
		if err := e.core.OpenCursor(scope.Actor().Subject, bindings, *in.After, &start); err != nil {
			return nil, err
		}
	} else if start.At, err = e.core.ResolvePinned(ctx, scope, in.AsOf, in.KnownAt); err != nil {
		return nil, err
	}
	at := start.At.StoreInstant()
	found, err := lineage.WalkColumns(ctx, scope, in.Of, in.Column, lineage.ColumnOptions{Direction: in.Direction, MaxDepth: depth, At: at})
	if err != nil {
		return nil, err
	}
	v := &view{explorer: e, ctx: ctx, scope: scope, at: start.At}
	out := &ColumnLineage{Root: in.Of, Column: in.Column, AsOf: start.At.Valid, KnownAt: start.At.KnownAt, explorer: e, scope: scope, at: start.At.NounInstant(), readAt: at, resolved: start.At,
		bindings: bindings, found: found, Truncation: v.truncation(&lineage.Graph{Reasons: found.Reasons, Frontier: found.Frontier, Redacted: found.Redacted})}
	return out, out.page(ctx, start, size)
}

// page fills in one page of columns.
func (c *ColumnLineage) page(ctx context.Context, start columnPageStart, size int) error {
	items := c.found.Items
	from := 0
	for start.Depth >= 0 && from < len(items) && start.compare(items[from]) <= 0 {
		from++
	}
	to := min(from+size, len(items))
	ids := make([]registry.ID, 0, to-from)
	for _, it := range items[from:to] {
		ids = append(ids, it.Of)
	}
	nodes, err := c.nouns(ctx, ids)
	if err != nil {
		return err
	}
	at := start.At
	if at.Known == 0 {
		at.Known = c.found.Head // Further pages show the same state.
	}
	seal := c.explorer.core.SealCursors(c.scope.Actor().Subject, c.bindings)
	cursor := func(it lineage.ColumnItem) string {
		return seal(columnPageStart{at, it.Depth, it.Of, it.Name})
	}
	c.Columns = []*LineageColumn{}
	var sources [][]*registry.ColumnSource
	for i, it := range items[from:to] {
		dv, ok := nodes[i].(*registry.DatasetVersion)
		if !ok {
			continue // It was hidden since the walk.
		}
		col := &LineageColumn{Node: dv, Column: it.Name, Depth: it.Depth, From: []*registry.ColumnSource{}}
		for _, source := range it.From {
			source.ReadAt = c.at
			col.From = append(col.From, &source)
		}
		c.Columns = append(c.Columns, col)
		sources = append(sources, col.From)
	}
	core.Siblings(ctx, sources...)
	c.PageInfo.HasNextPage, c.PageInfo.HasPreviousPage = to < len(items), from > 0
	if to > from {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = cursor(items[from]), cursor(items[to-1])
	}
	return nil
}

// nouns reads nodes with their documents, at the instant of the walk.
func (c *ColumnLineage) nouns(ctx context.Context, ids []registry.ID) ([]registry.Node, error) {
	nodes, err := c.scope.Nodes(ctx, c.readAt, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]registry.Node, len(ids))
	for i, n := range nodes {
		if out[i], err = c.explorer.core.Decode(n, c.at); err != nil {
			return nil, err
		}
	}
	core.Siblings(ctx, out)
	return out, nil
}

// Features returns one page of the features on any of the columns, in the order of recording.
func (c *ColumnLineage) Features(ctx context.Context, first *int, after *string) (*facts.FeatureConnection, error) {
	out, err := columnUsersPage(ctx, c, "features", c.found.Features, core.Paging{First: first, After: after}, func(cursor string, f *registry.Feature) *facts.FeatureEdge {
		return &facts.FeatureEdge{Cursor: cursor, Node: f}
	})
	if err != nil {
		return nil, err
	}
	return &facts.FeatureConnection{Connection: *out}, nil
}

// Versions returns one page of the model versions that use such a feature.
func (c *ColumnLineage) Versions(ctx context.Context, first *int, after *string) (*catalog.ModelVersionConnection, error) {
	out, err := columnUsersPage(ctx, c, "versions", c.found.Versions, core.Paging{First: first, After: after}, catalog.NewVersionEdge)
	if err != nil {
		return nil, err
	}
	return &catalog.ModelVersionConnection{Connection: *out}, nil
}

// Models returns one page of the models of these versions, in the order of recording.
func (c *ColumnLineage) Models(ctx context.Context, first *int, after *string) (*catalog.ModelConnection, error) {
	var ids []registry.ID
	for _, v := range c.found.Versions {
		ids = append(ids, v.Parent)
	}
	slices.Sort(ids)
	found, err := c.scope.Nodes(ctx, c.readAt, slices.Compact(ids)...)
	if err != nil {
		return nil, err
	}
	models := slices.DeleteFunc(found, func(n *graph.Node) bool { return n == nil || n.Hidden || n.Deleted })
	slices.SortFunc(models, func(a, b *graph.Node) int { return cmp.Compare(a.Number, b.Number) })
	out, err := columnUsersPage(ctx, c, "models", models, core.Paging{First: first, After: after}, catalog.NewModelEdge)
	if err != nil {
		return nil, err
	}
	return &catalog.ModelConnection{Connection: *out}, nil
}

// Deployments returns one page of the deployments of these versions that are live at the
// instant.
func (c *ColumnLineage) Deployments(ctx context.Context, first *int, after *string) (*facts.DeploymentConnection, error) {
	v := &view{at: c.resolved}
	var live []*graph.Node
	for _, d := range c.found.Deployments {
		if v.isLive(d) {
			live = append(live, d)
		}
	}
	out, err := columnUsersPage(ctx, c, "deployments", live, core.Paging{First: first, After: after}, facts.NewDeploymentEdge)
	if err != nil {
		return nil, err
	}
	return &facts.DeploymentConnection{Connection: *out}, nil
}

// columnUsersPage returns one page of nodes that a walk found, ordered by number, with their
// documents at the instant of the walk.
func columnUsersPage[N registry.Node, E any](ctx context.Context, c *ColumnLineage, field string, nodes []*graph.Node, p core.Paging, edge func(string, N) E) (*core.Connection[E], error) {
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	subject, l := c.scope.Actor().Subject, append([]any{field}, c.bindings...)
	from := 0
	if p.After != nil && *p.After != "" {
		var after int64
		if err := c.explorer.core.OpenCursor(subject, l, *p.After, &after); err != nil {
			return nil, err
		}
		for from < len(nodes) && nodes[from].Number <= after {
			from++
		}
	}
	page := nodes[from:min(from+size, len(nodes))]
	ids := make([]registry.ID, len(page))
	for i, n := range page {
		ids[i] = n.ID
	}
	nouns, err := c.nouns(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := &core.Connection[E]{Edges: []E{}}
	seal := c.explorer.core.SealCursors(subject, l)
	for i, n := range page {
		noun, ok := nouns[i].(N)
		if !ok {
			continue
		}
		cursor := seal(n.Number)
		if len(out.Edges) == 0 {
			out.PageInfo.StartCursor = cursor
		}
		out.PageInfo.EndCursor = cursor
		out.Edges = append(out.Edges, edge(cursor, noun))
	}
	total := len(nodes)
	out.PageInfo.HasNextPage, out.PageInfo.HasPreviousPage = from+len(page) < total, from > 0
	out.Count = func(context.Context) (*int, error) { return &total, nil }
	return out, nil
}
