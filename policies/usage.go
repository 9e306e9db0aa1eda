package policies

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Uses of versions are counted in memory, so that no read waits for a write, and written by
// FlushUsage. Only versions with an open deprecation have counters.

// maxUses is the most counters in memory. What comes beyond is not counted: a count is a help
// to find consumers, and not a bill.
const maxUses = 10_000

// consumersPerWrite is the most consumers in one transaction of FlushUsage.
const consumersPerWrite = 500

// useKey names a counter: the uses of one version by one subject in one way on one UTC day.
type useKey struct {
	version registry.ID
	subject string
	kind    registry.UseKind
	day     string
}

// useCount is the number of uses, and the time of the last one.
type useCount struct {
	n    int
	last time.Time
}

// usage holds the uses since the last FlushUsage.
type usage struct {
	mu     sync.Mutex
	counts map[useKey]useCount
}

func (u *usage) add(k useKey, c useCount) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = map[useKey]useCount{}
	}
	old, known := u.counts[k]
	if !known && len(u.counts) >= maxUses {
		return
	}
	if c.n += old.n; c.last.Before(old.last) {
		c.last = old.last
	}
	u.counts[k] = c
}

// take returns the counts and forgets them.
func (u *usage) take() map[useKey]useCount {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.counts
	u.counts = nil
	return out
}

// CountUse counts that the caller of a context used a version. It does not read or write; a
// version without an open deprecation is left out when the counts are written.
func (g *Gate) CountUse(ctx context.Context, version registry.ID, kind registry.UseKind) {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok || id.actor.Subject == "" {
		return
	}
	now := g.Now()
	g.usage.add(useKey{version, id.actor.Subject, kind, now.Format(time.DateOnly)}, useCount{1, now})
}

// consumerKey names a consumer.
type consumerKey struct {
	version registry.ID
	subject string
}

// FlushUsage writes the counts of uses into the consumers of versions with an open deprecation.
// The log says that counters were written, and not whose. The server calls it at intervals and
// when it ends. What fails to be written is kept for the next time.
func (g *Gate) FlushUsage(ctx context.Context) error {
	counts := g.usage.take()
	by := map[consumerKey][]useKey{}
	for k := range counts {
		c := consumerKey{k.version, k.subject}
		by[c] = append(by[c], k)
	}
	consumers := slices.SortedFunc(maps.Keys(by), func(a, b consumerKey) int {
		return slices.Compare([]string{string(a.version), a.subject}, []string{string(b.version), b.subject})
	})
	for len(consumers) > 0 {
		part := consumers[:min(len(consumers), consumersPerWrite)]
		if err := g.writeUsage(ctx, part, by, counts); err != nil {
			for _, c := range consumers {
				for _, k := range by[c] {
					g.usage.add(k, counts[k])
				}
			}
			return err
		}
		consumers = consumers[len(part):]
	}
	return nil
}

// writeUsage writes the counts of some consumers in one transaction. It looks first whether there
// is anything to write: most versions have no open deprecation.
func (g *Gate) writeUsage(ctx context.Context, consumers []consumerKey, by map[consumerKey][]useKey, counts map[useKey]useCount) error {
	if open, err := openForUse(ctx, g.store, consumers); err != nil || len(open) == 0 {
		return err
	}
	return g.store.Update(ctx, func(tx graph.Tx) error {
		open, err := openForUse(ctx, tx, consumers)
		if err != nil || len(open) == 0 {
			return err
		}
		ids := make([]registry.ID, len(open))
		for i, c := range open {
			ids[i] = registry.ConsumerID(c.version, c.subject)
		}
		known, err := tx.Nodes(ctx, graph.Instant{}, ids...)
		if err != nil {
			return err
		}
		nodes := make([]*graph.Node, len(open))
		for i, c := range open {
			if nodes[i], err = withUses(known[i], c, by[c], counts, g.Now()); err != nil {
				return err
			}
		}
		if err := tx.Put(ctx, nodes...); err != nil {
			return err
		}
		return tx.Append(ctx, &registry.LogEntry{At: g.Now(), Actor: systemSubject, Action: registry.LogUsageCounted})
	})
}

// openForUse returns the consumers of versions with an open deprecation.
func openForUse(ctx context.Context, r graph.Reader, consumers []consumerKey) (open []consumerKey, err error) {
	ids := make([]registry.ID, len(consumers))
	for i, c := range consumers {
		ids[i] = c.version
	}
	versions, err := r.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return nil, err
	}
	for i, n := range versions {
		var v registry.ModelVersion
		if n != nil && n.Kind == registry.KindModelVersion && decodeNode(n, &v) && v.DeprecationStep().Open() {
			open = append(open, consumers[i])
		}
	}
	return open, nil
}

// withUses returns the node of a consumer with some more uses; old is nil for a new consumer.
func withUses(old *graph.Node, c consumerKey, uses []useKey, counts map[useKey]useCount, now time.Time) (*graph.Node, error) {
	first := now
	for _, k := range uses {
		if counts[k].last.Before(first) {
			first = counts[k].last
		}
	}
	consumer := registry.NewConsumer(c.version, c.subject, first)
	if old != nil && !decodeNode(old, consumer) {
		return nil, &registry.Error{Code: registry.Internal, Message: "a stored document cannot be read"}
	}
	slices.SortFunc(uses, func(a, b useKey) int { return strings.Compare(a.day, b.day) })
	for _, k := range uses {
		consumer.AddUses(k.day, k.kind, counts[k].n, counts[k].last)
	}
	doc, err := registry.Canonical(consumer)
	if err != nil {
		return nil, err
	}
	columns, err := registry.ColumnsOf(registry.KindConsumer, doc)
	if err != nil {
		return nil, err
	}
	return &graph.Node{ID: registry.ConsumerID(c.version, c.subject), Kind: registry.KindConsumer, Parent: c.version, Name: c.subject, ValidFrom: consumer.Since, Since: now, Columns: columns, Doc: doc}, nil
}
