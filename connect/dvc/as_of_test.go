package dvc_test

import (
	"slices"
	"testing"
	"time"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// betweenDeployments is a time between the two deployments of churn-model to prod. gto
// history lists them at 04:29:31 (1.1.0) and 04:29:36 (1.1.1).
var betweenDeployments = time.Date(2026, 11, 23, 4, 29, 33, 0, time.UTC)

// TestAsOfBetweenTwoDeploymentsTheFirstIsInProduction queries the sample as of several
// times. One import recorded all of it much later; what GTO tags describe is valid from the
// time of the tag.
func TestAsOfBetweenTwoDeploymentsTheFirstIsInProduction(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	type state struct{ Version, Stage, Prod string }
	for _, c := range []struct {
		at   time.Time
		want []state
	}{
		{betweenDeployments.Add(-4 * time.Second), []state{{"1.0.0", "DEVELOPMENT", ""}, {"1.1.0", "DEVELOPMENT", ""}}},
		{betweenDeployments, []state{{"1.0.0", "STAGING", ""}, {"1.1.0", "PRODUCTION", "live"}, {"1.1.1", "DEVELOPMENT", ""}}},
		{betweenDeployments.Add(4 * time.Second), []state{{"1.0.0", "STAGING", ""}, {"1.1.0", "DEPRECATED", "ended"}, {"1.1.1", "PRODUCTION", "live"}}},
		{time.Time{}, []state{{"1.0.0", "ARCHIVED", ""}, {"1.1.0", "DEPRECATED", "ended"}, {"1.1.1", "PRODUCTION", "live"}}},
	} {
		m, err := w.s.Model(w.ctx, "churn-model", core.PointInTime{AsOf: c.at})
		if err != nil || m == nil {
			t.Fatalf("at %s: model %v, %v", c.at, m, err)
		}
		list, err := w.s.VersionsOf(w.ctx, m, core.Paging{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []state
		for _, e := range list.Edges {
			s := state{Version: e.Node.Version, Stage: string(e.Node.Stage)}
			for _, d := range w.deployments(e.Node) {
				if d.Environment != "prod" {
					continue
				}
				if s.Prod = "ended"; d.Live {
					s.Prod = "live"
				}
			}
			got = append([]state{s}, got...)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("at %s: %v, want %v", c.at, got, c.want)
		}
		prod, err := w.s.ProductionVersion(w.ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.want {
			if (s.Stage == "PRODUCTION") != (prod != nil && prod.Version == s.Version) {
				t.Errorf("at %s: in production is %v", c.at, prod)
			}
		}
	}
}

// TestAsOfBetweenTwoDeploymentsLineageShowsTheFirst queries the graph itself.
func TestAsOfBetweenTwoDeploymentsLineageShowsTheFirst(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	old, err := w.s.ModelVersion(w.ctx, "churn-model", "1.1.0", core.PointInTime{AsOf: betweenDeployments})
	if err != nil || old == nil {
		t.Fatal(old, err)
	}
	live := w.deployments(old)
	if len(live) != 1 || !live[0].Live || !live[0].EndedAt.IsZero() {
		t.Fatalf("deployments of 1.1.0 between: %+v", live)
	}
	if g, err := w.s.Lineage(w.ctx, provenance.LineageInput{Of: old.ID, AsOf: betweenDeployments}); err != nil || len(g.Nodes) < 8 {
		t.Errorf("upstream of 1.1.0 between: %v, %v", g, err)
	} else if root, err := g.Nodes[0].Node(); err != nil || root.(*registry.ModelVersion).Stage != registry.Production {
		t.Errorf("the root between: %+v, %v", root, err)
	}
	next := w.version("churn-model", "1.1.1")
	if ts, err := w.s.TransitionsOf(w.ctx, next, core.Paging{}); err != nil || len(ts.Edges) != 1 {
		t.Fatal(ts, err)
	}
	then, err := w.s.ModelVersion(w.ctx, "churn-model", "1.1.1", core.PointInTime{AsOf: betweenDeployments})
	if err != nil || then == nil {
		t.Fatal(then, err)
	}
	if ts, err := w.s.TransitionsOf(w.ctx, then, core.Paging{}); err != nil || len(ts.Edges) != 0 || len(w.deployments(then)) != 0 {
		t.Errorf("1.1.1 between had %+v and %+v, %v", ts, w.deployments(then), err)
	}
	if v, err := w.s.ModelVersion(w.ctx, "churn-model", "1.1.0", core.PointInTime{AsOf: betweenDeployments, KnownAt: betweenDeployments}); err != nil || v != nil {
		t.Errorf("nothing was recorded at that time: %+v, %v", v, err)
	}
}
