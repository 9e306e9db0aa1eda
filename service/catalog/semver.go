package catalog

import (
	"context"
	"slices"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// nextVersion returns the semver of a new version: the given version; or a bump of the highest
// version that the model ever had; or, for a label alone, the label if it is a semver and
// otherwise the next minor version.
func nextVersion(ctx context.Context, tx *policies.Tx, m *registry.Model, in RegisterModelVersionInput) (registry.Version, error) {
	switch {
	case in.Version != nil && in.Bump != nil:
		return registry.Version{}, registry.Invalid("version", "give version or bump, not both")
	case in.Version != nil:
		return registry.ParseVersion(*in.Version)
	case in.Bump != nil:
		high, err := highestVersion(ctx, tx, m)
		if err != nil {
			return high, err
		}
		return high.Next(*in.Bump)
	case in.Label != "":
		if v, err := registry.ParseVersion(in.Label); err == nil {
			return v, nil
		}
		high, err := highestVersion(ctx, tx, m)
		if err != nil {
			return high, err
		}
		return high.Next(registry.BumpMinor)
	}
	return registry.Version{}, registry.Invalid("version", "give a version such as 1.0.0, or bump: MAJOR, MINOR or PATCH")
}

// highestVersion returns the highest semver that a model ever had, including deleted versions.
func highestVersion(ctx context.Context, tx *policies.Tx, m *registry.Model) (high registry.Version, err error) {
	last, err := tx.LastChild(ctx, registry.KindModelVersion, registry.IndexVersion, m.ID)
	if err != nil {
		return high, err
	}
	versions := slices.Clone(m.Used)
	if last != nil {
		v, err := core.DecodeWhole(last, &registry.ModelVersion{})
		if err != nil {
			return high, err
		}
		versions = append(versions, v.Version)
	}
	for i, text := range versions {
		v, err := registry.ParseVersion(text)
		if err != nil {
			return high, err
		}
		if i == 0 || v.Compare(high) > 0 {
			high = v
		}
	}
	return high, nil
}
