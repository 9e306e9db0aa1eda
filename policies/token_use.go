package policies

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// tokenUseStep is how exact the last use of a token is: it is written at most once in that
// time, so that reading costs no writes.
const tokenUseStep = time.Hour

// maxTokenUses is the most tokens whose use waits to be written. Further uses are noted when
// the token is used again.
const maxTokenUses = 10_000

// usesPerWrite is the most tokens in one transaction of FlushTokenUses.
const usesPerWrite = 500

// tokenUses holds the tokens that were used since their last use was written.
type tokenUses struct {
	mu sync.Mutex
	at map[registry.ID]time.Time
}

// note notes the use of a token when its last use was written long enough ago.
func (u *tokenUses) note(t *registry.Token, now time.Time) {
	if now.Sub(t.LastUsedAt) < tokenUseStep {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at == nil {
		u.at = map[registry.ID]time.Time{}
	}
	if _, known := u.at[t.ID]; known || len(u.at) < maxTokenUses {
		u.at[t.ID] = now
	}
}

// take returns the noted uses and forgets them.
func (u *tokenUses) take() map[registry.ID]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.at
	u.at = nil
	return out
}

// FlushTokenUses writes when tokens were last used: one log entry for all of them, and a
// revision of each at most once in an hour. The server calls it each minute and when it ends.
func (g *Gate) FlushTokenUses(ctx context.Context) error {
	uses := g.tokenUses.take()
	defer func() {
		if len(uses) > 0 {
			g.clearIdentities()
		}
	}()
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(uses)), usesPerWrite) {
		if err := g.store.Update(ctx, func(tx graph.Tx) error { return writeTokenUses(ctx, tx, g.Now(), ids, uses) }); err != nil {
			return err
		}
	}
	return nil
}

func writeTokenUses(ctx context.Context, tx graph.Tx, now time.Time, ids []registry.ID, uses map[registry.ID]time.Time) error {
	nodes, err := tx.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return err
	}
	var used []*graph.Node
	var objects []registry.ID
	for i, n := range nodes {
		var t registry.Token
		if !decodeNode(n, &t) || uses[ids[i]].Sub(t.LastUsedAt) < tokenUseStep {
			continue // Another server of this store has written it.
		}
		t.LastUsedAt = uses[ids[i]].UTC().Truncate(graph.TimeUnit)
		c := *n
		if c.Doc, err = registry.Canonical(&t); err != nil {
			return err
		}
		c.Since = now
		used, objects = append(used, &c), append(objects, n.ID)
	}
	if len(used) == 0 {
		return nil
	}
	if err := tx.Put(ctx, used...); err != nil {
		return err
	}
	return tx.Append(ctx, &registry.LogEntry{At: now, Actor: systemSubject, Action: registry.LogTokensUsed, Objects: objects})
}

// systemSubject acts where no caller does.
const systemSubject = "pedigree:server"
