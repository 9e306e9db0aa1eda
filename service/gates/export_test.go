package gates

import (
	"context"

	"pedigree/governance/gate"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// FactsOf reads the facts of a transition of a version, as conditions see them.
func FactsOf(ctx context.Context, g *Gatekeeper, id registry.ID, to registry.Stage) (facts gate.Facts, err error) {
	err = g.core.Gate.Inspect(ctx, registry.CatalogRead, func(ctx context.Context, tx *policies.Tx) error {
		nodes, err := tx.NodesUnfiltered(ctx, id)
		if err != nil {
			return err
		}
		v, err := core.DecodeWhole(nodes[0], &registry.ModelVersion{})
		if err == nil {
			facts, err = gather(ctx, tx, Question{Version: v, To: to}, moment{now: tx.Now()}, func(...string) bool { return true })
		}
		return err
	})
	return facts, err
}
