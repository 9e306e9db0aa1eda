package catalog

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// The mutations registerModel, registerModelVersion and transitionModelVersion are commands: the
// same command again is refused. A fact of a batch is a statement and may be recorded again. The
// functions in this file therefore accept what exists already, and tell which of its own fields
// were told otherwise.

// ensureModel is like createModel, for a fact of a batch: an existing model stays as it is.
func ensureModel(ctx context.Context, tx *policies.Tx, in RegisterModelInput) (core.WriteResult, error) {
	existing, err := tx.SlotHolder(ctx, registry.ModelNameSlot(in.Name))
	if err != nil {
		return core.WriteResult{}, err
	}
	if existing == nil {
		m, err := createModel(ctx, tx, in)
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{m.ID}, Created: true, Changed: true}, nil
	}
	if err := core.CheckVisible(ctx, tx, existing.ID); err != nil {
		return core.WriteResult{}, err
	}
	if in.Incarnation > 0 && existing.ID != registry.ModelID(in.registeredAs(), in.Incarnation) {
		return core.WriteResult{}, registry.Errorf(registry.Conflict, "a model named %q is there, and it is another one: of another incarnation", in.Name)
	}
	notTaken, err := core.NotTakenOf(ctx, tx, existing, &registry.Model{Description: in.Description, Owner: in.Owner, Tags: in.Tags,
		CreatedAt: core.StoredTime(in.CreatedAt, time.Time{})})
	return core.WriteResult{IDs: []registry.ID{existing.ID}, NotTaken: notTaken}, err
}

// ensureVersion is like createVersion, for a fact of a batch: an existing version stays as it
// is. The fact must name its version or label and must not use bump, so that it means the same
// whenever it is recorded.
func ensureVersion(ctx context.Context, tx *policies.Tx, in RegisterModelVersionInput) (core.WriteResult, error) {
	m, _, err := FindModel(ctx, tx, &in.Model, nil)
	if err != nil && (registry.CodeOf(err) != registry.NotFound || !in.CreateModel) {
		return core.WriteResult{}, err
	}
	var old *graph.Node
	if m != nil {
		if old, err = existingVersion(ctx, tx, m, in); err != nil {
			return core.WriteResult{}, err
		}
	} else if in.Bump != nil {
		return core.WriteResult{}, bumpInFact()
	}
	if old == nil || old.Deleted {
		v, err := createVersion(ctx, tx, in)
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true, Changed: true}, nil
	}
	if err := core.CheckVisible(ctx, tx, old.ID); err != nil {
		return core.WriteResult{}, err
	}
	v, err := core.DecodeWhole(old, &registry.ModelVersion{})
	if err != nil {
		return core.WriteResult{}, err
	}
	if in.Label != "" && v.Label != "" && in.Label != v.Label {
		return core.WriteResult{}, registry.Errorf(registry.Conflict, "version %s of %s is recorded with the label %q", v.Version, m.Name, registry.Shorten(v.Label, 60))
	}
	notTaken, err := core.NotTakenOf(ctx, tx, old, &registry.ModelVersion{Label: in.Label, Description: in.Description, Owner: in.Owner, Tags: in.Tags,
		CreatedDate: core.StoredTime(in.CreatedDate, time.Time{})})
	return core.WriteResult{IDs: []registry.ID{v.ID}, NotTaken: notTaken}, err
}

func bumpInFact() error {
	return registry.Invalid("bump", "a fact names its version: give version or label")
}

// existingVersion finds the version that an input names, nil when there is none.
func existingVersion(ctx context.Context, tx *policies.Tx, m *registry.Model, in RegisterModelVersionInput) (*graph.Node, error) {
	switch {
	case in.Bump != nil:
		return nil, bumpInFact()
	case in.Version != nil:
		semver, err := registry.ParseVersion(*in.Version)
		if err != nil {
			return nil, err
		}
		found, err := tx.NodesUnfiltered(ctx, registry.ModelVersionID(m.ID, semver.String()))
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	return tx.SlotHolder(ctx, registry.LabelSlot(m.ID, in.Label))
}

// ensureTransition is like MoveVersion, for a fact of a batch: a transition to the same
// stage at the same time is the same transition, and is not recorded again.
func ensureTransition(ctx context.Context, tx *policies.Tx, in TransitionModelVersionInput) (core.WriteResult, error) {
	v, n, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	records, err := tx.ChildrenWith(ctx, registry.KindTransition, registry.IndexValidFrom, core.StoredTime(in.At, in.At).UnixMicro(), v.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	for _, r := range records {
		t, err := core.DecodeWhole(r, &registry.Transition{})
		if err != nil {
			return core.WriteResult{}, err
		}
		if t.To == in.To && t.At.Equal(core.StoredTime(in.At, in.At)) {
			return core.WriteResult{IDs: []registry.ID{v.ID, t.ID}}, nil
		}
	}
	id, err := MoveVersion(ctx, tx, v, n, in, nil)
	if isGuarded(err) {
		// A fact makes no request and is no way around one: it is told as not taken.
		return core.WriteResult{IDs: []registry.ID{v.ID}, NotTaken: []string{"to"}}, nil
	}
	return core.WriteResult{IDs: []registry.ID{v.ID, id}, Created: true, Changed: true}, err
}
