package policies

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Scope is a graph.Reader for one actor in one request. Its nodes have a Mask and no
// hidden fields. Hidden nodes are stubs with their id and kind, so that walks continue
// through them; callers must replace such an id by OpaqueID before they return it.
type Scope struct {
	gate       *Gate
	store      graph.Reader
	table      *Table
	actor      registry.Actor
	reqID      string
	grants     []grant
	rowGrants  []rowGrant
	visibility *rowVisibility
}

// rowGrant is one grant at one reach: the masks, by noun, of the rows that it covers. These are
// the rows of a row rule, within models; nil is all.
type rowGrant struct {
	rows   Rows
	models *modelSet
	masks  map[string]registry.Mask
}

// maskOf returns the mask of the rows of a kind, 0 for a kind that no API shows.
func (c rowGrant) maskOf(k registry.Kind) registry.Mask {
	noun := registry.NounOf(k)
	if noun == nil {
		return 0
	}
	return c.masks[noun.Name]
}

// coversAll reports whether the grant covers every row.
func (c rowGrant) coversAll() bool { return c.rows == RowsAll && c.models == nil }

var _ graph.Reader = (*Scope)(nil)

func newScope(ctx context.Context, g *Gate, r graph.Reader, id *identity) (*Scope, error) {
	table := g.table.Load()
	grants, err := g.resolveGrants(ctx, r, table, id.actor.Grants)
	if err != nil {
		return nil, err
	}
	s := &Scope{gate: g, store: r, table: table, actor: id.actor, reqID: id.requestID, grants: grants}
	for _, gr := range grants {
		for i, at := range table.reaches {
			if masks := table.roles[gr.role].masks[at]; len(masks) > 0 {
				s.rowGrants = append(s.rowGrants, rowGrant{at.rows, gr.models[i], masks})
			}
		}
	}
	s.visibility = newRowVisibility(r, g.visibilityBudget)
	return s, nil
}

// withReader returns the same scope on another reader, such as a transaction.
func (s *Scope) withReader(r graph.Reader) *Scope {
	c := *s
	c.store = r
	c.visibility = newRowVisibility(r, s.gate.visibilityBudget)
	return &c
}

// cover adds a model that was just made to the rows of the grants that cover it by what it is.
func (s *Scope) cover(id registry.ID, m modelTraits) {
	s.rowGrants = slices.Clone(s.rowGrants)
	for i, c := range s.rowGrants {
		if c.models != nil && !c.models.has(id) && c.models.filter.matches(m) {
			s.rowGrants[i].models = c.models.with(id)
		}
	}
}

// Actor returns the actor of the scope.
func (s *Scope) Actor() registry.Actor { return s.actor }

// Policy returns the policy of the scope: the one in force when the request began.
func (s *Scope) Policy() *Table { return s.table }

// Roles returns the roles that the actor holds under the policy in force.
func (s *Scope) Roles() (out []string) {
	for _, g := range s.grants {
		out = append(out, g.role)
	}
	return out
}

// OpaqueID returns the replacement for the id of a hidden node or edge. It is stable
// for one subject, different for every subject, and not accepted as input.
func (s *Scope) OpaqueID(id registry.ID) registry.ID {
	h := hmac.New(sha256.New, s.gate.opaqueKey)
	h.Write([]byte(s.actor.Subject))
	h.Write([]byte{0})
	h.Write([]byte(id))
	return registry.ID("restricted_" + base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:16]))
}

// masks returns the mask of each node, 0 for one that is hidden.
func (s *Scope) masks(ctx context.Context, nodes []*graph.Node) ([]registry.Mask, error) {
	out := make([]registry.Mask, len(nodes))
	for _, c := range s.rowGrants {
		var undecided []*graph.Node
		var index []int
		var kind registry.Kind // Lists are of one kind mostly, and its mask is looked up once.
		var mask registry.Mask
		for i, n := range nodes {
			if n == nil {
				continue
			}
			if n.Kind != kind {
				kind, mask = n.Kind, c.maskOf(n.Kind)
			}
			if mask&^out[i] == 0 {
				continue // This grant adds no field.
			}
			if c.coversAll() {
				out[i] |= mask
				continue
			}
			undecided, index = append(undecided, n), append(index, i)
		}
		if len(undecided) == 0 {
			continue
		}
		covered, err := s.visibility.covered(ctx, c, undecided)
		if err != nil {
			return nil, err
		}
		for k, n := range undecided {
			if covered[k] {
				out[index[k]] |= c.maskOf(n.Kind)
			}
		}
	}
	return out, nil
}

// Nodes returns redacted nodes, and stubs (Hidden) for hidden ones.
func (s *Scope) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := s.store.Nodes(ctx, at, ids...)
	if err != nil {
		return nil, err
	}
	masks, err := s.masksAt(ctx, at, nodes)
	if err != nil {
		return nil, err
	}
	return redactAll(nodes, masks), nil
}

// unrestricted reports whether the actor sees every row of every noun.
func (s *Scope) unrestricted() bool {
	for _, c := range s.rowGrants {
		if c.coversAll() && len(c.masks) >= len(registry.Nouns())-1 {
			return true
		}
	}
	return false
}

// rowDependent reports whether the mask of a lineage node can depend on its row. Only
// then is rowVisibility needed.
func (s *Scope) rowDependent() bool {
	for _, k := range registry.LineageKinds() {
		noun := registry.NounOf(k).Name
		var all, some registry.Mask
		for _, c := range s.rowGrants {
			if c.coversAll() {
				all |= c.masks[noun]
			} else {
				some |= c.masks[noun]
			}
		}
		if some&^all != 0 {
			return true
		}
	}
	return false
}

// Neighbors returns one hop, with stubs for hidden neighbors.
func (s *Scope) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	hops, err := s.store.Neighbors(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range hops {
		masks, err := s.masksAt(ctx, q.At, hops[i].Nodes)
		if err != nil {
			return nil, err
		}
		hops[i].Nodes = redactAll(hops[i].Nodes, masks)
	}
	return hops, nil
}

// Records returns one page of foreign records and their like, which no API shows by itself. The
// caller of Records decides who sees them. Kinds that have a noun are refused.
func (s *Scope) Records(ctx context.Context, q graph.Query) (graph.Page, error) {
	if len(q.Kinds) == 0 || slices.ContainsFunc(q.Kinds, func(k registry.Kind) bool { return registry.NounOf(k) != nil }) {
		return graph.Page{}, &registry.Error{Code: registry.Internal, Message: "only records can be read without a noun"}
	}
	return s.store.Find(ctx, q)
}

// SeesEvery reports whether the actor sees a field of a noun on every row.
func (s *Scope) SeesEvery(noun, field string) bool {
	return slices.ContainsFunc(s.rowGrants, func(c rowGrant) bool {
		return c.coversAll() && c.masks[noun].Has(registry.Bit(noun, field))
	})
}

// masksAt returns the masks of nodes that were read at an instant. Today's state of a
// node decides, because its stage may have changed since. An alias that pointed to
// another version at the instant is visible only when both versions are.
func (s *Scope) masksAt(ctx context.Context, at graph.Instant, nodes []*graph.Node) ([]registry.Mask, error) {
	if at == (graph.Instant{}) || s.unrestricted() {
		return s.masks(ctx, nodes)
	}
	ids := make([]registry.ID, len(nodes))
	aliases := make([]*graph.Node, len(nodes))
	for i, n := range nodes {
		if n == nil {
			continue
		}
		if ids[i] = n.ID; n.Kind == registry.KindAlias {
			aliases[i] = n
		}
	}
	today, err := s.store.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return nil, err
	}
	masks, err := s.masks(ctx, today)
	if err != nil {
		return nil, err
	}
	then, err := s.masks(ctx, aliases)
	for i, n := range aliases {
		if n != nil {
			masks[i] &= then[i]
		}
	}
	return masks, err
}

// MayFilter returns FORBIDDEN for a query that filters or sorts by a column that all
// grants hide.
func (s *Scope) MayFilter(q graph.Query) error {
	_, err := s.rowGrantsFor(q)
	return err
}

// Closure walks through all nodes and returns stubs for hidden ones, in every stage of
// the query.
func (s *Scope) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	c, err := s.store.Closure(ctx, q)
	if err != nil {
		return c, err
	}
	walks := make([]*graph.Closure, 0, 4)
	walks = append(walks, &c)
	for i := range c.Stages {
		walks = append(walks, &c.Stages[i])
	}
	var nodes []*graph.Node
	for _, w := range walks {
		for i := range w.Nodes {
			nodes = append(nodes, w.Nodes[i].Node)
		}
	}
	if s.rowDependent() && q.At == (graph.Instant{}) {
		for _, w := range walks {
			s.visibility.addClosure(nodes, w.Edges)
		}
	}
	_, before := s.visibility.undecided()
	masks, err := s.masksAt(ctx, q.At, nodes)
	if err != nil {
		return graph.Closure{}, err
	}
	nodes = redactAll(nodes, masks)
	for _, w := range walks {
		for i := range w.Nodes {
			w.Nodes[i].Node, nodes = nodes[0], nodes[1:]
		}
	}
	if _, late := s.visibility.undecided(); late > before {
		c.TimedOut = true // Some nodes are hidden because the deadline came first.
	}
	return c, nil
}

// Log returns the entries that the actor may see.
func (s *Scope) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	var all, modelled registry.Mask
	var models []registry.ID
	restricted := true // Every grant is on some models.
	for _, c := range s.rowGrants {
		m := c.masks["LogEntry"]
		switch {
		case m == 0:
		case c.coversAll():
			all |= m
		default:
			modelled |= m
			if restricted = restricted && c.models != nil; c.models != nil {
				models = append(models, c.models.ids...)
			}
		}
	}
	switch {
	case all != 0:
	case modelled != 0:
		q.WithModel = true
		if restricted {
			if q.Models = intersectModels(q.Models, models); len(q.Models) == 0 {
				return nil, nil
			}
		}
	default:
		return nil, nil
	}
	entries, err := s.store.Log(ctx, q)
	for i := range entries {
		entries[i].Mask = all | modelled
		redactEntry(&entries[i])
	}
	return entries, err
}

// intersectModels returns the requested models that are allowed; all allowed ones when
// none is requested.
func intersectModels(requested, allowed []registry.ID) []registry.ID {
	if len(requested) == 0 {
		return allowed
	}
	return slices.DeleteFunc(slices.Clone(requested), func(id registry.ID) bool { return !slices.Contains(allowed, id) })
}

// Sees reports whether the actor may see a field of a noun on some row.
func (s *Scope) Sees(noun string, field string) bool {
	for _, c := range s.rowGrants {
		if c.masks[noun].Has(registry.Bit(noun, field)) {
			return true
		}
	}
	return false
}

// ShowsColumn reports whether each grant that shows a noun shows the field in a column, so that
// a filter on it leaves out no row that the actor may see.
func (s *Scope) ShowsColumn(kind registry.Kind, column registry.Index) bool {
	noun := registry.NounOf(kind)
	for _, c := range s.rowGrants {
		if m := c.masks[noun.Name]; m != 0 && hiddenColumn(noun, m, []registry.Index{column}) != "" {
			return false
		}
	}
	return true
}

// SeesStage reports whether the actor can see versions in a stage. A filter on another
// stage must be refused, because its result would reveal hidden versions.
func (s *Scope) SeesStage(stage registry.Stage) bool {
	for _, c := range s.rowGrants {
		if c.masks["ModelVersion"] != 0 && (c.rows != RowsServed || slices.Contains(registry.ServedStages(), stage)) {
			return true
		}
	}
	return false
}

// Head is a state of the registry: the sequence and the time of the newest log entry that
// it contains. It is zero when nothing is recorded. The time names the state for ever:
// every later entry has a later time.
type Head struct {
	Seq int64
	At  time.Time
}

// HeadAt returns the state that was known at a time, whether or not the actor may read
// its entry. NOT_FOUND before the first entry.
func (s *Scope) HeadAt(ctx context.Context, at time.Time) (Head, error) {
	entries, err := s.store.Log(ctx, graph.LogQuery{Desc: true, Limit: 1, KnownAt: at})
	if err != nil {
		return Head{}, err
	}
	if len(entries) == 0 {
		return Head{}, registry.Errorf(registry.NotFound, "nothing was known at %s yet", at.Format(time.RFC3339))
	}
	return s.gate.rememberHead(Head{entries[0].Seq, entries[0].At}), nil
}

// endOfTime is later than every log entry.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// NewestHead returns the present state.
func (s *Scope) NewestHead(ctx context.Context) (Head, error) {
	h, err := s.HeadAt(ctx, endOfTime)
	if registry.CodeOf(err) == registry.NotFound {
		return Head{}, nil
	}
	return h, err
}

// HeadOf returns the state at a log sequence that a read has seen. A gate remembers the
// newest one: its entry is read once, and not for every answer.
func (s *Scope) HeadOf(ctx context.Context, seq int64) (Head, error) {
	if seq == 0 {
		return Head{}, nil
	}
	if h := s.gate.newestHead.Load(); h != nil && h.Seq == seq {
		return *h, nil
	}
	entries, err := s.store.Log(ctx, graph.LogQuery{After: seq - 1, Before: seq + 1, Limit: 1})
	if err == nil && len(entries) == 0 {
		err = &registry.Error{Code: registry.Internal, Message: "the log has a gap"}
	}
	if err != nil {
		return Head{}, err
	}
	return s.gate.rememberHead(Head{seq, entries[0].At}), nil
}
