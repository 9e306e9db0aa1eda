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

// loaders batch the reads of sibling fields of one answer, so that a field of N parents costs
// one store call and not N. They live for one request and are created on first use.
type loaders struct {
	core     *Core
	initOnce sync.Once
	nodes    *dataloader.Loader[nodeKey, *graph.Node]
	children *dataloader.Loader[childKey, []*graph.Node]
	hops     *dataloader.Loader[hopKey, graph.Neighbors]
}

type loadersKey struct{}

// nodeKey identifies a node at an instant.
type nodeKey struct {
	id registry.ID
	at registry.Instant
}

// childKey identifies the first children of a parent. Keys that differ only in the parent are
// read by one query.
type childKey struct {
	parent registry.ID
	ChildQuery
}

// ChildQuery selects and orders the children of a parent. It is comparable, because loaders
// use it as a map key.
type ChildQuery struct {
	Kind   registry.Kind
	Order  registry.Index
	Desc   bool
	Stages string // comma-separated; "" for all
	Owner  string // "" for all
	// VersionKey is the semver that children name, as a sort key; "" for all. Standing leaves
	// out the children that have ended. Neither is for the past.
	VersionKey string
	Standing   bool
	// From and Before bound the ValidFrom of children to [From, Before), in Unix microseconds.
	// Each applies only if HasFrom or HasBefore is set.
	From, Before       int64
	HasFrom, HasBefore bool
	Limit              int
	At                 registry.Instant
}

// where returns the predicates of the query.
func (q ChildQuery) where() []graph.Predicate {
	out := append(stagePredicates(q.Stages), EqualTo("owner", q.Owner, string(registry.IndexVersion), q.VersionKey)...)
	if q.Standing {
		// What has ended has given up its columns.
		out = append(out, graph.Predicate{Column: registry.IndexVersion, Op: graph.Greater, Values: []any{""}})
	}
	if q.HasFrom {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.AtLeast, Values: []any{q.From}})
	}
	if q.HasBefore {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.Less, Values: []any{q.Before}})
	}
	return out
}

// onlyStages reports whether the query has no filter besides Stages.
func (q ChildQuery) onlyStages() bool { return q.Owner == "" && !q.HasFrom && !q.HasBefore }

// hopKey identifies the neighbors of a node. Keys that differ only in the node are read by one
// query.
type hopKey struct {
	id registry.ID
	HopQuery
}

// HopQuery selects neighbors of a node, one hop away. It is comparable, because loaders use it
// as a map key.
type HopQuery struct {
	Direction graph.Direction
	Edge      registry.EdgeKind // "" for all
	Limit     int
	after     int64
	count     bool
	At        registry.Instant
}

// batchWait is how long a loader waits for sibling fields by default. Sibling fields are
// resolved concurrently, so the wait only has to cover scheduling delays. On a busy machine it
// sometimes does not: then a field costs a few store calls, but not one for each item.
const batchWait = time.Millisecond

// WithLoaders returns a context with loaders of its own. Without loaders every read is a store
// call of its own.
func (c *Core) WithLoaders(ctx context.Context) context.Context {
	return context.WithValue(ctx, loadersKey{}, &loaders{core: c})
}

// loadersOf returns the loaders of a context; false when it has none.
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

// ClearLoaders clears the caches of the loaders after a write, so that later reads see it.
func ClearLoaders(ctx context.Context) {
	if l, ok := loadersOf(ctx); ok {
		l.nodes.ClearAll()
		l.children.ClearAll()
		l.hops.ClearAll()
	}
}

// withoutLoaders returns ctx without loaders, for a single read that need not wait for
// siblings.
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

// findNodes reads the nodes of keys, with one store call per distinct instant.
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

// LoadChildren reads the first children of a parent. Within a request, children of several
// parents with the same query are read together.
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

// LoadHops reads the neighbors of a node. Within a request, neighbors of several nodes with
// the same query are read together.
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

// findChildren reads the children of keys, with one store call per distinct ChildQuery.
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

// findChildrenOfParents reads the children of several parents by one query.
func findChildrenOfParents(ctx context.Context, scope *policies.Scope, q ChildQuery, parents []registry.ID) ([]*graph.Node, error) {
	if !q.At.Today() {
		return pastChildrenOfParents(ctx, scope, q, parents)
	}
	full := graph.Query{Kinds: []registry.Kind{q.Kind}, Parents: parents, Order: q.Order, Desc: q.Desc, Where: q.where(),
		Limit: q.Limit, PerParent: true}
	if q.Kind == registry.KindModelVersion {
		stages := q.Stages
		if !q.onlyStages() {
			stages = "" // Other filters may exclude the version in PRODUCTION.
		}
		return findVersions(ctx, scope, full, stages)
	}
	page, err := scope.Find(ctx, full)
	return page.Nodes, err
}

// findHops reads the neighbors of keys, with one store call per distinct HopQuery.
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
