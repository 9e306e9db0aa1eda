package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/catalog"
)

// pair is two servers on one store. Each can be restarted; its address then changes.
type pair struct {
	*testing.T
	open    func() graph.Store
	mu      sync.Mutex
	running [2]*runningServer
	restart atomic.Int64
}

type runningServer struct {
	*service.Service
	http  *httptest.Server
	store graph.Store
}

func newPair(t *testing.T, open func() graph.Store) *pair {
	p := &pair{T: t, open: open}
	for i := range p.running {
		p.running[i] = p.start()
	}
	t.Cleanup(func() {
		for _, r := range p.running {
			r.http.Close()
			r.store.Close()
		}
	})
	return p
}

func (p *pair) start() *runningServer {
	table, err := policies.Load("")
	if err != nil {
		p.Fatal(err)
	}
	store := p.open()
	gate, err := policies.NewGate(p.Context(), store, table, nil)
	if err != nil {
		p.Fatal(err)
	}
	s := service.New(gate)
	h := httptest.NewUnstartedServer(nil)
	h.Config = server.HTTP(server.New(s, server.Config{}))
	h.Start()
	return &runningServer{s, h, store}
}

// at returns a server.
func (p *pair) at(i int) *runningServer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[i%2]
}

// restartServer ends a server with its connections, and starts another one on the store.
func (p *pair) restartServer(i int) {
	fresh := p.start()
	p.mu.Lock()
	old := p.running[i]
	p.running[i] = fresh
	p.mu.Unlock()
	old.http.Config.Shutdown(p.Context()) // Streams end by the server's word.
	old.http.Close()
	old.store.Close()
	p.restart.Add(1)
}

// followed is what a subscriber was told: the model and the sequence of each event, in order.
type followed struct {
	seqs   []int64
	models []string
	ended  int // events of a move to DEPRECATED
	opened int
}

// follow reads transitions until it has been told all, and connects again, to the other server in
// turn, when the connection ends or after a part of them. A hang ends with the context.
func (p *pair) follow(ctx context.Context, token string, part int, all func(followed) bool) (out followed) {
	last := int64(0)
	for !all(out) && ctx.Err() == nil {
		out.opened++
		at := p.at(out.opened)
		conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(at.http.URL, "http")+"/graphql",
			&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}, Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			continue // The server ends.
		}
		query := fmt.Sprintf(`{"query":"subscription { transitions(after: %d) { seq transition { to } version { model { name } } } }"}`, last)
		for _, m := range []string{`{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":` + query + `}`} {
			if conn.Write(ctx, websocket.MessageText, []byte(m)) != nil {
				break
			}
		}
		for here := 0; here < part && !all(out); {
			_, raw, err := conn.Read(ctx)
			if err != nil {
				break
			}
			var m struct {
				Type    string
				Payload json.RawMessage
			}
			if err := json.Unmarshal(raw, &m); err != nil || m.Type == "error" {
				p.Errorf("%s", raw)
				break
			}
			if m.Type != "next" {
				continue
			}
			var a transitionAnswer
			if err := json.Unmarshal(m.Payload, &a); err != nil || len(a.Errors) > 0 {
				p.Errorf("%s", raw)
				break
			}
			last = a.Data.Transitions.Seq
			out.seqs, out.models = append(out.seqs, last), append(out.models, a.Data.Transitions.Version.Model.Name)
			if here++; a.Data.Transitions.Transition.To == "DEPRECATED" {
				out.ended++
			}
		}
		conn.CloseNow()
	}
	return out
}

// of counts the events of the models whose names begin so.
func (o followed) of(prefix string) (n int) {
	for _, m := range o.models {
		if strings.HasPrefix(m, prefix) {
			n++
		}
	}
	return n
}

// checkStreams writes transitions through two servers, which are restarted meanwhile, while an
// administrator and a developer follow them with reconnects. The administrator must be told each
// once and in order, and the developer those of served versions alone.
func checkStreams(t *testing.T, models int, open func() graph.Store) {
	p := newPair(t, open)
	ctx, cancel := context.WithTimeout(t.Context(), 20*hangGuard)
	defer cancel()
	root := func() context.Context { // One for each request: an identity belongs to a server.
		return service.As(ctx, registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	}
	token := func(subject, role string) string {
		text, err := p.at(0).CreateToken(root(), access.CreateTokenInput{Subject: subject, Role: role})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	ann, dev := token("ann", registry.RoleAdmin), token("dev", registry.RoleDeveloper)
	const moves = 4 // of each served model; of a hidden one it is one
	total := models*moves + models
	var wrote sync.Map
	var done sync.WaitGroup
	var written atomic.Int64
	quarters := make(chan struct{}, 4) // Told at each quarter of the models.
	for w := range 8 {
		done.Go(func() {
			for i := w; i < models; i += 8 {
				for _, name := range []string{fmt.Sprintf("served-%d", i), fmt.Sprintf("hidden-%d", i)} {
					p.write(w, name, func(s *runningServer) error {
						_, err := s.RegisterModelVersion(root(), catalog.RegisterModelVersionInput{Model: name, Version: new("1.0.0"), CreateModel: true})
						if registry.CodeOf(err) == registry.AlreadyExists {
							return nil
						}
						return err
					})
					for _, to := range []registry.Stage{registry.Staging, registry.Canary, registry.Production, registry.Deprecated} {
						p.write(w, name, func(s *runningServer) error {
							key := name + string(to)
							result, err := s.TransitionModelVersion(root(), catalog.TransitionModelVersionInput{Model: &name, Version: new("1.0.0"), To: to, Reason: "race", IdempotencyKey: &key})
							if err == nil {
								wrote.Store(result.Transition.ID, true)
							}
							return err
						})
						if strings.HasPrefix(name, "hidden") {
							break
						}
					}
				}
				if written.Add(1)%int64(models/4) == 0 {
					quarters <- struct{}{}
				}
			}
		})
	}
	var all, some followed
	var following sync.WaitGroup
	following.Go(func() { all = p.follow(ctx, ann, total/6+1, func(f followed) bool { return len(f.seqs) == total }) })
	following.Go(func() { some = p.follow(ctx, dev, models/3+1, func(f followed) bool { return f.ended == models }) })
	for i := range 3 {
		<-quarters
		p.restartServer(i % 2)
	}
	done.Wait()
	following.Wait()
	count := 0
	wrote.Range(func(any, any) bool { count++; return true })
	gaps, duplicates := total-len(all.seqs), 0
	for _, seqs := range [][]int64{all.seqs, some.seqs} {
		for i := 1; i < len(seqs); i++ {
			if seqs[i] <= seqs[i-1] {
				duplicates++
			}
		}
	}
	t.Logf("%d transitions by 2 servers, %d restarts; an administrator with %d connections: %d events, %d gaps, %d out of order or twice; a developer with %d connections: %d events, %d of what he may not see",
		count, p.restart.Load(), all.opened, len(all.seqs), gaps, duplicates, some.opened, len(some.seqs), some.of("hidden"))
	if count != total || gaps != 0 || duplicates != 0 || all.of("hidden") != models || all.opened < 6 {
		t.Errorf("the administrator was told %d of %d", len(all.seqs), total)
	}
	// A version is served from its promotion on: that, and its deprecation, are told at least.
	if some.of("hidden") != 0 || some.of("served") < 2*models || some.ended != models {
		t.Errorf("the developer was told of %d hidden and %d served transitions", some.of("hidden"), some.of("served"))
	}
}

// write writes through a server, and through the other one when it ends meanwhile.
func (p *pair) write(at int, name string, write func(*runningServer) error) {
	var err error
	for try := range 20 {
		if err = write(p.at(at + try)); err == nil {
			return
		}
		if code := registry.CodeOf(err); code != registry.Unavailable && code != registry.Internal && code != registry.Conflict {
			break
		}
	}
	p.Errorf("%s: %v", name, err)
}

func TestSubscriptionsSurviveRestarts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.db")
	checkStreams(t, 50*graphtest.Rounds(), func() graph.Store { // A full run has 10,000 events.
		s, err := sqlite.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestSubscriptionsSurviveRestartsOnNeo4j(t *testing.T) {
	url, ns := neo4jtest.URL(t), neo4jtest.Namespace()
	models := 8 * graphtest.Rounds()
	if graphtest.Rounds() >= 40 {
		models = 2000 // 10,000 events in a full run too.
	}
	checkStreams(t, models, func() graph.Store {
		s, err := neo4j.Open(t.Context(), url, neo4j.WithNamespace(ns))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
