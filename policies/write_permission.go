package policies

import (
	"context"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// Target is what an action is about, as far as conditions of rules speak of it: a model, ""
// for anything that belongs to none; the stage of a transition; the name of an alias.
type Target struct {
	Model registry.ID
	Stage registry.Stage
	Alias string
}

// May reports whether the actor may do another action in a model; "" stands for
// anything that belongs to no model.
func (t *Tx) May(action registry.Action, model registry.ID) bool {
	return t.MayOn(action, Target{Model: model})
}

// MayOn reports whether the actor may do another action on a target.
func (t *Tx) MayOn(action registry.Action, target Target) bool {
	return t.allowed(t.scope.grantsFor(action), target)
}

// CheckTarget returns FORBIDDEN when no grant for the action of the transaction allows the
// target. A write to a model under a rule about stages or aliases is refused without it: who
// forgets to ask writes nothing.
func (t *Tx) CheckTarget(target Target) error {
	if t.allowed(t.granted, target) {
		t.target = target
		return nil
	}
	what := "this model"
	switch {
	case target.Stage != "":
		what = "a transition to " + string(target.Stage)
	case target.Alias != "":
		what = "the alias " + registry.Shorten(target.Alias, 60)
	}
	return registry.Errorf(registry.Forbidden, "your roles do not allow %s; %s", what, t.allowedInstead())
}

// allowedInstead tells what the conditions of the actor's grants allow.
func (t *Tx) allowedInstead() string {
	var texts []string
	for _, g := range t.granted {
		if g.conditions.text != "" {
			texts = append(texts, g.conditions.text)
		}
	}
	if len(texts) == 0 {
		return "ask an administrator"
	}
	return "they allow it where " + strings.Join(texts, " or ") + "; ask an administrator"
}

func (t *Tx) allowed(grants []actionGrant, target Target) bool {
	for _, g := range grants {
		if g.conditions.ofTarget(target) && t.covers(g, target.Model) {
			return true
		}
	}
	return false
}

// covers reports whether a grant covers a model, also one that the transaction has made.
func (t *Tx) covers(g actionGrant, model registry.ID) bool {
	if g.models == nil || g.models.has(model) {
		return true
	}
	made, ok := t.registered[model]
	return ok && g.models.filter.matches(made)
}

// checkWritable returns FORBIDDEN for nodes outside the granted models, and for grants that the
// actor may not give or take.
func (t *Tx) checkWritable(ctx context.Context, nodes []*graph.Node) error {
	for _, n := range nodes {
		if n.Kind == registry.KindActor {
			if err := t.checkGrants(ctx, n); err != nil {
				return err
			}
			continue
		}
		if registry.NounOf(n.Kind) == nil || allowed(t.granted, "") {
			continue
		}
		if err := t.noteNewModel(ctx, n); err != nil {
			return err
		}
		model, err := t.modelOf(ctx, n, nodes...)
		if err != nil {
			return err
		}
		if model == "" || !t.allowed(t.granted, Target{Model: model, Stage: t.target.Stage, Alias: t.target.Alias}) {
			return registry.Errorf(registry.Forbidden, "your grant does not cover this %s; ask an administrator for a grant on its model", n.Kind)
		}
	}
	return nil
}

// noteNewModel remembers what a model is that the transaction is about to make, so that a
// grant on a tag or an owner covers it and what is registered with it.
func (t *Tx) noteNewModel(ctx context.Context, n *graph.Node) error {
	if n.Kind != registry.KindModel {
		return nil
	}
	old, err := t.tx.Nodes(ctx, graph.Instant{}, n.ID)
	if err != nil || old[0] != nil && !old[0].Deleted {
		return err
	}
	t.registered[n.ID] = traitsOf(n)
	t.scope.cover(n.ID, t.registered[n.ID])
	return nil
}
