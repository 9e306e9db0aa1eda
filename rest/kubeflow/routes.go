package kubeflow

import (
	"context"
	"net/http"

	"pedigree/service/kubeflow"
)

// route is one method and path below the prefixes.
type route struct {
	method, path string
	// operation is the root field of registry.Operations that does the same.
	operation string
	// of is the type of the objects, in that of the object with the id in the path, if that
	// contains them.
	of, in kubeflow.Type
	serve  func(context.Context, *call) (int, any, error)
	// alphaOnly is true for what only the alpha has.
	alphaOnly bool
}

// collection returns the routes of the objects of a type.
func collection(plural string, t kubeflow.Type, get, create, update string) []route {
	return []route{
		{method: http.MethodGet, path: plural, operation: get, of: t, serve: list},
		{method: http.MethodPost, path: plural, operation: create, of: t, serve: create1},
		{method: http.MethodGet, path: plural + "/{id}", operation: get, of: t, serve: get1},
		{method: http.MethodPatch, path: plural + "/{id}", operation: update, of: t, serve: update1},
		{method: http.MethodGet, path: plural[:len(plural)-1], operation: get, of: t, serve: findOne},
	}
}

// nested returns the routes of the objects that one object contains.
func nested(path string, t, in kubeflow.Type, get, create string) []route {
	return []route{
		{method: http.MethodGet, path: path, operation: get, of: t, in: in, serve: list},
		{method: http.MethodPost, path: path, operation: create, of: t, in: in, serve: create1},
	}
}

// routes is the table of the API.
func routes() []route { return allRoutes }

var allRoutes = func() (out []route) {
	for _, part := range [][]route{
		collection("registered_models", kubeflow.RegisteredModel, "models", "registerModel", "updateModel"),
		nested("registered_models/{id}/versions", kubeflow.ModelVersion, kubeflow.RegisteredModel, "models", "registerModelVersion"),
		collection("model_versions", kubeflow.ModelVersion, "modelVersion", "registerModelVersion", "updateModelVersion"),
		nested("model_versions/{id}/artifacts", kubeflow.AnyArtifact, kubeflow.ModelVersion, "modelVersion", "deleteArtifact"),
		collection("artifacts", kubeflow.AnyArtifact, "models", "deleteArtifact", "deleteArtifact"),
		collection("model_artifacts", kubeflow.ModelArtifact, "models", "deleteArtifact", "deleteArtifact"),
		collection("serving_environments", kubeflow.ServingEnvironment, "deployments", "recordDeployment", "recordDeployment"),
		nested("serving_environments/{id}/inference_services", kubeflow.InferenceService, kubeflow.ServingEnvironment, "deployments", "recordDeployment"),
		collection("inference_services", kubeflow.InferenceService, "deployments", "recordDeployment", "recordDeployment"),
		nested("inference_services/{id}/serves", kubeflow.ServeModel, kubeflow.InferenceService, "deployments", "recordDeployment"),
		{
			{method: http.MethodGet, path: "inference_services/{id}/model", operation: "model", of: kubeflow.InferenceService, serve: servedModel},
			{method: http.MethodGet, path: "inference_services/{id}/version", operation: "modelVersion", of: kubeflow.InferenceService, serve: servedVersion},
		},
		inAlpha(collection("experiments", kubeflow.Experiment, "runs", "recordRun", "recordRun")),
		inAlpha(nested("experiments/{id}/experiment_runs", kubeflow.ExperimentRun, kubeflow.Experiment, "runs", "recordRun")),
		inAlpha(collection("experiment_runs", kubeflow.ExperimentRun, "runs", "recordRun", "recordRun")),
		inAlpha(nested("experiment_runs/{id}/artifacts", kubeflow.AnyArtifact, kubeflow.ExperimentRun, "run", "recordRun")),
		inAlpha([]route{
			{method: http.MethodGet, path: "experiment_runs/metric_history", operation: "runs", of: kubeflow.MetricPoint, serve: list},
			{method: http.MethodGet, path: "experiment_runs/{id}/metric_history", operation: "run", of: kubeflow.MetricPoint, in: kubeflow.ExperimentRun, serve: list},
		}),
	} {
		out = append(out, part...)
	}
	return out
}()

// inAlpha marks routes that only the alpha has.
func inAlpha(routes []route) []route {
	for i := range routes {
		routes[i].alphaOnly = true
	}
	return routes
}

// Route is a method and path of the API. Operation is the corresponding root field in
// registry.Operations, which also determines the required action.
type Route struct{ Method, Path, Operation string }

// Routes lists the routes, each below the prefixes that have it.
func Routes() (out []Route) {
	for _, prefix := range []string{Prefix, alphaPrefix} {
		for _, r := range routes() {
			if !r.alphaOnly || prefix == alphaPrefix {
				out = append(out, Route{r.method, prefix + r.path, r.operation})
			}
		}
	}
	return out
}
