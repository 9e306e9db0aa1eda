package sqlite

import (
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// The column parent_num of the table node has the number of the parent, 0 for none. The
// indexes of children have it instead of the id: it is short, and the children of a new node
// come last, on pages that other writes touch too. A parent that is no node yet has a negative
// number, made of its id, until it becomes one.

// parentNumber returns the number of a parent.
func (v *view) parentNumber(parent registry.ID) (int64, error) {
	if parent == "" {
		return 0, nil
	}
	num, err := v.c.queryInt("SELECT num FROM node WHERE id = ?", string(parent))
	if err == nil && num == 0 {
		num = absentNumber(parent)
	}
	return num, err
}

// absentNumber returns the number of a parent that is no node.
func absentNumber(parent registry.ID) int64 { return -1 - hashOf("parent "+string(parent), 62) }

// parentNumbers returns the numbers of parents.
func (v *view) parentNumbers(parents []registry.ID) ([]int64, error) {
	out := make([]int64, len(parents))
	for i, p := range parents {
		var err error
		if out[i], err = v.parentNumber(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// childOf selects a child of a parent, by the index alone.
var childOf = "SELECT num FROM node INDEXED BY " + byParent.name() + " WHERE parent_num = ? AND parent_num<>0 LIMIT 1"

// adoptChildren gives a new node the children that were there before it. Mostly there are none,
// which a statement that writes would find out at a higher price.
func (t *tx) adoptChildren(id registry.ID, num int64) error {
	absent := absentNumber(id)
	child, err := t.orphanOf(absent)
	if err != nil || child == 0 {
		return err
	}
	return t.c.exec("UPDATE node INDEXED BY "+byParent.name()+" SET parent_num = ? WHERE parent_num = ? AND parent_num<>0", num, absent)
}

// anOrphan selects a node whose parent is no node.
var anOrphan = "SELECT num FROM node INDEXED BY " + byParent.name() + " WHERE parent_num < 0 AND parent_num<>0 LIMIT 1"

// orphanOf returns a child of what is no node, 0 when there is none.
func (t *tx) orphanOf(absent int64) (int64, error) {
	if may, err := t.mayHaveOrphans(); err != nil || !may {
		return 0, err
	}
	return t.c.queryInt(childOf, absent)
}

// mayHaveOrphans reports whether there may be a node whose parent is no node. There seldom is one: parents come first.
func (t *tx) mayHaveOrphans() (bool, error) {
	c := &t.change
	switch {
	case c.addedOrphan:
		return true, nil
	case c.noOrphans || t.s.recent.noOrphans:
		return false, nil
	}
	orphan, err := t.c.queryInt(anOrphan)
	c.noOrphans = err == nil && orphan == 0
	return !c.noOrphans, err
}

// addParentNumbers adds the column and fills it.
func addParentNumbers(c *conn) error {
	existing, err := columnsOfNode(c)
	if err != nil {
		return err
	}
	if !existing["parent_num"] {
		if err := c.execOnce("ALTER TABLE node ADD COLUMN parent_num INTEGER NOT NULL DEFAULT 0"); err != nil {
			return err
		}
	}
	if err := c.execOnce("UPDATE node SET parent_num = coalesce((SELECT p.num FROM node p WHERE p.id = node.parent), 0) WHERE parent <> ''"); err != nil {
		return err
	}
	absent := map[registry.ID]bool{}
	err = c.query("SELECT parent FROM node WHERE parent <> '' AND parent_num = 0", func(st *engine.Stmt) error { absent[registry.ID(st.ColumnText(0))] = true; return nil })
	for p := range absent {
		if err == nil {
			err = c.exec("UPDATE node SET parent_num = ? WHERE parent = ?", absentNumber(p), string(p))
		}
	}
	if err != nil {
		return err
	}
	return c.finalizeAll() // The writer needs these statements never again.
}
