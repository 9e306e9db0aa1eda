package service_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// hubWithHiddenNeighbors records a dataset with one version in PRODUCTION downstream, and many
// runs and datasets that a developer does not see.
func hubWithHiddenNeighbors(k *kit, hidden int) (hub, served registry.ID) {
	k.Helper()
	hub = k.data("hub", nil)
	k.model("m")
	for i := range hidden {
		run := k.run(fmt.Sprint("dark", i), hub)
		k.data(fmt.Sprint("made", i), &run)
	}
	run := k.run("light", hub)
	v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("1.0.0"), Run: &run})).ModelVersion
	k.move("m", "1.0.0", registry.Staging, registry.Production)
	return hub, v.ID
}

// setVisibilityBudget replaces the service by one with another visibility budget.
func (k *kit) setVisibilityBudget(edges int) {
	k.Helper()
	table, err := policies.Load("")
	if err != nil {
		k.Fatal(err)
	}
	gate, err := policies.NewGate(k.Context(), k.store, table, nil)
	if err != nil {
		k.Fatal(err)
	}
	gate.SetVisibilityBudget(edges)
	k.Service = service.New(gate)
}

// TestTheVisibilityBudgetTruncatesLineage reads the lineage of a hub of which a developer of
// one model does not see most. The search for what is visible has a budget. A budget that is
// too small truncates the answer. A developer of all models needs no search, and so no budget.
func TestTheVisibilityBudgetTruncatesLineage(t *testing.T) {
	k := newKit(t)
	hub, served := hubWithHiddenNeighbors(k, 60)
	// Another model is served by all that is hidden.
	var made []registry.ID
	for i := range 60 {
		made = append(made, k.data(fmt.Sprint("made", i), nil))
	}
	all := k.run("all", made...)
	k.model("other")
	must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "other", Version: ptr("1.0.0"), Run: &all}))
	k.move("other", "1.0.0", registry.Staging, registry.Production)
	ofModel := func() context.Context {
		return k.with("dev", registry.Grant{Role: registry.RoleDeveloper, Scope: "model:m"})
	}
	ask := func(budget int) *provenance.LineageGraph {
		k.setVisibilityBudget(budget)
		return must[*provenance.LineageGraph](k)(k.Lineage(ofModel(), provenance.LineageInput{Of: served, Direction: lineage.Both, Fanout: ptr(1000)}))
	}
	for _, budget := range []int{0, 5, 1000} {
		g := ask(budget)
		names := []string{}
		for _, n := range g.Nodes {
			names = append(names, string(n.ID))
		}
		if !slices.Contains(names, string(hub)) || !slices.Contains(names, string(served)) {
			t.Errorf("budget %d: a node that is known to be visible is missing", budget)
		}
	}
	down := func(budget, fanout int) (*provenance.LineageCounts, error) {
		k.setVisibilityBudget(budget)
		return k.LineageCounts(ofModel(), provenance.LineageInput{Of: hub, Direction: lineage.Downstream, Fanout: ptr(fanout)})
	}
	k.setVisibilityBudget(0)
	of := provenance.LineageInput{Of: hub, Direction: lineage.Downstream, Fanout: ptr(1000)}
	if every := must[*provenance.LineageCounts](k)(k.LineageCounts(k.as("dev", registry.RoleDeveloper), of)); every.Nodes != 125 || every.Redacted != 0 {
		t.Errorf("a developer of all models: %+v", every)
	}
	whole := must[*provenance.LineageCounts](k)(down(100_000, 1000))
	if whole.Nodes != 125 || whole.Redacted != 122 || !slices.Equal(whole.Truncation.Reasons, []lineage.Reason{lineage.ReasonAccess}) {
		t.Errorf("%+v", whole)
	}
	// A walk that reaches a version in PRODUCTION needs no search to see its root. A walk that
	// is truncated before that needs one, and fails with a budget of 0.
	if met := must[*provenance.LineageCounts](k)(down(0, 1000)); met.Nodes != 125 {
		t.Errorf("%+v", met)
	}
	_, err := down(0, 10)
	k.wantCode(registry.NotFound, err)
	short := must[*provenance.LineageCounts](k)(down(62, 1000))
	if short.Nodes != 125 || short.Redacted < 122 || !slices.Contains(short.Truncation.Reasons, lineage.ReasonAccess) {
		t.Errorf("%+v", short)
	}
	// A list cannot report that it is truncated, so it is refused.
	k.setVisibilityBudget(5)
	_, err = k.Runs(ofModel(), core.Paging{}, nil, nil)
	k.wantCode(registry.ResourceExhausted, err)
	k.setVisibilityBudget(100_000)
	if c := must[*facts.RunConnection](k)(k.Runs(ofModel(), core.Paging{}, nil, nil)); len(c.Edges) != 1 {
		t.Errorf("%d runs", len(c.Edges))
	}
}

// TestImpactCountsModelsAndPagesAgree reads the descendants of a dataset in small pages, as
// different callers, and compares them with the totals and groups.
func TestImpactCountsModelsAndPagesAgree(t *testing.T) {
	k := newKit(t)
	ids := randomPipeline(k, 3)
	raw := ids[len(ids)-11]
	for _, role := range roles {
		for _, targets := range [][]registry.Kind{nil, {registry.KindModelVersion, registry.KindDeployment}, {registry.KindRun, registry.KindDatasetVersion}} {
			in := provenance.ImpactInput{Of: []registry.ID{raw}, Targets: targets, Live: true}
			whole := must[*provenance.ImpactConnection](k)(k.Impact(k.as("a", role), in))
			counts := must[*provenance.ImpactCounts](k)(whole.Counts(k.Context()))
			sum := 0
			for _, e := range counts.Environments {
				sum += e.Count
			}
			if total := *must[*int](k)(whole.TotalCount(k.Context())); total != len(whole.Edges) || counts.Total != total || sum != total {
				t.Errorf("%s %v: %d rows, %d in all, %d by environment", role, targets, len(whole.Edges), total, sum)
			}
			var pages []string
			for in.First = ptr(2); ; {
				c := must[*provenance.ImpactConnection](k)(k.Impact(k.as("a", role), in))
				for _, e := range c.Edges {
					pages = append(pages, e.Cursor)
					if len(e.Path) != e.Depth+1 || e.Path[e.Depth].NodeMeta().ID != e.Node.NodeMeta().ID {
						t.Errorf("a path of %d at depth %d", len(e.Path), e.Depth)
					}
				}
				if !c.PageInfo.HasNextPage {
					break
				}
				in.After = &c.PageInfo.EndCursor
			}
			var want []string
			for _, e := range whole.Edges {
				want = append(want, e.Cursor)
			}
			if !slices.Equal(pages, want) {
				t.Errorf("%s %v: pages hold %d rows, the whole %d", role, targets, len(pages), len(want))
			}
		}
		models := must[*provenance.ImpactModels](k)(must[*provenance.ImpactConnection](k)(k.Impact(k.as("a", role), provenance.ImpactInput{Of: []registry.ID{raw}, Live: true})).Models(k.Context()))
		versions := must[*provenance.ImpactConnection](k)(k.Impact(k.as("a", role), provenance.ImpactInput{Of: []registry.ID{raw}, Targets: []registry.Kind{registry.KindModelVersion}}))
		live := must[*provenance.ImpactConnection](k)(k.Impact(k.as("a", role), provenance.ImpactInput{Of: []registry.ID{raw}, Live: true}))
		if len(versions.Edges) == 0 && len(models.Models) == 0 {
			continue
		}
		if m := models.Models; len(m) != 1 || m[0].Model.Name != "model3" || m[0].Versions != len(versions.Edges) || m[0].LiveDeployments != len(live.Edges) {
			t.Errorf("%s: %+v, want %d versions, %d deployments", role, m[0], len(versions.Edges), len(live.Edges))
		}
	}
}

// TestADeletedVersionIsNoneOfItsModel: it stays in the lineage, and the model does not
// count it.
func TestADeletedVersionIsNoneOfItsModel(t *testing.T) {
	k := newKit(t)
	k.model("m")
	data := k.data("d", nil)
	for _, version := range []string{"1.0.0", "2.0.0"} {
		must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &version, DerivedFrom: []registry.ID{data}}))
	}
	must[*core.DeletePayload](k)(k.DeleteModelVersion(k.admin, catalog.DeleteModelVersionInput{Model: ptr("m"), Version: ptr("1.0.0")}))
	impact := must[*provenance.ImpactConnection](k)(k.Impact(k.admin, provenance.ImpactInput{Of: []registry.ID{data}, Targets: []registry.Kind{registry.KindModelVersion}}))
	models := must[*provenance.ImpactModels](k)(impact.Models(k.admin))
	if len(models.Models) != 1 || models.Models[0].Versions != 1 || len(impact.Edges) != 2 {
		t.Errorf("%d descendants, %+v", len(impact.Edges), models.Models)
	}
}
