package service

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
)

// LineageFilter says which nodes of a walk to return; empty fields keep all.
type LineageFilter struct {
	Kinds        []registry.Kind
	Stages       []registry.Stage
	Environments []string
	Tags         []registry.KeyValue
	Since        time.Time
	Until        time.Time
}

// LineageInput asks what lies around a node; see the schema for the bounds.
type LineageInput struct {
	Of        registry.ID
	Direction lineage.Direction
	MaxDepth  *int
	History   *int
	Where     *LineageFilter
	Through   []registry.Kind
	AsOf      time.Time
	KnownAt   time.Time
	Fanout    *int
	First     *int
	After     *string
	// Bare says that only id, kind and name of nodes are asked for; Degrees that
	// degrees are; NoCursors that cursors are not. Doors set them from the selection.
	Bare, Degrees, NoCursors bool
}

// LineageGraph is one page of what lies around a node.
type LineageGraph struct {
	Root       registry.ID
	Nodes      []*LineageNode
	Edges      []*LineageEdge
	PageInfo   PageInfo
	Truncation Truncation
	HistoryCut bool
	AsOf       time.Time
	KnownAt    time.Time
}

// LineageNode is a node with its place in the graph.
type LineageNode struct {
	// ID is what the node is called outside, Kind its kind, Name its name: "" where it
	// is hidden. Mask has the bits of the fields that the caller may see.
	ID     registry.ID
	Kind   registry.Kind
	Name   string
	Mask   registry.Mask
	Hidden bool

	Depth            int
	Layer            *int
	TreeParent       *registry.ID
	UpstreamDegree   int
	DownstreamDegree int
	HistoryCut       bool

	view *view
	read *graph.Node
}

// Node returns the noun, which is made when it is asked for: an answer of ids, kinds
// and names needs none.
func (n *LineageNode) Node() (registry.ProvenanceNode, error) { return n.view.node(n.read) }

// LineageEdge is an edge from an effect to a cause.
type LineageEdge struct {
	ID        registry.ID
	From      registry.ID
	To        registry.ID
	Kind      registry.EdgeKind
	ValidFrom time.Time
	ValidTo   time.Time
}

// Truncation tells what is missing from an answer.
type Truncation struct {
	Truncated bool
	Reasons   []lineage.Reason
	Frontier  []registry.ID
	Redacted  int
}

// maxFrontier is how many frontier ids an answer names.
const maxFrontier = 100

func lineageEdge(e *graph.Edge) LineageEdge {
	return LineageEdge{ID: e.ID, From: e.From, To: e.To, Kind: e.Kind, ValidFrom: e.ValidFrom, ValidTo: e.ValidTo}
}

// checkRange checks a number that has a default and a range.
func checkRange(field string, v *int, def, low, high int) (int, error) {
	if v == nil {
		return def, nil
	}
	if *v < low || *v > high {
		return 0, registry.Invalid(field, "must be %d..%d, not %d", low, high, *v)
	}
	return *v, nil
}

// askedInstant is the past that a question is asked of: what it shows, and as a page
// of it is bound to.
type askedInstant struct {
	Valid time.Time `json:"v"`
	Known int64     `json:"k"`
	// KnownAt is told to the caller; Asked says that one of the two was given.
	KnownAt time.Time `json:"t"`
	Asked   bool      `json:"a"`
}

// resolveInstant turns asOf and knownAt into an instant; both default to now.
func (s *Service) resolveInstant(ctx context.Context, scope *policies.Scope, asOf, knownAt time.Time) (askedInstant, error) {
	if err := firstError(checkTime("asOf", asOf), checkTime("knownAt", knownAt)); err != nil {
		return askedInstant{}, err
	}
	now := s.gate.Now()
	at := askedInstant{Valid: storedTime(asOf, now), KnownAt: storedTime(knownAt, now), Asked: !asOf.IsZero() || !knownAt.IsZero()}
	if !knownAt.IsZero() {
		seq, err := scope.SeqAt(ctx, at.KnownAt)
		if err != nil {
			return at, err
		}
		at.Known = seq
	}
	return at, nil
}

func (i askedInstant) storeInstant() graph.Instant {
	return graph.Instant{Valid: i.Valid, Known: i.Known, Current: !i.Asked}
}

// pageStart is where a page of lineage begins: after a depth and id, at an instant.
type pageStart struct {
	At    askedInstant `json:"at"`
	Depth int          `json:"d"`
	ID    registry.ID  `json:"i"`
}

// Lineage returns what lies around a node, one page of it.
func (s *Service) Lineage(ctx context.Context, in LineageInput) (*LineageGraph, error) {
	scope, err := s.gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	o, size, err := in.options()
	if err != nil {
		return nil, err
	}
	bindings := []any{"lineage", in.Of, o.Direction, o.MaxDepth, o.History, in.Where, o.Through, o.Fanout, in.AsOf, in.KnownAt}
	start := pageStart{Depth: -1}
	if in.After != nil && *in.After != "" {
		if err := s.openCursor(scope.Actor().Subject, bindings, *in.After, &start); err != nil {
			return nil, err
		}
	} else if start.At, err = s.resolveInstant(ctx, scope, in.AsOf, in.KnownAt); err != nil {
		return nil, err
	}
	o.At = start.At.storeInstant()
	if start.Depth >= 0 {
		o.At.Known, o.At.Current = start.At.Known, o.At.Current && start.At.Known == 0
	}
	o.Bare = in.Bare && !in.Where.documents()
	walk, cancel := withAnswerReserve(ctx)
	defer cancel()
	g, err := lineage.Walk(walk, scope, in.Of, o)
	if err != nil {
		return nil, err
	}
	v := &view{s: s, ctx: ctx, scope: scope, at: start.At}
	out, err := v.page(g, in, start, size, bindings)
	if err != nil || !in.Degrees {
		return out, err
	}
	return out, v.degrees(out, o.At)
}

func (in *LineageInput) options() (o lineage.Options, size int, err error) {
	o = lineage.Options{Direction: in.Direction, Through: in.Through}
	if o.Direction == "" {
		o.Direction = lineage.Upstream
	}
	if o.MaxDepth, err = checkRange("maxDepth", in.MaxDepth, 10, 0, 50); err != nil {
		return o, 0, err
	}
	if o.History, err = checkRange("history", in.History, 20, 0, 1000); err != nil {
		return o, 0, err
	}
	if o.Fanout, err = checkRange("fanout", in.Fanout, 100, 1, 1000); err != nil {
		return o, 0, err
	}
	size, err = Paging{First: in.First}.size(MaxPage)
	return o, size, err
}

// view turns what a walk found into what leaves the house: nouns, and ids that
// are the caller's own for what is hidden.
type view struct {
	s         *Service
	ctx       context.Context
	scope     *policies.Scope
	at        askedInstant
	opaqueIDs map[registry.ID]registry.ID
	realIDs   map[registry.ID]registry.ID
}

// visibleID is what a node's id is called outside.
func (v *view) visibleID(id registry.ID) registry.ID {
	if out, ok := v.opaqueIDs[id]; ok {
		return out
	}
	return id
}

// registerHidden notes the nodes that are out of sight.
func (v *view) registerHidden(nodes ...*graph.Node) {
	for _, n := range nodes {
		if n.Hidden {
			if v.opaqueIDs == nil {
				v.opaqueIDs, v.realIDs = map[registry.ID]registry.ID{}, map[registry.ID]registry.ID{}
			}
			out := v.scope.OpaqueID(n.ID)
			v.opaqueIDs[n.ID], v.realIDs[out] = out, n.ID
		}
	}
}

func (v *view) node(n *graph.Node) (registry.ProvenanceNode, error) {
	noun, err := v.s.decode(n, v.at.nounInstant())
	if err != nil {
		return nil, err
	}
	replaceHiddenID(v.scope, noun)
	walked, ok := noun.(registry.ProvenanceNode)
	if !ok {
		return nil, registry.Errorf(registry.Internal, "a walk met a node of kind %s", n.Kind)
	}
	return walked, nil
}

// edge tells of an edge at a hidden node only that it is there: its id and its
// times, which are those of the effect, would tell more.
func (v *view) edge(e *graph.Edge) LineageEdge {
	out := lineageEdge(e)
	if v.visibleID(e.From) != e.From || v.visibleID(e.To) != e.To {
		out.ID, out.ValidFrom, out.ValidTo = v.scope.OpaqueID(e.ID), time.Time{}, time.Time{}
	}
	out.From, out.To = v.visibleID(e.From), v.visibleID(e.To)
	return out
}

func (v *view) truncation(g *lineage.Graph) Truncation {
	t := Truncation{Truncated: len(g.Reasons) > 0, Reasons: g.Reasons, Frontier: []registry.ID{}, Redacted: g.Redacted}
	if t.Reasons == nil {
		t.Reasons = []lineage.Reason{}
	}
	for _, id := range g.Frontier {
		t.Frontier = append(t.Frontier, v.visibleID(id))
	}
	slices.Sort(t.Frontier)
	t.Frontier = t.Frontier[:min(len(t.Frontier), maxFrontier)]
	return t
}

// page filters, sorts by outward ids and cuts one page, with the edges whose
// later end is on it.
func (v *view) page(g *lineage.Graph, in LineageInput, start pageStart, size int, bindings any) (*LineageGraph, error) {
	for _, it := range g.Items {
		v.registerHidden(it.Node)
	}
	keep, err := newNodeFilter(in.Where)
	if err != nil {
		return nil, err
	}
	kept := make([]*lineage.Item, 0, len(g.Items))
	for _, it := range g.Items {
		if ok, err := keep(it.Node); err != nil {
			return nil, err
		} else if ok {
			kept = append(kept, it)
		}
	}
	// Walks come in this order, but for what is called otherwise outside.
	slices.SortFunc(kept, func(a, b *lineage.Item) int { return v.order(a, pageStart{Depth: b.Depth, ID: v.visibleID(b.Node.ID)}) })
	from := 0
	for start.Depth >= 0 && from < len(kept) && v.order(kept[from], start) <= 0 {
		from++
	}
	to := min(from+size, len(kept))
	out := &LineageGraph{Root: v.visibleID(g.Root), Truncation: v.truncation(g), HistoryCut: g.HistoryCut,
		AsOf: v.at.Valid, KnownAt: v.at.KnownAt}
	out.Nodes = v.items(g, kept, from, to)
	out.Edges = v.edges(g, kept, from, to)
	at := start.At
	if at.Known == 0 {
		at.Known = g.Head // Further pages see what this one saw.
	}
	cursor := func(it *lineage.Item) string {
		return v.s.sealCursor(v.scope.Actor().Subject, bindings, pageStart{at, it.Depth, v.visibleID(it.Node.ID)})
	}
	out.PageInfo.HasNextPage, out.PageInfo.HasPreviousPage = to < len(kept), from > 0
	if to > from && !in.NoCursors {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = cursor(kept[from]), cursor(kept[to-1])
	}
	return out, nil
}

// order compares an item with a place: depth, then outward id.
func (v *view) order(it *lineage.Item, p pageStart) int {
	if it.Depth != p.Depth {
		return it.Depth - p.Depth
	}
	id := v.visibleID(it.Node.ID)
	switch {
	case id < p.ID:
		return -1
	case id > p.ID:
		return 1
	}
	return 0
}

// items are the nodes of a page, in one piece. The tree parent of one is the nearest
// that is returned too, on this page or another.
func (v *view) items(g *lineage.Graph, kept []*lineage.Item, from, to int) []*LineageNode {
	parent := func(it *lineage.Item) registry.ID { return it.TreeParent }
	if len(kept) < len(g.Items) {
		byID, returned := make(map[registry.ID]*lineage.Item, len(g.Items)), make(map[registry.ID]bool, len(kept))
		for _, it := range g.Items {
			byID[it.Node.ID] = it
		}
		for _, it := range kept {
			returned[it.Node.ID] = true
		}
		parent = func(it *lineage.Item) registry.ID {
			id := it.TreeParent
			for id != "" && !returned[id] {
				id = byID[id].TreeParent
			}
			return id
		}
	}
	nodes, parents, out := make([]LineageNode, to-from), make([]registry.ID, to-from), make([]*LineageNode, to-from)
	for i, it := range kept[from:to] {
		n := &nodes[i]
		*n = LineageNode{ID: v.visibleID(it.Node.ID), Kind: it.Node.Kind, Name: it.Node.Name, Mask: it.Node.Mask, Hidden: it.Node.Hidden,
			Depth: it.Depth, HistoryCut: it.HistoryCut, view: v, read: it.Node}
		if it.Layer >= 0 {
			n.Layer = &it.Layer
		}
		if id := parent(it); id != "" {
			parents[i] = v.visibleID(id)
			n.TreeParent = &parents[i]
		}
		out[i] = n
	}
	return out
}

// edges are those whose later end is on a page, in one piece.
func (v *view) edges(g *lineage.Graph, kept []*lineage.Item, from, to int) []*LineageEdge {
	edges := make([]LineageEdge, 0, len(g.Edges))
	if to-from == len(g.Items) { // All are.
		for i := range g.Edges {
			edges = append(edges, v.edge(&g.Edges[i]))
		}
	} else {
		rank := make(map[registry.ID]int, len(kept))
		for i, it := range kept {
			rank[it.Node.ID] = i + 1
		}
		for i := range g.Edges {
			a, b := rank[g.Edges[i].From], rank[g.Edges[i].To]
			if later := max(a, b) - 1; a > 0 && b > 0 && later >= from && later < to {
				edges = append(edges, v.edge(&g.Edges[i]))
			}
		}
	}
	out := make([]*LineageEdge, len(edges))
	for i := range edges {
		out[i] = &edges[i]
	}
	return out
}

// degrees counts the edges of the nodes of a page, hidden far ends included.
func (v *view) degrees(g *LineageGraph, at graph.Instant) error {
	ids := make([]registry.ID, len(g.Nodes))
	for i, n := range g.Nodes {
		ids[i] = n.ID
		if r, ok := v.realIDs[ids[i]]; ok {
			ids[i] = r
		}
	}
	for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
		hops, err := lineage.Neighbors(v.ctx, v.scope, graph.HopQuery{IDs: ids, Direction: d, At: at, Cap: 1, Bare: true, Count: true})
		if err != nil {
			return err
		}
		for i, h := range hops {
			if d == graph.Upstream {
				g.Nodes[i].UpstreamDegree = int(h.Degree)
			} else {
				g.Nodes[i].DownstreamDegree = int(h.Degree)
			}
		}
	}
	return nil
}

// nodeFilter reports whether a node is returned.
type nodeFilter func(*graph.Node) (bool, error)

// documents reports whether a filter reads more of a node than its columns.
func (f *LineageFilter) documents() bool { return f != nil && len(f.Tags) > 0 }

// newNodeFilter builds the test of a filter. A filter on a field that the caller cannot
// see on a node does not match it.
func newNodeFilter(f *LineageFilter) (nodeFilter, error) {
	if f == nil {
		return func(*graph.Node) (bool, error) { return true, nil }, nil
	}
	if err := firstError(checkTags("where.tags", f.Tags), checkTime("where.since", f.Since), checkTime("where.until", f.Until)); err != nil {
		return nil, err
	}
	return func(n *graph.Node) (bool, error) {
		if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, n.Kind) {
			return false, nil
		}
		details := len(f.Stages)+len(f.Environments)+len(f.Tags) > 0 || !f.Since.IsZero() || !f.Until.IsZero()
		if !details {
			return true, nil
		}
		if n.Hidden {
			return false, nil
		}
		if f.documents() {
			var d struct {
				Tags []registry.KeyValue `json:"tags"`
			}
			if err := decodeDoc(n, &d); err != nil {
				return false, err
			}
			for _, t := range f.Tags {
				if !slices.Contains(d.Tags, t) {
					return false, nil
				}
			}
		}
		return (len(f.Stages) == 0 || n.Kind == registry.KindModelVersion && slices.Contains(f.Stages, registry.Stage(n.Text(registry.IndexStage)))) &&
			(len(f.Environments) == 0 || n.Kind == registry.KindDeployment && slices.Contains(f.Environments, n.Text(registry.IndexEnvironment))) &&
			(f.Since.IsZero() || !n.ValidFrom.Before(f.Since)) && (f.Until.IsZero() || n.ValidFrom.Before(f.Until)), nil
	}, nil
}
