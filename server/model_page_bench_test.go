package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pedigree/server"
	"pedigree/service/catalog"
)

// BenchmarkModels queries, through the handler and without a network, a page of 100 models
// with their latest version and aliases, one model, and one version; the page and the model also as
// MLflow's clients do.
func BenchmarkModels(b *testing.B) {
	m := newBenchFixture(b)
	s := m.Service
	for i := range 200 {
		name := fmt.Sprintf("model-%03d", i)
		ok[*catalog.ModelPayload](m)(m.RegisterModel(m.ctx, catalog.RegisterModelInput{Name: name, Owner: "ada", Description: "one of many"}))
		for v := range 3 {
			number := fmt.Sprintf("0.%d.0", v+1)
			ok[*catalog.RegisterModelVersionPayload](m)(m.RegisterModelVersion(m.ctx, catalog.RegisterModelVersionInput{Model: name, Version: &number}))
		}
		ok[*catalog.SetAliasPayload](m)(m.SetAlias(m.ctx, catalog.SetAliasInput{Model: name, Alias: "champion", Version: "0.2.0"}))
	}
	handler := server.New(s, server.Config{})
	const model = `name description owner createdAt updatedAt latestVersion { version stage } aliases { name version }`
	post := func(query string) func() *http.Request {
		body, _ := json.Marshal(map[string]any{"query": query})
		return func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			return r
		}
	}
	get := func(target string) func() *http.Request {
		return func() *http.Request { return httptest.NewRequest(http.MethodGet, target, nil) }
	}
	for _, c := range []struct {
		name    string
		request func() *http.Request
		count   string
	}{
		{"Page", post(`{ models(first: 100) { edges { node { ` + model + ` } } } }`), `"latestVersion":{"version":"0.3.0"`},
		{"Model", post(`{ model(name: "model-007") { ` + model + ` } }`), `"latestVersion":{"version":"0.3.0"`},
		{"Version", post(`{ modelVersion(model: "model-007", version: "0.3.0") { name modelName version stage description owner createdDate updatedAt tags { key value } aliases { name } } }`), `"version":"0.3.0"`},
		{"MLflowPage", get("/api/2.0/mlflow/registered-models/search?max_results=100"), `"version":"3"`},
		{"MLflowModel", get("/api/2.0/mlflow/registered-models/get?name=model-007"), `"version":"3"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				r := c.request()
				r.Header.Set("Authorization", "Bearer "+benchToken)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if n := strings.Count(w.Body.String(), c.count); n == 0 || strings.HasSuffix(c.name, "Page") && n != 100 {
					b.Fatalf("%d of %s: %s", n, c.count, w.Body)
				}
			}
		})
	}
}
