package access

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/cache"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
)

// counted is a store that counts its calls; those of identity and of fetching
// the secret are counted too, so compare differences.
type counted struct {
	graph.Store
	reads, writes atomic.Int64
}

func (c *counted) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	c.reads.Add(1)
	return c.Store.Nodes(ctx, at, ids...)
}

func (c *counted) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	c.reads.Add(1)
	return c.Store.Find(ctx, q)
}

func (c *counted) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	c.reads.Add(1)
	return c.Store.Neighbors(ctx, q)
}

func (c *counted) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	c.reads.Add(1)
	return c.Store.Closure(ctx, q)
}

func (c *counted) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	c.reads.Add(1)
	return c.Store.Log(ctx, q)
}

func (c *counted) Update(ctx context.Context, fn func(graph.Tx) error) error {
	c.writes.Add(1)
	return c.Store.Update(ctx, fn)
}

// calls is how often the store was asked.
func (c *counted) calls() int64 { return c.reads.Load() + c.writes.Load() }

// site is a server over its own copy of the seed, on a free port of 127.0.0.1.
type site struct {
	t       testing.TB
	w       *world
	url     string
	store   *counted
	service *service.Service
	log     *lockedBuffer
	client  *http.Client
}

// lockedBuffer is a log that many requests write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// defaultTable is the built-in policy, compiled once: a table never changes.
var defaultTable = sync.OnceValues(func() (*policies.Table, error) { return policies.Load("") })

// open serves a fresh copy of the seed under a policy; "" is the default one.
func open(t testing.TB, policy string, options ...service.Option) *site {
	t.Helper()
	return openOn(t, copied(t), policy, options...)
}

// copied opens a fresh copy of the seed.
func copied(t testing.TB) *sqlite.Store {
	t.Helper()
	seed, err := os.ReadFile(seeded(t).path)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pedigree.db")
	if err := os.WriteFile(path, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), path, sqlite.WithReaders(2))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// openOn serves a store that holds the seed, and closes it in the end. As in a
// server, there is memory before it.
func openOn(t testing.TB, store graph.Store, policy string, options ...service.Option) *site {
	t.Helper()
	s := &site{t: t, w: seeded(t), store: &counted{Store: cache.New(store, 0)}, log: &lockedBuffer{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	table, err := defaultTable()
	if policy != "" {
		table, err = policies.Load(policy)
	}
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), s.store, table, ticking(time.Date(1988, 1, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		t.Fatal(err)
	}
	s.service = service.New(gate, options...)
	srv := httptest.NewServer(server.New(s.service, server.Config{Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelError}))}))
	s.url = srv.URL
	t.Cleanup(func() { s.client.CloseIdleConnections(); srv.Close(); store.Close() })
	return s
}

// answer is what came back, in bytes and read.
type answer struct {
	status int
	header http.Header
	raw    []byte
	Data   map[string]any `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
}

// code is the code of the first error that names no coordinate, "" for none.
func (a *answer) code() string {
	for _, e := range a.Errors {
		if e.Extensions["coordinate"] == nil {
			c, _ := e.Extensions["code"].(string)
			return c
		}
	}
	return ""
}

// masked reports whether a FORBIDDEN error explains the hole at a coordinate.
func (a *answer) masked(coordinate string) bool {
	for _, e := range a.Errors {
		if e.Extensions["coordinate"] == coordinate && e.Extensions["code"] == "FORBIDDEN" {
			return true
		}
	}
	return false
}

// send sends any request and reads the answer.
func (s *site) send(r *http.Request) *answer {
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		return &answer{}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Error(err)
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	json.Unmarshal(raw, a)
	return a
}

// request builds a POST of a body; who "" or anonymous sends no identity.
func (s *site) request(who, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, s.url+"/graphql", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token := s.w.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// query asks as somebody.
func (s *site) query(who, query string) *answer {
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(s.request(who, string(body)))
}

// head is the newest log sequence.
func (s *site) head() int64 {
	info, err := s.store.Ping(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return info.Head
}

// readable is all that an answer tells: its headers, its bytes, and what its
// cursors hold, which anybody can decode.
func (a *answer) readable() []byte {
	var b bytes.Buffer
	a.header.Write(&b)
	b.Write(a.raw)
	for _, c := range cursors.FindAllSubmatch(a.raw, -1) {
		if raw, err := base64.RawURLEncoding.DecodeString(string(c[1])); err == nil && len(raw) > 12 {
			b.WriteByte('\n')
			b.Write(raw[12:])
		}
	}
	return b.Bytes()
}
