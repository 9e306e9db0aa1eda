package service_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"pedigree/graph/neo4j"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// textCounter counts the Cypher texts that a store sends.
type textCounter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *textCounter) add(text string, _ map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[text]++
}

// take returns how many texts were sent since the last call, and lists them.
func (c *textCounter) take() (all int, list string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range slices.Sorted(maps.Keys(c.counts)) {
		all += c.counts[text]
		list += fmt.Sprintf("\n%d × %s", c.counts[text], registry.Shorten(strings.ReplaceAll(text, "\n", " "), 150))
	}
	c.counts = map[string]int{}
	return all, list
}

// neo4jKit is a kit on a Neo4j store that counts what it sends.
func neo4jKit(t *testing.T) (*kit, *textCounter) {
	t.Helper()
	sent := &textCounter{counts: map[string]int{}}
	store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()), neo4j.WithQueryHook(sent.add), neo4j.WithoutLease())
	if err != nil {
		t.Fatal(err)
	}
	return kitOn(t, store), sent
}

// TestAPageOfModelsNeedsFewQueriesOnNeo4j reads 100 models with their latest version in at most
// three queries.
func TestAPageOfModelsNeedsFewQueriesOnNeo4j(t *testing.T) {
	k, sent := neo4jKit(t)
	for i := range 100 {
		k.model(fmt.Sprint("m", i))
		k.version(fmt.Sprint("m", i), "1.0.0")
	}
	read := func() {
		ctx := k.WithLoaders(k.admin)
		page := must[*catalog.ModelConnection](k)(k.Models(ctx, core.Paging{First: ptr(100)}, nil, nil))
		for _, e := range page.Edges {
			if v := must[*registry.ModelVersion](k)(k.LatestVersion(ctx, e.Node)); v == nil || v.Version != "1.0.0" {
				t.Errorf("%s: %v", e.Node.Name, v)
			}
		}
		if len(page.Edges) != 100 {
			t.Errorf("%d models", len(page.Edges))
		}
	}
	read() // The first one warms up what is read once.
	sent.take()
	read()
	all, list := sent.take()
	t.Logf("PROOF 100 models with their latest version: %d queries", all)
	if all > 3 {
		t.Errorf("%d queries%s", all, list)
	}
}

// TestRoundTripsOfMutationsOnNeo4j counts the statements of each mutation, alone and 16 at the
// same time. A transaction has one round trip more, for its commit: its begin goes with the
// first statement.
func TestRoundTripsOfMutationsOnNeo4j(t *testing.T) {
	k, sent := neo4jKit(t)
	for i := range 40 {
		k.model(fmt.Sprint("m", i))
		k.version(fmt.Sprint("m", i), "1.0.0")
	}
	raw := k.data("raw", nil)
	mutations := []struct {
		name            string
		alone, together float64
		run             func(ctx context.Context, model string, i int) error
	}{
		{"registerModelVersion", 2, 0.6, func(ctx context.Context, model string, i int) error {
			_, err := k.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: model, Version: ptr("2.0.0")})
			return err
		}},
		{"setAlias", 2, 0.6, func(ctx context.Context, model string, i int) error {
			_, err := k.SetAlias(ctx, catalog.SetAliasInput{Model: model, Alias: "blue", Version: "1.0.0"})
			return err
		}},
		{"transitionModelVersion", 3, 1.0, func(ctx context.Context, model string, i int) error {
			_, err := k.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: &model, Version: ptr("1.0.0"), To: registry.Staging})
			return err
		}},
		{"updateModelCard", 2, 0.6, func(ctx context.Context, model string, i int) error {
			_, err := k.UpdateModelCard(ctx, catalog.UpdateModelCardInput{Model: &model, Version: ptr("1.0.0"), Card: &catalog.ModelCardInput{}, Clear: []string{"description"}})
			return err
		}},
		{"recordDatasetVersion", 2, 0.6, func(ctx context.Context, model string, i int) error {
			_, err := k.RecordDatasetVersion(ctx, facts.RecordDatasetVersionInput{Dataset: "raw", Version: fmt.Sprint("v", model)})
			return err
		}},
		{"recordRun", 2, 0.6, func(ctx context.Context, model string, i int) error {
			_, err := k.RecordRun(ctx, facts.RecordRunInput{Producer: "p", RunID: model, Name: "r", Inputs: []registry.ID{raw}})
			return err
		}},
	}
	for _, m := range mutations {
		for i := range 2 { // The first one warms up what is read once.
			sent.take()
			if err := m.run(k.WithLoaders(k.admin), fmt.Sprint("m", i), i); err != nil {
				t.Fatal(m.name, err)
			}
		}
		alone, list := sent.take()
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if err := m.run(k.WithLoaders(k.admin), fmt.Sprint("m", 10+i), i); err != nil {
					t.Error(m.name, err)
				}
			})
		}
		all.Wait()
		together, togetherList := sent.take()
		each := float64(together) / 16
		t.Logf("PROOF %s: %d statements alone, %.1f each of 16 at once", m.name, alone, each)
		if float64(alone) > m.alone || each > m.together {
			t.Errorf("%s: alone%s\n16 at once%s", m.name, list, togetherList)
		}
	}
}
