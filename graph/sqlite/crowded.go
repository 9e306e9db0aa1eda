package sqlite

import (
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// Most parents have few children of a kind: a model has some versions, a version some
// transitions. Their lists are read by the index of all children and sorted, which costs
// next to nothing. Indexes in the orders of a list would cost a write a page each, because
// the entries of one parent lie far from those of another. So only the children of a parent
// that has many of a kind are in these indexes. They are crowded, and stay so.

// crowd is the number of children of one kind that a parent may have before they are crowded.
const crowd = 50

// firstChildren selects the first children of one kind of a parent, by the index alone.
var firstChildren = "SELECT crowded FROM node INDEXED BY " + byParent.name() + " WHERE parent_num = ? AND parent_num<>0 AND kind = ? LIMIT ?+0"

// isCrowded reports whether the children of a kind of a parent are crowded.
func (v *view) isCrowded(parent int64, kind int) (bool, error) {
	n, err := v.c.queryInt(firstChildren, parent, kind, 1)
	return n != 0, err
}

// siblings are the children of one kind of a parent: how many there are, up to a crowd, and
// whether they are crowded.
type siblings struct {
	count   int
	crowded bool
}

type siblingsKey struct {
	parent int64
	kind   int
}

// siblingsOf returns the children of a kind of a parent, with those that wait to be inserted.
func (t *tx) siblingsOf(key siblingsKey) (*siblings, error) {
	if known := t.children[key]; known != nil {
		return known, nil
	}
	s := &siblings{}
	err := t.c.query(firstChildren, func(st *engine.Stmt) error {
		s.count++
		if s.crowded = st.ColumnBool(0); s.crowded { // All are, or none.
			return errLastRow
		}
		return nil
	}, key.parent, key.kind, crowd)
	if t.children == nil {
		t.children = map[siblingsKey]*siblings{}
	}
	t.children[key] = s
	return s, err
}

// joinChildren reports whether a node that becomes a child of a parent is crowded. When it is
// one too many, all its siblings are crowded from now on.
func (t *tx) joinChildren(parent int64, kind int) (bool, error) {
	if parent == 0 {
		return false, nil
	}
	s, err := t.siblingsOf(siblingsKey{parent, kind})
	if err != nil || s.crowded {
		return true, err
	}
	if s.count++; s.count <= crowd {
		return false, nil
	}
	if err := t.insertNew(); err != nil { // They are siblings too.
		return false, err
	}
	s.crowded = true
	return true, t.c.exec("UPDATE node INDEXED BY "+byParent.name()+" SET crowded = 1 WHERE parent_num = ? AND parent_num<>0 AND kind = ?", parent, kind)
}

// addCrowded adds the column that says which nodes are crowded, and fills it.
func addCrowded(c *conn) error {
	existing, err := columnsOfNode(c)
	if err != nil {
		return err
	}
	if !existing["crowded"] {
		if err := c.execOnce("ALTER TABLE node ADD COLUMN crowded INTEGER NOT NULL DEFAULT 0"); err != nil {
			return err
		}
	}
	return c.execOnce(fmt.Sprintf("UPDATE node SET crowded = 1 WHERE parent <> '' AND (parent, kind) IN "+
		"(SELECT parent, kind FROM node WHERE parent <> '' GROUP BY parent, kind HAVING count(*) > %d)", crowd))
}

// listPart is a part of a query that is read by one statement.
type listPart struct {
	graph.Query
	// parents are the numbers of the parents.
	parents []int64
	// crowded says that the children of all the parents are crowded, otherwise none are.
	crowded bool
}

// splitByCrowd splits a query for children of one kind into one for the parents that have few
// and one for those that have many.
func (v *view) splitByCrowd(q listPart, kind int) ([]listPart, error) {
	if kind < 0 || len(q.parents) == 0 || len(q.Slots) > 0 {
		return []listPart{q}, nil
	}
	few, many := q, q
	few.parents, many.parents, many.crowded = nil, nil, true
	for _, p := range q.parents {
		crowded, err := v.isCrowded(p, kind)
		if err != nil {
			return nil, err
		}
		if crowded {
			many.parents = append(many.parents, p)
		} else {
			few.parents = append(few.parents, p)
		}
	}
	switch {
	case len(many.parents) == 0:
		return []listPart{few}, nil
	case len(few.parents) == 0:
		return []listPart{many}, nil
	}
	return []listPart{few, many}, nil
}

// fewChildren drives a list of the children of parents that have few: by an index of a filter
// and the parents when there is one, otherwise by the parents.
func fewChildren(q listPart, kind registry.Kind, served bool) source {
	for _, f := range filtersOf(q.Query) {
		if x := (listIndex{kind: kind, filter: f.column, order: indexOfParents}); f.child == "" && listIndexes[x] && f.in() {
			s := indexSource(x)
			s.unsorted = true
			return s
		}
	}
	return allChildren(served)
}

// allChildren drives a list by the parents alone.
func allChildren(served bool) source {
	x := byParent
	if x.served = served; !listIndexes[x] {
		return source{from: "node n"}
	}
	s := indexSource(x)
	s.unsorted = true
	return s
}

// in reports whether a filter wants one of some values.
func (f filter) in() bool {
	return !slices.ContainsFunc(f.predicates, func(p graph.Predicate) bool { return p.Op != graph.In })
}
