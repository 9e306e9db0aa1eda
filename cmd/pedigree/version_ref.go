package main

import (
	"context"
	"fmt"
	"strings"

	"pedigree/registry"
)

// versionRef names a version in an argument: MODEL@VERSION or an id. Mutations take it as it is, so
// that what does not exist is refused by the registry.
type versionRef struct {
	model, version *string
	id             *registry.ID
}

// parseVersionRef parses an argument that names one version.
func parseVersionRef(text string) (versionRef, error) {
	if model, version, ok := strings.Cut(text, "@"); ok && model != "" && version != "" {
		return versionRef{model: &model, version: &version}, nil
	}
	if id, err := registry.ParseID(text); err == nil {
		return versionRef{id: &id}, nil
	}
	return versionRef{}, fmt.Errorf("%q names no version: write it as MODEL@VERSION, such as credit-approval@1.0.0, or give its id; %w", registry.Shorten(text, 100), errUsage)
}

// versionOf returns the version that MODEL@VERSION, MODEL or an id names. MODEL alone is the
// version in PRODUCTION, else the latest one. VERSION is a semver, a label, an alias or latest.
func versionOf(ctx context.Context, r registryClient, ref string) (*registry.ModelVersion, error) {
	if model, version, ok := strings.Cut(ref, "@"); ok {
		v, err := r.ModelVersion(ctx, model, version)
		if err == nil && v == nil {
			err = registry.Errorf(registry.NotFound, "there is no version %q of a model %q; list models with pedigree model list", registry.Shorten(version, 100), registry.Shorten(model, 100))
		}
		return v, err
	}
	id, err := registry.ParseID(ref)
	if err != nil {
		return leadingVersion(ctx, r, ref)
	}
	n, err := r.Node(ctx, id)
	if err != nil {
		return nil, err
	}
	v, ok := n.(*registry.ModelVersion)
	if !ok || v.Deleted {
		return nil, registry.Errorf(registry.NotFound, "there is no version with the id %s", id)
	}
	return v, nil
}

// leadingVersion returns a model's version in PRODUCTION, else its latest one.
func leadingVersion(ctx context.Context, r registryClient, name string) (*registry.ModelVersion, error) {
	m, err := r.Model(ctx, name)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, registry.Errorf(registry.NotFound, "%q is no id, and there is no model of this name; give an id, MODEL@VERSION or MODEL", registry.Shorten(name, 100))
	}
	v, err := r.ProductionVersion(ctx, m)
	if err == nil && v == nil {
		v, err = r.ModelVersion(ctx, name, "latest")
	}
	if err == nil && v == nil {
		err = registry.Errorf(registry.NotFound, "the model %q has no version in PRODUCTION and no release; name a version as MODEL@VERSION", registry.Shorten(name, 100))
	}
	return v, err
}

// modelNamed returns the model of a name.
func modelNamed(ctx context.Context, r registryClient, name string) (*registry.Model, error) {
	m, err := r.Model(ctx, name)
	if err == nil && m == nil {
		err = registry.Errorf(registry.NotFound, "there is no model %q", registry.Shorten(name, 100))
	}
	return m, err
}
