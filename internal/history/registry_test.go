package history

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/cache"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/resolvers/door"
	"pedigree/service"
)

func TestMain(m *testing.M) { neo4jtest.Main(m) }

// stores opens an empty store of each engine.
var stores = []struct {
	name string
	open func(*testing.T) (graph.Store, error)
}{
	{"SQLite", func(t *testing.T) (graph.Store, error) {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
		return cache.New(s, 0), err
	}},
	{"Neo4j", func(t *testing.T) (graph.Store, error) {
		s, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
		return cache.New(s, 0), err
	}},
}

// onBoth runs a test on a registry over each engine.
func onBoth(t *testing.T, run func(*testRegistry)) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) { run(newSite(t, store.open)) })
	}
}

// testRegistry is a registry over one store, with a GraphQL handler and a clock that
// the test sets.
type testRegistry struct {
	*testing.T
	service      *service.Service
	store        graph.Store
	graphQL      http.Handler
	now          time.Time
	adminContext context.Context
}

// start is the time at which the clock of a test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newSite(t *testing.T, open func(*testing.T) (graph.Store, error)) *testRegistry {
	t.Helper()
	store, err := open(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	r := &testRegistry{T: t, now: start, store: store}
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return r.now })
	if err != nil {
		t.Fatal(err)
	}
	r.service = service.New(gate)
	r.graphQL = door.New(r.service, slog.New(slog.NewTextHandler(io.Discard, nil)), func(context.Context) string { return "" })
	r.adminContext = r.contextOf(registry.RoleAdmin)
	return r
}

// contextOf returns the context of a new request of an actor with a role, whose subject may be named.
func (r *testRegistry) contextOf(role string, subject ...string) context.Context {
	return service.As(r.Context(), registry.Actor{Subject: append(subject, "a "+role)[0], Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "")
}

// ask sends a GraphQL query as a role and returns the body of the answer.
func (r *testRegistry) ask(role, query string, vars map[string]any) string {
	r.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		r.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body)).WithContext(r.contextOf(role))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.graphQL.ServeHTTP(w, req)
	return w.Body.String()
}

// advance moves the clock forward.
func (r *testRegistry) advance(d time.Duration) { r.now = r.now.Add(d) }

// must fails the test on an error.
func must[T any](r *testRegistry) func(T, error) T {
	return func(v T, err error) T {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
		return v
	}
}

func ptr[T any](v T) *T { return &v }
