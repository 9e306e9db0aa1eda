package service

import (
	"context"
	"pedigree/policies"
	"pedigree/registry"
)

// DeleteModelInput names a model to delete.
type DeleteModelInput struct {
	Model          *string
	ID             *registry.ID
	Reason         string
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// DeleteModel deletes a model with its versions, cards, artifacts and aliases,
// and leaves tombstones. FAILED_PRECONDITION while a deployment of it is live.
func (s *Service) DeleteModel(ctx context.Context, in DeleteModelInput) (*DeletePayload, error) {
	if err := checkText("reason", &in.Reason); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.ModelDelete, idempotentCall{"deleteModel", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (writeResult, error) {
		m, n, err := findModel(ctx, tx, in.Model, in.ID)
		if err != nil {
			return writeResult{}, err
		}
		if err := checkRevision(in.IfRevision, n.Revision); err != nil {
			return writeResult{}, err
		}
		versions, err := tx.Children(ctx, registry.KindModelVersion, registry.IndexName, m.ID)
		if err != nil {
			return writeResult{}, err
		}
		for _, v := range versions {
			if err := tombstoneVersion(ctx, tx, v); err != nil {
				return writeResult{}, err
			}
		}
		aliases, err := tx.Children(ctx, registry.KindAlias, registry.IndexName, m.ID)
		if err != nil {
			return writeResult{}, err
		}
		if err := tombstone(ctx, tx, append(aliases, n)...); err != nil {
			return writeResult{}, err
		}
		return writeResult{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRemoved, Objects: []registry.ID{m.ID},
			Model: m.ID, Reason: in.Reason, Detail: logDetail("name", m.Name, "versions", len(versions))})
	})
	return deletePayload(ctx, r, err)
}

// DeleteModelVersionInput names a version to delete.
type DeleteModelVersionInput struct {
	Model          *string
	Version        *string
	ID             *registry.ID
	Reason         string
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// DeleteModelVersion deletes a version with its card, artifacts and aliases and
// leaves a tombstone. FAILED_PRECONDITION while a deployment of it is live.
func (s *Service) DeleteModelVersion(ctx context.Context, in DeleteModelVersionInput) (*DeletePayload, error) {
	if err := checkText("reason", &in.Reason); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.VersionDelete, idempotentCall{"deleteModelVersion", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (writeResult, error) {
		v, n, err := findVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return writeResult{}, err
		}
		if err := checkRevision(in.IfRevision, n.Revision); err != nil {
			return writeResult{}, err
		}
		if err := tombstoneVersion(ctx, tx, n); err != nil {
			return writeResult{}, err
		}
		return writeResult{IDs: []registry.ID{v.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionDeleted, Objects: []registry.ID{v.ID},
			Model: v.Parent, Reason: in.Reason, Detail: logDetail("version", v.Version)})
	})
	return deletePayload(ctx, r, err)
}
