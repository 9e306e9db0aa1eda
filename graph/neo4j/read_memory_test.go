package neo4j

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
)

// put writes nodes with a log entry.
func put(t *testing.T, s *Store, nodes ...*graph.Node) {
	t.Helper()
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Put(t.Context(), nodes...), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func alias(model, name, version string, slots ...string) *graph.Node {
	return &graph.Node{ID: registry.NewID(registry.KindAlias, model, name), Kind: registry.KindAlias, Parent: registry.ID(model), Name: name, Slots: slots,
		Columns: map[registry.Index]any{registry.IndexVersion: version}, Doc: []byte(`{}`)}
}

// names are the names and the versions of the nodes of a page.
func names(nodes []*graph.Node) (out string) {
	for _, n := range nodes {
		if n != nil {
			out += n.Name + n.Text(registry.IndexVersion) + " "
		}
	}
	return out
}

// TestWhatAWriteChangesIsReadAnewOnNeo4j reads by id, slot, parent and kind, twice, and again
// after each write that changes the answer. The negative control forgets what was written:
// then the answers are the old ones.
func TestWhatAWriteChangesIsReadAnewOnNeo4j(t *testing.T) {
	s := open(t)
	put(t, s, alias("m", "a", "1", "x"), alias("m", "b", "1"))
	model := &graph.Node{ID: "m", Kind: registry.KindModel, Name: "m"}
	put(t, s, model)
	has := func(version string) []graph.Predicate {
		return []graph.Predicate{{Column: registry.IndexVersion, Op: graph.In, Values: []any{version}, Child: registry.KindAlias}}
	}
	queries := []graph.Query{{Slots: []string{"x"}, Limit: 5}, {Parents: []registry.ID{"m"}, Limit: 5},
		{Parents: []registry.ID{"m", "other"}, PerParent: true, Count: true, Limit: 5}, {Kinds: []registry.Kind{registry.KindAlias}, Limit: 5},
		{Kinds: []registry.Kind{registry.KindModel}, Where: has("2"), Limit: 5}}
	read := func() (out []string) {
		nodes, err := s.Nodes(t.Context(), graph.Instant{}, alias("m", "a", "").ID, alias("m", "c", "").ID)
		out = append(out, names(nodes))
		for _, q := range queries {
			page, err2 := s.Find(t.Context(), q)
			err = errors.Join(err, err2)
			out = append(out, names(page.Nodes))
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	check := func(want ...string) {
		t.Helper()
		for range 2 {
			if got := read(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	check("a1 ", "a1 ", "a1 b1 ", "a1 b1 ", "a1 b1 ", "")
	put(t, s, alias("m", "a", "2", "x"))
	check("a2 ", "a2 ", "a2 b1 ", "a2 b1 ", "a2 b1 ", "m ")
	put(t, s, alias("m", "a", "2"), alias("m", "c", "1", "x"))
	check("a2 c1 ", "c1 ", "a2 b1 c1 ", "a2 b1 c1 ", "a2 b1 c1 ", "m ")
	put(t, s, alias("m", "a", "3"))
	s.memory.mu.Lock()
	s.memory.written = map[string]int64{}
	s.memory.mu.Unlock()
	if got := names(must(s.Find(t.Context(), queries[1])).Nodes); got != "a2 b1 c1 " {
		t.Errorf("without the names of what was written: %s", got)
	}
}

func must(p graph.Page, err error) graph.Page {
	if err != nil {
		panic(err)
	}
	return p
}

// TestAReadThatIsRememberedAsksForTheStateOnNeo4j counts: a read that is remembered asks for the
// state of the store only, and the reads of one request ask for it once. The answer of
// another request notices what another server has written, and that of the same one does not.
func TestAReadThatIsRememberedAsksForTheStateOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	s, other := openIn(t, ns), openIn(t, ns)
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
	s.memory.mu.Lock()
	s.memory.asked = time.Now().Add(time.Hour) // Nothing asks in the background.
	s.memory.mu.Unlock()
	read(t.Context(), "a2 ", 0, 1) // It knows that it is behind, and reads at once.
	put(t, s, alias("m", "b", "1"))
	read(graph.WithMoment(t.Context()), "a2 ", 0, 1) // Its lock has shown that the rest is new.
	read(graph.WithMoment(t.Context()), "a2 ", 1, 1)
}

// TestAChangeOfWhatIsServedIsForgottenOnNeo4j: a promotion changes other nodes than it writes. The
// store forgets all, and remembers again what it reads after that.
func TestAChangeOfWhatIsServedIsForgottenOnNeo4j(t *testing.T) {
	s := open(t)
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

// TestAnotherServersStateSettlesOnNeo4j: a store that only reads remembers again when another
// server's state has been the newest for long enough, and not before.
func TestAnotherServersStateSettlesOnNeo4j(t *testing.T) {
	var m readMemory
	m.lock(headState{seq: 1})
	m.remember("q", m.begin(), &remembered{})
	m.tell(headState{seq: 2}, false)
	m.tell(headState{seq: 2}, false)
	if state, known := m.newest(); !known || state.seq != 1 || m.has("q") {
		t.Errorf("%+v %v", state, known)
	}
	m.since = time.Now().Add(-settleTime)
	m.tell(headState{seq: 2}, true) // A commit of this store is under way.
	if state, _ := m.newest(); state.seq != 1 {
		t.Errorf("%+v", state)
	}
	m.tell(headState{seq: 2}, false)
	if state, known := m.newest(); !known || state.seq != 2 || m.proven {
		t.Errorf("%+v %v", state, known)
	}
	m.remember("q", m.begin(), &remembered{})
	if !m.has("q") {
		t.Error("nothing is remembered")
	}
	if m.lock(headState{seq: 2}); m.has("q") {
		t.Error("an update trusts what was read without a lock")
	}
	m.remember("q", m.begin(), &remembered{})
	m.tell(headState{seq: 2, repairs: 1}, false)
	m.since = time.Now().Add(-settleTime)
	if m.tell(headState{seq: 2, repairs: 1}, false); m.has("q") {
		t.Error("a repair leaves what it changed")
	}
}

// TestWhoHasSeenANodeIsNotAnsweredFromBeforeIt: a node is read before the head that was committed
// with it.
func TestWhoHasSeenANodeIsNotAnsweredFromBeforeIt(t *testing.T) {
	var m readMemory
	state := headState{seq: 1}
	generation := m.lock(state)
	m.remember("q", m.begin(), &remembered{})
	if _, ok := m.answers(state, "q"); !ok || !m.has("q") {
		t.Fatal("nothing is remembered")
	}
	m.notice(nil, &graph.Node{RecordedSeq: 1})
	if !m.has("q") {
		t.Error("a node of the same state forbids the memory")
	}
	m.notice(&graph.Node{RecordedSeq: 2})
	if _, ok := m.answers(state, "q"); ok || m.has("q") {
		t.Error("an answer of state 1 after a node of state 2")
	}
	m.commit(generation, &pendingWrites{}, 2)
	if _, ok := m.answers(headState{seq: 2}, "q"); !ok || !m.has("q") {
		t.Error("the memory is not used again")
	}
}

// TestReadersNeverGoBackOnNeo4j: two servers rename a node in turn, and readers of both never
// see an older name than before, by id, by slot and by parent.
func TestReadersNeverGoBackOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	stores := []*Store{openIn(t, ns), openIn(t, ns)}
	const moves = 60
	write := func(i int) {
		put(t, stores[i/5%2], alias("m", "a", strconv.Itoa(i), fmt.Sprint("x", i%2)))
	}
	write(1)
	done := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		s := stores[i%2]
		all.Go(func() {
			last := 0
			for over := false; !over; {
				select {
				case <-done:
					over = true
				default:
				}
				ctx := graph.WithMoment(context.Background())
				nodes, err := s.Nodes(ctx, graph.Instant{}, alias("m", "a", "").ID)
				page, err2 := s.Find(ctx, graph.Query{Parents: []registry.ID{"m"}, Limit: 2})
				if err != nil || err2 != nil || len(page.Nodes) != 1 {
					t.Error(err, err2, page)
					return
				}
				for _, n := range append(nodes, page.Nodes...) {
					now, _ := strconv.Atoi(n.Text(registry.IndexVersion))
					if now < last {
						t.Errorf("%d after %d", now, last)
					}
					last = now
				}
			}
			if last != moves {
				t.Errorf("the last that was read is %d", last)
			}
		})
	}
	for i := 2; i <= moves; i++ {
		write(i)
	}
	close(done)
	all.Wait()
}
