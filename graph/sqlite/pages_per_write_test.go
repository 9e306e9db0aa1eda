package sqlite_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
)

// The store has so many models, each with three versions, their cards and an alias: some
// 10,000 nodes. So many writers write at once.
const pagesModels, pagesWriters, pagesWrites = 1200, 16, 640

// writesOfADay are what a registry writes all day, and the most pages of the log of the engine
// that each may take on average, counted in 4 KiB.
var writesOfADay = []struct {
	name string
	most float64
	run  func(ctx context.Context, g *grown, model, n int) error
}{
	{"set alias", 3.2, func(ctx context.Context, g *grown, model, n int) error {
		return errOf(g.SetAlias(ctx, catalog.SetAliasInput{Model: pagesModel(model), Alias: "alias-000000", Version: fmt.Sprintf("1.0.%d", n%2+1)}))
	}},
	{"update card", 4.0, func(ctx context.Context, g *grown, model, n int) error {
		return errOf(g.UpdateModelCard(ctx, catalog.UpdateModelCardInput{Model: ptr(pagesModel(model)), Version: ptr("1.0.0"), Card: &catalog.ModelCardInput{Description: ptr(fmt.Sprint("edit ", n))}}))
	}},
	{"transition", 5.2, func(ctx context.Context, g *grown, model, n int) error {
		to := []registry.Stage{registry.Staging, registry.Development}[n%2]
		return errOf(g.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: ptr(pagesModel(model)), Version: ptr("1.0.2"), To: to}))
	}},
	{"register version", 7.4, func(ctx context.Context, g *grown, model, n int) error {
		bump := registry.BumpMinor
		return errOf(g.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: pagesModel(model), Bump: &bump, Description: fmt.Sprint("s3://bench/", model, "/", n)}))
	}},
}

func pagesModel(n int) string { return fmt.Sprintf("model-%06d", n) }

// pagesStore makes the store, and returns a service on it and the path of the engine's log.
func pagesStore(t *testing.T) (*grown, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.WithReaders(4))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	g := &grown{T: t, store: store}
	for _, i := range rand.Perm(pagesModels) {
		m := g.addModel(pagesModel(i), "ada", minute(i))
		for n := range 3 {
			v := g.addVersion(m, pagesModel(i), n, registry.Development, "ada")
			g.add(&registry.ModelCard{Description: fmt.Sprint("card ", n)}, registry.CardID(v), v, "card", minute(n))
			if n == 0 {
				g.addAlias(m, v, 0, minute(-1))
			}
		}
	}
	g.write()
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.Service = service.New(gate)
	return g, path + "-wal"
}

// pagesPerWrite writes, each time to another model, and returns the pages that a write adds to
// the log of the engine on average. Half of the sixteen writers share a commit, whatever else
// the machine does: an update holds the store's writer until so many wait.
func pagesPerWrite(g *grown, log string, run func(ctx context.Context, g *grown, model, n int) error) float64 {
	g.Helper()
	g.store.EmptyLog(g.T)
	models := rand.Perm(pagesModels)[:pagesWrites/2]
	for n := range 2 {
		for together := range slices.Chunk(models, pagesWriters/2) {
			var writers sync.WaitGroup
			held, release := make(chan bool), make(chan bool)
			writers.Go(func() {
				if err := g.store.Update(g.ctx(), func(graph.Tx) error { close(held); <-release; return nil }); err != nil {
					g.Error(err)
				}
			})
			<-held
			for _, model := range together {
				writers.Go(func() {
					if err := run(g.ctx(), g, model, n); err != nil {
						g.Error(err)
					}
				})
			}
			for g.store.UpdatesWaiting() < len(together) && !g.Failed() {
				runtime.Gosched()
			}
			close(release)
			writers.Wait()
		}
	}
	info, err := os.Stat(log)
	if err != nil {
		g.Fatal(err)
	}
	return float64(info.Size()) / 4096 / pagesWrites
}

// TestAWriteTakesFewPages counts the pages that writes of sixteen at once add to the engine's
// log.
func TestAWriteTakesFewPages(t *testing.T) {
	g, log := pagesStore(t)
	for _, w := range writesOfADay {
		got := pagesPerWrite(g, log, w.run)
		t.Logf("%-16s %.1f pages a write", w.name, got)
		if got > w.most {
			t.Errorf("%s: %.1f pages a write, want at most %v", w.name, got, w.most)
		}
	}
}

// TestMoreIndexesTakeMorePages shows that the test above fails for a new version when all children are in the
// indexes of lists.
func TestMoreIndexesTakeMorePages(t *testing.T) {
	g, log := pagesStore(t)
	g.store.IndexAllChildren(t)
	for _, w := range writesOfADay[3:] {
		if got := pagesPerWrite(g, log, w.run); got <= w.most {
			t.Errorf("%s: only %.1f pages a write", w.name, got)
		}
	}
}
