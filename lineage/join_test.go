package lineage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/graph"
	"pedigree/graph/cache"
	"pedigree/graph/graphtest"
	"pedigree/lineage"
	"pedigree/registry"
)

// mixedGraph is a random acyclic graph of all lineage kinds, with the list of its edges.
type mixedGraph struct {
	*testing.T
	*rand.Rand
	store graph.Store
	nodes []*graph.Node
	edges []*graph.Edge
}

var mixedKinds = []registry.Kind{registry.KindDatasetVersion, registry.KindRun, registry.KindCommit, registry.KindModelVersion, registry.KindFeature,
	registry.KindCommit, registry.KindTag, registry.KindDeployment}

func newMixedGraph(t *testing.T, store graph.Store, seed uint64, size int) *mixedGraph {
	t.Helper()
	m := &mixedGraph{T: t, Rand: rand.New(rand.NewPCG(seed, 7)), store: store}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range size {
		kind := mixedKinds[m.IntN(len(mixedKinds))]
		n := &graph.Node{ID: registry.NewID(kind, fmt.Sprint(i)), Kind: kind, Name: fmt.Sprint(i), ValidFrom: at, Doc: []byte(`{}`)}
		if kind == registry.KindModelVersion {
			n.Parent = registry.ID(fmt.Sprint("m_", m.IntN(2)))
			n.Columns = map[registry.Index]any{registry.IndexVersion: fmt.Sprintf("%03d", i)}
		}
		m.nodes = append(m.nodes, n)
		for _, cause := range m.nodes[:i] {
			for _, k := range registry.EdgeKinds() {
				if registry.CheckEdge(k, kind, cause.Kind) == nil && m.Float64() < 0.35 {
					m.edges = append(m.edges, &graph.Edge{Kind: k, From: n.ID, To: cause.ID, ValidFrom: at})
				}
			}
		}
	}
	m.write()
	return m
}

func (m *mixedGraph) write() {
	m.Helper()
	err := m.store.Update(m.Context(), func(tx graph.Tx) error {
		if err := tx.Put(m.Context(), m.nodes...); err != nil {
			return err
		}
		if err := tx.Link(m.Context(), m.edges...); err != nil {
			return err
		}
		return tx.Append(m.Context(), &registry.LogEntry{Actor: "test", Action: registry.LogImported})
	})
	if err != nil {
		m.Fatal(err)
	}
}

func (m *mixedGraph) options() lineage.Options {
	o := lineage.Options{Direction: []lineage.Direction{lineage.Upstream, lineage.Downstream, lineage.Both, lineage.Both}[m.IntN(4)],
		MaxDepth: []int{1, 2, 3, 50}[m.IntN(4)], History: m.IntN(4), Fanout: []int{1, 2, 1000}[m.IntN(3)], Bare: m.IntN(2) == 0}
	if m.IntN(3) == 0 {
		o.Through = []registry.Kind{mixedKinds[m.IntN(len(mixedKinds))], mixedKinds[m.IntN(len(mixedKinds))]}
	}
	if m.IntN(2) == 0 {
		o.At = graph.Instant{Valid: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	}
	return o
}

func edgeKey(kind registry.EdgeKind, from, to registry.ID) string {
	return fmt.Sprint(from, " ", kind, " ", to)
}

// between lists, from the list of all edges, those between some nodes.
func (m *mixedGraph) between(held map[registry.ID]bool) (keys []string) {
	for _, e := range m.edges {
		if held[e.From] && held[e.To] {
			keys = append(keys, edgeKey(e.Kind, e.From, e.To))
		}
	}
	slices.Sort(keys)
	return keys
}

// check compares a walk with the list of all edges: the edges, and by brute force over
// these the depths and layers. It returns the number of edges from an effect
// of the root to a cause.
func (m *mixedGraph) check(g *lineage.Graph, o lineage.Options) (crossing int) {
	m.Helper()
	held, got := map[registry.ID]bool{}, []string{}
	for _, it := range g.Items {
		held[it.Node.ID] = true
	}
	up, down := map[registry.ID][]registry.ID{}, map[registry.ID][]registry.ID{}
	for _, e := range g.Edges {
		got = append(got, edgeKey(e.Kind, e.From, e.To))
		up[e.From], down[e.To] = append(up[e.From], e.To), append(down[e.To], e.From)
	}
	slices.Sort(got)
	if want := m.between(held); !slices.Equal(got, want) {
		m.Errorf("the edges of %s, %+v (- want, + got)\n%s", g.Root, o, cmp.Diff(want, got))
	}
	depth, layer := map[registry.ID]int{g.Root: 0}, map[registry.ID]int{g.Root: 0}
	for d, next := range map[lineage.Direction]map[registry.ID][]registry.ID{lineage.Upstream: up, lineage.Downstream: down} {
		if o.Direction != lineage.Both && o.Direction != d {
			continue
		}
		for id, n := range shortestDepths(g.Root, next) {
			depth[id] = n
		}
		var walk func(id registry.ID, n int)
		walk = func(id registry.ID, n int) {
			layer[id] = max(layer[id], n)
			for _, far := range next[id] {
				walk(far, n+1)
			}
		}
		walk(g.Root, 0)
	}
	for _, it := range g.Items {
		if it.Depth != depth[it.Node.ID] || it.Layer != layer[it.Node.ID] {
			m.Errorf("%s of %+v: %s has depth %d and layer %d, want %d and %d", g.Root, o, it.Node.ID, it.Depth, it.Layer, depth[it.Node.ID], layer[it.Node.ID])
		}
	}
	causes, effects := shortestDepths(g.Root, up), shortestDepths(g.Root, down)
	for _, e := range g.Edges {
		_, isEffect := effects[e.From]
		_, isCause := causes[e.To]
		if isEffect && isCause && e.From != g.Root && e.To != g.Root {
			crossing++
		}
	}
	return crossing
}

// TestAWalkHasAllEdgesBetweenItsNodes compares walks over random graphs of all kinds with
// a list of all edges, from the store and from a cache in front of it.
func TestAWalkHasAllEdgesBetweenItsNodes(t *testing.T) {
	forSeeds(t, "edges", uint64(graphtest.Rounds()), func(t *testing.T, open func(testing.TB) graph.Store, seed uint64) {
		store := open(t)
		m := newMixedGraph(t, store, seed, 30)
		cached := cache.New(store, 0)
		crossing := 0
		for range 60 {
			o, root := m.options(), m.nodes[m.IntN(len(m.nodes))].ID
			for _, r := range []graph.Reader{store, cached, cached} {
				g, err := lineage.Walk(t.Context(), r, root, o)
				if err != nil {
					t.Fatal(err)
				}
				crossing += m.check(g, o)
			}
		}
		if crossing == 0 {
			t.Error("no edge connects an effect and a cause: the test shows nothing")
		}
	})
}

// TestARunThatIsNotFollowedHasItsEdgeToAnOlderCommit: depth ends the walk at a run, and
// history reaches the commit that it ran.
func TestARunThatIsNotFollowedHasItsEdgeToAnOlderCommit(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			m := &mixedGraph{T: t, store: open(t)}
			id := registry.NewID
			v, data, newer, older := id(registry.KindModelVersion, "v"), id(registry.KindDatasetVersion, "d"), id(registry.KindRun, "newer"), id(registry.KindRun, "older")
			head, first := id(registry.KindCommit, "head"), id(registry.KindCommit, "first")
			for i, n := range []registry.ID{v, data, newer, older, head, first} {
				m.nodes = append(m.nodes, &graph.Node{ID: n, Kind: n.Kind(), Name: fmt.Sprint(i), Doc: []byte(`{}`)})
			}
			for _, e := range []graph.Edge{{Kind: registry.EdgeGeneratedBy, From: v, To: newer}, {Kind: registry.EdgeDerivedFrom, From: v, To: data}, {Kind: registry.EdgeGeneratedBy, From: data, To: older},
				{Kind: registry.EdgeRanCode, From: newer, To: head}, {Kind: registry.EdgeRanCode, From: older, To: first}, {Kind: registry.EdgeParent, From: head, To: first}} {
				m.edges = append(m.edges, &e)
			}
			m.write()
			o := lineage.Options{Direction: lineage.Upstream, MaxDepth: 2, History: 9, Fanout: 9}
			g, err := lineage.Walk(t.Context(), m.store, v, o)
			if err != nil || len(g.Items) != 6 {
				t.Fatalf("%v, %+v", err, g)
			}
			m.check(g, o)
		})
	}
}

// TestAWalkCutByNodesGoesOnFromItsFrontier: the nodes of a walk that MaxNodes cut and
// those of walks from its frontier are all there are.
func TestAWalkCutByNodesGoesOnFromItsFrontier(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			const wide = 900
			m := &mixedGraph{T: t, store: open(t)}
			add := func(name string, causes ...*graph.Node) *graph.Node {
				n := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name, Doc: []byte(`{}`)}
				m.nodes = append(m.nodes, n)
				for _, c := range causes {
					m.edges = append(m.edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: n.ID, To: c.ID})
				}
				return n
			}
			root := add("root")
			for i := range 8 {
				middle := add(fmt.Sprint("middle", i), root)
				for j := range wide {
					add(fmt.Sprint(i, " ", j), middle)
				}
			}
			m.write()
			o := lineage.Options{Direction: lineage.Downstream, MaxDepth: 9, Fanout: 1000, Bare: true}
			found := map[registry.ID]bool{}
			for roots := []registry.ID{root.ID}; len(roots) > 0; roots = roots[1:] {
				g, err := lineage.Walk(t.Context(), m.store, roots[0], o)
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range g.Items {
					found[it.Node.ID] = true
				}
				if roots[0] == root.ID && (!slices.Equal(g.Reasons, []lineage.Reason{lineage.ReasonNodes}) || len(g.Frontier) == 0 || len(g.Frontier) > 8 || len(g.Items) != lineage.MaxNodes) {
					t.Fatalf("%d nodes, %v, frontier %v", len(g.Items), g.Reasons, g.Frontier)
				}
				roots = append(roots, g.Frontier...)
			}
			if len(found) != len(m.nodes) {
				t.Errorf("%d of %d nodes", len(found), len(m.nodes))
			}
		})
	}
}

// TestAWalkOfBothDirectionsReadsLittle: the edges between causes and effects cost one
// closure, none where no such edge is possible, and none of the three from memory.
func TestAWalkOfBothDirectionsReadsLittle(t *testing.T) {
	d := newDAG(t, 12)
	d.write([][2]int{{1, 0}, {2, 0}, {2, 1}, {3, 1}, {3, 0}})
	counted := &callCounter{Store: d.store}
	cached := cache.New(counted, 0)
	for _, c := range []struct {
		what      string
		root      int
		direction lineage.Direction
		edges     int
		calls     int
	}{{"both", 1, lineage.Both, 5, 3}, {"both again", 1, lineage.Both, 5, 0}, {"nothing lies above", 0, lineage.Both, 5, 2}, {"one direction", 3, lineage.Upstream, 3, 1}} {
		counted.calls = 0
		g, err := lineage.Walk(t.Context(), cached, d.ids[c.root], lineage.Options{Direction: c.direction, MaxDepth: 9, Fanout: 100, History: 20, Bare: true})
		if err != nil || len(g.Edges) != c.edges || counted.calls > c.calls {
			t.Errorf("%s: %v, %d edges, %d calls", c.what, err, len(g.Edges), counted.calls)
		}
	}
}

// writingReader writes to the store before its second closure.
type writingReader struct {
	graph.Store
	closures int
	write    func()
}

func (r *writingReader) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if r.closures++; r.closures == 2 {
		r.write()
	}
	return r.Store.Closure(ctx, q)
}

// TestAWalkOfBothDirectionsIsOfOneHead: an edge that is written between the two closures
// of a walk is in none of its parts.
func TestAWalkOfBothDirectionsIsOfOneHead(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			d := dagIn(t, open(t), 6)
			d.write([][2]int{{1, 0}})
			r := &writingReader{Store: d.store, write: func() { d.write([][2]int{{2, 1}}) }}
			g, err := lineage.Walk(t.Context(), r, d.ids[1], walkOptions(lineage.Both, 9))
			if err != nil || len(g.Items) != 2 || g.Head != 1 {
				t.Errorf("%v, %d nodes at head %d", err, len(g.Items), g.Head)
			}
		})
	}
}
