package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"pedigree/internal/bench/graphs"
)

// MemoryUse is the anonymous memory of a server in bytes: when idle, and at its
// peak under a mix of queries.
type MemoryUse struct {
	Idle, Peak int64
	Answers    int
}

// mixQueries are the queries of the mix, besides lineage, impact and writes.
var mixQueries = []string{
	`query($id: ID!) { provenance(of: $id) { node { id } rawSources { id name } runs { id name } commits { id name } gaps { code message } } }`,
	`query($id: ID!) { node(id: $id) { id ... on ModelVersion { name version stage owner tags { key value } upstream(first: 20) { edges { node { id } } } } } }`,
	`query($id: ID!) { models(first: 50) { edges { node { name owner versions(first: 5) { edges { node { version stage } } } } } pageInfo { endCursor } } lineage(of: $id, maxDepth: 3) { nodes { node { id } } } }`,
	`query($id: ID!) { runs(first: 100) { edges { node { id name parameters metrics { name value } } } } lineage(of: $id, direction: DOWNSTREAM) { nodes { node { id } } } }`,
	`query($id: ID!) { lineage(of: $id, direction: BOTH, first: 200) { nodes { depth layer treeParent upstreamDegree node { id kind name } } edges { id from to kind validFrom } truncation { reasons } } }`,
}

// measureMemory runs the mix against a server on a copy of the largest graph and
// samples its anonymous memory every 20 ms.
func (r *runner) measureMemory(ctx context.Context) error {
	if !r.hasPart(MemoryPart) || !r.hasContender(PedigreeSQLite) {
		return nil
	}
	server, size, stop, err := r.startOnCopy(ctx, "memory")
	if err != nil {
		return err
	}
	defer stop()
	time.Sleep(2 * time.Second)
	m := &MemoryUse{Idle: anonymousMemory(server.pid())}
	peak := sampleMemory(server.pid())
	m.Answers, err = r.runMix(server, size)
	m.Peak = peak()
	r.logf("memory at %d nodes: idle %d KiB, at most %d KiB over %d answers", size, m.Idle>>10, m.Peak>>10, m.Answers)
	r.result.Memory, r.result.MemorySize = m, size
	return err
}

// startOnCopy starts a server on a copy of the largest graph on SQLite, of a size. stop ends it and
// removes the copy.
func (r *runner) startOnCopy(ctx context.Context, name string) (server *testServer, size int, stop func(), err error) {
	size = r.Sizes[len(r.Sizes)-1]
	file := r.files[size] + "." + name + ".db"
	if err = copyFile(file, r.files[size]); err == nil {
		server, err = r.startServer(ctx, name, "sqlite://"+file)
	}
	if err != nil {
		removeStore(file)
		return nil, 0, nil, err
	}
	return server, size, func() {
		server.stop()
		removeStore(file)
	}, nil
}

// sampleMemory samples the anonymous memory of a process every 20 ms until the returned function is
// called, which returns the highest.
func sampleMemory(pid int) func() int64 {
	var highest int64
	stop := make(chan struct{})
	var sampler sync.WaitGroup
	sampler.Go(func() {
		for {
			highest = max(highest, anonymousMemory(pid))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return func() int64 {
		close(stop)
		sampler.Wait()
		return highest
	}
}

// runMix sends queries and mutations from 16 clients for five times MinTime. It
// returns the number of answers.
func (r *runner) runMix(server *testServer, size int) (answers int, err error) {
	plan := r.plan(size)
	versions, spread := plan.Versions(), plan.Spread(2000)
	documents := append([]string{lineageQuery, impactQuery}, mixQueries...)
	var clients sync.WaitGroup
	errs := make(chan error, 16)
	counts := make([]int, 16)
	var next atomic.Int64
	start := time.Now()
	for w := range counts {
		clients.Go(func() {
			conn, err := dial(server.url+"/graphql", "Authorization: Bearer "+server.token)
			if err != nil {
				errs <- err
				return
			}
			defer conn.close()
			queriers := []querier{&writeQuerier{httpConn: conn, next: &next}}
			for _, document := range documents {
				queriers = append(queriers, newHTTPQuerier(conn, document, true))
			}
			for i := w * 100; time.Since(start) < 5*r.MinTime; i++ {
				q := [3]graphs.Question{versions[i%len(versions)], spread[i%len(spread)], plan.Lattice(i % plan.Lattices())}[i%3]
				kind := (i / 3) % len(queriers)
				if kind == 2 { // impact
					q = plan.Hub(i % plan.Hubs())
				}
				asked := time.Now()
				if _, _, err := queriers[kind].query(q); err != nil {
					errs <- fmt.Errorf("in the mix, document %d on %s after %s: %w", kind, q.Of, roundDuration(time.Since(asked)), err)
					return
				}
				counts[w]++
			}
		})
	}
	clients.Wait()
	for _, n := range counts {
		answers += n
	}
	select {
	case err = <-errs:
	default:
	}
	return answers, err
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
