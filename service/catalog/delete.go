package catalog

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// DeleteModelInput selects the model to delete, by Model (its name) or ID.
type DeleteModelInput struct {
	Model          *string
	ID             *registry.ID
	Reason         string
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// DeleteModel deletes a model with its versions, cards, artifacts and aliases, and leaves
// tombstones. It answers FAILED_PRECONDITION while a version has a live deployment.
func (c *Catalog) DeleteModel(ctx context.Context, in DeleteModelInput) (*core.DeletePayload, error) {
	if err := core.CheckText("reason", &in.Reason); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.ModelDelete, core.Idempotent("deleteModel", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		m, n, err := FindModel(ctx, tx, in.Model, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
			return core.WriteResult{}, err
		}
		versions, err := tx.ChildrenUnfiltered(ctx, registry.KindModelVersion, registry.IndexName, m.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		for _, v := range versions {
			_, parts, err := versionParts(ctx, tx, v)
			if err == nil {
				err = tombstone(ctx, tx, parts...)
			}
			if err != nil {
				return core.WriteResult{}, err
			}
		}
		aliases, err := tx.ChildrenUnfiltered(ctx, registry.KindAlias, registry.IndexName, m.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := tombstone(ctx, tx, append(aliases, n)...); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRemoved, Objects: []registry.ID{m.ID},
			Model: m.ID, Reason: in.Reason, Detail: core.LogDetail("name", m.Name, "versions", len(versions))})
	})
	return core.NewDeletePayload(ctx, result, err)
}

// DeleteModelVersionInput selects the version to delete, by Model and Version or by ID.
type DeleteModelVersionInput struct {
	Model          *string
	Version        *string
	ID             *registry.ID
	Reason         string
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// DeleteModelVersion deletes a version with its card, artifacts and aliases, and leaves
// tombstones. It answers FAILED_PRECONDITION while the version has a live deployment.
func (c *Catalog) DeleteModelVersion(ctx context.Context, in DeleteModelVersionInput) (*core.DeletePayload, error) {
	if err := core.CheckText("reason", &in.Reason); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.VersionDelete, core.Idempotent("deleteModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, n, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
			return core.WriteResult{}, err
		}
		if err := tombstoneVersion(ctx, tx, n); err != nil {
			return core.WriteResult{}, err
		}
		objects := []registry.ID{v.ID}
		if v.DeprecationStep().Open() {
			objects = append(objects, v.Deprecation.ID)
		}
		return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionDeleted, Objects: objects,
			Model: v.Parent, Reason: in.Reason, Detail: core.LogDetail("version", v.Version)})
	})
	return core.NewDeletePayload(ctx, result, err)
}
