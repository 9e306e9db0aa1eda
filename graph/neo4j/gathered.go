package neo4j

import (
	"cmp"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// replay is a walk over what was gathered, as graph.ClosureQuery defines it.
type replay struct {
	*gathered
	q graph.ClosureQuery
	// arcs are sorted by near end, far end and kind; from is where those of a near
	// end begin.
	arcs  []arc
	from  map[int64]int
	depth map[int64]int
	out   graph.Closure
	whole bool
}

// walk walks from roots; false where a node is missing.
func (g *gathered) walk(q graph.ClosureQuery, roots []int64, arcs []arc) (graph.Closure, bool) {
	r := &replay{gathered: g, q: q, arcs: arcs, from: make(map[int64]int, len(arcs)), depth: make(map[int64]int, len(g.nodes)), whole: true}
	r.out.Head = g.head
	for i, l := range arcs {
		if i == 0 || arcs[i-1].near != l.near {
			r.from[l.near] = i
		}
	}
	level := r.enter(roots, 0)
	for d := 0; d < q.Depth && len(level) > 0; d++ {
		level = r.enter(r.expand(level, d), d+1)
	}
	r.finish()
	return r.out, r.whole
}

// enter takes new nodes into a level by number, until Limit are held.
func (r *replay) enter(level []int64, depth int) (taken []int64) {
	slices.Sort(level)
	for _, number := range level {
		if _, held := r.depth[number]; held {
			continue
		}
		if len(r.out.Nodes) == r.q.Limit {
			r.out.Full = true
			break
		}
		n := r.nodes[number]
		if n == nil {
			r.whole = false
			break
		}
		r.depth[number] = depth
		r.out.Nodes = append(r.out.Nodes, graph.Reached{Node: n, Depth: depth})
		taken = append(taken, number)
	}
	return taken
}

// arcsOf are the arcs of a node.
func (r *replay) arcsOf(number int64) []arc {
	start, ok := r.from[number]
	if !ok {
		return nil
	}
	end := start
	for end < len(r.arcs) && r.arcs[end].near == number {
		end++
	}
	return r.arcs[start:end]
}

// expand returns the first Fanout far ends of the nodes of a level.
func (r *replay) expand(level []int64, depth int) (next []int64) {
	for _, number := range level {
		n := r.nodes[number]
		if depth > 0 && len(r.q.Through) > 0 && !slices.Contains(r.q.Through, n.Kind) {
			continue
		}
		arcs := r.arcsOf(number)
		if len(arcs) > r.q.Fanout {
			r.out.Wide = append(r.out.Wide, n.ID)
			arcs = arcs[:r.q.Fanout]
		}
		for _, l := range arcs {
			next = append(next, l.far)
		}
	}
	return next
}

// finish adds the edges between held nodes, and names those at Depth that lead on.
func (r *replay) finish() {
	found := make([]arc, 0, len(r.arcs))
	for _, n := range r.out.Nodes {
		deep := false
		for _, l := range r.arcsOf(n.Node.Number) {
			if _, held := r.depth[l.far]; held {
				found = append(found, l)
			} else {
				deep = n.Depth == r.q.Depth
			}
		}
		if deep {
			r.out.Deep = append(r.out.Deep, n.Node.ID)
		}
	}
	if r.q.Direction == graph.Downstream {
		for i, l := range found {
			found[i].near, found[i].far = l.far, l.near
		}
	}
	slices.SortFunc(found, func(a, b arc) int {
		return cmp.Or(cmp.Compare(a.near, b.near), cmp.Compare(a.far, b.far), cmp.Compare(a.kind, b.kind))
	})
	if len(found) == 0 {
		return
	}
	r.out.Edges = make([]graph.Edge, len(found))
	for i, l := range found {
		r.out.Edges[i] = edgeFrom(l.values, l.kind, r.nodes[l.near].ID, r.nodes[l.far].ID)
	}
}

// onceEdge and onceNode are what is gathered of an edge and of nodes, by place;
// edgeFrom and nodeFrom read it.
const onceEdge = "[f.number, t.number, type(r), r.valid_from, r.valid_to, r.recorded_seq, r.retracted_seq, r.by]"

func onceNode(i string, bare bool) string {
	list := nodeList
	if !bare {
		list += ", f.doc"
	}
	return "[f IN n" + i + " | [" + list + "]]"
}

var nodeList = func() string {
	list := "f.id, f.kind, f.parent, f.number, f.name, f.valid_from, f.valid_to, f.since, f.revision, f.recorded_seq, f.deleted, f.slots"
	for _, c := range columns {
		list += ", f." + string(c.Name)
	}
	return list
}()

// firstColumn is the place of the first indexed column in nodeList.
const firstColumn = 12

// place is where a column is in nodeList.
type place struct {
	registry.IndexColumn
	at int
}

// kindPlaces are kindColumns with their places.
var kindPlaces = func() map[registry.Kind][]place {
	m := map[registry.Kind][]place{}
	for kind, cols := range kindColumns {
		for _, c := range cols {
			m[kind] = append(m[kind], place{c, firstColumn + slices.Index(columns, c)})
		}
	}
	return m
}()

func edgeFrom(v []any, kind registry.EdgeKind, from, to registry.ID) graph.Edge {
	e := graph.Edge{Kind: kind, From: from, To: to, ValidFrom: instant(intAt(v, 3)), ValidTo: instant(intAt(v, 4)),
		RecordedSeq: intAt(v, 5), RetractedSeq: intAt(v, 6), By: textAt(v, 7)}
	e.ID = graph.EdgeID(kind, from, to, e.RecordedSeq)
	return e
}

func nodeFrom(v []any, bare bool) *graph.Node {
	n := &graph.Node{ID: registry.ID(textAt(v, 0)), Kind: registry.Kind(textAt(v, 1)), Parent: registry.ID(textAt(v, 2)), Number: intAt(v, 3),
		Name: unsortable(textAt(v, 4)), ValidFrom: instant(intAt(v, 5)), ValidTo: instant(intAt(v, 6)), Since: instant(intAt(v, 7)),
		Revision: intAt(v, 8), RecordedSeq: intAt(v, 9)}
	n.Deleted, _ = v[10].(bool)
	slots, _ := v[11].([]any)
	for _, s := range slots {
		n.Slots = append(n.Slots, s.(string))
	}
	if doc := v[len(v)-1]; !bare && doc != "" {
		n.Doc = []byte(doc.(string))
	}
	places := kindPlaces[n.Kind]
	n.Columns = make(map[registry.Index]any, len(places))
	for _, p := range places {
		if p.Type == registry.TextIndex {
			n.Columns[p.Name] = unsortable(textAt(v, p.at))
		} else {
			n.Columns[p.Name] = intAt(v, p.at)
		}
	}
	return n
}

func textAt(v []any, i int) string { s, _ := v[i].(string); return s }
func intAt(v []any, i int) int64   { n, _ := v[i].(int64); return n }
