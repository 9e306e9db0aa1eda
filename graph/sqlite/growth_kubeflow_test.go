package sqlite_test

import (
	"context"

	"pedigree/registry"
	"pedigree/service/kubeflow"
)

// kubeflowCases are what Kubeflow's clients read.
func kubeflowCases() (out []useCase) {
	list := func(name string, want int, q kubeflow.ListQuery) {
		out = append(out, get("kubeflow, "+name, want, func(ctx context.Context, g *grown) (int, error) {
			page, err := g.KubeflowList(ctx, q)
			if err != nil {
				return 0, err
			}
			return len(page.Objects), nil
		}))
	}
	list("models by ID", 5, kubeflow.ListQuery{Type: kubeflow.RegisteredModel, Size: 5, Order: kubeflow.ByID})
	list("the newest models", 5, kubeflow.ListQuery{Type: kubeflow.RegisteredModel, Size: 5, Order: kubeflow.ByCreated, Desc: true})
	list("versions by ID", 5, kubeflow.ListQuery{Type: kubeflow.ModelVersion, Size: 5, Order: kubeflow.ByID})
	for _, order := range []kubeflow.Order{kubeflow.ByID, kubeflow.ByCreated} {
		out = append(out, useCase{name: "kubeflow, artifacts by " + string(order), run: func(ctx context.Context, g *grown, _ int) error {
			_, err := g.KubeflowList(ctx, kubeflow.ListQuery{Type: kubeflow.AnyArtifact, Size: 5, Order: order})
			return err
		}})
	}
	return append(out, get("kubeflow, no inference service", 0, func(ctx context.Context, g *grown) (int, error) {
		o, err := g.KubeflowObject(ctx, kubeflow.InferenceService, 1)
		if registry.CodeOf(err) == registry.NotFound {
			err = nil
		}
		return one(o, err)
	}))
}
