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

	"pedigree/audit"
	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/graph/cache"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
)

// countingStore counts the calls to a store. The count includes authentication and
// the read of the secret, so tests compare differences.
type countingStore struct {
	graph.Store
	reads, writes atomic.Int64
}

func (c *countingStore) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	c.reads.Add(1)
	return c.Store.Nodes(ctx, at, ids...)
}

func (c *countingStore) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	c.reads.Add(1)
	return c.Store.Find(ctx, q)
}

func (c *countingStore) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	c.reads.Add(1)
	return c.Store.Neighbors(ctx, q)
}

func (c *countingStore) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	c.reads.Add(1)
	return c.Store.Closure(ctx, q)
}

func (c *countingStore) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	c.reads.Add(1)
	return c.Store.Log(ctx, q)
}

func (c *countingStore) AddCounts(ctx context.Context, counts ...graph.Count) error {
	return graph.CountersOf(c.Store).AddCounts(ctx, counts...)
}

func (c *countingStore) DumpCounts(ctx context.Context, after graph.Count, limit int) ([]graph.Count, error) {
	return graph.CountersOf(c.Store).DumpCounts(ctx, after, limit)
}

func (c *countingStore) SetCounts(ctx context.Context, counts ...graph.Count) error {
	return graph.CountersOf(c.Store).SetCounts(ctx, counts...)
}

func (c *countingStore) Counts(ctx context.Context, since string, keys ...graph.CountKey) ([][]graph.Count, error) {
	c.reads.Add(1)
	return graph.CountersOf(c.Store).Counts(ctx, since, keys...)
}

func (c *countingStore) Update(ctx context.Context, fn func(graph.Tx) error) error {
	c.writes.Add(1)
	return c.Store.Update(ctx, fn)
}

// calls returns the number of calls to the store.
func (c *countingStore) calls() int64 { return c.reads.Load() + c.writes.Load() }

// testServer is a server over its own copy of the seed, on a free port of 127.0.0.1.
type testServer struct {
	t       testing.TB
	seed    *seedData
	url     string
	store   *countingStore
	service *service.Service
	log     *lockedBuffer
	client  *http.Client
}

// lockedBuffer is a log that concurrent requests may write to.
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
func open(t testing.TB, policy string, options ...service.Option) *testServer {
	t.Helper()
	return openOn(t, copied(t), policy, options...)
}

// copied opens a fresh copy of the seed.
func copied(t testing.TB) *sqlite.Store {
	t.Helper()
	seed, err := os.ReadFile(loadSeed(t).path)
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

// openOn serves a store that holds the seed and closes it after the test. As in
// production, a cache stands before the store.
func openOn(t testing.TB, store graph.Store, policy string, options ...service.Option) *testServer {
	t.Helper()
	s := &testServer{t: t, seed: loadSeed(t), store: &countingStore{Store: cache.New(store, 0)}, log: &lockedBuffer{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	table, err := defaultTable()
	if policy != "" {
		table, err = policies.Load(policy)
	}
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), s.store, table, tickingClock(time.Date(1988, 1, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		t.Fatal(err)
	}
	files, err := blobs.New("file://" + s.seed.path + ".artifacts")
	if err != nil {
		t.Fatal(err)
	}
	s.service = service.New(gate, append(options, service.WithBlobs(files, 1<<20), service.WithTrust(seedTrust), service.WithReferences(elsewhere{}))...)
	s.signLog(t)
	srv := httptest.NewServer(server.New(s.service, server.Config{AliveInterval: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelError}))}))
	s.url = srv.URL
	t.Cleanup(func() { s.client.CloseIdleConnections(); srv.Close(); store.Close() })
	return s
}

// signLog gives the server a key for the log. It acts as the administrator or, under a policy
// that has no such role, as a keeper.
func (s *testServer) signLog(t testing.TB) {
	t.Helper()
	private, err := audit.NewKey(s.service.LogOrigin())
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.ParseKey(private)
	if err == nil {
		err = s.service.SetLogKey(service.As(t.Context(), registry.Actor{Subject: "test", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}, {Role: "keeper", Scope: registry.ScopeAll}}}, "test"), key)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answer is an HTTP response, raw and decoded.
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

// code returns the code of the first error that names no coordinate, "" when there
// is none.
func (a *answer) code() string {
	for _, e := range a.Errors {
		if e.Extensions["coordinate"] == nil {
			c, _ := e.Extensions["code"].(string)
			return c
		}
	}
	return ""
}

// masked reports whether a FORBIDDEN error explains the null at a coordinate.
func (a *answer) masked(coordinate string) bool {
	for _, e := range a.Errors {
		if e.Extensions["coordinate"] == coordinate && e.Extensions["code"] == "FORBIDDEN" {
			return true
		}
	}
	return false
}

// send sends a request and reads the answer.
func (s *testServer) send(r *http.Request) *answer {
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

// request builds a POST of a body to /graphql with the token of an actor. "" and
// anonymous have no token.
func (s *testServer) request(who, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, s.url+"/graphql", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token := s.seed.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// query sends a GraphQL query as an actor. {own webhook} stands for the id of that of the actor.
func (s *testServer) query(who, query string) *answer {
	query = strings.ReplaceAll(query, "{own webhook}", string(s.seed.id["webhook "+who]))
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(s.request(who, string(body)))
}

// logHead returns the sequence number of the newest log entry.
func (s *testServer) logHead() int64 {
	info, err := s.store.Ping(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return info.Head
}

// readable returns all that a caller can read in an answer: its headers, its body,
// and the decoded cursors.
func (a *answer) readable() []byte {
	var b bytes.Buffer
	a.header.Write(&b)
	b.Write(a.raw)
	for _, c := range cursorPattern.FindAllSubmatch(a.raw, -1) {
		if raw, err := base64.RawURLEncoding.DecodeString(string(c[1])); err == nil && len(raw) > 12 {
			b.WriteByte('\n')
			b.Write(raw[12:])
		}
	}
	return b.Bytes()
}

// elsewhere has a file at each URI.
type elsewhere struct{}

// Open opens the one file.
func (elsewhere) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("bytes elsewhere")), nil
}
