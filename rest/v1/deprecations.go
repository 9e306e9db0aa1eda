package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// deprecationRoutes are the routes of the way of versions out of use.
func deprecationRoutes() []route {
	const one = "models/{name}/{version}"
	return []route{
		list("deprecations", "deprecations", "deprecations", "The deprecations that you see: those of one step by their sunset, others newest first",
			func(ctx context.Context, c *call, p core.Paging, q *governance.DeprecationFilter) (page[registry.Deprecation], error) {
				return nodes[registry.Deprecation](c.service.Deprecations(ctx, p, q))
			}),
		read("deprecations/{id}", "node", "One deprecation", object[registry.Deprecation]).under("Deprecation.id"),
		consumersRoute("deprecations/{id}/consumers", "node", object[registry.Deprecation]),
		write(http.MethodPost, "deprecations", "planDeprecation", "Plans the deprecation of versions of a model", (*service.Service).PlanDeprecation,
			requires("model", "versions"), statuses(http.StatusCreated)),
		write(http.MethodPost, "deprecations/announce", "announceDeprecation", "Announces planned deprecations: from then on reads of the versions say so", (*service.Service).AnnounceDeprecation,
			requires("model", "versions", "guide", "sunset")),
		read(one+"/deprecation", "modelVersion", "The last deprecation of a version", deprecationOf).under("ModelVersion.deprecation"),
		consumersRoute(one+"/deprecation/consumers", "modelVersion", deprecationOf),
		write(http.MethodPost, one+"/deprecation/withdraw", "withdrawDeprecation", "Gives up a planned or announced deprecation", (*service.Service).WithdrawDeprecation),
		write(http.MethodPost, one+"/deprecation/migrated", "confirmMigration", "Answers that a consumer, you when none is named, uses another version now", (*service.Service).ConfirmMigration),
		write(http.MethodPost, one+"/retire", "retireModelVersion", "Archives a version: not before its sunset unless forced, and not while it has live deployments", (*service.Service).RetireModelVersion),
		write(http.MethodPost, one+"/cleanup", "cleanupModelVersion", "Removes the artifact records of a retired version once they are kept no more, and exports its log entries", (*service.Service).CleanupModelVersion),
	}
}

// deprecationOf returns the last deprecation of the version of a path, nil when it has none.
func deprecationOf(ctx context.Context, c *call, q *pointInTime) (*registry.Deprecation, error) {
	v, err := c.version(ctx, q.past())
	if err == nil {
		err = mayRead(v, "ModelVersion", "deprecation")
	}
	if err != nil {
		return nil, err
	}
	return c.service.DeprecationOf(ctx, v)
}

// consumersRoute makes a route of a page of the subjects that use the version of a deprecation. By
// the id of the deprecation it does not read the version, which would count as a use of it.
func consumersRoute(pattern, operation string, get func(context.Context, *call, *pointInTime) (*registry.Deprecation, error)) route {
	rt := list(pattern, operation, "consumers", "Who uses a version with a deprecation, by name", func(ctx context.Context, c *call, p core.Paging, q *pointInTime) (page[registry.Consumer], error) {
		d, err := get(ctx, c, q)
		if err == nil && d == nil {
			err = c.nothing()
		}
		if err == nil {
			err = mayRead(d, "Deprecation", "consumers")
		}
		if err != nil {
			return page[registry.Consumer]{}, err
		}
		return nodes[registry.Consumer](c.service.ConsumersOf(ctx, d, p))
	})
	rt.field = "Deprecation.consumers"
	return rt
}
