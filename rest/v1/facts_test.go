package v1

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// factsServer returns the URL of a handler over an empty registry for a caller with a role.
// head returns the sequence number of the last log entry.
func factsServer(t *testing.T, role string, options ...Option) (url string, head func() int64) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := New(service.New(gate), slog.New(slog.DiscardHandler), func(context.Context) string { return "request-1" }, options...)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.ServeHTTP(w, r.WithContext(service.As(r.Context(), registry.Actor{Subject: "s", Grants: []registry.Grant{{Role: role, Scope: "*"}}}, "request-1")))
	}))
	t.Cleanup(func() { srv.Close(); store.Close() })
	return srv.URL, func() int64 {
		info, err := store.Ping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info.Head
	}
}

func postLines(t *testing.T, url, media string, body io.Reader) (status int, answer string) {
	t.Helper()
	resp, err := http.Post(url+"/api/v1/facts", media, body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const goodLine = `{"datasetVersion":{"dataset":"d","version":"1"}}` + "\n"

func TestFactsAnswerLineByLine(t *testing.T) {
	url, _ := factsServer(t, registry.RoleDataScientist)
	body := goodLine + "bad\n" + `{"model":{"name":"m"}}` + "\n" + `{"transition":{"model":"m","version":"1.0.0","to":"STAGING","at":"2026-01-01T00:00:00Z"}}` + "\n" + goodLine
	status, answer := postLines(t, url, "application/x-ndjson; charset=utf-8", strings.NewReader(body))
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	if status != 200 || len(lines) != 3 || !strings.HasPrefix(lines[0], `{"line":2,"code":"INVALID_ARGUMENT","message":`) || !strings.HasPrefix(lines[1], `{"line":4,"code":"FORBIDDEN","message":"transition: you may not`) ||
		lines[2] != `{"accepted":3,"created":2,"merged":0,"unchanged":1,"refused":2,"lastLine":5}` {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := postLines(t, url, "application/jsonl", strings.NewReader("")); status != 200 || answer != `{"accepted":0,"created":0,"merged":0,"unchanged":0,"refused":0,"lastLine":0}`+"\n" {
		t.Errorf("nothing: %d %s", status, answer)
	}
}

func TestFactsRequestsAreLimited(t *testing.T) {
	limit := int64(10 * len(goodLine))
	for name, c := range map[string]struct {
		role, media string
		body        io.Reader
		status      int
		holds       string
		wrote       bool
	}{
		"as large as may be":          {registry.RoleAdmin, "application/x-ndjson", strings.NewReader(strings.Repeat(goodLine, 10)), 200, `"accepted":10`, true},
		"a byte more, by its length":  {registry.RoleAdmin, "application/x-ndjson", strings.NewReader(strings.Repeat(goodLine, 10) + "\n"), 413, "larger than", false},
		"a byte more, without length": {registry.RoleAdmin, "application/x-ndjson", io.MultiReader(strings.NewReader(strings.Repeat(goodLine, 10) + "\n")), 413, "larger than", false},
		"as plain JSON":               {registry.RoleAdmin, "application/json", strings.NewReader(goodLine), 415, "application/x-ndjson or application/jsonl", false},
		"by a viewer":                 {registry.RoleViewer, "application/x-ndjson", strings.NewReader(goodLine), 403, "facts.record", false},
		"bad lines by a viewer":       {registry.RoleViewer, "application/x-ndjson", strings.NewReader("bad"), 403, "facts.record", false},
	} {
		t.Run(name, func(t *testing.T) {
			url, head := factsServer(t, c.role, FactsBytes(limit))
			before := head()
			status, answer := postLines(t, url, c.media, c.body)
			if status != c.status || !strings.Contains(answer, c.holds) {
				t.Errorf("%d %s", status, answer)
			}
			if wrote := head() != before; wrote != c.wrote {
				t.Errorf("written: %v", wrote)
			}
		})
	}
}

func TestFactsEndAfterTooManyRefusedLines(t *testing.T) {
	url, head := factsServer(t, registry.RoleAdmin)
	before := head()
	status, answer := postLines(t, url, "application/x-ndjson", strings.NewReader(goodLine+strings.Repeat("bad\n", 5000)+strings.ReplaceAll(goodLine, `"d"`, `"behind"`)))
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	if status != 200 || len(lines) > 1+maxRefused+registry.MaxFacts || !strings.Contains(lines[len(lines)-1], fmt.Sprintf(`"stopped":"more than %d lines`, maxRefused)) || head() != before+1 {
		t.Errorf("%d, %d lines, the last %s", status, len(lines), lines[len(lines)-1])
	}
}
