package catalog

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// UpdateModelVersionInput has the fields of a version to change; nil fields stay. The version is
// selected by Model and Version or by ID.
type UpdateModelVersionInput struct {
	Model       *string
	Version     *string
	ID          *registry.ID
	Description *string
	Owner       *string
	Tags        []registry.KeyValue
	TagEdits
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// UpdateModelVersionPayload has the version after the change.
type UpdateModelVersionPayload struct{ ModelVersion *registry.ModelVersion }

// UpdateModelVersion changes a version's description, owner or tags. Edits of tags that change
// nothing are no change. A request to move the version is void after a change, because its
// approvers have seen another revision.
func (c *Catalog) UpdateModelVersion(ctx context.Context, in UpdateModelVersionInput) (*UpdateModelVersionPayload, error) {
	if _, err := in.change(); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.ModelUpdate, core.Idempotent("updateModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return ChangeVersion(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	v, err := core.NounAs[*registry.ModelVersion](c.core.ReadBack(ctx, result, result.IDs[0]))
	return &UpdateModelVersionPayload{v}, err
}

func (in *UpdateModelVersionInput) change() (*detailChange, error) {
	return newDetailChange(in.Description, in.Owner, in.Tags, &in.TagEdits)
}

// ChangeVersion is UpdateModelVersion inside a transaction of registry.ModelUpdate.
func ChangeVersion(ctx context.Context, tx *policies.Tx, in UpdateModelVersionInput) (core.WriteResult, error) {
	change, err := in.change()
	if err != nil {
		return core.WriteResult{}, err
	}
	v, n, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
		return core.WriteResult{}, err
	}
	before := v.Tags
	changed, none, err := change.apply(&v.Description, &v.Owner, &v.Tags)
	if err != nil {
		return core.WriteResult{}, err
	}
	if none {
		return core.WriteResult{IDs: []registry.ID{v.ID}}, nil
	}
	v.UpdatedAt = tx.Now()
	if err := PutVersion(ctx, tx, v, core.LaterTime(tx.Now(), n.Since)); err != nil {
		return core.WriteResult{}, err
	}
	return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionUpdated, Objects: []registry.ID{v.ID},
		Model: v.Parent, Detail: core.LogDetail("version", v.Version, "changed", changed, "tags", tagsLogged(before, v.Tags))})
}

// Clearing returns the input with fields of the version to clear. Other names are left out.
func (in UpdateModelVersionInput) Clearing(fields []string) UpdateModelVersionInput {
	clearDetails(fields, &in.Description, &in.Owner, &in.Tags)
	return in
}
