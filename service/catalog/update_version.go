package catalog

import (
	"context"
	"slices"

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
	var description, owner string
	if in.Description != nil {
		description = *in.Description
	}
	if in.Owner != nil {
		owner = *in.Owner
	}
	if err := core.FirstError(core.CheckText("description", &description), core.CheckKey("owner", &owner), core.CheckTags("tags", in.Tags), in.TagEdits.check(in.Tags)); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.ModelUpdate, core.Idempotent("updateModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, n, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
			return core.WriteResult{}, err
		}
		var changed []string
		if in.Description != nil {
			v.Description, changed = description, append(changed, "description")
		}
		if in.Owner != nil {
			v.Owner, changed = owner, append(changed, "owner")
		}
		tags, err := in.TagEdits.apply(v.Tags, in.Tags)
		if err != nil {
			return core.WriteResult{}, err
		}
		if in.Tags != nil || !slices.Equal(tags, v.Tags) {
			v.Tags, changed = tags, append(changed, "tags")
		} else if in.TagEdits.any() && changed == nil {
			return core.WriteResult{IDs: []registry.ID{v.ID}}, nil
		}
		v.UpdatedAt = tx.Now()
		if err := putVersion(ctx, tx, v, core.LaterTime(tx.Now(), n.Since)); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionUpdated, Objects: []registry.ID{v.ID},
			Model: v.Parent, Detail: core.LogDetail("version", v.Version, "changed", changed)})
	})
	if err != nil {
		return nil, err
	}
	v, err := core.NounAs[*registry.ModelVersion](c.core.ReadBack(ctx, result, result.IDs[0]))
	return &UpdateModelVersionPayload{v}, err
}

// Clearing returns the input with fields of the version to clear. Other names are left out.
func (in UpdateModelVersionInput) Clearing(fields []string) UpdateModelVersionInput {
	for _, f := range fields {
		switch f {
		case "description":
			in.Description = new(string)
		case "owner":
			in.Owner = new(string)
		case "tags":
			in.Tags = []registry.KeyValue{}
		}
	}
	return in
}
