package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

const searchSelection = " { totalCount facets { kinds { kind count } stages { stage count } complete } pageInfo { hasNextPage endCursor } edges { node { id } matched } }"

// hitsOf asks for one word and returns what came, and the whole answer.
func searchHits(s *testServer, who, word string) (ids []string, empty bool, a *answer) {
	a = s.query(who, fmt.Sprintf("{ search(text: %q)%s }", word, searchSelection))
	for _, c := range objectsOf(a.Data["search"]) {
		for _, e := range objectsOf(c["edges"]) {
			for _, n := range objectsOf(e["node"]) {
				ids = append(ids, fmt.Sprint(n["id"]))
			}
		}
	}
	empty = strings.Contains(string(a.raw), `"totalCount":0,"facets":{"kinds":[],"stages":[],"complete":true},"pageInfo":{"hasNextPage":false,"endCursor":""},"edges":[]`) ||
		strings.Contains(string(a.raw), `"totalCount":0,"facets":{"kinds":[],"stages":[],"complete":true},"pageInfo":{"hasNextPage":false,"endCursor":null},"edges":[]`)
	return ids, empty, a
}

// searchable says of a canary on which rows it stands in a field that is searched,
// of those that an actor sees.
func (seed *seedData) searchableRows(m matrix, who, canary string) (rows []string) {
	for _, p := range seed.placements[canary] {
		noun, field, _ := strings.Cut(p.coordinate, ".")
		n := registry.NounNamed(noun)
		if n == nil || !slices.Contains(n.SearchFields(registry.AllFields), field) || slices.Contains(rows, p.row) {
			continue
		}
		if m[p.coordinate][matrixColumn(who)] == "yes" && seed.rowVisible(who, p.row) {
			rows = append(rows, p.row)
		}
	}
	return rows
}

// TestSearchFindsWhatIsSeen searches, as every actor, for every canary there is. It
// finds exactly the rows on which the actor sees it; for a canary that stands only
// where it is hidden the answer is the one for a word that is nowhere, byte for
// byte: no hit, no count, no facet.
func TestSearchFindsOnlyVisibleRows(t *testing.T) {
	s := open(t, "")
	m := readMatrix(t)
	for _, who := range []string{viewer, developer, dataScientist, scopedDeveloper, scopedScientist, admin} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			hidden, _ := s.seed.hiddenFrom(m, who)
			found, nothing := 0, 0
			for _, token := range sortedKeys(s.seed.placements) {
				if words := graph.Tokenize(token, 3); len(words) != 1 || strings.HasPrefix(words[0], "7731") {
					continue // Not one word, or a number: numbers are not searched.
				}
				want := s.seed.searchableRows(m, who, token)
				want = slices.DeleteFunc(want, func(id string) bool { return s.seed.isDeleted(id) })
				got, empty, a := searchHits(s, who, token)
				slices.Sort(want)
				slices.Sort(got)
				switch {
				case a.code() != "":
					t.Errorf("%s: %s", token, a.raw)
				case !slices.Equal(got, want):
					t.Errorf("%s (%v): found %v, want %v", token, s.seed.placements[token], got, want)
				case len(want) == 0 && !empty:
					t.Errorf("%s: the answer tells something: %s", token, a.raw)
				case len(want) > 0 && hidden[token] != "":
					t.Errorf("%s is hidden and found", token)
				case len(want) > 0:
					found++
				default:
					nothing++
				}
			}
			t.Logf("%d canaries found, %d not", found, nothing)
			if found < 10 || nothing < 10 {
				t.Errorf("%d found, %d not: the test asks too little", found, nothing)
			}
		})
	}
}

// deleted reports whether a row is a tombstone.
func (seed *seedData) isDeleted(id string) bool {
	return slices.ContainsFunc(seed.nodes, func(n *graph.Node) bool { return string(n.ID) == id && n.Deleted })
}

// TestSearchFindsWhatIsOpen is the twin: where a policy shows viewers everything,
// the same question finds what it must not find above.
func TestSearchFindsEverythingUnderAPermissivePolicy(t *testing.T) {
	t.Parallel()
	s := open(t, permissivePolicy(t))
	hidden, _ := s.seed.hiddenFrom(readMatrix(t), viewer)
	met := 0
	for token := range hidden {
		if ids, _, _ := searchHits(s, viewer, token); len(ids) > 0 {
			met++
		}
	}
	if met < 20 {
		t.Errorf("only %d of what is hidden by the default policy was found", met)
	}
}

// TestSearchPages follows small pages to the whole, as actors who see some rows
// and as one who sees all.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	for _, who := range []string{viewer, developer, admin} {
		whole, _, a := searchHits(s, who, "cnry")
		total := objectsOf(a.Data["search"])[0]["totalCount"]
		var got []string
		after := ""
		for range 500 {
			page := s.query(who, fmt.Sprintf(`{ search(text: "cnry", first: 3%s)%s }`, after, searchSelection))
			c := objectsOf(page.Data["search"])[0]
			for _, e := range objectsOf(c["edges"]) {
				got = append(got, fmt.Sprint(objectsOf(e["node"])[0]["id"]))
			}
			info := objectsOf(c["pageInfo"])[0]
			if info["hasNextPage"] != true {
				break
			}
			after = fmt.Sprintf(", after: %q", info["endCursor"])
		}
		if fmt.Sprint(total) != fmt.Sprint(len(got)) || !slices.Equal(got[:min(20, len(got))], whole) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Errorf("as %s: total %v, %d on pages; the first: %v, whole: %v", who, total, len(got), got[:min(20, len(got))], whole)
		}
		for _, other := range []string{`search(text: "cnr"` + after + ")", `search(text: "cnry", kinds: [RUN]` + after + ")"} {
			if a := s.query(who, "{ "+other+" { edges { cursor } } }"); a.code() != "INVALID_ARGUMENT" {
				t.Errorf("a cursor of another search: %s", a.raw)
			}
		}
	}
}

// TestSearchTextIsNoLanguage asks in the languages of the engines: all of it is
// words, which are nowhere.
func TestSearchTextIsNotAQueryLanguage(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	for _, text := range []string{`x') OR name:* AND {kind f_name} : "k1" NEAR(a b) /.*/ --`, "f_name : cnry*", "words_name:cnry*", "NOT nowhere", "nowhere OR cnry",
		"(cnry", "cnry~2", "[a TO z]", "^cnry nowhere", "nowhere\\", "cnry}}) DETACH DELETE n //", "-nowhere cnry"} {
		if a := s.query(admin, fmt.Sprintf("{ search(text: %q) { totalCount } }", text)); a.code() != "" || text != "(cnry" && !strings.Contains(string(a.raw), `"totalCount":0`) {
			t.Errorf("%s: %s", text, a.raw)
		}
	}
}
