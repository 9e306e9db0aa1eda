package lineage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
)

// columnNames are the columns of every dataset version of a random graph.
var columnNames = []string{"a", "b", "c"}

// deriveColumns gives every dataset version random columns that derive from those of its
// causes, and returns the sources of each column.
func (d *dag) deriveColumns(r *rand.Rand) map[lineage.ColumnRef][]lineage.ColumnRef {
	d.Helper()
	up := map[lineage.ColumnRef][]lineage.ColumnRef{}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	err := d.store.Update(d.Context(), func(tx graph.Tx) error {
		clear(up)
		for i, id := range d.ids {
			if kindOf(i) != registry.KindDatasetVersion {
				continue
			}
			var doc struct {
				Columns []registry.Column `json:"columns"`
			}
			for _, name := range columnNames {
				c := registry.Column{Name: name}
				for _, cause := range d.ups[id] {
					if cause.Kind() != registry.KindDatasetVersion {
						continue
					}
					if from := columnNames[r.IntN(3)]; r.IntN(2) == 0 {
						c.DerivedFrom = append(c.DerivedFrom, registry.ColumnSource{DatasetVersion: cause, Column: from})
						up[lineage.ColumnRef{Of: id, Name: name}] = append(up[lineage.ColumnRef{Of: id, Name: name}], lineage.ColumnRef{Of: cause, Name: from})
					}
				}
				doc.Columns = append(doc.Columns, c)
			}
			raw, err := json.Marshal(doc)
			if err != nil {
				return err
			}
			if err := tx.Put(d.Context(), &graph.Node{ID: id, Kind: registry.KindDatasetVersion, Name: fmt.Sprint(i), ValidFrom: at, Doc: raw}); err != nil {
				return err
			}
		}
		return tx.Append(d.Context(), &registry.LogEntry{At: at, Actor: "test", Action: registry.LogImported})
	})
	if err != nil {
		d.Fatal(err)
	}
	return up
}

// TestColumnsAreReachedByTheFewestDerivations compares column walks with brute force.
func TestColumnsAreReachedByTheFewestDerivations(t *testing.T) {
	asked, cut := 0, 0
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 4))
		d := newDAG(t, 18)
		d.write(randomEdges(r, 18, 0.35))
		up := d.deriveColumns(r)
		down := map[lineage.ColumnRef][]lineage.ColumnRef{}
		for c, sources := range up {
			for _, s := range sources {
				down[s] = append(down[s], c)
			}
		}
		for range 20 {
			datasets := slices.DeleteFunc(slices.Clone(d.ids), func(id registry.ID) bool { return id.Kind() != registry.KindDatasetVersion })
			root := lineage.ColumnRef{Of: datasets[r.IntN(len(datasets))], Name: columnNames[r.IntN(3)]}
			depth := r.IntN(5)
			d.checkSources(root, depth, up, down)
			for direction, next := range map[lineage.Direction]map[lineage.ColumnRef][]lineage.ColumnRef{lineage.Upstream: up, lineage.Downstream: down} {
				want := columnDepths(root, next)
				got, err := lineage.WalkColumns(t.Context(), d.store, root.Of, root.Name, lineage.ColumnOptions{Direction: direction, MaxDepth: depth})
				if err != nil {
					t.Fatal(err)
				}
				beyond, within := false, 0
				for _, n := range want {
					if beyond = beyond || n > depth; n <= depth {
						within++
					}
				}
				for _, it := range got.Items {
					if n, ok := want[it.ColumnRef]; !ok || n != it.Depth {
						t.Errorf("%v is %d derivations from %v, want %d %v", it.ColumnRef, it.Depth, root, n, ok)
					}
				}
				if asked++; len(got.Items) != within || slices.Contains(got.Reasons, lineage.ReasonDepth) != beyond {
					t.Errorf("%d columns, want %d; %v, more beyond: %v", len(got.Items), within, got.Reasons, beyond)
				}
				if beyond {
					cut++
				}
			}
		}
	}
	if cut == 0 || cut == asked {
		t.Errorf("%d of %d were cut: the test shows one side only", cut, asked)
	}
}

// checkSources compares, for a walk in both directions, the columns and the sources that
// each names with brute force: all of its sources that are in the answer.
func (d *dag) checkSources(root lineage.ColumnRef, depth int, up, down map[lineage.ColumnRef][]lineage.ColumnRef) {
	d.Helper()
	got, err := lineage.WalkColumns(d.Context(), d.store, root.Of, root.Name, lineage.ColumnOptions{Direction: lineage.Both, MaxDepth: depth})
	if err != nil {
		d.Fatal(err)
	}
	held := map[lineage.ColumnRef]bool{}
	for _, next := range []map[lineage.ColumnRef][]lineage.ColumnRef{up, down} {
		for c, n := range columnDepths(root, next) {
			held[c] = held[c] || n <= depth
		}
	}
	for _, it := range got.Items {
		want := 0
		for _, s := range up[it.ColumnRef] {
			if held[s] {
				want++
			}
		}
		if !held[it.ColumnRef] || len(it.From) != want {
			d.Errorf("%v of %v names %d of %d sources in the answer", it.ColumnRef, root, len(it.From), want)
		}
	}
}

// TestAColumnMayComeThroughARunOutsideTheWalk: late is derived from early through a run
// that read neither the root nor anything that comes of it.
func TestAColumnMayComeThroughARunOutsideTheWalk(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			store := open(t)
			id := func(kind registry.Kind, name string) registry.ID { return registry.NewID(kind, name) }
			early, root, late := id(registry.KindDatasetVersion, "early"), id(registry.KindDatasetVersion, "root"), id(registry.KindDatasetVersion, "late")
			outside := id(registry.KindRun, "outside")
			dataset := func(of registry.ID, sources ...registry.ID) *graph.Node {
				c := registry.Column{Name: "c"}
				for _, s := range sources {
					c.DerivedFrom = append(c.DerivedFrom, registry.ColumnSource{DatasetVersion: s, Column: "c"})
				}
				doc, _ := json.Marshal(map[string]any{"columns": []registry.Column{c}})
				return &graph.Node{ID: of, Kind: registry.KindDatasetVersion, Name: "d", Doc: doc}
			}
			err := store.Update(t.Context(), func(tx graph.Tx) error {
				return errors.Join(tx.Put(t.Context(), dataset(early), dataset(root, early), dataset(late, root, early), &graph.Node{ID: outside, Kind: registry.KindRun, Name: "r", Doc: []byte("{}")}),
					tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: root, To: early}, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: late, To: root},
						&graph.Edge{Kind: registry.EdgeGeneratedBy, From: late, To: outside}, &graph.Edge{Kind: registry.EdgeUsed, From: outside, To: early}),
					tx.Append(t.Context(), &registry.LogEntry{Actor: "test", Action: registry.LogImported}))
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := lineage.WalkColumns(t.Context(), store, root, "c", lineage.ColumnOptions{Direction: lineage.Both, MaxDepth: 5})
			if err != nil || len(got.Items) != 3 || len(got.Reasons) > 0 {
				t.Fatalf("%v, %+v", err, got)
			}
			for _, it := range got.Items {
				if want := map[registry.ID]int{early: 0, root: 1, late: 2}[it.Of]; len(it.From) != want {
					t.Errorf("%v names %d sources, want %d", it.ColumnRef, len(it.From), want)
				}
			}
		})
	}
}

func columnDepths(root lineage.ColumnRef, next map[lineage.ColumnRef][]lineage.ColumnRef) map[lineage.ColumnRef]int {
	depth := map[lineage.ColumnRef]int{root: 0}
	for queue := []lineage.ColumnRef{root}; len(queue) > 0; queue = queue[1:] {
		for _, far := range next[queue[0]] {
			if _, ok := depth[far]; !ok {
				depth[far] = depth[queue[0]] + 1
				queue = append(queue, far)
			}
		}
	}
	return depth
}

// TestAColumnWalkMakesFewStoreCalls checks a graph with very many paths.
func TestAColumnWalkMakesFewStoreCalls(t *testing.T) {
	const width, layers = 6, 8
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
	d.deriveColumns(rand.New(rand.NewPCG(1, 5)))
	counted := &callCounter{Store: d.store}
	got, err := lineage.WalkColumns(t.Context(), counted, d.ids[0], "a", lineage.ColumnOptions{Direction: lineage.Downstream, MaxDepth: 50})
	if err != nil || len(got.Items) < 20 {
		t.Fatalf("%v, %d columns", err, len(got.Items))
	}
	if counted.calls > 8 {
		t.Errorf("%d store calls", counted.calls)
	}
}
