package policies

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// A common word has thousands of hits, and a page shows twenty. They are read in the order of
// hits, one group after the other, until the page is full. A group has the hits of one kind
// that have all words in their name, or those that have not.

// searchPage is how many hits of a group are read at a time.
const searchPage = 100

// pageInOrder is Page for hits that are not all read.
func (h *Hits) pageInOrder(ctx context.Context, after *HitKey, limit int) (ids []registry.ID, keys []HitKey, more bool, err error) {
	for _, inName := range []bool{true, false} {
		for _, kind := range slices.Sorted(slices.Values(h.query.Kinds)) {
			group := HitKey{InName: inName, Kind: kind}
			if inName && !slices.Contains(h.match.Fields[kind], "name") || after != nil && group.groupBefore(*after) {
				continue
			}
			err := h.eachOfGroup(ctx, group, after, func(k HitKey) bool {
				if more = len(ids) == limit; !more {
					ids, keys = append(ids, k.ID), append(keys, k)
				}
				return !more
			})
			if err != nil || more {
				return ids, keys, more, err
			}
		}
	}
	return ids, keys, false, nil
}

// groupBefore reports whether the group of k comes before that of o.
func (k HitKey) groupBefore(o HitKey) bool {
	return HitKey{InName: k.InName, Kind: k.Kind}.compare(HitKey{InName: o.InName, Kind: o.Kind}) < 0
}

// eachOfGroup passes the visible hits of a group after a key to fn, until fn returns false.
func (h *Hits) eachOfGroup(ctx context.Context, group HitKey, after *HitKey, fn func(HitKey) bool) error {
	q := h.query
	fields := h.match.Fields[group.Kind]
	if group.InName {
		fields = []string{"name"}
	}
	q.Kinds, q.Order, q.Limit = []registry.Kind{group.Kind}, registry.IndexName, searchPage
	q.Text = &graph.TextQuery{Words: h.match.Words, Fields: map[registry.Kind][]string{group.Kind: fields}}
	if after != nil && after.InName == group.InName && after.Kind == group.Kind {
		q.After = &graph.Key{Value: after.Name, ID: after.ID}
	}
	for {
		page, err := h.scope.store.Find(ctx, q)
		if err != nil {
			return err
		}
		matches, err := h.visible(ctx, page.Nodes)
		if err != nil {
			return err
		}
		for i, n := range page.Nodes {
			if k := h.keyOf(n); matches[i] && k.InName == group.InName && !fn(k) {
				return nil
			}
		}
		if !page.More {
			return nil
		}
		last := page.Nodes[len(page.Nodes)-1]
		q.After = &graph.Key{Value: last.Name, ID: last.ID}
	}
}
