package neo4j

import (
	"slices"
	"strings"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// pageQuery is a query for a page of an index, from behind a node.
func (x listIndex) pageQuery(desc bool) graph.Query {
	value := func(c registry.Index) any {
		if columnType(c) == registry.IntIndex {
			return int64(1)
		}
		return "v"
	}
	q := graph.Query{Kinds: []registry.Kind{x.kind}, Order: x.order, Desc: desc, Limit: 10,
		After: &graph.Key{Value: value(x.order), ID: "n"}}
	if x.children {
		q.Parents = []registry.ID{"p"}
	}
	if x.filter != registry.NoIndex {
		q.Where = []graph.Predicate{{Column: x.filter, Op: graph.In, Values: []any{value(x.filter)}}}
	}
	return q
}

// operatorsOf returns the operators of the plan of a query that is run.
func operatorsOf(t *testing.T, s *Store, q graph.Query) (all string) {
	t.Helper()
	var texts []string
	var values []map[string]any
	s.onQuery = func(text string, params map[string]any) { texts, values = append(texts, text), append(values, params) }
	_, err := s.Find(t.Context(), q)
	s.onQuery = nil
	if err != nil || len(texts) == 0 {
		t.Fatal(q, err)
	}
	session := s.session(t.Context(), driver.AccessModeRead)
	defer session.Close(t.Context())
	for i, text := range texts {
		result, err := session.Run(t.Context(), "EXPLAIN "+text, values[i])
		if err != nil {
			t.Fatal(err)
		}
		summary, err := result.Consume(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all += strings.Join(drawnOperators(t, summary.Plan()), " ") + " "
	}
	return all
}

// TestListsComeInTheOrderOfTheirIndexOnNeo4j explains a page of each list, both ways, and of
// children for one parent and for each of two: nothing is sorted, so nothing is read that the
// page does not return. The negative control has an order without an index.
func TestListsComeInTheOrderOfTheirIndexOnNeo4j(t *testing.T) {
	s := open(t)
	sorts := func(plan string) bool { return strings.Contains(plan, "Sort") || strings.Contains(plan, "Top") }
	for _, x := range listIndexes {
		for _, desc := range []bool{false, true} {
			q := x.pageQuery(desc)
			if plan := operatorsOf(t, s, q); sorts(plan) || !strings.Contains(plan, "NodeIndexSeek") {
				t.Errorf("%v, desc %v: %s", x, desc, plan)
			}
			if !x.children {
				continue
			}
			q.Parents, q.PerParent, q.After, q.Count = []registry.ID{"p", "r"}, true, nil, true
			if plan := operatorsOf(t, s, q); strings.Contains(plan, "Top") { // The rows of all parents are sorted.
				t.Errorf("%v of each parent, desc %v: %s", x, desc, plan)
			}
		}
	}
	q := listIndex{kind: registry.KindTag, children: true, order: registry.IndexOwner}.pageQuery(false)
	if plan := operatorsOf(t, s, q); !sorts(plan) {
		t.Errorf("an order without an index: %s", plan)
	}
}

// TestEveryListHasItsIndexes compares the indexes with the table of lists.
func TestEveryListHasItsIndexes(t *testing.T) {
	orders := 0
	for _, l := range registry.Lists() {
		for _, order := range l.Orders {
			orders++
			if !slices.Contains(listIndexes, listIndex{l.Kind, l.Children, registry.NoIndex, order}) {
				t.Errorf("%s by %s has no index", l.Kind, order)
			}
		}
	}
	if orders < 30 || len(listStep) != len(listIndexes)+1 {
		t.Errorf("%d orders, %d texts", orders, len(listStep))
	}
	t.Logf("%d indexes", len(listIndexes))
}
