package core

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// MaxPage is the most items of one page.
const MaxPage = 200

// PageInfo says where a page lies in its list (Relay).
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     string
	EndCursor       string
}

// Connection is one page of a list with the edges E (Relay). TotalCount is
// computed only when it is asked for.
type Connection[E any] struct {
	Edges    []E
	PageInfo PageInfo
	Count    func(context.Context) (*int, error)
}

// TotalCount counts all that match and that the caller sees; nil where that is
// not cheap.
func (c *Connection[E]) TotalCount(ctx context.Context) (*int, error) {
	if c.Count == nil {
		return nil, nil
	}
	return c.Count(ctx)
}

// Paging is what every list takes.
type Paging struct {
	First *int
	After *string
}

// Size checks First: 1 to MaxPage, def when left out. It is refused, not clamped.
func (p Paging) Size(def int) (int, error) {
	if p.First == nil {
		return def, nil
	}
	if *p.First < 1 || *p.First > MaxPage {
		return 0, registry.Invalid("first", "must be 1..%d, not %d; page on with after", MaxPage, *p.First)
	}
	return *p.First, nil
}

// ListIdentity names a list for its cursors: what it lists, filtered and sorted how, for
// whom. A cursor of one list is refused by every other.
type ListIdentity struct {
	bindings any
	order    registry.Index
	desc     bool
}

// NewListIdentity names a list by what it lists, sorted how.
func NewListIdentity(bindings any, order registry.Index, desc bool) ListIdentity {
	return ListIdentity{bindings, order, desc}
}

// SealCursor makes a cursor that holds values and is bound to a caller and a list. The
// same place in the same list has the same cursor.
func (c *Core) SealCursor(subject string, l any, values any) string {
	payload, _ := json.Marshal(values)
	mac := c.cursorMAC(subject, l, payload)
	return base64.RawURLEncoding.EncodeToString(append(mac[:12], payload...))
}

// OpenCursor reads a cursor's values; INVALID_ARGUMENT for one that was not made here
// for this caller and list.
func (c *Core) OpenCursor(subject string, l any, cursor string, values any) error {
	invalid := registry.Invalid("after", "is not a cursor of this list; pass an endCursor of the same query, unchanged")
	if len(cursor) > 4096 {
		return invalid
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < 12 {
		return invalid
	}
	mac := c.cursorMAC(subject, l, raw[12:])
	if !hmac.Equal(mac[:12], raw[:12]) {
		return invalid
	}
	d := json.NewDecoder(bytes.NewReader(raw[12:]))
	d.UseNumber()
	if d.Decode(values) != nil {
		return invalid
	}
	return nil
}

func (c *Core) cursorMAC(subject string, l any, payload []byte) []byte {
	h := hmac.New(sha256.New, c.cursorKey)
	binding, _ := json.Marshal([]any{subject, l})
	h.Write(binding)
	h.Write([]byte{0})
	h.Write(payload)
	return h.Sum(nil)
}

// MarshalJSON writes what a cursor is bound to.
func (l ListIdentity) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{l.bindings, l.order, l.desc})
}

func (c *Core) sealKeyCursor(scope *policies.Scope, l ListIdentity, n *graph.Node) string {
	k := policies.KeyOf(n, l.order)
	return c.SealCursor(scope.Actor().Subject, l, []any{k.Value, k.ID})
}

func (c *Core) openKeyCursor(scope *policies.Scope, l ListIdentity, after *string) (*graph.Key, error) {
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

// FindPage answers one page of a query as a connection of edges.
func FindPage[N registry.Node, E any](ctx context.Context, c *Core, scope *policies.Scope, q graph.Query, bindings any, p Paging, edge func(string, N) E) (*Connection[E], error) {
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	l := ListIdentity{bindings, q.Order, q.Desc}
	if q.After, err = c.openKeyCursor(scope, l, p.After); err != nil {
		return nil, err
	}
	q.Limit = size
	page, err := scope.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	conn, err := newConnection(c, scope, l, registry.Instant{}, page.Nodes, edge)
	if err != nil {
		return nil, err
	}
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = page.More, q.After != nil
	conn.Count = countMatches(scope, q)
	return conn, nil
}

// counter counts all that a query matches when it is asked to; nil where that is
// not cheap.
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

// newConnection decodes nodes that were read at an instant into a connection.
func newConnection[N registry.Node, E any](c *Core, scope *policies.Scope, l ListIdentity, at registry.Instant, nodes []*graph.Node, edge func(string, N) E) (*Connection[E], error) {
	conn := &Connection[E]{Edges: []E{}}
	for i, n := range nodes {
		noun, err := NounAs[N](c.Decode(n, at))
		if err != nil {
			return nil, err
		}
		cursor := c.sealKeyCursor(scope, l, n)
		if i == 0 {
			conn.PageInfo.StartCursor = cursor
		}
		conn.PageInfo.EndCursor = cursor
		conn.Edges = append(conn.Edges, edge(cursor, noun))
	}
	return conn, nil
}

// ListChildren answers the first page of a parent's children through the loader, and
// further pages by themselves.
func ListChildren[N registry.Node, E any](ctx context.Context, c *Core, parent registry.ID, q ChildQuery, p Paging, edge func(string, N) E) (*Connection[E], error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	full := graph.Query{Kinds: []registry.Kind{q.Kind}, Parents: []registry.ID{parent}, Order: q.Order, Desc: q.Desc, Where: q.where()}
	bindings := []any{q.Kind, parent, full.Where}
	q.Limit = size + 1
	if !q.At.Today() {
		return pastPage(ctx, c, scope, parent, q, append(bindings, q.At), p, edge)
	}
	if p.After != nil && *p.After != "" {
		return FindPage(ctx, c, scope, full, bindings, p, edge)
	}
	nodes, err := LoadChildren(ctx, scope, parent, q)
	if err != nil {
		return nil, err
	}
	more := len(nodes) > size
	conn, err := newConnection(c, scope, ListIdentity{bindings, q.Order, q.Desc}, q.At, nodes[:min(size, len(nodes))], edge)
	if err != nil {
		return nil, err
	}
	conn.PageInfo.HasNextPage = more
	conn.Count = countMatches(scope, full)
	return conn, nil
}

// stagePredicates keeps the stages of a childQuery.
func stagePredicates(stages string) []graph.Predicate {
	if stages == "" {
		return nil
	}
	p := graph.Predicate{Column: registry.IndexStage, Op: graph.In}
	for _, st := range strings.Split(stages, ",") {
		p.Values = append(p.Values, st)
	}
	return []graph.Predicate{p}
}

// EqualTo builds the equality predicates of a filter from columns and values;
// empty values are left out.
func EqualTo(pairs ...string) (out []graph.Predicate) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, graph.Predicate{Column: registry.Index(pairs[i]), Op: graph.In, Values: []any{pairs[i+1]}})
		}
	}
	return out
}

// NameStartsWith keeps names that start so; "" keeps all.
func NameStartsWith(prefix string) []graph.Predicate {
	if prefix == "" {
		return nil
	}
	return []graph.Predicate{{Column: registry.IndexName, Op: graph.Prefix, Values: []any{prefix}}}
}
