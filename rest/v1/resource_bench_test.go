package v1

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
)

// BenchmarkGetVersion compares the route of a version with the calls of the service below it.
func BenchmarkGetVersion(b *testing.B) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "p.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	table, err := policies.Load("")
	if err != nil {
		b.Fatal(err)
	}
	gate, err := policies.NewGate(b.Context(), store, table, nil)
	if err != nil {
		b.Fatal(err)
	}
	s := service.New(gate)
	admin := service.As(b.Context(), registry.Actor{Subject: "admin", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "request-1")
	one := "1.0.0"
	if _, err := s.RegisterModelVersion(admin, catalog.RegisterModelVersionInput{Model: "fraud", Version: &one, CreateModel: true, Card: &catalog.ModelCardInput{Features: []string{"amount"}}}); err != nil {
		b.Fatal(err)
	}
	b.Run("service", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx := s.WithLoaders(admin)
			v, err := s.ModelVersion(ctx, "fraud", "v1.0.0")
			if err == nil {
				_, err = s.CardOf(ctx, v)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("REST", func(b *testing.B) {
		b.ReportAllocs()
		h := New(s, slog.New(slog.NewTextHandler(io.Discard, nil)), func(context.Context) string { return "" })
		r := httptest.NewRequest("GET", "http://x/api/v1/models/fraud/v1.0.0", nil).WithContext(admin)
		for b.Loop() {
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != 200 {
				b.Fatal(w.Body)
			}
		}
	})
}
