package service

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

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

// tombstoneVersion turns a version and what belongs to it into tombstones, and notes
// in the model that its semver is spent.
func tombstoneVersion(ctx context.Context, tx *policies.Tx, n *graph.Node) error {
	v, err := decodeWhole(n, &registry.ModelVersion{})
	if err != nil {
		return err
	}
	hops, err := tx.Neighbors(ctx, graph.HopQuery{IDs: []registry.ID{v.ID}, Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgeDeploys}, Cap: 100000})
	if err != nil {
		return err
	}
	for _, d := range hops[0].Nodes {
		if d.Int(registry.IndexEnded) == 0 {
			return registry.Errorf(registry.FailedPrecondition, "%s %s has a live deployment (%s); end it first with endDeployment", v.ModelName, v.Version, d.ID)
		}
	}
	gone := []*graph.Node{n}
	for _, kind := range []registry.Kind{registry.KindCard, registry.KindArtifact} {
		kids, err := tx.Children(ctx, kind, registry.IndexName, v.ID)
		if err != nil {
			return err
		}
		gone = append(gone, kids...)
	}
	aliases, err := tx.Children(ctx, registry.KindAlias, registry.IndexName, v.Parent)
	if err != nil {
		return err
	}
	for _, a := range aliases {
		alias, err := decodeWhole(a, &registry.Alias{})
		if err != nil {
			return err
		}
		if alias.VersionID == v.ID {
			gone = append(gone, a)
		}
	}
	models, err := tx.House(ctx, v.Parent)
	if err != nil {
		return err
	}
	m, err := decodeWhole(models[0], &registry.Model{})
	if err != nil {
		return err
	}
	m.Used, m.UpdatedAt = append(m.Used, v.Version), tx.Now()
	if err := putModel(ctx, tx, m); err != nil {
		return err
	}
	return tombstone(ctx, tx, gone...)
}
