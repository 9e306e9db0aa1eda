package catalog

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// register* and transitions are orders: given twice, the second is refused. A fact
// of a batch says that something is so, and may be told again: these know it.

// ensureModel is createModel for a fact of a batch: a model that is there stays as
// it is.
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
	if in.Incarnation > 0 && existing.ID != registry.ModelID(in.Name, in.Incarnation) {
		return core.WriteResult{}, registry.Errorf(registry.Conflict, "a model named %q is there, and it is another one: of another incarnation", in.Name)
	}
	return core.WriteResult{IDs: []registry.ID{existing.ID}}, nil
}

// ensureVersion is createVersion for a fact of a batch: a version that is there
// stays as it is. What a fact is about must not depend on when it is told: it
// names its version.
func ensureVersion(ctx context.Context, tx *policies.Tx, in RegisterModelVersionInput) (core.WriteResult, error) {
	m, _, err := FindModel(ctx, tx, &in.Model, nil)
	if err != nil {
		return core.WriteResult{}, err
	}
	old, err := existingVersion(ctx, tx, m, in)
	if err != nil {
		return core.WriteResult{}, err
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
	return core.WriteResult{IDs: []registry.ID{v.ID}}, nil
}

// existingVersion finds the version that an input names, nil for none.
func existingVersion(ctx context.Context, tx *policies.Tx, m *registry.Model, in RegisterModelVersionInput) (*graph.Node, error) {
	switch {
	case in.Bump != nil:
		return nil, registry.Invalid("bump", "a fact names its version: give version or label")
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

// ensureTransition is transitionVersion for a fact of a batch: it names its time,
// and a change into the same stage at the same time is the same change.
func ensureTransition(ctx context.Context, tx *policies.Tx, in TransitionModelVersionInput) (core.WriteResult, error) {
	v, n, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	records, err := tx.ChildrenUnfiltered(ctx, registry.KindTransition, registry.IndexName, v.ID)
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
	return writeTransition(ctx, tx, v, n, in)
}
