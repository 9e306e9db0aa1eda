package service_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// gateKit is a registry with the model churn, whose version 1.0.0 in STAGING was trained on raw data.
type gateKit struct {
	*kit
	raw, version registry.ID
}

func newGateKit(t *testing.T) *gateKit { return gateKitOn(newKit(t)) }

func gateKitOn(k *kit) *gateKit {
	k.Helper()
	g := &gateKit{kit: k}
	k.model("churn")
	g.raw = must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "raw.csv", Version: "1", Role: registry.RawData})).DatasetVersion.ID
	g.version = g.trained("1.0.0")
	return g
}

// trained registers a version that a run made of the raw data, and moves it to STAGING.
func (g *gateKit) trained(version string) registry.ID {
	g.Helper()
	run := g.run("train-"+version, g.raw)
	v := must[*catalog.RegisterModelVersionPayload](g.kit)(g.RegisterModelVersion(g.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: &version, Run: &run})).ModelVersion
	g.move("churn", version, registry.Staging)
	return v.ID
}

// put sets a gate.
func (g *gateKit) put(in gates.GateInput) *registry.Gate {
	g.Helper()
	return must[*gates.GatePayload](g.kit)(g.PutGate(g.admin, gates.PutGateInput{GateInput: in})).Gate
}

func (g *gateKit) promote(version string, force bool) (*catalog.TransitionModelVersionPayload, error) {
	return g.TransitionModelVersion(g.admin, catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: &version, To: registry.Production, Force: force, Reason: "go"})
}

// licences asks for a licence of every raw source.
var licences = gates.GateInput{Name: "licences", Expression: `sources.all(s, s.licence != "")`, Message: "give every raw source a licence tag"}

func (g *gateKit) licensed(licence string) {
	g.Helper()
	must[*facts.RecordDatasetVersionPayload](g.kit)(g.RecordDatasetVersion(g.admin, facts.RecordDatasetVersionInput{Dataset: "raw.csv", Version: "1", Role: registry.RawData, Tags: []registry.KeyValue{{Key: "licence", Value: licence}}}))
}

// TestAGateRefusesAVersionByWhatItWasMadeOf promotes a version whose source has no licence, also by
// force, and then one whose source has one.
func TestAGateRefusesAVersionByWhatItWasMadeOf(t *testing.T) {
	g := newGateKit(t)
	g.put(licences)
	for _, force := range []bool{false, true} {
		_, err := g.promote("1.0.0", force)
		g.wantCode(registry.FailedPrecondition, err)
		for _, part := range []string{`"licences" says FAIL`, "give every raw source", "sources.licence of raw.csv is empty"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %s", err, part)
			}
		}
		known, _ := err.(*registry.Error)
		if found, ok := known.Details["gates"].([]*gates.GateResult); !ok || len(found) != 1 || *found[0].Saw[0].Node != g.raw {
			t.Errorf("%+v", known.Details)
		}
	}
	check := must[*governance.TransitionCheck](g.kit)(g.CheckTransition(g.admin, governance.CheckTransitionInput{ID: &g.version, To: registry.Production}))
	if check.Allowed || len(check.Gates) != 1 || check.Gates[0].Answer != registry.GateFail || len(check.Blockers) != 1 || check.Blockers[0].Kind != governance.BlockedByGate {
		t.Errorf("%+v", check)
	}
	g.licensed("MIT")
	p, err := g.promote("1.0.0", false)
	if err != nil || p.Version.Stage != registry.Production {
		t.Fatal(err)
	}
	if said := p.Transition.Gates; len(said) != 1 || said[0] != (registry.TransitionGate{Name: "licences", Revision: 1, Mode: registry.GateEnforce, Answer: registry.GatePass}) {
		t.Errorf("%+v", said)
	}
	must[*core.DeletePayload](g.kit)(g.WithdrawGate(g.admin, gates.WithdrawGateInput{Name: "licences"}))
	if all := must[[]*registry.Gate](g.kit)(g.Gates(g.admin)); len(all) != 0 {
		t.Errorf("%d gates stand", len(all))
	}
}

// TestAGateSpeaksOfWhatIsNotKnown promotes a version of which nothing is recorded: its sources are not
// none, they are unknown. A card that says nothing is unknown too, and one that says no fails.
func TestAGateSpeaksOfWhatIsNotKnown(t *testing.T) {
	g := newGateKit(t)
	g.bare("2.0.0")
	for _, c := range []struct {
		version, expression string
		want                registry.GateAnswer
	}{
		{"2.0.0", `sources.all(s, s.licence != "")`, registry.GateUnknown},
		{"2.0.0", `!ancestors.exists(a, a.recalled)`, registry.GateUnknown},
		{"2.0.0", `runs.all(r, r.hasCommit)`, registry.GateUnknown},
		{"2.0.0", `!("VERSION_WITHOUT_TRAINING" in gaps)`, registry.GateFail},
		{"1.0.0", `ancestors.all(a, !a.recalled)`, registry.GateUnknown}, // Nobody knows the commit.
		{"1.0.0", `datasets.all(d, !d.recalled)`, registry.GatePass},
		{"1.0.0", `runs.all(r, r.hasCommit)`, registry.GateFail},
		{"1.0.0", `commits.all(c, c.signed)`, registry.GateUnknown},
		{"1.0.0", `"RUN_WITHOUT_COMMIT" in gaps && sources.exists(s, s.name == "raw.csv" && s.role == "RAW")`, registry.GatePass},
		{"1.0.0", `card.fairnessChecked`, registry.GateUnknown},
		{"1.0.0", `!card.fairnessChecked`, registry.GateUnknown},
		{"1.0.0", `incumbent.version == "1.0.0"`, registry.GateUnknown},
		{"1.0.0", `!hasIncumbent && approvals == 0 && to == "PRODUCTION" && model.name == "churn" && version.stage == "STAGING"`, registry.GatePass},
		{"1.0.0", `signature.verified`, registry.GateFail},
		{"1.0.0", `size(artifacts) == 0 && !review.exists`, registry.GatePass},
		{"1.0.0", `review.decision != "REJECTED"`, registry.GateUnknown},
	} {
		g.put(gates.GateInput{Name: "it", Expression: c.expression})
		check := must[*governance.TransitionCheck](g.kit)(g.CheckTransition(g.admin, governance.CheckTransitionInput{Model: ptr("churn"), Version: &c.version, To: registry.Production}))
		if got := check.Gates[0]; got.Answer != c.want || got.Refuses != (c.want != registry.GatePass) {
			t.Errorf("%s of %s is %s, want %s: %+v", c.expression, c.version, got.Answer, c.want, got)
		}
	}
}

// bare registers a version of which nothing more is recorded, and moves it to STAGING.
func (g *gateKit) bare(version string) {
	g.Helper()
	g.kit.version("churn", version)
	g.move("churn", version, registry.Staging)
}

// TestWhichTransitionsAGateHoldsFor sets gates for other stages, models and tags, which hold for nothing
// here, and then those that do.
func TestWhichTransitionsAGateHoldsFor(t *testing.T) {
	g := newGateKit(t)
	g.model("other")
	tag := registry.KeyValue{Key: "tier", Value: "high"}
	never := gates.GateInput{Name: "never", Expression: "false"}
	holds := func(want bool, change func(*gates.GateInput)) {
		t.Helper()
		in := never
		change(&in)
		g.put(in)
		check := must[*governance.TransitionCheck](g.kit)(g.CheckTransition(g.admin, governance.CheckTransitionInput{ID: &g.version, To: registry.Production}))
		if (len(check.Gates) == 1) != want {
			t.Errorf("%+v holds: %v", in, !want)
		}
	}
	holds(true, func(*gates.GateInput) {})
	holds(false, func(in *gates.GateInput) { in.Stages = []registry.Stage{registry.Canary} })
	holds(false, func(in *gates.GateInput) { in.Models = []string{"other"} })
	holds(true, func(in *gates.GateInput) { in.Models = []string{"other", "churn"} })
	holds(false, func(in *gates.GateInput) { in.Tag = &tag })
	// Who may tag a model and not configure governance can neither begin nor end a gate by it.
	tags := catalog.UpdateModelInput{Model: ptr("churn"), Tags: []registry.KeyValue{tag}}
	_, err := g.UpdateModel(g.as("dan", registry.RoleDataScientist), tags)
	g.wantCode(registry.Forbidden, err)
	must[*catalog.ModelPayload](g.kit)(g.UpdateModel(g.admin, tags))
	holds(true, func(in *gates.GateInput) { in.Tag = &tag })
	_, err = g.UpdateModel(g.as("dan", registry.RoleDataScientist), catalog.UpdateModelInput{Model: ptr("churn"), Tags: []registry.KeyValue{}})
	g.wantCode(registry.Forbidden, err)
	_, err = g.PutGate(g.admin, gates.PutGateInput{GateInput: gates.GateInput{Name: "x", Expression: "true", Models: []string{"none"}}})
	g.wantCode(registry.NotFound, err)
	_, err = g.PutGate(g.as("dan", registry.RoleDataScientist), gates.PutGateInput{GateInput: never})
	g.wantCode(registry.Forbidden, err)
	_, err = g.PutGate(g.admin, gates.PutGateInput{GateInput: never, IfRevision: ptr(1)})
	g.wantCode(registry.Conflict, err)
}

// TestForceAndWarnings forces past gates that refuse, that are forcible, and that only warn.
func TestForceAndWarnings(t *testing.T) {
	for _, c := range []struct {
		mode            registry.GateMode
		forcible, force bool
		moves           bool
	}{
		{registry.GateEnforce, false, false, false}, {registry.GateEnforce, false, true, false}, {registry.GateEnforce, true, false, false},
		{registry.GateEnforce, true, true, true}, {registry.GateWarn, false, false, true}, {registry.GateWarn, false, true, true},
	} {
		g := newGateKit(t)
		in := licences
		in.Mode, in.Forcible = c.mode, c.forcible
		g.put(in)
		p, err := g.promote("1.0.0", c.force)
		if (err == nil) != c.moves {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if err != nil {
			continue
		}
		want := registry.TransitionGate{Name: "licences", Revision: 1, Mode: c.mode, Answer: registry.GateFail, Message: licences.Message}
		if said := p.Transition.Gates; len(said) != 1 || said[0] != want {
			t.Errorf("%+v: %+v", c, said)
		}
		entries, err := g.store.Log(t.Context(), graph.LogQuery{Desc: true, Limit: 1})
		if err != nil || !strings.Contains(string(entries[0].Detail), "licences@1 FAIL") {
			t.Errorf("the log says %s, %v", entries[0].Detail, err)
		}
	}
}

// TestAnApprovedRequestObeysGates requests a transition past a gate about approvals and one about
// data: the first waits for the approvals, the second refuses at once, and also at the execution.
func TestAnApprovedRequestObeysGates(t *testing.T) {
	g := newGateKit(t)
	must[*governance.GuardPayload](g.kit)(g.PutTransitionGuard(g.admin, governance.PutTransitionGuardInput{Profile: registry.ProfileGuarded}))
	g.put(gates.GateInput{Name: "two", Expression: "approvals >= 2"})
	ask := func() (*catalog.TransitionModelVersionPayload, error) {
		return g.TransitionModelVersion(g.as("ann", registry.RoleDataScientist), catalog.TransitionModelVersionInput{ID: &g.version, To: registry.Production})
	}
	g.put(licences)
	_, err := ask()
	g.wantCode(registry.FailedPrecondition, err)
	g.licensed("MIT")
	request := must[*catalog.TransitionModelVersionPayload](g.kit)(ask()).Request
	_, err = g.ApproveTransition(g.as("bob", registry.RoleAdmin), governance.DecideInput{ID: request.ID})
	g.wantCode(registry.FailedPrecondition, err)
	if err == nil || !strings.Contains(err.Error(), "approvals is 1") {
		t.Error(err)
	}
	g.put(gates.GateInput{Name: "two", Expression: "approvals >= 1"})
	p := must[*governance.RequestPayload](g.kit)(g.ApproveTransition(g.as("bob", registry.RoleAdmin), governance.DecideInput{ID: request.ID}))
	if p.Version == nil || p.Version.Stage != registry.Production || len(p.Transition.Gates) != 2 {
		t.Errorf("%+v", p)
	}
}

// TestAFactThatIsHiddenIsToldAsHidden hides tags of datasets and names of gates from data scientists.
// The gate refuses all the same.
func TestAFactThatIsHiddenIsToldAsHidden(t *testing.T) {
	g := newGateKit(t)
	g.licensed("secret")
	g.put(gates.GateInput{Name: "mit", Expression: `sources.all(s, s.licence == "MIT")`, Message: "only MIT"})
	check := func() *governance.TransitionCheck {
		t.Helper()
		return must[*governance.TransitionCheck](g.kit)(g.CheckTransition(g.as("dan", registry.RoleDataScientist), governance.CheckTransitionInput{ID: &g.version, To: registry.Production}))
	}
	if c := check(); c.Gates[0].Saw[0].State != gates.FactKnown || c.Gates[0].Saw[0].Value != "secret" {
		t.Errorf("%+v", c.Gates[0].Saw[0])
	}
	denied := ""
	deny := func(field string) {
		t.Helper()
		builtIn, err := os.ReadFile(filepath.Join("..", "policies", "policy.csv"))
		if err != nil {
			t.Fatal(err)
		}
		denied += "\np, role:data_scientist, " + field + ", read, all, deny\n"
		file := filepath.Join(t.TempDir(), "policy.csv")
		if err := os.WriteFile(file, append(builtIn, denied...), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := policies.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		gate, err := policies.NewGate(t.Context(), g.store, table, func() time.Time { return g.now })
		if err != nil {
			t.Fatal(err)
		}
		g.Service = service.New(gate)
	}
	deny("DatasetVersion.tags")
	c := check()
	if f := c.Gates[0].Saw[0]; f.State != gates.FactHidden || f.Value != "" || c.Gates[0].Answer != registry.GateFail || strings.Contains(fmt.Sprint(c.Blockers), "secret") {
		t.Errorf("%+v", f)
	}
	deny("Gate.name")
	deny("Gate.message")
	c = check()
	if r := c.Gates[0]; r.Gate != "" || r.Message != "" || len(r.Saw) != 0 || !r.Refuses || !strings.Contains(r.Text(), "may not see") {
		t.Errorf("%+v", r)
	}
}

// TestATransitionWithoutGatesReadsNothingMore counts the calls of a promotion without gates, with one
// that holds for another stage, and with one that holds.
func TestATransitionWithoutGatesReadsNothingMore(t *testing.T) {
	calls := func(stages ...registry.Stage) int {
		t.Helper()
		w := &countingStore{Store: sqliteStore(t)}
		g := gateKitOn(kitOn(t, w))
		if len(stages) > 0 {
			g.put(gates.GateInput{Name: "owned", Expression: `sources.all(s, s.name != "") && card.description == ""`, Stages: stages})
		}
		w.calls = 0
		if _, err := g.promote("1.0.0", false); err != nil {
			t.Fatal(err)
		}
		return w.calls
	}
	none, elsewhere, holds := calls(), calls(registry.Archived), calls(registry.Production)
	const without = 13 // One of them asks whether a recall is open; none is for gates.
	if none != without || elsewhere != without || holds <= none {
		t.Errorf("%d calls without gates, %d with one for another stage, %d with one that holds", none, elsewhere, holds)
	}
	t.Logf("PROOF a promotion: %d calls in its transaction without gates, %d with one that does not hold for it, %d with one that does", none, elsewhere, holds)
}

// TestTheHistoryOfAGate reads a gate as it was, and asks which past promotions it would have refused.
func TestTheHistoryOfAGate(t *testing.T) {
	g := newGateKit(t)
	step := func() time.Time { g.now = g.now.Add(time.Hour); return g.now }
	step()
	if _, err := g.promote("1.0.0", false); err != nil {
		t.Fatal(err)
	}
	step()
	g.licensed("MIT")
	step()
	g.trained("2.0.0")
	if _, err := g.promote("2.0.0", false); err != nil {
		t.Fatal(err)
	}
	step()
	test := must[*gates.GateTest](g.kit)(g.TestGate(g.admin, licences, 10))
	if test.Tested != 2 || test.Refused != 1 || test.Transitions[0].Version != "2.0.0" || test.Transitions[0].Result.Answer != registry.GatePass || test.Transitions[1].Result.Answer != registry.GateFail {
		t.Errorf("%+v", test)
	}
	incumbent := must[*gates.GateTest](g.kit)(g.TestGate(g.admin, gates.GateInput{Name: "new", Expression: `!hasIncumbent || incumbent.version == "1.0.0"`}, 10))
	if incumbent.Tested != 2 || incumbent.Refused != 0 || incumbent.Transitions[0].Result.Saw[0].Value != "true" {
		t.Errorf("%+v", incumbent.Transitions[0].Result)
	}
	if one := must[*gates.GateTest](g.kit)(g.TestGate(g.admin, licences, 1)); !one.Truncated || one.Tested != 1 {
		t.Errorf("%+v", one)
	}
	_, err := g.TestGate(g.as("dan", registry.RoleDataScientist), licences, 10)
	g.wantCode(registry.Forbidden, err)

	g.put(licences)
	first := step()
	changed := licences
	changed.Mode = registry.GateWarn
	g.put(changed)
	second := step()
	must[*core.DeletePayload](g.kit)(g.WithdrawGate(g.admin, gates.WithdrawGateInput{Name: "licences"}))
	step()
	for at, want := range map[time.Time]registry.GateMode{first.Add(-time.Second): registry.GateEnforce, second.Add(-time.Second): registry.GateWarn, g.now: ""} {
		got := must[*registry.Gate](g.kit)(g.Gate(g.admin, "licences", core.PointInTime{AsOf: at}))
		if (got == nil) != (want == "") || got != nil && got.Mode != want {
			t.Errorf("at %s the gate is %+v, want %q", at, got, want)
		}
	}
	if again := g.put(licences); again.Revision < 3 {
		t.Errorf("a gate that was withdrawn begins anew at revision %d", again.Revision)
	}
}

// TestAPromotionDoesNotSlipPastAGate races promotions with new sources that have no licence, on both
// stores: no promotion commits after the source is linked.
func TestAPromotionDoesNotSlipPastAGate(t *testing.T) {
	for name, open := range map[string]func() (graph.Store, error){
		"SQLite": func() (graph.Store, error) { return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db")) },
		"Neo4j": func() (graph.Store, error) {
			return neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := open()
			if err != nil {
				t.Fatal(err)
			}
			g := gateKitOn(kitOn(t, store))
			g.licensed("MIT")
			g.put(licences)
			rounds, moved := min(max(graphtest.Rounds(), 10), 200), 0
			for i := range rounds {
				version := fmt.Sprintf("2.%d.0", i)
				id := g.trained(version)
				bad := g.data(fmt.Sprint("bad-", i), nil)
				var wg sync.WaitGroup
				var linked, promoted error
				both := []func(){
					func() {
						_, linked = g.LinkLineage(g.admin, facts.LinkLineageInput{From: id, To: bad, Kind: registry.EdgeDerivedFrom})
					},
					func() { _, promoted = g.promote(version, false) }}
				wg.Go(both[i%2])
				wg.Go(both[1-i%2])
				wg.Wait()
				if linked != nil {
					t.Fatal(linked)
				}
				if promoted == nil {
					moved++
				} else if registry.CodeOf(promoted) != registry.FailedPrecondition {
					t.Fatal(promoted)
				}
				var seqs [2]int64
				entries, err := store.Log(t.Context(), graph.LogQuery{Desc: true, Limit: 10})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					if e.Action == registry.LogLineageLinked && slices.Contains(e.Objects, id) {
						seqs[0] = e.Seq
					}
					if e.Action == registry.LogModelDeployed && e.Objects[0] == id {
						seqs[1] = e.Seq
					}
				}
				if (seqs[1] != 0) != (promoted == nil) || seqs[1] > seqs[0] {
					t.Fatalf("%s: linked at %d, promoted at %d, %v", version, seqs[0], seqs[1], promoted)
				}
			}
			t.Logf("PROOF %s: %d races of a promotion with a source without a licence: %d promoted before it, 0 after", name, rounds, moved)
		})
	}
}
