package neo4j

import (
	"context"
	"slices"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// listIndex is an index of the nodes of one kind, of one parent or of all, by the value of a
// filter and in an order. It gives the order and the ties, so that a page costs what it
// returns, however many other nodes there are. The label of the kind keeps all others out.
type listIndex struct {
	kind          registry.Kind
	children      bool
	filter, order registry.Index
}

// listIndexes are the indexes that lists need.
var listIndexes = func() (out []listIndex) {
	add := func(x listIndex) {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	for _, l := range registry.Lists() {
		orders := l.Orders
		if l.Children {
			orders = append([]registry.Index{registry.IndexName}, orders...)
		}
		for _, order := range orders {
			add(listIndex{l.Kind, l.Children, registry.NoIndex, order})
		}
		for _, filter := range l.Filters {
			for _, order := range filter.Orders {
				add(listIndex{l.Kind, l.Children, filter.By, order})
			}
		}
	}
	return out
}()

// first is the property that all nodes of a list share.
func (x listIndex) first() string {
	if x.children {
		return "parent_key"
	}
	return "kind_key"
}

// properties are the indexed properties.
func (x listIndex) properties() []string {
	out := []string{"n." + x.first(), "n." + property(x.order), "n.id"}
	if x.filter != registry.NoIndex {
		out = slices.Insert(out, 1, "n."+string(x.filter))
	}
	return out
}

// pattern is the text that finds nodes by the index.
func (x listIndex) pattern() string {
	list := strings.ReplaceAll(strings.Join(x.properties(), ", "), "n.", "")
	return "MATCH (n:" + string(x.kind) + ") USING INDEX SEEK n:" + string(x.kind) + "(" + list + ")"
}

// listIndexOf returns the index for a query for the children of one parent or of each of
// several, or for the nodes of a kind, in an order.
func listIndexOf(q graph.Query, order registry.Index) (listIndex, bool) {
	if len(q.Kinds) != 1 || len(q.Slots) > 0 || q.Text != nil || len(q.Parents) > 1 && !q.PerParent {
		return listIndex{}, false
	}
	x := listIndex{kind: q.Kinds[0], children: len(q.Parents) > 0, order: order}
	for _, p := range q.Where {
		if p.Op == graph.In && len(p.Values) == 1 && p.Child == "" && p.Self == "" && !p.Served {
			if x.filter = p.Column; slices.Contains(listIndexes, x) {
				return x, true
			}
		}
	}
	x.filter = registry.NoIndex
	return x, slices.Contains(listIndexes, x)
}

// listStep adds the indexes of the lists. A list that is added later needs a step of its own.
var listStep = func() (texts []string) {
	for _, x := range listIndexes {
		name := []string{"list", strings.ToLower(string(x.kind))}
		if x.children {
			name = append(name, "children")
		}
		if x.filter != registry.NoIndex {
			name = append(name, "of", string(x.filter))
		}
		texts = append(texts, "CREATE INDEX "+strings.Join(append(name, "by", string(x.order)), "_")+" IF NOT EXISTS FOR (n:"+string(x.kind)+") ON ("+strings.Join(x.properties(), ", ")+")")
	}
	return append(texts, "CALL db.awaitIndexes(300)")
}()

// setAbsentColumns writes the absent values of nodes that are older than a column: an index
// has only nodes with all of its properties.
var setAbsentColumns = func() string {
	var sets []string
	for _, c := range columns {
		absent := "''"
		if c.Type == registry.IntIndex {
			absent = "0"
		}
		sets = append(sets, "n."+string(c.Name)+" = coalesce(n."+string(c.Name)+", "+absent+")")
	}
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX SEEK n:Node(key) SET " + strings.Join(sets, ", ")
}()

// backfillAbsent runs setAbsentColumns over the kinds that have lists.
func backfillAbsent(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	q := graph.Query{Limit: batch, Bare: true, Deleted: true}
	for _, x := range listIndexes {
		if !slices.Contains(q.Kinds, x.kind) {
			q.Kinds = append(q.Kinds, x.kind)
		}
	}
	return s.backfillPages(ctx, session, q, func(v *view, nodes []*graph.Node) error {
		keys := make([]string, len(nodes))
		for i, n := range nodes {
			keys[i] = v.key(string(n.ID))
		}
		_, err := v.query(ctx, setAbsentColumns, map[string]any{"keys": keys})
		return err
	})
}
