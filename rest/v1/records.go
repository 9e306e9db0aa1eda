package v1

import (
	"cmp"
	"context"
	"net/http"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// The parameters of lists.
type (
	datasetsQuery struct {
		facts.DatasetFilter
		core.DatasetOrder
	}
	runsQuery struct {
		facts.RunFilter
		core.RunOrder
	}
	commitsQuery struct {
		facts.CommitFilter
		core.CommitOrder
	}
	deploymentsQuery struct {
		facts.DeploymentFilter
		core.DeploymentOrder
	}
	// namespaceQuery names the namespace of a dataset; default, when left out.
	namespaceQuery struct {
		Namespace string
		pointInTime
	}
)

func (q *namespaceQuery) namespace() string { return cmp.Or(q.Namespace, "default") }

// ordered returns an order, nil when its field is not given.
func ordered[O any, F ~string](order *O, field F) *O {
	if field == "" {
		return nil
	}
	return order
}

// recordRoutes are the routes of what is recorded: datasets, runs, commits, tags, features and
// deployments.
func recordRoutes() []route {
	created := statuses(http.StatusOK, http.StatusCreated)
	return []route{
		list("datasets", "datasets", "datasets", "The datasets that you see", func(ctx context.Context, c *call, p core.Paging, q *datasetsQuery) (page[registry.Dataset], error) {
			return nodes[registry.Dataset](c.service.Datasets(ctx, p, &q.DatasetFilter, ordered(&q.DatasetOrder, q.Field)))
		}),
		write(http.MethodPost, "datasets", "recordDatasetVersion", "Records a state of a dataset", (*service.Service).RecordDatasetVersion, requires("dataset"), created),
		read("datasets/{dataset}", "dataset", "One dataset", func(ctx context.Context, c *call, q *namespaceQuery) (*registry.Dataset, error) {
			return c.dataset(ctx, q)
		}),
		list("datasets/{dataset}/versions", "dataset", "versions", "The states of a dataset, oldest first", func(ctx context.Context, c *call, p core.Paging, q *namespaceQuery) (page[registry.DatasetVersion], error) {
			d, err := c.dataset(ctx, q)
			if err == nil {
				err = mayRead(d, "Dataset", "versions")
			}
			if err != nil {
				return page[registry.DatasetVersion]{}, err
			}
			return nodes[registry.DatasetVersion](c.service.VersionsOfDataset(ctx, d, p))
		}),
		read("datasets/{dataset}/versions/{state}", "datasetVersion", "One state of a dataset", func(ctx context.Context, c *call, q *namespaceQuery) (*registry.DatasetVersion, error) {
			return c.service.DatasetVersion(ctx, c.path["dataset"], c.path["state"], q.namespace(), q.past())
		}),
		list("runs", "runs", "runs", "The runs that you see", func(ctx context.Context, c *call, p core.Paging, q *runsQuery) (page[registry.Run], error) {
			return nodes[registry.Run](c.service.Runs(ctx, p, &q.RunFilter, ordered(&q.RunOrder, q.Field)))
		}),
		write(http.MethodPost, "runs", "recordRun", "Records a run with what it read and wrote, and the code it ran", (*service.Service).RecordRun, requires("producer", "run_id"), created),
		read("runs/{id}", "run", "One run", object[registry.Run]).under("Run.id"),
		list("commits", "commits", "commits", "The commits that you see, newest first", func(ctx context.Context, c *call, p core.Paging, q *commitsQuery) (page[registry.Commit], error) {
			return nodes[registry.Commit](c.service.Commits(ctx, p, &q.CommitFilter, ordered(&q.CommitOrder, q.Field)))
		}),
		write(http.MethodPost, "commits", "recordCommits", "Records commits of a repository", (*service.Service).RecordCommits, requires("repository", "commits"), created),
		read("commits/{sha}", "commit", "One commit by its full sha", func(ctx context.Context, c *call, q *pointInTime) (*registry.Commit, error) {
			return c.service.Commit(ctx, c.path["sha"], q.past())
		}),
		write(http.MethodPost, "tags", "recordTag", "Records a git tag; a moved tag ends the old one", (*service.Service).RecordTag, without("MovedAt"), requires("repository", "name", "sha"), created),
		read("tags/{id}", "node", "One git tag", object[registry.Tag]).under("Tag.id"),
		read("repositories/{id}", "node", "One git repository", object[registry.Repository]).under("Repository.id"),
		ofRepository("repositories/{id}/commits", "commits", "The commits of a repository, newest first", func(ctx context.Context, c *call, r *registry.Repository, p core.Paging) (page[registry.Commit], error) {
			return nodes[registry.Commit](c.service.CommitsOf(ctx, r, p))
		}),
		ofRepository("repositories/{id}/tags", "tags", "The tags of a repository, by name", func(ctx context.Context, c *call, r *registry.Repository, p core.Paging) (page[registry.Tag], error) {
			return nodes[registry.Tag](c.service.TagsOf(ctx, r, p))
		}),
		list("features", "features", "features", "The features that you see, newest first", func(ctx context.Context, c *call, p core.Paging, _ *struct{}) (page[registry.Feature], error) {
			return nodes[registry.Feature](c.service.Features(ctx, p))
		}),
		write(http.MethodPost, "features", "recordFeature", "Records a feature of a dataset's column or of a model", (*service.Service).RecordFeature, requires("name"), created),
		read("features/{id}", "node", "One feature", object[registry.Feature]).under("Feature.id"),
		list("deployments", "deployments", "deployments", "The deployments that you see", func(ctx context.Context, c *call, p core.Paging, q *deploymentsQuery) (page[registry.Deployment], error) {
			return nodes[registry.Deployment](c.service.Deployments(ctx, p, &q.DeploymentFilter, ordered(&q.DeploymentOrder, q.DeploymentOrder.Field)))
		}),
		read("deployments/{id}", "node", "One deployment", object[registry.Deployment]).under("Deployment.id"),
		write(http.MethodPost, "deployments/{id}/end", "endDeployment", "Records that a deployment ended", (*service.Service).EndDeployment),
		write(http.MethodPost, "lineage/links", "linkLineage", "Records an edge of lineage between two objects", (*service.Service).LinkLineage, requires("from", "to", "kind"), created),
		write(http.MethodDelete, "lineage/links", "retractLineage", "Withdraws an edge that was never true", (*service.Service).RetractLineage, requires("from", "to", "kind")),
	}
}

// dataset returns the dataset of a path; NOT_FOUND when there is none that the caller sees.
func (c *call) dataset(ctx context.Context, q *namespaceQuery) (*registry.Dataset, error) {
	d, err := c.service.Dataset(ctx, c.path["dataset"], q.namespace(), q.past())
	if err == nil && d == nil {
		err = c.nothing()
	}
	return d, err
}

// ofRepository makes a route for a page of what belongs to a repository.
func ofRepository[Item any](pattern, name, summary string, get func(context.Context, *call, *registry.Repository, core.Paging) (page[Item], error)) route {
	rt := list(pattern, "node", name, summary, func(ctx context.Context, c *call, p core.Paging, _ *noQuery) (page[Item], error) {
		r, err := object[registry.Repository](ctx, c, &pointInTime{})
		if err == nil && r == nil {
			err = c.nothing()
		}
		if err == nil {
			err = mayRead(r, "Repository", name)
		}
		if err != nil {
			return page[Item]{}, err
		}
		return get(ctx, c, r, p)
	})
	rt.field = "Repository." + name
	return rt
}
