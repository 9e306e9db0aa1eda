package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// affectedQuery are the parameters of what a recall concerns.
type affectedQuery struct {
	Live      *bool
	PageSize  *int
	PageToken *string
}

// affectedBody is a page of the deployments that a recall concerns, nearest first.
type affectedBody struct {
	Affected      []affectedDeployment
	Truncation    provenance.Truncation
	NextPageToken string
}

// affectedDeployment is a deployment that a recall concerns, a shortest way to it, and how it was
// dealt with.
type affectedDeployment struct {
	Node        registry.ProvenanceNode
	Depth       int
	Path        []registry.ProvenanceNode
	Environment *string
	Owner       *string
	Stage       *registry.Stage
	Resolution  *registry.RecallResolution
}

// recallRoutes are the routes of recalls.
func recallRoutes() []route {
	return []route{
		list("recalls", "recalls", "recalls", "The recalls that you see, newest first", func(ctx context.Context, c *call, p core.Paging, q *governance.RecallFilter) (page[registry.Recall], error) {
			return nodes[registry.Recall](c.service.Recalls(ctx, p, q))
		}),
		read("recalls/{id}", "recall", "One recall", object[registry.Recall]).under("Recall.id"),
		read("recalls/{id}/affected", "recallAffected", "The deployments that a recall concerns: the live ones, unless asked otherwise", affectedOf),
		write(http.MethodPost, "recalls", "recall", "Says that objects are bad: all that descends from them shows it, and is not promoted", (*service.Service).Recall,
			requires("nodes", "reason", "severity"), statuses(http.StatusCreated)),
		write(http.MethodPost, "recalls/{id}/clear", "clearRecall", "Asks for a recall to be cleared; it stands until a second person agrees", (*service.Service).ClearRecall, requires("reason")),
		write(http.MethodPost, "recalls/{id}/decide", "decideRecallClearing", "Clears a recall as the second person, or denies the request", (*service.Service).DecideRecallClearing),
		write(http.MethodPost, "recalls/{recall}/resolve", "resolveRecallDeployment", "Says how a deployment that a recall concerns was dealt with", (*service.Service).ResolveRecallDeployment,
			requires("deployment", "handling")),
	}
}

func affectedOf(ctx context.Context, c *call, q *affectedQuery) (*affectedBody, error) {
	found, err := c.service.AffectedBy(ctx, registry.ID(c.path["id"]), q.Live, core.Paging{First: q.PageSize, After: q.PageToken})
	if err != nil {
		return nil, err
	}
	out := &affectedBody{Affected: []affectedDeployment{}, Truncation: found.Truncation}
	for _, e := range found.Edges {
		out.Affected = append(out.Affected, affectedDeployment{e.Node, e.Depth, e.Path, e.Environment, e.Owner, e.Stage, e.Resolution})
	}
	if found.PageInfo.HasNextPage {
		out.NextPageToken = found.PageInfo.EndCursor
	}
	return out, nil
}
