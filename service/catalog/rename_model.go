package catalog

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RenameModelInput selects a model, by Model (its name) or ID, and gives its new name.
type RenameModelInput struct {
	Model          *string
	ID             *registry.ID
	Name           string
	Reason         string
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// RenameModel gives a model another name. Its id, its versions and their names stay, and the old
// name is free. It has an action of its own: grants on models name them, so that a new name can
// change who may do what with the model.
func (c *Catalog) RenameModel(ctx context.Context, in RenameModelInput) (*ModelPayload, error) {
	if err := core.FirstError(core.CheckName("name", &in.Name), core.CheckText("reason", &in.Reason)); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.ModelRename, core.Idempotent("renameModel", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		m, n, err := FindModel(ctx, tx, in.Model, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
			return core.WriteResult{}, err
		}
		taken, err := tx.SlotHolder(ctx, registry.ModelNameSlot(in.Name))
		if err != nil {
			return core.WriteResult{}, err
		}
		if taken != nil {
			return core.WriteResult{}, registry.Errorf(registry.AlreadyExists, "a model named %q exists already; choose another name", in.Name)
		}
		old := m.Name
		m.FirstName, m.Name, m.UpdatedAt = m.RegisteredAs(), in.Name, tx.Now()
		if m.FirstName == m.Name {
			m.FirstName = ""
		}
		if err := PutModel(ctx, tx, m); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRenamed, Objects: []registry.ID{m.ID},
			Model: m.ID, Reason: in.Reason, Detail: core.LogDetail("from", old, "to", m.Name)})
	})
	if err != nil {
		return nil, err
	}
	return c.modelPayload(ctx, result)
}
