package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"pedigree/internal/bench/graphs"
	"pedigree/registry"
)

// WriteClients are how many write at once.
func WriteClients() []int { return []int{1, 16, 64} }

const askRecord = `mutation($d: String!, $g: String!, $from: [ID!]!) { recordDatasetVersion(input: {dataset: $d, namespace: "bench", digest: $g, ` +
	`role: TRAINING, rows: 1000, derivedFrom: $from}) { created datasetVersion { id } } }`

// writer is an asker that records a new state of one of a hundred datasets, with
// its edge to where it came from, and wants it acknowledged as new.
type writer struct {
	*line
	next *atomic.Int64
	body []byte
}

func (w *writer) ask(graphs.Question) (int, int, error) {
	n := w.next.Add(1)
	w.body = append(w.body[:0], `{"query":`+quoted(askRecord)+`,"variables":{"d":"d`...)
	w.body = strconv.AppendInt(w.body, n%100, 10)
	w.body = append(w.body, `","g":"`+digestOf(n)+`","from":[`...)
	// It comes from a state that was acknowledged long ago, whoever wrote it.
	if n > 1000 {
		from := registry.DatasetVersionID(registry.DatasetID("bench", "d"+strconv.FormatInt((n-500)%100, 10)), digestOf(n-500))
		w.body = append(w.body, `"`+string(from)+`"`...)
	}
	w.body = append(w.body, `]}}`...)
	answer, err := w.post(w.body)
	if err != nil {
		return 0, 0, err
	}
	if !bytes.Contains(answer, []byte(`"created":true`)) {
		return 0, 0, fmt.Errorf("not recorded: %.500s", answer)
	}
	return 0, 0, nil
}

func digestOf(n int64) string { return fmt.Sprintf("sha256:%064x", n) }

// writes measures acknowledged mutations on a store that is empty at first.
func (s *stage) writes(ctx context.Context) error {
	if !s.does(Writes) || !s.with(OnSQLite) {
		return nil
	}
	file := filepath.Join(s.Dir, "writes.db")
	remove := func() {
		for _, end := range []string{"", "-wal", "-shm"} {
			os.Remove(file + end)
		}
	}
	remove()
	defer remove()
	server, err := s.serve(ctx, "writes", "sqlite://"+file)
	if err != nil {
		return err
	}
	defer server.stop()
	next := &atomic.Int64{}
	c := &contender{name: OnSQLite, pids: []int{server.pid()}, open: func() (asker, error) {
		l, err := dial(server.url+"/graphql", "Authorization: Bearer "+server.token)
		return &writer{line: l, next: next}, err
	}}
	for round := range s.Rounds {
		for _, clients := range WriteClients() {
			questions := make([]graphs.Question, 1000)
			if err := s.measure(ctx, round, c, at{"write", OnSQLite, 0, clients}, exam{questions: questions}); err != nil {
				return err
			}
		}
	}
	return nil
}
