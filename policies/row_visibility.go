package policies

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// sight answers, for covers that do not hold for every row, whether a row is
// covered. It reads the unredacted store and remembers within one request.
//
// A version is covered by its own stage and model. What a version came from is
// covered when a covered version is reached downstream of it, over facts that
// stand today; a deployment when its version is; a model when one of its
// versions is; what belongs to a version or dataset when that is.
//
// The fields of one answer are resolved at once and share it: covers and learn
// take the lock.
type sight struct {
	mu    sync.Mutex
	store graph.Reader
	// reach remembers, per cover, what is known of a lineage node.
	reach map[coverKey]map[registry.ID]bool
	// versions and edges were handed over by a closure over today's facts.
	versions map[registry.ID]*graph.Node
	effects  map[registry.ID][]registry.ID
	// left is how many far ends searches may still read; late counts those that a
	// deadline ended, short those that the budget did. What was not decided is not
	// seen.
	left        int
	late, short int
}

// sightEnds is how many far ends one request may read to find out what its caller
// sees: on SQLite less than a second.
const sightEnds = 100_000

// coverKey tells covers apart by what decides rows.
type coverKey struct {
	rows  Rows
	model registry.ID
}

func newSight(r graph.Reader, left int) *sight {
	return &sight{store: r, reach: map[coverKey]map[registry.ID]bool{}, versions: map[registry.ID]*graph.Node{}, effects: map[registry.ID][]registry.ID{}, left: left}
}

// undecided tells how many searches were given up, for lack of budget or time:
// something hidden may be the caller's to see.
func (s *sight) undecided() (short, late int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.short, s.late
}

// learn takes the nodes and edges of a closure over today's facts, so that what
// lies upstream of a covered version is known without another query.
func (s *sight) learn(nodes []*graph.Node, edges []graph.Edge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range nodes {
		if n.Kind == registry.KindModelVersion {
			s.versions[n.ID] = n
		}
	}
	for _, e := range edges {
		s.effects[e.To] = append(s.effects[e.To], e.From)
	}
}

// version reports whether a cover holds for a version by its stage and model.
func (c cover) version(n *graph.Node) bool {
	if c.model != "" && n.Parent != c.model {
		return false
	}
	return c.rows != RowsServed || slices.Contains(ServedStages(), registry.Stage(n.Text(registry.IndexStage)))
}

// predicates returns what a cover asks of nodes of a kind, for kinds that a
// query can narrow by itself; false for the others.
func (c cover) predicates(kind registry.Kind) ([]graph.Predicate, bool) {
	if c.always() {
		return nil, true
	}
	var stages []any
	for _, st := range ServedStages() {
		stages = append(stages, string(st))
	}
	var out []graph.Predicate
	switch kind {
	case registry.KindModel:
		if c.model != "" {
			out = append(out, graph.Predicate{Self: graph.SelfID, Op: graph.In, Values: []any{string(c.model)}})
		}
		if c.rows == RowsServed {
			out = append(out, graph.Predicate{Child: registry.KindModelVersion, Column: registry.IndexStage, Op: graph.In, Values: stages})
		}
		return out, true
	case registry.KindModelVersion:
		if c.model != "" {
			out = append(out, graph.Predicate{Self: graph.SelfParent, Op: graph.In, Values: []any{string(c.model)}})
		}
		if c.rows == RowsServed {
			out = append(out, graph.Predicate{Column: registry.IndexStage, Op: graph.In, Values: stages})
		}
		return out, true
	}
	return nil, false
}

// covers answers for each node whether the cover holds for its row.
func (s *sight) covers(ctx context.Context, c cover, nodes []*graph.Node) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]bool, len(nodes))
	byKind := map[registry.Kind][]int{}
	for i, n := range nodes {
		byKind[n.Kind] = append(byKind[n.Kind], i)
	}
	for kind, at := range byKind {
		group := make([]*graph.Node, len(at))
		for k, i := range at {
			group[k] = nodes[i]
		}
		seen, err := s.coversKind(ctx, c, kind, group)
		if err != nil {
			return nil, err
		}
		for k, i := range at {
			out[i] = seen[k]
		}
	}
	return out, nil
}

func (s *sight) coversKind(ctx context.Context, c cover, kind registry.Kind, nodes []*graph.Node) ([]bool, error) {
	switch kind {
	case registry.KindModelVersion:
		out := make([]bool, len(nodes))
		for i, n := range nodes {
			out[i] = c.version(n)
		}
		return out, nil
	case registry.KindModel:
		return s.models(ctx, c, nodes)
	case registry.KindCard, registry.KindArtifact, registry.KindTransition:
		return s.through(ctx, c, nodes, func(n *graph.Node) registry.ID { return n.Parent })
	case registry.KindAlias, registry.KindDeployment:
		return s.through(ctx, c, nodes, versionOf)
	case registry.KindDataset, registry.KindRepository:
		return s.containers(ctx, c, nodes)
	}
	if kind.Walked() {
		return s.upstreamOf(ctx, c, nodes)
	}
	return make([]bool, len(nodes)), nil
}

// versionOf reads which version an alias or deployment names, "" if unreadable.
func versionOf(n *graph.Node) registry.ID {
	var d struct {
		VersionID registry.ID `json:"versionId"`
	}
	if json.Unmarshal(n.Doc, &d) != nil {
		return ""
	}
	return d.VersionID
}

// models asks in one query which of these models have a covered version.
func (s *sight) models(ctx context.Context, c cover, nodes []*graph.Node) ([]bool, error) {
	where, _ := c.predicates(registry.KindModel)
	self := graph.Predicate{Self: graph.SelfID, Op: graph.In}
	for _, n := range nodes {
		self.Values = append(self.Values, string(n.ID))
	}
	page, err := s.store.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Where: append(where, self), Limit: max(len(nodes), 1), Bare: true})
	if err != nil {
		return nil, err
	}
	found := map[registry.ID]bool{}
	for _, n := range page.Nodes {
		found[n.ID] = true
	}
	out := make([]bool, len(nodes))
	for i, n := range nodes {
		out[i] = found[n.ID]
	}
	return out, nil
}

// through answers for nodes that are seen with a version. A node whose document
// was left out is fetched whole first.
func (s *sight) through(ctx context.Context, c cover, nodes []*graph.Node, version func(*graph.Node) registry.ID) ([]bool, error) {
	ids := make([]registry.ID, len(nodes))
	var bare []registry.ID
	for _, n := range nodes {
		if n.Doc == nil {
			bare = append(bare, n.ID)
		}
	}
	whole := map[registry.ID]*graph.Node{}
	if len(bare) > 0 {
		got, err := s.store.Nodes(ctx, graph.Instant{}, bare...)
		if err != nil {
			return nil, err
		}
		for _, n := range got {
			if n != nil {
				whole[n.ID] = n
			}
		}
	}
	for i, n := range nodes {
		if w := whole[n.ID]; w != nil {
			n = w
		}
		ids[i] = version(n)
	}
	versions, err := s.store.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(nodes))
	for i, v := range versions {
		out[i] = v != nil && v.Kind == registry.KindModelVersion && c.version(v)
	}
	return out, nil
}

// containers answers for datasets and repositories: seen when one of the lineage
// nodes in them is.
func (s *sight) containers(ctx context.Context, c cover, nodes []*graph.Node) ([]bool, error) {
	out := make([]bool, len(nodes))
	for i, n := range nodes {
		q := graph.Query{Parents: []registry.ID{n.ID}, Limit: 200, Bare: true}
		for {
			page, err := s.store.Find(ctx, q)
			if err != nil {
				return nil, err
			}
			seen, err := s.upstreamOf(ctx, c, page.Nodes)
			if err != nil {
				return nil, err
			}
			if out[i] = slices.Contains(seen, true); out[i] || !page.More {
				break
			}
			last := page.Nodes[len(page.Nodes)-1]
			q.After = &graph.Key{Value: last.Name, ID: last.ID}
		}
	}
	return out, nil
}

// upstreamOf answers for lineage nodes whether a covered version is reached
// downstream of them.
func (s *sight) upstreamOf(ctx context.Context, c cover, nodes []*graph.Node) ([]bool, error) {
	key := coverKey{c.rows, c.model}
	known := s.reach[key]
	if known == nil {
		known = map[registry.ID]bool{}
		s.reach[key] = known
	}
	for id, v := range s.versions {
		if c.version(v) && !known[id] {
			known[id] = true
		}
	}
	s.spread(known)
	var open []registry.ID
	for _, n := range nodes {
		if _, ok := known[n.ID]; !ok {
			open = append(open, n.ID)
		}
	}
	if len(open) > 0 {
		if err := s.search(ctx, c, known, open); err != nil {
			return nil, err
		}
	}
	out := make([]bool, len(nodes))
	for i, n := range nodes {
		out[i] = known[n.ID]
	}
	return out, nil
}

// spread carries what is known to be reached on to causes, over learned edges.
func (s *sight) spread(known map[registry.ID]bool) {
	for changed := true; changed; {
		changed = false
		for cause, effects := range s.effects {
			if known[cause] {
				continue
			}
			for _, e := range effects {
				if known[e] {
					known[cause], changed = true, true
					break
				}
			}
		}
	}
}
