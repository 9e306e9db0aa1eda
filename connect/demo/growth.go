package demo

import (
	"context"
	"slices"
	"time"

	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// Grow records the year and a half around the example: four more models of two teams, which
// share datasets, with an approval that waits, a deprecation under way and a version with
// gaps. Its dates count back from now, so that it looks lived in whenever it is loaded. It
// shares no node with the example, whose answers stay. A second call adds nothing. It returns
// FORBIDDEN, and records nothing, when the caller lacks an action that it needs.
func Grow(ctx context.Context, s Grower, now time.Time) error {
	if m, err := s.Model(ctx, fraud); err != nil || m != nil {
		return err
	}
	if err := checkPermissions(ctx, s, growthActions()); err != nil {
		return err
	}
	g := &growth{now: now.UTC()}
	g.pipelines()
	for _, r := range releases() {
		g.release(r)
	}
	g.aliases()
	// One fact after another would take one commit each. A server takes so many at a time.
	for batch := range slices.Chunk(g.facts, registry.MaxFacts) {
		recorded, err := s.RecordFacts(ctx, bulk.RecordFactsInput{Facts: batch})
		if err != nil {
			return err
		}
		for i, f := range batch {
			if f.Ref == refName(recalledTable) {
				g.recalled = *recorded.Facts[i].ID
			}
		}
	}
	return g.govern(ctx, s)
}

// growthActions returns the actions that the growth needs.
func growthActions() []registry.Action {
	return append(requiredActions(), registry.FactsRecord, registry.DeploymentEnd, registry.GovernanceConfigure, registry.ReviewPlan, registry.ReviewRecord,
		registry.DeprecationPlan, registry.DeprecationAnnounce, registry.RecallWrite)
}

// recalledTable is the state of a table that turns out to be bad: what is live in production
// learned from it.
var recalledTable = versionRef("merchants/registry", 2)

// govern puts what waits for people on the models: an approval, a sunset, a recall and reviews.
func (g *growth) govern(ctx context.Context, s Grower) error {
	steps := []func() error{
		func() error {
			_, err := s.PutTransitionGuard(ctx, governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: ptr(fraud)}, Profile: registry.ProfileGuarded,
				Stages: []registry.Stage{registry.Production}, Needed: 2, Reason: "card payments are stopped by its answer"})
			return err
		},
		func() error {
			_, err := s.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: ptr(fraud), Version: ptr("3.0.0"), To: registry.Production,
				Reason:   "two weeks as a canary: 4 % fewer false alarms, no missed case more",
				Evidence: &catalog.TransitionEvidenceInput{Links: []string{"https://wiki.example.com/fraud/canary-3.0.0"}, Metrics: []registry.Metric{{Name: "false_alarms", Value: 0.021}}}})
			return err
		},
		func() error {
			_, err := s.PlanDeprecation(ctx, governance.PlanDeprecationInput{Model: income, Versions: []string{"1.1.0"}, Replacement: ptr("2.0.0"),
				Plan: "The branches move to 2.0.0; its answers have the same form."})
			return err
		},
		func() error {
			// A sunset lies at least three calendar months ahead: 120 days are more in every year.
			_, err := s.AnnounceDeprecation(ctx, governance.AnnounceDeprecationInput{Model: income, Versions: []string{"1.1.0"},
				Guide: "Call /income/v2 in place of /income/v1. Fields and units stay.", Sunset: g.now.AddDate(0, 0, 120)})
			return err
		},
		func() error {
			_, err := s.PlanDeprecation(ctx, governance.PlanDeprecationInput{Model: merchant, Versions: []string{"1.1.0"}, Replacement: ptr("1.2.0"),
				Plan: "Nothing serves it any more; to be archived after the audit."})
			return err
		},
	}
	steps = append(steps, func() error {
		_, err := s.PutGate(ctx, gates.PutGateInput{GateInput: gates.GateInput{Name: "fairness", Expression: "card.fairnessChecked && card.biasAuditDone",
			Message: "check the fairness, and audit for bias, before customers meet it", Stages: []registry.Stage{registry.Canary, registry.Production}, Mode: registry.GateWarn}})
		return err
	}, func() error {
		_, err := s.PutGate(ctx, gates.PutGateInput{GateInput: gates.GateInput{Name: "licences", Expression: `sources.all(s, s.licence != "")`,
			Message: "give every raw source a licence tag", Mode: registry.GateWarn}})
		return err
	}, func() error {
		_, err := s.Recall(ctx, governance.RecallInput{Nodes: ids(g.recalled), Severity: registry.SeverityHigh, Links: []string{"https://wiki.example.com/incidents/merchant-sectors"},
			Reason: "1,200 merchants were in the wrong sector when this was read"})
		return err
	})
	for _, r := range []struct {
		model, version, findings string
		decision                 registry.ReviewDecision
		due                      int
	}{{fraud, "2.1.0", "", registry.ReviewApproved, 21}, {merchant, "1.2.0", "Show the error rates of small merchants apart.", registry.ReviewConditions, -6},
		{income, "2.0.0", "", registry.ReviewApproved, 75}} {
		steps = append(steps, func() error {
			_, err := s.RecordReview(ctx, governance.RecordReviewInput{Model: &r.model, Version: &r.version, Findings: r.findings, Decision: r.decision})
			return err
		}, func() error {
			_, err := s.SetReviewPlan(ctx, governance.SetReviewPlanInput{Model: &r.model, IntervalDays: ptr(90), NextReview: g.now.AddDate(0, 0, r.due)})
			return err
		})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
