package neo4j

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// The index of words is a full-text index over properties of the nodes: one for
// every field that is searched, and one for kind and namespace. They hold what
// graph.Words made, and the analyzer only splits at spaces. It is consistent with
// the transaction that writes, so a read after a write finds it.
//
// These are the fields as of the step below; a field that is searched later comes
// with another index and a step of its own.
var wordFields = []string{"author", "column", "description", "endpoint", "environment", "features", "label", "limitations", "message", "name", "namespace",
	"owner", "producer", "runId", "sha", "tags", "url", "version"}

var createWords = "CREATE FULLTEXT INDEX node_words IF NOT EXISTS FOR (n:Node) ON EACH [n.words_kind, n.words_" + strings.Join(wordFields, ", n.words_") +
	"] OPTIONS {indexConfig: {`fulltext.analyzer`: 'whitespace', `fulltext.eventually_consistent`: false}}"

var wordsStep = []string{createWords, "CALL db.awaitIndexes(300)"}

const (
	// findWords reads what the index holds for a query in its own language, which is
	// a parameter made of folded words and the house's names.
	findWords = "CALL db.index.fulltext.queryNodes('node_words', $query, {limit: $most}) YIELD node RETURN node.key AS key"
	setWords  = "UNWIND $rows AS row MATCH (n:Node {key: row.key}) USING INDEX n:Node(key) SET n += row.words"
)

// words are the properties that a node is found by, none for one that is not
// searched.
func (v *view) words(n *graph.Node) row {
	out := row{}
	for _, f := range graph.TextOf(n) {
		out["words_"+f.Field] = strings.Join(f.Words, " ")
	}
	if len(out) > 0 {
		out["words_kind"] = v.kindWord(n.Kind)
	}
	return out
}

// kindWord stands for a kind in the store's namespace.
func (v *view) kindWord(k registry.Kind) string {
	sum := sha256.Sum256([]byte(v.key(string(k))))
	return "k" + hex.EncodeToString(sum[:10])
}

// look finds what a query's Text matches, and reports whether there is more than
// is looked at.
func (f *finder) look(ctx context.Context, q graph.Query) (cut bool, err error) {
	if err := q.CheckText(); err != nil || q.Text == nil {
		return false, err
	}
	f.matches = []string{}
	ask := f.v.match(q)
	if ask == "" {
		return false, nil
	}
	rows, err := f.v.query(ctx, findWords, map[string]any{"query": ask, "most": int64(graph.MaxMatches + 1)})
	if err != nil {
		return false, err
	}
	if cut = len(rows) > graph.MaxMatches; cut {
		rows = rows[:graph.MaxMatches]
	}
	for _, r := range rows {
		f.matches = append(f.matches, text(r, "key"))
	}
	return cut, nil
}

// match writes a query's Text in Lucene's language. Its words are letters and
// digits in lower case, which CheckText saw to, so that none is a command.
func (v *view) match(q graph.Query) string {
	var looks []string
	for _, l := range q.Looks() {
		var kinds []string
		for _, k := range l.Kinds {
			kinds = append(kinds, v.kindWord(k))
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

// fillWords gives nodes that were written before there was an index their words,
// a page in each transaction, under the head's lock.
func fillWords(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	q := graph.Query{Kinds: registry.SearchedKinds(), Limit: batch}
	for {
		last, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
			v := &view{s: s, tx: tx, own: true}
			last, err := v.fillPage(ctx, q)
			return last, v.settle(err)
		})
		if err != nil {
			return err
		}
		if q.After = last.(*graph.Key); q.After == nil {
			return nil
		}
	}
}

// fillPage fills one page and returns its last key, nil when it was the last page.
func (v *view) fillPage(ctx context.Context, q graph.Query) (*graph.Key, error) {
	if _, err := v.query(ctx, lockHead, map[string]any{"key": v.key("")}); err != nil {
		return nil, err
	}
	page, err := v.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, n := range page.Nodes {
		if words := v.words(n); len(words) > 0 {
			rows = append(rows, row{"key": v.key(string(n.ID)), "words": words})
		}
	}
	for part := range slices.Chunk(rows, batch) {
		if _, err := v.query(ctx, setWords, map[string]any{"rows": part}); err != nil {
			return nil, err
		}
	}
	if !page.More {
		return nil, nil
	}
	last := page.Nodes[len(page.Nodes)-1]
	return &graph.Key{Value: last.Name, ID: last.ID}, nil
}
