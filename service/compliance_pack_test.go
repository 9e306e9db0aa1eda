package service_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/audit"
	"pedigree/compliance"
	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// eachStore runs a test on both engines, on a registry with a key for its log.
func eachStore(t *testing.T, test func(*kit)) {
	for name, open := range map[string]func(t *testing.T) (graph.Store, error){
		"SQLite": func(t *testing.T) (graph.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
		},
		"Neo4j": func(t *testing.T) (graph.Store, error) {
			return neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			k := kitOn(t, store)
			private := must[string](k)(audit.NewKey(k.LogOrigin()))
			if err := k.SetLogKey(k.admin, must[*audit.Key](k)(audit.ParseKey(private))); err != nil {
				t.Fatal(err)
			}
			test(k)
		})
	}
}

// pack makes a pack of the version 1.0.0 of the model credit, verifies it, and returns its bytes and the
// facts that it is made from.
func (k *kit) pack(asOf time.Time) ([]byte, *compliance.Facts, *compliance.Verified) {
	k.Helper()
	p := must[*compliance.Pack](k)(k.CompliancePack(k.admin, "credit", "1.0.0", asOf))
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		k.Fatal(err)
	}
	v, err := compliance.Verify(b.Bytes(), nil)
	if err != nil {
		k.Fatal(err)
	}
	f := &compliance.Facts{}
	for _, file := range p.Files {
		if file.Name == compliance.FactsFile {
			if err := json.Unmarshal(file.Body, f); err != nil {
				k.Fatal(err)
			}
		}
	}
	return b.Bytes(), f, v
}

// TestAPackAsOfATimeIsWhatWasKnownThen makes a pack of a version as of a time, changes everything that it is
// about, and makes the pack of that time again: it has the same bytes. The pack of the present at that time
// had the same facts.
func TestAPackAsOfATimeIsWhatWasKnownThen(t *testing.T) {
	eachStore(t, func(k *kit) {
		k.model("credit")
		data := k.data("prices", nil)
		run := k.run("train", data)
		id := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "credit", Version: ptr("1.0.0"), Run: &run, Owner: "ann",
			Card: &catalog.ModelCardInput{Description: ptr("first")}})).ModelVersion.ID
		must[*gates.GatePayload](k)(k.PutGate(k.admin, gates.PutGateInput{GateInput: gates.GateInput{Name: "owned", Expression: `version.owner != ""`, Stages: []registry.Stage{registry.Staging}}}))
		k.move("credit", "1.0.0", registry.Staging)
		must[*governance.GuardPayload](k)(k.PutTransitionGuard(k.admin, governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: ptr("credit")}, Profile: registry.ProfileGuarded, Needed: 1}))
		ada := k.assign("ada", registry.RoleAdmin, registry.ScopeAll)
		asked := must[*catalog.TransitionModelVersionPayload](k)(k.TransitionModelVersion(ada, catalog.TransitionModelVersionInput{ID: &id, To: registry.Production})).Request
		cleared := k.recall(data)
		k.now = k.now.Add(time.Hour)
		then, head := k.now, k.head()
		k.now = k.now.Add(time.Minute)
		_, present, _ := k.pack(time.Time{})
		before, was, _ := k.pack(then)

		k.now = k.now.Add(time.Hour)
		k.clear(cleared.ID)
		must[*governance.RequestPayload](k)(k.ApproveTransition(k.assign("bob", registry.RoleAdmin, registry.ScopeAll), governance.DecideInput{ID: asked.ID})) // It moves to PRODUCTION.
		must[*catalog.UpdateModelCardPayload](k)(k.UpdateModelCard(k.admin, catalog.UpdateModelCardInput{Model: ptr("credit"), Version: ptr("1.0.0"), Card: &catalog.ModelCardInput{Description: ptr("second")}}))
		must[*catalog.UpdateModelVersionPayload](k)(k.UpdateModelVersion(k.admin, catalog.UpdateModelVersionInput{Model: ptr("credit"), Version: ptr("1.0.0"), Owner: ptr("bob")}))
		k.link(registry.EdgeUsed, run, k.data("found-out-afterwards", nil)) // What was so then, and nobody knew.
		k.recall(run)
		must[*governance.RecordReviewPayload](k)(k.RecordReview(k.admin, governance.RecordReviewInput{Model: ptr("credit"), Decision: registry.ReviewApproved}))
		must[*facts.RecordDeploymentPayload](k)(k.RecordDeployment(k.admin, facts.RecordDeploymentInput{ID: &id, Environment: "production"}))
		must[*catalog.ModelPayload](k)(k.RenameModel(k.admin, catalog.RenameModelInput{Model: ptr("credit"), Name: "renamed"}))
		k.now = k.now.Add(time.Hour)
		must[*catalog.ModelPayload](k)(k.RenameModel(k.admin, catalog.RenameModelInput{Model: ptr("renamed"), Name: "credit"}))

		after, f, v := k.pack(then)
		if !bytes.Equal(after, before) {
			t.Error("the pack of a time has other bytes later")
		}
		if !v.Manifest.AsOf.Equal(then) || v.Manifest.LogSize != head || v.Checkpoint == nil || v.Checkpoint.Size != head || len(v.Manifest.NotAsOf) < 2 {
			t.Errorf("the manifest says %v, %d of %d entries, %q", v.Manifest.AsOf, v.Manifest.LogSize, head, v.Manifest.NotAsOf)
		}
		if f.Card == nil || f.Card.Description != "first" || f.Version.Owner != "ann" || f.Version.Stage != registry.Staging || len(f.Transitions) != 1 || len(f.Transitions[0].Gates) != 1 || len(f.Reviews) != 0 || len(f.Deployments) != 0 {
			t.Errorf("%+v %+v", f.Version, f.Transitions)
		}
		if len(f.Recalls) != 1 || f.Recalls[0].State != registry.RecallOpen || f.Version.RecallState != registry.IsRecalled || strings.Contains(string(after), "found-out") {
			t.Errorf("recalls %+v, %s", f.Recalls, f.Version.RecallState)
		}
		if len(f.Requests) != 1 || f.Requests[0].Status != registry.RequestPending || len(f.Requests[0].Approvals) != 0 {
			t.Errorf("the requests are %+v", f.Requests)
		}
		// The present of then had the same facts, but for what says of which time it is.
		was.AsOf, was.NotAsOf, was.ReadAt, was.LogSeqs = time.Time{}, nil, present.ReadAt, present.LogSeqs
		if a, b := asJSON(k, was), asJSON(k, present); a != b {
			t.Errorf("as of then\n%s\nand then\n%s", a, b)
		}
		_, now, of := k.pack(time.Time{})
		if !of.Manifest.AsOf.IsZero() || now.Card.Description != "second" || now.Version.Owner != "bob" || len(now.Recalls) != 2 || now.Recalls[0].State != registry.RecallCleared || len(now.Reviews) != 1 || len(now.Requests) != 1 || len(now.Requests[0].Approvals) != 1 || now.Version.Stage != registry.Production {
			t.Errorf("the present is %+v %+v", now.Version, now.Recalls)
		}
		for _, at := range []time.Time{then.Add(-300 * 24 * time.Hour), k.now.Add(time.Hour)} {
			if _, err := k.CompliancePack(k.admin, "credit", "1.0.0", at); err == nil {
				t.Errorf("there is a pack as of %s", at)
			}
		}
	})
}

func asJSON(k *kit, v any) string {
	k.Helper()
	return string(must[[]byte](k)(json.Marshal(v)))
}

// addRecalls adds cleared recalls of something else, as the service records them.
func (k *kit) addRecalls(first, n int, of registry.ID) {
	k.Helper()
	for start := first; start < first+n; start += 500 {
		err := k.store.Update(k.Context(), func(tx graph.Tx) error {
			for i := start; i < min(start+500, first+n); i++ {
				r := &registry.Recall{Number: i, Nodes: []registry.ID{of}, Reason: "r", Severity: registry.SeverityLow, State: registry.RecallCleared, RecalledBy: "root", RecalledAt: k.now}
				r.ID, r.ValidFrom = registry.RecallID(i), k.now
				node, err := core.EncodeNode(r, core.OrdinalName(i), k.now)
				if err != nil {
					return err
				}
				if err := tx.Append(k.Context(), &registry.LogEntry{Actor: "root", Action: registry.LogRecalled, Objects: []registry.ID{r.ID, of}, At: k.now}); err != nil {
					return err
				}
				if err := tx.Put(k.Context(), node); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			k.Fatal(err)
		}
	}
}

// TestAPackHasItsRecallsWhateverElseIsRecalled makes the pack of a version before and after 2,000 recalls of
// something else. It has the recalls of what the version came from, the oldest too, and no other.
func TestAPackHasItsRecallsWhateverElseIsRecalled(t *testing.T) {
	eachStore(t, func(k *kit) {
		k.model("credit")
		data := k.data("prices", nil)
		run := k.run("train", data)
		must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "credit", Version: ptr("1.0.0"), Run: &run}))
		other := k.data("other", nil)
		k.clear(k.recall(data).ID)
		k.recall(run, data)
		numbers := func() (out []int) {
			_, f, _ := k.pack(time.Time{})
			for _, r := range f.Recalls {
				out = append(out, r.Number)
			}
			if len(f.Cut) > 0 {
				t.Errorf("the pack is cut: %q", f.Cut)
			}
			return out
		}
		if got := numbers(); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("the recalls are %v", got)
		}
		k.addRecalls(3, 2000, other)
		k.now = k.now.Add(time.Minute)
		if got := numbers(); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("among 2,000 others the recalls are %v", got)
		}
	})
}
