package gates

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// SeenBy returns what the gates of transitions looked at, as it was at the time of each transition and
// known just before it was recorded. For each transition it has one result for each gate that the
// transition names; nil for a gate that is not kept in that revision, or whose facts cannot be read
// again.
func (g *Gatekeeper) SeenBy(ctx context.Context, transitions []*registry.Transition) ([][]*GateResult, error) {
	out, gated := make([][]*GateResult, len(transitions)), false
	for i, t := range transitions {
		out[i] = make([]*GateResult, len(t.Gates))
		gated = gated || len(t.Gates) > 0
	}
	if _, err := g.core.Gate.Read(ctx, registry.CatalogRead); err != nil || !gated {
		return out, err
	}
	err := g.core.Gate.Inspect(ctx, registry.CatalogRead, func(ctx context.Context, tx *policies.Tx) error {
		var shown []*GateResult
		for i, t := range transitions {
			clear(out[i])
			if err := seenBy(ctx, tx, t, out[i]); err != nil {
				return err
			}
			for _, r := range out[i] {
				if r != nil {
					shown = append(shown, r)
				}
			}
		}
		return show(ctx, tx, shown)
	})
	return out, err
}

// seenBy evaluates the gates of one transition again.
func seenBy(ctx context.Context, tx *policies.Tx, t *registry.Transition, out []*GateResult) error {
	if len(t.Gates) == 0 {
		return nil
	}
	e, err := entryOf(ctx, tx, t.ID)
	if err != nil || e == nil {
		return err
	}
	h := &history{tx: tx, gate: &registry.Gate{}}
	_, q, m, err := h.question(ctx, *e)
	if err != nil || q.Version == nil {
		return err
	}
	for i, said := range t.Gates {
		noun, err := gateThen(ctx, tx, m.at, said)
		if err != nil {
			return err
		}
		if noun == nil {
			continue
		}
		results, err := evaluate(ctx, tx, []*registry.Gate{noun}, m, q)
		if err != nil {
			return err
		}
		out[i] = results[0]
	}
	return nil
}

// entryOf returns the log entry of a transition, nil when there is none.
func entryOf(ctx context.Context, tx *policies.Tx, id registry.ID) (*registry.LogEntry, error) {
	entries, err := tx.LogUnfiltered(ctx, graph.LogQuery{Object: id, Limit: 10})
	if err != nil {
		return nil, err
	}
	for i := range entries {
		if len(entries[i].Objects) >= 2 && entries[i].Objects[1] == id {
			return &entries[i], nil
		}
	}
	return nil, nil
}

// gateThen returns a gate as it was at an instant, nil when it then had another revision than the one
// that a transition names.
func gateThen(ctx context.Context, tx *policies.Tx, at graph.Instant, said registry.TransitionGate) (*registry.Gate, error) {
	nodes, err := tx.ReaderUnfiltered().Nodes(ctx, graph.Instant{Known: at.Known}, registry.GateID(said.Name))
	if err != nil || nodes[0] == nil {
		return nil, err
	}
	noun, err := core.DecodeWhole(nodes[0], &registry.Gate{})
	if err != nil || noun.Revision != said.Revision {
		return nil, err
	}
	return noun, nil
}
