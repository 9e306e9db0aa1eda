package service_test

import (
	"strings"
	"testing"

	"pedigree/registry"
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
		if found, ok := known.Details["gates"].([]*gates.GateResult); !ok || len(found) != 1 || *found[0].Facts[0].Node != g.raw {
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
