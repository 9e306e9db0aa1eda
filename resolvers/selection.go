package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/service/provenance"
)

// selectedFields lists the names of the fields that an answer is asked for under a
// path of fields, whatever types they are asked of.
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

// lineageTypes makes fragments on any lineage type count as selected.
var lineageTypes = []string{"LineageGraph", "LineageNode", "PageInfo", "ImpactConnection", "ImpactEdge", "Node", "ProvenanceNode", "RestrictedNode", "ModelVersion", "DatasetVersion", "Run", "Feature",
	"Commit", "Tag", "Deployment"}

// onlyIdentity reports whether nothing but id, kind and name of the nodes under a path of
// fields is asked for.
func onlyIdentity(ctx context.Context, path ...string) bool {
	return !slices.ContainsFunc(selectedFields(ctx, path...), func(f string) bool {
		return f != "id" && f != "kind" && f != "name" && f != "__typename"
	})
}

// lineageSelection is what of a lineage answer costs something and is asked for.
type lineageSelection struct{ onlyIdentity, cursors, degrees bool }

// selectLineage derives what a lineage field asks for.
func selectLineage(ctx context.Context) lineageSelection {
	ends, nodes := selectedFields(ctx, "pageInfo"), selectedFields(ctx, "nodes")
	return lineageSelection{onlyIdentity: onlyIdentity(ctx, "nodes", "node"),
		cursors: slices.Contains(ends, "startCursor") || slices.Contains(ends, "endCursor"),
		degrees: slices.Contains(nodes, "upstreamDegree") || slices.Contains(nodes, "downstreamDegree")}
}

// withSelection completes a question by what its answer is asked for.
func withSelection(a lineageSelection, in provenance.LineageInput) provenance.LineageInput {
	in.Bare, in.Degrees, in.NoCursors = a.onlyIdentity, a.degrees, !a.cursors
	return in
}
