package graphtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

var dumpTests = []faultTest{
	{"a dump that is restored is the same dump again", dumpRoundTrip},
	{"a dump comes in bounded batches, in order", dumpBatches},
	{"large documents end a batch early", dumpLarge},
	{"what is restored again changes nothing", restoreTwice},
	{"a store that holds something else takes no dump", restoreRejected},
	{"a half-filled store is closed to all but its migration", unfinishedRestore},
	{"writes go on where the source ended", writesAfterMove},
	{"what changed since is copied over what was", dumpSince},
	{"a slot that moves while it is read ends with its holder", slotMovesDuringDump},
}

// newPair opens two empty stores.
func newPair(t *testing.T, open Opener) (from, to *kit) {
	t.Helper()
	return newKit(t, open, nil), newKit(t, open, nil)
}

func (k *kit) source() string {
	k.Helper()
	info, err := k.Ping(k.ctx)
	if err != nil {
		k.Fatal(err)
	}
	return graph.StoreID(info.Secret)
}

// readDump reads the batches of a dump from a mark on.
func (k *kit) readDump(from graph.DumpPosition) (out []graph.Batch) {
	k.Helper()
	out, err := ReadDump(k.ctx, k.Store, from)
	if err != nil {
		k.Fatalf("dump: %v", err)
	}
	return out
}

// ReadDump reads the batches of a dump from a mark on.
func ReadDump(ctx context.Context, s graph.Store, from graph.DumpPosition) (out []graph.Batch, err error) {
	for from.Part != graph.PartDone {
		b, err := s.Dump(ctx, from)
		if err != nil {
			return nil, err
		}
		if b.Next == from {
			return nil, fmt.Errorf("the dump stands still at %+v", from)
		}
		out, from = append(out, b), b.Next
	}
	return out, nil
}

// DumpRows prints the rows of a dump.
func DumpRows(batches []graph.Batch) (out []string) {
	stamp := func(t time.Time) string { return fmt.Sprint(t.IsZero(), t.UnixMicro()) }
	for _, b := range batches {
		for _, e := range b.Log {
			out = append(out, fmt.Sprintf("log %d %s %q %q %q %q %q %q %q %q %s", e.Seq, stamp(e.At), e.Actor, e.Action, e.Objects, e.Model, e.Reason,
				e.Approval, e.RequestID, e.Detail, e.LeafHash))
		}
		for _, n := range b.Nodes {
			slots := slices.Sorted(slices.Values(n.Slots))
			out = append(out, fmt.Sprintf("node %d.%d %q %s %q %q %q %v %s %s %s %d %v %q", n.Number, n.Revision, n.ID, n.Kind, n.Parent, n.Name, slots,
				n.Columns, stamp(n.ValidFrom), stamp(n.ValidTo), stamp(n.Since), n.RecordedSeq, n.Deleted, n.Doc))
		}
		for _, e := range b.Edges {
			out = append(out, fmt.Sprintf("edge %d→%d %s %s %s %s %s %s %d %d %q", e.FromNumber, e.ToNumber, e.Kind, e.ID, e.From, e.To, stamp(e.ValidFrom),
				stamp(e.ValidTo), e.RecordedSeq, e.RetractedSeq, e.By))
		}
	}
	return out
}

// Move copies a store into an empty one and opens it.
func Move(ctx context.Context, from, to graph.Store) error {
	batches, err := ReadDump(ctx, from, graph.DumpPosition{})
	if err != nil {
		return err
	}
	source := graph.StoreID(batches[0].Secret)
	for i := range batches {
		if _, err := to.Restore(ctx, source, &batches[i]); err != nil {
			return err
		}
	}
	_, err = to.Restore(ctx, source, &graph.Batch{From: batches[len(batches)-1].Next, Finish: true})
	return err
}

func (k *kit) restore(source string, b *graph.Batch) graph.DumpPosition {
	k.Helper()
	m, err := k.Restore(k.ctx, source, b)
	if err != nil {
		k.Fatalf("restore: %v", err)
	}
	return m
}

func (k *kit) wantSameDump(other *kit) {
	k.Helper()
	got, want := DumpRows(other.readDump(graph.DumpPosition{})), DumpRows(k.readDump(graph.DumpPosition{}))
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			k.Fatalf("row %d of %d and %d:\n got %s\nwant %s", i, len(got), len(want), rowAt(got, i), rowAt(want, i))
		}
	}
}

func rowAt(rows []string, i int) string {
	if i < len(rows) {
		return rows[i]
	}
	return "nothing"
}

// putSampleData writes an example of everything that a store holds.
func (k *kit) putSampleData() {
	k.Helper()
	a := with(slotted(mv("a"), "s/1", "label/m/é"), registry.IndexStage, "STAGING", registry.IndexNumber, int64(1<<53+1), registry.IndexOwner, "Zoë 🦊\uffff")
	a.Parent, a.ValidTo, a.Since, a.Doc = registry.NewID(registry.KindModel, "m"), sec(9), sec(3), []byte(`{"a":"\u0000 <&> Zoë 🦊"}`)
	b, c, gone := slotted(dv("b \U0001F600\uffff"), "s/2"), dv("c"), slotted(with(dv("gone"), registry.IndexRole, "raw"), "s/3")
	b.ValidFrom, b.Doc = time.Time{}, nil
	c.Since = time.UnixMicro(0) // not the zero time
	foreign := with(run("r"), registry.IndexStage, "not a run's", registry.IndexRunKind, "ETL")
	k.put(a, b, c, gone, foreign)
	k.link(derived(c, b), derived(gone, c), edge(registry.EdgeDerivedFrom, a, gone), edge(registry.EdgeGeneratedBy, a, foreign))
	e := derived(a, c)
	e.By, e.ValidTo, e.ValidFrom = "", sec(5), time.Time{}
	k.link(e)
	a.Name, a.Slots, a.Since, a.Doc = "a later", []string{"s/1"}, sec(4), []byte(`{}`)
	with(a, registry.IndexStage, "PRODUCTION")
	k.mustUpdate(func(tx graph.Tx) error {
		if err := tx.Put(k.ctx, a); err != nil {
			return err
		}
		return tx.Put(k.ctx, slotted(b, "label/m/é"), a)
	})
	k.unlink(derived(c, b))
	k.link(derived(c, b))
	k.delete(&graph.Node{ID: gone.ID, Doc: []byte(`{"by":"x"}`), Since: sec(7)})
	err := k.Update(k.ctx, func(tx graph.Tx) error {
		return tx.Append(k.ctx, &registry.LogEntry{At: time.Date(2024, 1, 2, 3, 4, 5, 678901234, time.UTC), Actor: "zoë", Action: registry.LogStageChanged,
			Objects: ids(a, b, a), Model: a.Parent, Reason: "because\n<&>", Approval: "ann", RequestID: "req-1", Detail: registry.JSON(`{"to":"\u0000"}`)})
	})
	if err != nil {
		k.Fatal(err)
	}
}

func dumpRoundTrip(t *testing.T, open Opener) {
	from, to := newPair(t, open)
	from.putSampleData()
	if err := Move(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	from.wantSameDump(to)
	a, err := from.Ping(t.Context())
	b, err2 := to.Ping(t.Context())
	if err != nil || err2 != nil || a.Head != b.Head || !bytes.Equal(a.Secret, b.Secret) {
		t.Fatalf("%d %v, %d %v", a.Head, err, b.Head, err2)
	}
	for _, slot := range []string{"s/1", "s/2", "s/3", "label/m/é"} {
		to.wantEqual("holder of "+slot, to.slotHolder(slot), from.slotHolder(slot))
	}
	for _, at := range []graph.Instant{{}, {Known: 1}, {Valid: sec(3)}, {Valid: sec(8)}, {Known: 4}} {
		to.wantEqual("a", to.get(at, mv("a").ID), from.get(at, mv("a").ID))
		q := graph.ClosureQuery{Roots: ids(mv("a")), Depth: 9, At: at}
		to.wantEqual("closure", reachedNames(to.closure(q)), reachedNames(from.closure(q)))
	}
	for _, q := range []graph.LogQuery{{Object: mv("a").ID}, {Actor: "zoë"}, {Models: []registry.ID{mv("a").ID}}, {Desc: true}} {
		to.wantEqual("log", to.log(q), from.log(q))
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Where: []graph.Predicate{{Column: registry.IndexStage, Op: graph.In, Values: []any{"PRODUCTION"}}}}
	to.wantEqual("by stage", names(to.find(q).Nodes), "[a later]")
	from.wantSearchHits(to, map[string]int{"later": 1, "c": 1, "r": 1, "gone": 0})
}

// wantSearchHits searches both stores for words, and compares the number of hits.
func (k *kit) wantSearchHits(other *kit, words map[string]int) {
	k.Helper()
	for word, want := range words {
		a, b := k.searchNames(searchAll(word)), other.searchNames(searchAll(word))
		other.wantEqual("found by "+word, b, a)
		k.wantEqual("found by "+word, len(a), want)
	}
}

func dumpBatches(t *testing.T, open Opener) {
	from, to := newPair(t, open)
	hub, leaves := dv("hub"), many(registry.KindDatasetVersion, "n", graph.BatchRows+50)
	from.put(append(leaves, hub)...)
	var up, down []*graph.Edge
	for i, n := range leaves {
		if i%2 == 0 {
			up = append(up, derived(hub, n))
		} else {
			down = append(down, derived(n, hub))
		}
	}
	from.link(append(up, down...)...)
	from.mustUpdate(func(tx graph.Tx) error { // one node with more revisions than a batch has rows
		var again []*graph.Node
		for range graph.BatchRows + 50 {
			again = append(again, slotted(dv("n000007"), "s"))
		}
		return tx.Put(from.ctx, again...)
	})
	batches := from.readDump(graph.DumpPosition{})
	for _, b := range batches {
		if rows := len(b.Log) + len(b.Nodes) + len(b.Edges); rows > graph.BatchRows {
			t.Errorf("a batch of %d rows", rows)
		}
	}
	if len(batches) < 6 {
		t.Errorf("%d batches", len(batches))
	}
	if err := Move(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	from.wantSameDump(to)
}

func dumpLarge(t *testing.T, open Opener) {
	from, to := newPair(t, open)
	for i := range 3 {
		n := dv(fmt.Sprint("large", i))
		n.Doc = []byte(`"` + strings.Repeat("x", graph.BatchBytes*3/5) + `"`)
		from.put(n)
	}
	most := 0
	for _, b := range from.readDump(graph.DumpPosition{}) {
		most = max(most, len(b.Nodes))
	}
	from.wantEqual("documents in a batch", most, 2)
	if err := Move(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		id := dv(fmt.Sprint("large", i)).ID
		if got := to.get(graph.Instant{}, id); got == nil || !bytes.Equal(got.Doc, from.get(graph.Instant{}, id).Doc) {
			t.Fatalf("document %d is another", i)
		}
	}
}

func restoreTwice(t *testing.T, open Opener) {
	from, to := newPair(t, open)
	from.putSampleData()
	source, batches := from.source(), from.readDump(graph.DumpPosition{})
	for i := range batches {
		first := to.restore(source, &batches[i])
		if again := to.restore(source, &batches[i]); again != first || first != batches[i].Next || to.restore(source, nil) != first {
			t.Fatalf("%+v, then %+v", first, again)
		}
	}
	_, err := to.Restore(t.Context(), source, &batches[0])
	to.wantCode(registry.Conflict, err)
	finish := &graph.Batch{From: batches[len(batches)-1].Next, Finish: true}
	to.restore(source, finish)
	to.restore(source, finish)
	from.wantSameDump(to)
}

func restoreRejected(t *testing.T, open Opener) {
	from, own := newPair(t, open)
	from.putSampleData()
	own.put(dv("mine"))
	source, first := from.source(), from.readDump(graph.DumpPosition{})[0]
	for _, b := range []*graph.Batch{nil, &first} {
		_, err := own.Restore(t.Context(), source, b)
		own.wantCode(registry.FailedPrecondition, err)
	}
	own.wantEqual("head", own.head(), 1)
	to := newKit(t, open, nil)
	skipping := first
	skipping.From.Part, skipping.Next.Part = graph.PartNodes, graph.PartEdges
	_, err := to.Restore(t.Context(), source, &skipping)
	to.wantCode(registry.Conflict, err)
	_, err = to.Restore(t.Context(), source, &graph.Batch{Finish: true})
	to.wantCode(registry.Conflict, err)
	to.restore(source, &first)
	_, err = to.Restore(t.Context(), source, &graph.Batch{From: first.Next, Finish: true})
	to.wantCode(registry.Conflict, err)
	other := own.readDump(graph.DumpPosition{})[0]
	_, err = to.Restore(t.Context(), own.source(), &other)
	to.wantCode(registry.FailedPrecondition, err)
	fresh := newKit(t, open, nil)
	if err := Move(t.Context(), from, fresh); err != nil {
		t.Fatal(err)
	}
	fresh.put(dv("mine"))
	_, err = fresh.Restore(t.Context(), source, nil)
	fresh.wantCode(registry.FailedPrecondition, err)
}

func unfinishedRestore(t *testing.T, open Opener) {
	from, to := newPair(t, open)
	from.putSampleData()
	source, batches := from.source(), from.readDump(graph.DumpPosition{})
	for i := range batches {
		to.restore(source, &batches[i])
		_, err := to.Ping(t.Context())
		to.wantCode(registry.FailedPrecondition, err)
		to.wantCode(registry.FailedPrecondition, to.update(func(tx graph.Tx) error { return tx.Put(to.ctx, dv("x")) }))
	}
	to.restore(source, &graph.Batch{From: batches[len(batches)-1].Next, Finish: true})
	to.wantEqual("head", to.head(), from.head())
	to.put(dv("x"))
}

func writesAfterMove(t *testing.T, open Opener) {
	from, to := newPair(t, open)
	from.putSampleData()
	if err := Move(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*kit{from, to} {
		x, a := slotted(dv("x"), "s/3"), with(slotted(mv("a"), "s/9"), registry.IndexStage, "DEPRECATED")
		a.Parent = registry.NewID(registry.KindModel, "m")
		e := derived(x, dv("c"))
		k.mustUpdate(func(tx graph.Tx) error {
			if err := tx.Put(k.ctx, x, a); err != nil {
				return err
			}
			return tx.Link(k.ctx, e)
		})
		k.wantEqual("number and sequence", fmt.Sprint(x.Number, x.RecordedSeq, e.RecordedSeq), "6 9 9")
		k.wantCode(registry.Conflict, k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, slotted(dv("y"), "label/m/é")) }))
		k.wantCode(registry.FailedPrecondition, k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(dv("c"), mv("a"))) }))
		k.wantCode(registry.FailedPrecondition, k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, dv("gone")) }))
		k.unlink(derived(dv("c"), dv("b \U0001F600\uffff")))
		k.wantNoGaps(k.Store, 10)
	}
	from.wantSameDump(to)
}

func dumpSince(t *testing.T, open Opener) {
	from, to := newPair(t, open)
	from.putSampleData()
	source := from.source()
	var mark graph.DumpPosition
	for _, b := range from.readDump(graph.DumpPosition{}) {
		mark = to.restore(source, &b)
	}
	b := dv("b \U0001F600\uffff")
	b.Name = "renamed"
	from.put(slotted(b, "s/new"), slotted(dv("new"), "s/2"))
	from.unlink(derived(dv("c"), b))
	from.link(derived(dv("new"), b))
	from.delete(&graph.Node{ID: mv("a").ID, Doc: []byte(`{"by":"y"}`)})
	from.put(slotted(dv("last"), "s/1"))
	since := from.readDump(mark.NextDump(from.head()))
	var changed, edges []string
	for _, s := range since {
		for _, n := range s.Nodes {
			changed = append(changed, fmt.Sprint(n.Number, ".", n.Revision))
		}
		for _, e := range s.Edges {
			edges = append(edges, fmt.Sprint(e.FromNumber, "→", e.ToNumber, " ", e.RecordedSeq, "-", e.RetractedSeq))
		}
		mark = to.restore(source, &s)
	}
	from.wantEqual("revisions", changed, "[1.1 1.2 1.3 1.4 2.1 2.2 2.3 6.1 7.1]")
	from.wantEqual("edges", edges, "[3→2 6-10 6→2 11-0]")
	from.wantEqual("entries", len(since[0].Log), 5)
	to.restore(source, &graph.Batch{From: mark, Finish: true})
	from.wantSameDump(to)
	from.wantSearchHits(to, map[string]int{"renamed": 1, "b": 0, "new": 1, "later": 0, "last": 1})
	for _, slot := range []string{"s/1", "s/2", "s/new", "label/m/é"} {
		to.wantEqual("holder of "+slot, to.slotHolder(slot), from.slotHolder(slot))
	}
}

// slotMovesDuringDump builds the batch of a reader that reads one of two nodes before a
// slot moves between them, and the other after it.
func slotMovesDuringDump(t *testing.T, open Opener) {
	for early := range 2 {
		from, to := newPair(t, open)
		from.put(slotted(dv("a"), "s"), slotted(dv("b"), "t"))
		before := from.readDump(graph.DumpPosition{Head: 1})
		from.put(slotted(dv("a"), "t"), slotted(dv("b"), "s"))
		after := from.readDump(graph.DumpPosition{Head: 1})
		source := from.source()
		var mark graph.DumpPosition
		for i := range after {
			b := after[i]
			if len(b.Nodes) > 0 {
				one, other := before[i].Nodes, after[i].Nodes
				if early == 0 {
					b.Nodes = append(slices.Clone(one[:1]), other[2:]...)
				} else {
					b.Nodes = append(slices.Clone(other[:2]), one[1:]...)
				}
			}
			mark = to.restore(source, &b)
		}
		for _, b := range from.readDump(mark.NextDump(2)) {
			mark = to.restore(source, &b)
		}
		to.restore(source, &graph.Batch{From: mark, Finish: true})
		from.wantSameDump(to)
		to.wantEqual("holders", to.slotHolder("s")+to.slotHolder("t"), "ba")
	}
}
