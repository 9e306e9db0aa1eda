package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// firstNewColumn is the column that came with the list of filled columns. A store without
// that list has all others.
const firstNewColumn = "ALIAS.version_key"

// fillColumns fills the index columns that the field table has and that the stored nodes do
// not have yet. The table meta keeps which columns of which kinds are filled. Nodes that
// have ended are left out: they may have given up their columns.
func (s *Store) fillColumns(c *conn) error {
	var known []string
	hasList := false
	err := c.query("SELECT value FROM meta WHERE key = 'columns'", func(st *engine.Stmt) error {
		known, hasList = strings.Fields(st.ColumnText(0)), true
		return nil
	})
	if err != nil {
		return err
	}
	var all []string
	for _, noun := range registry.Nouns() {
		missing := false
		for _, col := range columnsOf[noun.Kind] {
			name := string(noun.Kind) + "." + string(col.name)
			all = append(all, name)
			missing = missing || hasList && !slices.Contains(known, name) || !hasList && name == firstNewColumn
		}
		if missing {
			if err := s.fillColumnsOf(c, noun.Kind); err != nil {
				return err
			}
		}
	}
	return c.exec("INSERT OR REPLACE INTO meta(key, value) VALUES('columns', ?)", strings.Join(all, " "))
}

// fillColumnsOf reads the columns of all nodes of a kind from their documents.
func (s *Store) fillColumnsOf(c *conn, kind registry.Kind) error {
	var set []string
	for _, col := range columnsOf[kind] {
		set = append(set, fmt.Sprintf("%s = ?", col.name))
	}
	update := "UPDATE node SET " + strings.Join(set, ", ") + " WHERE num = ?"
	for last := int64(0); ; {
		var rows [][]any
		read := 0
		err := c.query("SELECT num, doc FROM node WHERE num > ? AND kind = ? AND deleted = 0 AND valid_to = 0 ORDER BY num LIMIT ?+0", func(st *engine.Stmt) error {
			read, last = read+1, st.ColumnInt64(0)
			values, err := registry.ColumnsOf(kind, []byte(st.ColumnText(1)))
			var row []any
			for _, col := range columnsOf[kind] {
				row = append(row, values[col.name])
			}
			rows = append(rows, append(row, last))
			return err
		}, last, s.codes.kind[kind], 1000)
		if err != nil || read == 0 {
			return err
		}
		for _, row := range rows {
			if err := c.exec(update, row...); err != nil {
				return err
			}
		}
	}
}
