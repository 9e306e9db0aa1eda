package graphs

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

func collect(t *testing.T, p Plan) (all Batch) {
	t.Helper()
	err := p.Batches(500, func(b Batch) error {
		all.Nodes, all.Edges = append(all.Nodes, b.Nodes...), append(all.Edges, b.Edges...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAPlanIsDeterministic(t *testing.T) {
	a, b := collect(t, Plan{10_000, 1}), collect(t, Plan{10_000, 1})
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) {
		t.Error("two runs of one plan differ")
	}
	if z, _ := json.Marshal(collect(t, Plan{10_000, 2})); string(x) == string(z) {
		t.Error("another seed makes the same graph")
	}
	if n := len(a.Nodes); n < 9_500 || n > 10_000 {
		t.Errorf("%d nodes, wanted about 10,000", n)
	}
	t.Logf("%d nodes, %d edges", len(a.Nodes), len(a.Edges))
}

// TestEveryPairHasOneEdgeOfAKind checks the rules of the stores: unique ids and
// slots, edges between existing nodes, one edge of a kind between two nodes, and
// columns that match the documents.
func TestEveryPairHasOneEdgeOfAKind(t *testing.T) {
	all := collect(t, Plan{20_000, 1})
	nodes, slots := map[registry.ID]*graph.Node{}, map[string]bool{}
	for _, n := range all.Nodes {
		if nodes[n.ID] != nil {
			t.Fatalf("%s twice", n.ID)
		}
		nodes[n.ID] = n
		for _, s := range n.Slots {
			if slots[s] {
				t.Fatalf("slot %s twice", s)
			}
			slots[s] = true
		}
		checkColumns(t, n)
	}
	type key struct {
		kind     registry.EdgeKind
		from, to registry.ID
	}
	edges := map[key]bool{}
	for _, e := range all.Edges {
		k := key{e.Kind, e.From, e.To}
		if edges[k] {
			t.Fatalf("%v twice", k)
		}
		edges[k] = true
		if nodes[e.From] == nil || nodes[e.To] == nil {
			t.Fatalf("%v has an end that is not in the graph", k)
		}
		if err := registry.CheckEdge(e.Kind, nodes[e.From].Kind, nodes[e.To].Kind); err != nil {
			t.Fatal(err)
		}
	}
}

// checkColumns compares a node's columns with its document.
func checkColumns(t *testing.T, n *graph.Node) {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(n.Doc, &doc); err != nil {
		t.Fatal(err)
	}
	for _, f := range registry.NounOf(n.Kind).Fields {
		switch f.Column {
		case registry.NoIndex, registry.IndexVersion, registry.IndexEnded:
		case registry.IndexName:
			if doc["name"] != n.Name {
				t.Fatalf("%s is named %q and its document says %v", n.ID, n.Name, doc["name"])
			}
		case registry.IndexValidFrom:
			if at, err := time.Parse(time.RFC3339Nano, doc[f.Name].(string)); err != nil || !at.Equal(n.ValidFrom) {
				t.Fatalf("%s is from %v and its document says %v", n.ID, n.ValidFrom, doc[f.Name])
			}
		case registry.IndexNumber:
			if float64(n.Int(f.Column)) != doc[f.Name] {
				t.Fatalf("%s: column %s", n.ID, f.Column)
			}
		default:
			if want, _ := doc[f.Name].(string); want != n.Text(f.Column) {
				t.Fatalf("%s: column %s is %q, the document says %q", n.ID, f.Column, n.Text(f.Column), want)
			}
		}
	}
}

// TestAnswersHaveTheExpectedCounts loads graphs of two sizes and compares the counts
// of every question with the store's answer.
func TestAnswersHaveTheExpectedCounts(t *testing.T) {
	for _, size := range []int{10_000, 14_000} {
		p := Plan{size, 1}
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		done, err := p.Load(t.Context(), s, 1000, func(LoadStats) {})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(q Question, d graph.Direction) graph.Closure {
			c, err := s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{q.Of}, Direction: d, Depth: 50, Fanout: 100_000, Limit: 100_000, Bare: true})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		for _, q := range append(append(p.Versions(), p.Lattice(0)), p.Spread(min(100, 20))...) {
			if c := ask(q, graph.Upstream); len(c.Nodes) != q.Nodes || len(c.Edges) != q.Edges {
				t.Fatalf("the answer for %+v has %d nodes and %d edges", q, len(c.Nodes), len(c.Edges))
			}
		}
		if c := ask(p.Hub(0), graph.Downstream); len(c.Nodes) != 1+p.Hub(0).Nodes {
			t.Fatalf("the hub has %d children, not %d", len(c.Nodes)-1, p.Hub(0).Nodes)
		}
		t.Logf("%d nodes and %d edges", done.Nodes, done.Edges)
	}
}

// TestSpreadHasAnyNumberOfQuestions covers graphs with and without filler projects.
func TestSpreadHasAnyNumberOfQuestions(t *testing.T) {
	for _, size := range []int{10_000, 20_000} {
		p := Plan{size, 1}
		for _, n := range []int{0, 1, 2000, 2001, 5000} {
			if got := len(p.Spread(n)); got != n {
				t.Errorf("%d questions of a graph of %d nodes with %d fillers, want %d", got, size, p.fillerCount(), n)
			}
		}
	}
}

// BenchmarkLoad writes a graph to a new store. Its metrics cover Update only.
func BenchmarkLoad(b *testing.B) {
	for range b.N {
		s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "p.db"))
		if err != nil {
			b.Fatal(err)
		}
		l, err := Plan{100_000, 1}.Load(b.Context(), s, 10000, func(LoadStats) {})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(l.Nodes)/l.NodesTook.Seconds(), "nodes/s")
		b.ReportMetric(float64(l.Edges)/l.EdgesTook.Seconds(), "edges/s")
		b.ReportMetric(float64(l.Edges)/(l.NodesTook+l.EdgesTook).Seconds(), "edges-with-nodes/s")
		s.Close()
	}
}
