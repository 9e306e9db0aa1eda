package policies

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// modelFilter selects models for a grant: by name, or by what they are today. All that is set
// must hold; of owners and of each list of tags, one.
type modelFilter struct {
	name   string
	owners []string
	tags   [][]registry.KeyValue
}

// all reports whether the filter selects every model.
func (f modelFilter) all() bool { return f.name == "" && !f.byTraits() }

// byTraits reports whether the filter depends on more than the name.
func (f modelFilter) byTraits() bool { return f.owners != nil || f.tags != nil }

// key is a text that only equal filters have.
func (f modelFilter) key() string { return fmt.Sprintf("%q %q %q", f.name, f.owners, f.tags) }

// modelTraits is what a filter asks of a model.
type modelTraits struct {
	name, owner string
	tags        []registry.KeyValue
}

func (f modelFilter) matches(m modelTraits) bool {
	if f.name != "" && f.name != m.name || f.owners != nil && !slices.Contains(f.owners, m.owner) {
		return false
	}
	for _, alternatives := range f.tags {
		if !slices.ContainsFunc(alternatives, func(kv registry.KeyValue) bool { return slices.Contains(m.tags, kv) }) {
			return false
		}
	}
	return true
}

// modelSet are the models that a filter selected. It is immutable.
type modelSet struct {
	filter modelFilter
	ids    []registry.ID // sorted
	set    map[registry.ID]bool
}

func newModelSet(f modelFilter, ids []registry.ID) *modelSet {
	slices.Sort(ids)
	s := &modelSet{filter: f, ids: ids, set: make(map[registry.ID]bool, len(ids))}
	for _, id := range ids {
		s.set[id] = true
	}
	return s
}

func (s *modelSet) has(id registry.ID) bool { return s.set[id] }

// with returns the set with one more model.
func (s *modelSet) with(id registry.ID) *modelSet {
	return newModelSet(s.filter, append(slices.Clone(s.ids), id))
}

// values returns the ids as values of a predicate. An empty set gives an id that no node has.
func (s *modelSet) values() []any {
	if len(s.ids) == 0 {
		return []any{""}
	}
	out := make([]any, len(s.ids))
	for i, id := range s.ids {
		out[i] = string(id)
	}
	return out
}

// modelIndex has the owner and the tags of every model, so that a grant on a tag is a list of
// ids, which a store can filter by. It is filled when the first such grant is used, and follows
// the log: a use reads the entries that came since, and the models that they name.
type modelIndex struct {
	mu     sync.Mutex
	loaded bool
	seq    int64 // the log sequence up to which it is right
	models map[registry.ID]modelTraits
	// sets are what filters selected since the last change.
	sets map[string]*modelSet
}

// modelActions are the log actions of what changes a name, an owner or tags.
var modelActions = []registry.LogAction{registry.LogModelRegistered, registry.LogModelUpdated, registry.LogModelRenamed, registry.LogModelRemoved}

// selectModels returns the models that a filter selects now.
func (x *modelIndex) selectModels(ctx context.Context, r graph.Reader, f modelFilter) (*modelSet, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.refresh(ctx, r); err != nil {
		return nil, err
	}
	if s := x.sets[f.key()]; s != nil {
		return s, nil
	}
	var ids []registry.ID
	for id, m := range x.models {
		if f.matches(m) {
			ids = append(ids, id)
		}
	}
	if len(x.sets) >= maxCacheEntries {
		clear(x.sets)
	}
	s := newModelSet(f, ids)
	x.sets[f.key()] = s
	return s, nil
}

func (x *modelIndex) refresh(ctx context.Context, r graph.Reader) error {
	if !x.loaded {
		return x.load(ctx, r)
	}
	for {
		entries, err := r.Log(ctx, graph.LogQuery{After: x.seq, Actions: modelActions, Limit: 1000})
		if err != nil || len(entries) == 0 {
			return err
		}
		ids := make([]registry.ID, 0, len(entries))
		for _, e := range entries {
			ids = append(ids, e.Model)
		}
		nodes, err := r.Nodes(ctx, graph.Instant{}, ids...)
		if err != nil {
			return err
		}
		clear(x.sets)
		for i, n := range nodes {
			delete(x.models, ids[i])
			if n != nil && !n.Deleted {
				x.models[n.ID] = traitsOf(n)
			}
		}
		x.seq = entries[len(entries)-1].Seq
	}
}

// load reads all models. The log head is read first: what changes meanwhile is read again.
func (x *modelIndex) load(ctx context.Context, r graph.Reader) error {
	newest, err := r.Log(ctx, graph.LogQuery{Desc: true, Limit: 1})
	if err != nil {
		return err
	}
	nodes, err := All(ctx, r, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexName, Limit: 1000})
	if err != nil {
		return err
	}
	x.models, x.sets = map[registry.ID]modelTraits{}, map[string]*modelSet{}
	for _, n := range nodes {
		x.models[n.ID] = traitsOf(n)
	}
	if len(newest) > 0 {
		x.seq = newest[0].Seq
	}
	x.loaded = true
	return nil
}

// traitsOf reads what filters ask from the node of a model.
func traitsOf(n *graph.Node) modelTraits {
	var d struct {
		Tags []registry.KeyValue `json:"tags"`
	}
	_ = json.Unmarshal(n.Doc, &d) // A document that cannot be read has no tags.
	return modelTraits{name: strings.Clone(n.Name), owner: n.Text(registry.IndexOwner), tags: d.Tags}
}

// modelsOf returns the models of a filter, nil for all.
func (g *Gate) modelsOf(ctx context.Context, r graph.Reader, f modelFilter) (*modelSet, error) {
	switch {
	case f.all():
		return nil, nil
	case f.byTraits():
		return g.models.selectModels(ctx, r, f)
	}
	return g.modelCache.get(f.name, func() (*modelSet, error) {
		id, err := modelNamed(ctx, r, f.name)
		return newModelSet(f, []registry.ID{id}), err
	})
}
