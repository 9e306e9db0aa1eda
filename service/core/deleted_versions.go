package core

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// A past list of versions includes versions that were deleted later. The tombstone of such a
// version has lost the column that the list is ordered by; its earlier revisions have kept
// it. Deleted versions are therefore found by a second query and merged into the list.

// maxDeletedVersions bounds the tombstones of one model that a past list examines.
const maxDeletedVersions = 1000

// deletedVersions returns, by model, versions that are deleted now, as they were at the
// instant of the query. Versions that do not match the query are left out.
func (r *pastReader) deletedVersions(ctx context.Context, lists []*pastList) (map[registry.ID][]*graph.Node, error) {
	if r.q.Kind != registry.KindModelVersion {
		return nil, nil
	}
	q := graph.Query{Kinds: []registry.Kind{r.q.Kind}, Deleted: true, Bare: true, Limit: maxDeletedVersions, PerParent: true,
		Where: []graph.Predicate{{Column: registry.IndexVersion, Op: graph.In, Values: []any{""}}}}
	for _, l := range lists {
		q.Parents = append(q.Parents, l.parent)
	}
	page, err := r.scope.Find(ctx, q)
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	var ids []registry.ID
	for _, n := range page.Nodes {
		ids = append(ids, n.ID)
	}
	then, err := nodesByIDAt(ctx, r.scope, r.q.At, ids)
	if err != nil {
		return nil, err
	}
	found, seen := map[registry.ID][]*graph.Node{}, map[registry.ID]int{}
	for _, now := range page.Nodes {
		if seen[now.Parent]++; seen[now.Parent] == maxDeletedVersions {
			return nil, registry.Errorf(registry.ResourceExhausted, "%d versions or more were deleted; such a list is not told of the past", maxDeletedVersions)
		}
		if n := then[now.ID]; r.matches(n) {
			found[now.Parent] = append(found[now.Parent], n)
		}
	}
	return found, nil
}

// mergeDeleted merges deleted versions into a list, in its order. Those before the start of
// the page belong to an earlier page.
func (r *pastReader) mergeDeleted(l *pastList, tombstones []*graph.Node) {
	for _, n := range tombstones {
		if l.start == nil || r.compare(n, &graph.Node{ID: l.start.ID, Columns: map[registry.Index]any{r.q.Order: l.start.Value}}) > 0 {
			l.matched = append(l.matched, n)
		}
	}
	if len(tombstones) > 0 {
		slices.SortFunc(l.matched, r.compare)
		l.matched = l.matched[:min(len(l.matched), r.q.Limit)]
	}
}

// compare compares two versions in the order of the list.
func (r *pastReader) compare(a, b *graph.Node) int {
	c := cmp.Or(strings.Compare(a.Text(r.q.Order), b.Text(r.q.Order)), cmp.Compare(a.ID, b.ID))
	if r.q.Desc {
		return -c
	}
	return c
}
