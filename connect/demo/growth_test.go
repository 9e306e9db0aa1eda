package demo_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pedigree/connect/demo"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// now is when the tests load the example.
var now = time.Date(2028, 2, 29, 15, 0, 0, 0, time.UTC)

func open(t *testing.T) (*service.Service, func(subject, role string) context.Context) {
	t.Helper()
	return registrytest.Open(t, registrytest.Store(t), func() time.Time { return now }), func(subject, role string) context.Context {
		return service.As(t.Context(), registry.Actor{Subject: subject, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "r")
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// impact returns the deployments that learned from the example's raw data.
func impact(t *testing.T, ctx context.Context, s *service.Service, raw registry.ID) (ids []registry.ID) {
	t.Helper()
	for _, e := range must[*provenance.ImpactConnection](t)(s.Impact(ctx, provenance.ImpactInput{Of: []registry.ID{raw}})).Edges {
		ids = append(ids, e.Node.NodeMeta().ID)
	}
	return ids
}

func TestTheGrowthShowsEveryPageSomethingAndLeavesTheStory(t *testing.T) {
	s, as := open(t)
	ada := as("ada", registry.RoleAdmin)
	story := must[*demo.Story](t)(demo.Load(ada, s))
	before := impact(t, ada, s, story.Raw)
	if err := demo.Grow(ada, s, now); err != nil {
		t.Fatal(err)
	}
	if after := impact(t, ada, s, story.Raw); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("the impact of the story's raw data was %v and is %v", before, after)
	}
	teams, production, first := map[string]int{}, 0, now
	for _, e := range must[*catalog.ModelConnection](t)(s.Models(ada, core.Paging{}, nil, nil)).Edges {
		teams[e.Node.Owner]++
		if must[*registry.ModelVersion](t)(s.ProductionVersion(ada, e.Node)) != nil {
			production++
		}
		if e.Node.Name != "credit-approval" && e.Node.CreatedAt.Before(first) {
			first = e.Node.CreatedAt
		}
	}
	if len(teams) != 2 || teams["credit-risk"] != 3 || teams["payments-fraud"] != 2 || production != 5 {
		t.Errorf("teams %v, %d in production; want five models of two teams, each in production", teams, production)
	}
	if months := now.Sub(first).Hours() / 24 / 30; months < 17 || months > 19 {
		t.Errorf("the history is %.1f months long, want 18", months)
	}
	rita := as("rita", registry.RoleAdmin)
	waiting := must[*governance.RequestConnection](t)(s.TransitionRequests(rita, core.Paging{}, &governance.RequestFilter{Scope: governance.WaitingForMe}))
	if len(waiting.Edges) != 1 || waiting.Edges[0].Node.ModelName != "card-fraud" {
		t.Errorf("%d approvals wait, want the one of card-fraud", len(waiting.Edges))
	}
	steps := map[registry.DeprecationStep]int{}
	for _, e := range must[*governance.DeprecationConnection](t)(s.Deprecations(ada, core.Paging{}, nil)).Edges {
		steps[e.Node.Step]++
	}
	if steps[registry.DeprecationAnnounced] != 1 {
		t.Errorf("deprecations %v, want one announced", steps)
	}
	bare := must[*registry.ModelVersion](t)(s.ModelVersion(ada, "collections-priority", "1.2.0"))
	if p := must[*provenance.Provenance](t)(s.Provenance(ada, bare.ID, time.Time{}, time.Time{})); len(p.Gaps) == 0 {
		t.Error("no version has gaps")
	}
	recalls := must[*governance.RecallConnection](t)(s.Recalls(ada, core.Paging{}, nil))
	if len(recalls.Edges) != 1 {
		t.Fatalf("%d recalls, want one", len(recalls.Edges))
	}
	hit := must[*provenance.AffectedConnection](t)(s.AffectedBy(ada, recalls.Edges[0].Node.ID, nil, core.Paging{}))
	if len(hit.Edges) != 1 {
		t.Errorf("the recall concerns %d live deployments, want that of merchant-risk", len(hit.Edges))
	}
	if set := must[[]*registry.Gate](t)(s.Gates(ada)); len(set) != 2 {
		t.Errorf("%d gates are set, want 2", len(set))
	}
	if due := must[*catalog.ModelConnection](t)(s.ReviewsDue(ada, core.Paging{}, time.Time{})); len(due.Edges) != 1 {
		t.Errorf("%d reviews are due, want 1", len(due.Edges))
	}
}

func TestTheGrowthIsLoadedOnceAndOnlyWhole(t *testing.T) {
	s, as := open(t)
	if err := demo.Grow(as("dora", registry.RoleDataScientist), s, now); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a data scientist gets %v, want FORBIDDEN", err)
	}
	ada := as("ada", registry.RoleAdmin)
	if n := len(must[*catalog.ModelConnection](t)(s.Models(ada, core.Paging{}, nil, nil)).Edges); n != 0 {
		t.Errorf("%d models were recorded by somebody who may not record all", n)
	}
	for range 2 {
		if err := demo.Grow(ada, s, now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(must[*governance.RequestConnection](t)(s.TransitionRequests(ada, core.Paging{}, nil)).Edges); n != 1 {
		t.Errorf("%d requests after two calls, want 1", n)
	}
}
