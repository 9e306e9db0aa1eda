package catalog

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// latestVersion is the name by which a model's highest version is always found.
const latestVersion = "latest"

// checkLabel refuses a label that could mean another version of the model: it is latest, another
// version, the label of another one, or an alias. alias is the node of the alias of that name, nil when
// there never was one.
func checkLabel(ctx context.Context, tx *policies.Tx, m *registry.Model, v *registry.ModelVersion, alias *graph.Node) error {
	if v.Label == latestVersion {
		return registry.Invalid("label", "must not be latest, which means the highest version")
	}
	if semver, err := registry.ParseVersion(v.Label); err == nil && semver.String() != v.Version {
		return registry.Invalid("label", "%q means version %s, and this is version %s; choose another label", v.Label, semver, v.Version)
	}
	taken, err := tx.SlotHolder(ctx, registry.LabelSlot(m.ID, v.Label))
	if err != nil {
		return err
	}
	if taken != nil {
		return registry.Errorf(registry.AlreadyExists, "a version of %s has the label %q already; choose another label", m.Name, registry.Shorten(v.Label, 100))
	}
	if alias == nil || alias.Deleted {
		return nil
	}
	if a, err := core.DecodeWhole(alias, &registry.Alias{}); err != nil || !isActiveAlias(a) {
		return err
	}
	return registry.Errorf(registry.AlreadyExists, "%q is an alias of %s, and would mean two versions; choose another label", registry.Shorten(v.Label, 100), m.Name)
}

// checkAliasName refuses an alias that is the label of another version than it is to point at.
func checkAliasName(ctx context.Context, tx *policies.Tx, a *registry.Alias) error {
	labelled, err := tx.SlotHolder(ctx, registry.LabelSlot(a.Model, a.Name))
	if err != nil || labelled == nil || labelled.ID == a.VersionID {
		return err
	}
	return registry.Errorf(registry.AlreadyExists, "%q is the label of another version, and would mean two versions; choose another alias", registry.Shorten(a.Name, 100))
}
