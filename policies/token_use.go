package policies

import (
	"context"
	"slices"
	"strings"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// maxTokenUses is the most tokens whose use waits to be written. Further uses are noted when
// the token is used again.
const maxTokenUses = 10_000

// tokenUses holds the tokens that were used since their uses were written.
type tokenUses struct {
	mu   sync.Mutex
	uses map[registry.ID]useCount
}

// note notes uses of a token, the last of them at a time.
func (u *tokenUses) note(token registry.ID, c useCount) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.uses == nil {
		u.uses = map[registry.ID]useCount{}
	}
	old, known := u.uses[token]
	if !known && len(u.uses) >= maxTokenUses {
		return
	}
	if c.n += old.n; c.last.Before(old.last) {
		c.last = old.last
	}
	u.uses[token] = c
}

// take returns the noted uses and forgets them.
func (u *tokenUses) take() map[registry.ID]useCount {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.uses
	u.uses = nil
	return out
}

// FlushTokenUses writes when tokens were last used, beside the log. The server calls it each
// minute and when it ends. What fails to be written is kept for the next time.
func (g *Gate) FlushTokenUses(ctx context.Context) error {
	uses := g.tokenUses.take()
	if g.counters == nil {
		return nil
	}
	rows := make([]graph.Count, 0, len(uses))
	for id, c := range uses {
		rows = append(rows, graph.Count{CountKey: graph.CountKey{Object: id}, N: int64(c.n), Last: c.last})
	}
	slices.SortFunc(rows, func(a, b graph.Count) int { return strings.Compare(string(a.Object), string(b.Object)) })
	for part := range slices.Chunk(rows, countsPerWrite) {
		if err := g.counters.AddCounts(ctx, part...); err != nil {
			for id, c := range uses {
				g.tokenUses.note(id, c)
			}
			return err
		}
		for _, c := range part {
			delete(uses, c.Object)
		}
	}
	return nil
}

// systemSubject acts where no caller does.
const systemSubject = "pedigree:server"
