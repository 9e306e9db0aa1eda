package sqlite

import (
	"errors"
	"slices"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// errCrowded says that the children of a parent are crowded.
var errCrowded = errors.New("sqlite: the children are crowded")

// ofOneParent ends a statement that reads the children of a kind of a parent, byNumber one that reads a
// node.
var ofOneParent = " FROM node n INDEXED BY " + byParent.name() + " WHERE n.parent_num = ? AND n.parent_num<>0 AND n.kind = ? AND n.deleted = 0"

const byNumber = " FROM node n WHERE n.num = ?"

// isOfOne reports whether a query asks for all children of one kind of one parent, without
// conditions.
func isOfOne(q graph.Query) bool {
	return len(q.Parents) == 1 && q.Parents[0] != "" && len(q.Kinds) == 1 && len(q.Slots)+len(q.Where)+len(q.AnyOf) == 0 &&
		q.Text == nil && q.After == nil && !q.Deleted && !q.Count && !q.PerParent
}

// findFewOfOne answers such a query by the keys of the children, which are sorted here: a sort with a
// LIMIT makes a temporary table in the engine. It finds nothing when the children are crowded.
func (v *view) findFewOfOne(q graph.Query, typ registry.IndexType) (page graph.Page, found bool, err error) {
	page.Total = -1
	kind := v.s.codes.kind[q.Kinds[0]]
	parent, err := v.parentNumber(q.Parents[0])
	if err != nil || kind == 0 {
		return page, false, err
	}
	type child struct {
		num int64
		key sortKey
	}
	var all []child
	err = v.c.query("SELECT n.crowded, n.num, n.id, n."+string(q.Order)+ofOneParent, func(st *engine.Stmt) error {
		if st.ColumnBool(0) {
			return errCrowded
		}
		all = append(all, child{st.ColumnInt64(1), keyOf(st, 3, typ, registry.ID(st.ColumnText(2)))})
		return nil
	}, parent, kind)
	if err != nil {
		if errors.Is(err, errCrowded) {
			err = nil
		}
		return page, false, err
	}
	slices.SortFunc(all, func(a, b child) int { return a.key.compare(b.key, q.Desc) })
	if page.More = len(all) > q.Limit; page.More {
		all = all[:q.Limit]
	}
	for _, c := range all {
		err := v.c.query(selectNodeSQL[boolIndex(q.Bare)]+byNumber, func(st *engine.Stmt) error {
			n, err := v.scanNode(st, 0, false, q.Bare)
			if err == nil {
				n.Served = registry.Served(st.ColumnInt(servedColumn))
				page.Nodes = append(page.Nodes, n)
			}
			return err
		}, c.num)
		if err != nil {
			return page, false, err
		}
	}
	return page, true, nil
}
