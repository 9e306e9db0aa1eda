package catalog

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// maxTagCounts is how many tags the facet of a search has.
const maxTagCounts = 50

// SearchTagCount counts the hits with a tag.
type SearchTagCount struct {
	Tag   registry.KeyValue
	Count int
}

// Tags counts the hits by their tags, the most frequent first: those of the kinds whose lists are
// filtered by a tag, where the caller sees the tags. It is nil when there are too many hits to
// read them all.
func (f *SearchFacets) Tags(ctx context.Context) ([]*SearchTagCount, error) {
	ids, all, err := f.of.hits.Showing(ctx, "tags")
	if err != nil || !all {
		return nil, err
	}
	nodes, err := f.of.scope.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return nil, err
	}
	counts := map[registry.KeyValue]int{}
	for _, n := range nodes {
		if n != nil && !n.Hidden && !n.Deleted {
			for _, tag := range registry.TagsOf(n.Kind, n.Doc) {
				counts[tag]++
			}
		}
	}
	out := make([]*SearchTagCount, 0, len(counts))
	for tag, n := range counts {
		out = append(out, &SearchTagCount{tag, n})
	}
	slices.SortFunc(out, func(a, b *SearchTagCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Tag.Key, b.Tag.Key), cmp.Compare(a.Tag.Value, b.Tag.Value))
	})
	return out[:min(len(out), maxTagCounts)], nil
}
