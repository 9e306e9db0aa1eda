package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
)

// testClock is a clock that a test moves.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func newTestClock() *testClock { return &testClock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// countedReads counts the reads of nodes by id: those of identities.
type countedReads struct {
	graph.Store
	n atomic.Int64
}

func (c *countedReads) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	c.n.Add(1)
	return c.Store.Nodes(ctx, at, ids...)
}

// Unwrap returns the store, whose counters are beside the graph.
func (c *countedReads) Unwrap() graph.Store { return c.Store }

// site is a server on a store of its own, with a clock that the test moves.
type site struct {
	*testing.T
	*service.Service
	url   string
	clock *testClock
	reads *countedReads
	admin context.Context
}

func newSite(t *testing.T, config server.Config) *site {
	t.Helper()
	return newSiteOn(t, filepath.Join(t.TempDir(), "p.db"), newTestClock(), config)
}

// newSiteOn serves a store file; several sites may serve one.
func newSiteOn(t *testing.T, file string, clock *testClock, config server.Config) *site {
	t.Helper()
	store, err := sqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, clock: clock, reads: &countedReads{Store: store}}
	gate, err := policies.NewGate(t.Context(), s.reads, table, clock.now)
	if err != nil {
		t.Fatal(err)
	}
	s.Service = service.New(gate)
	s.admin = service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	config.Now = clock.now
	srv := httptest.NewServer(server.New(s.Service, config))
	t.Cleanup(func() { srv.Close(); store.Close() })
	s.url = srv.URL
	return s
}

// token makes a token of a subject that holds a role.
func (s *site) token(subject, role string) string {
	s.Helper()
	text, err := s.CreateToken(s.admin, access.CreateTokenInput{Subject: subject, Role: role})
	if err != nil {
		s.Fatal(err)
	}
	return text
}

// reply is an answer of a site.
type reply struct {
	status int
	header http.Header
	body   string
}

// cookie returns the cookie of a name that the answer sets, nil when there is none.
func (r reply) cookie(name string) *http.Cookie {
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// code returns the registry's code of a refusal.
func (r reply) code() string {
	var b struct {
		Code   string
		Errors []struct{ Extensions struct{ Code string } }
	}
	json.Unmarshal([]byte(r.body), &b)
	if len(b.Errors) > 0 {
		return b.Errors[0].Extensions.Code
	}
	return b.Code
}

// do sends a request with headers, in pairs, and follows no redirect.
func (s *site) do(method, target, body string, headers ...string) reply {
	s.Helper()
	if !strings.HasPrefix(target, "http") {
		target = s.url + target
	}
	r, err := http.NewRequestWithContext(s.Context(), method, target, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(raw)}
}

// viewer asks who the caller is.
func (s *site) viewer(headers ...string) reply {
	s.Helper()
	return s.do("POST", "/graphql", `{"query":"{ viewer { subject roles } }"}`, append([]string{"Content-Type", "application/json"}, headers...)...)
}

// is reports whether an answer names a subject.
func (r reply) is(subject string) bool {
	return r.status == http.StatusOK && strings.Contains(r.body, `"subject":"`+subject+`"`)
}
