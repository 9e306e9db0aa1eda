package mlflow

import (
	"context"
	"net/http"
)

// route is one method and path below the prefixes.
type route struct {
	method, path string
	// operation is the root field of registry.Operations that does the same.
	operation string
	serve     func(context.Context, *call) (any, error)
}

// routes is the table of the API.
func routes() []route {
	return []route{
		{http.MethodPost, "registered-models/create", "registerModel", createModel},
		{http.MethodPost, "registered-models/rename", "renameModel", renameModel},
		{http.MethodPatch, "registered-models/update", "updateModel", updateModel},
		{http.MethodDelete, "registered-models/delete", "deleteModel", deleteModel},
		{http.MethodGet, "registered-models/get", "model", getModel},
		{http.MethodGet, "registered-models/search", "models", searchModels},
		{http.MethodPost, "registered-models/get-latest-versions", "model", latestVersions},
		{http.MethodGet, "registered-models/get-latest-versions", "model", latestVersions},
		{http.MethodPost, "registered-models/set-tag", "updateModel", setModelTag},
		{http.MethodDelete, "registered-models/delete-tag", "updateModel", deleteModelTag},
		{http.MethodPost, "registered-models/alias", "setAlias", setAlias},
		{http.MethodDelete, "registered-models/alias", "deleteAlias", deleteAlias},
		{http.MethodGet, "registered-models/alias", "modelVersion", versionOfAlias},
		{http.MethodPost, "model-versions/create", "registerModelVersion", createVersion},
		{http.MethodPatch, "model-versions/update", "updateModelVersion", updateVersion},
		{http.MethodPost, "model-versions/transition-stage", "transitionModelVersion", transitionStage},
		{http.MethodDelete, "model-versions/delete", "deleteModelVersion", deleteVersion},
		{http.MethodGet, "model-versions/get", "modelVersion", getVersion},
		{http.MethodGet, "model-versions/search", "models", searchVersions},
		{http.MethodGet, "model-versions/get-download-uri", "modelVersion", downloadURI},
		{http.MethodPost, "model-versions/set-tag", "updateModelVersion", setVersionTag},
		{http.MethodDelete, "model-versions/delete-tag", "updateModelVersion", deleteVersionTag},
		{http.MethodPost, "webhooks", "createWebhook", createWebhook},
		{http.MethodGet, "webhooks", "webhooks", listWebhooks},
		{http.MethodGet, "webhooks/{id}", "webhook", getWebhook},
		{http.MethodPatch, "webhooks/{id}", "updateWebhook", updateWebhook},
		{http.MethodDelete, "webhooks/{id}", "deleteWebhook", deleteWebhook},
		{http.MethodPost, "webhooks/{id}/test", "testWebhook", testWebhook},
	}
}

// Route is a method and path of the API. Operation is the corresponding root field in
// registry.Operations, which also determines the required action.
type Route struct{ Method, Path, Operation string }

// Routes lists the routes, each below both prefixes. HEAD works where GET does.
func Routes() (out []Route) {
	for _, prefix := range []string{Prefix, pagePrefix} {
		for _, r := range routes() {
			out = append(out, Route{r.method, prefix + r.path, r.operation})
		}
	}
	return append(out, artifactRoutes()...)
}
