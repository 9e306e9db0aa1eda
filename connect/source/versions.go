package source

import (
	"context"
	"strings"

	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/core"
)

// VersionReader holds the registry methods that finding a version calls.
type VersionReader interface {
	ModelVersion(ctx context.Context, model, version string, past ...core.PointInTime) (*registry.ModelVersion, error)
	ExportFacts(ctx context.Context, emit func(bulk.FactInput) error) (*bulk.ExportedFacts, error)
}

// Versions finds the versions that URIs name. It reads the files of all versions once, and only
// when a URI names none by itself.
type Versions struct {
	from  VersionReader
	byURI map[string][]versionName
}

type versionName struct{ model, version string }

// NewVersions returns a finder over a registry.
func NewVersions(from VersionReader) *Versions { return &Versions{from: from} }

// ByName returns a version by model and version, label or alias; nil when there is none.
func (f *Versions) ByName(ctx context.Context, model, version string) (*registry.ModelVersion, error) {
	if registry.CheckKey("model", model) != nil || registry.CheckKey("version", version) != nil {
		return nil, nil
	}
	return f.from.ModelVersion(ctx, model, version)
}

// ByURI returns the version that a URI of a registry names, or else the one that has a file at the
// URI, or below it; nil when there is none. It reports several when more than one version has.
func (f *Versions) ByURI(ctx context.Context, uri string) (v *registry.ModelVersion, several bool, err error) {
	if model, version, ok := ModelURI(uri); ok {
		v, err = f.ByName(ctx, model, version)
		return v, false, err
	}
	if err := f.readFiles(ctx); err != nil {
		return nil, false, err
	}
	key := keyOf(uri)
	found := f.byURI[key]
	if len(found) == 0 && strings.Count(key, "/") > 2 { // A bucket alone is no folder of a model.
		for at, names := range f.byURI {
			if strings.HasPrefix(at, key+"/") {
				found = append(found, names...)
			}
		}
	}
	var one versionName
	for _, n := range found {
		if one.model != "" && n != one {
			return nil, true, nil
		}
		one = n
	}
	if one.model == "" {
		return nil, false, nil
	}
	v, err = f.ByName(ctx, one.model, one.version)
	return v, false, err
}

func (f *Versions) readFiles(ctx context.Context) error {
	if f.byURI != nil {
		return nil
	}
	f.byURI = map[string][]versionName{}
	_, err := f.from.ExportFacts(ctx, func(fact bulk.FactInput) error {
		v := fact.ModelVersion
		if v == nil || v.Version == nil {
			return nil
		}
		for _, a := range v.Artifacts {
			if a.URI != "" {
				key := keyOf(a.URI)
				f.byURI[key] = append(f.byURI[key], versionName{v.Model, *v.Version})
			}
		}
		return nil
	})
	return err
}

// keyOf returns a URI in the form that is compared.
func keyOf(uri string) string {
	namespace, name := DatasetName(uri)
	return namespace + "/" + strings.Trim(name, "/")
}
