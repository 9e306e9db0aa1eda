package sqlite

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// The full-text index is the FTS5 table node_words. It has a row for every node that
// has words, a column for every searched field, and one for the kind. It stores no
// text, only which word is in which column. Its tokenizer splits words at spaces,
// because graph.Tokenize has split the text before.
//
// Writing a row takes a few microseconds when many are written together, but 0.2 ms
// when it is alone between two savepoints. So an update only collects its entries, and
// the writer writes those of the whole batch before the commit.

// indexEntry holds the words of a node. An entry without words removes the node from
// the index.
type indexEntry struct {
	kind   int
	fields []graph.FieldWords
}

// indexEntries are the entries to write, by node number.
type indexEntries map[int64]indexEntry

// kindToken returns the word that stands for a kind in the index.
func kindToken(code int) string { return "k" + strconv.Itoa(code) }

// fieldColumn returns the column of a field. The prefix avoids reserved names.
func fieldColumn(field string) string { return "f_" + field }

var searchFields, searchedKinds = registry.SearchFields(), registry.SearchableKinds()

// The statements that create and write the index.
var createIndexSQL, writeIndexRowSQL = func() (string, string) {
	columns, placeholders := []string{"kind"}, []string{"?", "?"}
	for _, f := range searchFields {
		columns, placeholders = append(columns, fieldColumn(f)), append(placeholders, "?")
	}
	columnList := strings.Join(columns, ", ")
	return "CREATE VIRTUAL TABLE node_words USING fts5(" + columnList + ", content='', contentless_delete=1, detail=column, tokenize='ascii')",
		"INSERT OR REPLACE INTO node_words(rowid, " + columnList + ") VALUES(" + strings.Join(placeholders, ", ") + ")"
}()

// indexFormat identifies the format of the index. An index of another format is
// rebuilt.
func indexFormat() string {
	return fmt.Sprintf("%d %s", graph.TokenizerVersion, strings.Join(searchFields, " "))
}

// writeIndex writes entries in order of node number.
func (c *conn) writeIndex(entries indexEntries) error {
	for _, num := range slices.Sorted(maps.Keys(entries)) {
		if err := c.writeIndexRow(num, entries[num]); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) writeIndexRow(num int64, n indexEntry) error {
	if len(n.fields) == 0 {
		return c.exec("DELETE FROM node_words WHERE rowid = ?", num)
	}
	args := []any{num, kindToken(n.kind)}
	for _, field := range searchFields {
		i := slices.IndexFunc(n.fields, func(f graph.FieldWords) bool { return f.Field == field })
		if i < 0 {
			args = append(args, nil)
			continue
		}
		args = append(args, strings.Join(n.fields[i].Words, " "))
	}
	return c.exec(writeIndexRowSQL, args...)
}

// flushIndex writes the entries of this update and of those before it in the batch, so
// that a search inside the update finds them. It keeps the entries, which are written
// again before the commit: a rollback of this update would undo this write.
func (t *tx) flushIndex() error {
	if err := t.c.writeIndex(t.c.pendingEntries); err != nil {
		return err
	}
	return t.c.writeIndex(t.pendingEntries)
}

// indexChange compares the words of a node with the stored ones, and returns a function
// that enqueues the entry of the node if they differ. It must be called before the node
// is written.
func (t *tx) indexChange(n *graph.Node, p *plannedPut) (enqueue func(num int64), err error) {
	fields := graph.SearchWords(n)
	same := len(fields) == 0
	if p.num != 0 && slices.Contains(searchedKinds, n.Kind) {
		old := p.node
		if old == nil {
			old = &graph.Node{Kind: n.Kind}
			err = t.c.query("SELECT name, doc FROM node WHERE num = ?", func(st *engine.Stmt) error {
				old.Name, old.Doc = st.ColumnText(0), []byte(st.ColumnText(1))
				return nil
			}, p.num)
		}
		same = slices.EqualFunc(fields, graph.SearchWords(old), func(a, b graph.FieldWords) bool {
			return a.Field == b.Field && slices.Equal(a.Words, b.Words)
		})
	}
	if same {
		return func(int64) {}, err
	}
	return func(num int64) { t.pendingEntries[num] = indexEntry{t.s.codes.kind[n.Kind], fields} }, err
}

// matches are the numbers of the nodes that match a Query.Text, as a JSON array.
type matches struct {
	numbers string
	count   int
}

// matchingNumbers returns the numbers of the nodes that match q.Text, and whether there are
// more than are considered.
func (v *view) matchingNumbers(q graph.Query) (m matches, truncated bool, err error) {
	expression := v.s.codes.matchExpression(q)
	var numbers []byte
	if expression != "" {
		err = v.c.query("SELECT rowid FROM node_words WHERE node_words MATCH ? LIMIT ?+0", func(st *engine.Stmt) error {
			if m.count == q.Text.Considered() {
				truncated = true
				return nil
			}
			m.count++
			numbers = strconv.AppendInt(append(numbers, ','), st.ColumnInt64(0), 10)
			return nil
		}, expression, q.Text.Considered()+1)
	}
	if m.numbers = "[]"; len(numbers) > 0 {
		numbers[0] = '['
		m.numbers = string(numbers) + "]"
	}
	return m, truncated, err
}

// matchExpression returns the FTS5 expression for q.Text. Nothing needs escaping:
// CheckText makes sure that words only have letters and digits, and everything else
// comes from this package.
func (x *codes) matchExpression(q graph.Query) string {
	words := make([]string, len(q.Text.Words))
	for i, w := range q.Text.Words {
		words[i] = `"` + w + `"`
	}
	words[len(words)-1] += " *"
	all := strings.Join(words, " AND ")
	var groups []string
	for _, group := range q.FieldGroups() {
		var kinds, columns []string
		for _, k := range group.Kinds {
			kinds = append(kinds, `"`+kindToken(x.kind[k])+`"`)
		}
		for _, f := range group.Fields {
			columns = append(columns, fieldColumn(f))
		}
		groups = append(groups, "(kind : ("+strings.Join(kinds, " OR ")+") AND {"+strings.Join(columns, " ")+"} : ("+all+"))")
	}
	return strings.Join(groups, " OR ")
}

// rebuildStaleIndex creates and fills the full-text index when it is missing or of
// another format.
func (s *Store) rebuildStaleIndex(c *conn) error {
	format := ""
	err := c.query("SELECT value FROM meta WHERE key = 'words'", func(st *engine.Stmt) error { format = st.ColumnText(0); return nil })
	if err != nil || format == indexFormat() {
		return err
	}
	for _, ddl := range []string{"DROP TABLE IF EXISTS node_words", createIndexSQL} {
		if err := c.execOnce(ddl); err != nil {
			return err
		}
	}
	for last := int64(0); ; {
		batch, next, err := s.entriesAfter(c, last)
		if err == nil {
			err = c.writeIndex(batch)
		}
		if err != nil {
			return err
		}
		if next == last {
			break
		}
		last = next
	}
	return c.exec("INSERT OR REPLACE INTO meta(key, value) VALUES('words', ?)", indexFormat())
}

// entriesAfter returns the entries of the next nodes, and the number of the last node
// that it read.
func (s *Store) entriesAfter(c *conn, last int64) (indexEntries, int64, error) {
	out := indexEntries{}
	err := c.query("SELECT num, kind, name, doc, deleted FROM node WHERE num > ? ORDER BY num LIMIT ?+0", func(st *engine.Stmt) error {
		last = st.ColumnInt64(0)
		n := graph.Node{Kind: s.codes.kindName[st.ColumnInt(1)], Name: st.ColumnText(2), Doc: []byte(st.ColumnText(3)), Deleted: st.ColumnBool(4)}
		if fields := graph.SearchWords(&n); len(fields) > 0 {
			out[last] = indexEntry{st.ColumnInt(1), fields}
		}
		return nil
	}, last, 1000)
	return out, last, err
}
