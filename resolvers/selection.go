package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
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

// cursors reports whether the ends of the page are asked for.
func cursors(ctx context.Context) bool {
	fields := selected(ctx, "pageInfo")
	return slices.Contains(fields, "startCursor") || slices.Contains(fields, "endCursor")
}

// degrees reports whether the degrees of nodes are asked for.
func degrees(ctx context.Context) bool {
	fields := selected(ctx, "nodes")
	return slices.Contains(fields, "upstreamDegree") || slices.Contains(fields, "downstreamDegree")
}
