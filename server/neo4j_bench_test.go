package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph/neo4j"
	"pedigree/internal/bench/graphs"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/provenance"
)

// rawClosure is the least work of an answer on Neo4j: it reads every node once, with its
// outgoing edges.
const rawClosure = `MATCH (a:Node {key: $key}) MATCH p = (a)-[*0..20]->(f) WHERE all(r IN relationships(p) WHERE r.retracted_seq = 0)
WITH DISTINCT f
RETURN f.id AS id, f.kind AS kind, f.name AS name, COLLECT { MATCH (f)-[r]->(t) WHERE r.retracted_seq = 0 RETURN [t.id, type(r)] } AS out`

const askLineage = `query($id: ID!) { lineage(of: $id, maxDepth: 20) { nodes { node { id kind name } } edges { from to kind } } }`

// BenchmarkLineageOnNeo4j sends the same queries to the raw driver, the service and the
// server over HTTP, in turn. It reports the p50 of each and the ratios.
func BenchmarkLineageOnNeo4j(b *testing.B) {
	ns := neo4jtest.Namespace()
	store, err := neo4j.Open(b.Context(), neo4jtest.URL(b), neo4j.WithNamespace(ns))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	plan := graphs.Plan{Size: 10_000, Seed: 1}
	if _, err := plan.Load(b.Context(), store, 2000, func(graphs.LoadStats) {}); err != nil {
		b.Fatal(err)
	}
	n := newNeoBench(b, store, ns)
	defer n.close()
	questions := plan.Versions()
	contenders := []struct {
		name string
		ask  func(graphs.Question) (int, int)
	}{{"raw", n.raw}, {"service", n.service}, {"http", n.http}}
	took := make([][]time.Duration, len(contenders))
	round := func(i int, keep bool) {
		q := questions[i*7%len(questions)]
		for k, c := range contenders {
			start := time.Now()
			nodes, edges := c.ask(q)
			if keep {
				took[k] = append(took[k], time.Since(start))
			}
			if nodes != q.Nodes || edges != q.Edges {
				b.Fatalf("%s: %d nodes and %d edges of %+v", c.name, nodes, edges, q)
			}
		}
	}
	for i := range 1000 {
		round(i, false)
	}
	b.ResetTimer()
	for i := range b.N {
		round(i, true)
	}
	p50 := make([]float64, len(contenders))
	for k, c := range contenders {
		slices.Sort(took[k])
		p50[k] = float64(took[k][len(took[k])/2].Microseconds())
		b.ReportMetric(p50[k], c.name+"-p50-µs")
	}
	b.ReportMetric(p50[1]/p50[0], "service/raw")
	b.ReportMetric(p50[2]/p50[0], "http/raw")
}

// neoBench runs a query in three ways.
type neoBench struct {
	*testing.B
	ns     string
	driver driver.DriverWithContext
	svc    *service.Service
	srv    *httptest.Server
}

const neoToken = "pdg_bench_token_0123456789abcdef"

func newNeoBench(b *testing.B, store *neo4j.Store, ns string) *neoBench {
	table, err := policies.Load("")
	if err != nil {
		b.Fatal(err)
	}
	gate, err := policies.NewGate(b.Context(), store, table, nil)
	if err != nil {
		b.Fatal(err)
	}
	n := &neoBench{B: b, ns: ns, svc: service.New(gate)}
	if _, err := n.svc.CreateToken(n.as("root", registry.RoleAdmin), access.CreateTokenInput{Token: neoToken, Subject: "bench", Role: registry.RoleDataScientist}); err != nil {
		b.Fatal(err)
	}
	if n.driver, err = driver.NewDriverWithContext(neo4jtest.URL(b), driver.NoAuth()); err != nil {
		b.Fatal(err)
	}
	n.srv = httptest.NewServer(server.New(n.svc, server.Config{}))
	return n
}

func (n *neoBench) as(subject, role string) context.Context {
	return service.As(n.Context(), registry.Actor{Subject: subject, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "bench")
}

func (n *neoBench) close() {
	n.srv.Close()
	n.driver.Close(context.Background())
}

func (n *neoBench) raw(q graphs.Question) (nodes, edges int) {
	session := n.driver.NewSession(n.Context(), driver.SessionConfig{AccessMode: driver.AccessModeRead})
	defer session.Close(n.Context())
	_, err := session.ExecuteRead(n.Context(), func(tx driver.ManagedTransaction) (any, error) {
		nodes, edges = 0, 0
		result, err := tx.Run(n.Context(), rawClosure, map[string]any{"key": n.ns + "|" + string(q.Of)})
		if err != nil {
			return nil, err
		}
		for result.Next(n.Context()) {
			nodes++
			out, _ := result.Record().Get("out")
			edges += len(out.([]any))
		}
		return nil, result.Err()
	})
	if err != nil {
		n.Fatal(err)
	}
	return nodes, edges
}

func (n *neoBench) service(q graphs.Question) (nodes, edges int) {
	depth := 20
	g, err := n.svc.Lineage(n.as("bench", registry.RoleDataScientist), provenance.LineageInput{Of: q.Of, MaxDepth: &depth, Bare: true, NoCursors: true})
	if err != nil {
		n.Fatal(err)
	}
	return len(g.Nodes), len(g.Edges)
}

func (n *neoBench) http(q graphs.Question) (nodes, edges int) {
	body, _ := json.Marshal(map[string]any{"query": askLineage, "variables": map[string]any{"id": q.Of}})
	req, _ := http.NewRequest(http.MethodPost, n.srv.URL+"/graphql", bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+neoToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := n.srv.Client().Do(req)
	if err != nil {
		n.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		n.Fatal(err)
	}
	return strings.Count(string(answer), `"node":`), strings.Count(string(answer), `"from":`)
}
