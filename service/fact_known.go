package service

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// register* and transitions are orders: given twice, the second is refused. A fact
// of a batch says that something is so, and may be told again: these know it.

// recordModel is createModel for a fact of a batch: a model that is there stays as
// it is.
func (s *Service) recordModel(ctx context.Context, tx *policies.Tx, in RegisterModelInput) (result, error) {
	there, err := tx.Holder(ctx, registry.ModelNameSlot(in.Name))
	if err != nil {
		return result{}, err
	}
	if there == nil {
		m, err := s.createModel(ctx, tx, in)
		if err != nil {
			return result{}, err
		}
		return result{IDs: []registry.ID{m.ID}, Created: true, Changed: true}, nil
	}
	if err := seen(ctx, tx, there.ID); err != nil {
		return result{}, err
	}
	if in.Incarnation > 0 && there.ID != registry.ModelID(in.Name, in.Incarnation) {
		return result{}, registry.Errorf(registry.Conflict, "a model named %q is there, and it is another one: of another incarnation", in.Name)
	}
	return result{IDs: []registry.ID{there.ID}}, nil
}

// recordVersion is createVersion for a fact of a batch: a version that is there
// stays as it is. What a fact is about must not depend on when it is told: it
// names its version.
func (s *Service) recordVersion(ctx context.Context, tx *policies.Tx, in RegisterModelVersionInput) (result, error) {
	m, _, err := s.modelIn(ctx, tx, &in.Model, nil)
	if err != nil {
		return result{}, err
	}
	old, err := s.sameVersion(ctx, tx, m, in)
	if err != nil {
		return result{}, err
	}
	if old == nil || old.Deleted {
		v, err := s.createVersion(ctx, tx, in)
		if err != nil {
			return result{}, err
		}
		return result{IDs: []registry.ID{v.ID}, Created: true, Changed: true}, nil
	}
	if err := seen(ctx, tx, old.ID); err != nil {
		return result{}, err
	}
	v, err := load(old, &registry.ModelVersion{})
	if err != nil {
		return result{}, err
	}
	if in.Label != "" && v.Label != "" && in.Label != v.Label {
		return result{}, registry.Errorf(registry.Conflict, "version %s of %s is recorded with the label %q", v.Version, m.Name, registry.Shorten(v.Label, 60))
	}
	return result{IDs: []registry.ID{v.ID}}, nil
}

// sameVersion finds the version that an input names, nil for none.
func (s *Service) sameVersion(ctx context.Context, tx *policies.Tx, m *registry.Model, in RegisterModelVersionInput) (*graph.Node, error) {
	switch {
	case in.Bump != nil:
		return nil, registry.Invalid("bump", "a fact names its version: give version or label")
	case in.Version != nil:
		semver, err := registry.ParseVersion(*in.Version)
		if err != nil {
			return nil, err
		}
		found, err := tx.House(ctx, registry.ModelVersionID(m.ID, semver.String()))
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	return tx.Holder(ctx, registry.LabelSlot(m.ID, in.Label))
}

// recordTransition is transitionVersion for a fact of a batch: it names its time,
// and a change into the same stage at the same time is the same change.
func (s *Service) recordTransition(ctx context.Context, tx *policies.Tx, in TransitionModelVersionInput) (result, error) {
	v, n, err := s.versionIn(ctx, tx, in.Model, in.Version, in.ID)
	if err != nil {
		return result{}, err
	}
	records, err := tx.Children(ctx, registry.KindTransition, registry.IndexName, v.ID)
	if err != nil {
		return result{}, err
	}
	for _, r := range records {
		t, err := load(r, &registry.Transition{})
		if err != nil {
			return result{}, err
		}
		if t.To == in.To && t.At.Equal(when(in.At, in.At)) {
			return result{IDs: []registry.ID{v.ID, t.ID}}, nil
		}
	}
	return s.transitionVersion(ctx, tx, v, n, in)
}
