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

// Memory is what a server held of anonymous memory, in bytes: idle, and at the
// most under the mix.
type Memory struct {
	Idle, Most int64
	Answers    int
}

// mix are the documents of the full mix beside lineage, impact and writes.
var mix = []string{
	`query($id: ID!) { provenance(of: $id) { node { id } rawSources { id name } runs { id name } commits { id name } gaps { code message } } }`,
	`query($id: ID!) { node(id: $id) { id ... on ModelVersion { name version stage owner tags { key value } upstream(first: 20) { edges { node { id } } } } } }`,
	`query($id: ID!) { models(first: 50) { edges { node { name owner versions(first: 5) { edges { node { version stage } } } } } pageInfo { endCursor } } lineage(of: $id, maxDepth: 3) { nodes { node { id } } } }`,
	`query($id: ID!) { runs(first: 100) { edges { node { id name parameters metrics { name value } } } } lineage(of: $id, direction: DOWNSTREAM) { nodes { node { id } } } }`,
	`query($id: ID!) { lineage(of: $id, direction: BOTH, first: 200) { nodes { depth layer treeParent upstreamDegree node { id kind name } } edges { id from to kind validFrom } truncation { reasons } } }`,
}

// memory asks everything at once of a server on a copy of the largest graph,
// while it is written to, and watches its anonymous memory.
func (s *stage) memory(ctx context.Context) error {
	if !s.does(MemoryPart) || !s.with(OnSQLite) {
		return nil
	}
	size := s.Sizes[len(s.Sizes)-1]
	file := s.files[size] + ".copy.db"
	defer func() {
		for _, end := range []string{"", "-wal", "-shm"} {
			os.Remove(file + end)
		}
	}()
	if err := copyFile(file, s.files[size]); err != nil {
		return err
	}
	server, err := s.serve(ctx, "memory", "sqlite://"+file)
	if err != nil {
		return err
	}
	defer server.stop()
	time.Sleep(2 * time.Second)
	m := &Memory{Idle: anonymous(server.pid())}
	end := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			m.Most = max(m.Most, anonymous(server.pid()))
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	m.Answers, err = s.pour(server, size)
	close(end)
	watch.Wait()
	s.say("memory at %d nodes: idle %d KiB, at most %d KiB over %d answers", size, m.Idle>>10, m.Most>>10, m.Answers)
	s.result.Memory, s.result.MemorySize = m, size
	return err
}

// pour asks everything from 16 clients for a while.
func (s *stage) pour(server *served, size int) (answers int, err error) {
	plan := s.plan(size)
	versions, spread := plan.Versions(), plan.Spread(2000)
	documents := append([]string{askLineage, askImpact}, mix...)
	var all sync.WaitGroup
	failed := make(chan error, 16)
	counts := make([]int, 16)
	var next atomic.Int64
	start := time.Now()
	for w := range counts {
		all.Go(func() {
			l, err := dial(server.url+"/graphql", "Authorization: Bearer "+server.token)
			if err != nil {
				failed <- err
				return
			}
			defer l.close()
			askers := []asker{&writer{line: l, next: &next}}
			for _, document := range documents {
				askers = append(askers, newAsked(l, document, true))
			}
			for i := w * 100; time.Since(start) < 5*s.Least; i++ {
				q := [3]graphs.Question{versions[i%len(versions)], spread[i%len(spread)], plan.Lattice(i % plan.Lattices())}[i%3]
				kind := (i / 3) % len(askers)
				if kind == 2 { // impact
					q = plan.Hub(i % plan.Hubs())
				}
				asked := time.Now()
				if _, _, err := askers[kind].ask(q); err != nil {
					failed <- fmt.Errorf("in the mix, document %d on %s after %s: %w", kind, q.Of, short(time.Since(asked)), err)
					return
				}
				counts[w]++
			}
		})
	}
	all.Wait()
	for _, n := range counts {
		answers += n
	}
	select {
	case err = <-failed:
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
