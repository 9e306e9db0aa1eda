// Package resolvers joins the GraphQL schema to the service: one line a field.
// What gqlgen generates lies in internal/gql; a rule has no place here.
package resolvers

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/resolvers/internal/gql"
	"pedigree/resolvers/querycache"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	service    *service.Service
	selections querycache.Cache[lineageSelection] // by lineage fields
}

// Schema returns the executable schema over a service.
func Schema(s *service.Service) graphql.ExecutableSchema {
	return gql.NewExecutableSchema(gql.Config{Resolvers: &Resolver{service: s}})
}

// page is what every list takes.
func page(first *int, after *string) core.Paging {
	return core.Paging{First: first, After: after}
}

// value is what a pointer points at, the zero value for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// past is the past that a get asks for.
func past(asOf, knownAt *time.Time) core.PointInTime {
	return core.PointInTime{AsOf: value(asOf), KnownAt: value(knownAt)}
}

// lineageSelection is what the lineage field of a context asks for.
func (r *Resolver) lineageSelection(ctx context.Context) lineageSelection {
	return r.selections.GetOrDerive(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field, func() lineageSelection { return selectLineage(ctx) })
}

// lineageInput gathers the arguments of lineage.
func lineageInput(in provenance.LineageInput, asOf, knownAt *time.Time) provenance.LineageInput {
	in.AsOf, in.KnownAt = value(asOf), value(knownAt)
	return in
}
