package policies

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// Hits are the results of a search: nodes with all words in their name first, then by
// kind, name and id. Visibility is decided lazily, for the hits that a caller reads.
//
// A node matches by its visible fields only: every word is in a field that some grant
// for this row shows. So a search reveals no hidden field and no hidden row. Hits are
// for one request and safe for concurrent use.
type Hits struct {
	scope *Scope
	match *graph.TextQuery
	// requiredFields are, by kind, the fields that must be visible on a hit: its name,
	// by which hits are ordered, and the filtered columns.
	requiredFields map[registry.Kind]registry.Mask
	// query finds the candidates.
	query graph.Query
	mu    sync.Mutex
	// candidates are all hits, when all are read. Of a common word only pages are, unless
	// somebody counts.
	candidates []hit
	all        bool
	truncated  bool
}

// manyMatches is how many matching nodes are read at once. A common word has more, and its
// hits are read page by page.
var manyMatches = 1000

// hit is a candidate that the store found: a bare node, and whether it is visible once
// that is decided.
type hit struct {
	HitKey
	node             *graph.Node
	decided, visible bool
}

// HitKey is the sort key of a hit.
type HitKey struct {
	InName bool
	Kind   registry.Kind
	Name   string
	ID     registry.ID
}

// compare orders sort keys; names in code point order, as in the stores.
func (k HitKey) compare(o HitKey) int {
	if k.InName != o.InName {
		if k.InName {
			return -1
		}
		return 1
	}
	return cmp.Or(strings.Compare(string(k.Kind), string(o.Kind)), strings.Compare(k.Name, o.Name), strings.Compare(string(k.ID), string(o.ID)))
}

// Search finds nodes of the kinds by words from graph.Tokenize; where filters them.
// FORBIDDEN for a filter on a column that all grants hide.
func (s *Scope) Search(ctx context.Context, kinds []registry.Kind, words []string, where []graph.Predicate) (*Hits, error) {
	h := &Hits{scope: s, match: &graph.TextQuery{Words: words, Fields: map[registry.Kind][]string{}}, requiredFields: map[registry.Kind]registry.Mask{}}
	q := graph.Query{Where: where, Text: h.match, Limit: graph.MaxMatches, Bare: true}
	for _, k := range kinds {
		fields, err := h.searchableFields(k, where)
		if err != nil {
			return nil, err
		}
		if len(fields) > 0 && h.match.Fields[k] == nil {
			q.Kinds, h.match.Fields[k] = append(q.Kinds, k), fields
		}
	}
	h.query = q
	if len(q.Kinds) == 0 {
		h.all = true
		return h, nil
	}
	return h, h.read(ctx, manyMatches)
}

// read reads the candidates, if there are no more than most or most is all that are considered.
func (h *Hits) read(ctx context.Context, most int) error {
	q, match := h.query, *h.match
	match.Most, q.Text = most, &match
	page, err := h.scope.store.Find(ctx, q)
	if err != nil || page.Truncated && most < graph.MaxMatches {
		return err
	}
	h.all, h.truncated = true, page.Truncated
	for _, n := range page.Nodes {
		h.candidates = append(h.candidates, hit{HitKey: h.keyOf(n), node: n})
	}
	slices.SortFunc(h.candidates, func(a, b hit) int { return a.compare(b.HitKey) })
	return nil
}

func (h *Hits) keyOf(n *graph.Node) HitKey { return HitKey{h.inName(n), n.Kind, n.Name, n.ID} }

// searchableFields lists the search fields of a kind that some grant shows; none when
// no grant shows the required fields.
func (h *Hits) searchableFields(kind registry.Kind, where []graph.Predicate) ([]string, error) {
	noun := registry.NounOf(kind)
	if _, err := h.scope.rowGrantsFor(graph.Query{Kinds: []registry.Kind{kind}, Where: where}); err != nil {
		return nil, err
	}
	need := noun.MaskOf(func(f registry.Field) bool {
		return f.Name == "name" || slices.ContainsFunc(where, func(p graph.Predicate) bool {
			if p.Label != "" {
				return f.Name == "tags"
			}
			return p.Column == f.Column
		})
	})
	var shown registry.Mask
	for _, c := range h.scope.rowGrants {
		shown |= c.masks[noun.Name]
	}
	if h.requiredFields[kind] = need; shown&need != need {
		return nil, nil
	}
	return noun.SearchFields(shown), nil
}

// inName reports whether all words are in the name of a node.
func (h *Hits) inName(n *graph.Node) bool {
	if !slices.Contains(h.match.Fields[n.Kind], "name") {
		return false
	}
	name := []graph.FieldWords{{Field: "name", Words: graph.Tokenize(n.Name, graph.MaxFieldWords)}}
	return graph.MatchesWords(h.match.Words, name, func(string) bool { return true })
}

// decideBatch is how many candidates decide checks at once.
const decideBatch = 200

// decide sets the visibility of the candidate at an index and of up to decideBatch
// candidates of the same kind.
func (h *Hits) decide(ctx context.Context, at int) error {
	if h.candidates[at].decided {
		return nil
	}
	end := at
	for end < len(h.candidates) && end < at+decideBatch && h.candidates[end].Kind == h.candidates[at].Kind && !h.candidates[end].decided {
		end++
	}
	part := h.candidates[at:end]
	nodes := make([]*graph.Node, len(part))
	for i := range part {
		nodes[i] = part[i].node
	}
	matches, err := h.visible(ctx, nodes)
	if err != nil {
		return err
	}
	for i := range part {
		part[i].decided, part[i].visible = true, matches[i]
	}
	return nil
}

// visible reports which nodes of a kind the actor sees by the words.
func (h *Hits) visible(ctx context.Context, nodes []*graph.Node) ([]bool, error) {
	masks, err := h.scope.masks(ctx, nodes)
	if err != nil {
		return nil, err
	}
	return h.verify(ctx, nodes, masks)
}

// verify reports which nodes of a kind match by their visible fields. The store
// searched every field that some grant shows; nodes that show fewer are read and
// matched again.
func (h *Hits) verify(ctx context.Context, nodes []*graph.Node, masks []registry.Mask) ([]bool, error) {
	matches := make([]bool, len(nodes))
	var recheck []int
	var ids []registry.ID
	for i, n := range nodes {
		if masks[i]&h.requiredFields[n.Kind] != h.requiredFields[n.Kind] {
			continue
		}
		if matches[i] = len(registry.NounOf(n.Kind).SearchFields(masks[i])) == len(h.match.Fields[n.Kind]); !matches[i] {
			recheck, ids = append(recheck, i), append(ids, n.ID)
		}
	}
	if len(recheck) == 0 {
		return matches, nil
	}
	whole, err := h.scope.store.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return nil, err
	}
	for k, i := range recheck {
		if whole[k] != nil {
			shown := registry.NounOf(nodes[i].Kind).SearchFields(masks[i])
			matches[i] = graph.MatchesWords(h.match.Words, graph.SearchWords(whole[k]), func(f string) bool { return slices.Contains(shown, f) })
		}
	}
	return matches, nil
}

// Page returns up to limit nodes after a sort key, with documents and their sort keys,
// and whether more follow.
func (h *Hits) Page(ctx context.Context, after *HitKey, limit int) (nodes []*graph.Node, keys []HitKey, more bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []registry.ID
	if !h.all {
		if ids, keys, more, err = h.pageInOrder(ctx, after, limit); err != nil {
			return nil, nil, false, err
		}
	}
	for i := range h.candidates {
		if after != nil && h.candidates[i].compare(*after) <= 0 {
			continue
		}
		if err := h.decide(ctx, i); err != nil {
			return nil, nil, false, err
		}
		if !h.candidates[i].visible {
			continue
		}
		if more = len(ids) == limit; more {
			break
		}
		ids, keys = append(ids, h.candidates[i].ID), append(keys, h.candidates[i].HitKey)
	}
	if len(ids) == 0 {
		return nil, nil, more, nil
	}
	nodes, err = h.scope.Nodes(ctx, graph.Instant{}, ids...)
	return nodes, keys, more, err
}

// maxCountDecisions is how many candidates Count checks at most when the visibility of
// a row depends on the graph.
const maxCountDecisions = 2000

// Counts are the numbers of visible hits. Complete is true when all were counted:
// neither the store nor maxCountDecisions left any out.
type Counts struct {
	Total    int
	Kinds    map[registry.Kind]int
	Stages   map[registry.Stage]int
	Complete bool
}

// Count counts the visible hits by kind, and by stage where that is visible.
func (h *Hits) Count(ctx context.Context) (Counts, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.all {
		if err := h.read(ctx, graph.MaxMatches); err != nil {
			return Counts{}, err
		}
	}
	out := Counts{Kinds: map[registry.Kind]int{}, Stages: map[registry.Stage]int{}, Complete: !h.truncated}
	most := len(h.candidates)
	if !h.allVisible() && most > maxCountDecisions {
		most, out.Complete = maxCountDecisions, false
	}
	var staged []*graph.Node
	for i := range h.candidates[:most] {
		if err := h.decide(ctx, i); err != nil {
			return out, err
		}
		if !h.candidates[i].visible {
			continue
		}
		out.Total++
		out.Kinds[h.candidates[i].Kind]++
		if h.candidates[i].node.Text(registry.IndexStage) != "" {
			staged = append(staged, h.candidates[i].node)
		}
	}
	masks, err := h.scope.masks(ctx, staged)
	if err != nil {
		return out, err
	}
	for _, n := range redactAll(staged, masks) {
		if st := n.Text(registry.IndexStage); st != "" {
			out.Stages[registry.Stage(st)]++
		}
	}
	return out, nil
}

// Showing returns the ids of the visible hits of which the actor sees a field; false when there are
// more hits than are read at once.
func (h *Hits) Showing(ctx context.Context, field string) ([]registry.ID, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.all || len(h.candidates) > manyMatches {
		return nil, false, nil
	}
	var nodes []*graph.Node
	for i := range h.candidates {
		if registry.Bit(registry.NounOf(h.candidates[i].Kind).Name, field) < 0 {
			continue
		}
		if err := h.decide(ctx, i); err != nil {
			return nil, false, err
		}
		if h.candidates[i].visible {
			nodes = append(nodes, h.candidates[i].node)
		}
	}
	masks, err := h.scope.masks(ctx, nodes)
	if err != nil {
		return nil, false, err
	}
	var out []registry.ID
	for i, n := range nodes {
		if masks[i].Has(registry.Bit(registry.NounOf(n.Kind).Name, field)) {
			out = append(out, n.ID)
		}
	}
	return out, true, nil
}

// allVisible reports whether the actor sees every row of every searched kind, so that
// decide needs no graph reads.
func (h *Hits) allVisible() bool {
	for kind, fields := range h.match.Fields {
		noun := registry.NounOf(kind)
		all := func(c rowGrant) bool {
			return c.coversAll() && len(noun.SearchFields(c.masks[noun.Name])) == len(fields)
		}
		if !slices.ContainsFunc(h.scope.rowGrants, all) {
			return false
		}
	}
	return true
}
