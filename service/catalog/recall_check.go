package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// maxPathNodes is the most nodes that the refusal of a promotion tells of a way to a recalled node.
const maxPathNodes = 20

// CheckNotRecalled returns FAILED_PRECONDITION for a promotion of a version that stands under an
// open recall, or of which that is not known. A promotion is a move to PRODUCTION, and to CANARY
// unless it takes traffic away. Forcing does not help. It reads in the transaction that promotes,
// so that no promotion commits after a recall that concerns it.
func CheckNotRecalled(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, to registry.Stage) error {
	if to != registry.Production && (to != registry.Canary || v.Stage == registry.Production) {
		return nil
	}
	marks, err := core.MarkRecalled(ctx, tx.RecallReader(), graph.Instant{}, []registry.ID{v.ID}, lineage.RecallPromotionBounds)
	if err != nil {
		return err
	}
	switch marks.State(v.ID) {
	case registry.NotRecalled:
		return nil
	case registry.RecallUnknown:
		return registry.Errorf(registry.FailedPrecondition, "recalls are open, and more lies behind version %s than is walked to know whether one concerns it", v.Version)
	}
	recall := marks.Of(v.ID)[0]
	return recalledError(ctx, tx, v, recall, marks.Path(v.ID, recall.ID))
}

// recalledError refuses a promotion. It names what the caller may see.
func recalledError(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, recall *registry.Recall, path []registry.ID) error {
	shown := path
	if len(path) > maxPathNodes {
		shown = slices.Concat(path[:maxPathNodes-1], path[len(path)-1:])
	}
	nodes, err := tx.Nodes(ctx, append([]registry.ID{recall.ID}, shown...)...)
	if err != nil {
		return err
	}
	which := "an open recall"
	details := map[string]any{"recalled": true}
	if nodes[0] != nil {
		which = fmt.Sprintf("recall %d (%s)", recall.Number, recall.ID)
		details["recall"] = recall.ID
	}
	var way []string
	ids := []registry.ID{}
	for i, n := range nodes[1:] {
		if i == maxPathNodes-1 && len(path) > maxPathNodes {
			way = append(way, fmt.Sprintf("%d more", len(path)-maxPathNodes))
		}
		if n == nil {
			way = append(way, "a restricted "+string(shown[i].Kind()))
			continue
		}
		way = append(way, string(n.Kind)+" "+registry.Shorten(n.Name, 60))
		ids = append(ids, n.ID)
	}
	details["path"] = ids
	e := registry.Errorf(registry.FailedPrecondition, "version %s stands under %s, which nobody has cleared: %s", v.Version, which, strings.Join(way, " ← "))
	e.Details = details
	return e
}
