package catalog

import (
	"context"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// SetAliasInput points an alias of a model at a version.
type SetAliasInput struct {
	Model   string `json:"model,omitzero"`
	Alias   string `json:"alias,omitzero"`
	Version string `json:"version,omitzero"`
	// At is when the alias was set; zero means now. RemovedAt is when the alias was removed again.
	// They are used by facts of a batch.
	At             time.Time `json:"at,omitzero"`
	RemovedAt      time.Time `json:"removedAt,omitzero"`
	IdempotencyKey *string   `json:"-"`
}

// SetAliasPayload carries the alias.
type SetAliasPayload struct{ Alias *registry.Alias }

func (in *SetAliasInput) check() error {
	if err := core.FirstError(core.CheckName("alias", &in.Alias), core.CheckTime("at", in.At), core.CheckTime("removedAt", in.RemovedAt)); err != nil {
		return err
	}
	if !in.RemovedAt.IsZero() && (in.At.IsZero() || in.RemovedAt.Before(in.At)) {
		return registry.Invalid("removedAt", "needs at, the time when the alias was set, and must not lie before it")
	}
	if _, err := registry.ParseVersion(in.Alias); err == nil || in.Alias == latestVersion {
		return registry.Invalid("alias", "must not be a version or latest")
	}
	return nil
}

// SetAlias points an alias at a version. Setting it to the same version again changes nothing.
// Protected aliases need permission for alias.set.protected.
func (c *Catalog) SetAlias(ctx context.Context, in SetAliasInput) (*SetAliasPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.AliasSet, core.Idempotent("setAlias", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeAlias(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	a, err := core.NounAs[*registry.Alias](c.core.ReadBack(ctx, result, result.IDs[0]))
	return &SetAliasPayload{a}, err
}

func writeAlias(ctx context.Context, tx *policies.Tx, in SetAliasInput) (core.WriteResult, error) {
	v, _, err := FindVersion(ctx, tx, &in.Model, &in.Version, nil)
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := checkAliasPermission(tx, in.Alias, v.Parent); err != nil {
		return core.WriteResult{}, err
	}
	at := core.StoredTime(in.At, tx.Now())
	if at.Before(v.ValidFrom) {
		return core.WriteResult{}, registry.Invalid("at", "lies before %s, when version %s came to be", v.ValidFrom.Format(time.RFC3339Nano), v.Version)
	}
	a := &registry.Alias{Name: in.Alias, Model: v.Parent, VersionID: v.ID, Version: v.Version, SetBy: tx.Subject(), SetAt: at}
	a.ID, a.Parent, a.ValidFrom = registry.AliasID(v.Parent, in.Alias), v.Parent, at
	old, err := tx.NodesUnfiltered(ctx, a.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	if old[0] != nil && !old[0].Deleted {
		previous, err := core.DecodeWhole(old[0], &registry.Alias{})
		if err != nil {
			return core.WriteResult{}, err
		}
		// A fact that is recorded late does not override a later change of the alias.
		late := !in.At.IsZero() && (previous.SetAt.After(at) || previous.ValidTo.After(at))
		same := previous.VersionID == v.ID && (previous.ValidTo.IsZero() && in.RemovedAt.IsZero() || previous.SetAt.Equal(at) && previous.ValidTo.Equal(core.StoredTime(in.RemovedAt, time.Time{})))
		if late || same {
			return core.WriteResult{IDs: []registry.ID{a.ID}}, nil
		}
		a.ValidFrom = old[0].ValidFrom
	}
	if err := checkAliasName(ctx, tx, a); err != nil {
		return core.WriteResult{}, err
	}
	n, err := core.EncodeNode(a, a.Name, at, "alias/"+string(a.Parent)+"/"+a.Name)
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := tx.Put(ctx, n); err != nil {
		return core.WriteResult{}, err
	}
	result := core.WriteResult{IDs: []registry.ID{a.ID}, Created: true, Changed: true}
	if err := tx.Log(ctx, registry.LogEntry{Action: registry.LogAliasSet, Objects: []registry.ID{a.ID, v.ID}, Model: v.Parent,
		Detail: core.LogDetail("alias", a.Name, "version", v.Version)}); err != nil || in.RemovedAt.IsZero() {
		return result, err
	}
	if !tx.MayOn(registry.AliasDelete, policies.Target{Model: v.Parent, Alias: a.Name}) {
		return core.WriteResult{}, registry.Errorf(registry.Forbidden, "you may not do %s, and removedAt removes the alias; ask an administrator", registry.AliasDelete)
	}
	return result, endAlias(ctx, tx, n, core.StoredTime(in.RemovedAt, tx.Now()))
}

// endAlias removes an alias at a time. Its node stays, so that setting it again reuses it. It
// loses its columns, by which lists find the aliases that stand.
func endAlias(ctx context.Context, tx *policies.Tx, n *graph.Node, at time.Time) error {
	ended := *n
	ended.ValidTo, ended.Since, ended.Slots, ended.Columns = at, at, nil, nil
	if err := tx.Put(ctx, &ended); err != nil {
		return err
	}
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogAliasDeleted, Objects: []registry.ID{n.ID}, Model: n.Parent, Detail: core.LogDetail("alias", n.Name)})
}

func checkAliasPermission(tx *policies.Tx, alias string, model registry.ID) error {
	target := policies.Target{Model: model, Alias: alias}
	if registry.ProtectedAlias(alias) && !tx.MayOn(registry.AliasSetProtected, target) {
		return registry.Errorf(registry.Forbidden, "the alias %q is protected; ask an administrator to move it", alias)
	}
	return tx.CheckTarget(target)
}

// DeleteAliasInput names an alias to remove.
type DeleteAliasInput struct {
	Model          string
	Alias          string
	IdempotencyKey *string `json:"-"`
}

// DeleteAlias removes an alias; it is no error if there is none. It sets the ValidTo of the
// node and makes no tombstone, because setting the alias again later reuses the node.
func (c *Catalog) DeleteAlias(ctx context.Context, in DeleteAliasInput) (*core.DeletePayload, error) {
	result, err := c.core.Write(ctx, registry.AliasDelete, core.Idempotent("deleteAlias", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		m, _, err := FindModel(ctx, tx, &in.Model, nil)
		if err != nil {
			return core.WriteResult{}, err
		}
		core.ToNFC(&in.Alias)
		if err := checkAliasPermission(tx, in.Alias, m.ID); err != nil {
			return core.WriteResult{}, err
		}
		nodes, err := tx.NodesUnfiltered(ctx, registry.AliasID(m.ID, in.Alias))
		if err != nil || nodes[0] == nil || nodes[0].Deleted || !nodes[0].ValidTo.IsZero() {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{nodes[0].ID}, Created: true}, endAlias(ctx, tx, nodes[0], tx.Now())
	})
	return core.NewDeletePayload(ctx, result, err)
}

// isActiveAlias reports whether an alias existed at the instant that it was read at.
func isActiveAlias(a *registry.Alias) bool {
	return !core.IsTombstone(a) && (a.ValidTo.IsZero() || !a.ReadAt.Today() && a.ValidTo.After(a.ReadAt.Valid))
}

// maxAliases is how many aliases a list tells. It has no pages: a longer one is refused, and
// not cut.
const maxAliases = 1000

// AliasesOf lists the aliases of a model, by name.
func (c *Catalog) AliasesOf(ctx context.Context, m *registry.Model) ([]*registry.Alias, error) {
	return aliasesOf(ctx, c, m, func(m *registry.Model) aliasOwner {
		return aliasOwner{m.ID, "", func(*registry.Alias) bool { return true }}
	})
}

// AliasesOfVersion lists the aliases that point at a version, by name.
func (c *Catalog) AliasesOfVersion(ctx context.Context, v *registry.ModelVersion) ([]*registry.Alias, error) {
	return aliasesOf(ctx, c, v, func(v *registry.ModelVersion) aliasOwner {
		key := ""
		if semver, err := registry.ParseVersion(v.Version); err == nil {
			key = semver.SortKey()
		}
		return aliasOwner{v.Parent, key, func(a *registry.Alias) bool { return a.VersionID == v.ID }}
	})
}

// aliasOwner says which aliases an object has: those of a model, all of them or those of a
// version by its sort key, that match.
type aliasOwner struct {
	model      registry.ID
	versionKey string
	matches    func(*registry.Alias) bool
}

// aliasField is the field of the aliases of a model or version.
type aliasField struct{}

// aliasList are the aliases of one object, and whether they are too many to be told.
type aliasList struct {
	aliases []*registry.Alias
	tooMany bool
}

// aliasesOf lists the active aliases of an object and of its siblings. Today's lists leave out
// in the store what has ended or points elsewhere, unless the caller may not know by what it
// is told apart.
func aliasesOf[O interface {
	registry.Node
	comparable
}](ctx context.Context, c *Catalog, of O, ownerOf func(O) aliasOwner) ([]*registry.Alias, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	found, err := core.Batch(ctx, of, aliasField{}, func(ctx context.Context, all []O) ([]aliasList, error) {
		owners := make([]aliasOwner, len(all))
		for i, o := range all {
			owners[i] = ownerOf(o)
		}
		return c.aliasLists(ctx, scope, of.NodeMeta().ReadAt, owners)
	})
	if err == nil && found.tooMany {
		err = registry.Errorf(registry.ResourceExhausted, "there are %d aliases or more, too many for one list; ask for one with modelVersion, which takes an alias for the version", maxAliases)
	}
	return found.aliases, err
}

// aliasLists reads the aliases of owners with one query. Where those of the versions of one
// model are too many together, it reads them one by one.
func (c *Catalog) aliasLists(ctx context.Context, scope *policies.Scope, at registry.Instant, owners []aliasOwner) ([]aliasList, error) {
	q := core.ChildQuery{Kind: registry.KindAlias, Order: registry.IndexName, Limit: maxAliases, At: at}
	byKey := at.Today() && scope.ShowsColumn(registry.KindAlias, registry.IndexVersion)
	var models []registry.ID
	var keys []string
	for _, o := range owners {
		models, keys = append(models, o.model), append(keys, o.versionKey)
	}
	slices.Sort(models)
	slices.Sort(keys)
	models, keys = slices.Compact(models), slices.Compact(keys)
	if byKey && keys[0] == "" {
		q.Standing = true
	} else if byKey {
		q.VersionKeys = strings.Join(keys, ",")
	}
	aliases, err := core.ChildrenOfIDs[*registry.Alias](ctx, c.core, scope, models, q)
	if err != nil {
		return nil, err
	}
	out, lists := make([]aliasList, len(owners)), make([][]*registry.Alias, len(owners))
	for i, o := range owners {
		of := aliases[o.model]
		if len(of) == maxAliases && len(owners) > 1 {
			alone, err := c.aliasLists(ctx, scope, at, owners[i:i+1])
			if err != nil {
				return nil, err
			}
			out[i], lists[i] = alone[0], alone[0].aliases
			continue
		}
		out[i].aliases = []*registry.Alias{}
		if out[i].tooMany = len(of) == maxAliases; out[i].tooMany {
			continue
		}
		for _, a := range of {
			if isActiveAlias(a) && o.matches(a) {
				out[i].aliases = append(out[i].aliases, a)
			}
		}
		lists[i] = out[i].aliases
	}
	core.Siblings(ctx, lists...)
	return out, nil
}

// Alias returns an alias of a model by its name; nil when there is none that the caller sees.
func (c *Catalog) Alias(ctx context.Context, m *registry.Model, name string) (*registry.Alias, error) {
	core.ToNFC(&name)
	a, err := core.NounAs[*registry.Alias](c.core.NodeAt(ctx, m.ReadAt, registry.AliasID(m.ID, name)))
	if err != nil || a == nil || !isActiveAlias(a) {
		return nil, err
	}
	return a, nil
}

// VersionOfAlias returns the version that an alias points at.
func (c *Catalog) VersionOfAlias(ctx context.Context, a *registry.Alias) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, c.core, a, "version", func(a *registry.Alias) core.NodeRef { return core.NodeRef{ID: a.VersionID, At: a.ReadAt} })
}

// FactKind returns registry.FactAlias.
func (*SetAliasInput) FactKind() registry.FactKind { return registry.FactAlias }

// FactAction returns the action that recording needs permission for.
func (*SetAliasInput) FactAction() registry.Action { return registry.AliasSet }

// CheckFact checks the input as one fact of a batch.
func (in *SetAliasInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns the input unchanged: it has no ids.
func (in *SetAliasInput) ResolveFact(_ core.References) core.Fact {
	return in
}

// FactReads returns nothing: an alias is found by names.
func (*SetAliasInput) FactReads() (ids, effects []registry.ID) {
	return nil, nil
}

// WriteFact writes the fact in a transaction.
func (in *SetAliasInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeAlias(ctx, tx, *in)
}
