package v1

import (
	"net/http"
	"net/url"
	"strings"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/governance"
)

// setLocation sets the header Location of an answer 201 to the route of what was created, relative
// to the path of the request. What has no route of its own, several objects, and what the caller
// may write and not read have none.
func (c *call) setLocation(status int, out any) {
	if status != http.StatusCreated {
		return
	}
	if to := locationOf(out); to != "" {
		c.w.Header().Set("Location", c.up()+to)
	}
}

// up leads from the path of the request to the root of this API.
func (c *call) up() string {
	return strings.Repeat("../", strings.Count(c.route.pattern, "/")+strings.Count(c.path["path"], "/"))
}

// locationOf returns the route of what was created, below the root of this API; "" without one.
func locationOf(out any) string {
	switch out := out.(type) {
	case *versionBody:
		switch v := out.ModelVersion; {
		case v == nil:
			return ""
		case v.Version == "":
			return byID("nodes", v)
		default:
			return versionPath(v.ModelName, v.Version)
		}
	case *catalog.ModelPayload:
		if out.Model == nil {
			return ""
		}
		return "models/" + url.PathEscape(out.Model.Name)
	case *facts.RecordDatasetVersionPayload:
		return byID("nodes", out.DatasetVersion)
	case *facts.RecordRunPayload:
		return byID("runs", out.Run)
	case *facts.RecordTagPayload:
		return byID("tags", out.Tag)
	case *facts.RecordFeaturePayload:
		return byID("features", out.Feature)
	case *facts.RecordDeploymentPayload:
		return byID("deployments", out.Deployment)
	case *governance.RecordReviewPayload:
		return byID("nodes", out.Review)
	case *governance.RecallPayload:
		return byID("recalls", out.Recall)
	case *webhookAnswer:
		return "webhooks/" + string(out.Webhook.ID)
	case *governance.DeprecationsPayload:
		if len(out.Deprecations) == 1 {
			return byID("deprecations", out.Deprecations[0])
		}
	}
	return ""
}

// versionPath is the route of a version.
func versionPath(model, version string) string {
	return "models/" + url.PathEscape(model) + "/v" + url.PathEscape(version)
}

// byID is the route of an object by its id, "" when there is none.
func byID[N any, P interface {
	*N
	registry.Node
}](route string, n P) string {
	if n == nil {
		return ""
	}
	return route + "/" + string(n.NodeMeta().ID)
}
