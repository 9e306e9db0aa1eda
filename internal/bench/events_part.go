package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"pedigree/internal/bench/graphs"
	"pedigree/registry"
)

// eventsShare is how many of the answers a second of the mutations are wanted of the events.
const eventsShare = 0.7

// The ways to record runs that read one table, in the part events. Each write is one request.
const (
	eventPairs    = "events"    // START, then COMPLETE with the table that the run wrote
	mutationPairs = "mutations" // recordRun, then recordDatasetVersion of the table that the run wrote
	recordRuns    = "recordRun" // recordRun alone
)

// eventsNamespace is the data source of the tables, eventsProducer the system of the runs that
// mutations record.
const eventsNamespace, eventsProducer = "postgres://bench:5432", "bench"

// rawTable is the state of the table that every run reads.
var rawTable = registry.DatasetVersionID(registry.DatasetID(eventsNamespace, "raw"), "1")

const (
	runMutation     = `mutation($r: String!, $in: [ID!]) { recordRun(input: {producer: "` + eventsProducer + `", runId: $r, name: "etl", runKind: ETL, inputs: $in}) { created run { id } } }`
	datasetMutation = `mutation($d: String!, $v: String, $r: ID) { recordDatasetVersion(input: {dataset: $d, namespace: "` + eventsNamespace + `", version: $v, generatedBy: $r}) { created datasetVersion { id } } }`
	ownRunQuery     = `query($p: String!, $r: String!) { run(producer: $p, runId: $r) { status upstream { edges { node { id } } } downstream { edges { node { name } } } } }`
)

// runRecorder records one run after another, a request each time that it is asked.
type runRecorder struct {
	*httpConn
	way     string
	next    *atomic.Int64
	number  int64  // of the run that it has begun to record
	run     string // its id, when mutations record it and its table is still to come
	started bool   // whether its START was sent and its COMPLETE is still to come
}

func (w *runRecorder) query(graphs.Question) (int, int, error) {
	if w.way == eventPairs {
		return 0, 0, w.sendEvent()
	}
	if w.run != "" {
		_, err := w.mutate(datasetMutation, map[string]any{"d": "clean", "r": w.run})
		w.run = ""
		return 0, 0, err
	}
	w.number = w.next.Add(1)
	answer, err := w.mutate(runMutation, map[string]any{"r": runUUID(w.number), "in": []registry.ID{rawTable}})
	if err != nil || w.way == recordRuns {
		return 0, 0, err
	}
	_, rest, _ := bytes.Cut(answer, []byte(`"run":{"id":"`))
	id, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return 0, 0, fmt.Errorf("no id of a run in the answer: %.500s", answer)
	}
	w.run = string(id)
	return 0, 0, nil
}

// sendEvent sends the next event: that a run started, or that the run that started before is complete.
func (w *runRecorder) sendEvent() error {
	kind, outputs := "COMPLETE", fmt.Sprintf(`{"namespace":%q,"name":"clean"}`, eventsNamespace)
	if !w.started {
		kind, outputs, w.number = "START", "", w.next.Add(1)
	}
	w.started = !w.started
	answer, err := w.send(http.MethodPost, "/api/v1/lineage", fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":%q,"schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",`+
		`"run":{"runId":%q},"job":{"namespace":"bench","name":"etl"},"inputs":[{"namespace":%q,"name":"raw","facets":{"version":{"_producer":"bench",`+
		`"_schemaURL":"https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json","datasetVersion":"1"}}}],"outputs":[%s]}`,
		time.Now().UTC().Format(time.RFC3339Nano), kind, eventsProducer, runUUID(w.number), eventsNamespace, outputs))
	if err == nil && len(answer) > 0 {
		err = fmt.Errorf("an event is acknowledged without a body, and not by %.500s", answer)
	}
	return err
}

// mutate sends a mutation that must record something new.
func (w *runRecorder) mutate(document string, variables map[string]any) ([]byte, error) {
	answer, err := w.send(http.MethodPost, "/graphql", []byte(`{"query":`+jsonString(document)+`,"variables":`+jsonOf(variables)+`}`))
	if err == nil && !bytes.Contains(answer, []byte(`"created":true`)) {
		err = fmt.Errorf("not recorded: %.500s", answer)
	}
	return answer, err
}

// runUUID returns the id of a run, in the form that OpenLineage asks for.
func runUUID(n int64) string { return fmt.Sprintf("0190a1b2-0000-7000-8000-%012d", n) }

// measureEvents measures all ways to record runs in turn, each on a server and a store of its own that
// have only the table that is read.
func (r *runner) measureEvents(ctx context.Context) error {
	if !r.hasPart(EventsPart) || !r.hasContender(PedigreeSQLite) {
		return nil
	}
	var contenders []*contender
	for _, way := range []string{eventPairs, mutationPairs, recordRuns} {
		c, stop, err := r.startEvents(ctx, way)
		if err != nil {
			return err
		}
		defer stop()
		contenders = append(contenders, c)
	}
	for round := range r.Rounds {
		for _, clients := range Concurrency() {
			for _, c := range contenders {
				if err := r.measure(ctx, round, c, sampleKey{EventsPart, c.name, 0, clients}, workload{questions: make([]graphs.Question, 1000)}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// startEvents starts a server for one way, records the table that is read and one run in that way, and
// checks what the server tells of it.
func (r *runner) startEvents(ctx context.Context, way string) (*contender, func(), error) {
	file := filepath.Join(r.Dir, "events-"+way+".db")
	removeStore(file)
	server, err := r.startServer(ctx, "events-"+way, "sqlite://"+file)
	if err != nil {
		return nil, nil, err
	}
	stop := func() { server.stop(); removeStore(file) }
	next := &atomic.Int64{}
	open := func() (*runRecorder, error) {
		conn, err := dial(server.url, "Authorization: Bearer "+server.token)
		return &runRecorder{httpConn: conn, way: way, next: next}, err
	}
	if err := checkRecorder(open); err != nil {
		stop()
		return nil, nil, fmt.Errorf("%s: %w", way, err)
	}
	return &contender{name: way, pids: []int{server.pid()}, open: func() (querier, error) { return open() }}, stop, nil
}

// checkRecorder records the table that is read, and one run. The server must tell that the run read the
// table, and what it wrote.
func checkRecorder(open func() (*runRecorder, error)) error {
	w, err := open()
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.mutate(datasetMutation, map[string]any{"d": "raw", "v": "1"}); err != nil {
		return err
	}
	producer, wrote := eventsProducer, `"downstream":{"edges":[{"node":{"name":"clean"}}]}`
	switch w.way {
	case eventPairs:
		producer = "openlineage"
	case recordRuns:
		wrote = `"downstream":{"edges":[]}`
	}
	for more := true; more; more = w.started || w.run != "" {
		if _, _, err := w.query(graphs.Question{}); err != nil {
			return err
		}
	}
	answer, err := w.send(http.MethodPost, "/graphql", []byte(`{"query":`+jsonString(ownRunQuery)+`,"variables":`+jsonOf(map[string]any{"p": producer, "r": runUUID(w.number)})+`}`))
	if err != nil {
		return err
	}
	return checkInOrder(answer, [][]byte{[]byte(`"status":"COMPLETE","upstream":{"edges":[{"node":{"id":` + jsonString(string(rawTable)) + `}}]}`), []byte(wrote)})
}

// checkEvents compares events with the mutations that record the same, and with recordRun alone.
func (r *Result) checkEvents() (out []targetCheck) {
	for _, clients := range Concurrency() {
		events := r.samples[sampleKey{EventsPart, eventPairs, 0, clients}]
		for _, than := range []struct{ way, name string }{{recordRuns, "recordRun"}, {mutationPairs, "recordRun and recordDatasetVersion in turn"}} {
			theirs := r.samples[sampleKey{EventsPart, than.way, 0, clients}]
			if len(events) == 0 || len(theirs) == 0 {
				continue
			}
			got := median(events).PerSecond / median(theirs).PerSecond
			out = append(out, targetCheck{fmt.Sprintf("OpenLineage events acknowledged a second, %d at once, against %s", clients, than.name),
				fmt.Sprintf("%.2f×", got), fmt.Sprintf("≥ %g×", eventsShare), got >= eventsShare})
		}
	}
	return out
}
