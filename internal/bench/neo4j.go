package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph/neo4j"
	"pedigree/internal/bench/graphs"
	"pedigree/internal/neotest"
)

// heapMB is the heap of a Neo4j of the bench.
const heapMB = 1536

// pageCacheMB is its page cache, which holds the whole of a graph of so many nodes, of
// some 4 KB each with their edges.
func pageCacheMB(size int) int { return 512 + size*5/1000 }

// startNeo4j starts the server that keeps the graph of a size, which is made
// where there is none yet.
func (c Config) startNeo4j(ctx context.Context, size int) (*neotest.Server, Built, error) {
	home, err := filepath.Abs(c.file("neo4j", size))
	if err != nil {
		return nil, Built{}, err
	}
	built, ok := recall(home)
	if !ok || c.Fresh {
		os.Remove(home + ".json")
		if err := os.RemoveAll(home); err != nil {
			return nil, built, err
		}
	}
	server, err := neotest.StartWith(ctx, neotest.Settings{Home: home, HeapMB: heapMB, PageCacheMB: pageCacheMB(size)})
	if err != nil || ok && !c.Fresh {
		return server, built, err
	}
	c.say("loading %d nodes into Neo4j", size)
	built = Built{At: loadAverage()}
	s, err := neo4j.Open(ctx, server.URL)
	if err == nil {
		built.Loaded, err = c.plan(size).Load(ctx, s, c.Batch, c.loading())
		s.Close()
	}
	// What is on disk is known when the server has written it all down.
	server.Stop()
	if err == nil {
		built.weighNeo4j(home)
		err = remember(home, built)
	}
	if err != nil {
		return nil, built, err
	}
	server, err = neotest.StartWith(ctx, neotest.Settings{Home: home, HeapMB: heapMB, PageCacheMB: pageCacheMB(size)})
	return server, built, err
}

// weighNeo4j adds up the files of the database. Those of relationships are the
// edges'; their properties lie among those of nodes and are counted there.
func (b *Built) weighNeo4j(home string) {
	var edges, all int64
	filepath.Walk(filepath.Join(home, "data", "databases", "neo4j"), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return nil
		}
		all += info.Size()
		if strings.HasPrefix(info.Name(), "neostore.relationship") {
			edges += info.Size()
		}
		return nil
	})
	b.EdgeBytes, b.NodeBytes = float64(edges)/float64(b.Edges), float64(all-edges)/float64(b.Nodes)
}

// rawContender asks Neo4j through its driver, from this process.
func rawContender(server *neotest.Server, size int) *contender {
	return &contender{name: Raw, size: size, inside: true, pids: family(server.Pid()), open: func() (asker, error) {
		d, err := driver.NewDriverWithContext(server.URL, driver.NoAuth())
		return &raw{d}, err
	}}
}

// raw is the closure as one Cypher text through the driver: every node once, and
// what leads out of it. It is what an answer costs on Neo4j at the very least.
type raw struct{ d driver.DriverWithContext }

const rawClosure = `MATCH (a:Node {key: $key}) MATCH p = (a)-[*0..20]->(f) WHERE all(r IN relationships(p) WHERE r.retracted_seq = 0)
WITH DISTINCT f
RETURN f.id AS id, f.kind AS kind, f.name AS name, COLLECT { MATCH (f)-[r]->(t) WHERE r.retracted_seq = 0 RETURN [t.id, type(r)] } AS out`

func (r *raw) ask(q graphs.Question) (nodes, edges int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	session := r.d.NewSession(ctx, driver.SessionConfig{AccessMode: driver.AccessModeRead})
	defer session.Close(ctx)
	_, err = session.ExecuteRead(ctx, func(tx driver.ManagedTransaction) (any, error) {
		nodes, edges = 0, 0
		result, err := tx.Run(ctx, rawClosure, map[string]any{"key": "|" + string(q.Of)})
		if err != nil {
			return nil, err
		}
		for result.Next(ctx) {
			nodes++
			out, _ := result.Record().Get("out")
			edges += len(out.([]any))
		}
		return nil, result.Err()
	})
	return nodes, edges, err
}

func (r *raw) close() { r.d.Close(context.Background()) }

// askPeer is the peer's field; its answer has the same shape.
const askPeer = `query($id: ID!) { closure(id: $id) { nodes { id kind name } edges { from to kind } } }`

// peer starts @neo4j/graphql with Apollo Server on a database.
func (c Config) peer(ctx context.Context, server *neotest.Server, size int) (*process, error) {
	if _, err := os.Stat(filepath.Join(c.PeerDir, "node_modules", "@neo4j", "graphql")); err != nil {
		c.say("installing the peer")
		install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
		install.Dir = c.PeerDir
		if out, err := install.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("the peer cannot be installed: %w\n%s", err, out)
		}
	}
	cmd := exec.Command("node", "server.mjs")
	cmd.Dir = c.PeerDir
	cmd.Env = append(os.Environ(), "NEO4J_URL="+server.URL, "NODE_ENV=production")
	return launch(cmd, filepath.Join(c.Dir, fmt.Sprintf("peer-%d.log", size)), c.Step, func(url string) error {
		// A question about nothing: it answers, with an error or without.
		l, err := dial(url)
		if err != nil {
			return err
		}
		defer l.close()
		_, err = l.post([]byte(`{"query":"{ __typename }"}`))
		return err
	})
}

func (s *stage) setUpNeo4j(ctx context.Context) error {
	if !s.with(OnNeo4j) && !s.with(Raw) && !s.with(Peer) {
		return nil
	}
	s.result.Built[OnNeo4j] = map[int]Built{}
	for _, size := range s.Sizes {
		server, built, err := s.startNeo4j(ctx, size)
		if err != nil {
			return err
		}
		s.ends = append(s.ends, server.Stop)
		s.result.Built[OnNeo4j][size] = built
		database := family(server.Pid())
		if s.with(OnNeo4j) {
			if err := s.start(ctx, OnNeo4j, size, server.URL, database...); err != nil {
				return err
			}
		}
		if s.with(Peer) {
			p, err := s.peer(ctx, server, size)
			if err != nil {
				return err
			}
			s.ends = append(s.ends, p.stop)
			s.contenders = append(s.contenders, &contender{name: Peer, size: size, pids: append([]int{p.pid()}, database...), open: graphQL(p.url, askPeer)})
		}
		if s.with(Raw) {
			s.contenders = append(s.contenders, rawContender(server, size))
		}
	}
	return nil
}
