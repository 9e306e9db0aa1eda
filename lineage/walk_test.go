package lineage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/lineage"
	"pedigree/registry"
)

// dag is a random graph of dataset versions, and the store that holds it.
type dag struct {
	*testing.T
	store graph.Store
	ids   []registry.ID
	ups   map[registry.ID][]registry.ID
	downs map[registry.ID][]registry.ID
}

func newDAG(t *testing.T, nodes int) *dag {
	t.Helper()
	return dagIn(t, engines["SQLite"](t), nodes)
}

// engines open an empty store.
var engines = map[string]func(t testing.TB) graph.Store{
	"SQLite": func(t testing.TB) graph.Store {
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "g.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	},
	"Neo4j": func(t testing.TB) graph.Store {
		store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	},
}

func TestMain(m *testing.M) { neo4jtest.Main(m) }

// forSeeds checks a property on random graphs, the same graphs on both engines.
func forSeeds(t *testing.T, name string, n uint64, property func(t *testing.T, open func(testing.TB) graph.Store, seed uint64)) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			for seed := range n {
				t.Run(fmt.Sprintf("%s seed %d", name, seed), func(t *testing.T) { property(t, open, seed) })
			}
		})
	}
}

func dagIn(t *testing.T, store graph.Store, nodes int) *dag {
	t.Helper()
	d := &dag{T: t, store: store, ups: map[registry.ID][]registry.ID{}, downs: map[registry.ID][]registry.ID{}}
	for i := range nodes {
		d.ids = append(d.ids, registry.NewID(kindOf(i), fmt.Sprint(i)))
	}
	return d
}

// kindOf makes every third node a model version; both kinds may derive from both.
func kindOf(i int) registry.Kind {
	if i%3 == 2 {
		return registry.KindModelVersion
	}
	return registry.KindDatasetVersion
}

// write stores all nodes, and edges from later nodes to earlier ones.
func (d *dag) write(edges [][2]int) {
	d.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	err := d.store.Update(d.Context(), func(tx graph.Tx) error {
		var nodes []*graph.Node
		for i, id := range d.ids {
			nodes = append(nodes, &graph.Node{ID: id, Kind: kindOf(i), Name: fmt.Sprint(i), ValidFrom: at, Doc: []byte(`{}`)})
		}
		if err := tx.Put(d.Context(), nodes...); err != nil {
			return err
		}
		var links []*graph.Edge
		for _, e := range edges {
			links = append(links, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: d.ids[e[0]], To: d.ids[e[1]], ValidFrom: at})
		}
		if err := tx.Link(d.Context(), links...); err != nil {
			return err
		}
		return tx.Append(d.Context(), &registry.LogEntry{At: at, Actor: "test", Action: registry.LogImported})
	})
	if err != nil {
		d.Fatal(err)
	}
	for _, e := range edges {
		d.ups[d.ids[e[0]]] = append(d.ups[d.ids[e[0]]], d.ids[e[1]])
		d.downs[d.ids[e[1]]] = append(d.downs[d.ids[e[1]]], d.ids[e[0]])
	}
}

func randomEdges(r *rand.Rand, nodes int, density float64) (edges [][2]int) {
	for i := range nodes {
		for j := range i {
			if r.Float64() < density {
				edges = append(edges, [2]int{i, j})
			}
		}
	}
	return edges
}

// pathLengths lists the length of every path between two nodes by brute force.
func (d *dag) pathLengths(from, to registry.ID) (lengths []int) {
	if from == to {
		return []int{0}
	}
	for _, up := range d.ups[from] {
		for _, n := range d.pathLengths(up, to) {
			lengths = append(lengths, n+1)
		}
	}
	return lengths
}

func walkOptions(direction lineage.Direction, depth int) lineage.Options {
	return lineage.Options{Direction: direction, MaxDepth: depth, History: 20, Fanout: 1000}
}

func TestDepthIsTheFewestHopsAndEveryNodeComesOnce(t *testing.T) {
	forSeeds(t, "depth", 4, func(t *testing.T, open func(testing.TB) graph.Store, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := dagIn(t, open(t), 24)
		d.write(randomEdges(r, 24, 0.15))
		for _, depth := range []int{0, 1, 2, 3, 50} {
			root := d.ids[r.IntN(len(d.ids))]
			for direction, next := range map[lineage.Direction]map[registry.ID][]registry.ID{lineage.Upstream: d.ups, lineage.Downstream: d.downs} {
				g, err := lineage.Walk(t.Context(), d.store, root, walkOptions(direction, depth))
				if err != nil {
					t.Fatal(err)
				}
				d.checkWalk(g, shortestDepths(root, next), depth)
			}
		}
	})
}

func shortestDepths(root registry.ID, next map[registry.ID][]registry.ID) map[registry.ID]int {
	depth := map[registry.ID]int{root: 0}
	for queue := []registry.ID{root}; len(queue) > 0; queue = queue[1:] {
		for _, far := range next[queue[0]] {
			if _, ok := depth[far]; !ok {
				depth[far] = depth[queue[0]] + 1
				queue = append(queue, far)
			}
		}
	}
	return depth
}

func (d *dag) checkWalk(g *lineage.Graph, want map[registry.ID]int, maxDepth int) {
	d.Helper()
	seen := map[registry.ID]*lineage.Item{}
	for _, it := range g.Items {
		if seen[it.Node.ID] != nil {
			d.Errorf("%s comes twice", it.Node.Name)
		}
		seen[it.Node.ID] = it
		if it.Depth != want[it.Node.ID] || it.Depth > maxDepth {
			d.Errorf("%s has depth %d, want %d of at most %d", it.Node.Name, it.Depth, want[it.Node.ID], maxDepth)
		}
		if it.Depth > 0 && seen[it.TreeParent] != nil && seen[it.TreeParent].Depth != it.Depth-1 {
			d.Errorf("%s has a tree parent of depth %d", it.Node.Name, seen[it.TreeParent].Depth)
		}
	}
	beyond := false
	for id, depth := range want {
		if beyond = beyond || depth > maxDepth; depth <= maxDepth && seen[id] == nil {
			d.Errorf("a node of depth %d is missing", depth)
		}
	}
	if slices.Contains(g.Reasons, lineage.ReasonDepth) != beyond {
		d.Errorf("truncated by depth: %v, but more lies beyond: %v", g.Reasons, beyond)
	}
	for _, e := range g.Edges {
		from, to := seen[e.From], seen[e.To]
		if from == nil || to == nil {
			d.Error("an edge has a node that is not in the graph")
		} else if from.Layer >= 0 && from.Layer == to.Layer {
			d.Errorf("an edge connects two nodes of layer %d", from.Layer)
		}
	}
	d.checkLayers(g, seen)
}

// checkLayers compares layers with the longest paths within the graph, by brute force, and
// checks that an edge connects every node with its tree parent.
func (d *dag) checkLayers(g *lineage.Graph, seen map[registry.ID]*lineage.Item) {
	d.Helper()
	near := map[registry.ID][]registry.ID{} // the neighbors in both directions
	for _, e := range g.Edges {
		near[e.From], near[e.To] = append(near[e.From], e.To), append(near[e.To], e.From)
	}
	up := len(g.Items) > 1 && slices.ContainsFunc(g.Edges, func(e graph.Edge) bool { return e.From == g.Root })
	next := map[registry.ID][]registry.ID{}
	for _, e := range g.Edges {
		if up {
			next[e.From] = append(next[e.From], e.To)
		} else {
			next[e.To] = append(next[e.To], e.From)
		}
	}
	longest := map[registry.ID]int{}
	var walk func(id registry.ID, n int)
	walk = func(id registry.ID, n int) {
		longest[id] = max(longest[id], n)
		for _, far := range next[id] {
			walk(far, n+1)
		}
	}
	walk(g.Root, 0)
	for _, it := range g.Items {
		if it.Layer != longest[it.Node.ID] {
			d.Errorf("%s has layer %d, want %d", it.Node.Name, it.Layer, longest[it.Node.ID])
		}
		if it.Depth > 0 && !slices.Contains(near[it.Node.ID], it.TreeParent) {
			d.Errorf("%s has a tree parent without an edge to it", it.Node.Name)
		}
	}
}

func TestAFanoutLimitIsReported(t *testing.T) {
	d := newDAG(t, 12)
	var edges [][2]int
	for j := range 11 {
		edges = append(edges, [2]int{11, j})
	}
	d.write(edges)
	o := walkOptions(lineage.Upstream, 10)
	o.Fanout = 5
	g, err := lineage.Walk(t.Context(), d.store, d.ids[11], o)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Items) != 6 || !slices.Equal(g.Reasons, []lineage.Reason{lineage.ReasonFanout}) || !slices.Equal(g.Frontier, []registry.ID{d.ids[11]}) {
		t.Errorf("%d nodes, %v, frontier %v", len(g.Items), g.Reasons, g.Frontier)
	}
}

func TestALatticeOfManyPathsIsWalkedOnce(t *testing.T) {
	const width, layers = 8, 12 // 8^12 paths through it
	d := newDAG(t, width*layers)
	var edges [][2]int
	for l := 1; l < layers; l++ {
		for i := range width {
			for j := range width {
				edges = append(edges, [2]int{l*width + i, (l-1)*width + j})
			}
		}
	}
	d.write(edges)
	counted := &callCounter{Store: d.store}
	top, bottom := d.ids[len(d.ids)-1], d.ids[0]
	g, err := lineage.Walk(t.Context(), counted, top, walkOptions(lineage.Upstream, 50))
	if err != nil || len(g.Items) != 1+width*(layers-1) {
		t.Fatalf("%v, %d nodes", err, len(g.Items))
	}
	p, err := lineage.FindPaths(t.Context(), counted, top, bottom, 5, graph.Instant{})
	if err != nil || p.Exhaustive || len(p.Shortest) != 5 {
		t.Fatalf("%v, exhaustive %v, %d paths", err, p.Exhaustive, len(p.Shortest))
	}
	for _, w := range p.Shortest {
		if len(w) != layers {
			t.Errorf("a path of %d nodes, want %d", len(w), layers)
		}
	}
	if counted.calls > 12 {
		t.Errorf("%d store calls for a walk and paths through a lattice", counted.calls)
	}
}

// callCounter counts the reads of a store.
type callCounter struct {
	graph.Store
	calls int
}

func (c *callCounter) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	c.calls++
	return c.Store.Nodes(ctx, at, ids...)
}

func (c *callCounter) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	c.calls++
	return c.Store.Neighbors(ctx, q)
}

func (c *callCounter) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	c.calls++
	return c.Store.Closure(ctx, q)
}

// TestPathsAreShortestFirstAndExhaustiveIsNeverWrong compares paths with brute force on
// small graphs.
func TestPathsAreShortestFirstAndExhaustiveIsNeverWrong(t *testing.T) {
	asked, exhaustive := 0, 0
	forSeeds(t, "paths", 5, func(t *testing.T, open func(testing.TB) graph.Store, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		d := dagIn(t, open(t), 14)
		d.write(randomEdges(r, 14, 0.3))
		for range 20 {
			i, k := r.IntN(14), 1+r.IntN(6)
			j := r.IntN(14)
			from, to := d.ids[i], d.ids[j]
			want := d.pathLengths(from, to)
			if len(want) == 0 {
				want = d.pathLengths(to, from)
			}
			slices.Sort(want)
			p, err := lineage.FindPaths(t.Context(), d.store, from, to, k, graph.Instant{})
			if err != nil {
				t.Fatal(err)
			}
			var lengths []int
			distinct := map[string]bool{}
			for _, w := range p.Shortest {
				lengths = append(lengths, len(w)-1)
				distinct[fmt.Sprint(w)] = true
				if w[0] != from || w[len(w)-1] != to {
					t.Error("a path does not connect the two nodes")
				}
			}
			if !slices.Equal(lengths, want[:min(k, len(want))]) || len(distinct) != len(p.Shortest) {
				t.Errorf("lengths %v, want the first %d of %v", lengths, k, want)
			}
			if p.Exhaustive != (len(want) <= k) {
				t.Errorf("exhaustive %v with k=%d of %d paths", p.Exhaustive, k, len(want))
			}
			d.checkPathGraph(p, from, to)
			if asked++; p.Exhaustive {
				exhaustive++
			}
		}
	})
	if exhaustive == 0 || exhaustive == asked {
		t.Errorf("%d of %d exhaustive: the test shows one side only", exhaustive, asked)
	}
}

// checkPathGraph compares the graph of all paths with brute force: the nodes between the
// two ends, and the edges between these nodes.
func (d *dag) checkPathGraph(p *lineage.Paths, from, to registry.ID) {
	d.Helper()
	if len(d.pathLengths(from, to)) == 0 {
		from, to = to, from
	}
	nodes, edges := map[registry.ID]bool{}, 0
	for _, id := range d.ids {
		if len(d.pathLengths(from, id)) > 0 && len(d.pathLengths(id, to)) > 0 {
			nodes[id] = true
		}
	}
	for id := range nodes {
		for _, up := range d.ups[id] {
			if nodes[up] {
				edges++
			}
		}
	}
	if len(p.Nodes) != len(nodes) || len(p.Edges) != edges {
		d.Errorf("%d nodes and %d edges on any path, want %d and %d", len(p.Nodes), len(p.Edges), len(nodes), edges)
	}
	for _, n := range p.Nodes {
		if !nodes[n.ID] || n.Doc == nil {
			d.Errorf("%s is not on any path, or is bare", n.Name)
		}
	}
}
