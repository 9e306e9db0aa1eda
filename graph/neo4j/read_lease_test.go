package neo4j

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/internal/neo4jtest"
)

// testClock is a clock that a test advances.
type testClock struct{ atomic.Int64 }

func (c *testClock) now() time.Time { return time.Unix(1_000_000, c.Load()) }

func (c *testClock) advance(d time.Duration) { c.Add(int64(d)) }

// leasedIn opens a Store that takes the lease as soon as nobody has it, by a clock that stands
// still.
func leasedIn(t *testing.T, ns string) (*Store, *testClock) {
	s, clock := openIn(t, ns), &testClock{}
	s.lease.quiet, s.lease.now, s.lease.foreign = 0, clock.now, clock.now()
	return s, clock
}

// readName reads the alias a of model m in a request of its own.
func readName(t *testing.T, s *Store) string {
	t.Helper()
	nodes, err := s.Nodes(graph.WithMoment(t.Context()), graph.Instant{}, alias("m", "a", "").ID)
	if err != nil {
		t.Fatal(err)
	}
	return names(nodes)
}

// readUntilLeased reads until a Store holds the lease.
func readUntilLeased(t *testing.T, s *Store) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !s.lease.holds() || isTaking(&s.lease); readName(t, s) {
		if time.Now().After(end) {
			t.Fatal("the lease is not taken")
		}
	}
}

func isTaking(l *readLease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taking
}

// TestALoneServerAsksForNoStateOnNeo4j: who holds the lease answers what it remembers, also what it
// has just written, without a question. It asks again when its last question was too long ago.
func TestALoneServerAsksForNoStateOnNeo4j(t *testing.T) {
	s, clock := leasedIn(t, neo4jtest.Namespace())
	put(t, s, alias("m", "a", "1"))
	readUntilLeased(t, s)
	c := countStatements(s)
	read := func(want string, sent int) {
		t.Helper()
		c.all, c.counts = 0, map[string]int{}
		for range 3 {
			if got := readName(t, s); got != want || c.all > sent {
				t.Errorf("%s after %d statements; want %s after %d: %v", got, c.all, want, sent, c.counts)
			}
		}
	}
	read("a1 ", 0)
	put(t, s, alias("m", "a", "2"))
	read("a2 ", 0)
	clock.advance(leaseLife)
	if s.lease.holds() {
		t.Error("the lease is counted on for too long")
	}
	read("a2 ", 1)
	// The negative control: without the lease, each request asks.
	s.lease.off = true
	clock.advance(leaseLife)
	s.giveLease(t.Context())
	if _, err := s.changeLease(t.Context(), removeLease, map[string]any{"key": s.key(""), "lease": s.lease.id}); err != nil {
		t.Fatal(err)
	}
	c.all = 0
	for range 2 {
		if got := readName(t, s); got != "a2 " {
			t.Errorf("it reads %s", got)
		}
	}
	if c.all != 2 {
		t.Errorf("%d statements for two reads without a lease", c.all)
	}
}

// TestAnotherServerWritesAfterTheLeaseOnNeo4j: a server that wants to write ends the lease of another
// one, and waits until the holder has stopped counting on it.
func TestAnotherServerWritesAfterTheLeaseOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	s, clock := leasedIn(t, ns)
	other := openIn(t, ns)
	other.lease.off = true
	waits := 0
	other.lease.wait = func(_ context.Context, d time.Duration) error {
		waits++
		if got := readName(t, s); got != "a1 " || !s.lease.holds() {
			t.Errorf("the holder reads %s, and must count on the lease still", got)
		}
		clock.advance(d)
		return nil
	}
	put(t, s, alias("m", "a", "1"))
	readUntilLeased(t, s)
	s.lease.off = true // It does not take it again.
	put(t, other, alias("m", "a", "2"))
	if got := readName(t, s); got != "a2 " || waits != 1 {
		t.Errorf("the holder reads %s after %d waits", got, waits)
	}
	put(t, other, alias("m", "a", "3"))
	if got := readName(t, s); got != "a3 " || waits != 1 {
		t.Errorf("the holder reads %s after %d waits", got, waits)
	}
	// The negative control: a writer that ignores the lease leaves the holder behind.
	s.lease.off = false
	put(t, s, alias("m", "a", "4"))
	readUntilLeased(t, s)
	other.lease.ignored = true
	put(t, other, alias("m", "a", "5"))
	if got := readName(t, s); got != "a4 " {
		t.Errorf("the holder reads %s: the lease does nothing", got)
	}
}

// TestTheMarkOfAnEndedLeaseIsWaitedForOnNeo4j: a third server that finds a lease ended by somebody
// waits too, because the holder may count on it still. A closed Store leaves no lease.
func TestTheMarkOfAnEndedLeaseIsWaitedForOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	s, clock := leasedIn(t, ns)
	third := openIn(t, ns)
	waits := 0
	third.lease.off = true
	third.lease.wait = func(context.Context, time.Duration) error { waits++; return nil }
	put(t, s, alias("m", "a", "1"))
	readUntilLeased(t, s)
	s.lease.off = true
	if _, err := s.changeLease(t.Context(), endLease, map[string]any{"key": s.key(""), "lease": "second", "mark": endedMark}); err != nil {
		t.Fatal(err)
	}
	put(t, third, alias("m", "a", "2"))
	if waits != 1 {
		t.Errorf("%d waits for the mark", waits)
	}
	put(t, third, alias("m", "a", "3"))
	if _, err := third.CheckServed(t.Context(), true); err != nil || waits != 1 {
		t.Errorf("%d waits, %v", waits, err)
	}
	s.lease.off = false
	put(t, s, alias("m", "a", "4"))
	clock.advance(leaseLife)
	readUntilLeased(t, s)
	if _, err := third.CheckServed(t.Context(), true); err != nil || waits != 2 {
		t.Errorf("a repair after %d waits, %v", waits, err)
	}
	put(t, s, alias("m", "a", "5"))
	clock.advance(leaseLife)
	readUntilLeased(t, s)
	s.Close()
	if put(t, third, alias("m", "a", "6")); waits != 2 {
		t.Errorf("%d waits after the holder was closed", waits)
	}
}

// TestReadersNeverGoBackBesideLeasesOnNeo4j: two servers write in turn and take the lease
// from each other.
func TestReadersNeverGoBackBesideLeasesOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	a, b := openIn(t, ns), openIn(t, ns)
	for _, s := range []*Store{a, b} {
		s.lease.quiet = 0
	}
	graphtest.ReadersNeverGoBack(t, 61, a, b)
	if a.lease.lost+b.lease.lost == 0 {
		t.Errorf("the lease was lost %d times", a.lease.lost+b.lease.lost)
	}
}

// TestTheLeaseIsTakenAfterAQuietTime: nobody takes a lease beside another server that writes, and
// who lost one waits longer.
func TestTheLeaseIsTakenAfterAQuietTime(t *testing.T) {
	clock := &testClock{}
	l := newReadLease()
	l.now, l.foreign = clock.now, clock.now()
	told := func(after time.Duration, holder string, covered, want bool) {
		t.Helper()
		clock.advance(after)
		if take := l.told(holder, clock.now(), covered); take != want {
			t.Errorf("takes the lease: %v", take)
		}
	}
	told(0, "", true, false)
	told(leaseQuiet-1, "", true, false)
	told(1, "", false, false) // Another server has written.
	told(leaseQuiet-1, "", true, false)
	told(1, "", true, true)
	told(1, "", true, false) // It tries once in a while.
	l.taking = false
	told(leaseQuiet, "other", true, false)
	told(leaseQuiet, "", true, true)
	l.taking = false
	told(1, l.id, true, false)
	if !l.holds() {
		t.Error("the head names it, and it does not hold the lease")
	}
	told(leaseLife-1, l.id, false, false) // What it does not know yet leaves the last question as it was.
	if clock.advance(1); l.holds() {
		t.Error("it counts on the lease for too long")
	}
	told(0, l.id, true, false)
	if told(0, endedMark+l.id, true, false); l.holds() {
		t.Error("it counts on a lease that has ended")
	}
	told(leaseQuiet, "", true, false)
	told(leaseQuiet, "", true, true) // Twice as long, after it lost one.
}

// TestTheLeaseEndsWhileTheMachineSleeps: the monotonic clock stops then, and the clock on the wall
// goes on.
func TestTheLeaseEndsWhileTheMachineSleeps(t *testing.T) {
	begin := time.Now()
	if d := elapsed(begin, begin.Round(0).Add(time.Hour)); d != time.Hour {
		t.Errorf("%v after an hour", d)
	}
	if d := elapsed(begin, begin.Add(time.Millisecond)); d != time.Millisecond {
		t.Errorf("%v after a millisecond", d)
	}
	if d := elapsed(begin.Round(0), begin.Round(0).Add(-time.Hour)); d > 0 {
		t.Errorf("%v when the clock was set back", d)
	}
}
