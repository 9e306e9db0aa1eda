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
	"pedigree/internal/neo4jtest"
)

// heapMB is the heap of each Neo4j server in MiB.
const heapMB = 1536

// pageCacheMB returns a page cache in MiB that holds a whole graph: a node with its
// edges takes about 4 KB.
func pageCacheMB(size int) int { return 512 + size*5/1000 }

// startNeo4j starts the Neo4j server with the graph of a size. It loads the graph
// first when it does not exist yet.
func (c Config) startNeo4j(ctx context.Context, size int) (*neo4jtest.Server, Built, error) {
	home, err := filepath.Abs(c.path("neo4j", size))
	if err != nil {
		return nil, Built{}, err
	}
	built, ok := readBuilt(home)
	if !ok || c.Rebuild {
		os.Remove(home + ".json")
		if err := os.RemoveAll(home); err != nil {
			return nil, built, err
		}
	}
	server, err := neo4jtest.StartWithSettings(ctx, neo4jtest.Settings{Home: home, HeapMB: heapMB, PageCacheMB: pageCacheMB(size)})
	if err != nil || ok && !c.Rebuild {
		return server, built, err
	}
	c.logf("loading %d nodes into Neo4j", size)
	built = Built{LoadAverage: loadAverage()}
	s, err := neo4j.Open(ctx, server.URL)
	if err == nil {
		built.LoadStats, err = c.plan(size).Load(ctx, s, c.BatchSize, c.logProgress())
		s.Close()
	}
	server.Stop() // The files have their final size only after a clean stop.
	if err == nil {
		built.measureDiskNeo4j(home)
		err = writeBuilt(home, built)
	}
	if err != nil {
		return nil, built, err
	}
	server, err = neo4jtest.StartWithSettings(ctx, neo4jtest.Settings{Home: home, HeapMB: heapMB, PageCacheMB: pageCacheMB(size)})
	return server, built, err
}

// measureDiskNeo4j adds up the sizes of the database files. Relationship files count
// for edges. All other files count for nodes, including the properties of edges,
// which share files with the properties of nodes.
func (b *Built) measureDiskNeo4j(home string) {
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

// rawCypherContender queries Neo4j through its driver, from this process.
func rawCypherContender(server *neo4jtest.Server, size int) *contender {
	return &contender{name: RawCypher, size: size, inProcess: true, pids: processTree(server.Pid()), open: func() (querier, error) {
		d, err := driver.NewDriverWithContext(server.URL, driver.NoAuth())
		return &cypherClosure{driver: d}, err
	}}
}

// cypherClosure reads the upstream closure with one Cypher statement: every node
// once, with its outgoing edges. It is the lower bound of the cost on Neo4j.
type cypherClosure struct{ driver driver.DriverWithContext }

const closureCypher = `MATCH (a:Node {key: $key}) MATCH p = (a)-[*0..20]->(f) WHERE all(r IN relationships(p) WHERE r.retracted_seq = 0)
WITH DISTINCT f
RETURN f.id AS id, f.kind AS kind, f.name AS name, COLLECT { MATCH (f)-[r]->(t) WHERE r.retracted_seq = 0 RETURN [t.id, type(r)] } AS out`

func (c *cypherClosure) query(q graphs.Question) (nodes, edges int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), responseTimeout)
	defer cancel()
	session := c.driver.NewSession(ctx, driver.SessionConfig{AccessMode: driver.AccessModeRead})
	defer session.Close(ctx)
	_, err = session.ExecuteRead(ctx, func(tx driver.ManagedTransaction) (any, error) {
		nodes, edges = 0, 0
		result, err := tx.Run(ctx, closureCypher, map[string]any{"key": "|" + string(q.Of)})
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

func (c *cypherClosure) close() { c.driver.Close(context.Background()) }

// peerQuery asks the peer's closure field. Its answer has the structure of a
// lineage answer.
const peerQuery = `query($id: ID!) { closure(id: $id) { nodes { id kind name } edges { from to kind } } }`

// startPeer starts @neo4j/graphql with Apollo Server on a database. It installs
// the packages first when they are missing.
func (c Config) startPeer(ctx context.Context, server *neo4jtest.Server, size int) (*process, error) {
	if _, err := os.Stat(filepath.Join(c.PeerDir, "node_modules", "@neo4j", "graphql")); err != nil {
		c.logf("installing the peer")
		install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
		install.Dir = c.PeerDir
		if out, err := install.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("the peer cannot be installed: %w\n%s", err, out)
		}
	}
	cmd := exec.Command("node", "server.mjs")
	cmd.Dir = c.PeerDir
	cmd.Env = append(os.Environ(), "NEO4J_URL="+server.URL, "NODE_ENV=production")
	return launch(cmd, filepath.Join(c.Dir, fmt.Sprintf("peer-%d.log", size)), c.StartTimeout, func(url string) error {
		// The server is ready when it answers any query.
		conn, err := dial(url)
		if err != nil {
			return err
		}
		defer conn.close()
		_, err = conn.post([]byte(`{"query":"{ __typename }"}`))
		return err
	})
}

func (r *runner) setUpNeo4j(ctx context.Context) error {
	if !r.needsGraphs() || !r.hasContender(PedigreeNeo4j) && !r.hasContender(RawCypher) && !r.hasContender(Peer) {
		return nil
	}
	r.result.Built[PedigreeNeo4j] = map[int]Built{}
	for _, size := range r.Sizes {
		server, built, err := r.startNeo4j(ctx, size)
		if err != nil {
			return err
		}
		r.cleanups = append(r.cleanups, server.Stop)
		r.result.Built[PedigreeNeo4j][size] = built
		database := processTree(server.Pid())
		if r.hasContender(PedigreeNeo4j) {
			if err := r.startPedigree(ctx, PedigreeNeo4j, size, server.URL, database...); err != nil {
				return err
			}
		}
		if r.hasContender(Peer) {
			p, err := r.startPeer(ctx, server, size)
			if err != nil {
				return err
			}
			r.cleanups = append(r.cleanups, p.stop)
			r.contenders = append(r.contenders, &contender{name: Peer, size: size, pids: append([]int{p.pid()}, database...), open: dialEach(p.url, peerQuery)})
		}
		if r.hasContender(RawCypher) {
			r.contenders = append(r.contenders, rawCypherContender(server, size))
		}
	}
	return nil
}
