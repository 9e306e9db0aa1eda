package graphtest

import (
	"fmt"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

var logTests = []subtest{
	{"every field of an entry comes back and its leaf hash holds", logFields},
	{"sequences start at one and have no gaps", logGapless},
	{"the log is read both ways between two bounds", logBounds},
	{"the log is narrowed by object, actor, action, model and time", logFilters},
	{"the entries of an update are later than all before, whatever the clock", logTimes},
	{"a malformed log query is INVALID_ARGUMENT", badLogQuery},
}

func logFields(k *kit) {
	e := &registry.LogEntry{At: time.Date(2024, 1, 2, 3, 4, 5, 678901234, time.FixedZone("x", 3600)), Actor: "zoë", Action: registry.LogStageChanged,
		Objects: []registry.ID{"mv_2", "mv_1"}, Model: "model_1", Reason: "because\n<&>", Approval: "ann, bob", RequestID: "req-1", Detail: registry.JSON(`{"to":"STAGING"}`)}
	bare := &registry.LogEntry{At: t0, Actor: "a", Action: registry.LogImported}
	if err := k.Update(k.ctx, func(tx graph.Tx) error { return tx.Append(k.ctx, e, bare) }); err != nil {
		k.Fatal(err)
	}
	got := k.log(graph.LogQuery{})
	if len(got) != 2 || e.Seq != 1 || bare.Seq != 2 {
		k.Fatalf("got %+v", got)
	}
	for i, want := range []*registry.LogEntry{e, bare} {
		g := got[i]
		if len(g.LeafHash) != 64 || g.LeafHash != want.LeafHash || string(g.Canonical()) != string(want.Canonical()) || g.Seq != want.Seq {
			k.Fatalf("entry %d: got %+v, want %+v", i, g, want)
		}
		hash := g.LeafHash
		if g.Seal(); g.LeafHash != hash {
			k.Fatalf("entry %d: its leaf hash does not hold", i)
		}
	}
	if g := got[0]; g.Actor != e.Actor || g.Action != e.Action || fmt.Sprint(g.Objects) != "[mv_2 mv_1]" || g.Model != e.Model || g.Reason != e.Reason ||
		g.Approval != e.Approval || g.RequestID != e.RequestID || string(g.Detail) != string(e.Detail) || g.At.Location() != time.UTC ||
		!g.At.Equal(e.At.Truncate(time.Microsecond)) {
		k.Fatalf("got %+v", g)
	}
	if g := got[1]; g.Model != "" || g.Reason != "" || len(g.Detail) != 0 || g.Objects == nil || len(g.Objects) != 0 {
		k.Fatalf("got %+v", g)
	}
}

func logGapless(k *kit) {
	for i := range 5 {
		err := k.Update(k.ctx, func(tx graph.Tx) error {
			for range i + 1 {
				if err := tx.Append(k.ctx, entry()); err != nil {
					return err
				}
			}
			if i%2 == 1 {
				return errCaller
			}
			return nil
		})
		if (err != nil) != (i%2 == 1) {
			k.Fatal(err)
		}
	}
	for i, e := range k.log(graph.LogQuery{}) {
		k.wantEqual("sequence", e.Seq, i+1)
	}
	k.wantEqual("head", k.head(), 1+3+5)
}

// newest returns the time of the newest entry, as a transaction sees it.
func newest(k *kit, tx graph.Tx) (at time.Time) {
	k.Helper()
	entries, err := tx.Log(k.ctx, graph.LogQuery{Desc: true, Limit: 1})
	if err != nil {
		k.Fatal(err)
	}
	for _, e := range entries {
		at = e.At
	}
	return at
}

// logTimes appends entries with the times of a clock that stands still and steps back. An
// update that fails leaves no time behind.
func logTimes(k *kit) {
	update := func(fails bool, times ...time.Time) (out []time.Duration) {
		k.Helper()
		err := k.Update(k.ctx, func(tx graph.Tx) error {
			out = []time.Duration{newest(k, tx).Sub(t0)}
			for _, at := range times {
				e := entry()
				e.At = at
				if err := tx.Append(k.ctx, e); err != nil {
					return err
				}
				if at := newest(k, tx); !at.Equal(e.At) {
					k.Errorf("the last entry is of %s, not of %s", at, e.At)
				}
				out = append(out, e.At.Sub(t0))
			}
			if fails {
				return errCaller
			}
			return nil
		})
		if (err != nil) != fails {
			k.Fatal(err)
		}
		return out
	}
	k.mustUpdate(func(tx graph.Tx) error {
		if at := newest(k, tx); !at.IsZero() {
			k.Errorf("an empty log has an entry of %s", at)
		}
		return nil
	}) // Its entry is of t0.
	for _, c := range []struct {
		fails bool
		times []time.Time
		want  string
	}{
		{false, []time.Time{t0}, "[0s 1µs]"},
		{false, []time.Time{sec(10), sec(9), sec(11)}, "[1µs 10s 10s 11s]"},
		{true, []time.Time{sec(50)}, "[11s 50s]"},
		{false, []time.Time{sec(-100), sec(-100)}, "[11s 11.000001s 11.000001s]"},
		{false, nil, "[11.000001s]"},
		{false, []time.Time{sec(12).Add(999 * time.Nanosecond)}, "[11.000001s 12s]"},
	} {
		k.wantEqual(fmt.Sprint(c.times), update(c.fails, c.times...), c.want)
	}
	last := t0.Add(-time.Second)
	for _, e := range k.log(graph.LogQuery{}) {
		if hash := e.LeafHash; e.At.Before(last) {
			k.Errorf("entry %d is of %s, the one before of %s", e.Seq, e.At, last)
		} else if e.Seal(); e.LeafHash != hash {
			k.Errorf("entry %d: its leaf hash does not hold", e.Seq)
		}
		last = e.At
	}
}

func seqs(list []registry.LogEntry) (out []int64) {
	for _, e := range list {
		out = append(out, e.Seq)
	}
	return out
}

func logBounds(k *kit) {
	for range 9 {
		k.mustUpdate(func(graph.Tx) error { return nil })
	}
	for _, c := range []struct {
		q    graph.LogQuery
		want string
	}{
		{graph.LogQuery{}, "[1 2 3 4 5 6 7 8 9]"},
		{graph.LogQuery{Limit: 3}, "[1 2 3]"},
		{graph.LogQuery{Limit: 3, After: 3}, "[4 5 6]"},
		{graph.LogQuery{After: 6}, "[7 8 9]"},
		{graph.LogQuery{After: 9}, "[]"},
		{graph.LogQuery{Before: 3}, "[1 2]"},
		{graph.LogQuery{After: 2, Before: 5}, "[3 4]"},
		{graph.LogQuery{Desc: true, Limit: 2}, "[9 8]"},
		{graph.LogQuery{Desc: true, Limit: 2, Before: 8}, "[7 6]"},
		{graph.LogQuery{Desc: true, After: 7}, "[9 8]"},
	} {
		k.wantEqual(fmt.Sprintf("%+v", c.q), seqs(k.log(c.q)), c.want)
	}
}

func logFilters(k *kit) {
	for _, e := range []*registry.LogEntry{
		{Actor: "ann", Action: registry.LogModelRegistered, Objects: []registry.ID{"model_1"}, Model: "model_1", At: sec(10)},
		{Actor: "bob", Action: registry.LogVersionRegistered, Objects: []registry.ID{"mv_1", "model_1", "mv_1"}, Model: "model_1", At: sec(30)},
		{Actor: "Ann", Action: registry.LogImported, At: sec(20)},
		{Actor: "ann", Action: registry.LogVersionRegistered, Objects: []registry.ID{"mv_2"}, Model: "model_2", At: sec(40)},
		{Actor: "bob", Action: registry.LogCommitsRecorded, Objects: []registry.ID{"mv_1"}, At: sec(20)},
	} {
		if err := k.Update(k.ctx, func(tx graph.Tx) error { return tx.Append(k.ctx, e) }); err != nil {
			k.Fatal(err)
		}
	}
	for _, c := range []struct {
		q    graph.LogQuery
		want string
	}{
		{graph.LogQuery{Object: "mv_1"}, "[2 5]"},
		{graph.LogQuery{Object: "MV_1"}, "[]"},
		{graph.LogQuery{Object: "model_1", Desc: true}, "[2 1]"},
		{graph.LogQuery{Object: "mv_1", After: 2}, "[5]"},
		{graph.LogQuery{Objects: []registry.ID{"model_1", "mv_1", "mv_1", "none"}}, "[1 2 5]"}, // 2 is about both.
		{graph.LogQuery{Objects: []registry.ID{"model_1", "mv_1"}, Desc: true, Limit: 2}, "[5 2]"},
		{graph.LogQuery{Objects: []registry.ID{"model_1", "mv_1"}, Limit: 2, After: 1}, "[2 5]"},
		{graph.LogQuery{Objects: []registry.ID{"model_1", "mv_1"}, Actor: "ann"}, "[1]"},
		{graph.LogQuery{Objects: []registry.ID{"none"}}, "[]"},
		{graph.LogQuery{Actor: "ann"}, "[1 4]"},
		{graph.LogQuery{Actor: "Ann"}, "[3]"},
		{graph.LogQuery{Actions: []registry.LogAction{registry.LogVersionRegistered}}, "[2 4]"},
		{graph.LogQuery{Actions: []registry.LogAction{registry.LogVersionRegistered, registry.LogImported}, Actor: "ann"}, "[4]"},
		{graph.LogQuery{WithModel: true}, "[1 2 4]"},
		{graph.LogQuery{Models: []registry.ID{"model_1"}}, "[1 2]"},
		{graph.LogQuery{Models: []registry.ID{"model_2", "model_1", "model_3"}, Limit: 2, Desc: true}, "[4 2]"},
		{graph.LogQuery{KnownAt: sec(20)}, "[1]"},
		{graph.LogQuery{KnownAt: sec(9)}, "[]"},
		{graph.LogQuery{KnownAt: sec(20), Object: "mv_1", WithModel: true}, "[]"},
		{graph.LogQuery{KnownAt: sec(30), Desc: true, Limit: 1}, "[2]"},
		{graph.LogQuery{KnownAt: sec(31), Desc: true, Limit: 1}, "[3]"},
		{graph.LogQuery{Since: sec(9)}, "[1 2 3 4 5]"},
		{graph.LogQuery{Since: sec(10)}, "[1 2 3 4 5]"},
		{graph.LogQuery{Since: sec(11), Actor: "ann"}, "[4]"},
		{graph.LogQuery{Since: sec(30), KnownAt: sec(40)}, "[2 3 4]"},
		{graph.LogQuery{Since: sec(31), Desc: true, Limit: 1}, "[5]"},
		{graph.LogQuery{Since: sec(31), After: 4}, "[5]"},
		{graph.LogQuery{Since: sec(41)}, "[]"},
	} {
		k.wantEqual(fmt.Sprintf("%+v", c.q), seqs(k.log(c.q)), c.want)
	}
}

func badLogQuery(k *kit) {
	_, err := k.Log(k.ctx, graph.LogQuery{})
	k.wantCode(registry.InvalidArgument, err)
	_, err = k.Log(k.ctx, graph.LogQuery{Limit: 1, Object: "mv_1", Objects: []registry.ID{"mv_2"}})
	k.wantCode(registry.InvalidArgument, err)
}
