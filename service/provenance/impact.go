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

// ImpactInput selects the descendants of any of the nodes Of. Targets are the kinds to return,
// by default deployments. With Live only deployments that are live at AsOf are returned.
type ImpactInput struct {
	Of      []registry.ID
	Targets []registry.Kind
	Live    bool
	Where   *LineageFilter
	AsOf    time.Time
	KnownAt time.Time
	First   *int
	After   *string
	// Bare means that only the id, kind and name of nodes are needed. The GraphQL and REST
	// handlers set it from the selected fields.
	Bare bool
}

// ImpactConnection is one page of descendants. TotalCount, Counts and Models need the whole
// walk and run only when they are called.
type ImpactConnection struct {
	Edges      []*ImpactEdge
	PageInfo   core.PageInfo
	Truncation Truncation
	AsOf       time.Time
	KnownAt    time.Time
	totals     *impactTotals
}

// ImpactEdge is a descendant with one shortest path to it.
type ImpactEdge struct {
	Cursor string
	Node   registry.ProvenanceNode
	Depth  int
	Path   []registry.ProvenanceNode
	// Environment, Owner and Stage are nil when there is none that the caller sees.
	Environment *string
	Owner       *string
	Stage       *registry.Stage
}

// impactPageStart is the cursor of a page of descendants: the position before its first row,
// and the instant.
type impactPageStart struct {
	At     core.ResolvedInstant `json:"at"`
	Depth  int                  `json:"d"`
	Number int64                `json:"n"`
}

// Impact returns one page of the descendants of the given nodes, nearest first, then in the
// order of recording. The walk ends at the last row of the page, so that a page costs no more
// than its rows.
func (e *Explorer) Impact(ctx context.Context, in ImpactInput) (*ImpactConnection, error) {
	return e.impact(ctx, in, nil)
}

// impact is Impact, narrowed to what stands under a recall unless under is nil.
func (e *Explorer) impact(ctx context.Context, in ImpactInput, under *recallScope) (*ImpactConnection, error) {
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
	if under != nil {
		bindings = append(bindings, under.recall.ID)
	}
	var start impactPageStart
	if in.After != nil && *in.After != "" {
		if err := e.core.OpenCursor(scope.Actor().Subject, bindings, *in.After, &start); err != nil {
			return nil, err
		}
	} else if start.At, err = e.core.ResolveInstant(ctx, scope, in.AsOf, in.KnownAt); err != nil {
		return nil, err
	}
	p := &impactPage{view: &view{explorer: e, ctx: ctx, scope: scope, at: start.At, under: under}, in: in, bindings: bindings, start: start, size: size}
	if p.filter, err = newNodeFilter(in.Where); err != nil {
		return nil, err
	}
	return p.load()
}

// impactPage is the state of reading one page of descendants.
type impactPage struct {
	*view
	in       ImpactInput
	filter   nodeFilter
	bindings any
	start    impactPageStart
	size     int
	rows     []lineage.Descendant
}

// consistentImpact runs a walk at an instant. A walk of the current state takes several reads.
// If something was written between them, the walk runs again at the log sequence at which it
// began.
func (v *view) consistentImpact(ctx context.Context, ids []registry.ID, targets []registry.Kind, walk func(*lineage.Impact) error) (*lineage.Impact, error) {
	for at := v.at.StoreInstant(); ; {
		w, err := lineage.NewImpact(ctx, v.scope, ids, targets, at)
		if err != nil {
			return nil, err
		}
		v.under.narrow(w)
		if err := walk(w); err != nil {
			return nil, err
		}
		if ok, err := w.Unchanged(ctx); err != nil || ok {
			return w, err
		}
		at.Known = w.Head
	}
}

func (p *impactPage) load() (*ImpactConnection, error) {
	walkCtx, cancel := core.WithAnswerReserve(p.ctx)
	defer cancel()
	var lastRow lineage.RowPosition
	var more bool
	w, err := p.consistentImpact(walkCtx, p.in.Of, p.in.Targets, func(w *lineage.Impact) (err error) {
		p.rows = p.rows[:0]
		var filterErr error
		w.DocumentsOfFew = !p.in.Bare
		lastRow, more, err = w.Rows(walkCtx, lineage.RowPosition{Depth: p.start.Depth, Number: p.start.Number}, p.in.Where.readsDocuments(), p.size+1, func(d lineage.Descendant) bool {
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
	return p.page(w, lastRow, more)
}

// matches reports whether a descendant matches the input.
func (v *view) matches(in ImpactInput, filter nodeFilter, d lineage.Descendant) (bool, error) {
	if in.Live && d.Node.Kind == registry.KindDeployment && !v.isLive(d.Node) {
		return false, nil
	}
	if !v.under.keeps(d.Node) {
		return false, nil
	}
	return filter(d.Node)
}

// isLive reports whether a deployment is live at the instant of the answer.
func (v *view) isLive(n *graph.Node) bool {
	if !v.at.Explicit {
		return n.ValidTo.IsZero()
	}
	return !n.ValidFrom.After(v.at.Valid) && (n.ValidTo.IsZero() || n.ValidTo.After(v.at.Valid))
}

func (p *impactPage) page(w *lineage.Impact, lastRow lineage.RowPosition, more bool) (*ImpactConnection, error) {
	var err error
	if p.start.At, err = p.start.At.Seen(p.ctx, p.scope, w.Head); err != nil {
		return nil, err
	}
	p.at = p.start.At
	at := p.start.At
	if at.Known == 0 {
		at.Known = w.Head // Further pages show the same state.
	}
	seal := p.explorer.core.SealCursors(p.scope.Actor().Subject, p.bindings)
	cursor := func(depth int, number int64) string {
		return seal(impactPageStart{at, depth, number})
	}
	nodes, err := p.documents(w)
	if err != nil {
		return nil, err
	}
	out := &ImpactConnection{AsOf: p.at.Valid, KnownAt: p.at.KnownAt, totals: &impactTotals{view: p.view, in: p.in, filter: p.filter, at: at}}
	if out.Edges, err = p.edges(nodes); err != nil {
		return nil, err
	}
	for i, d := range p.rows {
		out.Edges[i].Cursor = cursor(d.Depth, d.Node.Number)
	}
	p.registerHidden(w.Hidden()...)
	out.Truncation = p.truncation(w.Truncation())
	out.PageInfo.HasNextPage, out.PageInfo.HasPreviousPage = more, p.start.Depth > 0
	if n := len(out.Edges); n > 0 {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = out.Edges[0].Cursor, out.Edges[n-1].Cursor
	}
	if more && len(out.Edges) < p.size {
		out.PageInfo.EndCursor = cursor(lastRow.Depth, lastRow.Number) // A limit ended the page early: continue there.
	}
	return out, nil
}

// documents returns the nodes of the page's rows and paths by id, with their documents unless
// the input is Bare. It reads those that the walk did not.
func (p *impactPage) documents(w *lineage.Impact) (map[registry.ID]*graph.Node, error) {
	out := map[registry.ID]*graph.Node{}
	var ids []registry.ID
	for _, d := range p.rows {
		for _, n := range d.Path() {
			p.registerHidden(n)
			if out[n.ID] != nil {
				continue
			}
			// A row that was read whole is not read again. What leads to the rows is read together.
			if out[n.ID] = n; n != d.Node || n.Doc == nil {
				ids = append(ids, n.ID)
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
	nodes, err := lineage.Nodes(p.ctx, p.scope, at.StoreInstant(), ids...)
	for i, n := range nodes {
		if n != nil {
			out[ids[i]] = n
		}
	}
	return out, err
}

// edges returns the edges of the page's rows. Their nodes are siblings, and so are the nodes of
// their paths.
func (p *impactPage) edges(byID map[registry.ID]*graph.Node) ([]*ImpactEdge, error) {
	var ends, onPaths []*graph.Node
	for _, d := range p.rows {
		ends = append(ends, byID[d.Node.ID])
		for _, n := range d.Path() {
			onPaths = append(onPaths, byID[n.ID])
		}
	}
	nodes, err := p.nouns(ends)
	if err != nil {
		return nil, err
	}
	pathNodes, err := p.nouns(onPaths)
	if err != nil {
		return nil, err
	}
	out := []*ImpactEdge{}
	for i, d := range p.rows {
		e := edgeTo(byID[d.Node.ID], onPaths[:len(d.Path())])
		onPaths = onPaths[len(d.Path()):]
		e.Node, e.Path = nodes[i], pathNodes[:len(d.Path()):len(d.Path())]
		pathNodes = pathNodes[len(d.Path()):]
		out = append(out, e)
	}
	return out, nil
}

// edgeTo returns the edge to the last node of a path, without its nodes.
func edgeTo(end *graph.Node, path []*graph.Node) *ImpactEdge {
	e := &ImpactEdge{Depth: len(path) - 1, Environment: visibleColumn(end, registry.IndexEnvironment), Owner: visibleColumn(end, registry.IndexOwner)}
	for i, n := range path {
		if n.Kind == registry.KindModelVersion && (i == len(path)-1 || i == len(path)-2 && end.Kind == registry.KindDeployment) {
			if st := visibleColumn(n, registry.IndexStage); st != nil {
				stage := registry.Stage(*st)
				e.Stage = &stage
			}
		}
	}
	return e
}

// visibleColumn returns a column of a node, nil when it is empty or hidden.
func visibleColumn(n *graph.Node, c registry.Index) *string {
	if s := n.Text(c); s != "" {
		return &s
	}
	return nil
}

// TotalCount returns the number of all descendants, within the bounds of Counts.
func (c *ImpactConnection) TotalCount(ctx context.Context) (*int, error) {
	counts, err := c.Counts(ctx)
	if err != nil {
		return nil, err
	}
	return &counts.Total, nil
}

// Counts counts all descendants, by environment.
func (c *ImpactConnection) Counts(ctx context.Context) (*ImpactCounts, error) {
	return c.totals.counts(ctx)
}

// Models lists the models that have versions or live deployments among the descendants.
func (c *ImpactConnection) Models(ctx context.Context) (*ImpactModels, error) {
	return c.totals.models(ctx)
}
