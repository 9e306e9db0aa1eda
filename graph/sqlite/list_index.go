package sqlite

import (
	"fmt"
	"strings"

	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// Every page of a list names its index in the text of its statement. The planner has no
// statistics, and would now and then sort a whole kind where a few rows match.

// listIndex is what a list needs of an index of the table node: the nodes of one kind, of one
// parent or of all, by the value of a filter and in an order. The lists of several kinds with
// the same columns share one index. Each is partial, so that a node is only in the indexes of
// lists that it can be in; see crowded.go for the children of a parent. Counting reads nothing
// but the index.
type listIndex struct {
	kind          registry.Kind
	children      bool
	filter, order registry.Index
	// served means that only nodes are in it which a served version needs: the lists of
	// developers and viewers.
	served bool
}

// indexOfParents is the order of an index that finds the parents of nodes.
const indexOfParents registry.Index = "parent_num"

// byParent and byParentAndName are the indexes that are not of one kind: all children of a
// parent in no order, and the crowded ones by name.
var (
	byParent        = listIndex{children: true}
	byParentAndName = listIndex{children: true, order: registry.IndexName}
)

// listIndexes are all indexes that lists need.
var listIndexes = func() map[listIndex]bool {
	out := map[listIndex]bool{byParent: true, byParent.ofServed(): true, byParentAndName: true, byParentAndName.ofServed(): true}
	for _, l := range registry.Lists() {
		add := func(filter, order registry.Index) {
			x := listIndex{kind: l.Kind, children: l.Children, filter: filter, order: order}
			if out[x] = true; l.Kind.HasServed() {
				out[x.ofServed()] = true
			}
		}
		for _, order := range l.Orders {
			add(registry.NoIndex, order)
		}
		for _, filter := range l.Filters {
			for _, order := range filter.Orders {
				add(filter.By, order)
			}
		}
		for _, filter := range l.ParentsOf {
			out[listIndex{kind: l.Kind, children: l.Children, filter: filter, order: indexOfParents}] = true
		}
	}
	return out
}()

// indexedKinds are the kinds in the index that a list shares with those that differ from it in
// their kind alone.
var indexedKinds = func() map[listIndex][]registry.Kind {
	out := map[listIndex][]registry.Kind{}
	for x := range listIndexes {
		if !x.ofAllKinds() {
			shared := x.withoutKind()
			out[shared] = append(out[shared], x.kind)
		}
	}
	return out
}()

func (x listIndex) withoutKind() listIndex {
	x.kind = ""
	return x
}

// ofServed is the index of the same list for callers who see only what is served.
func (x listIndex) ofServed() listIndex {
	x.served = true
	return x
}

// ofAllKinds reports whether the index has the children of all kinds.
func (x listIndex) ofAllKinds() bool { return x.kind == "" }

// ofCrowded reports whether the index has only crowded nodes.
func (x listIndex) ofCrowded() bool { return x.children && x.order != registry.NoIndex }

// name returns the name of the index in the database.
func (x listIndex) name() string {
	parts := []string{"list"}
	if x.served {
		parts = append(parts, "served")
	}
	if x.children && !x.ofAllKinds() {
		parts = append(parts, "some")
	}
	if x.children {
		parts = append(parts, "children")
	}
	if x.filter != registry.NoIndex {
		parts = append(parts, "of", string(x.filter))
	}
	if x.order != registry.NoIndex {
		parts = append(parts, "by", string(x.order))
	}
	return strings.Join(parts, "_")
}

// maxIndexedKind is the largest number of a kind that a condition of an index can have.
const maxIndexedKind = 62

// hasKinds is the condition that a row of the index meets because of its kind; "" when the index
// has all kinds. Statements repeat it word for word, as the engine wants it. It tests a bit of
// a number, because the engine makes a temporary table for IN, at every write of every index.
func (x listIndex) hasKinds(table string, codes codes) string {
	if x.ofAllKinds() {
		return ""
	}
	var bits uint64
	for _, kind := range indexedKinds[x.withoutKind()] {
		bits |= 1 << codes.kind[kind]
	}
	return fmt.Sprintf("(%d>>%skind)&1", bits, table)
}

// ddl returns the statement that creates the index.
func (x listIndex) ddl(codes codes) string {
	columns := []string{"kind"}
	where := x.hasKinds("", codes)
	if x.children {
		columns = []string{"parent_num", "kind"}
	}
	if x.ofAllKinds() {
		where = "parent_num<>0"
	}
	if x.ofCrowded() {
		where += " AND crowded=1"
	}
	if x.served {
		where += fmt.Sprintf(" AND served=%d", registry.IsServed)
	}
	if x.filter != registry.NoIndex {
		columns = append(columns, string(x.filter))
	}
	switch x.order {
	case registry.NoIndex:
		columns = append(columns, "deleted", "crowded")
	case indexOfParents:
		columns = append(columns, string(x.order), "deleted")
	default:
		columns = append(columns, string(x.order), "id", "deleted")
	}
	return fmt.Sprintf("CREATE INDEX %s ON node(%s) WHERE %s", x.name(), strings.Join(columns, ", "), where)
}

// syncListIndexes creates the missing indexes and drops those that no list needs any more,
// or that an earlier program made of other columns.
func syncListIndexes(c *conn, codes codes) error {
	for kind, code := range codes.kind {
		if code > maxIndexedKind {
			return fmt.Errorf("sqlite: %s is the kind %d, and indexes have room for %d", kind, code, maxIndexedKind)
		}
	}
	existing := map[string]string{}
	err := c.query("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'node' AND name LIKE 'list!_%' ESCAPE '!'",
		func(st *engine.Stmt) error { existing[st.ColumnText(0)] = st.ColumnText(1); return nil })
	if err != nil {
		return err
	}
	wanted := map[string]string{}
	for x := range listIndexes {
		wanted[x.name()] = x.ddl(codes)
	}
	for name, ddl := range existing {
		if wanted[name] == ddl {
			delete(wanted, name)
			continue
		}
		if err := c.execOnce("DROP INDEX " + name); err != nil {
			return err
		}
	}
	for _, ddl := range wanted {
		if err := c.execOnce(ddl); err != nil {
			return err
		}
	}
	return nil
}

// replaceIndexes drops the indexes of earlier programs, which would scan tables without
// them, and gives the log an index of its actions. syncListIndexes creates the others.
func replaceIndexes(c *conn) error {
	names := []string{"node_kind_name", "node_kind_valid_from", "node_parent_name", "node_parent_valid_from"}
	for _, noun := range registry.Nouns() {
		for _, col := range registry.IndexColumns() {
			names = append(names, strings.ToLower(fmt.Sprintf("node_%s_%s", noun.Kind, col.Name)), strings.ToLower(fmt.Sprintf("node_parent_%s_%s", noun.Kind, col.Name)))
		}
	}
	for _, name := range names {
		if err := c.execOnce("DROP INDEX IF EXISTS " + name); err != nil {
			return err
		}
	}
	return c.execOnce("CREATE INDEX IF NOT EXISTS log_action ON log(action, seq)")
}
