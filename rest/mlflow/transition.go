package mlflow

import (
	"context"
	"strings"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// freeMove is the reason of a forced transition that the configuration allows.
const freeMove = "mlflow: every stage may follow every stage on this server"

func transitionStage(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "stage")
	if err != nil {
		return nil, err
	}
	name, to, err := parseStage(f[1])
	if err != nil {
		return nil, err
	}
	archive, err := c.fields.flag("archive_existing_versions")
	if err != nil {
		return nil, err
	}
	if archive && to != registry.Staging && to != registry.Production {
		return nil, registry.Errorf(registry.InvalidArgument, "Model version transition cannot archive existing model versions because '%s' is not an Active stage. Valid stages are Staging, Production", name)
	}
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	in := catalog.TransitionModelVersionInput{ID: &v.ID, To: to, ArchivePeers: archive, IfRevision: &v.Revision}
	p, err := c.TransitionModelVersion(ctx, in)
	if illegal(err) && v.Stage == to && !archive {
		return c.versionAnswer(ctx, v, f[0]) // MLflow takes the same stage again.
	}
	if illegal(err) && v.Stage != to && c.anyStage {
		in.Force, in.Reason = true, freeMove
		p, err = c.TransitionModelVersion(ctx, in)
	}
	if err != nil {
		return nil, asTransitionError(err, f[0], v, name)
	}
	if p.Request != nil {
		return nil, registry.Errorf(registry.Forbidden, "moving model version (name=%s, version=%d) to %s needs an approval; the request %s was made", f[0], v.Number, name, p.Request.ID)
	}
	return c.versionAnswer(ctx, p.Version, f[0])
}

// illegal reports whether an error is the lifecycle's refusal of a transition.
func illegal(err error) bool { return allowedStages(err) != nil }

// allowedStages returns the stages that the lifecycle's refusal of a transition allows instead.
func allowedStages(err error) []registry.Stage {
	e, ok := err.(*registry.Error)
	if !ok || e.Code != registry.FailedPrecondition {
		return nil
	}
	allowed, _ := e.Details["allowed"].([]registry.Stage)
	return allowed
}

// asTransitionError gives an error of a transition the words of MLflow.
func asTransitionError(err error, model string, v *registry.ModelVersion, to string) error {
	switch {
	case illegal(err):
		var allowed []string
		for _, s := range allowedStages(err) {
			if name, ok := stageNames[s]; ok {
				allowed = append(allowed, name)
			}
		}
		return registry.Errorf(registry.InvalidArgument, "the lifecycle does not take model version (name=%s, version=%d) from %s (%s) to %s; allowed stages: %s",
			model, v.Number, stageName(v.Stage), v.Stage, to, strings.Join(allowed, ", "))
	case registry.CodeOf(err) == registry.AlreadyExists: // A request stands already.
		return registry.Errorf(registry.Forbidden, "%s", err)
	case registry.CodeOf(err) == registry.NotFound:
		return versionNotFound(model, v.Number)
	}
	return err
}
