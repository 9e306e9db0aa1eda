package core

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// NodeRef names a node at an instant. Without an id it names none.
type NodeRef struct {
	ID registry.ID
	At registry.Instant
}

// relation is the name of a field whose value is one node.
type relation string

// Related returns the noun that an object refers to by a field of that name, and reads those of
// its siblings with it. The result is zero when there is none of type N that the caller sees.
// Siblings that refer to the same node share the noun: it must not be changed.
func Related[N registry.Node, O comparable](ctx context.Context, c *Core, of O, name string, ref func(O) NodeRef) (N, error) {
	var none N
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return none, err
	}
	return NounAs[N](Batch(ctx, of, relation(name), func(ctx context.Context, all []O) ([]registry.Node, error) {
		refs := make([]NodeRef, len(all))
		for i, o := range all {
			refs[i] = ref(o)
		}
		return c.ReadNodes(ctx, scope, refs)
	}))
}

// VisibleID returns the id that an object refers to by a field of that name; nil when the
// caller does not see the node. Sight is today's, whatever the instant of the object.
func VisibleID[O comparable](ctx context.Context, c *Core, of O, name string, id func(O) registry.ID) (*registry.ID, error) {
	n, err := Related[registry.Node](ctx, c, of, name, func(o O) NodeRef { return NodeRef{ID: id(o)} })
	if err != nil || n == nil {
		return nil, err
	}
	return &n.NodeMeta().ID, nil
}

// ReadNodes reads nouns, in the order of refs: nil where the caller sees none. It takes one
// store call for each distinct instant, and makes the nouns siblings.
func (c *Core) ReadNodes(ctx context.Context, scope *policies.Scope, refs []NodeRef) ([]registry.Node, error) {
	nouns, ids := make(map[NodeRef]registry.Node, len(refs)), map[registry.Instant][]registry.ID{}
	for _, r := range refs {
		if _, seen := nouns[r]; !seen && r.ID != "" {
			nouns[r] = nil
			ids[r.At] = append(ids[r.At], r.ID)
		}
	}
	for at, all := range ids {
		for part := range slices.Chunk(all, maxGroup) {
			found, err := scope.Nodes(ctx, StoreInstant(at), part...)
			if err != nil {
				return nil, err
			}
			decoded, err := c.decodeVisible(found, at)
			if err != nil {
				return nil, err
			}
			for i, id := range part {
				nouns[NodeRef{id, at}] = decoded[i]
			}
			Siblings(ctx, decoded)
		}
	}
	out := make([]registry.Node, len(refs))
	for i, r := range refs {
		out[i] = nouns[r]
	}
	return out, nil
}

// ChildQuery selects and orders the children of a parent. It is comparable, because loaders
// use it as a map key.
type ChildQuery struct {
	Kind   registry.Kind
	Order  registry.Index
	Desc   bool
	Stages string // comma-separated; "" for all
	Owner  string // "" for all
	Number int    // 0 for all
	Label  string // the label of a tag, see TagLabel; "" for all
	// VersionKeys are the semvers that children name, as comma-separated sort keys; "" for all.
	// Standing leaves out the children that have ended. Neither is for the past.
	VersionKeys string
	Standing    bool
	// From and Before bound the ValidFrom of children to [From, Before), in Unix microseconds.
	// Each applies only if HasFrom or HasBefore is set.
	From, Before       int64
	HasFrom, HasBefore bool
	Limit              int
	At                 registry.Instant
}

// where returns the predicates of the query.
func (q ChildQuery) where() []graph.Predicate {
	out := append(oneOf(registry.IndexStage, q.Stages), EqualTo("owner", q.Owner)...)
	out = append(out, oneOf(registry.IndexVersion, q.VersionKeys)...)
	if q.Number != 0 {
		out = append(out, graph.Predicate{Column: registry.IndexNumber, Op: graph.In, Values: []any{int64(q.Number)}})
	}
	if q.Label != "" {
		out = append(out, graph.Predicate{Label: q.Label})
	}
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
func (q ChildQuery) onlyStages() bool {
	return q.Owner == "" && q.Number == 0 && q.Label == "" && !q.HasFrom && !q.HasBefore
}

// childPage is a page of the children of one parent.
type childPage struct {
	nodes []*graph.Node
	nouns []registry.Node
	more  bool
}

// childField is the field of the first children of a parent that match a query.
type childField struct {
	ChildQuery
	size int
}

// firstChildren returns the first children of a parent, at most size of them, and reads those
// of its siblings with them.
func (c *Core) firstChildren(ctx context.Context, scope *policies.Scope, parent registry.Node, q ChildQuery, size int) (childPage, error) {
	return Batch(ctx, parent, childField{q, size}, func(ctx context.Context, all []registry.Node) ([]childPage, error) {
		found, err := findChildren(ctx, scope, q, idsOf(all))
		if err != nil {
			return nil, err
		}
		out, nouns := make([]childPage, len(all)), make([][]registry.Node, len(all))
		for i, p := range all {
			nodes := found[p.NodeMeta().ID]
			out[i].nodes, out[i].more = nodes[:min(size, len(nodes))], len(nodes) > size
			if out[i].nouns, err = c.decodeAll(out[i].nodes, q.At); err != nil {
				return nil, err
			}
			nouns[i] = out[i].nouns
		}
		Siblings(ctx, nouns...)
		return out, nil
	})
}

// LoadChildren returns the first children of a parent, as many as the query's limit, and reads
// those of its siblings with them.
func LoadChildren[N registry.Node](ctx context.Context, c *Core, scope *policies.Scope, parent registry.Node, q ChildQuery) ([]N, error) {
	page, err := c.firstChildren(ctx, scope, parent, q, q.Limit)
	if err != nil {
		return nil, err
	}
	return nounsAs[N](page.nouns), nil
}

// ChildrenOf returns, by parent, the first children that match a query, as many for each as its
// limit. They do not become siblings: the caller selects among them first.
func ChildrenOf[N, P registry.Node](ctx context.Context, c *Core, scope *policies.Scope, parents []P, q ChildQuery) (map[registry.ID][]N, error) {
	return ChildrenOfIDs[N](ctx, c, scope, idsOf(parents), q)
}

// FirstOfStages returns, by parent, the first child of each stage that a query meets, and of which parents
// it met as many children as its limit. Children whose stage the caller may not see are left out. They
// do not become siblings.
func FirstOfStages[N registry.Node, P registry.Node](ctx context.Context, c *Core, scope *policies.Scope, parents []P, q ChildQuery) (first map[registry.ID]map[registry.Stage]N, full map[registry.ID]bool, err error) {
	found, err := findChildren(ctx, scope, q, idsOf(parents))
	if err != nil {
		return nil, nil, err
	}
	first, full = make(map[registry.ID]map[registry.Stage]N, len(parents)), map[registry.ID]bool{}
	for _, p := range parents {
		id := p.NodeMeta().ID
		first[id], full[id] = map[registry.Stage]N{}, len(found[id]) == q.Limit
		for _, n := range found[id] {
			stage := registry.Stage(n.Text(registry.IndexStage))
			if _, have := first[id][stage]; have || stage == "" {
				continue
			}
			noun, err := c.Decode(n, q.At)
			if err != nil {
				return nil, nil, err
			}
			if v, ok := noun.(N); ok {
				first[id][stage] = v
			}
		}
	}
	return first, full, nil
}

// ChildrenOfIDs is ChildrenOf for the ids of parents.
func ChildrenOfIDs[N registry.Node](ctx context.Context, c *Core, scope *policies.Scope, parents []registry.ID, q ChildQuery) (map[registry.ID][]N, error) {
	found, err := findChildren(ctx, scope, q, parents)
	if err != nil {
		return nil, err
	}
	out := make(map[registry.ID][]N, len(found))
	for parent, nodes := range found {
		nouns, err := c.decodeAll(nodes, q.At)
		if err != nil {
			return nil, err
		}
		out[parent] = nounsAs[N](nouns)
	}
	return out, nil
}

func (c *Core) decodeAll(nodes []*graph.Node, at registry.Instant) ([]registry.Node, error) {
	out := make([]registry.Node, len(nodes))
	for i, n := range nodes {
		var err error
		if out[i], err = c.Decode(n, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nounsAs returns the nodes of type N.
func nounsAs[N registry.Node](nodes []registry.Node) []N {
	out := make([]N, 0, len(nodes))
	for _, n := range nodes {
		if noun, ok := n.(N); ok {
			out = append(out, noun)
		}
	}
	return out
}

func idsOf[N registry.Node](nodes []N) []registry.ID {
	out := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		out[i] = n.NodeMeta().ID
	}
	return out
}

// findChildren reads the children of parents, by parent, with one query.
func findChildren(ctx context.Context, scope *policies.Scope, q ChildQuery, parents []registry.ID) (map[registry.ID][]*graph.Node, error) {
	nodes, err := findChildrenOfParents(ctx, scope, q, parents)
	if err != nil {
		return nil, err
	}
	out := make(map[registry.ID][]*graph.Node, len(parents))
	for len(nodes) > 0 { // Those of one parent follow each other.
		parent, n := nodes[0].Parent, 1
		for n < len(nodes) && nodes[n].Parent == parent {
			n++
		}
		if out[parent] == nil {
			out[parent] = nodes[:n:n]
		} else {
			out[parent] = append(out[parent], nodes[:n]...)
		}
		nodes = nodes[n:]
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

// hopField is a field that is made of the neighbors of a node.
type hopField[V any] struct{ HopQuery }

// LoadHops returns what convert makes of the neighbors of a node, and reads those of its siblings
// with them.
func LoadHops[V any](ctx context.Context, scope *policies.Scope, of registry.Node, q HopQuery, convert func(context.Context, []graph.Neighbors) ([]V, error)) (V, error) {
	return Batch(ctx, of, hopField[V]{q}, func(ctx context.Context, all []registry.Node) ([]V, error) {
		hops, err := findHops(ctx, scope, q, idsOf(all))
		if err != nil {
			return nil, err
		}
		return convert(ctx, hops)
	})
}

// findHops reads the neighbors of nodes, in their order, with one query.
func findHops(ctx context.Context, scope *policies.Scope, q HopQuery, ids []registry.ID) ([]graph.Neighbors, error) {
	nq := graph.NeighborQuery{IDs: ids, Direction: q.Direction, At: StoreInstant(q.At), LimitPerNode: q.Limit, After: q.after, Count: q.count, CountLimit: graph.MaxCount + 1}
	if q.Edge != "" {
		nq.Edges = []registry.EdgeKind{q.Edge}
	}
	return scope.Neighbors(ctx, nq)
}
