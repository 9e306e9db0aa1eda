package v1

import (
	"context"
	"net/http"
	"time"

	"pedigree/registry"
	"pedigree/rest/wire"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// modelBody is a model with what a list of models shows of its versions.
type modelBody struct{ *registry.Model }

func newModelBody(m *registry.Model) *modelBody { return &modelBody{m} }

// maxListed is the most versions that a model tells itself; the rest is at models/{name}/versions.
const maxListed = 100

// modelFields are what is read for a model. The models of a page read each of them together.
func modelFields(s *service.Service) []wire.Virtual {
	one := func(name, of string, get func(context.Context, *registry.Model) (*registry.ModelVersion, error)) wire.Virtual {
		v := virtual(name, of, func(ctx context.Context, m *modelBody) (*wire.Version, error) { return versionText(get(ctx, m.Model)) })
		v.Null = true
		return v
	}
	first := maxListed
	listed := func(ctx context.Context, m *modelBody) (*catalog.ModelVersionConnection, error) {
		return s.VersionsOf(ctx, m.Model, core.Paging{First: &first}, nil, nil)
	}
	all := virtual("versions", "Model.versions", func(ctx context.Context, m *modelBody) ([]wire.Version, error) {
		conn, err := listed(ctx, m)
		out := []wire.Version{}
		if err == nil {
			for _, e := range conn.Edges {
				out = append(out, wire.Version(e.Node.Version))
			}
		}
		return out, err
	})
	all.Null = true
	return []wire.Virtual{all,
		one("latest_version", "Model.latestVersion", func(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
			return s.LatestVersion(ctx, m)
		}),
		one("production_version", "Model.productionVersion", func(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
			return s.ProductionVersion(ctx, m)
		}),
		virtual("more_versions", "Model.versions", func(ctx context.Context, m *modelBody) (bool, error) {
			conn, err := listed(ctx, m)
			return err == nil && conn.PageInfo.HasNextPage, err
		}),
	}
}

// versionText returns the semver of a version, nil when there is none that the caller sees.
func versionText(v *registry.ModelVersion, err error) (*wire.Version, error) {
	if err != nil || v == nil || v.Version == "" {
		return nil, err
	}
	out := wire.Version(v.Version)
	return &out, nil
}

// modelsQuery are the parameters of the list of models.
type modelsQuery struct {
	catalog.ModelFilter
	core.ModelOrder
}

// pointInTime are the parameters that ask for the past.
type pointInTime struct{ AsOf, KnownAt time.Time }

func (p pointInTime) past() core.PointInTime {
	return core.PointInTime{AsOf: p.AsOf, KnownAt: p.KnownAt}
}

// noQuery are no parameters.
type noQuery struct{}

// model returns the model of a path; NOT_FOUND when there is none that the caller sees.
func (c *call) model(ctx context.Context, past ...core.PointInTime) (*registry.Model, error) {
	m, err := c.service.Model(ctx, c.path["name"], past...)
	if err == nil && m == nil {
		err = registry.Errorf(registry.NotFound, "there is no model %q that you may see", registry.Shorten(c.path["name"], 100))
	}
	return m, err
}

// mayRead answers FORBIDDEN when the caller may not see a field of an object, which a path names.
func mayRead(n registry.Node, noun, field string) error {
	if !n.NodeMeta().Mask.Has(registry.Bit(noun, field)) {
		return registry.Errorf(registry.Forbidden, "you may not see %s.%s", noun, field)
	}
	return nil
}

// modelRoutes are the routes of models and what belongs to them.
func modelRoutes() []route {
	models := list("models", "models", "models", "The models that you see, by name", func(ctx context.Context, c *call, p core.Paging, q *modelsQuery) (page[modelBody], error) {
		order := &q.ModelOrder
		if order.Field == "" {
			order = nil
		}
		found, err := nodes[registry.Model](c.service.Models(ctx, p, &q.ModelFilter, order))
		return wrap(found, err, newModelBody)
	})
	models.shown = []string{"name", "versions", "latest_version", "production_version"}
	return []route{
		models,
		read("models/{name}", "model", "One model", func(ctx context.Context, c *call, q *pointInTime) (*modelBody, error) {
			m, err := c.model(ctx, q.past())
			if err != nil {
				return nil, err
			}
			return &modelBody{m}, nil
		}),
		write(http.MethodPost, "models", "registerModel", "Registers a model without a version", (*service.Service).RegisterModel,
			without("CreatedAt", "Incarnation"), requires("name"), statuses(http.StatusCreated)),
		write(http.MethodPatch, "models/{name}", "updateModel", "Changes a model; null clears a field, and what is left out stays", (*service.Service).UpdateModel),
		write(http.MethodPost, "models/{name}/rename", "renameModel", "Gives a model another name", (*service.Service).RenameModel, requires("name")),
		write(http.MethodDelete, "models/{name}", "deleteModel", "Deletes a model and its versions", (*service.Service).DeleteModel),
		ofModel("models/{name}/versions", "versions", "versions", "The versions of a model, highest first", versionsOfModel),
		ofModel("models/{name}/aliases", "aliases", "aliases", "The aliases of a model", func(ctx context.Context, c *call, m *registry.Model, _ core.Paging, _ *noQuery) (page[registry.Alias], error) {
			all, err := c.service.AliasesOf(ctx, m)
			return page[registry.Alias]{items: all}, err
		}),
		write(http.MethodPut, "models/{name}/aliases/{alias}", "setAlias", "Points an alias at a version", (*service.Service).SetAlias, without("At", "RemovedAt"), requires("version")),
		write(http.MethodDelete, "models/{name}/aliases/{alias}", "deleteAlias", "Removes an alias; one that does not exist is no error", (*service.Service).DeleteAlias),
		ofModel("models/{name}/reviews", "reviews", "reviews", "The reviews of a model, newest first", func(ctx context.Context, c *call, m *registry.Model, p core.Paging, _ *noQuery) (page[registry.Review], error) {
			return nodes[registry.Review](c.service.ReviewsOf(ctx, m, p))
		}),
		write(http.MethodPost, "models/{name}/reviews", "recordReview", "Keeps the outcome of a review", (*service.Service).RecordReview, requires("decision"), statuses(http.StatusCreated)),
		write(http.MethodPut, "models/{name}/review-plan", "setReviewPlan", "Sets how often a model is reviewed, and by whom", (*service.Service).SetReviewPlan),
		list("reviews-due", "reviewsDue", "models", "The models whose review is due, first that which is due first",
			func(ctx context.Context, c *call, p core.Paging, q *struct{ At time.Time }) (page[registry.Model], error) {
				return nodes[registry.Model](c.service.ReviewsDue(ctx, p, q.At))
			}),
	}
}

// versionsQuery are the parameters of the versions of a model.
type versionsQuery struct {
	catalog.ModelVersionFilter
	core.ModelVersionOrder
}

func versionsOfModel(ctx context.Context, c *call, m *registry.Model, p core.Paging, q *versionsQuery) (page[versionBody], error) {
	order := &q.ModelVersionOrder
	if order.Field == "" {
		order = nil
	}
	found, err := nodes[registry.ModelVersion](c.service.VersionsOf(ctx, m, p, &q.ModelVersionFilter, order))
	return wrap(found, err, newVersionBody)
}

// ofModel makes a route for a page of what belongs to a model.
func ofModel[Query, Item any](pattern, field, name, summary string, get func(context.Context, *call, *registry.Model, core.Paging, *Query) (page[Item], error)) route {
	rt := list(pattern, "model", name, summary, func(ctx context.Context, c *call, p core.Paging, q *Query) (page[Item], error) {
		m, err := c.model(ctx)
		if err == nil {
			err = mayRead(m, "Model", field)
		}
		if err != nil {
			return page[Item]{}, err
		}
		return get(ctx, c, m, p, q)
	})
	rt.field = "Model." + field
	return rt
}
