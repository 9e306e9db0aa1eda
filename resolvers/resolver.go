// Package resolvers connects the GraphQL schema to the service, with one line per field.
// The code that gqlgen generates is in internal/gql. The package contains no business
// rules.
package resolvers

import (
	"context"
	"maps"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/resolvers/internal/gql"
	"pedigree/resolvers/querycache"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// Resolver is the root resolver.
type Resolver struct {
	service    *service.Service
	selections querycache.Cache[lineageSelection] // by lineage field
}

// Schema returns the executable schema of a service. gqlparser adds the directive @defer to
// every schema; it is left out, because a response here has one part.
func Schema(s *service.Service) graphql.ExecutableSchema {
	schema := *gql.NewExecutableSchema(gql.Config{}).Schema()
	schema.Directives = maps.Clone(schema.Directives)
	delete(schema.Directives, "defer")
	return gql.NewExecutableSchema(gql.Config{Schema: &schema, Resolvers: &Resolver{service: s}})
}

// page returns the paging of a list from its arguments.
func page(first *int, after *string) core.Paging {
	return core.Paging{First: first, After: after}
}

// value returns the value of a pointer, or the zero value for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// past returns the point in time that a query asks for.
func past(asOf, knownAt *time.Time) core.PointInTime {
	return core.PointInTime{AsOf: value(asOf), KnownAt: value(knownAt)}
}

// lineageSelection returns the selection of the lineage field in the context.
func (r *Resolver) lineageSelection(ctx context.Context) lineageSelection {
	return r.selections.GetOrDerive(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field, func() lineageSelection { return selectLineage(ctx) })
}

// lineageInput adds the arguments for the point in time to the input of lineage.
func lineageInput(in provenance.LineageInput, asOf, knownAt *time.Time) provenance.LineageInput {
	in.AsOf, in.KnownAt = value(asOf), value(knownAt)
	return in
}
