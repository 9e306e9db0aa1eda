package facts

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// deliverySlots is in how many places deliveries are noted. A delivery has one place by its digest, and
// takes that of an older one: what is noted does not grow, and the last day of busy hosts fits.
const deliverySlots = 1 << 16

// noteKind is the kind of the row of a place.
const noteKind = "seen"

// NoteHookDelivery notes that a delivery of a git host came, by digests of what tells it apart. It returns
// false, and notes nothing, when one of them was noted within the window before, by any server of the
// store. The caller must be one who may record commits.
func (r *Recorder) NoteHookDelivery(ctx context.Context, window time.Duration, digests ...[sha256.Size]byte) (isNew bool, err error) {
	ledger, err := r.core.Gate.DeliveryLedger(ctx)
	if err != nil {
		return false, err
	}
	now := r.core.Now()
	keys, rows := make([]graph.CountKey, len(digests)), make([]graph.Count, len(digests))
	for i, d := range digests {
		keys[i] = graph.CountKey{Object: registry.HookDeliveries, Subject: fmt.Sprintf("delivery/%d", binary.BigEndian.Uint32(d[:4])%deliverySlots)}
		rows[i] = graph.Count{CountKey: keys[i], Kind: noteKind, N: int64(binary.BigEndian.Uint64(d[8:16]) >> 1), Last: now}
	}
	found, err := ledger.Read(ctx, keys...)
	if err != nil {
		return false, err
	}
	for i, counts := range found {
		for _, c := range counts {
			if c.Kind == noteKind && c.N == rows[i].N && now.Sub(c.Last) < window {
				return false, nil
			}
		}
	}
	return true, ledger.Set(ctx, rows...)
}
