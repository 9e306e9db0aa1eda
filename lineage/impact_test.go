package lineage_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
)

var datasetsAndVersions = []registry.Kind{registry.KindDatasetVersion, registry.KindModelVersion}

// readRows returns the rows of a page after a place.
func readRows(t *testing.T, r graph.Reader, roots []registry.ID, targets []registry.Kind, at graph.Instant, after lineage.RowPosition, size int, change func(*lineage.Impact)) (out []lineage.Descendant, end lineage.RowPosition, more bool, w *lineage.Impact) {
	t.Helper()
	w, err := lineage.NewImpact(t.Context(), r, roots, targets, at)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(w)
	}
	end, more, err = w.Rows(t.Context(), after, false, size, func(d lineage.Descendant) bool {
		if len(out) == size {
			return false
		}
		out = append(out, d)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, end, more, w
}

// expectedRows lists the descendants of roots by brute force: by depth, then in the order
// of writing.
func (d *dag) expectedRows(roots []registry.ID, targets []registry.Kind) (out []string) {
	depth := map[registry.ID]int{}
	for _, root := range roots {
		for id, n := range shortestDepths(root, d.downs) {
			if old, ok := depth[id]; !ok || n < old {
				depth[id] = n
			}
		}
	}
	var order []int
	for i, id := range d.ids {
		if depth[id] > 0 && slices.Contains(targets, kindOf(i)) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(depth[d.ids[i]], depth[d.ids[j]]), cmp.Compare(i, j)) })
	for _, i := range order {
		out = append(out, fmt.Sprint(depth[d.ids[i]], " ", i))
	}
	return out
}

func rowLabels(ds []lineage.Descendant) (out []string) {
	for _, d := range ds {
		out = append(out, fmt.Sprint(d.Depth, " ", d.Node.Name))
	}
	return out
}

func TestImpactListsEveryDescendantNearestFirstAndPagesAddUp(t *testing.T) {
	forSeeds(t, "impact", 6, func(t *testing.T, open func(testing.TB) graph.Store, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 7))
		const n = 40
		d := dagIn(t, open(t), n)
		d.write(randomEdges(r, n, 0.04+0.2*r.Float64()))
		for range 4 {
			roots := []registry.ID{d.ids[r.IntN(n/2)], d.ids[r.IntN(n/2)]}
			targets := [][]registry.Kind{datasetsAndVersions, datasetsAndVersions[:1], datasetsAndVersions[1:]}[r.IntN(3)]
			whole, _, more, _ := readRows(t, d.store, roots, targets, graph.Instant{}, lineage.RowPosition{}, 1000, nil)
			if want := d.expectedRows(roots, targets); !slices.Equal(rowLabels(whole), want) || more {
				t.Fatalf("got %v, want %v", rowLabels(whole), want)
			}
			for _, x := range whole {
				d.checkPath(x, roots)
			}
			size := 1 + r.IntN(5)
			var paged []lineage.Descendant
			for after, more := (lineage.RowPosition{}), true; more; {
				var page []lineage.Descendant
				page, after, more, _ = readRows(t, d.store, roots, targets, graph.Instant{}, after, size, nil)
				paged = append(paged, page...)
			}
			if !slices.Equal(rowLabels(paged), rowLabels(whole)) {
				t.Fatalf("pages of %d: %v, the whole is %v", size, rowLabels(paged), rowLabels(whole))
			}
		}
	})
}

// checkPath checks that the path of a row has the fewest hops and only existing edges.
func (d *dag) checkPath(x lineage.Descendant, roots []registry.ID) {
	d.Helper()
	path := x.Path()
	if len(path) != x.Depth+1 || !slices.Contains(roots, path[0].ID) || path[x.Depth].ID != x.Node.ID {
		d.Errorf("%s: depth %d with a path of %d nodes", x.Node.Name, x.Depth, len(path))
	}
	for i := 1; i < len(path); i++ {
		if !slices.Contains(d.downs[path[i-1].ID], path[i].ID) {
			d.Error("a path has an edge that does not exist")
		}
	}
}

// newHub writes a node with many effects, each with one effect of its own.
func newHub(t *testing.T, store graph.Store, fan int) *dag {
	d := dagIn(t, store, 1+2*fan)
	var edges [][2]int
	for i := range fan {
		edges = append(edges, [2]int{1 + i, 0}, [2]int{1 + fan + i, 1 + i})
	}
	d.write(edges)
	return d
}

// neighborCounter counts the neighbors read and the calls.
type neighborCounter struct {
	graph.Reader
	neighbors, calls int
}

func (c *neighborCounter) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	hops, err := c.Reader.Neighbors(ctx, q)
	c.calls++
	for _, h := range hops {
		c.neighbors += len(h.Nodes)
	}
	return hops, err
}

func TestPagesOfAHubReadLittleMoreThanTheirRows(t *testing.T) {
	const fan = 3000
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			d := newHub(t, open(t), fan)
			r := &neighborCounter{Reader: d.store}
			after, seen := lineage.RowPosition{}, 0
			for page := range 4 {
				r.neighbors, r.calls = 0, 0
				var got []lineage.Descendant
				got, after, _, _ = readRows(t, r, d.ids[:1], datasetsAndVersions, graph.Instant{}, after, 100, nil)
				seen += len(got)
				if len(got) != 100 || r.neighbors > 250 || r.calls > 3 {
					t.Errorf("page %d: %d rows for %d neighbors in %d calls", page, len(got), r.neighbors, r.calls)
				}
			}
			whole := d.expectedRows(d.ids[:1], datasetsAndVersions)
			all, _, _, _ := readRows(t, d.store, d.ids[:1], datasetsAndVersions, graph.Instant{}, lineage.RowPosition{}, 1000, nil)
			if !slices.Equal(rowLabels(all), whole[:1000]) || seen != 400 {
				t.Errorf("the first thousand rows are wrong")
			}
		})
	}
}

func TestBudgetsAreReportedAndPagesContinueBeyondThem(t *testing.T) {
	const fan = 400
	d := newHub(t, engines["SQLite"](t), fan)
	narrow := func(w *lineage.Impact) { w.PerNode, w.PerLevel, w.Total, w.Reads = 50, 60, 100, 150 }
	var got []string
	after, more, pages := lineage.RowPosition{}, true, 0
	reasons := map[lineage.Reason]bool{}
	for ; more && pages < 50; pages++ {
		var page []lineage.Descendant
		var w *lineage.Impact
		page, after, more, w = readRows(t, d.store, d.ids[:1], datasetsAndVersions, graph.Instant{}, after, 1000, narrow)
		got = append(got, rowLabels(page)...)
		for _, r := range w.Truncation().Reasons {
			reasons[r] = true
		}
	}
	whole := d.expectedRows(d.ids[:1], datasetsAndVersions)
	// All 400 neighbors of the root, although the walk continues from only 50 of them;
	// then the effects of these 50.
	if !slices.Equal(got, whole[:fan+50]) {
		t.Errorf("%d rows in %d pages, want %d: %v", len(got), pages, fan+50, got[max(0, len(got)-5):])
	}
	if pages < 3 || !reasons[lineage.ReasonFanout] || !reasons[lineage.ReasonNodes] {
		t.Errorf("%d pages, reasons %v", pages, reasons)
	}
}

func TestNoRowComesTwiceWhenALevelIsTruncated(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 9))
		d := newDAG(t, 40)
		d.write(randomEdges(r, 40, 0.15))
		narrow := func(w *lineage.Impact) { w.PerNode, w.PerLevel, w.Total = 3, 4, 9 }
		whole, _, _, _ := readRows(t, d.store, d.ids[:1], datasetsAndVersions, graph.Instant{}, lineage.RowPosition{}, 1000, narrow)
		var paged []lineage.Descendant
		for after, more := (lineage.RowPosition{}), true; more; {
			var page []lineage.Descendant
			page, after, more, _ = readRows(t, d.store, d.ids[:1], datasetsAndVersions, graph.Instant{}, after, 2, narrow)
			paged = append(paged, page...)
		}
		once := map[string]bool{}
		for _, x := range whole {
			if once[x.Node.Name] {
				t.Errorf("seed %d: %s comes twice", seed, x.Node.Name)
			}
			once[x.Node.Name] = true
			d.checkPath(x, d.ids[:1])
		}
		if !slices.Equal(rowLabels(paged), rowLabels(whole)) {
			t.Errorf("seed %d: pages %v, the whole %v", seed, rowLabels(paged), rowLabels(whole))
		}
	}
}

// TestPagesAddUpDuringWrites reads all pages at the log sequence of the first, as a cursor
// does, while another goroutine adds descendants everywhere.
func TestPagesAddUpDuringWrites(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			d := newHub(t, open(t), 60)
			want := d.expectedRows(d.ids[:1], datasetsAndVersions)
			w, err := lineage.NewImpact(t.Context(), d.store, d.ids[:1], datasetsAndVersions, graph.Instant{})
			if err != nil {
				t.Fatal(err)
			}
			at := graph.Instant{Known: w.Head}
			stop, wrote := make(chan struct{}), 0
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						wrote++
						d.derive(fmt.Sprint("later", wrote), d.ids[wrote%len(d.ids)])
					}
				}
			})
			var got []string
			for after, more := (lineage.RowPosition{}), true; more; {
				var page []lineage.Descendant
				page, after, more, _ = readRows(t, d.store, d.ids[:1], datasetsAndVersions, at, after, 7, nil)
				got = append(got, rowLabels(page)...)
			}
			close(stop)
			wg.Wait()
			if !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
			if ok, err := w.Unchanged(t.Context()); err != nil || ok == (wrote > 0) {
				t.Errorf("settled %v after %d writes, %v", ok, wrote, err)
			}
		})
	}
}

// derive adds one more effect of a node.
func (d *dag) derive(name string, of registry.ID) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id := registry.NewID(registry.KindDatasetVersion, name)
	err := d.store.Update(d.Context(), func(tx graph.Tx) error {
		if err := tx.Put(d.Context(), &graph.Node{ID: id, Kind: registry.KindDatasetVersion, Name: name, ValidFrom: at, Doc: []byte(`{}`)}); err != nil {
			return err
		}
		if err := tx.Link(d.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: id, To: of, ValidFrom: at}); err != nil {
			return err
		}
		return tx.Append(d.Context(), &registry.LogEntry{At: at, Actor: "test", Action: registry.LogImported})
	})
	if err != nil {
		d.Error(err)
	}
}
