package governance

import (
	"context"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// GuardTarget says what a guard applies to: one model by its name, the models with a tag, or,
// with neither, the whole registry.
type GuardTarget struct {
	Model *string            `json:"model,omitzero"`
	Tag   *registry.KeyValue `json:"tag,omitzero"`
}

// PutTransitionGuardInput sets the guard of a target. What a guarded profile leaves out is
// filled in: PRODUCTION, one approval, 14 days.
type PutTransitionGuardInput struct {
	GuardTarget
	Profile    registry.ApprovalProfile `json:"profile"`
	Stages     []registry.Stage         `json:"stages,omitzero"`
	Needed     int                      `json:"needed,omitzero"`
	Approvers  []string                 `json:"approvers,omitzero"`
	ExpiryDays int                      `json:"expiryDays,omitzero"`
	// RequireSignature asks for a signature that holds too.
	RequireSignature bool    `json:"requireSignature,omitzero"`
	Reason           string  `json:"reason,omitzero"`
	IfRevision       *int    `json:"ifRevision,omitzero"`
	IdempotencyKey   *string `json:"-"`
}

// GuardPayload has the guard after a mutation.
type GuardPayload struct{ Guard *registry.TransitionGuard }

func (t *GuardTarget) check() error {
	if t.Model != nil && t.Tag != nil {
		return registry.Invalid("tag", "a guard is for a model or for a tag, not for both")
	}
	if t.Tag != nil {
		return core.CheckTags("tag", []registry.KeyValue{*t.Tag})
	}
	return nil
}

func (in *PutTransitionGuardInput) check() error {
	if err := core.FirstError(in.GuardTarget.check(), core.CheckText("reason", &in.Reason)); err != nil {
		return err
	}
	return checkSubjects("approvers", in.Approvers)
}

// maxSubjects is how many subjects a guard or a review plan names.
const maxSubjects = 100

// checkSubjects checks a list of different subjects.
func checkSubjects(field string, subjects []string) error {
	if len(subjects) > maxSubjects {
		return registry.Invalid(field, "must be at most %d", maxSubjects)
	}
	seen := map[string]bool{}
	for i := range subjects {
		if err := core.CheckRequiredKey(field, &subjects[i]); err != nil {
			return err
		}
		if seen[subjects[i]] {
			return registry.Invalid(field, "%q is given twice", subjects[i])
		}
		seen[subjects[i]] = true
	}
	return nil
}

// guardOf returns an empty guard of a target, and the model that it belongs to, if any.
func guardOf(ctx context.Context, tx *policies.Tx, t GuardTarget) (*registry.TransitionGuard, registry.ID, error) {
	g := &registry.TransitionGuard{Scope: registry.GuardRegistry, Name: "registry"}
	g.ID = registry.RegistryGuardID()
	switch {
	case t.Model != nil:
		m, _, err := catalog.FindModel(ctx, tx, t.Model, nil)
		if err != nil {
			return nil, "", err
		}
		g.Scope, g.Model, g.Name, g.ID = registry.GuardModel, m.Name, "model "+m.Name, registry.ModelGuardID(m.ID)
		return g, m.ID, nil
	case t.Tag != nil:
		g.Scope, g.Tag, g.Name, g.ID = registry.GuardTag, t.Tag, "tag "+t.Tag.Key+"="+t.Tag.Value, registry.TagGuardID(*t.Tag)
	}
	return g, "", nil
}

// standingGuard returns the stored guard with an id, nil when there is none that stands.
func standingGuard(ctx context.Context, tx *policies.Tx, id registry.ID) (*graph.Node, error) {
	nodes, err := tx.NodesUnfiltered(ctx, id)
	if err != nil || nodes[0] == nil || !nodes[0].ValidTo.IsZero() {
		return nil, err
	}
	return nodes[0], nil
}

// PutTransitionGuard sets which transitions need approvals, in the registry, in one model, or
// in the models with a tag.
func (g *Governance) PutTransitionGuard(ctx context.Context, in PutTransitionGuardInput) (*GuardPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := g.core.Write(ctx, registry.GovernanceConfigure, core.Idempotent("putTransitionGuard", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		guard, model, err := guardOf(ctx, tx, in.GuardTarget)
		if err != nil {
			return core.WriteResult{}, err
		}
		old, err := standingGuard(ctx, tx, guard.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		revision := int64(0)
		if guard.ValidFrom = tx.Now(); old != nil {
			guard.ValidFrom, revision = old.ValidFrom, old.Revision
		}
		guard.Profile, guard.Stages, guard.Needed, guard.Approvers, guard.ExpiryDays = in.Profile, in.Stages, in.Needed, in.Approvers, in.ExpiryDays
		guard.RequireSignature = in.RequireSignature
		guard.SetBy, guard.SetAt = tx.Subject(), tx.Now()
		if err := core.FirstError(core.CheckRevision(in.IfRevision, revision), governance.CheckGuard(guard)); err != nil {
			return core.WriteResult{}, err
		}
		n, err := core.EncodeNode(guard, guard.Name, tx.Now())
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := putGuard(ctx, tx, n, model); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{guard.ID}, Created: true, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogGuardSet, Objects: []registry.ID{guard.ID},
			Model: model, Reason: in.Reason, Detail: core.LogDetail("guard", guard.Name, "profile", guard.Profile, "stages", guard.Stages, "needed", guard.Needed, "approvers", guard.Approvers, "expiryDays", guard.ExpiryDays, "requireSignature", guard.RequireSignature)})
	})
	if err != nil {
		return nil, err
	}
	guard, err := core.NounAs[*registry.TransitionGuard](g.core.ReadBack(ctx, result, result.IDs[0]))
	return &GuardPayload{guard}, err
}

// putGuard writes a guard. A guard belongs to no model in the store, so that a grant on one
// model does not cover it, also not that model's own guard.
func putGuard(ctx context.Context, tx *policies.Tx, n *graph.Node, model registry.ID) error {
	if !tx.May(registry.GovernanceConfigure, model) {
		return registry.Errorf(registry.Forbidden, "you may not do %s here; ask an administrator", registry.GovernanceConfigure)
	}
	return tx.Put(ctx, n)
}

// DeleteTransitionGuardInput names the target of a guard to delete.
type DeleteTransitionGuardInput struct {
	GuardTarget
	Reason         string  `json:"reason,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// DeleteTransitionGuard deletes the guard of a target; it is no error if there is none. What
// applies then is what less special guards say.
func (g *Governance) DeleteTransitionGuard(ctx context.Context, in DeleteTransitionGuardInput) (*core.DeletePayload, error) {
	if err := core.FirstError(in.GuardTarget.check(), core.CheckText("reason", &in.Reason)); err != nil {
		return nil, err
	}
	result, err := g.core.Write(ctx, registry.GovernanceConfigure, core.Idempotent("deleteTransitionGuard", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		guard, model, err := guardOf(ctx, tx, in.GuardTarget)
		if err != nil {
			return core.WriteResult{}, err
		}
		old, err := standingGuard(ctx, tx, guard.ID)
		if err != nil || old == nil {
			return core.WriteResult{}, err
		}
		ended := *old
		ended.ValidTo, ended.Since = tx.Now(), tx.Now()
		if err := putGuard(ctx, tx, &ended, model); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{old.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogGuardDeleted, Objects: []registry.ID{old.ID},
			Model: model, Reason: in.Reason, Detail: core.LogDetail("guard", guard.Name)})
	})
	return core.NewDeletePayload(ctx, result, err)
}

// maxGuards is how many guards the list tells.
const maxGuards = 1000

// TransitionGuards lists the guards that stand, by name. It has no pages: more than 1,000 are
// refused, and not cut.
func (g *Governance) TransitionGuards(ctx context.Context) ([]*registry.TransitionGuard, error) {
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	page, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindTransitionGuard}, Order: registry.IndexName, Limit: maxGuards})
	if err != nil {
		return nil, err
	}
	if page.More {
		return nil, registry.Errorf(registry.ResourceExhausted, "there are more than %d guards", maxGuards)
	}
	out := []*registry.TransitionGuard{}
	for _, n := range page.Nodes {
		guard, err := core.NounAs[*registry.TransitionGuard](g.core.Decode(n, registry.Instant{}))
		if err != nil {
			return nil, err
		}
		if guard != nil && n.ValidTo.IsZero() {
			out = append(out, guard)
		}
	}
	return out, nil
}

// SetDefaultProfile sets the guard of the whole registry to a profile with its defaults, unless
// it has that profile already. It is for the start of a server.
func (g *Governance) SetDefaultProfile(ctx context.Context, profile registry.ApprovalProfile) error {
	guards, err := g.TransitionGuards(ctx)
	if err != nil {
		return err
	}
	for _, guard := range guards {
		if guard.Scope == registry.GuardRegistry && guard.Profile == profile {
			return nil
		}
	}
	_, err = g.PutTransitionGuard(ctx, PutTransitionGuardInput{Profile: profile, Reason: "the server was started with this profile"})
	return err
}
