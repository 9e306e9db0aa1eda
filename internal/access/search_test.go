package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

const searchSelection = " { totalCount facets { kinds { kind count } stages { stage count } tags { tag { key value } count } complete } pageInfo { hasNextPage endCursor } edges { node { id } matched } }"

// searchHits searches for one word. It returns the ids of the hits, whether the
// answer is that of a search without any hit, and the whole answer.
func searchHits(s *testServer, who, word string) (ids []string, empty bool, a *answer) {
	a = s.query(who, fmt.Sprintf("{ search(text: %q)%s }", word, searchSelection))
	for _, c := range objectsOf(a.Data["search"]) {
		for _, e := range objectsOf(c["edges"]) {
			for _, n := range objectsOf(e["node"]) {
				ids = append(ids, fmt.Sprint(n["id"]))
			}
		}
	}
	empty = strings.Contains(string(a.raw), `"totalCount":0,"facets":{"kinds":[],"stages":[],"tags":[],"complete":true},"pageInfo":{"hasNextPage":false,"endCursor":""},"edges":[]`) ||
		strings.Contains(string(a.raw), `"totalCount":0,"facets":{"kinds":[],"stages":[],"tags":[],"complete":true},"pageInfo":{"hasNextPage":false,"endCursor":null},"edges":[]`)
	return ids, empty, a
}

// searchableRows returns the rows that hold a canary in a searched field, of those
// rows and fields that an actor sees.
func (seed *seedData) searchableRows(m matrix, who, canary string) (rows []string) {
	for _, p := range seed.placements[canary] {
		noun, field, _ := strings.Cut(p.coordinate, ".")
		n := registry.NounNamed(noun)
		if n == nil || !slices.Contains(n.SearchFields(registry.AllFields), field) || slices.Contains(rows, p.row) {
			continue
		}
		if !p.past && m[p.coordinate][matrixColumn(who)] == "yes" && seed.rowVisible(who, p.row) {
			rows = append(rows, p.row)
		}
	}
	return rows
}

// TestSearchFindsOnlyVisibleRows searches for every canary as every actor. The search
// finds exactly the rows on which the actor sees the canary. For a canary that is
// hidden everywhere, the answer is byte for byte that for an unknown word: no hit, no
// count, no facet.
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
					continue // Several words, or a number: numbers are not searched.
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
					t.Errorf("%s: the answer is not that of an unknown word: %s", token, a.raw)
				case len(want) > 0 && hidden[token] != "":
					t.Errorf("%s is hidden but found", token)
				case len(want) > 0:
					found++
				default:
					nothing++
				}
			}
			t.Logf("%d canaries found, %d not", found, nothing)
			if found < 10 || nothing < 10 {
				t.Errorf("%d found, %d not: the test covers too little", found, nothing)
			}
		})
	}
}

// deleted reports whether a row is a tombstone.
func (seed *seedData) isDeleted(id string) bool {
	return slices.ContainsFunc(seed.nodes, func(n *graph.Node) bool { return string(n.ID) == id && n.Deleted })
}

// TestSearchFindsEverythingUnderAPermissivePolicy shows that the test above can fail:
// when a policy shows viewers everything, the same search finds hidden canaries.
func TestSearchFindsEverythingUnderAPermissivePolicy(t *testing.T) {
	t.Parallel()
	s := open(t, permissivePolicy(t))
	hidden, _ := s.seed.hiddenFrom(readMatrix(t), viewer)
	found := 0
	for token := range hidden {
		if ids, _, _ := searchHits(s, viewer, token); len(ids) > 0 {
			found++
		}
	}
	if found < 20 {
		t.Errorf("only %d canaries that the default policy hides were found", found)
	}
}

// TestSearchPages checks that small pages add up to the whole result, for actors who
// see some rows and for one who sees all.
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

// TestSearchTextIsNotAQueryLanguage searches for texts in the query languages of the
// engines. They are treated as plain words, which no row holds.
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
