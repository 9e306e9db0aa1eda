package policies

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// rowVisibility decides which rows a row grant covers, for grants that do not cover
// every row. It is what an actor sees of the graph. It reads the store
// without redaction and caches its answers for one request.
//
// A version is covered by its own stage and model. The row rule served covers the nodes
// whose registry.Served the store keeps so. A grant on one model covers a lineage node when
// a covered version is downstream of it, over the edges of today. A deployment is covered
// when its version is, a model when one of its versions is, a dataset or repository
// when a lineage node in it is, and what belongs to a version when that is.
//
// The resolvers of one answer use it concurrently: covered and addClosure take the lock.
type rowVisibility struct {
	mu    sync.Mutex
	store graph.Reader
	// reachable has, by row grant, whether a lineage node reaches a covered version; a
	// node that is absent is undecided.
	reachable map[rowGrantKey]map[registry.ID]bool
	// served has what the store keeps of nodes whose reader did not tell.
	served map[registry.ID]registry.Served
	// versions and effects are from closures over the edges of today, see addClosure.
	versions map[registry.ID]*graph.Node
	effects  map[registry.ID][]registry.ID
	// budget is how many neighbors searches may still read. timedOut counts the searches
	// that a deadline ended, overBudget those that the budget ended. Undecided nodes are
	// hidden.
	budget               int
	timedOut, overBudget int
}

// defaultVisibilityBudget is how many neighbors one request may read to decide which
// rows its caller sees: on SQLite less than a second.
const defaultVisibilityBudget = 100_000

// rowGrantKey is the part of a row grant that decides which rows it covers.
type rowGrantKey struct {
	rows   Rows
	models *modelSet
}

func newRowVisibility(r graph.Reader, budget int) *rowVisibility {
	return &rowVisibility{store: r, reachable: map[rowGrantKey]map[registry.ID]bool{}, served: map[registry.ID]registry.Served{}, versions: map[registry.ID]*graph.Node{}, effects: map[registry.ID][]registry.ID{}, budget: budget}
}

// undecided returns how many searches ended early, for lack of budget or time. After
// such a search some hidden nodes may be ones that the caller may see.
func (s *rowVisibility) undecided() (overBudget, timedOut int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overBudget, s.timedOut
}

// addClosure adds the nodes and edges of a closure over the edges of today, so that
// nodes upstream of a covered version need no query.
func (s *rowVisibility) addClosure(nodes []*graph.Node, edges []graph.Edge) {
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

// coversVersion reports whether the grant covers a version by its stage and model.
func (c rowGrant) coversVersion(n *graph.Node) bool {
	if c.models != nil && !c.models.has(n.Parent) {
		return false
	}
	return c.rows != RowsServed || slices.Contains(registry.ServedStages(), registry.Stage(n.Text(registry.IndexStage)))
}

// predicates returns the query predicates for the rows that the grant covers; false for
// kinds whose rows no query can filter.
func (c rowGrant) predicates(kind registry.Kind) (out []graph.Predicate, ok bool) {
	if c.coversAll() {
		return nil, true
	}
	if c.rows == RowsServed {
		if !kind.HasServed() {
			return nil, false
		}
		out = append(out, graph.Predicate{Served: true})
	}
	self := graph.SelfParent
	switch kind {
	case registry.KindModel:
		self = graph.SelfID
	case registry.KindModelVersion:
	default:
		return out, c.rows == RowsServed && c.models == nil
	}
	if c.models != nil {
		out = append(out, graph.Predicate{Self: self, Op: graph.In, Values: c.models.values()})
	}
	return out, true
}

// covered reports for each node whether the grant covers its row.
func (s *rowVisibility) covered(ctx context.Context, c rowGrant, nodes []*graph.Node) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.rows == RowsServed {
		if err := s.loadServed(ctx, nodes); err != nil {
			return nil, err
		}
	}
	out := make([]bool, len(nodes))
	byKind := map[registry.Kind][]int{}
	for i, n := range nodes {
		switch {
		case c.rows != RowsServed || !n.Kind.HasServed() || n.Kind == registry.KindModelVersion:
			byKind[n.Kind] = append(byKind[n.Kind], i)
		case s.servedOf(n) != registry.IsServed:
		case c.models == nil:
			out[i] = n.Kind != registry.KindModel || !n.Deleted
		default:
			byKind[n.Kind] = append(byKind[n.Kind], i)
		}
	}
	for kind, at := range byKind {
		group := make([]*graph.Node, len(at))
		for k, i := range at {
			group[k] = nodes[i]
		}
		seen, err := s.coveredOfKind(ctx, c, kind, group)
		if err != nil {
			return nil, err
		}
		for k, i := range at {
			out[i] = seen[k]
		}
	}
	return out, nil
}

func (s *rowVisibility) coveredOfKind(ctx context.Context, c rowGrant, kind registry.Kind, nodes []*graph.Node) ([]bool, error) {
	switch kind {
	case registry.KindModelVersion:
		out := make([]bool, len(nodes))
		for i, n := range nodes {
			out[i] = c.coversVersion(n)
		}
		return out, nil
	case registry.KindModel:
		return c.coveredModels(nodes), nil
	case registry.KindReview:
		return s.coveredByModel(ctx, c, nodes)
	case registry.KindCard, registry.KindArtifact, registry.KindSignature, registry.KindTransition, registry.KindTransitionRequest, registry.KindDeprecation, registry.KindConsumer:
		return s.coveredByVersion(ctx, c, nodes, func(n *graph.Node) registry.ID { return n.Parent })
	case registry.KindRecall:
		return s.coveredRecalls(ctx, c, nodes)
	case registry.KindAlias, registry.KindDeployment, registry.KindRecallResolution:
		return s.coveredByVersion(ctx, c, nodes, versionOf)
	case registry.KindDataset, registry.KindRepository:
		return s.coveredContainers(ctx, c, nodes)
	}
	if kind.Walked() {
		return s.coveredUpstream(ctx, c, nodes)
	}
	return make([]bool, len(nodes)), nil
}

// versionOf returns the version that an alias or deployment names, "" when its document
// cannot be read.
func versionOf(n *graph.Node) registry.ID {
	var d struct {
		VersionID registry.ID `json:"versionId"`
	}
	if json.Unmarshal(n.Doc, &d) != nil {
		return ""
	}
	return d.VersionID
}

// loadServed reads what the store keeps of the nodes whose reader did not tell, and which
// no closure has shown to be served.
func (s *rowVisibility) loadServed(ctx context.Context, nodes []*graph.Node) error {
	var unknown []registry.ID
	for _, n := range nodes {
		if n.Kind != registry.KindModelVersion && n.Kind.HasServed() && s.servedOf(n) == registry.ServedUnknown {
			unknown = append(unknown, n.ID)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	known := s.knownReachable(rowGrant{rows: RowsServed})
	unknown = slices.DeleteFunc(unknown, func(id registry.ID) bool {
		if known[id] {
			s.served[id] = registry.IsServed
		}
		return known[id]
	})
	if len(unknown) == 0 {
		return nil
	}
	found, err := s.store.Nodes(ctx, graph.Instant{}, unknown...)
	if err != nil {
		return err
	}
	for i, n := range found {
		s.served[unknown[i]] = registry.NotServed
		if n != nil {
			s.served[n.ID] = n.Served
		}
	}
	return nil
}

// servedOf returns what is known of a node.
func (s *rowVisibility) servedOf(n *graph.Node) registry.Served {
	if n.Served != registry.ServedUnknown {
		return n.Served
	}
	return s.served[n.ID]
}

// coveredModels decides for models that are not known to be served, or need not be.
func (c rowGrant) coveredModels(nodes []*graph.Node) []bool {
	out := make([]bool, len(nodes))
	for i, n := range nodes {
		out[i] = !n.Deleted && (c.models == nil || c.models.has(n.ID))
	}
	return out
}

// coveredByVersion decides for nodes that are covered when their version is. It reads
// the documents of bare nodes first.
func (s *rowVisibility) coveredByVersion(ctx context.Context, c rowGrant, nodes []*graph.Node, version func(*graph.Node) registry.ID) ([]bool, error) {
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
		out[i] = v != nil && v.Kind == registry.KindModelVersion && c.coversVersion(v)
	}
	return out, nil
}

// coveredByModel decides for nodes that are covered when the model they belong to is.
func (s *rowVisibility) coveredByModel(ctx context.Context, c rowGrant, nodes []*graph.Node) ([]bool, error) {
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.Parent
	}
	models, err := s.store.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(nodes))
	for i, m := range models {
		out[i] = m != nil && !m.Deleted && (c.models == nil || c.models.has(m.ID)) && (c.rows != RowsServed || m.Served == registry.IsServed)
	}
	return out, nil
}

// coveredContainers decides for datasets and repositories, which are covered when one of
// the lineage nodes in them is.
func (s *rowVisibility) coveredContainers(ctx context.Context, c rowGrant, nodes []*graph.Node) ([]bool, error) {
	out := make([]bool, len(nodes))
	for i, n := range nodes {
		q := graph.Query{Parents: []registry.ID{n.ID}, Limit: 200, Bare: true}
		for {
			page, err := s.store.Find(ctx, q)
			if err != nil {
				return nil, err
			}
			seen, err := s.coveredUpstream(ctx, c, page.Nodes)
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

// knownReachable returns what closures and searches have found of the lineage nodes that
// reach a version which the grant covers.
func (s *rowVisibility) knownReachable(c rowGrant) map[registry.ID]bool {
	key := rowGrantKey{c.rows, c.models}
	known := s.reachable[key]
	if known == nil {
		known = map[registry.ID]bool{}
		s.reachable[key] = known
	}
	for id, v := range s.versions {
		if c.coversVersion(v) && !known[id] {
			known[id] = true
		}
	}
	s.propagate(known)
	return known
}

// coveredUpstream decides for lineage nodes whether a covered version is downstream of
// them.
func (s *rowVisibility) coveredUpstream(ctx context.Context, c rowGrant, nodes []*graph.Node) ([]bool, error) {
	known := s.knownReachable(c)
	var undecided []registry.ID
	for _, n := range nodes {
		if _, ok := known[n.ID]; !ok {
			undecided = append(undecided, n.ID)
		}
	}
	if len(undecided) > 0 {
		if err := s.searchDownstream(ctx, c, known, undecided); err != nil {
			return nil, err
		}
	}
	out := make([]bool, len(nodes))
	for i, n := range nodes {
		out[i] = known[n.ID]
	}
	return out, nil
}

// propagate marks the causes of known nodes too, over the edges from addClosure.
func (s *rowVisibility) propagate(known map[registry.ID]bool) {
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
