package neo4j

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
)

// TestClosureMethodsAgree compares the methods of answering a closure: by a single
// query, by a search in the server, and level by level, as it is defined.
func TestClosureMethodsAgree(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct {
		mark       string
		fast, slow closureMethod
	}{"single query": {"collect(f) AS n0", anyMethod, levelMethod}, "search": {"min(length(p))", searchMethod, levelMethod}} {
		t.Run(name, func(t *testing.T) {
			fast, slow := open(t), open(t)
			fast.closureMethod, slow.closureMethod = way.fast, way.slow
			tried := 0
			fast.onQuery = func(text string, _ map[string]any) {
				if strings.Contains(text, way.mark) {
					tried++
				}
			}
			graphtest.Differential(t, 77, 40, fast, slow)
			if tried < 10 {
				t.Errorf("it was tried %d times", tried)
			}
			t.Logf("tried %d times", tried)
		})
	}
}

// TestASmallClosureIsOneQuery counts the queries: one, with all stages, when the graph
// is small and the question is about the present.
func TestASmallClosureIsOneQuery(t *testing.T) {
	s := open(t)
	nodes := make([]*graph.Node, singleQueryNodes+10)
	var edges []*graph.Edge
	for i := range nodes {
		nodes[i] = &graph.Node{ID: registry.NewID(registry.KindCommit, fmt.Sprint(i)), Kind: registry.KindCommit, Name: fmt.Sprint(i)}
		if i > 0 {
			edges = append(edges, &graph.Edge{Kind: registry.EdgeParent, From: nodes[i].ID, To: nodes[0].ID})
		}
	}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Put(t.Context(), nodes...), tx.Link(t.Context(), edges...), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	s.onQuery = func(string, map[string]any) { asked++ }
	for name, c := range map[string]struct {
		q     graph.ClosureQuery
		one   bool
		nodes int
	}{
		"up":                {graph.ClosureQuery{Roots: []registry.ID{nodes[1].ID}, Direction: graph.Upstream}, true, 2},
		"two roots":         {graph.ClosureQuery{Roots: []registry.ID{nodes[1].ID, nodes[2].ID}, Direction: graph.Upstream}, true, 3},
		"a wide one":        {graph.ClosureQuery{Roots: []registry.ID{nodes[0].ID}, Direction: graph.Downstream}, false, len(nodes)},
		"a wide stage":      {graph.ClosureQuery{Roots: []registry.ID{nodes[1].ID}, Direction: graph.Upstream, Stages: []graph.Stage{{From: registry.KindCommit, Direction: graph.Downstream, Depth: 1, Fanout: 1000, Limit: 1000}}}, false, 2},
		"known at the head": {graph.ClosureQuery{Roots: []registry.ID{nodes[1].ID}, Direction: graph.Upstream, At: graph.Instant{Known: 1}}, true, 2},
	} {
		c.q.Depth, c.q.Fanout, c.q.Limit = 3, 1000, 1000
		asked = 0
		got, err := s.Closure(t.Context(), c.q)
		if err != nil || len(got.Nodes) != c.nodes || len(got.Edges) != c.nodes-1 || (asked == 1) != c.one {
			t.Errorf("%s: %d nodes, %d edges, %d queries, %v", name, len(got.Nodes), len(got.Edges), asked, err)
		}
	}
}

// TestNodeNewerThanTheHeadIsNotUsed: a node that was put again while the query ran is
// not as it was at the head.
func TestNodeNewerThanTheHeadIsNotUsed(t *testing.T) {
	n := &graph.Node{ID: "run_1", Kind: registry.KindRun, Number: 1, RecordedSeq: 7}
	q := graph.ClosureQuery{Roots: []registry.ID{n.ID}, Direction: graph.Upstream, Depth: 1, Fanout: 1, Limit: 1}
	for head, want := range map[int64]bool{6: false, 7: true} {
		g := subgraph{asOf: asOfInstant(q.At), head: head, nodes: map[int64]*subgraphNode{}}
		if !g.addNodes([]any{pack(n)}, nil) {
			t.Fatal("the node is not packed")
		}
		if _, ok := g.closure(q, []any{head, nil, nil, []any{}}); ok != want {
			t.Errorf("at head %d a node recorded at 7 is used: %v", head, ok)
		}
	}
}

func TestTwoServersStartTogether(t *testing.T) {
	ns := neo4jtest.Namespace()
	secrets := make([]string, 4)
	var wg sync.WaitGroup
	for i := range secrets {
		wg.Go(func() {
			s, err := Open(t.Context(), neo4jtest.URL(t), WithNamespace(ns))
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			info, err := s.Ping(t.Context())
			if err != nil || info.Schema != len(steps) || info.Engine != "neo4j" {
				t.Errorf("%+v, %v", info, err)
			}
			secrets[i] = string(info.Secret)
		})
	}
	wg.Wait()
	if slices.Sort(secrets); secrets[0] != secrets[3] || len(secrets[0]) != 32 {
		t.Errorf("the servers read different secrets")
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	ns := neo4jtest.Namespace()
	s := openIn(t, ns)
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(t.Context())
	result, err := session.Run(t.Context(), setSchema, map[string]any{"key": ns + "|", "schema": 99})
	if err == nil {
		_, err = result.Consume(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), neo4jtest.URL(t), WithNamespace(ns)); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("got %v", err)
	}
}

func TestSortableKeepsCodePointOrder(t *testing.T) {
	texts := []string{"", "a", "\uE000", "\uFFFD", "\uFFFE", "\uFFFF", "\uFFFFa", "\uFFFF\U0001F600", "\U00010000", "\U0001F600", "\U0001F600a", "\U0001F601", "\U0010FFFF"}
	for i, a := range texts {
		if got := unsortable(sortable(a)); got != a {
			t.Errorf("%q comes back as %q", a, got)
		}
		for _, b := range texts[i+1:] {
			if sortable(a) >= sortable(b) || slices.Compare(units(sortable(a)), units(sortable(b))) >= 0 {
				t.Errorf("%q is not before %q", a, b)
			}
			if strings.HasPrefix(b, a) != strings.HasPrefix(sortable(b), sortable(a)) {
				t.Errorf("%q as a prefix of %q", a, b)
			}
		}
	}
}

// units are the UTF-16 units that Java compares.
func units(s string) (out []uint16) {
	for _, r := range s {
		if r > 0xFFFF {
			r -= 0x10000
			out = append(out, 0xD800+uint16(r>>10), 0xDC00+uint16(r&0x3FF))
			continue
		}
		out = append(out, uint16(r))
	}
	return out
}

func TestURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"neo4j://u:p%40ss@host:7687/db": "neo4j://host:7687 db", "bolt://host": "bolt://host ", "neo4j+s://u:secret@host/": "neo4j+s://host ",
		"bolt+ssc://host:1/x": "bolt+ssc://host:1 x", "http://u:secret@host": "", "neo4j://": "", "neo4j://u:secret@host/a/b": "", "sec%ret": "",
	} {
		target, _, database, err := parseURL(raw)
		if got := target + " " + database; err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", raw, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "sec") {
			t.Errorf("%s is told in %v", raw, err)
		}
	}
}

func TestAServerThatIsDownIsUnavailableSoon(t *testing.T) {
	start := time.Now()
	_, err := Open(t.Context(), "neo4j://user:hunter2@127.0.0.1:1/db")
	if registry.CodeOf(err) != registry.Unavailable || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if all := fmt.Sprintf("%v %+v %v", err, err, errors.Unwrap(err)); strings.Contains(all, "hunter2") {
		t.Errorf("the password is in %s", all)
	}
}

// TestAnOutageHeals cuts the store's connections with a proxy.
func TestAnOutageHeals(t *testing.T) {
	u, err := url.Parse(neo4jtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, u.Host)
	s, err := Open(t.Context(), "bolt://"+p.addr, WithNamespace(neo4jtest.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(ctx context.Context) error {
		return s.Update(ctx, func(tx graph.Tx) error {
			n := &graph.Node{ID: "run_1", Kind: registry.KindRun, Name: "r"}
			return errors.Join(tx.Put(ctx, n), tx.Append(ctx, &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
		})
	}
	if err := put(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.cut()
	start := time.Now()
	if _, err := s.Ping(t.Context()); registry.CodeOf(err) != registry.Unavailable {
		t.Errorf("ping while it is away: %v", err)
	}
	if err := put(t.Context()); registry.CodeOf(err) != registry.Unavailable {
		t.Errorf("update while it is away: %v", err)
	}
	t.Logf("UNAVAILABLE twice in %v", time.Since(start))
	p.restore()
	if err := put(t.Context()); err != nil {
		t.Errorf("after it is back: %v", err)
	}
	if info, err := s.Ping(t.Context()); err != nil || info.Head != 2 {
		t.Errorf("after it is back: %+v, %v", info, err)
	}
}

// proxy forwards connections until it is cut.
type proxy struct {
	addr, to string
	mu       sync.Mutex
	down     bool
	conns    []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &proxy{addr: l.Addr().String(), to: to}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.forward(c)
		}
	}()
	return p
}

func (p *proxy) forward(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	far, err := net.Dial("tcp", p.to)
	if p.down || err != nil {
		c.Close()
		return
	}
	p.conns = append(p.conns, c, far)
	for _, pair := range [][2]net.Conn{{c, far}, {far, c}} {
		go func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := pair[0].Read(buf)
				if n > 0 {
					pair[1].Write(buf[:n])
				}
				if err != nil {
					pair[1].Close()
					return
				}
			}
		}()
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// TestNamespaceMigrationStep removes the namespaces of nodes, sets the schema back by
// the step, and migrates again. The nodes of another namespace stay as they are.
func TestNamespaceMigrationStep(t *testing.T) {
	ns := neo4jtest.Namespace()
	s, other := openIn(t, ns), openIn(t, ns+"|dv")
	for _, x := range []*Store{s, other} {
		err := x.Update(t.Context(), func(tx graph.Tx) error {
			for i := range batch + 200 {
				if err := tx.Put(t.Context(), &graph.Node{ID: registry.NewID(registry.KindRun, fmt.Sprint(i)), Kind: registry.KindRun, Name: "r"}); err != nil {
					return err
				}
			}
			return tx.Append(t.Context(), &registry.LogEntry{})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(s *Store) (n int) {
		batches, err := graphtest.ReadDump(t.Context(), s, graph.DumpPosition{})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range batches {
			n += len(b.Nodes)
		}
		return n
	}
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(t.Context()))
	for _, text := range []string{"MATCH (n:Node) WHERE n.kind_key = $kind REMOVE n.ns", "MATCH (h:Head {key: $key}) SET h.schema = 2"} {
		result, err := session.Run(t.Context(), text, map[string]any{"kind": (&view{s: s}).key(string(registry.KindRun)), "key": (&view{s: s}).key("")})
		if err == nil {
			_, err = result.Consume(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := count(s); n != 0 {
		t.Fatalf("%d dumped without a namespace", n)
	}
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, m := count(s), count(other); n != batch+200 || m != batch+200 {
		t.Errorf("%d and %d of %d dumped", n, m, batch+200)
	}
}

// TestMustExistCreatesNoNeo4jRegistry opens a namespace without a registry twice, and then one
// that has a registry.
func TestMustExistCreatesNoNeo4jRegistry(t *testing.T) {
	url, ns := neo4jtest.URL(t), neo4jtest.Namespace()
	for range 2 {
		if s, err := Open(t.Context(), url, WithNamespace(ns), MustExist()); registry.CodeOf(err) != registry.NotFound {
			t.Fatalf("%v %v", s, err)
		}
	}
	for _, options := range [][]Option{{WithNamespace(ns)}, {WithNamespace(ns), MustExist()}} {
		s, err := Open(t.Context(), url, options...)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
}
