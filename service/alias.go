package service

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
)

// SetAliasInput points an alias of a model at a version.
type SetAliasInput struct {
	Model          string
	Alias          string
	Version        string
	IdempotencyKey *string `json:"-"`
}

// SetAliasPayload carries the alias.
type SetAliasPayload struct{ Alias *registry.Alias }

// SetAlias points an alias at a version; the same again changes nothing.
// Protected aliases need the action alias.set.protected.
func (s *Service) SetAlias(ctx context.Context, in SetAliasInput) (*SetAliasPayload, error) {
	if err := name("alias", &in.Alias); err != nil {
		return nil, err
	}
	if _, err := registry.ParseVersion(in.Alias); err == nil || in.Alias == "latest" {
		return nil, registry.Invalid("alias", "must not be a version or latest")
	}
	r, err := s.write(ctx, registry.AliasSet, idempotent{"setAlias", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		v, _, err := s.versionIn(ctx, tx, &in.Model, &in.Version, nil)
		if err != nil {
			return result{}, err
		}
		if err := mayMove(tx, in.Alias, v.Parent); err != nil {
			return result{}, err
		}
		a := &registry.Alias{Name: in.Alias, Model: v.Parent, VersionID: v.ID, Version: v.Version, SetBy: tx.Subject(), SetAt: tx.Now()}
		a.ID, a.Parent, a.ValidFrom = registry.AliasID(v.Parent, in.Alias), v.Parent, tx.Now()
		old, err := tx.House(ctx, a.ID)
		if err != nil {
			return result{}, err
		}
		if old[0] != nil && !old[0].Deleted {
			was, err := load(old[0], &registry.Alias{})
			if err != nil {
				return result{}, err
			}
			if was.VersionID == v.ID && was.ValidTo.IsZero() {
				return result{IDs: []registry.ID{a.ID}}, nil
			}
			a.ValidFrom = old[0].ValidFrom
		}
		n, err := encode(a, a.Name, tx.Now(), "alias/"+string(a.Parent)+"/"+a.Name)
		if err != nil {
			return result{}, err
		}
		if err := tx.Put(ctx, n); err != nil {
			return result{}, err
		}
		return result{IDs: []registry.ID{a.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogAliasSet,
			Objects: []registry.ID{a.ID, v.ID}, Model: v.Parent, Detail: detail("alias", a.Name, "version", v.Version)})
	})
	if err != nil {
		return nil, err
	}
	a, err := one[*registry.Alias](s.after(ctx, r.IDs[0]))
	return &SetAliasPayload{a}, err
}

func mayMove(tx *policies.Tx, alias string, model registry.ID) error {
	if registry.ProtectedAlias(alias) && !tx.May(registry.AliasSetProtected, model) {
		return registry.Errorf(registry.Forbidden, "the alias %q is protected; ask an administrator to move it", alias)
	}
	return nil
}

// DeleteAliasInput names an alias to remove.
type DeleteAliasInput struct {
	Model          string
	Alias          string
	IdempotencyKey *string `json:"-"`
}

// DeleteAlias removes an alias. One that does not exist is no error. An alias
// that is set again later is the same node, so it ends rather than being buried.
func (s *Service) DeleteAlias(ctx context.Context, in DeleteAliasInput) (*DeletePayload, error) {
	r, err := s.write(ctx, registry.AliasDelete, idempotent{"deleteAlias", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		m, _, err := s.modelIn(ctx, tx, &in.Model, nil)
		if err != nil {
			return result{}, err
		}
		clean(&in.Alias)
		if err := mayMove(tx, in.Alias, m.ID); err != nil {
			return result{}, err
		}
		nodes, err := tx.House(ctx, registry.AliasID(m.ID, in.Alias))
		if err != nil || nodes[0] == nil || nodes[0].Deleted || !nodes[0].ValidTo.IsZero() {
			return result{}, err
		}
		gone := *nodes[0]
		gone.ValidTo, gone.Since, gone.Slots = tx.Now(), tx.Now(), nil
		if err := tx.Put(ctx, &gone); err != nil {
			return result{}, err
		}
		return result{IDs: []registry.ID{gone.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogAliasDeleted,
			Objects: []registry.ID{gone.ID}, Model: m.ID, Detail: detail("alias", in.Alias)})
	})
	return deleted(ctx, r, err)
}

// stands reports whether an alias had not been taken away at the instant that it
// was read at.
func stands(a *registry.Alias) bool {
	return !buried(a) && (a.ValidTo.IsZero() || !a.ReadAt.Today() && a.ValidTo.After(a.ReadAt.Valid))
}

// AliasesOf lists the aliases of a model that stand, by name.
func (s *Service) AliasesOf(ctx context.Context, m *registry.Model) ([]*registry.Alias, error) {
	return s.aliases(ctx, m.ID, m.ReadAt, func(*registry.Alias) bool { return true })
}

// AliasesOfVersion lists the aliases that point at a version, by name.
func (s *Service) AliasesOfVersion(ctx context.Context, v *registry.ModelVersion) ([]*registry.Alias, error) {
	return s.aliases(ctx, v.Parent, v.ReadAt, func(a *registry.Alias) bool { return a.VersionID == v.ID })
}

func (s *Service) aliases(ctx context.Context, model registry.ID, at registry.Instant, keep func(*registry.Alias) bool) ([]*registry.Alias, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	nodes, err := loadChildren(ctx, scope, childKey{model, childQuery{kind: registry.KindAlias, order: registry.IndexName, limit: 1000, at: at}})
	if err != nil {
		return nil, err
	}
	out := []*registry.Alias{}
	for _, n := range nodes {
		a, err := one[*registry.Alias](s.decode(n, at))
		if err != nil {
			return nil, err
		}
		if stands(a) && keep(a) {
			out = append(out, a)
		}
	}
	return out, nil
}

// VersionOfAlias returns the version that an alias points at.
func (s *Service) VersionOfAlias(ctx context.Context, a *registry.Alias) (*registry.ModelVersion, error) {
	return one[*registry.ModelVersion](s.nodeAt(ctx, a.ReadAt, a.VersionID))
}
