package kubeflow

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// kit is the handler over an empty registry.
type kit struct {
	*testing.T
	*Handler
	service *service.Service
}

func newKit(t *testing.T) *kit {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return kitOn(t, store)
}

// kitOnNeo4j is a kit on a registry of its own on a Neo4j server.
func kitOnNeo4j(t *testing.T) *kit {
	t.Helper()
	store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return kitOn(t, store)
}

func kitOn(t *testing.T, store graph.Store) *kit {
	t.Helper()
	policy, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, policy, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(gate)
	return &kit{t, New(s, slog.New(slog.NewTextHandler(io.Discard, nil)), func(context.Context) string { return "request-1" }), s}
}

// as returns the context of a subject with a role.
func (k *kit) as(role string) context.Context {
	return service.As(k.Context(), registry.Actor{Subject: "ada", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "r")
}

// send sends a request to a whole path as a role.
func (k *kit) send(role, method, path, body string) (int, string) {
	k.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r.WithContext(k.as(role)))
	return w.Code, w.Body.String()
}

// object is an answer.
type object map[string]any

func (o object) text(name string) string { s, _ := o[name].(string); return s }

// items returns a member of the items of a list.
func (o object) items(member string) (out []string) {
	all, _ := o["items"].([]any)
	for _, one := range all {
		out = append(out, object(one.(map[string]any)).text(member))
	}
	return out
}

// ok sends a request below the prefix of the alpha as the administrator, which must succeed.
func (k *kit) ok(method, path, body string) (out object) {
	k.Helper()
	status, text := k.send(registry.RoleAdmin, method, alphaPrefix+path, body)
	if status > 201 {
		k.Fatalf("%s %s %s: %d %s", method, path, body, status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		k.Fatal(err, text)
	}
	return out
}

// refused sends a request as the administrator, which must fail so.
func (k *kit) refused(status int, message, method, path, body string) {
	k.Helper()
	got, text := k.send(registry.RoleAdmin, method, alphaPrefix+path, body)
	if got != status || !strings.Contains(text, message) || got != http.StatusMethodNotAllowed && !strings.Contains(text, `"code":`) {
		k.Errorf("%s %s %.200s: %d %s, want %d %s", method, path, body, got, text, status, message)
	}
}
