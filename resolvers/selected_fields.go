package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/service/provenance"
)

// selectedFields returns the names of the fields that are selected under a path of fields,
// for all types.
func selectedFields(ctx context.Context, path ...string) (out []string) {
	op := graphql.GetOperationContext(ctx)
	fields := graphql.CollectFieldsCtx(ctx, nil)
	for _, step := range path {
		var below []graphql.CollectedField
		for _, f := range fields {
			if f.Name == step {
				below = append(below, graphql.CollectFields(op, f.Selections, lineageTypes)...)
			}
		}
		fields = below
	}
	for _, f := range fields {
		out = append(out, f.Name)
	}
	return out
}

// lineageTypes lists the types that count when fragments are collected: all types of
// lineage.
var lineageTypes = []string{"LineageGraph", "LineageNode", "PageInfo", "ImpactConnection", "ImpactEdge", "Node", "ProvenanceNode", "RestrictedNode", "ModelVersion", "DatasetVersion", "Run", "Feature",
	"Commit", "Tag", "Deployment"}

// onlyIdentity reports whether only id, kind and name of the nodes under a path of fields
// are selected.
func onlyIdentity(ctx context.Context, path ...string) bool {
	return !slices.ContainsFunc(selectedFields(ctx, path...), func(f string) bool {
		return f != "id" && f != "kind" && f != "name" && f != "__typename"
	})
}

// lineageSelection holds which costly parts of a lineage answer are selected.
type lineageSelection struct{ onlyIdentity, cursors, degrees bool }

// selectLineage derives the selection of a lineage field.
func selectLineage(ctx context.Context) lineageSelection {
	ends, nodes := selectedFields(ctx, "pageInfo"), selectedFields(ctx, "nodes")
	return lineageSelection{onlyIdentity: onlyIdentity(ctx, "nodes", "node"),
		cursors: slices.Contains(ends, "startCursor") || slices.Contains(ends, "endCursor"),
		degrees: slices.Contains(nodes, "upstreamDegree") || slices.Contains(nodes, "downstreamDegree")}
}

// withSelection sets the fields of the input that depend on the selection.
func withSelection(a lineageSelection, in provenance.LineageInput) provenance.LineageInput {
	in.Bare, in.Degrees, in.NoCursors = a.onlyIdentity, a.degrees, !a.cursors
	return in
}
