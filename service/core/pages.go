package core

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// MaxPage is the largest number of items in one page.
const MaxPage = 200

// PageInfo is the PageInfo type of Relay's connection specification.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     string
	EndCursor       string
}

// Connection is one page of a list with edges of type E (Relay). Count is called only when
// totalCount is selected; it is nil when counting is too expensive.
type Connection[E any] struct {
	Edges    []E
	PageInfo PageInfo
	Count    func(context.Context) (*int, error)
}

// TotalCount returns how many items the whole list has for this caller; nil when counting is
// too expensive.
func (c *Connection[E]) TotalCount(ctx context.Context) (*int, error) {
	if c.Count == nil {
		return nil, nil
	}
	return c.Count(ctx)
}

// Paging holds the paging arguments of a list.
type Paging struct {
	First *int
	After *string
}

// Size returns First, or def when it is nil. A First outside 0..MaxPage is INVALID_ARGUMENT;
// it is not clamped. A page of 0 items tells the count, and whether there are items.
func (p Paging) Size(def int) (int, error) {
	if p.First == nil {
		return def, nil
	}
	if *p.First < 0 || *p.First > MaxPage {
		return 0, registry.Invalid("first", "must be 0..%d, not %d; page on with after", MaxPage, *p.First)
	}
	return *p.First, nil
}

// ListIdentity identifies a list by its arguments and its order. A cursor is bound to the
// identity of its list: every other list refuses it.
type ListIdentity struct {
	bindings any
	order    registry.Index
	desc     bool
}

// NewListIdentity returns the identity of a list with these arguments and this order.
// bindings must marshal to JSON.
func NewListIdentity(bindings any, order registry.Index, desc bool) ListIdentity {
	return ListIdentity{bindings, order, desc}
}

// SealCursor makes a cursor that holds values and is bound by a MAC to a caller and a list.
// The same arguments give the same cursor.
func (c *Core) SealCursor(subject string, l any, values any) string {
	return c.newCursorSealer(subject, l).seal(values)
}

// SealCursors returns SealCursor for many cursors of one list. The function is not safe for concurrent
// use.
func (c *Core) SealCursors(subject string, l any) func(values any) string {
	return c.newCursorSealer(subject, l).seal
}

// OpenCursor decodes the values of a cursor. It answers INVALID_ARGUMENT for a cursor that
// SealCursor did not make for this caller and list.
func (c *Core) OpenCursor(subject string, l any, cursor string, values any) error {
	invalid := registry.Invalid("after", "is not a cursor of this list; pass an endCursor of the same query, unchanged")
	if len(cursor) > 4096 {
		return invalid
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < macSize {
		return invalid
	}
	if !hmac.Equal(c.newCursorSealer(subject, l).macOf(raw[macSize:]), raw[:macSize]) {
		return invalid
	}
	d := json.NewDecoder(bytes.NewReader(raw[macSize:]))
	d.UseNumber()
	if d.Decode(values) != nil {
		return invalid
	}
	return nil
}

// cursorSealer makes the cursors of one list for one subject. It is not safe for concurrent use.
type cursorSealer struct {
	mac     hash.Hash
	binding []byte
	sum     []byte
}

func (c *Core) newCursorSealer(subject string, l any) *cursorSealer {
	binding, _ := json.Marshal([]any{subject, l})
	return &cursorSealer{mac: hmac.New(sha256.New, c.cursorKey), binding: append(binding, 0)}
}

// macOf returns the MAC of a payload, which is valid until the next call.
func (s *cursorSealer) macOf(payload []byte) []byte {
	s.mac.Reset()
	s.mac.Write(s.binding)
	s.mac.Write(payload)
	s.sum = s.mac.Sum(s.sum[:0])
	return s.sum[:macSize]
}

// seal returns the cursor that holds values.
func (s *cursorSealer) seal(values any) string {
	payload, _ := json.Marshal(values)
	return base64.RawURLEncoding.EncodeToString(append(s.macOf(payload), payload...))
}

// sealKey returns the cursor of a node in a list that is read by keys.
func (s *cursorSealer) sealKey(n *graph.Node, order registry.Index) string {
	k := policies.KeyOf(n, order)
	return s.seal([]any{k.Value, k.ID})
}

// macSize is how many bytes of a MAC a cursor has.
const macSize = 12

// MarshalJSON encodes the identity as the input of a cursor's MAC.
func (l ListIdentity) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{l.bindings, l.order, l.desc})
}

// SealKeyCursor makes the cursor of a node in a list that is read by keys.
func (c *Core) SealKeyCursor(scope *policies.Scope, l ListIdentity, n *graph.Node) string {
	return c.newCursorSealer(scope.Actor().Subject, l).sealKey(n, l.order)
}

// OpenKeyCursor returns the key that a cursor of SealKeyCursor holds, nil without a cursor.
func (c *Core) OpenKeyCursor(scope *policies.Scope, l ListIdentity, after *string) (*graph.Key, error) {
	if after == nil || *after == "" {
		return nil, nil
	}
	var v []any
	if err := c.OpenCursor(scope.Actor().Subject, l, *after, &v); err != nil {
		return nil, err
	}
	id, _ := v[1].(string)
	k := &graph.Key{Value: v[0], ID: registry.ID(id)}
	if n, ok := v[0].(json.Number); ok {
		i, _ := n.Int64()
		k.Value = i
	}
	return k, nil
}

// FindPage returns one page of a query as a connection. bindings identify the list for its
// cursors; edge makes an edge from a cursor and a noun.
func FindPage[N registry.Node, E any](ctx context.Context, c *Core, scope *policies.Scope, q graph.Query, bindings any, p Paging, edge func(string, N) E) (*Connection[E], error) {
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	l := ListIdentity{bindings, q.Order, q.Desc}
	if q.After, err = c.OpenKeyCursor(scope, l, p.After); err != nil {
		return nil, err
	}
	q.Limit = max(size, 1)
	page, err := scope.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	shown := page.Nodes[:min(size, len(page.Nodes))]
	nouns, err := c.decodeAll(shown, registry.Instant{})
	if err != nil {
		return nil, err
	}
	Siblings(ctx, nouns)
	conn := newConnection(c, scope, l, shown, nouns, edge)
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = page.More || len(shown) < len(page.Nodes), q.After != nil
	conn.Count = countMatches(scope, q)
	return conn, nil
}

// countMatches returns a function that counts all matches of a query, whatever its page. The
// function returns nil when the store finds counting too expensive.
func countMatches(scope *policies.Scope, q graph.Query) func(context.Context) (*int, error) {
	q.After, q.Limit, q.Count = nil, 1, true
	return func(ctx context.Context) (*int, error) {
		page, err := scope.Find(ctx, q)
		if err != nil || page.Total < 0 {
			return nil, err
		}
		n := int(page.Total)
		return &n, nil
	}
}

// newConnection makes a connection of nodes and their nouns.
func newConnection[N registry.Node, E any](c *Core, scope *policies.Scope, l ListIdentity, nodes []*graph.Node, nouns []registry.Node, edge func(string, N) E) *Connection[E] {
	conn := &Connection[E]{Edges: make([]E, 0, len(nodes))}
	sealer := c.newCursorSealer(scope.Actor().Subject, l)
	for i, n := range nodes {
		noun, _ := nouns[i].(N)
		cursor := sealer.sealKey(n, l.order)
		if i == 0 {
			conn.PageInfo.StartCursor = cursor
		}
		conn.PageInfo.EndCursor = cursor
		conn.Edges = append(conn.Edges, edge(cursor, noun))
	}
	return conn
}

// ListChildren returns one page of a parent's children. The first page is read together with
// those of the parent's siblings. A further page is not: its cursor belongs to this parent.
func ListChildren[N registry.Node, E any](ctx context.Context, c *Core, of registry.Node, q ChildQuery, p Paging, edge func(string, N) E) (*Connection[E], error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	parent := of.NodeMeta().ID
	full := graph.Query{Kinds: []registry.Kind{q.Kind}, Parents: []registry.ID{parent}, Order: q.Order, Desc: q.Desc, Where: q.where()}
	bindings := []any{q.Kind, parent, full.Where}
	q.Limit = size + 1
	if !q.At.Today() {
		return pastPage(ctx, c, scope, of, q, append(bindings, q.At), p, edge)
	}
	if p.After != nil && *p.After != "" {
		return FindPage(ctx, c, scope, full, bindings, p, edge)
	}
	page, err := c.firstChildren(ctx, scope, of, q, size)
	if err != nil {
		return nil, err
	}
	conn := newConnection(c, scope, ListIdentity{bindings, q.Order, q.Desc}, page.nodes, page.nouns, edge)
	conn.PageInfo.HasNextPage = page.more
	conn.Count = func(ctx context.Context) (*int, error) { return countChildren(ctx, scope, of, q) }
	return conn, nil
}

// childCount is the field of the number of children that match a query.
type childCount struct{ ChildQuery }

// countChildren counts the children of a parent that match a query, and those of its siblings
// with them; nil when counting is too expensive.
func countChildren(ctx context.Context, scope *policies.Scope, of registry.Node, q ChildQuery) (*int, error) {
	return Batch(ctx, of, childCount{q}, func(ctx context.Context, all []registry.Node) ([]*int, error) {
		page, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{q.Kind}, Parents: idsOf(all), Where: q.where(), Limit: 1, PerParent: true, Count: true, Bare: true})
		out := make([]*int, len(all))
		for i := range out {
			if n, counted := page.TotalOf[all[i].NodeMeta().ID]; counted {
				out[i] = new(int(n))
			}
		}
		return out, err
	})
}

// oneOf returns the predicate for a column with one of a comma-separated list of values, none
// for "".
func oneOf(column registry.Index, values string) []graph.Predicate {
	if values == "" {
		return nil
	}
	p := graph.Predicate{Column: column, Op: graph.In}
	for _, v := range strings.Split(values, ",") {
		p.Values = append(p.Values, v)
	}
	return []graph.Predicate{p}
}

// EqualTo returns equality predicates for pairs of a column and a value. Pairs with an empty
// value are left out.
func EqualTo(pairs ...string) (out []graph.Predicate) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, graph.Predicate{Column: registry.Index(pairs[i]), Op: graph.In, Values: []any{pairs[i+1]}})
		}
	}
	return out
}

// NameStartsWith returns the predicate for names with a prefix, none for "".
func NameStartsWith(prefix string) []graph.Predicate {
	if prefix == "" {
		return nil
	}
	return []graph.Predicate{{Column: registry.IndexName, Op: graph.Prefix, Values: []any{prefix}}}
}
