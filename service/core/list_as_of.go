package core

import (
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// The bounds of a past list: how many children of a parent one query examines, and how many
// it reads at a time.
const (
	maxPastChildren = 10000
	pastPageSize    = 100
	firstPastPage   = 20 // The version that was in PRODUCTION is usually among the first 20.
)

// pastList is the state of reading the past children of one parent.
type pastList struct {
	parent registry.ID
	// start is the key before the page, after the key of the last child that was read.
	start, after *graph.Key
	matched      []*graph.Node
	readCount    int
	done         bool
}

// pastReader reads the children of parents as they were at an instant. Stores list only
// current children. The reader therefore lists the current children, tombstones included,
// reads each of them at the instant, and keeps those that existed and match, until it has
// enough.
type pastReader struct {
	scope *policies.Scope
	q     ChildQuery
}

// pastChildrenOfParents is like findChildrenOfParents, at the instant of the query.
func pastChildrenOfParents(ctx context.Context, scope *policies.Scope, q ChildQuery, parents []registry.ID) (out []*graph.Node, err error) {
	lists := make([]*pastList, len(parents))
	for i, p := range parents {
		lists[i] = &pastList{parent: p}
	}
	r := &pastReader{scope, q}
	if err := r.fill(ctx, lists); err != nil {
		return nil, err
	}
	for _, l := range lists {
		out = append(out, l.matched...)
	}
	return out, nil
}

// fill reads until every list is complete or has as many children as the query's limit.
func (r *pastReader) fill(ctx context.Context, lists []*pastList) error {
	if r.q.Order == registry.IndexOwner {
		// Stores order by the current owner.
		return registry.Invalid("orderBy", "a list of the past has no order by owner, who may have been another then; order by another field")
	}
	if err := r.scope.MayFilter(graph.Query{Kinds: []registry.Kind{r.q.Kind}, Order: r.q.Order, Where: r.q.where()}); err != nil {
		return err
	}
	tombstones, err := r.deletedVersions(ctx, lists)
	if err != nil {
		return err
	}
	firstRound := len(lists) > 1
	for pending := lists; len(pending) > 0; pending = unfinished(pending) {
		pages, err := r.nextPages(ctx, pending, firstRound)
		if err != nil {
			return err
		}
		firstRound = false
		if err := r.collect(ctx, pending, pages); err != nil {
			return err
		}
	}
	for _, l := range lists {
		r.mergeDeleted(l, tombstones[l.parent])
	}
	return nil
}

func unfinished(lists []*pastList) (pending []*pastList) {
	for _, l := range lists {
		if !l.done {
			pending = append(pending, l)
		}
	}
	return pending
}

// nextPages reads the next children of each list: with one query for all lists when together
// is set, otherwise with one query for each.
func (r *pastReader) nextPages(ctx context.Context, lists []*pastList, together bool) ([][]*graph.Node, error) {
	q := graph.Query{Kinds: []registry.Kind{r.q.Kind}, Order: r.q.Order, Desc: r.q.Desc, Deleted: r.q.Kind != registry.KindModelVersion,
		Limit: min(max(r.q.Limit, firstPastPage), pastPageSize), Bare: true}
	if valid := r.q.At.Valid; !valid.IsZero() && r.scope.ShowsColumn(r.q.Kind, registry.IndexValidFrom) {
		// A node never begins later than it once did.
		q.Where = []graph.Predicate{{Column: registry.IndexValidFrom, Op: graph.AtMost, Values: []any{valid.UnixMicro()}}}
	}
	out := make([][]*graph.Node, len(lists))
	if together {
		position := map[registry.ID]int{}
		for i, l := range lists {
			q.Parents, position[l.parent] = append(q.Parents, l.parent), i
		}
		q.PerParent = true
		page, err := r.scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, n := range page.Nodes {
			out[position[n.Parent]] = append(out[position[n.Parent]], n)
		}
		for i, l := range lists {
			l.done = len(out[i]) < q.Limit && !page.More
		}
		return out, nil
	}
	for i, l := range lists {
		q.Parents, q.After = []registry.ID{l.parent}, l.after
		page, err := r.scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		out[i], l.done = page.Nodes, !page.More
	}
	return out, nil
}

// collect reads children at the instant of the query and appends those that match to their
// lists.
func (r *pastReader) collect(ctx context.Context, lists []*pastList, pages [][]*graph.Node) error {
	var ids []registry.ID
	for _, p := range pages {
		for _, n := range p {
			ids = append(ids, n.ID)
		}
	}
	then, err := nodesByIDAt(ctx, r.scope, r.q.At, ids)
	if err != nil {
		return err
	}
	for i, l := range lists {
		for _, now := range pages[i] {
			l.after = policies.KeyOf(now, r.q.Order)
			if n := then[now.ID]; r.matches(n) && len(l.matched) < r.q.Limit {
				l.matched = append(l.matched, n)
			}
		}
		if l.readCount += len(pages[i]); l.readCount > maxPastChildren {
			return registry.Errorf(registry.ResourceExhausted, "a list of the past looks through at most %d; ask for the node itself, or with a filter", maxPastChildren)
		}
		l.done = l.done || len(l.matched) >= r.q.Limit
	}
	return nil
}

// matches reports whether a child existed at the instant and matches the query.
func (r *pastReader) matches(n *graph.Node) bool {
	return n != nil && !n.Hidden && !n.Deleted && !hiddenAfterErasure(n) && inStages(n, r.q.Stages) && (r.q.Owner == "" || n.Text(registry.IndexOwner) == r.q.Owner) && (r.q.Number == 0 || n.Int(registry.IndexNumber) == int64(r.q.Number)) &&
		(r.q.Label == "" || slices.Contains(registry.TagLabels(n.Kind, n.Doc), r.q.Label)) && (!r.q.HasFrom || n.ValidFrom.UnixMicro() >= r.q.From) && (!r.q.HasBefore || n.ValidFrom.UnixMicro() < r.q.Before)
}

// nodesByIDAt returns nodes at an instant, by id; nil for those that did not exist.
func nodesByIDAt(ctx context.Context, scope *policies.Scope, at registry.Instant, ids []registry.ID) (map[registry.ID]*graph.Node, error) {
	nodes, err := scope.Nodes(ctx, StoreInstant(at), ids...)
	if err != nil {
		return nil, err
	}
	out := make(map[registry.ID]*graph.Node, len(ids))
	for i, id := range ids {
		out[id] = nodes[i]
	}
	return out, nil
}

// pastPage returns one page of a parent's children at the instant of the query. The limit of
// the query is one more than the page size.
func pastPage[N registry.Node, E any](ctx context.Context, c *Core, scope *policies.Scope, of registry.Node, q ChildQuery, bindings any, p Paging, edge func(string, N) E) (*Connection[E], error) {
	l := ListIdentity{bindings, q.Order, q.Desc}
	after, err := c.OpenKeyCursor(scope, l, p.After)
	if err != nil {
		return nil, err
	}
	var page childPage
	if size := q.Limit - 1; after == nil {
		page, err = c.firstChildren(ctx, scope, of, q, size)
	} else {
		page, err = c.pastChildren(ctx, scope, of, q, after, size)
	}
	if err != nil {
		return nil, err
	}
	conn := newConnection(c, scope, l, page.nodes, page.nouns, edge)
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = page.more, after != nil
	conn.Count = func(ctx context.Context) (*int, error) { return countPastChildren(ctx, scope, of, q) }
	return conn, nil
}

// maxPastCount bounds TotalCount of a past list; above it the count is nil.
const maxPastCount = 1000

// countPastChildren counts the children of a parent at the instant of the query, and those of
// its siblings with them; nil above maxPastCount.
func countPastChildren(ctx context.Context, scope *policies.Scope, of registry.Node, q ChildQuery) (*int, error) {
	q.Limit = maxPastCount + 1
	return Batch(ctx, of, childCount{q}, func(ctx context.Context, all []registry.Node) ([]*int, error) {
		found, err := findChildren(ctx, scope, q, idsOf(all))
		out := make([]*int, len(all))
		for i := range out {
			if n := len(found[all[i].NodeMeta().ID]); n <= maxPastCount {
				out[i] = &n
			}
		}
		return out, err
	})
}

// pastChildren reads a further page of the children of one parent at the instant of the query.
func (c *Core) pastChildren(ctx context.Context, scope *policies.Scope, of registry.Node, q ChildQuery, after *graph.Key, size int) (page childPage, err error) {
	l := &pastList{parent: of.NodeMeta().ID, start: after, after: after}
	if err := (&pastReader{scope, q}).fill(ctx, []*pastList{l}); err != nil {
		return page, err
	}
	page.nodes, page.more = l.matched[:min(size, len(l.matched))], len(l.matched) > size
	page.nouns, err = c.decodeAll(page.nodes, q.At)
	Siblings(ctx, page.nouns)
	return page, err
}

// inStages reports whether a version is in one of the comma-separated stages; "" means all.
func inStages(n *graph.Node, stages string) bool {
	return stages == "" || slices.Contains(strings.Split(stages, ","), n.Text(registry.IndexStage))
}
