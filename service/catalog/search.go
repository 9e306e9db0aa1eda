package catalog

import (
	"cmp"
	"context"
	"slices"
	"unicode/utf8"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// MaxSearchText is the longest search text, in code points.
const MaxSearchText = 256

// SearchInput is a search text with filters; empty filters match all.
type SearchInput struct {
	Text   string
	Kinds  []registry.Kind
	Stages []registry.Stage
	Tag    *registry.KeyValue
}

// SearchEdge is a hit in a page. Matched has the names of the visible fields that contain one
// of the words.
type SearchEdge struct {
	Cursor  string
	Node    registry.Node
	Matched []string
}

// SearchConnection is a page of hits.
type SearchConnection struct {
	core.Connection[*SearchEdge]
	hits  *policies.Hits
	scope *policies.Scope
}

// SearchKindCount counts the hits of a kind.
type SearchKindCount struct {
	Kind  registry.Kind
	Count int
}

// SearchStageCount counts the hits that are versions in a stage.
type SearchStageCount struct {
	Stage registry.Stage
	Count int
}

// SearchRecallCount counts the hits that are recalled, are not, or may be.
type SearchRecallCount struct {
	State registry.RecallState
	Count int
}

// SearchFacets counts hits; Complete is true when all hits were counted.
type SearchFacets struct {
	Kinds    []*SearchKindCount
	Stages   []*SearchStageCount
	Complete bool
	of       *SearchConnection
}

// words checks the text and splits it into words.
func (in *SearchInput) words() ([]string, error) {
	if utf8.RuneCountInString(in.Text) > MaxSearchText {
		return nil, registry.Invalid("text", "is longer than %d characters", MaxSearchText)
	}
	words := graph.Tokenize(in.Text, graph.MaxMatchWords+1)
	if len(words) == 0 {
		return nil, registry.Invalid("text", "has no word; give letters or digits to look for")
	}
	if len(words) > graph.MaxMatchWords {
		return nil, registry.Invalid("text", "has more than %d words", graph.MaxMatchWords)
	}
	return words, nil
}

// where returns the kinds to search and the predicates. A filter on stages leaves only kinds
// that have a stage, and one on a tag the kinds whose tags are filtered by.
func (in *SearchInput) where() (kinds []registry.Kind, where []graph.Predicate, err error) {
	searched := registry.SearchableKinds()
	if kinds = slices.Clone(in.Kinds); len(kinds) == 0 {
		kinds = searched
	}
	for _, k := range kinds {
		if !slices.Contains(searched, k) {
			return nil, nil, registry.Invalid("kinds", "%s is not searched; use some of %v", registry.Shorten(string(k), 60), searched)
		}
	}
	if where, err = core.TaggedWith(in.Tag); err != nil {
		return nil, nil, err
	}
	if in.Tag != nil {
		kinds = slices.DeleteFunc(kinds, func(k registry.Kind) bool { return !slices.Contains(registry.TaggedKinds(), k) })
	}
	if len(in.Stages) == 0 {
		return kinds, where, nil
	}
	staged := graph.Predicate{Column: registry.IndexStage, Op: graph.In}
	for _, st := range in.Stages {
		staged.Values = append(staged.Values, string(st))
	}
	kinds = slices.DeleteFunc(kinds, func(k registry.Kind) bool {
		return !slices.ContainsFunc(registry.NounOf(k).Fields, func(f registry.Field) bool { return f.Column == registry.IndexStage })
	})
	return kinds, append(where, staged), nil
}

// Search returns one page of the nouns that contain all words of a text and that the caller
// sees. It answers INVALID_ARGUMENT for a text without words and for one that is too long.
func (c *Catalog) Search(ctx context.Context, in SearchInput, p core.Paging) (*SearchConnection, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	words, err := in.words()
	if err != nil {
		return nil, err
	}
	kinds, where, err := in.where()
	if err != nil {
		return nil, err
	}
	size, err := p.Size(20)
	if err != nil {
		return nil, err
	}
	l := []any{"search", words, in.Kinds, in.Stages, in.Tag}
	var after *policies.HitKey
	if p.After != nil && *p.After != "" {
		after = &policies.HitKey{}
		if err := c.core.OpenCursor(scope.Actor().Subject, l, *p.After, after); err != nil {
			return nil, err
		}
	}
	hits, err := scope.Search(ctx, kinds, words, where)
	if err != nil {
		return nil, err
	}
	conn := &SearchConnection{core.Connection[*SearchEdge]{Edges: []*SearchEdge{}}, hits, scope}
	nodes, keys, more, err := hits.Page(ctx, after, size)
	if err != nil {
		return nil, err
	}
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = more, after != nil
	seal := c.core.SealCursors(scope.Actor().Subject, l)
	for i, n := range nodes {
		if err := c.addHit(conn, n, seal(keys[i]), words); err != nil {
			return nil, err
		}
	}
	found := make([]registry.Node, len(conn.Edges))
	for i, e := range conn.Edges {
		found[i] = e.Node
	}
	core.Siblings(ctx, found)
	return conn, nil
}

// addHit appends an edge. It leaves out nodes that were deleted or hidden since they were
// found.
func (c *Catalog) addHit(conn *SearchConnection, n *graph.Node, cursor string, words []string) error {
	if n == nil || n.Hidden || n.Deleted {
		return nil
	}
	noun, err := c.core.Decode(n, registry.Instant{})
	if err != nil {
		return err
	}
	if len(conn.Edges) == 0 {
		conn.PageInfo.StartCursor = cursor
	}
	conn.PageInfo.EndCursor = cursor
	conn.Edges = append(conn.Edges, &SearchEdge{cursor, noun, graph.MatchedFields(words, graph.SearchWords(n))})
	return nil
}

// TotalCount returns the number of all hits; nil when not all were counted.
func (c *SearchConnection) TotalCount(ctx context.Context) (*int, error) {
	counts, err := c.hits.Count(ctx)
	if err != nil || !counts.Complete {
		return nil, err
	}
	return &counts.Total, nil
}

// Facets counts the hits by kind and by stage.
func (c *SearchConnection) Facets(ctx context.Context) (*SearchFacets, error) {
	counts, err := c.hits.Count(ctx)
	if err != nil {
		return nil, err
	}
	f := &SearchFacets{Kinds: []*SearchKindCount{}, Stages: []*SearchStageCount{}, Complete: counts.Complete, of: c}
	for k, n := range counts.Kinds {
		f.Kinds = append(f.Kinds, &SearchKindCount{k, n})
	}
	for st, n := range counts.Stages {
		f.Stages = append(f.Stages, &SearchStageCount{st, n})
	}
	slices.SortFunc(f.Kinds, func(a, b *SearchKindCount) int { return cmp.Compare(a.Kind, b.Kind) })
	slices.SortFunc(f.Stages, func(a, b *SearchStageCount) int { return cmp.Compare(a.Stage, b.Stage) })
	return f, nil
}

// RecallStates counts the hits by whether they are recalled: of the kinds that can be, where the
// caller sees it. It is nil when there are too many hits to find it out for all of them.
func (f *SearchFacets) RecallStates(ctx context.Context) ([]*SearchRecallCount, error) {
	ids, all, err := f.of.hits.Showing(ctx, "recallState")
	if err != nil || !all {
		return nil, err
	}
	marks, err := core.MarkRecalled(ctx, f.of.scope.RecallReader(), core.StoreInstant(registry.Instant{}), ids, lineage.RecallReadBounds)
	if err != nil {
		return nil, err
	}
	counts := map[registry.RecallState]int{}
	for _, id := range ids {
		counts[marks.State(id)]++
	}
	out := []*SearchRecallCount{}
	for _, state := range []registry.RecallState{registry.NotRecalled, registry.IsRecalled, registry.RecallUnknown} {
		if counts[state] > 0 {
			out = append(out, &SearchRecallCount{state, counts[state]})
		}
	}
	return out, nil
}
