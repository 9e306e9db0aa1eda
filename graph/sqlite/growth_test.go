package sqlite_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
)

// few and many are the sizes of the stores that are compared. A full run has far more.
func sizes() (few, many int) {
	if rounds, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS")); err == nil && rounds >= 40 {
		return 10, 10000
	}
	return 10, 2500
}

// probed are the use cases whose filters are tried out before a list is read in its order, with
// how many rows that may visit. On a small store everything is narrow.
var probed = map[string]int{
	"search of a common word":                               graph.MaxMatches, // The numbers of so many are read.
	"log, 0 of a model and no action":                       50,
	"models with a stage of many and an owner":              4000, // 894 match, are looked up and sorted.
	"runs of no name by STARTED_AT":                         50,
	"datasets, 0 of a namespace and no owner by NAME":       50,
	"datasets, 0 of a namespace and no owner by CREATED_AT": 50,
	"datasets, 0 of a namespace and no owner by OWNER":      50,
	"datasets, 0 of a namespace and no owner by NAMESPACE":  50,
	"runs of no name by RUN_KIND":                           50,
	"datasets, 5 of a namespace by OWNER":                   1050,
	"datasets, 5 of an owner by NAMESPACE":                  1050,
	"versions of an owner by VERSION":                       1050,
	"versions of an owner by NUMBER":                        1050,
	"versions of an owner by CREATED_DATE":                  1050,
	"deployments, 5 of an environment by ENDED_AT":          1050,
	"deployments, 5 of an environment by OWNER":             1050,
	"deployments, 5 of an owner by ENDED_AT":                1050,
	"deployments, 5 of an owner by ENVIRONMENT":             1050,
	"lineage of a much used dataset":                        100, // The small store has ten versions and ten reads of it.
}

// TestNoUseCaseGrows runs every get, list and mutation on a small store and on a large one,
// and counts the steps of the engine: they are as many, within 1.3.
func TestNoUseCaseGrows(t *testing.T) {
	few, many := sizes()
	small, large := grow(t, few), grow(t, many)
	known := 0
	for _, c := range useCases() {
		a, b := small.steps(c), large.steps(c)
		t.Logf("%-60s %7d %7d  %.2f", c.name, a, b, float64(b)/float64(a))
		if _, ok := probed[c.name]; ok {
			known++
		}
		if tooMany(a, b-12*probed[c.name]) {
			t.Errorf("%s: %d steps with %d others, %d with %d", c.name, a, few, b, many)
		}
	}
	if known != len(probed) {
		t.Errorf("%d of %d names in the table of probed use cases are known", known, len(probed))
	}
	for _, role := range []string{registry.RoleDeveloper, registry.RoleViewer} {
		t.Run(role, func(t *testing.T) { compareAs(t, role, small, large) })
	}
	t.Run("every index is used", func(t *testing.T) {
		for _, role := range []string{registry.RoleAdmin, registry.RoleDeveloper} {
			if _, err := large.ExportFacts(large.as(role), func(bulk.FactInput) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		used := large.store.UsedIndexes(t)
		maps.Copy(used, small.store.UsedIndexes(t))
		for _, name := range large.store.Indexes(t) {
			if !used[name] {
				t.Errorf("no statement of a use case uses the index %s; drop it", name)
			}
		}
	})
}

// tooMany reports whether b is more than 1.3 times a. A few steps more are the probes of a
// filter, and the halves by which an entry of the log is found.
func tooMany(a, b int) bool { return float64(b) > 1.3*float64(a)+100 }

// TestGrowthIsSeen shows that the test above fails when no statement names its index.
func TestGrowthIsSeen(t *testing.T) {
	few, many := sizes()
	small, large := grow(t, few), grow(t, min(many, 2500))
	sqlite.WithoutIndexNames(t)
	grew := 0
	for _, c := range useCases() {
		if a, b := small.steps(c), large.steps(c); tooMany(a, b-12*probed[c.name]) {
			grew++
		}
	}
	if grew < 5 {
		t.Errorf("only %d use cases grow when the planner chooses", grew)
	}
}

// ctx returns the context of an administrator's request.
func (g *grown) ctx() context.Context { return g.as(registry.RoleAdmin) }

func (g *grown) as(role string) context.Context {
	return service.As(g.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "r")
}

// steps runs a use case twice and returns the steps of the second run, which finds its
// statements prepared.
func (g *grown) steps(c useCase) (steps int) {
	g.Helper()
	ctx := g.ctx()
	for i := range 2 {
		g.store.StepsSince(ctx)
		if err := c.run(ctx, g, i); err != nil {
			g.Fatalf("%s: %v", c.name, err)
		}
		steps = g.store.StepsSince(ctx)
	}
	return steps
}

// useCase is a get, list or mutation of the service. run does it, the n-th time on a store.
type useCase struct {
	name string
	run  func(ctx context.Context, g *grown, n int) error
	// count is what reads run: it returns how many items the caller gets. It is nil for
	// mutations.
	count func(ctx context.Context, g *grown) (int, error)
}

func useCases() []useCase {
	return slices.Concat(gets(), lists(), tagLists(), kubeflowCases(), webhookCases(), jobCases(), mutations())
}
