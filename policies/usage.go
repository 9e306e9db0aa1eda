package policies

import (
	"cmp"
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
// FlushUsage into counters beside the log. Only versions with an open deprecation have any.

const (
	// fullUses is how many counters in memory make FlushUsage due before its time.
	fullUses = 10_000
	// maxUses is the most counters in memory, for the time that the store does not take them. The
	// uses of walks end at fullUses: whether a walk begins at a version that goes out of use is
	// often known only by FlushUsage, and they are not to crowd out the gets.
	maxUses = 100_000
	// countsPerWrite is the most consumers in one transaction.
	countsPerWrite = 500
)

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
	full   chan struct{}
}

// add adds to a counter.
func (u *usage) add(k useKey, c useCount) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = map[useKey]useCount{}
	}
	old, known := u.counts[k]
	if !known && (len(u.counts) >= maxUses || len(u.counts) >= fullUses && k.kind == registry.UseLineage) {
		return
	}
	if c.n += old.n; c.last.Before(old.last) {
		c.last = old.last
	}
	if u.counts[k] = c; len(u.counts) >= fullUses {
		select {
		case u.full <- struct{}{}:
		default:
		}
	}
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
	if !ok {
		return
	}
	subject := id.subject()
	if subject == "" {
		return
	}
	now := g.Now()
	g.usage.add(useKey{version, subject, kind, now.Format(time.DateOnly)}, useCount{1, now})
}

// UsageFull tells that so many uses wait in memory that FlushUsage should not wait for its time.
func (g *Gate) UsageFull() <-chan struct{} { return g.usage.full }

// FlushUsage writes the counts of uses of versions with an open deprecation. The counts go beside
// the log; only that somebody became a consumer is a node and a log entry, which does not say who.
// The server calls it at intervals and when it ends. What fails to be written is kept for the next
// time.
func (g *Gate) FlushUsage(ctx context.Context) error {
	counts := g.usage.take()
	by := map[graph.CountKey][]useKey{}
	for k := range counts {
		c := graph.CountKey{Object: k.version, Subject: k.subject}
		by[c] = append(by[c], k)
	}
	consumers := slices.SortedFunc(maps.Keys(by), func(a, b graph.CountKey) int {
		return cmp.Or(strings.Compare(string(a.Object), string(b.Object)), strings.Compare(a.Subject, b.Subject))
	})
	for len(consumers) > 0 {
		part := consumers[:min(len(consumers), countsPerWrite)]
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

// writeUsage writes the counts of some consumers.
func (g *Gate) writeUsage(ctx context.Context, consumers []graph.CountKey, by map[graph.CountKey][]useKey, counts map[useKey]useCount) error {
	open, err := openForUse(ctx, g.store, consumers)
	if err != nil || len(open) == 0 || g.counters == nil {
		return err
	}
	if err := g.makeConsumersKnown(ctx, open, by, counts); err != nil {
		return err
	}
	var rows []graph.Count
	for _, c := range open {
		all := graph.Count{CountKey: c}
		for _, k := range by[c] {
			n := counts[k]
			rows = append(rows, graph.Count{CountKey: c, Day: k.day, Kind: string(k.kind), N: int64(n.n), Last: n.last})
			if all.N += int64(n.n); n.last.After(all.Last) {
				all.Last = n.last
			}
		}
		rows = append(rows, all)
	}
	return g.counters.AddCounts(ctx, rows...)
}

// openForUse returns the consumers of versions with an open deprecation.
func openForUse(ctx context.Context, r graph.Reader, consumers []graph.CountKey) (open []graph.CountKey, err error) {
	ids := make([]registry.ID, len(consumers))
	for i, c := range consumers {
		ids[i] = c.Object
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

// unknownConsumers returns those that have no node yet.
func unknownConsumers(ctx context.Context, r graph.Reader, consumers []graph.CountKey) (unknown []graph.CountKey, err error) {
	ids := make([]registry.ID, len(consumers))
	for i, c := range consumers {
		ids[i] = registry.ConsumerID(c.Object, c.Subject)
	}
	nodes, err := r.Nodes(ctx, graph.Instant{}, ids...)
	for i, n := range nodes {
		if n == nil {
			unknown = append(unknown, consumers[i])
		}
	}
	return unknown, err
}

// makeConsumersKnown writes the nodes of consumers that have none. Mostly all have one, and nothing
// is written.
func (g *Gate) makeConsumersKnown(ctx context.Context, consumers []graph.CountKey, by map[graph.CountKey][]useKey, counts map[useKey]useCount) error {
	unknown, err := unknownConsumers(ctx, g.store, consumers)
	if err != nil || len(unknown) == 0 {
		return err
	}
	return g.store.Update(ctx, func(tx graph.Tx) error {
		unknown, err := unknownConsumers(ctx, tx, unknown) // Another server may have written them.
		if err == nil && len(unknown) > 0 {
			unknown, err = openForUse(ctx, tx, unknown)
		}
		if err != nil || len(unknown) == 0 {
			return err
		}
		nodes := make([]*graph.Node, len(unknown))
		for i, c := range unknown {
			if nodes[i], err = newConsumerNode(c, by[c], counts, g.Now()); err != nil {
				return err
			}
		}
		if err := tx.Put(ctx, nodes...); err != nil {
			return err
		}
		return tx.Append(ctx, &registry.LogEntry{At: g.Now(), Actor: systemSubject, Action: registry.LogConsumersKnown})
	})
}

// newConsumerNode returns the node of a consumer that is known by its uses.
func newConsumerNode(c graph.CountKey, uses []useKey, counts map[useKey]useCount, now time.Time) (*graph.Node, error) {
	first := now
	for _, k := range uses {
		if counts[k].last.Before(first) {
			first = counts[k].last
		}
	}
	consumer := registry.NewConsumer(c.Object, c.Subject, first)
	doc, err := registry.Canonical(consumer)
	if err != nil {
		return nil, err
	}
	columns, err := registry.ColumnsOf(registry.KindConsumer, doc)
	if err != nil {
		return nil, err
	}
	return &graph.Node{ID: consumer.ID, Kind: registry.KindConsumer, Parent: c.Object, Name: c.Subject, ValidFrom: first, Since: now, Columns: columns, Doc: doc}, nil
}
