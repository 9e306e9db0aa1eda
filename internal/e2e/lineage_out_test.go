package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// eventReceiver is a receiver of OpenLineage events that fails, hangs up and redirects, at random.
type eventReceiver struct {
	*httptest.Server
	mu    sync.Mutex
	taken [][]byte
	kind  bool // takes everything
}

func newEventReceiver(t *testing.T) *eventReceiver {
	r := &eventReceiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *eventReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	b, err := io.ReadAll(q.Body)
	if err != nil || q.URL.Path != "/api/v1/lineage" || q.Header.Get("Authorization") != "Bearer "+eventKey {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	choice := rand.IntN(10)
	if r.kind {
		choice = 9
	}
	switch choice {
	case 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case 1:
		http.Redirect(w, q, r.URL+"/elsewhere", http.StatusTemporaryRedirect)
		return
	case 2:
		panic(http.ErrAbortHandler)
	case 3: // It takes the event, and nobody hears of it.
		r.taken = append(r.taken, b)
		panic(http.ErrAbortHandler)
	}
	r.taken = append(r.taken, b)
	w.WriteHeader(http.StatusCreated)
}

func (r *eventReceiver) lines() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

// toldRun is what an event says of a run.
type toldRun struct {
	EventType string
	Run       struct {
		Facets struct {
			Node struct{ RunID string } `json:"pedigree_node"`
		}
	}
}

// toldOf returns what events tell of each run for the first time, in order.
func toldOf(t *testing.T, lines [][]byte) map[string][]string {
	t.Helper()
	out, seen := map[string][]string{}, map[string]bool{}
	for _, line := range lines {
		var e toldRun
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if id := e.Run.Facets.Node.RunID; id != "" && !seen[id+e.EventType] {
			seen[id+e.EventType] = true
			out[id] = append(out[id], e.EventType)
		}
	}
	return out
}

// runUntilKilled records runs, each as it begins and as it ends, and kills the server after some were
// told. It returns the acknowledged ones by their ids, and how often each was told.
func runUntilKilled(t *testing.T, p *process, round int, told func() int) map[string][]string {
	var mu sync.Mutex
	var wg sync.WaitGroup
	acked := map[string][]string{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	before := told()
	const record = `mutation($id:String!,$s:RunStatus!,$e:DateTime){recordRun(input:{producer:"airflow",runId:$id,name:"etl",status:$s,startedAt:"2026-01-01T00:00:00Z",endedAt:$e}){created}}`
	for client := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && i < 60; i++ { // What is not told yet when they are done is told meanwhile.
				id := fmt.Sprintf("%d-%d-%d", round, client, i)
				for _, step := range []struct {
					status string
					end    any
				}{{"RUNNING", nil}, {"COMPLETE", "2026-01-01T01:00:00Z"}} {
					a, err := p.ask(ctx, record, map[string]any{"id": id, "s": step.status, "e": step.end})
					if err != nil {
						return // The server was killed.
					}
					if len(a.Errors) > 0 {
						t.Error(a.Errors)
						return
					}
					mu.Lock()
					acked[id] = append(acked[id], map[string]string{"RUNNING": "START"}[step.status]+map[string]string{"COMPLETE": "COMPLETE"}[step.status])
					mu.Unlock()
					time.Sleep(40 * time.Millisecond)
				}
			}
		})
	}
	for ctx.Err() == nil && told() < before+10 {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Errorf("nothing was told in a minute:\n%s", p.log)
	}
	p.kill()
	wg.Wait()
	return acked
}

// compareTold counts the acknowledged steps of runs that were not told, and the runs that were told
// out of order.
func compareTold(acked, told map[string][]string) (lost, disorder int) {
	for id, steps := range acked {
		for _, s := range steps {
			if !slices.Contains(told[id], s) {
				lost++
			}
		}
		if steps := told[id]; len(steps) > 1 && (steps[0] != "START" || steps[1] != "COMPLETE") {
			disorder++
		}
	}
	return lost, disorder
}

// TestLineageEventsOutliveKilledServers kills the server with SIGKILL while it sends events: to a
// receiver that fails, hangs up and redirects, and into a file. Every acknowledged step of a run is
// told, in order for the run, and the events make the same graph in another registry.
func TestLineageEventsOutliveKilledServers(t *testing.T) {
	t.Parallel()
	for name, flags := range stores {
		for _, kind := range []string{"URL", "file"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				r := newEventReceiver(t)
				address, lines := r.URL, r.lines
				if kind == "file" {
					address = filepath.Join(t.TempDir(), "events.jsonl")
					lines = func() [][]byte { return wholeLines(t, address) }
				}
				store := flags(t)
				f := append(slices.Clone(store), "--openlineage-out", address, "--webhook-pause", "20ms")
				acked, n := map[string][]string{}, rounds(10)
				p := start(t, f...)
				for round := range n {
					for id, steps := range runUntilKilled(t, p, round, func() int { return len(lines()) }) {
						acked[id] = append(acked[id], steps...)
					}
					p = start(t, f...)
				}
				r.mu.Lock()
				r.kind = true
				r.mu.Unlock()
				lost, disorder := 1, 0
				for deadline := time.Now().Add(2 * time.Minute); lost > 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
					lost, disorder = compareTold(acked, toldOf(t, lines()))
				}
				if lost > 0 || disorder > 0 || len(acked) < n {
					t.Errorf("of %d runs %d steps were lost, %d came out of order\n%s", len(acked), lost, disorder, p.log)
				}
				all := lines()
				if err := p.stop(); err != nil {
					t.Errorf("the server did not end well: %v\n%s", err, p.log)
				}
				target := stores["SQLite"](t)
				q := start(t, target...)
				for _, line := range all {
					q.sendEvent(line)
				}
				if diff := cmp.Diff(exportedLines(t, store), exportedLines(t, target)); diff != "" {
					t.Errorf("the graph of the events (- source, + replayed)\n%.3000s", diff)
				}
				t.Logf("PROOF %s, a %s: %d kills -9 of a server that sends OpenLineage events: %d runs, %d steps lost, %d runs out of order, %d events in all; replayed, the same graph", name, kind, n, len(acked), lost, disorder, len(all))
			})
		}
	}
}

// wholeLines returns the lines of a file that have ended.
func wholeLines(t *testing.T, name string) [][]byte {
	b, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	lines := bytes.Split(b, []byte("\n"))
	return lines[:len(lines)-1]
}

// sendEvent sends an event to a server.
func (p *process) sendEvent(line []byte) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.url+"/api/v1/lineage", bytes.NewReader(line))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		b, _ := io.ReadAll(resp.Body)
		p.t.Fatalf("status %d: %s\n%.2000s", resp.StatusCode, b, line)
	}
}

// exportedLines are the facts of a store, in a fixed order.
func exportedLines(t *testing.T, store []string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "facts.jsonl")
	command(t, append([]string{"export", "--output", file}, store...)...)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	slices.Sort(lines)
	return lines
}
