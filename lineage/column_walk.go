package lineage

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// The bounds of one column walk beside MaxNodes: how many columns it reaches, how many
// documents it holds in memory at a time, and how many neighbors of one node it follows.
const (
	maxColumns   = 20000
	columnBatch  = 50
	columnFanout = 1000
)

// ColumnRef names a column of a dataset version.
type ColumnRef struct {
	Of   registry.ID
	Name string
}

func (a ColumnRef) compare(b ColumnRef) int {
	return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Name, b.Name))
}

// ColumnItem is a column that a walk reached.
type ColumnItem struct {
	ColumnRef
	// Depth is the fewest derivations between it and the root.
	Depth int
	// From are its source columns within the walk.
	From []registry.ColumnSource
}

// Columns is the result of a column walk.
type Columns struct {
	// Items are ordered by depth, dataset version and name; the root is first.
	Items []ColumnItem
	// Nodes are the dataset versions of the items, by id, without documents.
	Nodes map[registry.ID]*graph.Node
	// Features are defined on an item, Versions use one of these features, and
	// Deployments deploy one of these versions, live or not. Each is sorted by number;
	// the latter two have no documents.
	Features, Versions, Deployments []*graph.Node
	Reasons                         []Reason
	Frontier                        []registry.ID
	Redacted                        int
	Head                            int64
}

// ColumnOptions bound a column walk.
type ColumnOptions struct {
	Direction Direction
	// MaxDepth is the most derivations from the root, 0 to 50.
	MaxDepth int
	At       graph.Instant
}

// WalkColumns returns the columns that are derived from a column, or that it is derived
// from, or both, and their consumers. A derivation counts when both dataset versions are
// visible and connected at the instant: by DERIVED_FROM, or by a run that read the one
// and wrote the other. NOT_FOUND when the dataset version is unknown or hidden or has no
// such column; FORBIDDEN when its columns are hidden.
func WalkColumns(ctx context.Context, r graph.Reader, of registry.ID, column string, o ColumnOptions) (*Columns, error) {
	root, err := columnRoot(ctx, r, of, column, o.At)
	if err != nil {
		return nil, err
	}
	w := &columnWalk{r: r, options: o, root: ColumnRef{of, column}, nodes: map[registry.ID]*graph.Node{of: root}, sources: map[ColumnRef][]registry.ColumnSource{},
		derived: map[ColumnRef][]ColumnRef{}, connected: map[[2]registry.ID]bool{}, frontier: map[registry.ID]bool{}, reasons: map[Reason]bool{}, redacted: map[registry.ID]bool{}, hidden: map[registry.ID]bool{}}
	if err := w.readDatasets(ctx); err != nil {
		return nil, err
	}
	out := &Columns{Nodes: map[registry.ID]*graph.Node{}}
	w.layOut(out)
	if err := w.findConsumers(ctx, out); err != nil {
		return nil, err
	}
	w.finish(out)
	return out, nil
}

// columnsOf decodes the columns of a dataset version.
func columnsOf(n *graph.Node) ([]registry.Column, error) {
	var doc struct {
		Columns []registry.Column `json:"columns"`
	}
	if len(n.Doc) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(n.Doc, &doc); err != nil {
		return nil, &registry.Error{Code: registry.Internal, Message: "a stored document cannot be read", Err: err}
	}
	return doc.Columns, nil
}

func columnRoot(ctx context.Context, r graph.Reader, of registry.ID, column string, at graph.Instant) (*graph.Node, error) {
	nodes, err := r.Nodes(ctx, at, of)
	if err != nil {
		return nil, err
	}
	n := nodes[0]
	if n == nil || n.Hidden || n.Kind != registry.KindDatasetVersion {
		return nil, registry.Errorf(registry.NotFound, "there is no dataset version %s", registry.Shorten(string(of), 60))
	}
	if !fieldVisible(n, "columns") {
		return nil, registry.Errorf(registry.Forbidden, "you may not see DatasetVersion.columns")
	}
	columns, err := columnsOf(n)
	if err != nil {
		return nil, err
	}
	// A dataset version without a column list may have any column.
	if len(columns) > 0 && !slices.ContainsFunc(columns, func(c registry.Column) bool { return c.Name == column }) {
		return nil, registry.Errorf(registry.NotFound, "%s has no column %q", n.Name, registry.Shorten(column, 100))
	}
	bare := *n
	bare.Doc = nil
	return &bare, nil
}

// columnWalk is the state of one walk.
type columnWalk struct {
	r       graph.Reader
	options ColumnOptions
	root    ColumnRef
	nodes   map[registry.ID]*graph.Node
	// sources are the source columns of a column that the walk can follow, derived the
	// reverse.
	sources map[ColumnRef][]registry.ColumnSource
	derived map[ColumnRef][]ColumnRef
	// connected has the pairs of an effect and its cause, see recordConnections.
	connected map[[2]registry.ID]bool
	frontier  map[registry.ID]bool
	reasons   map[Reason]bool
	redacted  map[registry.ID]bool
	hidden    map[registry.ID]bool // true for nodes that the frontier must not name
	head      int64
}

// columnEdges are the edges that connect dataset versions, directly or through a run.
var columnEdges = []registry.EdgeKind{registry.EdgeDerivedFrom, registry.EdgeUsed, registry.EdgeGeneratedBy}

// readDatasets reads the dataset versions around the root, how they are connected, and
// the sources of their columns. A derivation is one hop, or two hops through a run.
func (w *columnWalk) readDatasets(ctx context.Context) error {
	var edges []graph.Edge
	var ids []registry.ID
	for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
		if w.options.Direction != Both && string(w.options.Direction) != string(d) {
			continue
		}
		c, err := w.closure(ctx, graph.ClosureQuery{Roots: []registry.ID{w.root.Of}, Direction: d, Through: []registry.Kind{registry.KindDatasetVersion, registry.KindRun},
			Depth: 2 * (w.options.MaxDepth + 1)})
		if err != nil {
			return err
		}
		edges, ids = append(edges, c.Edges...), append(ids, w.addDatasets(c)...)
		if d == graph.Upstream || w.options.Direction != Both {
			continue
		}
		// The effects of the root may also come from its causes, through runs that are
		// neither.
		back, err := w.closure(ctx, graph.ClosureQuery{Roots: ids, Direction: graph.Upstream, Through: []registry.Kind{registry.KindRun}, Depth: 2})
		if err != nil {
			return err
		}
		edges = append(edges, back.Edges...)
	}
	w.recordConnections(edges)
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), columnBatch) {
		whole, err := w.r.Nodes(ctx, w.options.At, part...)
		if err != nil {
			return err
		}
		for _, n := range whole {
			if err := w.recordSources(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// closure runs a closure over columnEdges and records what is missing from it.
func (w *columnWalk) closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	q.Edges, q.Fanout, q.Limit, q.At, q.Bare = columnEdges, columnFanout, MaxNodes+len(q.Roots), w.options.At, true
	c, err := w.r.Closure(ctx, q)
	if err != nil {
		return c, err
	}
	for _, n := range c.Nodes {
		w.hidden[n.Node.ID] = n.Node.Hidden
	}
	w.head = cmp.Or(w.head, c.Head)
	w.noteTruncated(ReasonFanout, c.OverFanout)
	w.reasons[ReasonNodes] = w.reasons[ReasonNodes] || c.LimitReached
	w.reasons[ReasonTime] = w.reasons[ReasonTime] || c.TimedOut
	for _, id := range c.CutEarly {
		w.frontier[id] = true
	}
	return c, nil
}

// addDatasets records the dataset versions of a closure and returns their ids.
func (w *columnWalk) addDatasets(c graph.Closure) (ids []registry.ID) {
	for _, n := range c.OfKind(registry.KindDatasetVersion) {
		ids = append(ids, n.ID)
		if w.redacted[n.ID] = n.Hidden || !fieldVisible(n, "columns"); !w.redacted[n.ID] {
			w.nodes[n.ID] = n
		}
	}
	return ids
}

func (w *columnWalk) noteTruncated(reason Reason, ids []registry.ID) {
	for _, id := range ids {
		w.reasons[reason], w.frontier[id] = true, true
	}
}

// recordConnections records which dataset versions are connected, by an edge or through
// a run.
func (w *columnWalk) recordConnections(edges []graph.Edge) {
	read := map[registry.ID][]registry.ID{}
	for _, e := range edges {
		switch e.Kind {
		case registry.EdgeUsed:
			read[e.From] = append(read[e.From], e.To)
		case registry.EdgeDerivedFrom:
			w.connected[[2]registry.ID{e.From, e.To}] = true
		}
	}
	for _, e := range edges {
		if e.Kind == registry.EdgeGeneratedBy {
			for _, cause := range read[e.To] {
				w.connected[[2]registry.ID{e.From, cause}] = true
			}
		}
	}
}

// recordSources records the column sources of a dataset version; the rest of its
// document is not kept.
func (w *columnWalk) recordSources(n *graph.Node) error {
	if n == nil || w.nodes[n.ID] == nil {
		return nil
	}
	columns, err := columnsOf(n)
	if err != nil {
		return err
	}
	for _, c := range columns {
		at := ColumnRef{n.ID, c.Name}
		for _, s := range c.DerivedFrom {
			if from := w.nodes[s.DatasetVersion]; from != nil && w.connected[[2]registry.ID{n.ID, from.ID}] {
				w.sources[at] = append(w.sources[at], s)
				source := ColumnRef{s.DatasetVersion, s.Column}
				w.derived[source] = append(w.derived[source], at)
			}
		}
	}
	return nil
}

// layOut walks breadth first from the root and sorts the columns that it reached.
func (w *columnWalk) layOut(out *Columns) {
	depth := map[ColumnRef]int{w.root: 0}
	if w.options.Direction != Downstream {
		w.breadthFirst(depth, func(c ColumnRef) (next []ColumnRef) {
			for _, s := range w.sources[c] {
				next = append(next, ColumnRef{s.DatasetVersion, s.Column})
			}
			return next
		})
	}
	if w.options.Direction != Upstream {
		w.breadthFirst(depth, func(c ColumnRef) []ColumnRef { return w.derived[c] })
	}
	for c, d := range depth {
		it := ColumnItem{ColumnRef: c, Depth: d}
		for _, s := range w.sources[c] {
			if _, ok := depth[ColumnRef{s.DatasetVersion, s.Column}]; ok {
				it.From = append(it.From, s)
			}
		}
		out.Items = append(out.Items, it)
		out.Nodes[c.Of] = w.nodes[c.Of]
	}
	slices.SortFunc(out.Items, func(a, b ColumnItem) int { return cmp.Or(cmp.Compare(a.Depth, b.Depth), a.compare(b.ColumnRef)) })
}

// breadthFirst walks in one direction from the root and adds the depths to all.
func (w *columnWalk) breadthFirst(all map[ColumnRef]int, next func(ColumnRef) []ColumnRef) {
	depth := map[ColumnRef]int{w.root: 0}
	for queue := []ColumnRef{w.root}; len(queue) > 0; queue = queue[1:] {
		c := queue[0]
		for _, far := range next(c) {
			if _, ok := depth[far]; ok {
				continue
			}
			if depth[c] == w.options.MaxDepth {
				w.noteTruncated(ReasonDepth, []registry.ID{c.Of})
				break
			}
			if len(all) == maxColumns {
				w.reasons[ReasonNodes] = true
				return
			}
			depth[far] = depth[c] + 1
			if _, ok := all[far]; !ok {
				all[far] = depth[far]
			}
			queue = append(queue, far)
		}
	}
}

// finish sets the truncation of the result.
func (w *columnWalk) finish(out *Columns) {
	out.Head = w.head
	for _, hidden := range w.redacted {
		if hidden {
			out.Redacted++
		}
	}
	w.reasons[ReasonAccess] = out.Redacted > 0
	for _, r := range []Reason{ReasonDepth, ReasonNodes, ReasonFanout, ReasonTime, ReasonAccess} {
		if w.reasons[r] {
			out.Reasons = append(out.Reasons, r)
		}
	}
	for id := range w.frontier {
		if w.hidden[id] {
			continue
		}
		out.Frontier = append(out.Frontier, id)
	}
	slices.Sort(out.Frontier)
}
