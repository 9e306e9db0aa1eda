package catalog

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/gates"
)

// maxPeers is how many versions one transition archives.
const maxPeers = 1000

// archivePeers moves the other versions of a model in STAGING and CANARY to ARCHIVED, each with a
// transition record. The caller needs the permission for these transitions too, and they must
// need no approval.
func archivePeers(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, in TransitionModelVersionInput) error {
	var peers []*graph.Node
	for _, stage := range []registry.Stage{registry.Staging, registry.Canary} {
		found, err := tx.ChildrenWith(ctx, registry.KindModelVersion, registry.IndexStage, string(stage), v.Parent)
		if err != nil {
			return err
		}
		for _, n := range found {
			if n.ID != v.ID {
				peers = append(peers, n)
			}
		}
	}
	if len(peers) == 0 {
		return nil
	}
	if len(peers) > maxPeers {
		return registry.Errorf(registry.FailedPrecondition, "%d versions would be archived with it, more than %d; archive some first", len(peers), maxPeers)
	}
	rule, err := GuardRule(ctx, tx, v.Parent)
	if err != nil {
		return err
	}
	if rule.Covers(registry.Archived) {
		return guardedError(registry.Archived)
	}
	if err := tx.CheckTarget(policies.Target{Model: v.Parent, Stage: registry.Archived}); err != nil {
		return err
	}
	var batch []*graph.Node
	var entries []registry.LogEntry
	for _, n := range peers {
		old, err := core.DecodeWhole(n, &registry.ModelVersion{})
		if err != nil {
			return err
		}
		if err := CheckSigned(ctx, tx, old, registry.Archived, rule); err != nil {
			return err
		}
		said, err := AskGates(ctx, tx, old, registry.Archived, rule, new(int), false)
		if err := core.FirstError(err, gates.Refusal(old, registry.Archived, said)); err != nil {
			return err
		}
		at, err := stageChangeTime(in.At, tx.Now(), old.Version, n.Since)
		if err != nil {
			return err
		}
		_, entry, err := addStageChange(ctx, tx, &batch, old, registry.Transition{To: registry.Archived, At: at, Reason: in.Reason, Gates: gates.Record(said)})
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	if err := tx.Put(ctx, batch...); err != nil {
		return err
	}
	for _, e := range entries {
		if err := tx.Log(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
