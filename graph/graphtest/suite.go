// Package graphtest is the conformance suite of graph.Store. Run is one flat list of
// named subtests, each with an empty store of its own; none is skipped. Race writes
// through two Stores on one database. Differential compares two stores on random
// operations. Every engine passes the same list.
package graphtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Opener opens a store on an empty database; the suite closes it. The store calls
// fault, where it is not nil, inside every Update after the closure ran and before the
// commit. When IsRetry holds for the error of fault, the store treats it as a transient
// failure of its engine: it rolls everything back and runs the closure again. Any other
// error fails the Update.
type Opener func(t *testing.T, fault func() error) graph.Store

// ErrRetry is the transient failure of the engine that the suite injects. A store
// recognises it by its method Retryable, and so need not import this package.
var ErrRetry error = retryError{}

type retryError struct{}

// Error names the failure.
func (retryError) Error() string { return "graphtest: injected transient failure" }

// Retryable reports that the closure is to run again.
func (retryError) Retryable() bool { return true }

// IsRetry reports whether an error has a method Retryable that returns true. A store's
// fault hook does the same.
func IsRetry(err error) bool {
	var r interface{ Retryable() bool }
	return errors.As(err, &r) && r.Retryable()
}

// Rounds is the number of repetitions of scaled tests: PEDIGREE_ROUNDS, by default 3. A
// full run uses 40.
func Rounds() int {
	if n, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 3
}

// fullRun reports whether the long forms of the tests are to run.
func fullRun() bool { return Rounds() >= 40 && !testing.Short() }

type subtest struct {
	name string
	run  func(k *kit)
}

// Run runs the suite; every subtest opens a store of its own.
func Run(t *testing.T, open Opener) {
	for _, group := range [][]subtest{nodeTests, slotTests, deleteTests, findTests, predicateTests, labelTests, pageTests, searchTests, linkTests, cycleTests, neighborTests,
		closureTests, stageTests, asOfTests, lastChildTests, slotHolderTests, servedTests, logTests, treeTests, updateTests, bulkTests, counterTests} {
		for _, st := range group {
			t.Run(st.name, func(t *testing.T) { st.run(newKit(t, open, nil)) })
		}
	}
	for _, st := range slices.Concat(faultTests, dumpTests) {
		t.Run(st.name, func(t *testing.T) { st.run(t, open) })
	}
}

// kit is the store of one subtest, with helpers that fail the test on an error.
type kit struct {
	*testing.T
	graph.Store
	ctx context.Context
}

func newKit(t *testing.T, open Opener, fault func() error) *kit {
	t.Helper()
	s := open(t, fault)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &kit{T: t, Store: s, ctx: t.Context()}
}

// t0 is the base time of the tests' nodes and edges; sec(n) is n seconds later.
var t0 = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func sec(n int) time.Time { return t0.Add(time.Duration(n) * time.Second) }

// entry is a log entry about some objects.
func entry(objects ...registry.ID) *registry.LogEntry {
	return &registry.LogEntry{At: t0, Actor: "tester", Action: registry.LogImported, Objects: objects}
}

// node makes a node whose key is its name.
func node(kind registry.Kind, name string) *graph.Node {
	return &graph.Node{ID: registry.NewID(kind, name), Kind: kind, Name: name, ValidFrom: t0,
		Doc: []byte(`{"name":` + strconv.Quote(name) + `}`)}
}

func dv(name string) *graph.Node  { return node(registry.KindDatasetVersion, name) }
func mv(name string) *graph.Node  { return node(registry.KindModelVersion, name) }
func run(name string) *graph.Node { return node(registry.KindRun, name) }

// many makes n nodes named prefix000000, prefix000001, ….
func many(kind registry.Kind, prefix string, n int) []*graph.Node {
	out := make([]*graph.Node, n)
	for i := range out {
		out[i] = node(kind, fmt.Sprintf("%s%06d", prefix, i))
	}
	return out
}

// with sets columns of a node and returns it.
func with(n *graph.Node, pairs ...any) *graph.Node {
	n.Columns = map[registry.Index]any{}
	for i := 0; i < len(pairs); i += 2 {
		n.Columns[pairs[i].(registry.Index)] = pairs[i+1]
	}
	return n
}

func ids(nodes ...*graph.Node) []registry.ID {
	out := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		out[i] = n.ID
	}
	return out
}

func names(nodes []*graph.Node) []string {
	out := []string{}
	for _, n := range nodes {
		if n == nil {
			out = append(out, "<nil>")
			continue
		}
		out = append(out, n.Name)
	}
	return out
}

func edge(kind registry.EdgeKind, from, to *graph.Node) *graph.Edge {
	return &graph.Edge{Kind: kind, From: from.ID, To: to.ID, ValidFrom: t0, By: "tester"}
}

func derived(from, to *graph.Node) *graph.Edge { return edge(registry.EdgeDerivedFrom, from, to) }

// update runs fn in an Update that also appends one entry.
func (k *kit) update(fn func(tx graph.Tx) error) error {
	return k.Update(k.ctx, func(tx graph.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Append(k.ctx, entry())
	})
}

func (k *kit) mustUpdate(fn func(tx graph.Tx) error) {
	k.Helper()
	if err := k.update(fn); err != nil {
		k.Fatalf("update: %v", err)
	}
}

func (k *kit) put(nodes ...*graph.Node) {
	k.Helper()
	k.mustUpdate(func(tx graph.Tx) error { return tx.Put(k.ctx, nodes...) })
}

func (k *kit) link(edges ...*graph.Edge) {
	k.Helper()
	k.mustUpdate(func(tx graph.Tx) error { return tx.Link(k.ctx, edges...) })
}

func (k *kit) unlink(edges ...*graph.Edge) {
	k.Helper()
	k.mustUpdate(func(tx graph.Tx) error { return tx.Unlink(k.ctx, edges...) })
}

func (k *kit) delete(nodes ...*graph.Node) {
	k.Helper()
	k.mustUpdate(func(tx graph.Tx) error { return tx.Delete(k.ctx, nodes...) })
}

// get reads one node at an instant, nil when there is none.
func (k *kit) get(at graph.Instant, id registry.ID) *graph.Node {
	k.Helper()
	got, err := k.Nodes(k.ctx, at, id)
	if err != nil {
		k.Fatalf("nodes: %v", err)
	}
	if len(got) != 1 {
		k.Fatalf("nodes of one id: %d answers", len(got))
	}
	if got[0] == nil {
		return nil
	}
	n := *got[0]
	n.Kept = nil // It is no part of what is stored.
	return &n
}

func (k *kit) find(q graph.Query) graph.Page {
	k.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	p, err := k.Find(k.ctx, q)
	if err != nil {
		k.Fatalf("find: %v %v", err, errors.Unwrap(err))
	}
	return p
}

func (k *kit) neighbors(q graph.NeighborQuery) []graph.Neighbors {
	k.Helper()
	if q.LimitPerNode == 0 {
		q.LimitPerNode = 1000
	}
	if q.Direction == "" {
		q.Direction = graph.Upstream
	}
	h, err := k.Neighbors(k.ctx, q)
	if err != nil {
		k.Fatalf("neighbors: %v", err)
	}
	if len(h) != len(q.IDs) {
		k.Fatalf("neighbors of %d ids: %d answers", len(q.IDs), len(h))
	}
	return h
}

func (k *kit) closure(q graph.ClosureQuery) graph.Closure {
	k.Helper()
	if q.Fanout == 0 {
		q.Fanout = 1000
	}
	if q.Limit == 0 {
		q.Limit = 100000
	}
	if q.Direction == "" {
		q.Direction = graph.Upstream
	}
	c, err := k.Closure(k.ctx, q)
	if err != nil {
		k.Fatalf("closure: %v", err)
	}
	return c
}

func (k *kit) log(q graph.LogQuery) []registry.LogEntry {
	k.Helper()
	if q.Limit == 0 {
		q.Limit = 10000
	}
	got, err := k.Log(k.ctx, q)
	if err != nil {
		k.Fatalf("log: %v", err)
	}
	return got
}

func (k *kit) head() int64 {
	k.Helper()
	info, err := k.Ping(k.ctx)
	if err != nil {
		k.Fatalf("ping: %v", err)
	}
	return info.Head
}

// wantCode fails unless the error has the code.
func (k *kit) wantCode(code registry.Code, err error) {
	k.Helper()
	if got := registry.CodeOf(err); got != code {
		k.Fatalf("error %v has code %q, want %q", err, got, code)
	}
}

// wantEqual fails unless two values print the same.
func (k *kit) wantEqual(what string, got, want any) {
	k.Helper()
	if g, w := fmt.Sprintf("%v", got), fmt.Sprintf("%v", want); g != w {
		k.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}
