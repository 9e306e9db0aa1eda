package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// benchFixture records a model whose versions have an upstream lineage of about 30 nodes
// each.
type benchFixture struct {
	testing.TB
	ctx context.Context
	*service.Service
}

// benchToken is the token of an administrator of a benchFixture.
const benchToken = "pdg_bench_token_0123456789abcdef"

// newBenchFixture returns a fixture on an empty SQLite store.
func newBenchFixture(b *testing.B) *benchFixture {
	b.Helper()
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
	m := &benchFixture{b, service.As(b.Context(), admin, "bench"), service.New(gate)}
	if _, err := m.CreateToken(m.ctx, access.CreateTokenInput{Token: benchToken, Subject: "bench", Role: registry.RoleAdmin}); err != nil {
		b.Fatal(err)
	}
	return m
}

func ok[T any](m *benchFixture) func(T, error) T {
	return func(v T, err error) T {
		m.Helper()
		if err != nil {
			m.Fatal(err)
		}
		return v
	}
}

func (m *benchFixture) dataset(v int, name string, by *registry.ID) registry.ID {
	rows := int64(1000)
	return ok[*facts.RecordDatasetVersionPayload](m)(m.RecordDatasetVersion(m.ctx, facts.RecordDatasetVersionInput{Dataset: fmt.Sprintf("%s-%d", name, v), Namespace: "s3://bench",
		Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(fmt.Appendf(nil, "%s-%d", name, v))), Role: registry.RawData, Rows: &rows, GeneratedBy: by, URI: "s3://bench/" + name,
		Columns: []registry.Column{{Name: "c0", Type: "float"}, {Name: "c1", Type: "int"}, {Name: "c2", Type: "int"}}})).DatasetVersion.ID
}

func (m *benchFixture) run(v int, name string, commits []string, inputs ...registry.ID) registry.ID {
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	return ok[*facts.RecordRunPayload](m)(m.RecordRun(m.ctx, facts.RecordRunInput{RunID: fmt.Sprintf("%s-%d", name, v), Name: name, RunKind: registry.RunETL,
		Inputs: inputs, Commits: commits, StartedAt: at, EndedAt: at.Add(time.Hour), Producer: "bench",
		Parameters: registry.JSON(`{"depth":6}`), Metrics: []registry.Metric{{Name: "f1", Value: 0.5}}})).Run.ID
}

// version records 32 nodes and 41 edges, including the version itself.
func (m *benchFixture) version(v int) registry.ID {
	repo := facts.RepositoryInput{Name: fmt.Sprintf("repo-%d", v)}
	sha := func(n int) string { return fmt.Sprintf("%036x%04x", v, n) }
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	ok[*facts.RecordCommitsPayload](m)(m.RecordCommits(m.ctx, facts.RecordCommitsInput{Repository: repo, Commits: []facts.CommitInput{
		{SHA: sha(1), Message: "one", Author: "ada", Email: "ada@example.com", AuthoredAt: at, CommittedAt: at},
		{SHA: sha(2), Message: "two", Author: "ada", Email: "ada@example.com", AuthoredAt: at, CommittedAt: at, Parents: []string{sha(1)}}}}))
	tag := ok[*facts.RecordTagPayload](m)(m.RecordTag(m.ctx, facts.RecordTagInput{Repository: repo, Name: "v1", SHA: sha(2), TaggedAt: at})).Tag.ID
	var features []registry.ID
	var all []registry.ID
	for i := range 5 {
		var raws []registry.ID
		for j := range 2 {
			raws = append(raws, m.dataset(v, fmt.Sprintf("raw-%d-%d", i, j), nil))
		}
		etl := m.run(v, fmt.Sprintf("etl-%d", i), []string{sha(1)}, raws...)
		all = append(all, m.dataset(v, fmt.Sprintf("clean-%d", i), &etl))
	}
	fe := m.run(v, "features", []string{sha(2)}, all...)
	train := m.dataset(v, "training", &fe)
	for i := range 3 {
		column := fmt.Sprintf("c%d", i)
		features = append(features, ok[*facts.RecordFeaturePayload](m)(m.RecordFeature(m.ctx, facts.RecordFeatureInput{DefinedOn: &train, Column: column, Type: "float"})).Feature.ID)
	}
	run := m.run(v, "training", []string{sha(2)}, train)
	number := fmt.Sprintf("1.%d.0", v)
	return ok[*catalog.RegisterModelVersionPayload](m)(m.RegisterModelVersion(m.ctx, catalog.RegisterModelVersionInput{Model: "bench", Version: &number,
		Run: &run, ReleasedFrom: &tag, Features: features})).ModelVersion.ID
}

// reportCPU reports the processor time of an operation beside its wall time. On a busy
// machine it varies less.
func reportCPU(b *testing.B) func() {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	return func() { b.ReportMetric(float64((spent()-before).Nanoseconds())/float64(b.N), "cpu-ns/op") }
}

const lineageQuery = `query($of: ID!) { lineage(of: $of) { root nodes { node { id kind name } depth treeParent } edges { from to kind } truncation { truncated } } }`

// BenchmarkLineage queries over HTTP the upstream lineage, of about 30 nodes, of each of 50
// versions.
func BenchmarkLineage(b *testing.B) {
	m := newBenchFixture(b)
	s := m.Service
	ok[*catalog.ModelPayload](m)(m.RegisterModel(m.ctx, catalog.RegisterModelInput{Name: "bench"}))
	var bodies [][]byte
	for v := range 50 {
		body, _ := json.Marshal(map[string]any{"query": lineageQuery, "variables": map[string]any{"of": m.version(v)}})
		bodies = append(bodies, body)
	}
	srv := httptest.NewServer(server.New(s, server.Config{}))
	defer srv.Close()
	client := srv.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	ask := func(i int) string {
		req, _ := http.NewRequest(http.MethodPost, srv.URL+"/graphql", bytes.NewReader(bodies[i%len(bodies)]))
		req.Header.Set("Authorization", "Bearer "+benchToken)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		out, _ := io.ReadAll(resp.Body)
		return string(out)
	}
	first := ask(0)
	if n := strings.Count(first, `"depth"`); n < 30 {
		b.Fatalf("%d nodes: %s", n, first)
	}
	b.Run("Sequential", func(b *testing.B) {
		b.ReportAllocs()
		defer reportCPU(b)()
		for i := 0; b.Loop(); i++ {
			ask(i)
		}
	})
	b.Run("Parallel16", func(b *testing.B) {
		defer reportCPU(b)()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				ask(i)
			}
		})
	})
	b.Run("Service", func(b *testing.B) {
		b.ReportAllocs()
		var of struct{ Variables struct{ Of registry.ID } }
		json.Unmarshal(bodies[0], &of)
		defer reportCPU(b)()
		for b.Loop() {
			ctx := service.As(b.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "bench")
			if _, err := s.Lineage(ctx, provenance.LineageInput{Of: of.Variables.Of, Bare: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
