package kubeflow

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// modelObject returns a model as a registered model.
func modelObject(m *registry.Model) *Object {
	o := &Object{Type: RegisteredModel, ID: m.ID, Number: m.Serial, Name: m.Name, Description: m.Description, Created: m.CreatedAt, Updated: m.UpdatedAt,
		Fields: map[string]any{"state": Live}}
	o.keptFields(m.Tags)
	o.set("owner", m.Owner)
	return o
}

// createModel registers a model.
func (k *Kubeflow) createModel(ctx context.Context, in *Input) (registry.ID, error) {
	if err := checkName(*in.Name); err != nil {
		return "", err
	}
	tags, err := in.tagsWith(nil, "owner")
	if err != nil {
		return "", err
	}
	owner, _ := in.text("owner")
	reg := catalog.RegisterModelInput{Name: *in.Name, Description: valueOf(in.Description), Owner: owner, Tags: tags}
	if err := reg.CheckFact(); err != nil {
		return "", err
	}
	var id registry.ID
	err = k.write(ctx, registry.ModelRegister, func(ctx context.Context, tx *policies.Tx) error {
		m, err := catalog.CreateModel(ctx, tx, reg)
		if err != nil {
			return err
		}
		id = m.ID
		return claimExternalID(ctx, tx, in, m.ID)
	})
	return id, err
}

// updateModel changes a model.
func (k *Kubeflow) updateModel(ctx context.Context, in *Input, id registry.ID) error {
	return k.write(ctx, registry.ModelUpdate, func(ctx context.Context, tx *policies.Tx) error {
		m, _, err := catalog.FindModel(ctx, tx, nil, &id)
		if err != nil {
			return err
		}
		tags, err := in.tagsWith(m.Tags, "owner")
		if err != nil {
			return err
		}
		change := catalog.UpdateModelInput{ID: &id, Description: in.Description, Owner: in.pointer("owner"), Tags: tags}
		if _, err := catalog.ChangeModel(ctx, tx, change); err != nil {
			return err
		}
		return claimExternalID(ctx, tx, in, id)
	})
}

// nameOfVersion is the name of a version among Kubeflow's clients: that which they gave it, or its
// semver.
func nameOfVersion(v *registry.ModelVersion) string {
	if v.Label != "" {
		return v.Label
	}
	return v.Version
}

// versionObject returns a version as a model version.
func (k *Kubeflow) versionObject(ctx context.Context, v *registry.ModelVersion) (*Object, error) {
	m, err := core.Related[*registry.Model](ctx, k.core, v, "model", func(v *registry.ModelVersion) core.NodeRef { return core.NodeRef{ID: v.Parent} })
	if err != nil {
		return nil, err
	}
	o := &Object{Type: ModelVersion, ID: v.ID, Number: v.Serial, Name: nameOfVersion(v), Description: v.Description, Created: v.CreatedDate, Updated: v.UpdatedAt,
		Fields: map[string]any{}}
	o.keptFields(v.Tags)
	if o.Fields["state"] = Live; v.Stage == registry.Archived {
		o.Fields["state"] = Archived
	}
	o.set("author", v.Owner)
	if m != nil {
		o.Fields["registeredModelId"] = m.Serial
	}
	return o, nil
}

// createVersion registers a version. Its name is its semver, if it is one, and else its label.
func (k *Kubeflow) createVersion(ctx context.Context, in *Input) (registry.ID, error) {
	if err := checkName(*in.Name); err != nil {
		return "", err
	}
	if state, _ := in.text("state"); state == Archived {
		return "", registry.Invalid("state", "a new version is LIVE; archive it with a PATCH")
	}
	m, err := k.modelNumbered(ctx, in.number("registeredModelId"))
	if err != nil {
		return "", err
	}
	known, err := k.versionNamed(ctx, m, *in.Name)
	if err != nil {
		return "", err
	}
	if known != nil {
		return "", alreadyExists(ModelVersion, *in.Name)
	}
	tags, err := in.tagsWith(nil, "author", "state", "registeredModelId")
	if err != nil {
		return "", err
	}
	author, _ := in.text("author")
	reg := catalog.RegisterModelVersionInput{Model: m.Name, Label: *in.Name, Description: valueOf(in.Description), Owner: author, Tags: tags}
	if err := reg.CheckFact(); err != nil {
		return "", err
	}
	var id registry.ID
	_, err = k.catalog.RegisterModelVersionWith(ctx, reg, func(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion) error {
		id = v.ID
		return claimExternalID(ctx, tx, in, v.ID)
	})
	return id, err
}

// updateVersion changes a version in one transaction. A new state is a transition, by the rules of
// transitions; it comes first, because it may be refused. Where it needs approvals, a request is
// made and nothing else is changed.
func (k *Kubeflow) updateVersion(ctx context.Context, in *Input, v *registry.ModelVersion) error {
	if _, err := in.tagsWith(v.Tags, "author", "state", "registeredModelId"); err != nil {
		return err
	}
	var requested registry.ID
	err := k.write(ctx, registry.ModelUpdate, func(ctx context.Context, tx *policies.Tx) (err error) {
		if requested, err = moveVersion(ctx, tx, in, v.ID); err != nil || requested != "" {
			return err
		}
		now, _, err := catalog.FindVersion(ctx, tx, nil, nil, &v.ID)
		if err != nil {
			return err
		}
		tags, err := in.tagsWith(now.Tags, "author", "state", "registeredModelId")
		if err != nil {
			return err
		}
		change := catalog.UpdateModelVersionInput{ID: &v.ID, Description: in.Description, Owner: in.pointer("author"), Tags: tags}
		if _, err := catalog.ChangeVersion(ctx, tx, change); err != nil {
			return err
		}
		return claimExternalID(ctx, tx, in, v.ID)
	})
	if err == nil && requested != "" {
		err = registry.Errorf(registry.Forbidden, "the move of the version needs an approval; the request %s was made, and nothing was changed", requested)
	}
	return err
}

// moveVersion archives a version or takes it back, where the state that is given is another one.
// It returns the request that it made instead, "" for none.
func moveVersion(ctx context.Context, tx *policies.Tx, in *Input, id registry.ID) (request registry.ID, err error) {
	state, given := in.text("state")
	if !given {
		return "", nil
	}
	v, n, err := catalog.FindVersion(ctx, tx, nil, nil, &id)
	if err != nil || (v.Stage == registry.Archived) == (state == Archived) {
		return "", err
	}
	move := catalog.TransitionModelVersionInput{ID: &id, To: registry.Archived}
	if state == Live {
		move.To = registry.Development
	}
	made, err := governance.Move(ctx, tx, v, n, move)
	if made.Kind() != registry.KindTransitionRequest {
		made = ""
	}
	return made, err
}
