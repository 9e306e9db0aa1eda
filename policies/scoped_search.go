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

// Hits are what a search found, in order: nodes whose name holds all of the words
// first, then by kind, name and id. Whether the actor sees them is judged as far
// as they are asked for.
//
// A node is found by its visible fields alone: every word stands in a field that
// some grant which covers the row shows. So a search tells nothing of a field that
// is hidden, nor of a row. It is for one answer, whose fields may ask at once.
type Hits struct {
	scope *Scope
	match *graph.Match
	// need are, for each kind, the fields that must be seen of a hit: its name, by
	// which hits are ordered, and what they are filtered by.
	requiredFields map[registry.Kind]registry.Mask
	mu             sync.Mutex
	candidates     []hit
	truncated      bool
}

// hit is a candidate: a bare node that the store found, and what is known of it.
type hit struct {
	HitKey
	node             *graph.Node
	decided, visible bool
}

// HitKey is the place of a node among hits.
type HitKey struct {
	InName bool
	Kind   registry.Kind
	Name   string
	ID     registry.ID
}

// compare orders places; names in code point order, as stores do.
func (k HitKey) compare(o HitKey) int {
	if k.InName != o.InName {
		if k.InName {
			return -1
		}
		return 1
	}
	return cmp.Or(strings.Compare(string(k.Kind), string(o.Kind)), strings.Compare(k.Name, o.Name), strings.Compare(string(k.ID), string(o.ID)))
}

// Search finds nodes of the kinds by words that graph.Words made; where narrows
// them further. FORBIDDEN for a filter that all grants hide.
func (s *Scope) Search(ctx context.Context, kinds []registry.Kind, words []string, where []graph.Predicate) (*Hits, error) {
	h := &Hits{scope: s, match: &graph.Match{Words: words, Fields: map[registry.Kind][]string{}}, requiredFields: map[registry.Kind]registry.Mask{}}
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
	if len(q.Kinds) == 0 {
		return h, nil
	}
	page, err := s.store.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	h.truncated = page.Cut
	for _, n := range page.Nodes {
		h.candidates = append(h.candidates, hit{HitKey: HitKey{h.inName(n), n.Kind, n.Name, n.ID}, node: n})
	}
	slices.SortFunc(h.candidates, func(a, b hit) int { return a.compare(b.HitKey) })
	return h, nil
}

// searchable lists the fields of a kind that some grant shows, none where nobody
// shows what is needed.
func (h *Hits) searchableFields(kind registry.Kind, where []graph.Predicate) ([]string, error) {
	noun := registry.NounOf(kind)
	if _, err := h.scope.rowGrantsFor(graph.Query{Kinds: []registry.Kind{kind}, Where: where}); err != nil {
		return nil, err
	}
	need := noun.MaskOf(func(f registry.Field) bool {
		return f.Name == "name" || slices.ContainsFunc(where, func(p graph.Predicate) bool { return p.Column == f.Column })
	})
	var shown registry.Mask
	for _, c := range h.scope.rowGrants {
		shown |= c.masks[noun.Name]
	}
	if h.requiredFields[kind] = need; shown&need != need {
		return nil, nil
	}
	return noun.Searched(shown), nil
}

// inName reports whether a name holds all of the words.
func (h *Hits) inName(n *graph.Node) bool {
	if !slices.Contains(h.match.Fields[n.Kind], "name") {
		return false
	}
	name := []graph.FieldWords{{Field: "name", Words: graph.Words(n.Name, graph.MaxFieldWords)}}
	return graph.Holds(h.match.Words, name, func(string) bool { return true })
}

// judgedAtOnce is how many candidates are judged by one question of sight.
const decideBatch = 200

// judge decides on the candidate at a place, and on those behind it on the way.
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
	masks, err := h.scope.masks(ctx, nodes)
	if err != nil {
		return err
	}
	matches, err := h.verify(ctx, nodes, masks)
	if err != nil {
		return err
	}
	for i := range part {
		part[i].decided, part[i].visible = true, matches[i]
	}
	return nil
}

// verify reports which nodes of a kind are found by what their masks show. The
// store looked in all that some grant shows; where a row shows less, its words are
// looked at again.
func (h *Hits) verify(ctx context.Context, nodes []*graph.Node, masks []registry.Mask) ([]bool, error) {
	matches := make([]bool, len(nodes))
	var recheck []int
	var ids []registry.ID
	for i, n := range nodes {
		if masks[i]&h.requiredFields[n.Kind] != h.requiredFields[n.Kind] {
			continue
		}
		if matches[i] = len(registry.NounOf(n.Kind).Searched(masks[i])) == len(h.match.Fields[n.Kind]); !matches[i] {
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
			shown := registry.NounOf(nodes[i].Kind).Searched(masks[i])
			matches[i] = graph.Holds(h.match.Words, graph.TextOf(whole[k]), func(f string) bool { return slices.Contains(shown, f) })
		}
	}
	return matches, nil
}

// Page returns up to limit nodes behind a place, whole, with their places; more
// tells whether others follow.
func (h *Hits) Page(ctx context.Context, after *HitKey, limit int) (nodes []*graph.Node, keys []HitKey, more bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []registry.ID
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
		return nil, nil, false, nil
	}
	nodes, err = h.scope.Nodes(ctx, graph.Instant{}, ids...)
	return nodes, keys, more, err
}

// maxJudged is how many candidates are judged to count hits, where a row's sight
// depends on the graph.
const maxCountDecisions = 2000

// Counts are numbers of hits that the actor sees. Complete tells that all were
// counted: neither the store nor the judging left any out.
type Counts struct {
	Total    int
	Kinds    map[registry.Kind]int
	Stages   map[registry.Stage]int
	Complete bool
}

// Count counts the hits by kind, and by stage where it is seen.
func (h *Hits) Count(ctx context.Context) (Counts, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
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

// open reports whether every row of every kind that was searched is seen, so that
// judging costs nothing.
func (h *Hits) allVisible() bool {
	for kind, fields := range h.match.Fields {
		noun := registry.NounOf(kind)
		all := func(c rowGrant) bool { return c.coversAll() && len(noun.Searched(c.masks[noun.Name])) == len(fields) }
		if !slices.ContainsFunc(h.scope.rowGrants, all) {
			return false
		}
	}
	return true
}
