package neo4j

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// The full-text index covers properties of the nodes: one for every searched field, and
// one for kind and namespace. The properties hold the words of graph.Tokenize, and the
// analyzer only splits at spaces. Neo4j writes the index after the commit, because within it
// that takes longer than all else; a search waits until the index has all that was committed before,
// so a read after a write finds it.
//
// fulltextFields are the fields as of the schema step below. A field that is searched
// later needs another index and a step of its own.
var fulltextFields = []string{"author", "column", "description", "endpoint", "environment", "features", "label", "limitations", "message", "name", "namespace",
	"owner", "producer", "runId", "sha", "tags", "url", "version"}

var createFulltextIndex = "CREATE FULLTEXT INDEX node_text IF NOT EXISTS FOR (n:Node) ON EACH [n.words_kind, n.words_" + strings.Join(fulltextFields, ", n.words_") +
	"] OPTIONS {indexConfig: {`fulltext.analyzer`: 'whitespace', `fulltext.eventually_consistent`: true}}"

var fulltextStep = []string{createFulltextIndex, "CALL db.awaitIndexes(300)"}

// fulltextAfterCommitStep replaces the index of stores that are older than node_text, which was
// written within the commit.
var fulltextAfterCommitStep = append(slices.Clone(fulltextStep), "DROP INDEX node_words IF EXISTS")

const (
	// queryFulltext reads from the index. Its parameter is a Lucene query made of folded
	// words and of property names that this package gives.
	queryFulltext       = "CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh() CALL db.index.fulltext.queryNodes('node_text', $query, {limit: $most}) YIELD node RETURN node.key AS key"
	setSearchProperties = "UNWIND $rows AS row MATCH (n:Node {key: row.key}) USING INDEX SEEK n:Node(key) SET n += row.words"
)

// searchProperties are the properties that a node is found by, empty when its kind is
// not searched.
func (v *view) searchProperties(n *graph.Node) row {
	out := row{}
	for _, f := range graph.SearchWords(n) {
		out["words_"+f.Field] = strings.Join(f.Words, " ")
	}
	if len(out) > 0 {
		out["words_kind"] = v.kindToken(n.Kind)
	}
	return out
}

// kindToken is the word that stands for a kind in the store's namespace.
func (v *view) kindToken(k registry.Kind) string {
	sum := sha256.Sum256([]byte(v.key(string(k))))
	return "k" + hex.EncodeToString(sum[:10])
}

// findText finds the nodes that match a query's Text, and reports whether there are
// more than are considered.
func (f *finder) findText(ctx context.Context, q graph.Query) (cut bool, err error) {
	if err := q.CheckText(); err != nil || q.Text == nil {
		return false, err
	}
	f.textKeys = []string{}
	ask := f.v.luceneQuery(q)
	if ask == "" {
		return false, nil
	}
	rows, err := rowsOf(f.v.send(ctx, queryFulltext, map[string]any{"query": ask, "most": int64(q.Text.Considered() + 1)}))
	if err != nil {
		return false, err
	}
	var written map[string]row
	if f.v.pending != nil {
		written = f.v.pending.words.all()
	}
	for _, r := range rows {
		if _, again := written[text(r, "key")]; !again {
			f.textKeys = append(f.textKeys, text(r, "key"))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(written)) {
		if f.v.matchesText(q, written[key]) {
			f.textKeys = append(f.textKeys, key)
		}
	}
	if cut = len(f.textKeys) > q.Text.Considered() || len(rows) > q.Text.Considered(); cut {
		f.textKeys = f.textKeys[:min(len(f.textKeys), q.Text.Considered())]
	}
	return cut, nil
}

// matchesText reports whether a node with these search properties matches a query's Text, as
// luceneQuery says.
func (v *view) matchesText(q graph.Query, properties row) bool {
	has := func(field, word string, prefix bool) bool {
		return slices.ContainsFunc(strings.Fields(text(properties, "words_"+field)), func(have string) bool {
			return have == word || prefix && strings.HasPrefix(have, word)
		})
	}
	for _, l := range q.FieldGroups() {
		matches := slices.ContainsFunc(l.Kinds, func(k registry.Kind) bool { return text(properties, "words_kind") == v.kindToken(k) })
		for i, w := range q.Text.Words {
			matches = matches && slices.ContainsFunc(l.Fields, func(field string) bool { return has(field, w, i == len(q.Text.Words)-1) })
		}
		if matches {
			return true
		}
	}
	return false
}

// luceneQuery is a query's Text in Lucene's syntax. CheckText made sure that its words
// are lower-case letters and digits, so none is an operator.
func (v *view) luceneQuery(q graph.Query) string {
	var looks []string
	for _, l := range q.FieldGroups() {
		var kinds []string
		for _, k := range l.Kinds {
			kinds = append(kinds, v.kindToken(k))
		}
		all := []string{"words_kind:(" + strings.Join(kinds, " OR ") + ")"}
		for i, w := range q.Text.Words {
			if i == len(q.Text.Words)-1 {
				w += "*"
			}
			all = append(all, "(words_"+strings.Join(l.Fields, ":"+w+" OR words_")+":"+w+")")
		}
		looks = append(looks, "("+strings.Join(all, " AND ")+")")
	}
	return strings.Join(looks, " OR ")
}

// backfillFulltext writes the search properties of nodes that are older than the index.
func backfillFulltext(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	q := graph.Query{Kinds: registry.SearchableKinds(), Limit: batch}
	return s.backfillPages(ctx, session, q, func(v *view, nodes []*graph.Node) error {
		var rows []row
		for _, n := range nodes {
			if words := v.searchProperties(n); len(words) > 0 {
				rows = append(rows, row{"key": v.key(string(n.ID)), "words": words})
			}
		}
		_, err := v.query(ctx, setSearchProperties, map[string]any{"rows": rows})
		return err
	})
}
