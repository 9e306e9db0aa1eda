package catalog

import (
	"context"

	"pedigree/governance"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/gates"
)

// GuardRule returns what approvals the transitions of a model need, by the guards in force in
// the transaction.
func GuardRule(ctx context.Context, tx *policies.Tx, model registry.ID) (governance.Rule, error) {
	models, err := tx.NodesUnfiltered(ctx, model)
	if err != nil || models[0] == nil || models[0].Deleted {
		return governance.Rule{}, err
	}
	m, err := core.DecodeWhole(models[0], &registry.Model{})
	if err != nil {
		return governance.Rule{}, err
	}
	return guardRuleFor(ctx, tx, m.ID, m.Tags)
}

// guardRuleFor is GuardRule for a model with these tags. It reads all guards in one call.
func guardRuleFor(ctx context.Context, tx *policies.Tx, model registry.ID, tags []registry.KeyValue) (governance.Rule, error) {
	ids := []registry.ID{registry.GateIndexID(), registry.RegistryGuardID(), registry.ModelGuardID(model)}
	for _, t := range tags {
		ids = append(ids, registry.TagGuardID(t))
	}
	found, err := tx.NodesUnfiltered(ctx, ids...)
	if err != nil {
		return governance.Rule{}, err
	}
	index, err := gates.Index(found[0])
	if err != nil {
		return governance.Rule{}, err
	}
	found = found[1:]
	guards := make([]*registry.TransitionGuard, len(found))
	for i, n := range found {
		if n == nil || n.Deleted || !n.ValidTo.IsZero() {
			continue
		}
		if guards[i], err = core.DecodeWhole(n, &registry.TransitionGuard{}); err != nil {
			return governance.Rule{}, err
		}
	}
	rule := governance.RuleOf(guards[0], guards[1], guards[2:])
	rule.Gates = governance.GatesFor(index, model, tags)
	return rule, nil
}

// checkTagsKeepGuard answers FORBIDDEN when new tags of a model would change which approvals
// its transitions need, and the caller may not configure that.
func checkTagsKeepGuard(ctx context.Context, tx *policies.Tx, m *registry.Model, tags []registry.KeyValue) error {
	if tx.May(registry.GovernanceConfigure, m.ID) {
		return nil
	}
	before, err := guardRuleFor(ctx, tx, m.ID, m.Tags)
	if err != nil {
		return err
	}
	after, err := guardRuleFor(ctx, tx, m.ID, tags)
	if err != nil || before.Equal(after) {
		return err
	}
	return registry.Errorf(registry.Forbidden, "these tags change which approvals and gates the model's transitions need; ask somebody who may do %s", registry.GovernanceConfigure)
}

// guardedError is the refusal of a transition into a guarded stage.
func guardedError(to registry.Stage) error {
	e := registry.Errorf(registry.FailedPrecondition, "transitions to %s need an approval here, also forced ones; request it with transitionModelVersion, without force and at", to)
	e.Details = map[string]any{"guarded": true}
	return e
}

// isGuarded reports whether an error is the refusal of a transition into a guarded stage.
func isGuarded(err error) bool {
	e, ok := err.(*registry.Error)
	return ok && e.Details["guarded"] == true
}

// VoidRequests makes the open transition requests of a version void: it is not what its approvers
// saw.
func VoidRequests(ctx context.Context, tx *policies.Tx, version registry.ID, because string) error {
	var slots []string
	for _, to := range registry.Stages() {
		slots = append(slots, registry.TransitionRequestSlot(version, to))
	}
	open, err := tx.SlotHolders(ctx, slots...)
	if err != nil {
		return err
	}
	for _, n := range open {
		r, err := core.DecodeWhole(n, &registry.TransitionRequest{})
		if err != nil {
			return err
		}
		r.Status, r.VoidBecause, r.ClosedBy, r.ClosedAt = registry.RequestVoid, []string{because}, tx.Subject(), tx.Now()
		closed, err := core.EncodeNode(r, n.Name, tx.Now())
		if err != nil {
			return err
		}
		if err := tx.Put(ctx, closed); err != nil {
			return err
		}
	}
	return nil
}
