package core

import (
	"context"
	"sync"
	"time"

	"github.com/graph-gophers/dataloader/v7"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// loaders batch the reads that sibling fields of one answer ask for, so that N
// parents cost one store call a field and not N. They live for one request, and are
// made when one of them is used.
type loaders struct {
	core     *Core
	initOnce sync.Once
	nodes    *dataloader.Loader[nodeKey, *graph.Node]
	children *dataloader.Loader[childKey, []*graph.Node]
	hops     *dataloader.Loader[hopKey, graph.Neighbors]
}

type loadersKey struct{}

// nodeKey asks for a node as it was at an instant.
type nodeKey struct {
	id registry.ID
	at registry.Instant
}

// childKey asks for the first children of a parent; those that differ only in
// the parent go into one query.
type childKey struct {
	parent registry.ID
	ChildQuery
}

type ChildQuery struct {
	Kind   registry.Kind
	Order  registry.Index
	Desc   bool
	Stages string // stages to keep, joined by a comma; "" keeps all
	Owner  string // the owner to keep; "" keeps all
	// From and before bound when the child began, where hasFrom and hasBefore.
	From, Before       int64
	HasFrom, HasBefore bool
	Limit              int
	At                 registry.Instant
}

// where narrows to what the query keeps.
func (q ChildQuery) where() []graph.Predicate {
	out := append(stagePredicates(q.Stages), EqualTo("owner", q.Owner)...)
	if q.HasFrom {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.AtLeast, Values: []any{q.From}})
	}
	if q.HasBefore {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.Less, Values: []any{q.Before}})
	}
	return out
}

// onlyStages reports whether nothing but stages is narrowed.
func (q ChildQuery) onlyStages() bool { return q.Owner == "" && !q.HasFrom && !q.HasBefore }

// hopKey asks for one hop from a node; those that differ only in the node go
// into one query.
type hopKey struct {
	id registry.ID
	HopQuery
}

type HopQuery struct {
	Direction graph.Direction
	Edge      registry.EdgeKind // "" for all
	Limit     int
	after     int64
	count     bool
	At        registry.Instant
}

// batchWait is how long a loader waits for sibling fields by default; they are
// resolved at once, so it only has to outlast the scheduler. On a busy machine it
// does not always: then a field costs a few calls, never one an item.
const batchWait = time.Millisecond

// WithLoaders gives a request its own loaders; without them every read goes to
// the store by itself.
func (c *Core) WithLoaders(ctx context.Context) context.Context {
	return context.WithValue(ctx, loadersKey{}, &loaders{core: c})
}

// loadersOf returns the loaders of a request; false where it has none.
func loadersOf(ctx context.Context) (*loaders, bool) {
	l, ok := ctx.Value(loadersKey{}).(*loaders)
	if ok {
		l.initOnce.Do(l.init)
	}
	return l, ok
}

func (l *loaders) init() {
	scoped := func(ctx context.Context, fn func(*policies.Scope) error) error {
		scope, err := l.core.Gate.Read(ctx, registry.CatalogRead)
		if err != nil {
			return err
		}
		return fn(scope)
	}
	wait := l.core.batchWait
	l.nodes = batched(wait, func(ctx context.Context, keys []nodeKey) (out []*graph.Node, err error) {
		err = scoped(ctx, func(sc *policies.Scope) (err error) {
			out, err = findNodes(ctx, sc, keys)
			return err
		})
		return out, err
	})
	l.children = batched(wait, func(ctx context.Context, keys []childKey) (out [][]*graph.Node, err error) {
		err = scoped(ctx, func(sc *policies.Scope) (err error) {
			out, err = findChildren(ctx, sc, keys)
			return err
		})
		return out, err
	})
	l.hops = batched(wait, func(ctx context.Context, keys []hopKey) (out []graph.Neighbors, err error) {
		err = scoped(ctx, func(sc *policies.Scope) (err error) {
			out, err = findHops(ctx, sc, keys)
			return err
		})
		return out, err
	})
}

func batched[K comparable, V any](wait time.Duration, fetch func(context.Context, []K) ([]V, error)) *dataloader.Loader[K, V] {
	return dataloader.NewBatchedLoader(func(ctx context.Context, keys []K) []*dataloader.Result[V] {
		out := make([]*dataloader.Result[V], len(keys))
		values, err := fetch(ctx, keys)
		for i := range keys {
			out[i] = &dataloader.Result[V]{Error: err}
			if err == nil {
				out[i].Data = values[i]
			}
		}
		return out
	}, dataloader.WithWait[K, V](wait), dataloader.WithBatchCapacity[K, V](1000))
}

// ClearLoaders empties the loaders after a write, so that the answer shows it.
func ClearLoaders(ctx context.Context) {
	if l, ok := loadersOf(ctx); ok {
		l.nodes.ClearAll()
		l.children.ClearAll()
		l.hops.ClearAll()
	}
}

// withoutLoaders is ctx for a read that has no siblings, and so need not wait for any.
func withoutLoaders(ctx context.Context) context.Context {
	return context.WithValue(ctx, loadersKey{}, nil)
}

func loadNodes(ctx context.Context, scope *policies.Scope, at registry.Instant, ids []registry.ID) ([]*graph.Node, error) {
	l, ok := loadersOf(ctx)
	if !ok {
		return scope.Nodes(ctx, StoreInstant(at), ids...)
	}
	keys := make([]nodeKey, len(ids))
	for i, id := range ids {
		keys[i] = nodeKey{id, at}
	}
	nodes, errs := l.nodes.LoadMany(ctx, keys)()
	return nodes, FirstError(errs...)
}

// findNodes answers node keys with one read per distinct instant.
func findNodes(ctx context.Context, scope *policies.Scope, keys []nodeKey) ([]*graph.Node, error) {
	positionsByInstant := map[registry.Instant][]int{}
	for i, k := range keys {
		positionsByInstant[k.at] = append(positionsByInstant[k.at], i)
	}
	out := make([]*graph.Node, len(keys))
	for at, positions := range positionsByInstant {
		ids := make([]registry.ID, len(positions))
		for j, i := range positions {
			ids[j] = keys[i].id
		}
		nodes, err := scope.Nodes(ctx, StoreInstant(at), ids...)
		if err != nil {
			return nil, err
		}
		for j, i := range positions {
			out[i] = nodes[j]
		}
	}
	return out, nil
}

// LoadChildren reads the first children of a parent, together with those that other
// fields of the request ask for by the same query.
func LoadChildren(ctx context.Context, scope *policies.Scope, parent registry.ID, q ChildQuery) ([]*graph.Node, error) {
	k := childKey{parent, q}
	l, ok := loadersOf(ctx)
	if !ok {
		out, err := findChildren(ctx, scope, []childKey{k})
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
	return l.children.Load(ctx, k)()
}

// LoadHops reads one hop from a node, together with those that other fields of the
// request ask for by the same query.
func LoadHops(ctx context.Context, scope *policies.Scope, id registry.ID, q HopQuery) (graph.Neighbors, error) {
	k := hopKey{id, q}
	l, ok := loadersOf(ctx)
	if !ok {
		out, err := findHops(ctx, scope, []hopKey{k})
		if err != nil {
			return graph.Neighbors{}, err
		}
		return out[0], nil
	}
	return l.hops.Load(ctx, k)()
}

// findChildren answers child keys with one query per distinct childQuery.
func findChildren(ctx context.Context, scope *policies.Scope, keys []childKey) ([][]*graph.Node, error) {
	byQuery := map[ChildQuery][]registry.ID{}
	var order []ChildQuery
	for _, k := range keys {
		if byQuery[k.ChildQuery] == nil {
			order = append(order, k.ChildQuery)
		}
		byQuery[k.ChildQuery] = append(byQuery[k.ChildQuery], k.parent)
	}
	found := map[childKey][]*graph.Node{}
	for _, q := range order {
		nodes, err := findChildrenOfParents(ctx, scope, q, byQuery[q])
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			k := childKey{n.Parent, q}
			found[k] = append(found[k], n)
		}
	}
	out := make([][]*graph.Node, len(keys))
	for i, k := range keys {
		out[i] = found[k]
	}
	return out, nil
}

// findChildrenOfParents reads the children of parents that one childQuery asks for.
func findChildrenOfParents(ctx context.Context, scope *policies.Scope, q ChildQuery, parents []registry.ID) ([]*graph.Node, error) {
	if !q.At.Today() {
		return pastChildrenOfParents(ctx, scope, q, parents)
	}
	full := graph.Query{Kinds: []registry.Kind{q.Kind}, Parents: parents, Order: q.Order, Desc: q.Desc, Where: q.where(),
		Limit: q.Limit, PerParent: true}
	if q.Kind == registry.KindModelVersion {
		stages := q.Stages
		if !q.onlyStages() {
			stages = "" // That the one in PRODUCTION is left out then says nothing.
		}
		return findVersions(ctx, scope, full, stages)
	}
	page, err := scope.Find(ctx, full)
	return page.Nodes, err
}

// findHops answers hop keys with one query per distinct hopQuery.
func findHops(ctx context.Context, scope *policies.Scope, keys []hopKey) ([]graph.Neighbors, error) {
	byQuery := map[HopQuery][]int{}
	var order []HopQuery
	for i, k := range keys {
		if byQuery[k.HopQuery] == nil {
			order = append(order, k.HopQuery)
		}
		byQuery[k.HopQuery] = append(byQuery[k.HopQuery], i)
	}
	out := make([]graph.Neighbors, len(keys))
	for _, q := range order {
		hq := graph.NeighborQuery{Direction: q.Direction, At: StoreInstant(q.At), LimitPerNode: q.Limit, After: q.after, Count: q.count}
		if q.Edge != "" {
			hq.Edges = []registry.EdgeKind{q.Edge}
		}
		for _, i := range byQuery[q] {
			hq.IDs = append(hq.IDs, keys[i].id)
		}
		hops, err := scope.Neighbors(ctx, hq)
		if err != nil {
			return nil, err
		}
		for j, i := range byQuery[q] {
			out[i] = hops[j]
		}
	}
	return out, nil
}
