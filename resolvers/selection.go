package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/service/provenance"
)

// selected lists the names of the fields that an answer is asked for under a
// path of fields, whatever types they are asked of.
func selected(ctx context.Context, path ...string) (out []string) {
	op := graphql.GetOperationContext(ctx)
	fields := graphql.CollectFieldsCtx(ctx, nil)
	for _, step := range path {
		var below []graphql.CollectedField
		for _, f := range fields {
			if f.Name == step {
				below = append(below, graphql.CollectFields(op, f.Selections, everyType)...)
			}
		}
		fields = below
	}
	for _, f := range fields {
		out = append(out, f.Name)
	}
	return out
}

// everyType makes fragments on any lineage type count as selected.
var everyType = []string{"LineageGraph", "LineageNode", "PageInfo", "ImpactConnection", "ImpactEdge", "Node", "ProvenanceNode", "RestrictedNode", "ModelVersion", "DatasetVersion", "Run", "Feature",
	"Commit", "Tag", "Deployment"}

// bare reports whether nothing but id, kind and name of the nodes under a path of
// fields is asked for.
func bare(ctx context.Context, path ...string) bool {
	return !slices.ContainsFunc(selected(ctx, path...), func(f string) bool {
		return f != "id" && f != "kind" && f != "name" && f != "__typename"
	})
}

// asked is what of a lineage answer costs something and is asked for.
type asked struct{ bare, cursors, degrees bool }

// lineageAsked derives what a lineage field asks for.
func lineageAsked(ctx context.Context) asked {
	ends, nodes := selected(ctx, "pageInfo"), selected(ctx, "nodes")
	return asked{bare: bare(ctx, "nodes", "node"),
		cursors: slices.Contains(ends, "startCursor") || slices.Contains(ends, "endCursor"),
		degrees: slices.Contains(nodes, "upstreamDegree") || slices.Contains(nodes, "downstreamDegree")}
}

// asking completes a question by what its answer is asked for.
func asking(a asked, in provenance.LineageInput) provenance.LineageInput {
	in.Bare, in.Degrees, in.NoCursors = a.bare, a.degrees, !a.cursors
	return in
}
