package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph/graphtest"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/governance"
)

// recallWorld is a chain: data → run → version 1.0.0 of a model, and a version beside it.
type recallWorld struct {
	*kit
	data, run   registry.ID
	bad, beside *registry.ModelVersion
}

func newRecallWorld(t *testing.T) *recallWorld {
	w := &recallWorld{kit: newKit(t)}
	w.data = w.kit.data("prices", nil)
	w.run = w.kit.run("train", w.data)
	w.model("credit")
	w.bad, w.beside = w.version("credit", "1.0.0"), w.version("credit", "2.0.0")
	w.link(registry.EdgeGeneratedBy, w.bad.ID, w.run)
	w.move("credit", "1.0.0", registry.Staging)
	w.move("credit", "2.0.0", registry.Staging)
	return w
}

func (k *kit) link(kind registry.EdgeKind, from, to registry.ID) {
	k.Helper()
	if _, err := k.LinkLineage(k.admin, facts.LinkLineageInput{Kind: kind, From: from, To: to}); err != nil {
		k.Fatal(err)
	}
}

func (k *kit) recall(nodes ...registry.ID) *registry.Recall {
	k.Helper()
	return must[*governance.RecallPayload](k)(k.Recall(k.admin, governance.RecallInput{Nodes: nodes, Reason: "wrong prices", Severity: registry.SeverityHigh})).Recall
}

func (k *kit) clear(id registry.ID) {
	k.Helper()
	must[*governance.RecallPayload](k)(k.ClearRecall(k.as("root", registry.RoleAdmin), governance.ClearRecallInput{ID: id, Reason: "data was right"}))
	must[*governance.RecallPayload](k)(k.DecideRecallClearing(k.as("second", registry.RoleAdmin), governance.DecideRecallClearingInput{ID: id}))
}

func (k *kit) promote(ctx context.Context, version string, to registry.Stage, force bool) error {
	in := catalog.TransitionModelVersionInput{Model: ptr("credit"), Version: &version, To: to, Force: force}
	if force {
		in.Reason = "now"
	}
	_, err := k.TransitionModelVersion(ctx, in)
	return err
}

// recallState reads whether a node is recalled, at an optional point in time.
func (k *kit) recallState(ctx context.Context, id registry.ID, past ...core.PointInTime) registry.RecallState {
	k.Helper()
	n, err := k.Node(ctx, id, past...)
	if err != nil || n == nil {
		k.Fatal(err, n)
	}
	return *must[*registry.RecallState](k)(k.RecallStateOf(ctx, n))
}

func TestPromotionOfWhatARecallConcernsIsRefused(t *testing.T) {
	w := newRecallWorld(t)
	r := w.recall(w.data)
	for _, to := range []registry.Stage{registry.Canary, registry.Production} {
		for _, force := range []bool{false, true} {
			err := w.promote(w.admin, "1.0.0", to, force)
			w.wantCode(registry.FailedPrecondition, err)
			for _, part := range []string{"recall 1", string(r.ID), "MODEL_VERSION", "RUN train", "DATASET_VERSION prices"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("the refusal %q does not tell %s", err, part)
				}
			}
		}
	}
	check, err := w.CheckTransition(w.admin, governance.CheckTransitionInput{ID: &w.bad.ID, To: registry.Production})
	if err != nil || check.Allowed || check.Blockers[0].Kind != governance.BlockedByRecall {
		t.Errorf("checkTransition says %+v, %v", check, err)
	}
	if err := w.promote(w.admin, "2.0.0", registry.Production, false); err != nil {
		t.Error(err)
	}
	w.clear(r.ID)
	if err := w.promote(w.admin, "1.0.0", registry.Production, false); err != nil {
		t.Error(err)
	}
	// What is at work already can be taken back to CANARY.
	w.recall(w.run)
	if err := w.promote(w.admin, "1.0.0", registry.Canary, false); err != nil {
		t.Error(err)
	}
}

func TestSearchCountsWhatIsRecalled(t *testing.T) {
	w := newRecallWorld(t)
	states := func() string {
		c := w.search(catalog.SearchInput{Text: "credit", Kinds: []registry.Kind{registry.KindModel, registry.KindModelVersion}}, core.Paging{})
		return titles(must[[]*catalog.SearchRecallCount](w.kit)(must[*catalog.SearchFacets](w.kit)(c.Facets(w.admin)).RecallStates(w.admin)),
			func(x *catalog.SearchRecallCount) string { return fmt.Sprint(x.State, x.Count) })
	}
	if got := states(); got != "CLEAR2" {
		t.Errorf("before the recall: %s", got)
	}
	w.recall(w.data)
	if got := states(); got != "CLEAR1 RECALLED1" {
		t.Errorf("after it: %s", got)
	}
}

func TestALateEdgeBehindARecallCarriesIt(t *testing.T) {
	w := newRecallWorld(t)
	w.recall(w.data)
	if got := w.recallState(w.admin, w.beside.ID); got != registry.NotRecalled {
		t.Error("before the edge:", got)
	}
	w.link(registry.EdgeDerivedFrom, w.beside.ID, w.bad.ID)
	if got := w.recallState(w.admin, w.beside.ID); got != registry.IsRecalled {
		t.Error("after it:", got)
	}
	w.wantCode(registry.FailedPrecondition, w.promote(w.admin, "2.0.0", registry.Production, false))
}

func TestClearingARecallTakesTwoPeople(t *testing.T) {
	w := newRecallWorld(t)
	r := w.recall(w.data)
	second := w.as("second", registry.RoleAdmin)
	decide := func(ctx context.Context, approve bool) error {
		_, err := w.DecideRecallClearing(ctx, governance.DecideRecallClearingInput{ID: r.ID, Approve: &approve})
		return err
	}
	ask := func(ctx context.Context) error {
		_, err := w.ClearRecall(ctx, governance.ClearRecallInput{ID: r.ID, Reason: "over"})
		return err
	}
	w.wantCode(registry.FailedPrecondition, decide(second, true)) // Nobody asked.
	if err := ask(w.admin); err != nil {
		t.Fatal(err)
	}
	w.wantCode(registry.FailedPrecondition, ask(second))
	w.wantCode(registry.Forbidden, decide(w.admin, true))
	w.wantCode(registry.Forbidden, decide(w.as("ds", registry.RoleDataScientist), true))
	if got := w.recallState(w.admin, w.bad.ID); got != registry.IsRecalled {
		t.Error("one person cleared it:", got)
	}
	if err := decide(second, false); err != nil {
		t.Fatal(err)
	}
	if err := ask(w.as("ds", registry.RoleDataScientist)); err != nil {
		t.Fatal(err)
	}
	if err := decide(w.admin, true); err != nil { // Who recalled may be the second person.
		t.Fatal(err)
	}
	if got := w.recallState(w.admin, w.bad.ID); got != registry.NotRecalled {
		t.Error("after two people:", got)
	}
	w.wantCode(registry.FailedPrecondition, ask(w.admin))
}

func TestAClearedRecallKeepsItsInterval(t *testing.T) {
	w := newRecallWorld(t)
	before := w.now
	w.now = w.now.Add(time.Hour)
	r := w.recall(w.data)
	w.now = w.now.Add(time.Hour)
	during := w.now
	w.now = w.now.Add(time.Hour)
	w.clear(r.ID)
	w.now = w.now.Add(time.Hour)
	for name, at := range map[string]core.PointInTime{"asOf": {AsOf: during}, "knownAt": {KnownAt: during}} {
		if got := w.recallState(w.admin, w.bad.ID, at); got != registry.IsRecalled {
			t.Errorf("%s while it stood: %s", name, got)
		}
	}
	for name, at := range map[string]core.PointInTime{"before": {AsOf: before.Add(time.Minute)}, "known before": {KnownAt: before.Add(time.Minute)}, "after": {AsOf: w.now}} {
		if got := w.recallState(w.admin, w.bad.ID, at); got != registry.NotRecalled {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestMarksEqualABruteForce compares the marks of random commit histories with fixes, and of what ran
// their code, with a search that knows no bounds, after each late edge.
func TestMarksEqualABruteForce(t *testing.T) {
	for seed := range uint64(graphtest.Rounds()) {
		r := rand.New(rand.NewPCG(seed, 18))
		k := newKit(t)
		const n = 12
		sha := func(i int) string { return fmt.Sprintf("%040x", i+1) }
		parents, commits, runs := map[int][]int{}, make([]registry.ID, n), make([]registry.ID, n)
		for i := range n {
			in := facts.CommitInput{SHA: sha(i), CommittedAt: k.now}
			for p := range i {
				if r.IntN(4) == 0 || p == i-1 && r.IntN(2) == 0 {
					parents[i], in.Parents = append(parents[i], p), append(in.Parents, sha(p))
				}
			}
			p := must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "r"}, Commits: []facts.CommitInput{in}}))
			commits[i] = p.Commits[0].ID
			runs[i] = k.run(fmt.Sprint("run", i))
		}
		bad, fix := r.IntN(n), r.IntN(n)
		in := governance.RecallInput{Nodes: []registry.ID{commits[bad]}, Reason: "bad", Severity: registry.SeverityLow}
		if fix != bad {
			in.FixedBy = []registry.ID{commits[fix]}
		}
		must[*governance.RecallPayload](k)(k.Recall(k.admin, in))
		var reaches func(from, to int) bool
		reaches = func(from, to int) bool {
			return from == to || slices.ContainsFunc(parents[from], func(p int) bool { return reaches(p, to) })
		}
		for i := range n { // The run comes to have run the commit only now.
			k.link(registry.EdgeRanCode, runs[i], commits[i])
			want := registry.NotRecalled
			if i == bad || reaches(i, bad) && (fix == bad || !reaches(i, fix)) {
				want = registry.IsRecalled
			}
			for _, id := range []registry.ID{commits[i], runs[i]} {
				if got := k.recallState(k.admin, id); got != want {
					t.Errorf("seed %d, commit %d (bad %d, fix %d): %s is %s, want %s", seed, i, bad, fix, id.Kind(), got, want)
				}
			}
		}
	}
}
