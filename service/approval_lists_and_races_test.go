package service_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
)

func TestListsOfRequests(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	first := o.request()
	o.version("churn", "2.0.0")
	o.move("churn", "2.0.0", registry.Staging)
	in := promotion()
	in.Version = ptr("2.0.0")
	second := must[*catalog.TransitionModelVersionPayload](o.kit)(o.TransitionModelVersion(o.bob(), in)).Request
	list := func(ctx context.Context, f governance.RequestFilter) (ids []registry.ID) {
		t.Helper()
		after := ptr("")
		for {
			page := must[*governance.RequestConnection](o.kit)(o.TransitionRequests(ctx, core.Paging{First: ptr(1), After: after}, &f))
			for _, e := range page.Edges {
				ids = append(ids, e.Node.ID)
			}
			if !page.PageInfo.HasNextPage {
				return ids
			}
			after = &page.PageInfo.EndCursor
		}
	}
	pending, expired := registry.RequestPending, registry.RequestExpired
	for name, c := range map[string]struct {
		ctx  context.Context
		f    governance.RequestFilter
		want []registry.ID
	}{
		"all":                        {o.cleo(), governance.RequestFilter{}, []registry.ID{second.ID, first.ID}},
		"pending":                    {o.cleo(), governance.RequestFilter{Status: &pending}, []registry.ID{first.ID, second.ID}},
		"expired":                    {o.cleo(), governance.RequestFilter{Status: &expired}, nil},
		"ada's":                      {o.ada(), governance.RequestFilter{Scope: governance.MyRequests}, []registry.ID{first.ID}},
		"waiting for bob":            {o.bob(), governance.RequestFilter{Scope: governance.WaitingForMe}, []registry.ID{first.ID}},
		"waiting for cleo":           {o.cleo(), governance.RequestFilter{Scope: governance.WaitingForMe}, []registry.ID{first.ID, second.ID}},
		"waiting for ada":            {o.ada(), governance.RequestFilter{Scope: governance.WaitingForMe}, nil},
		"waiting for who registered": {o.admin, governance.RequestFilter{Scope: governance.WaitingForMe}, nil},
		"of the model":               {o.cleo(), governance.RequestFilter{Model: ptr("churn")}, []registry.ID{second.ID, first.ID}},
		"of another model":           {o.cleo(), governance.RequestFilter{Model: ptr("nobody")}, nil},
	} {
		if got := list(c.ctx, c.f); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	o.now = second.ExpiresAt
	if got := list(o.cleo(), governance.RequestFilter{Status: &expired}); len(got) != 2 {
		t.Errorf("%v have expired, want two", got)
	}
	if got := list(o.cleo(), governance.RequestFilter{Scope: governance.WaitingForMe}); len(got) != 0 {
		t.Errorf("%v wait and have expired", got)
	}
}

// TestTwoApprovalsExecuteOnce races the approvals of two people for a request that needs one.
func TestTwoApprovalsExecuteOnce(t *testing.T) {
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
			o := officeOn(kitOn(t, store), governance.PutTransitionGuardInput{})
			rounds := min(max(graphtest.Rounds(), 5), 200)
			for range rounds {
				r := o.request()
				var wg sync.WaitGroup
				errs := make([]error, 2)
				for i, ctx := range []context.Context{o.bob(), o.cleo()} {
					wg.Go(func() { _, errs[i] = o.ApproveTransition(ctx, governance.DecideInput{ID: r.ID}) })
				}
				wg.Wait()
				if (errs[0] == nil) == (errs[1] == nil) {
					t.Fatalf("%v and %v: want one of the two", errs[0], errs[1])
				}
				if code := registry.CodeOf(core.FirstError(errs...)); code != registry.FailedPrecondition {
					t.Fatalf("the second answers %s", code)
				}
				if got := o.reread(r.ID); len(got.Approvals) != 1 || got.Status != registry.RequestExecuted || o.stage() != registry.Production {
					t.Fatalf("%+v", got)
				}
				o.move("churn", "1.0.0", registry.Canary)
			}
			v := must[*registry.ModelVersion](o.kit)(o.ModelVersion(o.as("reader", registry.RoleAdmin), "churn", "1.0.0"))
			into := 0
			for after := ptr(""); ; {
				page := must[*catalog.TransitionConnection](o.kit)(o.TransitionsOf(o.as("reader", registry.RoleAdmin), v, core.Paging{First: ptr(200), After: after}))
				for _, e := range page.Edges {
					if e.Node.To == registry.Production {
						into++
					}
				}
				if !page.PageInfo.HasNextPage {
					break
				}
				after = &page.PageInfo.EndCursor
			}
			if into != rounds {
				t.Errorf("%d transitions to PRODUCTION in %d rounds", into, rounds)
			}
			t.Logf("PROOF %s: %d races of two approvals: %d transitions, one each", name, rounds, into)
		})
	}
}

func TestReviewsComeDue(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	k := o.kit
	start := k.now
	due := func(at time.Time) (names []string) {
		t.Helper()
		c := must[*catalog.ModelConnection](k)(k.ReviewsDue(o.ada(), core.Paging{}, at))
		for _, e := range c.Edges {
			names = append(names, e.Node.Name)
		}
		return names
	}
	for _, name := range []string{"later", "never"} {
		k.model(name)
	}
	m := must[*catalog.ModelPayload](k)(k.SetReviewPlan(k.admin, governance.SetReviewPlanInput{Model: ptr("churn"), IntervalDays: ptr(90), Reviewers: []string{"ada"}})).Model
	if want := start.AddDate(0, 0, 90); m.NextReview.Sub(want).Abs() > time.Second || m.ReviewIntervalDays != 90 {
		t.Errorf("next review at %s, want %s", m.NextReview, want)
	}
	must[*catalog.ModelPayload](k)(k.SetReviewPlan(k.admin, governance.SetReviewPlanInput{Model: ptr("later"), NextReview: start.AddDate(0, 0, 80)}))
	if got := due(time.Time{}); got != nil {
		t.Errorf("%v are due at once", got)
	}
	if got := due(start.AddDate(0, 0, 100)); !slices.Equal(got, []string{"later", "churn"}) {
		t.Errorf("%v are due in 100 days", got)
	}
	k.now = start.AddDate(0, 0, 85)
	if got := due(time.Time{}); !slices.Equal(got, []string{"later"}) {
		t.Errorf("%v are due after 85 days", got)
	}
	_, err := k.RecordReview(o.bob(), governance.RecordReviewInput{Model: ptr("churn"), Decision: registry.ReviewApproved})
	o.wantRefusal(registry.Forbidden, "only the reviewers", err)
	_, err = k.RecordReview(o.ada(), governance.RecordReviewInput{Model: ptr("churn"), Decision: registry.ReviewRejected})
	o.wantRefusal(registry.InvalidArgument, "findings", err)
	_, err = k.RecordReview(o.ada(), governance.RecordReviewInput{Model: ptr("churn"), Decision: registry.ReviewApproved, NextReview: start})
	o.wantRefusal(registry.InvalidArgument, "ahead", err)
	p := must[*governance.RecordReviewPayload](k)(k.RecordReview(o.ada(), governance.RecordReviewInput{Model: ptr("churn"), Version: ptr("1.0.0"), Findings: "drift", Decision: registry.ReviewConditions}))
	if want := k.now.AddDate(0, 0, 90); p.Review.NextReview.Sub(want).Abs() > time.Second || !p.Model.NextReview.Equal(p.Review.NextReview) || p.Review.By != "ada" || p.Review.Version != "1.0.0" {
		t.Errorf("%+v", p.Review)
	}
	must[*governance.RecordReviewPayload](k)(k.RecordReview(o.ada(), governance.RecordReviewInput{Model: ptr("churn"), Decision: registry.ReviewApproved, NextReview: k.now.AddDate(1, 0, 0)}))
	all := must[*governance.ReviewConnection](k)(k.ReviewsOf(o.ada(), p.Model, core.Paging{}))
	if len(all.Edges) != 2 || all.Edges[0].Node.Ordinal != 2 || all.Edges[1].Node.Findings != "drift" {
		t.Errorf("%+v", all.Edges)
	}
	if got := due(k.now.AddDate(0, 0, 100)); !slices.Equal(got, []string{"later"}) {
		t.Errorf("%v are due", got)
	}
}
