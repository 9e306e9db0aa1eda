package kubeflow

import (
	"context"
	"slices"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// createTop records a serving environment or an experiment.
func (k *Kubeflow) createTop(ctx context.Context, in *Input, action registry.Action, parent registry.ID) (registry.ID, error) {
	if err := core.FirstError(checkName(*in.Name), in.checkTexts()); err != nil {
		return "", err
	}
	if in.Type == ServingEnvironment { // It is the environment of deployments.
		if err := registry.CheckName("name", *in.Name); err != nil {
			return "", err
		}
	}
	id := registry.ForeignID(string(in.Type), *in.Name)
	return id, k.write(ctx, action, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{}); err != nil {
			return err
		}
		known, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if known != nil {
			return alreadyExists(in.Type, *in.Name)
		}
		r := &record{Type: in.Type, Name: *in.Name, id: id, parent: parent}
		r.tell(in, tx.Now())
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, "")
	})
}

// updateTop changes a serving environment or an experiment.
func (k *Kubeflow) updateTop(ctx context.Context, in *Input, action registry.Action) (registry.ID, error) {
	known, err := k.recordNumbered(ctx, in.Number, in.Type)
	if err != nil {
		return "", err
	}
	if err := in.checkTexts(); err != nil {
		return "", err
	}
	return known.id, k.write(ctx, action, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{}); err != nil {
			return err
		}
		r, err := load(ctx, tx, known.id)
		if err != nil {
			return err
		}
		r.tell(in, tx.Now())
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, "")
	})
}

// createService records an inference service: what is to run, of a version or of the newest
// version of a model, in an environment. What is to be deployed is a deployment from now on.
func (k *Kubeflow) createService(ctx context.Context, in *Input) (registry.ID, error) {
	name, err := named(in)
	if err != nil {
		return "", err
	}
	if err := in.checkTexts(); err != nil {
		return "", err
	}
	env, err := k.recordNumbered(ctx, in.number("servingEnvironmentId"), ServingEnvironment)
	if err != nil {
		return "", err
	}
	m, err := k.modelNumbered(ctx, in.number("registeredModelId"))
	if err != nil {
		return "", err
	}
	v, err := k.servedVersion(ctx, in.number("modelVersionId"), m)
	if err != nil {
		return "", err
	}
	id := registry.ForeignID(string(InferenceService), string(env.id), name)
	return id, k.write(ctx, registry.DeploymentRecord, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{Model: m.ID}); err != nil {
			return err
		}
		known, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if known != nil {
			return alreadyExists(InferenceService, name)
		}
		r := &record{Type: InferenceService, Of: m.ID, Name: name, id: id, parent: env.id}
		if in.number("modelVersionId") != 0 {
			r.Of = v.ID
		}
		r.tell(in, tx.Now())
		if r.text("desiredState") == Deployed {
			if err := deploy(ctx, tx, r, env.Name, v); err != nil {
				return err
			}
		}
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, m.ID)
	})
}

// servedVersion returns the version of a model with a number; for 0, the newest one, nil when it
// has none.
func (k *Kubeflow) servedVersion(ctx context.Context, number int64, m *registry.Model) (*registry.ModelVersion, error) {
	if number == 0 {
		return k.catalog.VersionByNumber(ctx, m.Name, 0)
	}
	v, err := k.versionNumbered(ctx, number)
	if err == nil && v.Parent != m.ID {
		err = registry.Invalid("modelVersionId", "the version belongs to another model")
	}
	return v, err
}

// deploy records the deployment of a version, unless it is the one that stands.
func deploy(ctx context.Context, tx *policies.Tx, r *record, environment string, v *registry.ModelVersion) error {
	if v == nil {
		return nil
	}
	live, err := liveDeployment(ctx, tx, r)
	if err != nil || live != nil && live.VersionID == v.ID {
		return err
	}
	if err := undeploy(ctx, tx, r); err != nil {
		return err
	}
	d := facts.RecordDeploymentInput{ID: &v.ID, Environment: environment, Endpoint: r.Name, Description: r.Description, StartedAt: tx.Now()}
	if err := d.CheckFact(); err != nil {
		return err
	}
	result, err := d.WriteFact(ctx, tx)
	if err != nil {
		return err
	}
	r.Node = result.IDs[0]
	return nil
}

// liveDeployment returns the deployment of an inference service, nil when none stands.
func liveDeployment(ctx context.Context, tx *policies.Tx, r *record) (*registry.Deployment, error) {
	if r.Node == "" {
		return nil, nil
	}
	nodes, err := tx.NodesUnfiltered(ctx, r.Node)
	if err != nil || nodes[0] == nil || nodes[0].Deleted {
		return nil, err
	}
	d, err := core.DecodeWhole(nodes[0], &registry.Deployment{})
	if err != nil || !d.EndedAt.IsZero() {
		return nil, err
	}
	return d, nil
}

// undeploy ends the deployment of an inference service.
func undeploy(ctx context.Context, tx *policies.Tx, r *record) error {
	live, err := liveDeployment(ctx, tx, r)
	if err != nil || live == nil {
		return err
	}
	model := registry.ID("")
	if versions, err := tx.NodesUnfiltered(ctx, live.VersionID); err != nil {
		return err
	} else if versions[0] != nil {
		model = versions[0].Parent
	}
	if !tx.MayOn(registry.DeploymentEnd, policies.Target{Model: model}) {
		return registry.Errorf(registry.Forbidden, "you may not do %s; ask an administrator", registry.DeploymentEnd)
	}
	_, err = (&facts.EndDeploymentInput{ID: live.ID, EndedAt: core.LaterTime(tx.Now(), live.StartedAt), Reason: "kubeflow: " + registry.Shorten(r.Name, 200)}).WriteFact(ctx, tx)
	return err
}

// updateService changes an inference service, and what is deployed by it.
func (k *Kubeflow) updateService(ctx context.Context, in *Input) (registry.ID, error) {
	known, err := k.recordNumbered(ctx, in.Number, InferenceService)
	if err != nil {
		return "", err
	}
	if err := in.checkTexts(); err != nil {
		return "", err
	}
	m, err := k.modelNumbered(ctx, known.ref("registeredModelId"))
	if err != nil {
		return "", err
	}
	number := known.ref("modelVersionId")
	if _, given := in.Fields["modelVersionId"]; given {
		number = in.number("modelVersionId")
	}
	v, err := k.servedVersion(ctx, number, m)
	if err != nil {
		return "", err
	}
	action := registry.DeploymentRecord
	if state, _ := in.text("desiredState"); state == Undeployed {
		action = registry.DeploymentEnd
	}
	return known.id, k.write(ctx, action, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{Model: m.ID}); err != nil {
			return err
		}
		r, err := load(ctx, tx, known.id)
		if err != nil {
			return err
		}
		env, err := load(ctx, tx, r.parent)
		if err != nil {
			return err
		}
		r.tell(in, tx.Now())
		if r.Of = m.ID; number != 0 {
			r.Of = v.ID
		}
		if r.text("desiredState") == Deployed {
			err = deploy(ctx, tx, r, env.Name, v)
		} else {
			err = undeploy(ctx, tx, r)
		}
		if err != nil {
			return err
		}
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, m.ID)
	})
}

// endedStates are the states of a serve that say that it runs no more.
var endedStates = []string{"COMPLETE", "FAILED", "CANCELED"}

// createServe records that an inference service serves a version. One that runs is the deployment
// of the service from now on, if the service is to be deployed.
func (k *Kubeflow) createServe(ctx context.Context, in *Input) (registry.ID, error) {
	name, err := named(in)
	if err != nil {
		return "", err
	}
	if err := in.checkTexts(); err != nil {
		return "", err
	}
	service, err := k.recordNumbered(ctx, in.Parent, InferenceService)
	if err != nil {
		return "", err
	}
	v, err := k.versionNumbered(ctx, in.number("modelVersionId"))
	if err != nil {
		return "", err
	}
	if m, err := k.modelNumbered(ctx, service.ref("registeredModelId")); err != nil || m.ID != v.Parent {
		return "", core.FirstError(err, registry.Invalid("modelVersionId", "the version belongs to another model"))
	}
	id := registry.ForeignID(string(ServeModel), string(service.id), name)
	return id, k.write(ctx, registry.DeploymentRecord, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{Model: v.Parent}); err != nil {
			return err
		}
		known, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if known != nil {
			return alreadyExists(ServeModel, name)
		}
		r := &record{Type: ServeModel, Of: v.ID, Name: name, id: id, parent: service.id}
		r.tell(in, tx.Now())
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		if err := follow(ctx, tx, service.id, r, v); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, v.Parent)
	})
}

// follow makes the deployment of a service that of the version which a serve says is running.
func follow(ctx context.Context, tx *policies.Tx, service registry.ID, serve *record, v *registry.ModelVersion) error {
	if slices.Contains(endedStates, serve.text("lastKnownState")) {
		return nil
	}
	s, err := load(ctx, tx, service)
	if err != nil || s.text("desiredState") != Deployed {
		return err
	}
	env, err := load(ctx, tx, s.parent)
	if err != nil {
		return err
	}
	now, _, err := catalog.FindVersion(ctx, tx, nil, nil, &v.ID)
	if err != nil {
		return err
	}
	before := s.Node
	if err := deploy(ctx, tx, s, env.Name, now); err != nil || s.Node == before {
		return err
	}
	return s.put(ctx, tx, nil)
}
