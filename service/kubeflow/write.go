package kubeflow

import (
	"context"

	"pedigree/registry"
)

// KubeflowCreate records an object; created is false when an artifact was there and was changed.
// Who may write and not read gets an object without a number.
func (k *Kubeflow) KubeflowCreate(ctx context.Context, in Input) (o *Object, created bool, err error) {
	if _, err := k.read(ctx); err != nil {
		return nil, false, err
	}
	var id registry.ID
	created = true
	if in.Type.HasName() && in.Name == nil {
		return nil, false, registry.Invalid("name", "must not be empty")
	}
	switch in.Type {
	case RegisteredModel:
		id, err = k.createModel(ctx, &in)
	case ModelVersion:
		id, err = k.createVersion(ctx, &in)
	case ServingEnvironment:
		id, err = k.createTop(ctx, &in, registry.DeploymentRecord, registry.ServingEnvironments)
	case Experiment:
		id, err = k.createTop(ctx, &in, registry.RunRecord, registry.Experiments)
	case InferenceService:
		id, err = k.createService(ctx, &in)
	case ServeModel:
		id, err = k.createServe(ctx, &in)
	case ExperimentRun:
		id, err = k.putRun(ctx, &in, nil)
	default:
		if !in.Type.IsArtifact() {
			return nil, false, registry.Invalid("type", "is not one to create")
		}
		id, created, err = k.createArtifact(ctx, &in)
	}
	if err != nil {
		return nil, false, err
	}
	o, err = k.afterWrite(ctx, &in, id)
	return o, created, err
}

// KubeflowUpdate changes the object of a type with a number.
func (k *Kubeflow) KubeflowUpdate(ctx context.Context, in Input) (*Object, error) {
	if _, err := k.read(ctx); err != nil {
		return nil, err
	}
	id, err := k.update(ctx, &in)
	if err != nil {
		return nil, err
	}
	return k.afterWrite(ctx, &in, id)
}

func (k *Kubeflow) update(ctx context.Context, in *Input) (registry.ID, error) {
	switch in.Type {
	case RegisteredModel:
		m, err := k.modelNumbered(ctx, in.Number)
		if err != nil {
			return "", err
		}
		return m.ID, k.updateModel(ctx, in, m.ID)
	case ModelVersion:
		v, err := k.versionNumbered(ctx, in.Number)
		if err != nil {
			return "", err
		}
		return v.ID, k.updateVersion(ctx, in, v)
	case ServingEnvironment:
		return k.updateTop(ctx, in, registry.DeploymentRecord)
	case Experiment:
		return k.updateTop(ctx, in, registry.RunRecord)
	case InferenceService:
		return k.updateService(ctx, in)
	case ExperimentRun:
		known, err := k.recordNumbered(ctx, in.Number, ExperimentRun)
		if err != nil {
			return "", err
		}
		return k.putRun(ctx, in, known)
	}
	if in.Type != AnyArtifact && !in.Type.IsArtifact() {
		return "", registry.Invalid("type", "is not one to change")
	}
	return k.updateArtifact(ctx, in)
}

// afterWrite reads an object after it was written.
func (k *Kubeflow) afterWrite(ctx context.Context, in *Input, id registry.ID) (*Object, error) {
	o, err := k.objectWithID(ctx, id)
	if err != nil || o != nil {
		return o, err
	}
	return &Object{Type: in.Type, ID: id, Name: valueOf(in.Name), Properties: map[string]Property{}, Fields: map[string]any{}}, nil
}
