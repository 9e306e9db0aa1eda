package neo4j

import (
	"context"
	"errors"
	"testing"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
)

// put, alias and names are those of the tests that both stores share.
var put, alias, names = graphtest.Write[*Store], graphtest.Alias, graphtest.NamesOf

func TestWhatAWriteChangesIsReadAnewOnNeo4j(t *testing.T) {
	s := open(t)
	graphtest.RememberedReads(t, s, func() { s.memory.IgnoreWrites = true })
}

// TestAReadThatIsRememberedAsksForTheStateOnNeo4j counts: a read that is remembered asks for the
// state of the store only, and the reads of one request ask for it once. The answer of
// another request notices what another server has written, and that of the same one does not.
func TestAReadThatIsRememberedAsksForTheStateOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	s, other := openIn(t, ns, WithoutLease()), openIn(t, ns, WithoutLease())
	put(t, s, alias("m", "a", "1", "x"))
	c := countStatements(s)
	request := graph.WithMoment(t.Context())
	read := func(ctx context.Context, want string, state, sent int) {
		t.Helper()
		c.all, c.counts = 0, map[string]int{}
		nodes, err := s.Nodes(ctx, graph.Instant{}, alias("m", "a", "").ID)
		if err != nil || names(nodes) != want || c.counts[readHeadState] != state || c.all != sent {
			t.Errorf("%s, %v after %v; want %s", names(nodes), err, c.counts, want)
		}
	}
	read(request, "a1 ", 1, 1) // What was written is remembered.
	read(request, "a1 ", 0, 0)
	put(t, other, alias("m", "a", "2"))
	read(request, "a1 ", 0, 0) // The negative control: nothing asks.
	read(graph.WithMoment(t.Context()), "a2 ", 1, 2)
	s.memory.NeedsState()          // So that nothing asks in the background for a while.
	read(t.Context(), "a2 ", 0, 1) // It knows that it is behind, and reads at once.
	put(t, s, alias("m", "b", "1"))
	read(graph.WithMoment(t.Context()), "a2 ", 0, 1) // Its lock has shown that the rest is new.
	read(graph.WithMoment(t.Context()), "a2 ", 1, 1)
}

// TestAChangeOfWhatIsServedIsForgottenOnNeo4j: a promotion changes other nodes than it writes. The
// store forgets all, and remembers again what it reads after that.
func TestAChangeOfWhatIsServedIsForgottenOnNeo4j(t *testing.T) {
	s := open(t, WithoutLease())
	v := &graph.Node{ID: registry.NewID(registry.KindModelVersion, "v"), Kind: registry.KindModelVersion, Name: "v"}
	d := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, "d"), Kind: registry.KindDatasetVersion, Name: "d"}
	put(t, s, v, d)
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: v.ID, To: d.ID}), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogLineageLinked}))
	})
	if err != nil {
		t.Fatal(err)
	}
	c := countStatements(s)
	for _, want := range []registry.Served{registry.NotServed, registry.IsServed} {
		for _, sent := range []int{2, 1} { // From the server with the state of the store, then with the state alone.
			c.all = 0
			nodes, err := s.Nodes(t.Context(), graph.Instant{}, d.ID)
			if err != nil || nodes[0].Served != want || c.all > sent {
				t.Errorf("%v, %v after %d statements; want %v after %d", nodes[0].Served, err, c.all, want, sent)
			}
		}
		v.Columns = map[registry.Index]any{registry.IndexStage: string(registry.Production)}
		put(t, s, v)
	}
}

// TestReadersNeverGoBackOnNeo4j: two servers write, and readers of both never see an older state
// than before.
func TestReadersNeverGoBackOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	graphtest.ReadersNeverGoBack(t, 60, openIn(t, ns), openIn(t, ns))
}
