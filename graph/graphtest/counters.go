package graphtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

var counterTests = []subtest{
	{"counters add up and keep the last time, outside the log", countersAddUp},
	{"counters are read by key, from a day on", countersByKey},
	{"counters that are added at the same time add up", countersTogether},
	{"counters are dumped in parts and set as they are", countersDumped},
}

// counters returns the counters of the store, which every store of this module keeps.
func (k *kit) counters() graph.Counters {
	k.Helper()
	c := graph.CountersOf(k.Store)
	if c == nil {
		k.Fatal("the store keeps no counters")
	}
	return c
}

func (k *kit) addCounts(counts ...graph.Count) {
	k.Helper()
	if err := k.counters().AddCounts(k.ctx, counts...); err != nil {
		k.Fatal(err)
	}
}

// count makes a counter of a version; a day 0 is all days.
func count(object, subject string, day int, kind string, n int64, last int) graph.Count {
	c := graph.Count{CountKey: countKey(object, subject), Kind: kind, N: n, Last: sec(last)}
	if day > 0 {
		c.Day = fmt.Sprintf("2024-03-%02d", day)
	}
	return c
}

func countKey(object, subject string) graph.CountKey {
	return graph.CountKey{Object: registry.NewID(registry.KindModelVersion, object), Subject: subject}
}

// wantCounts compares the counters of one key.
func (k *kit) wantCounts(since string, key graph.CountKey, want ...string) {
	k.Helper()
	all, err := k.counters().Counts(k.ctx, since, key)
	if err != nil || len(all) != 1 {
		k.Fatalf("%v %v", all, err)
	}
	got := []string{}
	for _, c := range all[0] {
		if c.CountKey != key {
			k.Fatalf("asked for %v, got %v", key, c.CountKey)
		}
		got = append(got, fmt.Sprintf("%s/%s=%d@%d", c.Day, c.Kind, c.N, int(c.Last.Sub(t0).Seconds())))
	}
	k.wantEqual("counters", got, append([]string{}, want...))
}

func countersAddUp(k *kit) {
	k.put(mv("a"))
	head := k.head()
	k.addCounts(count("a", "eve", 1, "GET", 2, 10), count("a", "eve", 1, "WALK", 1, 5), count("a", "eve", 0, "", 3, 10))
	k.addCounts(count("a", "eve", 1, "GET", 5, 7), count("a", "eve", 0, "", 5, 7)) // It comes late, and was earlier.
	k.addCounts()
	k.wantCounts("", countKey("a", "eve"), "/=8@10", "2024-03-01/GET=7@10", "2024-03-01/WALK=1@5")
	if got := k.head(); got != head {
		k.Fatalf("the log went from %d to %d", head, got)
	}
	if n := k.get(graph.Instant{}, mv("a").ID); n.Revision != 1 {
		k.Fatalf("the version has revision %d", n.Revision)
	}
	k.put(mv("b")) // The log goes on.
	k.wantEqual("head", k.head(), head+1)
}

func countersByKey(k *kit) {
	for day := 1; day <= 9; day++ {
		k.addCounts(count("a", "eve", day, "GET", int64(day), day), count("a", "eve", 0, "", int64(day), day))
	}
	k.addCounts(count("a", "", 3, "GET", 1, 1), count("a", "eve ", 3, "GET", 2, 1), count("a", "Eve", 3, "GET", 3, 1), count("b", "eve", 3, "é|", 4, 1))
	k.wantCounts("2024-03-08", countKey("a", "eve"), "/=45@9", "2024-03-08/GET=8@8", "2024-03-09/GET=9@9")
	k.wantCounts("2024-04-01", countKey("a", "eve"), "/=45@9")
	k.wantCounts("", countKey("a", ""), "2024-03-03/GET=1@1")
	k.wantCounts("", countKey("a", "eve "), "2024-03-03/GET=2@1")
	k.wantCounts("", countKey("b", "eve"), "2024-03-03/é|=4@1")
	k.wantCounts("", countKey("b", "fay"))
	all, err := k.counters().Counts(k.ctx, "2024-03-09", countKey("b", "fay"), countKey("a", "eve"), countKey("a", "Eve"), countKey("a", "eve"))
	if err != nil {
		k.Fatal(err)
	}
	k.wantEqual("counters of each", []int{len(all[0]), len(all[1]), len(all[2]), len(all[3])}, []int{0, 2, 0, 2})
}

// countersTogether adds at the same time in an order that would lock the same counters in two
// ways, with updates between.
func countersTogether(k *kit) {
	const writers, rounds = 6, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				counts := []graph.Count{count("a", "eve", 1, "GET", 1, i), count("b", "eve", 1, "GET", 1, i)}
				if w%2 == 1 {
					counts[0], counts[1] = counts[1], counts[0]
				}
				if err := k.counters().AddCounts(k.ctx, counts...); err != nil {
					k.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range rounds {
			if err := k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, mv(fmt.Sprint(i))) }); err != nil {
				k.Error(err)
			}
		}
	})
	wg.Wait()
	want := fmt.Sprintf("2024-03-01/GET=%d@%d", writers*rounds, rounds-1)
	k.wantCounts("", countKey("a", "eve"), want)
	k.wantCounts("", countKey("b", "eve"), want)
	k.wantEqual("head", k.head(), rounds)
}

// RaceCounters adds to the same counters through two Stores on one database at the same time.
func RaceCounters(t *testing.T, a, b graph.Store) {
	const rounds = 40
	var wg sync.WaitGroup
	for _, s := range []graph.Store{a, b} {
		for range 2 {
			wg.Go(func() {
				for i := range rounds {
					if err := graph.CountersOf(s).AddCounts(t.Context(), count("a", "eve", 1, "GET", 1, i), count("b", "eve", 1, "GET", 2, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	k := &kit{T: t, Store: b, ctx: t.Context()}
	k.wantCounts("", countKey("a", "eve"), fmt.Sprintf("2024-03-01/GET=%d@%d", 4*rounds, rounds-1))
	k.wantCounts("", countKey("b", "eve"), fmt.Sprintf("2024-03-01/GET=%d@%d", 8*rounds, rounds-1))
}

func countersDumped(k *kit) {
	want := []string{}
	for i, object := range []string{"a", "b", "c"} {
		for j, subject := range []string{"", "eve", "eve adams"} {
			for day := range 3 {
				k.addCounts(count(object, subject, day, "GET", int64(10*i+j+1), day+1), count(object, subject, day, "WALK", 1, 2))
				want = append(want, fmt.Sprint(count(object, subject, day, "GET", int64(10*i+j+1), day+1)), fmt.Sprint(count(object, subject, day, "WALK", 1, 2)))
			}
		}
	}
	slices.Sort(want)
	dump := func(limit int) (all []graph.Count, texts []string) {
		for last := (graph.Count{}); ; {
			part, err := k.counters().DumpCounts(k.ctx, last, limit)
			if err != nil || len(part) > limit {
				k.Fatalf("%d counters for %d: %v", len(part), limit, err)
			}
			if len(part) == 0 {
				slices.Sort(texts)
				return all, texts
			}
			for _, c := range part {
				texts = append(texts, fmt.Sprint(c))
			}
			all, last = append(all, part...), part[len(part)-1]
		}
	}
	for _, limit := range []int{1, 4, 1000} {
		_, got := dump(limit)
		k.wantEqual(fmt.Sprintf("counters, %d at once", limit), got, want)
	}
	all, _ := dump(1000)
	k.addCounts(all...) // Twice as many now.
	if err := k.counters().SetCounts(k.ctx, all...); err != nil {
		k.Fatal(err)
	}
	_, got := dump(1000)
	k.wantEqual("counters that were set", got, want)
}
