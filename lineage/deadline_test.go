package lineage_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
)

// countdownContext is a context whose deadline passes after a number of calls of Err, so
// that a test can end the work at every step.
type countdownContext struct {
	context.Context
	left int
}

func (u *countdownContext) Err() error {
	if u.left--; u.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestADeadlineReturnsWhatWasFound lets the deadline pass at every step of a walk, of a
// path search and of an impact walk.
func TestADeadlineReturnsWhatWasFound(t *testing.T) {
	const n = 30
	forSeeds(t, "deadline", 2, func(t *testing.T, open func(testing.TB) graph.Store, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 11))
		d := dagIn(t, open(t), n)
		d.write(randomEdges(r, n, 0.15))
		root, top := d.ids[0], d.ids[n-1]
		cut, whole := 0, 0
		see := func(time, all bool) {
			switch {
			case time:
				cut++
			case all:
				whole++
			default:
				t.Error("something is missing without a reason")
			}
		}
		depth := shortestDepths(root, d.downs)
		ways := min(5, len(d.pathLengths(top, root)))
		want := d.expectedRows(d.ids[:1], datasetsAndVersions)
		for left := range 40 {
			ctx := func() context.Context { return &countdownContext{t.Context(), left} }
			g, err := lineage.Walk(ctx(), d.store, root, walkOptions(lineage.Downstream, 50))
			if err != nil {
				t.Fatalf("after %d steps: %v", left, err)
			}
			for _, it := range g.Items {
				if it.Depth != depth[it.Node.ID] {
					t.Errorf("%s has depth %d, want %d", it.Node.Name, it.Depth, depth[it.Node.ID])
				}
			}
			see(slices.Contains(g.Reasons, lineage.ReasonTime), len(g.Items) == len(depth))

			p, err := lineage.FindPaths(ctx(), d.store, top, root, 5, graph.Instant{})
			if err != nil {
				t.Fatalf("after %d steps: %v", left, err)
			}
			late := slices.Contains(p.Reasons, lineage.ReasonTime)
			if see(late, len(p.Shortest) == ways); late && p.Exhaustive {
				t.Error("the paths are called exhaustive after a timeout")
			}
			d.checkImpactUntil(left, want, see)
		}
		if cut == 0 || whole == 0 {
			t.Errorf("%d answers were cut and %d whole: the test shows one side only", cut, whole)
		}
	})
}

func (d *dag) checkImpactUntil(left int, want []string, see func(time, all bool)) {
	d.Helper()
	ctx := &countdownContext{d.Context(), left}
	w, err := lineage.NewImpact(ctx, d.store, d.ids[:1], datasetsAndVersions, graph.Instant{})
	if err != nil {
		d.Fatalf("after %d steps: %v", left, err)
	}
	var got []lineage.Descendant
	at, more, err := w.Rows(ctx, lineage.RowPosition{}, false, 5, func(x lineage.Descendant) bool { got = append(got, x); return true })
	if err != nil {
		d.Fatalf("after %d steps: %v", left, err)
	}
	names := rowLabels(got)
	if len(names) > len(want) || !slices.Equal(names, want[:len(names)]) {
		d.Errorf("after %d steps: %v is no prefix of %v", left, names, want)
	}
	see(slices.Contains(w.Truncation().Reasons, lineage.ReasonTime), len(names) == len(want))
	if !more {
		return
	}
	// The rest follows after the returned place.
	rest, _, _, _ := readRows(d.T, d.store, d.ids[:1], datasetsAndVersions, graph.Instant{}, at, 1000, nil)
	if names = append(names, rowLabels(rest)...); !slices.Equal(names, want) {
		d.Errorf("after %d steps and the next page: %v, want %v", left, names, want)
	}
}

func TestACancelledWalkIsAnError(t *testing.T) {
	d := newDAG(t, 3)
	d.write([][2]int{{1, 0}, {2, 1}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lineage.Walk(ctx, d.store, d.ids[0], walkOptions(lineage.Downstream, 5)); err == nil || errors.Is(err, context.DeadlineExceeded) ||
		registry.CodeOf(err) == registry.NotFound {
		t.Errorf("a cancelled walk returns %v", err)
	}
}
