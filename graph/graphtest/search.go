package graphtest

import (
	"encoding/json"
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

var searchTests = []subtest{
	{"search finds all words, the last by its start", searchWords},
	{"search finds parts of words in every script", searchScripts},
	{"search looks in the asked fields of the asked kinds alone", searchFields},
	{"search is narrowed, ordered and paged like every find", searchComposes},
	{"search sees what the update itself wrote", searchInside},
	{"search forgets what was renamed, deleted or rolled back", searchForgets},
	{"search takes no word for a command", searchIsLiteral},
	{"search cuts what is too much and says so", searchCuts},
	{"malformed searches are INVALID_ARGUMENT", badSearches},
}

// docNode makes a node whose document has the given fields.
func docNode(kind registry.Kind, name string, pairs ...any) *graph.Node {
	doc := map[string]any{"name": name}
	for i := 0; i < len(pairs); i += 2 {
		doc[pairs[i].(string)] = pairs[i+1]
	}
	n := node(kind, name)
	n.Doc, _ = json.Marshal(doc)
	return n
}

// searchAll searches every searched field of the kinds, or of all kinds when none is
// given.
func searchAll(words string, kinds ...registry.Kind) graph.Query {
	if len(kinds) == 0 {
		kinds = registry.SearchableKinds()
	}
	m := &graph.TextQuery{Words: graph.Tokenize(words, 16), Fields: map[registry.Kind][]string{}}
	for _, k := range kinds {
		m.Fields[k] = registry.NounOf(k).SearchFields(registry.AllFields)
	}
	return graph.Query{Kinds: kinds, Text: m}
}

func (k *kit) searchNames(q graph.Query) []string {
	k.Helper()
	q.Count = true
	p := k.find(q)
	if p.Total != int64(len(p.Nodes)) || p.More || p.Truncated {
		k.Fatalf("%d nodes, total %d, more %v, cut %v", len(p.Nodes), p.Total, p.More, p.Truncated)
	}
	return names(p.Nodes)
}

func searchScripts(k *kit) {
	k.put(docNode(registry.KindModel, "ความเสี่ยงเครดิต"), docNode(registry.KindModel, "고객신용평가"), docNode(registry.KindModel, "顧客信用"),
		docNode(registry.KindModel, "Łódź-œuvre"), docNode(registry.KindModel, "hid\u00adden na\u200bme"))
	for words, want := range map[string]string{"เครดิต": "ความเสี่ยงเครดิต", "신용": "고객신용평가", "시": "고객신용평가", "信用": "顧客信用", "lodz": "Łódź-œuvre",
		"OEUVRE": "Łódź-œuvre", "hidden": "hid\u00adden na\u200bme", "name": "hid\u00adden na\u200bme", "na\u00adme": "hid\u00adden na\u200bme"} {
		k.wantEqual("found by "+words, k.searchNames(searchAll(words)), []string{want})
	}
}

func searchWords(k *kit) {
	k.put(docNode(registry.KindModel, "credit-approval", "description", "Résumé of an applicant", "tags", []registry.KeyValue{{Key: "team", Value: "risk"}}),
		docNode(registry.KindModelVersion, "model-credit-approval-v1.0.0", "version", "1.0.0"), docNode(registry.KindDataset, "data/raw/credit_cards.csv"),
		docNode(registry.KindRun, "train"), docNode(registry.KindCommit, "9fceb02d0ae5", "sha", "9fceb02d0ae598e95dc970b74767f19372d61af8", "message", "Fix credit limit"))
	for words, want := range map[string]string{
		"credit": "[9fceb02d0ae5 credit-approval data/raw/credit_cards.csv model-credit-approval-v1.0.0]", "CREDIT app": "[credit-approval model-credit-approval-v1.0.0]",
		"app credit": "[credit-approval]", "app credi": "[credit-approval]", "edit": "[]", "credit-approval v1": "[model-credit-approval-v1.0.0]", "1.0.0": "[model-credit-approval-v1.0.0]", "v1.0": "[model-credit-approval-v1.0.0]", "0.0": "[]", "V1": "[model-credit-approval-v1.0.0]",
		"resume": "[credit-approval]", "team risk": "[credit-approval]", "value": "[]", "raw/credit_c": "[data/raw/credit_cards.csv]",
		"9fceb02d0ae598e95dc970b74767f19372d61af8": "[9fceb02d0ae5]", "9fceb": "[9fceb02d0ae5]", "limit 9f": "[9fceb02d0ae5]", "tra": "[train]", "name": "[]",
	} {
		got := k.searchNames(searchAll(words))
		if words == "app credit" || words == "app credi" {
			want = "[]" // "app" is no whole word of it.
		}
		k.wantEqual(words, got, want)
	}
}

func searchFields(k *kit) {
	k.put(docNode(registry.KindModel, "one", "description", "alpha", "owner", "beta"), docNode(registry.KindModelVersion, "two", "description", "alpha", "label", "beta"),
		docNode(registry.KindRun, "alpha", "description", "gamma"))
	m, v, r := registry.KindModel, registry.KindModelVersion, registry.KindRun
	ask := func(words string, fields map[registry.Kind][]string, kinds ...registry.Kind) string {
		return fmt.Sprint(k.searchNames(graph.Query{Kinds: kinds, Text: &graph.TextQuery{Words: graph.Tokenize(words, 9), Fields: fields}}))
	}
	both := map[registry.Kind][]string{m: {"name", "description"}, v: {"name"}, r: {"name"}}
	k.wantEqual("by field", ask("alpha", both, m, v, r), "[alpha one]")
	k.wantEqual("by kind", ask("alpha", both, m, v), "[one]")
	k.wantEqual("a word out of the fields", ask("alpha beta", both, m, v, r), "[]")
	k.wantEqual("across fields", ask("alpha beta", map[registry.Kind][]string{m: {"owner", "description"}, v: {"label"}}, m, v, r), "[one]")
	k.wantEqual("a kind without fields", ask("alpha", map[registry.Kind][]string{m: {"name"}}, m, v, r), "[]")
	k.wantEqual("a field of another kind's", ask("beta", map[registry.Kind][]string{m: {"description"}, v: {"label"}}, m, v), "[two]")
	k.wantEqual("no fields", ask("alpha", nil, m, v, r), "[]")
}

func searchComposes(k *kit) {
	var want []string
	for i := range 40 {
		n := docNode(registry.KindModelVersion, fmt.Sprintf("v%02d", i), "description", []string{"odd one", "even one"}[i%2])
		with(n, registry.IndexNumber, int64(i), registry.IndexStage, []string{"STAGING", "PRODUCTION"}[i/20])
		k.put(n)
		if i%2 == 1 && i >= 20 {
			want = append(want, n.Name)
		}
	}
	q := searchAll("even one", registry.KindModelVersion)
	q.Where = []graph.Predicate{pred(registry.IndexStage, graph.In, "PRODUCTION")}
	q.AnyOf = [][]graph.Predicate{{pred(registry.IndexNumber, graph.AtLeast, int64(0))}}
	k.wantEqual("narrowed", k.searchNames(q), fmt.Sprint(want))
	for _, order := range []registry.Index{"", registry.IndexNumber, registry.IndexValidFrom} {
		q.Order, q.Limit = order, 3
		if got := names(k.pages(q)); len(got) != len(want) || order != registry.IndexValidFrom && !slices.Equal(got, want) {
			k.Fatalf("pages by %q: %v", order, got)
		}
	}
	q.Order, q.Desc, q.Bare = "", true, true
	p := k.find(q)
	k.wantEqual("descending", names(p.Nodes), "[v39 v37 v35]")
	k.wantEqual("bare", p.Nodes[0].Doc == nil && p.Nodes[0].Text(registry.IndexStage) == "PRODUCTION" && p.More, true)
}

func searchInside(k *kit) {
	k.put(docNode(registry.KindModel, "before"))
	look := func(tx graph.Tx, words string) string {
		p, err := tx.Find(k.ctx, graph.Query{Kinds: registry.SearchableKinds(), Text: searchAll(words).Text, Limit: 9})
		if err != nil {
			k.Fatal(err)
		}
		return fmt.Sprint(names(p.Nodes))
	}
	k.mustUpdate(func(tx graph.Tx) error {
		if err := tx.Put(k.ctx, docNode(registry.KindModel, "inside")); err != nil {
			return err
		}
		k.wantEqual("put", look(tx, "inside")+look(tx, "before"), "[inside][before]")
		n := docNode(registry.KindModel, "renamed")
		n.ID = docNode(registry.KindModel, "inside").ID
		if err := tx.Put(k.ctx, n); err != nil {
			return err
		}
		k.wantEqual("renamed", look(tx, "inside")+look(tx, "renamed"), "[][renamed]")
		err := tx.Delete(k.ctx, docNode(registry.KindModel, "before"))
		k.wantEqual("deleted", look(tx, "before"), "[]")
		return err
	})
	k.wantEqual("after", fmt.Sprint(k.searchNames(searchAll("inside")), k.searchNames(searchAll("renamed")), k.searchNames(searchAll("before"))), "[] [renamed] []")
}

func searchForgets(k *kit) {
	n := docNode(registry.KindModel, "first", "description", "old words")
	k.put(n, docNode(registry.KindModel, "other", "description", "words"))
	n.Doc = []byte(`{"description":"new words"}`)
	k.put(n)
	k.wantEqual("replaced", fmt.Sprint(k.searchNames(searchAll("old")), k.searchNames(searchAll("new")), k.searchNames(searchAll("words"))), "[] [first] [first other]")
	n.Name = "second"
	k.put(n)
	k.wantEqual("renamed", fmt.Sprint(k.searchNames(searchAll("first")), k.searchNames(searchAll("second new"))), "[] [second]")
	err := k.update(func(tx graph.Tx) error {
		if err := tx.Put(k.ctx, docNode(registry.KindModel, "third")); err != nil {
			return err
		}
		if p, err := tx.Find(k.ctx, graph.Query{Kinds: registry.SearchableKinds(), Text: searchAll("third").Text, Limit: 9}); err != nil || len(p.Nodes) != 1 {
			k.Fatal(p, err)
		}
		return errCaller
	})
	k.wantEqual("own error", err, errCaller)
	k.put(docNode(registry.KindModel, "fourth"))
	k.wantEqual("rolled back", fmt.Sprint(k.searchNames(searchAll("third")), k.searchNames(searchAll("fourth"))), "[] [fourth]")
	n.Doc = []byte(`{"description":"new words"}`)
	k.delete(n)
	for _, deleted := range []bool{false, true} {
		q := searchAll("new")
		q.Deleted = deleted
		k.wantEqual("tombstone", k.searchNames(q), "[]")
	}
}

func searchIsLiteral(k *kit) {
	k.put(docNode(registry.KindModel, "a and b"), docNode(registry.KindModel, "near not or to"), docNode(registry.KindModel, "plain"), docNode(registry.KindModel, "日本 😀 zoë"),
		docNode(registry.KindModel, "kind k1 f_name rank rowid node_words"))
	for words, want := range map[string]string{
		"a AND b": "[a and b]", "NOT plain": "[]", "near OR plain": "[]", "or": "[near not or to]", "to": "[near not or to]", "*": "", "日": "[日本 😀 zoë]", "ZOE": "[日本 😀 zoë]",
		"kind:k1": "[kind k1 f_name rank rowid node_words]", "k1": "[kind k1 f_name rank rowid node_words]", "f_name:plain": "[]", "plain~2": "[]", "[a TO z]": "[]",
		`"plain"`: "[plain]", "pl*": "[plain]", "pl?in": "[]", "plain^4": "[]", "(plain) || (b)": "[]", "/p.*/": "[plain]", `plain\`: "[plain]",
	} {
		if q := searchAll(words); len(q.Text.Words) > 0 {
			k.wantEqual(words, k.searchNames(q), want)
		}
	}
}

func searchCuts(k *kit) {
	nodes := many(registry.KindCommit, "many ", graph.MaxMatches)
	for part := range slices.Chunk(nodes, 2000) {
		k.put(part...)
	}
	q := searchAll("man", registry.KindCommit)
	q.Limit, q.Bare = graph.MaxMatches, true
	if p := k.find(q); len(p.Nodes) != graph.MaxMatches || p.Truncated || p.More {
		k.Fatalf("%d nodes, cut %v, more %v", len(p.Nodes), p.Truncated, p.More)
	}
	counted := graph.Query{Kinds: []registry.Kind{registry.KindCommit}, Limit: 1, Count: true}
	k.wantEqual("the largest total", k.find(counted).Total, int64(graph.MaxCount))
	k.put(node(registry.KindCommit, "many more"))
	k.wantEqual("a larger total", k.find(counted).Total, int64(-1))
	q.Limit = 10
	if p := k.find(q); len(p.Nodes) != 10 || !p.Truncated || !p.More {
		k.Fatalf("%d nodes, cut %v, more %v", len(p.Nodes), p.Truncated, p.More)
	}
	q.Text = &graph.TextQuery{Words: q.Text.Words, Fields: q.Text.Fields, Most: 100}
	if p := k.find(q); len(p.Nodes) != 0 || !p.Truncated {
		k.Fatalf("more than are asked for: %d nodes, cut %v", len(p.Nodes), p.Truncated)
	}
	q.Text.Words = graph.Tokenize("man more", 2)
	if p := k.find(q); len(p.Nodes) != 0 || p.Truncated {
		k.Fatalf("no node has both words: %d nodes, cut %v", len(p.Nodes), p.Truncated)
	}
	q.Text.Words = graph.Tokenize("many more", 2)
	if p := k.find(q); len(p.Nodes) != 1 || p.Truncated {
		k.Fatalf("few: %d nodes, cut %v", len(p.Nodes), p.Truncated)
	}
	k.wantEqual("another kind", len(k.find(searchAll("man", registry.KindRun)).Nodes), 0)
}

func badSearches(k *kit) {
	good := searchAll("a", registry.KindModel)
	for what, spoil := range map[string]func(q *graph.Query){
		"no words":           func(q *graph.Query) { q.Text.Words = nil },
		"too many words":     func(q *graph.Query) { q.Text.Words = make([]string, graph.MaxMatchWords+1) },
		"an empty word":      func(q *graph.Query) { q.Text.Words = []string{""} },
		"two words in one":   func(q *graph.Query) { q.Text.Words = []string{"a b"} },
		"an unfolded word":   func(q *graph.Query) { q.Text.Words = []string{"A"} },
		"an operator":        func(q *graph.Query) { q.Text.Words = []string{`a" OR "b`} },
		"an unknown field":   func(q *graph.Query) { q.Text.Fields = map[registry.Kind][]string{registry.KindModel: {"used"}} },
		"a field in a field": func(q *graph.Query) { q.Text.Fields = map[registry.Kind][]string{registry.KindModel: {"name f_tags"}} },
		"an unknown kind":    func(q *graph.Query) { q.Text.Fields = map[registry.Kind][]string{"NOTHING": {"name"}} },
		"no kinds":           func(q *graph.Query) { q.Kinds = nil },
		"parents":            func(q *graph.Query) { q.Parents = []registry.ID{"x"} },
		"slots":              func(q *graph.Query) { q.Slots = []string{"x"} },
		"too large a limit":  func(q *graph.Query) { q.Limit = graph.MaxMatches + 1 },
	} {
		q := good
		q.Limit, q.Text = 10, &graph.TextQuery{Words: good.Text.Words, Fields: good.Text.Fields}
		spoil(&q)
		if _, err := k.Find(k.ctx, q); registry.CodeOf(err) != registry.InvalidArgument {
			k.Errorf("%s: error %v has code %q", what, err, registry.CodeOf(err))
		}
	}
}
