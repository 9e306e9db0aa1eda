package v1

import (
	"context"

	"pedigree/registry"
	"pedigree/service/core"
)

// keptNamespace names the namespace of a dataset; default, when left out. What is kept of events is
// known now alone.
type keptNamespace struct{ Namespace string }

func (q *keptNamespace) asNow() *namespaceQuery { return &namespaceQuery{Namespace: q.Namespace} }

// keptFacetRoutes are the routes of what OpenLineage events told and what nothing was made of.
func keptFacetRoutes() []route {
	return []route{
		keptFacets("runs/{id}/facets", "run", "Run", "a run, and of its job, inputs and outputs", func(ctx context.Context, c *call, _ *noQuery) (*registry.Run, error) {
			return object[registry.Run](ctx, c, &pointInTime{})
		}),
		keptFacets("datasets/{dataset}/facets", "dataset", "Dataset", "a dataset", func(ctx context.Context, c *call, q *keptNamespace) (*registry.Dataset, error) {
			return c.dataset(ctx, q.asNow())
		}),
		keptFacets("datasets/{dataset}/versions/{state}/facets", "datasetVersion", "DatasetVersion", "a state of a dataset", func(ctx context.Context, c *call, q *keptNamespace) (*registry.DatasetVersion, error) {
			return c.service.DatasetVersion(ctx, c.path["dataset"], c.path["state"], q.asNow().namespace())
		}),
	}
}

// keptFacets makes a route of the facets that are kept of an object.
func keptFacets[Query, O any, N interface {
	*O
	comparable
	registry.Node
}](pattern, operation, noun, of string, get func(context.Context, *call, *Query) (N, error)) route {
	rt := list(pattern, operation, "facets", "What OpenLineage events told of "+of+", and what nothing was made of", func(ctx context.Context, c *call, _ core.Paging, q *Query) (page[registry.KeptFacet], error) {
		var all []*registry.KeptFacet
		n, err := get(ctx, c, q)
		if err == nil && n == nil {
			err = c.nothing()
		}
		if err == nil {
			err = mayRead(n, noun, "facets")
		}
		if err == nil {
			all, err = c.service.FacetsOf(ctx, n)
		}
		return page[registry.KeptFacet]{items: all}, err
	})
	return rt.under(noun + ".facets")
}
