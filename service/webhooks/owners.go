package webhooks

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// OwnerNotice is what is known of telling one owner of one recall. It is beside the graph, as the
// positions of webhooks are.
type OwnerNotice struct {
	Owner string
	// Outcome is that of the last attempt, "" before the first.
	Outcome registry.DeliveryOutcome
	// Over is true when the owner was told, or is not told any more.
	Over bool
	// Attempts is how often it was tried in vain, NextAttempt when it is tried again.
	Attempts    int
	NextAttempt time.Time
}

// The kinds of the rows of a notice: how it ended, and the attempts so far.
const (
	noticeOver, noticeAttempts = "over", "attempts"
)

// ownersKey is that of the position up to which owners were told of recalls.
var ownersKey = graph.CountKey{Object: registry.WebhookIndexID(), Subject: "owners"}

func noticeKey(recall registry.ID, owner string) graph.CountKey {
	return graph.CountKey{Object: recall, Subject: "owner/" + owner}
}

// OwnersTold returns the sequence of the log up to which owners were told of recalls; false when
// nobody has begun to tell them.
func (h *Hooks) OwnersTold(ctx context.Context) (position int64, begun bool, err error) {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil {
		return 0, false, err
	}
	rows, err := ledger.Read(ctx, ownersKey)
	if err != nil || len(rows[0]) == 0 {
		return 0, false, err
	}
	return rows[0][0].N, true, nil
}

// BeginOwners makes owners be told of the recalls that come from now on.
func (h *Hooks) BeginOwners(ctx context.Context) error {
	scope, err := h.core.Gate.Read(ctx, registry.WebhookManageAny)
	if err != nil {
		return err
	}
	head, err := scope.LogSize(ctx)
	if err != nil {
		return err
	}
	return h.NoteOwnersTold(ctx, head)
}

// NoteOwnersTold notes the sequence of the log up to which owners were told of recalls.
func (h *Hooks) NoteOwnersTold(ctx context.Context, position int64) error {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil {
		return err
	}
	return ledger.Set(ctx, graph.Count{CountKey: ownersKey, Kind: rowPosition, N: position, Last: h.core.Now()})
}

// OwnerNotices returns what is known of telling each of some owners of a recall.
func (h *Hooks) OwnerNotices(ctx context.Context, recall registry.ID, owners []string) ([]OwnerNotice, error) {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	keys := make([]graph.CountKey, len(owners))
	for i, owner := range owners {
		keys[i] = noticeKey(recall, owner)
	}
	rows, err := ledger.Read(ctx, keys...)
	if err != nil {
		return nil, err
	}
	outcomes := registry.DeliveryOutcomes()
	out := make([]OwnerNotice, len(owners))
	for i, owner := range owners {
		out[i].Owner = owner
		for _, r := range rows[i] {
			switch r.Kind {
			case noticeOver:
				out[i].Over, out[i].Outcome = true, outcomes[min(max(r.N, 0), int64(len(outcomes)-1))]
			case noticeAttempts:
				out[i].Attempts, out[i].NextAttempt = int(r.N), r.Last
			}
		}
	}
	return out, nil
}

// NoteOwner notes what became of telling an owner of a recall.
func (h *Hooks) NoteOwner(ctx context.Context, recall registry.ID, n OwnerNotice) error {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil {
		return err
	}
	row := graph.Count{CountKey: noticeKey(recall, n.Owner), Kind: noticeAttempts, N: int64(n.Attempts), Last: n.NextAttempt}
	if n.Over {
		row.Kind, row.Last = noticeOver, h.core.Now()
		for i, outcome := range registry.DeliveryOutcomes() {
			if outcome == n.Outcome {
				row.N = int64(i)
			}
		}
	}
	return ledger.Set(ctx, row)
}

// SeenByOwner returns nodes as the caller sees them, nil for those that it does not. It counts no use
// of them.
func (h *Hooks) SeenByOwner(ctx context.Context, ids []registry.ID) ([]registry.Node, error) {
	if _, err := h.core.Gate.Read(ctx, registry.CatalogRead); err != nil {
		return nil, err
	}
	return h.core.Nodes(ctx, ids)
}
