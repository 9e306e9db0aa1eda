package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// eventsInARow returns how many events are recorded: 3,000, or 100,000 in a full run.
func eventsInARow() int {
	rounds, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS"))
	if err != nil || rounds < 40 {
		return 3000
	}
	return min(2000*rounds, 1_000_000)
}

// pipelineEvent is the nth event of a pipeline of ten jobs over eleven tables: each run reads one table
// and writes the next. Events come in pairs, START and COMPLETE, and their times go on.
func pipelineEvent(n int) []byte {
	run, kind := n/2, "START"
	if n%2 == 1 {
		kind = "COMPLETE"
	}
	const table = `{"namespace":"postgres://db:5432","name":"lake.public.t%d","facets":{"schema":{"_producer":"p","_schemaURL":"s","fields":[{"name":"id","type":"int"},{"name":"v","type":"text"}]}}}`
	return fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"etl-%d"},"inputs":[`+table+`],"outputs":[`+table+`]}`,
		start.Add(time.Duration(n)*time.Second).Format(time.RFC3339), kind, run, run%10, run%10, run%10+1)
}

// eventStore is a store that events are recorded in.
type eventStore struct {
	*testing.T
	*service.Service
	store *sqlite.Store
	file  string
	ctx   context.Context
	next  int
}

func newEventStore(t *testing.T) *eventStore {
	t.Helper()
	e := &eventStore{T: t, file: filepath.Join(t.TempDir(), "p.db")}
	var err error
	if e.store, err = sqlite.Open(t.Context(), e.file, sqlite.WithReaders(1), sqlite.WithoutMemory()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.store.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), e.store, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	e.Service = service.New(gate)
	e.ctx = service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	return e
}

func (e *eventStore) record() {
	e.Helper()
	if _, err := e.RecordLineageEvent(e.ctx, pipelineEvent(e.next)); err != nil {
		e.Fatalf("event %d: %v", e.next, err)
	}
	e.next++
}

// until records events up to the nth, and returns the steps of the last 100, as a median of pairs.
func (e *eventStore) until(n int) int {
	e.Helper()
	for e.next < n-100 {
		e.record()
	}
	var steps []int
	for e.next < n {
		e.store.StepsSince(e.ctx)
		e.record()
		e.record()
		steps = append(steps, e.store.StepsSince(e.ctx))
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// held is the memory that the process holds: of Go's heap what is in use after a collection, and what is resident.
func held() (heap, resident int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			resident = pages * int64(os.Getpagesize())
		}
	}
	return int64(m.HeapAlloc), resident
}

// TestEventsInARowDoNotGrow records events of OpenLineage in a row. The last ones take as many steps of the
// engine as the thousandth, within 1.3, what is stored for each is as much, and the memory stays.
func TestEventsInARowDoNotGrow(t *testing.T) {
	e := newEventStore(t)
	size := func() int64 {
		info, err := os.Stat(e.file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	last := eventsInARow()
	few := e.until(1000)
	e.until(1200)
	began, heap, resident := size(), int64(0), int64(0)
	heap, resident = held()
	e.until(last / 2)
	half := size()
	many := e.until(last)
	whole := size()
	heapNow, residentNow := held()
	if tooMany(few, many) {
		t.Errorf("two events take %d steps after 1000, and %d after %d", few, many, last)
	}
	early, late := float64(half-began)/float64(last/2-1200), float64(whole-half)/float64(last-last/2)
	if last >= 50_000 && late > 1.3*early+512 { // A file grows by megabytes at a time.
		t.Errorf("an event adds %.0f bytes in the first half, and %.0f in the second", early, late)
	}
	if heapNow > heap+heap/3+(8<<20) {
		t.Errorf("the heap is %d KiB after 1200 events, and %d KiB after %d", heap>>10, heapNow>>10, last)
	}
	t.Logf("PROOF %d events in a row: %d steps for two of them after 1000, %d at the end (%.2f); %.0f bytes for each, then %.0f; heap %d KiB, then %d; resident %d MiB, then %d",
		last, few, many, float64(many)/float64(few), early, late, heap>>10, heapNow>>10, resident>>20, residentNow>>20)
}
