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

// stores opens each engine, empty.
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
func onBoth(t *testing.T, run func(*site)) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) { run(newSite(t, store.open)) })
	}
}

// site is a registry whose clock the test moves, asked over its GraphQL door.
type site struct {
	*testing.T
	s    *service.Service
	door http.Handler
	now  time.Time
	root context.Context
}

// start is when a test's clock begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newSite(t *testing.T, open func(*testing.T) (graph.Store, error)) *site {
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
	k := &site{T: t, now: start}
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return k.now })
	if err != nil {
		t.Fatal(err)
	}
	k.s = service.New(gate)
	k.door = door.New(k.s, slog.New(slog.NewTextHandler(io.Discard, nil)), func(context.Context) string { return "" })
	k.root = k.as(registry.RoleAdmin)
	return k
}

// as is a fresh request of somebody with a role.
func (k *site) as(role string) context.Context {
	return service.As(k.Context(), registry.Actor{Subject: "a " + role, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "")
}

// ask returns the bytes of an answer.
func (k *site) ask(role, query string, vars map[string]any) string {
	k.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		k.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body)).WithContext(k.as(role))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	k.door.ServeHTTP(w, r)
	return w.Body.String()
}

// tick moves the clock on.
func (k *site) tick(d time.Duration) { k.now = k.now.Add(d) }

// must fails the test on an error.
func must[T any](k *site) func(T, error) T {
	return func(v T, err error) T {
		k.Helper()
		if err != nil {
			k.Fatal(err)
		}
		return v
	}
}

func ptr[T any](v T) *T { return &v }
