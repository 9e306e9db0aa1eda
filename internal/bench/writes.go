package bench

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"pedigree/internal/bench/graphs"
	"pedigree/registry"
)

// WriteClients returns the numbers of concurrent clients in write measurements.
func WriteClients() []int { return []int{1, 16, 64} }

const recordMutation = `mutation($d: String!, $g: String!, $from: [ID!]!) { recordDatasetVersion(input: {dataset: $d, namespace: "bench", digest: $g, ` +
	`role: TRAINING, rows: 1000, derivedFrom: $from}) { created datasetVersion { id } } }`

// writeQuerier records a new version of one of a hundred datasets, with an edge to
// an earlier version. It fails unless the server reports the version as created.
type writeQuerier struct {
	*httpConn
	next *atomic.Int64
	body []byte
}

func (w *writeQuerier) query(graphs.Question) (int, int, error) {
	n := w.next.Add(1)
	w.body = append(w.body[:0], `{"query":`+jsonString(recordMutation)+`,"variables":{"d":"d`...)
	w.body = strconv.AppendInt(w.body, n%100, 10)
	w.body = append(w.body, `","g":"`+digestOf(n)+`","from":[`...)
	// The 500th version before this one is surely acknowledged, whichever client wrote it.
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

// measureWrites measures acknowledged mutations on a store that is empty at first.
func (r *runner) measureWrites(ctx context.Context) error {
	if !r.hasPart(Writes) || !r.hasContender(PedigreeSQLite) {
		return nil
	}
	file := filepath.Join(r.Dir, "writes.db")
	removeStore(file)
	defer removeStore(file)
	server, err := r.startServer(ctx, "writes", "sqlite://"+file)
	if err != nil {
		return err
	}
	defer server.stop()
	next := &atomic.Int64{}
	c := &contender{name: PedigreeSQLite, pids: []int{server.pid()}, open: func() (querier, error) {
		conn, err := dial(server.url+"/graphql", "Authorization: Bearer "+server.token)
		return &writeQuerier{httpConn: conn, next: next}, err
	}}
	for round := range r.Rounds {
		for _, clients := range WriteClients() {
			questions := make([]graphs.Question, 1000)
			if err := r.measure(ctx, round, c, sampleKey{"write", PedigreeSQLite, 0, clients}, workload{questions: questions}); err != nil {
				return err
			}
		}
	}
	return nil
}
