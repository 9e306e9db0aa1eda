package door

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/registry"
	"pedigree/service"
)

// deprecatedVersions is a gqlgen extension that tells of the announced deprecations of the versions
// that a response has, in extensions.deprecations. A version brings its deprecation with it, so
// that a version costs no read; the versions to go to are read together at the end.
type deprecatedVersions struct{ service *service.Service }

// ExtensionName returns the name of the extension.
func (deprecatedVersions) ExtensionName() string { return "DeprecatedVersions" }

// Validate does nothing.
func (deprecatedVersions) Validate(graphql.ExecutableSchema) error { return nil }

// metVersions collects the deprecated versions of one response.
type metVersions struct {
	mu   sync.Mutex
	byID map[registry.ID]*registry.ModelVersion
}

type metVersionsKey struct{}

// meet notes a version whose deprecation is announced.
func (m *metVersions) meet(v *registry.ModelVersion) {
	if m == nil || v == nil || v.DeprecationStep() != registry.DeprecationAnnounced {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID[v.ID] = v
}

// metVersionsOf returns the collection of an operation, nil when there is none.
func metVersionsOf(ctx context.Context) *metVersions {
	m, _ := ctx.Value(metVersionsKey{}).(*metVersions)
	return m
}

// InterceptOperation creates the collection of an operation.
func (deprecatedVersions) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(ctx, metVersionsKey{}, &metVersions{byID: map[registry.ID]*registry.ModelVersion{}}))
}

// InterceptField notes the version whose field is written.
func (deprecatedVersions) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	if fc := graphql.GetFieldContext(ctx); fc.Object == "ModelVersion" && fc.Parent != nil {
		metVersionsOf(ctx).meet(versionOf(fc.Parent.Result))
	}
	return next(ctx)
}

// versionOf returns the version that the result of a field is, directly or as an item of a list.
func versionOf(v any) *registry.ModelVersion {
	switch v := v.(type) {
	case *registry.ModelVersion:
		return v
	case **registry.ModelVersion:
		return *v
	case *registry.Node:
		n, _ := (*v).(*registry.ModelVersion)
		return n
	case *registry.ProvenanceNode:
		n, _ := (*v).(*registry.ModelVersion)
		return n
	}
	return nil
}

// InterceptResponse adds the notes. Where they cannot be read the response goes without them: it is
// an answer all the same.
func (d deprecatedVersions) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	m := metVersionsOf(ctx)
	if resp == nil || m == nil {
		return resp
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.byID) == 0 {
		return resp
	}
	var versions []*registry.ModelVersion
	for _, v := range m.byID {
		versions = append(versions, v)
	}
	slices.SortFunc(versions, func(a, b *registry.ModelVersion) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	m.byID = map[registry.ID]*registry.ModelVersion{}
	notes, err := d.service.DeprecationNotes(ctx, versions)
	if err != nil || len(notes) == 0 {
		return resp
	}
	if resp.Extensions == nil {
		resp.Extensions = map[string]any{}
	}
	resp.Extensions["deprecations"] = notes
	return resp
}
