package service_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph/readmemory"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// benchService returns a service on an empty SQLite store, and a context of an administrator.
func benchService(b *testing.B) (*service.Service, context.Context) {
	b.Helper()
	readmemory.CheckNode, core.CheckSharedNoun = nil, nil // What tests check is not measured.
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "p.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	table, err := policies.Load("")
	if err != nil {
		b.Fatal(err)
	}
	gate, err := policies.NewGate(b.Context(), store, table, nil)
	if err != nil {
		b.Fatal(err)
	}
	admin := registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}
	return service.New(gate), service.As(b.Context(), admin, "bench")
}

// BenchmarkFacts measures how many facts per second one client records on SQLite
// (synchronous=FULL, with log entries and cycle checks): one by one by their mutations, and in
// batches of 50 and 500. Of five facts two are dataset versions, one is a run that reads and
// writes them, and two are links.
func BenchmarkFacts(b *testing.B) {
	perSecond := func(b *testing.B, facts int) {
		b.ReportMetric(float64(facts)/b.Elapsed().Seconds(), "facts/s")
	}
	b.Run("one by one", func(b *testing.B) {
		s, ctx := benchService(b)
		n := 0
		for b.Loop() {
			for _, f := range pipeline(n) {
				var err error
				switch {
				case f.DatasetVersion != nil:
					_, err = s.RecordDatasetVersion(ctx, *f.DatasetVersion)
				case f.Run != nil:
					_, err = s.RecordRun(ctx, *f.Run)
				default:
					_, err = s.LinkLineage(ctx, *f.Link)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			n++
		}
		perSecond(b, 5*n)
	})
	for _, size := range []int{50, 500} {
		b.Run(fmt.Sprint("batches of ", size), func(b *testing.B) {
			s, ctx := benchService(b)
			n := 0
			for b.Loop() {
				var in bulk.RecordFactsInput
				for range size / 5 {
					in.Facts = append(in.Facts, pipeline(n)...)
					n++
				}
				if _, err := s.RecordFacts(ctx, in); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b, 5*n)
		})
	}
}

// pipeline returns the facts of the ith run and its data. The runs are a chain: each run reads
// what the run before it wrote.
func pipeline(i int) []bulk.FactInput {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
	id := func(name string, i int) registry.ID {
		return registry.DatasetVersionID(registry.DatasetID(registry.DefaultNamespace, fmt.Sprint(name, i)), "1")
	}
	data := func(name string) bulk.FactInput {
		return bulk.FactInput{DatasetVersion: &facts.RecordDatasetVersionInput{Dataset: fmt.Sprint(name, i), Version: "1", CreatedAt: at}}
	}
	out := []bulk.FactInput{data("raw"), data("out"),
		{Run: &facts.RecordRunInput{Producer: "bench", RunID: fmt.Sprint(i), Name: "r", StartedAt: at, Inputs: []registry.ID{id("raw", i)}, Outputs: []registry.ID{id("out", i)}}},
		{Link: &facts.LinkLineageInput{From: id("out", i), To: id("raw", i), Kind: registry.EdgeDerivedFrom}}}
	before := id("out", i-1)
	if i == 0 {
		before = id("raw", 0)
	}
	return append(out, bulk.FactInput{Link: &facts.LinkLineageInput{From: registry.NewRunID("bench", fmt.Sprint(i)), To: before, Kind: registry.EdgeUsed}})
}
