package provenance

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
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
	// Bare says that only id, kind and name of nodes are asked for. Doors set it from
	// the selection.
	Bare bool
}

// ImpactConnection is one page of descendants. TotalCount, Counts and Models cost
// the whole walk and are computed only when they are asked for.
type ImpactConnection struct {
	Edges      []*ImpactEdge
	PageInfo   core.PageInfo
	Truncation Truncation
	AsOf       time.Time
	KnownAt    time.Time
	totals     *impactTotals
}

// ImpactEdge is a descendant with one shortest way to it.
type ImpactEdge struct {
	Cursor string
	Node   registry.ProvenanceNode
	Depth  int
	Path   []registry.ProvenanceNode
	// Environment, Owner and Stage are nil where there is none, or none to be told.
	Environment *string
	Owner       *string
	Stage       *registry.Stage
}

// impactPageStart is where a page of descendants begins, at an instant.
type impactPageStart struct {
	At     core.ResolvedInstant `json:"at"`
	Depth  int                  `json:"d"`
	Number int64                `json:"n"`
}

// Impact returns what descends from any of the given nodes, nearest first, then in
// the order in which it was recorded. A page costs what its rows cost: the walk
// ends with the page's last row.
func (e *Explorer) Impact(ctx context.Context, in ImpactInput) (*ImpactConnection, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	if len(in.Of) == 0 || len(in.Of) > catalog.MaxIDs {
		return nil, registry.Invalid("of", "must be 1 to %d ids, not %d", catalog.MaxIDs, len(in.Of))
	}
	if len(in.Targets) == 0 {
		in.Targets = []registry.Kind{registry.KindDeployment}
	}
	size, err := core.Paging{First: in.First}.Size(50)
	if err != nil {
		return nil, err
	}
	bindings := []any{"impact", in.Of, in.Targets, in.Live, in.Where, in.AsOf, in.KnownAt}
	var start impactPageStart
	if in.After != nil && *in.After != "" {
		if err := e.core.OpenCursor(scope.Actor().Subject, bindings, *in.After, &start); err != nil {
			return nil, err
		}
	} else if start.At, err = e.core.ResolveInstant(ctx, scope, in.AsOf, in.KnownAt); err != nil {
		return nil, err
	}
	p := &impactPage{view: &view{explorer: e, ctx: ctx, scope: scope, at: start.At}, in: in, bindings: bindings, start: start, size: size}
	if p.filter, err = newNodeFilter(in.Where); err != nil {
		return nil, err
	}
	return p.load()
}

// impactPage is one page of an impact question under way.
type impactPage struct {
	*view
	in       ImpactInput
	filter   nodeFilter
	bindings any
	start    impactPageStart
	size     int
	rows     []lineage.Descendant
}

// consistentImpact runs a walk at an instant. A walk of the present is several reads; when
// something was written between them, it runs again at the sequence it began at.
func (v *view) consistentImpact(ctx context.Context, ids []registry.ID, targets []registry.Kind, walk func(*lineage.Impact) error) (*lineage.Impact, error) {
	for at := v.at.WalkInstant(); ; {
		w, err := lineage.NewImpact(ctx, v.scope, ids, targets, at)
		if err != nil {
			return nil, err
		}
		if err := walk(w); err != nil {
			return nil, err
		}
		if ok, err := w.Unchanged(ctx); err != nil || ok {
			return w, err
		}
		at.Known, at.Current = w.Head, false
	}
}

func (p *impactPage) load() (*ImpactConnection, error) {
	walkCtx, cancel := core.WithAnswerReserve(p.ctx)
	defer cancel()
	var end lineage.RowPosition
	var more bool
	w, err := p.consistentImpact(walkCtx, p.in.Of, p.in.Targets, func(w *lineage.Impact) (err error) {
		p.rows = p.rows[:0]
		var filterErr error
		end, more, err = w.Rows(walkCtx, lineage.RowPosition{Depth: p.start.Depth, Number: p.start.Number}, p.in.Where.readsDocuments(), p.size+1, func(d lineage.Descendant) bool {
			ok, err := p.matches(p.in, p.filter, d)
			if err != nil {
				filterErr = err
				return false
			}
			if ok && len(p.rows) == p.size {
				return false
			}
			if ok {
				p.rows = append(p.rows, d)
			}
			return true
		})
		return core.FirstError(filterErr, err)
	})
	if err != nil {
		return nil, err
	}
	return p.page(w, end, more)
}

// wanted reports whether a descendant is one of those asked for.
func (v *view) matches(in ImpactInput, filter nodeFilter, d lineage.Descendant) (bool, error) {
	if in.Live && d.Node.Kind == registry.KindDeployment && !v.isLive(d.Node) {
		return false, nil
	}
	return filter(d.Node)
}

// live reports whether a deployment stands at the instant asked for.
func (v *view) isLive(n *graph.Node) bool {
	return !n.ValidFrom.After(v.at.Valid) && (n.ValidTo.IsZero() || n.ValidTo.After(v.at.Valid))
}

func (p *impactPage) page(w *lineage.Impact, end lineage.RowPosition, more bool) (*ImpactConnection, error) {
	at := p.start.At
	if at.Known == 0 {
		at.Known = w.Head // Further pages see what this one saw.
	}
	cursor := func(depth int, number int64) string {
		return p.explorer.core.SealCursor(p.scope.Actor().Subject, p.bindings, impactPageStart{at, depth, number})
	}
	whole, err := p.documents(w)
	if err != nil {
		return nil, err
	}
	out := &ImpactConnection{Edges: []*ImpactEdge{}, AsOf: p.at.Valid, KnownAt: p.at.KnownAt, totals: &impactTotals{view: p.view, in: p.in, filter: p.filter, at: at}}
	for _, d := range p.rows {
		e, err := p.edgeTo(d, whole)
		if err != nil {
			return nil, err
		}
		e.Cursor = cursor(d.Depth, d.Node.Number)
		out.Edges = append(out.Edges, e)
	}
	p.registerHidden(w.Hidden()...)
	out.Truncation = p.truncation(w.Truncation())
	out.PageInfo.HasNextPage, out.PageInfo.HasPreviousPage = more, p.start.Depth > 0
	if n := len(out.Edges); n > 0 {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = out.Edges[0].Cursor, out.Edges[n-1].Cursor
	}
	if more && len(out.Edges) < p.size {
		out.PageInfo.EndCursor = cursor(end.Depth, end.Number) // A limit ended the page: go on where it ended.
	}
	return out, nil
}

// documents reads the nodes of a page's rows and ways whole, where more than id,
// kind and name is asked for.
func (p *impactPage) documents(w *lineage.Impact) (map[registry.ID]*graph.Node, error) {
	out := map[registry.ID]*graph.Node{}
	var ids []registry.ID
	for _, d := range p.rows {
		for _, n := range d.Path() {
			p.registerHidden(n)
			if out[n.ID] == nil {
				out[n.ID], ids = n, append(ids, n.ID)
			}
		}
	}
	if p.in.Bare || len(ids) == 0 {
		return out, nil
	}
	at := p.start.At
	if at.Known == 0 && at.Explicit {
		at.Known = w.Head
	}
	nodes, err := lineage.Nodes(p.ctx, p.scope, at.WalkInstant(), ids...)
	for i, n := range nodes {
		if n != nil {
			out[ids[i]] = n
		}
	}
	return out, err
}

func (v *view) edgeTo(d lineage.Descendant, whole map[registry.ID]*graph.Node) (*ImpactEdge, error) {
	e := &ImpactEdge{Depth: d.Depth, Environment: visibleColumn(d.Node, registry.IndexEnvironment), Owner: visibleColumn(d.Node, registry.IndexOwner)}
	path := d.Path()
	for i, n := range path {
		noun, err := v.node(whole[n.ID])
		if err != nil {
			return nil, err
		}
		e.Path = append(e.Path, noun)
		if n.Kind == registry.KindModelVersion && (i == len(path)-1 || i == len(path)-2 && d.Node.Kind == registry.KindDeployment) {
			if st := visibleColumn(n, registry.IndexStage); st != nil {
				stage := registry.Stage(*st)
				e.Stage = &stage
			}
		}
	}
	e.Node = e.Path[len(e.Path)-1]
	return e, nil
}

// visibleColumn is a column of a node, nil where it is empty or out of sight.
func visibleColumn(n *graph.Node, c registry.Index) *string {
	if s := n.Text(c); s != "" {
		return &s
	}
	return nil
}

// TotalCount tells how many descend in all, as far as Counts reaches.
func (c *ImpactConnection) TotalCount(ctx context.Context) (*int, error) {
	counts, err := c.Counts(ctx)
	if err != nil {
		return nil, err
	}
	return &counts.Total, nil
}

// Counts counts all that descends, by environment.
func (c *ImpactConnection) Counts(ctx context.Context) (*ImpactCounts, error) {
	return c.totals.counts(ctx)
}

// Models tells which models some versions or live deployments of descend.
func (c *ImpactConnection) Models(ctx context.Context) (*ImpactModels, error) {
	return c.totals.models(ctx)
}
