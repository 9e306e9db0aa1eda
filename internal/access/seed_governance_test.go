package access

import (
	"context"
	"fmt"
	"time"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// putGates sets two gates that warn, so that the transitions of alpha keep what they said. They pass
// for no version: the tag that they ask for does not exist.
func (b *seedBuilder) putGates() {
	put := func(label string, in gates.GateInput) {
		in.Name, in.Message, in.Mode, in.Stages = b.text(), b.text(), registry.GateWarn, []registry.Stage{registry.Staging, registry.Canary, registry.Production}
		in.Expression = fmt.Sprintf("version.tags['%s'] == 'x'", b.text())
		b.seed.name[label] = in.Name
		b.do("gate "+label, func() error {
			_, err := b.s.PutGate(b.asAdmin(), gates.PutGateInput{GateInput: in})
			b.addRow(label, registry.GateID(in.Name))
			return err
		})
	}
	put("alpha gate", gates.GateInput{Models: []string{b.seed.name["alpha"]}})
	put("tag gate", gates.GateInput{Tag: &b.kv()[0]})
}

// govern guards two stages of alpha, which no step of the tests enters but those that mean to. It
// requests transitions of a served and of a hidden version, rejects one, and reviews both models.
func (b *seedBuilder) govern() {
	alpha, beta := b.seed.name["alpha"], b.seed.name["beta"]
	guard := func(label string, id registry.ID, in governance.PutTransitionGuardInput) {
		b.do("guard "+label, func() error {
			in.Profile, in.Stages, in.Reason = registry.ProfileGuarded, []registry.Stage{registry.Canary, registry.Development}, b.text()
			_, err := b.s.PutTransitionGuard(b.asAdmin(), in)
			b.addRow(label, id)
			return err
		})
	}
	tag := b.kv()[0]
	guard("alpha guard", registry.ModelGuardID(b.seed.id["alpha"]), governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: &alpha}})
	guard("tag guard", registry.TagGuardID(tag), governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Tag: &tag}, Approvers: []string{b.text()}})
	request := func(label, version string, visibleTo ...map[registry.ID]bool) {
		b.do("request "+label, func() error {
			id := b.seed.id[version]
			p, err := b.s.TransitionModelVersion(b.asAdmin(), catalog.TransitionModelVersionInput{ID: &id, To: registry.Canary, Reason: b.text(),
				Evidence: &catalog.TransitionEvidenceInput{Links: []string{"https://" + b.text()}, Metrics: b.metrics()}})
			if err == nil {
				b.addRow(label, p.Request.ID, visibleTo...)
			}
			return err
		})
	}
	request("rejected", "a2", b.seed.served)
	b.do("reject", func() error {
		_, err := b.s.RejectTransition(b.asAdmin(), governance.DecideInput{ID: b.seed.id["rejected"], Comment: b.text()})
		return err
	})
	// Open ones must not have expired when the tests run, at the beginning of 1988.
	guard("alpha guard", registry.ModelGuardID(b.seed.id["alpha"]), governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: &alpha}, ExpiryDays: 366})
	request("open", "a2", b.seed.served)
	request("hidden request", "a4")
	next := func() time.Time { return time.Date(1987, 12, 1, 0, b.next(), 0, 0, time.UTC) }
	review := func(label, model, version string, reviewers []string, visibleTo ...map[registry.ID]bool) {
		b.do("review "+label, func() error {
			subject := b.text()
			days, v := 90, b.seed.name[version]
			if reviewers != nil {
				reviewers = append(reviewers, subject)
			}
			if _, err := b.s.SetReviewPlan(b.asAdmin(), governance.SetReviewPlanInput{Model: &model, IntervalDays: &days, Reviewers: reviewers, NextReview: next()}); err != nil {
				return err
			}
			ctx := service.As(context.Background(), registry.Actor{Subject: subject, Grants: []registry.Grant{{Role: admin, Scope: registry.ScopeAll}}}, b.text())
			p, err := b.s.RecordReview(ctx, governance.RecordReviewInput{Model: &model, Version: &v, Findings: b.text(), Decision: registry.ReviewConditions, NextReview: next()})
			if err == nil {
				b.addRow(label, p.Review.ID, visibleTo...)
			}
			return err
		})
	}
	review("alpha review", alpha, "a2", nil)
	review("beta review", beta, "b1", []string{}, b.seed.beta)
}

// deprecate plans deprecations of a served version and of three hidden ones, announces all but one,
// and answers for consumers of them.
func (b *seedBuilder) deprecate() {
	for i, d := range []struct {
		label, model string
		to           string
		visibleTo    []map[registry.ID]bool
	}{{"a1", "alpha", "a2", []map[registry.ID]bool{b.seed.served}}, {"a5", "alpha", "a3", nil}, {"b1", "beta", "", []map[registry.ID]bool{b.seed.beta}}, {"a3", "alpha", "", nil}} {
		b.do("deprecate "+d.label, func() error {
			in := governance.PlanDeprecationInput{Model: b.seed.name[d.model], Versions: []string{b.seed.name[d.label]}, Plan: b.text()}
			if to := b.seed.name[d.to]; to != "" {
				in.Replacement = &to
			}
			p, err := b.s.PlanDeprecation(b.asAdmin(), in)
			if err != nil {
				return err
			}
			b.addRow(d.label+" deprecation", p.Deprecations[0].ID, d.visibleTo...)
			if d.label == "a3" {
				return nil
			}
			if _, err := b.s.AnnounceDeprecation(b.asAdmin(), governance.AnnounceDeprecationInput{Model: in.Model, Versions: in.Versions, Guide: b.text(), Sunset: time.Date(1987, 12, 1+i, 0, 0, 0, 0, time.UTC)}); err != nil {
				return err
			}
			id, consumer := b.seed.id[d.label], b.text()
			c, err := b.s.ConfirmMigration(b.asAdmin(), governance.ConfirmMigrationInput{ID: &id, Consumer: &consumer, Comment: b.text()})
			if err == nil {
				b.addRow(d.label+" consumer", c.Consumer.ID, d.visibleTo...)
			}
			return err
		})
	}
}

// recalls recalls what served versions came from, twice, one of which was cleared, and what only hidden
// ones came from. It asks for an end of another recall, and resolves the served deployment.
func (b *seedBuilder) recalls() {
	recall := func(label string, nodes, fixes []string, visibleTo ...map[registry.ID]bool) {
		b.do(label, func() error {
			in := governance.RecallInput{Reason: b.text(), Severity: registry.SeverityHigh, Links: []string{"https://" + b.text()}}
			for _, n := range nodes {
				in.Nodes = append(in.Nodes, b.seed.id[n])
			}
			for _, n := range fixes {
				in.FixedBy = append(in.FixedBy, b.seed.id[n])
			}
			p, err := b.s.Recall(b.asAdmin(), in)
			if err == nil {
				b.addRow(label, p.Recall.ID, visibleTo...)
			}
			return err
		})
	}
	ask := func(label string) {
		b.do("ask for "+label, func() error {
			_, err := b.s.ClearRecall(b.asAdmin(), governance.ClearRecallInput{ID: b.seed.id[label], Reason: b.text()})
			return err
		})
	}
	recall("recall", []string{"a1", "d1", "a6"}, []string{"c2", "c3"}, b.seed.served, b.seed.beta)
	recall("cleared recall", []string{"clean"}, nil, b.seed.served)
	recall("asked recall", []string{"b1"}, nil, b.seed.beta)
	recall("hidden recall", []string{"a3"}, nil)
	ask("cleared recall")
	ask("asked recall")
	b.do("clear", func() error {
		ctx := service.As(context.Background(), registry.Actor{Subject: b.text(), Grants: []registry.Grant{{Role: admin, Scope: registry.ScopeAll}}}, b.text())
		_, err := b.s.DecideRecallClearing(ctx, governance.DecideRecallClearingInput{ID: b.seed.id["cleared recall"], Comment: b.text()})
		return err
	})
	for _, label := range []string{"deployed-a1", "deployed-a2"} {
		b.do("resolve "+label, func() error {
			p, err := b.s.ResolveRecallDeployment(b.asAdmin(), governance.ResolveRecallDeploymentInput{Recall: b.seed.id["recall"], Deployment: b.seed.id[label], Handling: registry.HandledAccepted, Reason: b.text()})
			if err == nil {
				b.addRow(label+" resolution", p.Resolution.ID, b.seed.served)
			}
			return err
		})
	}
}
