package service_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// tracker is a tracking system that a test sets.
type tracker struct {
	mu       sync.Mutex
	err      error
	evidence *core.RunEvidence
	reads    int
	during   func()
}

// ReadRun answers what the test set.
func (r *tracker) ReadRun(context.Context, core.TrackedRun) (*core.RunEvidence, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if r.during != nil {
		r.during()
	}
	return r.evidence, r.err
}

// ranOn returns what a run says that read a dataset.
func ranOn(data string, ended bool) *core.RunEvidence {
	in := &facts.RecordDatasetVersionInput{Dataset: data, Namespace: "mlflow", Version: "1", Role: registry.TrainingData, Columns: []registry.Column{{Name: "age", Type: "double"}}}
	id := registry.DatasetVersionID(registry.DatasetID("mlflow", data), "1")
	run := &facts.RecordRunInput{Producer: "mlflow", RunID: "r1", Name: "r1", RunKind: registry.RunTraining, Inputs: []registry.ID{id}, Status: registry.RunRunning}
	if ended {
		run.Status = registry.RunComplete
		run.Metrics = []registry.Metric{{Name: "loss", Value: 0.5}}
	}
	out := &core.RunEvidence{Facts: []core.Fact{in, run, &facts.RecordFeatureInput{Name: "age", DefinedOn: &id, Column: "age"}, &facts.RecordFeatureInput{Name: "job", Model: "m"}},
		Run: registry.NewRunID("mlflow", "r1"), Tags: []registry.KeyValue{{Key: registry.MLflowFlavorsTag, Value: "sklearn"}}, Ended: ended}
	if ended {
		out.Card = &registry.ModelCard{ModelDetails: &registry.ModelDetails{Framework: "sklearn 1.9", Algorithm: "tree"}, Features: []string{"age", "job"}}
	}
	return out
}

// trackedKit is a kit whose service reads runs from a tracker.
func trackedKit(t *testing.T, store graph.Store, r core.RunReader) *kit {
	t.Helper()
	k := kitOver(t, store)
	k.Service = serviceOn(t, store, func() time.Time { return k.now }, r)
	return k
}

func serviceOn(t *testing.T, store graph.Store, now func() time.Time, r core.RunReader) *service.Service {
	t.Helper()
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, now)
	if err != nil {
		t.Fatal(err)
	}
	return service.New(gate, service.ReadRuns(r))
}

// onStores runs a test on both stores.
func onStores(t *testing.T, do func(t *testing.T, store graph.Store)) {
	t.Run("SQLite", func(t *testing.T) {
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		do(t, store)
	})
	t.Run("Neo4j", func(t *testing.T) {
		store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		do(t, store)
	})
}

// registerTracked registers a version that names a run.
func (k *kit) registerTracked(ctx context.Context, version string) *registry.ModelVersion {
	k.Helper()
	return must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: "m", Version: &version,
		Tags: []registry.KeyValue{{Key: registry.MLflowRunTag, Value: "r1"}}, Card: &catalog.ModelCardInput{ModelDetails: &registry.ModelDetails{Algorithm: "forest"}}})).ModelVersion
}

// origin is what provenance says of a version, in short.
func (k *kit) origin(v registry.ID, knownAt time.Time) string {
	k.Helper()
	p := must[*provenance.Provenance](k)(k.Service.Provenance(k.admin, v, time.Time{}, knownAt))
	unread := 0
	for _, g := range p.Gaps {
		if g.Code == lineage.RunNotRead {
			unread++
		}
	}
	card := must[*registry.ModelCard](k)(k.CardOf(k.admin, must[*registry.ModelVersion](k)(core.NounAs[*registry.ModelVersion](k.Node(k.admin, v)))))
	details := registry.ModelDetails{}
	if card.ModelDetails != nil {
		details = *card.ModelDetails
	}
	return fmt.Sprintf("runs %d, data %d, features %d, unread %d, %s by %s", len(p.Runs), len(p.Datasets), len(p.Features), unread, details.Algorithm, details.Framework)
}

const whole = "runs 1, data 1, features 2, unread 0, forest by sklearn 1.9"

// TestAVersionIsRegisteredWithItsRun writes the run, what it read, its features and what the card
// does not say in the transaction of the version.
func TestAVersionIsRegisteredWithItsRun(t *testing.T) {
	onStores(t, func(t *testing.T, store graph.Store) {
		k := trackedKit(t, store, &tracker{evidence: ranOn("d", true)})
		k.model("m")
		before := k.head()
		v := k.registerTracked(k.as("ann", registry.RoleDataScientist), "1.0.0")
		if got := k.origin(v.ID, time.Time{}); got != whole {
			t.Error(got)
		}
		if tag := v.Tags[len(v.Tags)-1]; tag.Value != "sklearn" {
			t.Errorf("%+v", v.Tags)
		}
		log, err := store.Log(t.Context(), graph.LogQuery{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range log {
			if e.Seq > before && !e.At.Equal(log[len(log)-1].At) {
				t.Errorf("%s at %s is of another transaction", e.Action, e.At)
			}
		}
	})
}

// TestATrackingServerThatIsDownLosesNothing registers versions while it is down. A second server,
// which begins later, reads their runs when it is back, and two at once do it once.
func TestATrackingServerThatIsDownLosesNothing(t *testing.T) {
	onStores(t, func(t *testing.T, store graph.Store) {
		r := &tracker{err: registry.Errorf(registry.Unavailable, "down")}
		k := trackedKit(t, store, r)
		k.model("m")
		var versions []*registry.ModelVersion
		for i := range 3 {
			versions = append(versions, k.registerTracked(k.admin, fmt.Sprintf("%d.0.0", i+1)))
		}
		for _, v := range versions {
			if got := k.origin(v.ID, time.Time{}); got != "runs 0, data 0, features 0, unread 1, forest by " {
				t.Error(got)
			}
		}
		while := must[*provenance.Provenance](k)(k.Service.Provenance(k.admin, versions[0].ID, time.Time{}, time.Time{})).KnownAt
		k.now = k.now.Add(time.Minute)
		r.reads = 0
		if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); r.reads != 1 || got.Waiting != 3 || got.Reason != "down" {
			t.Errorf("while it is down: %+v after %d reads, want one read", got, r.reads)
		}
		if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); r.reads != 1 || got.Waiting != 3 || got.Reason != "down" {
			t.Errorf("at once again: %+v after %d reads, want no other read", got, r.reads)
		}
		r.err, r.evidence = nil, ranOn("d", true)
		k.now = k.now.Add(time.Hour)
		later := serviceOn(t, store, func() time.Time { return k.now }, r)
		// The other server reads them while this one has read and not written yet.
		r.during = func() {
			r.during = nil
			r.mu.Unlock()
			if got := *must[*catalog.UnreadRuns](k)(later.ReadUnreadRuns(k.admin)); got.Filled != 3 {
				t.Errorf("the other server: %+v", got)
			}
			r.mu.Lock()
		}
		head := int64(0)
		after := r.during
		r.during = func() { after(); head = k.head() }
		if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); got != (catalog.UnreadRuns{Filled: 3}) {
			t.Errorf("the second server: %+v", got)
		}
		if k.head() != head {
			t.Errorf("the second server wrote %d entries more", k.head()-head)
		}
		for _, v := range versions {
			if got := k.origin(v.ID, time.Time{}); got != whole {
				t.Error(got)
			}
		}
		if got := k.origin(versions[0].ID, while); got[:len("runs 0, data 0, features 0, unread 1")] != "runs 0, data 0, features 0, unread 1" {
			t.Errorf("as it was known while the server was down: %s", got)
		}
		if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); got != (catalog.UnreadRuns{}) {
			t.Errorf("nothing is left: %+v", got)
		}
	})
}

// TestARunThatGoesOnIsReadAgain keeps the gap until the run has ended, and takes its metrics then.
func TestARunThatGoesOnIsReadAgain(t *testing.T) {
	onStores(t, func(t *testing.T, store graph.Store) {
		r := &tracker{evidence: ranOn("d", false)}
		k := trackedKit(t, store, r)
		k.model("m")
		v := k.registerTracked(k.admin, "1.0.0")
		if got := k.origin(v.ID, time.Time{}); got != "runs 1, data 1, features 2, unread 1, forest by " {
			t.Error(got)
		}
		for range 3 {
			k.now = k.now.Add(2 * time.Hour)
			if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); got.Waiting != 1 || got.Filled != 0 {
				t.Errorf("while it goes on: %+v", got)
			}
		}
		r.evidence = ranOn("d", true)
		k.now = k.now.Add(2 * time.Hour)
		if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); got.Filled != 1 {
			t.Errorf("%+v", got)
		}
		if got := k.origin(v.ID, time.Time{}); got != whole {
			t.Error(got)
		}
		run := must[*registry.Run](k)(k.Service.Run(k.admin, ptr(registry.NewRunID("mlflow", "r1")), nil, nil))
		if run.Status != registry.RunComplete || len(run.Metrics) != 1 {
			t.Errorf("%+v", run)
		}
	})
}

// TestARunIsNoWayAroundRights registers versions whose callers may not record what the run says,
// or may not see what is recorded of it. The version is there, the run is not joined to it, and
// the server does not do it for them later.
func TestARunIsNoWayAroundRights(t *testing.T) {
	k := newKit(t)
	r := &tracker{evidence: ranOn("d", true)}
	k.Service = serviceOn(t, k.store, func() time.Time { return k.now }, r)
	m := k.model("m")
	k.model("other")
	scoped := k.with("eve", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:" + m.Name})
	for i, down := range []error{nil, registry.Errorf(registry.Unavailable, "down")} {
		r.err = down
		v := k.registerTracked(scoped, fmt.Sprintf("%d.0.0", i+1))
		r.err = nil
		k.now = k.now.Add(24 * time.Hour)
		if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); got != (catalog.UnreadRuns{}) {
			t.Errorf("%+v", got)
		}
		if got := k.origin(v.ID, time.Time{}); got != "runs 0, data 0, features 0, unread 1, forest by " {
			t.Error(got)
		}
	}
	if run := must[*registry.Run](k)(k.Service.Run(k.admin, ptr(registry.NewRunID("mlflow", "r1")), nil, nil)); run != nil {
		t.Errorf("the run is recorded: %+v", run)
	}
	before := r.reads
	_, err := k.RegisterModelVersion(k.as("bob", registry.RoleViewer), catalog.RegisterModelVersionInput{Model: "m", Version: ptr("9.0.0"), Tags: []registry.KeyValue{{Key: registry.MLflowRunTag, Value: "r1"}}})
	if k.wantCode(registry.Forbidden, err); r.reads != before {
		t.Error("a viewer made the server read a run")
	}
}

// TestAGivenRunIsKept reads nothing for a version whose input names a run of this registry, and
// nothing without the tag.
func TestAGivenRunIsKept(t *testing.T) {
	k := newKit(t)
	r := &tracker{evidence: ranOn("d", true)}
	k.Service = serviceOn(t, k.store, func() time.Time { return k.now }, r)
	k.model("m")
	own := k.run("own")
	must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("1.0.0"), Run: &own,
		Tags: []registry.KeyValue{{Key: registry.MLflowRunTag, Value: "r1"}}}))
	k.version("m", "2.0.0")
	if r.reads != 0 {
		t.Errorf("%d reads", r.reads)
	}
	// A version that is refused is refused with a run too, and leaves nothing.
	head := k.head()
	_, err := k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("2.0.0"), Tags: []registry.KeyValue{{Key: registry.MLflowRunTag, Value: "r1"}}})
	if k.wantCode(registry.AlreadyExists, err); k.head() != head {
		t.Error("something was written")
	}
}

// TestAVersionThatIsGoneWaitsForNothing forgets the run of a version that was deleted.
func TestAVersionThatIsGoneWaitsForNothing(t *testing.T) {
	k := newKit(t)
	r := &tracker{err: registry.Errorf(registry.Unavailable, "down")}
	k.Service = serviceOn(t, k.store, func() time.Time { return k.now }, r)
	k.model("m")
	v := k.registerTracked(k.admin, "1.0.0")
	if _, err := k.DeleteModelVersion(k.admin, catalog.DeleteModelVersionInput{ID: &v.ID}); err != nil {
		t.Fatal(err)
	}
	k.now = k.now.Add(time.Hour)
	if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); got.Filled != 1 || r.reads != 1 {
		t.Errorf("%+v after %d reads", got, r.reads)
	}
}

// TestARunThatDoesNotExistIsGivenUp asks ten times.
func TestARunThatDoesNotExistIsGivenUp(t *testing.T) {
	k := newKit(t)
	r := &tracker{err: registry.Errorf(registry.NotFound, "no such run")}
	k.Service = serviceOn(t, k.store, func() time.Time { return k.now }, r)
	k.model("m")
	k.registerTracked(k.admin, "1.0.0")
	for range 20 {
		k.now = k.now.Add(2 * time.Hour)
		must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin))
	}
	if got := *must[*catalog.UnreadRuns](k)(k.ReadUnreadRuns(k.admin)); got.GivenUp != 1 || r.reads != 11 { // One of them when it was registered.
		t.Errorf("%+v after %d reads", got, r.reads)
	}
}

// TestARunWithoutAnEnd is RUNNING for a week, and then UNKNOWN, unless it streams. What is stored
// stays as it was told, and an end that is told late is taken.
func TestARunWithoutAnEnd(t *testing.T) {
	k := newKit(t)
	start := k.now.Add(-8 * 24 * time.Hour)
	for _, name := range []string{"silent", "late", "streams"} {
		in := facts.RecordRunInput{Name: name, Producer: "p", RunID: name, StartedAt: start, Status: registry.RunRunning}
		if name == "streams" {
			in.Tags = []registry.KeyValue{{Key: "openlineage.job.type", Value: "FLINK JOB STREAMING"}}
		}
		must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, in))
	}
	status := func(name string, past core.PointInTime) registry.RunStatus {
		return must[*registry.Run](k)(k.Recorder.Run(k.admin, nil, new("p"), &name, past)).Status
	}
	if a, b := status("silent", core.PointInTime{}), status("streams", core.PointInTime{}); a != registry.RunUnknown || b != registry.RunRunning {
		t.Errorf("%s, and %s that streams", a, b)
	}
	if a := status("silent", core.PointInTime{AsOf: start.Add(6 * 24 * time.Hour)}); a != registry.RunRunning {
		t.Errorf("%s after six days", a)
	}
	must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Name: "late", Producer: "p", RunID: "late", StartedAt: start, Status: registry.RunComplete, EndedAt: k.now}))
	if a := status("late", core.PointInTime{}); a != registry.RunComplete {
		t.Errorf("%s after its end was told", a)
	}
}
