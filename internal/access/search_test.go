package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

const everyHit = " { totalCount facets { kinds { kind count } stages { stage count } complete } pageInfo { hasNextPage endCursor } edges { node { id } matched } }"

// hitsOf asks for one word and returns what came, and the whole answer.
func hitsOf(s *site, who, word string) (ids []string, empty bool, a *answer) {
	a = s.query(who, fmt.Sprintf("{ search(text: %q)%s }", word, everyHit))
	for _, c := range flat(a.Data["search"]) {
		for _, e := range flat(c["edges"]) {
			for _, n := range flat(e["node"]) {
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
func (w *world) searchable(m matrix, who, canary string) (rows []string) {
	for _, p := range w.placed[canary] {
		noun, field, _ := strings.Cut(p.coordinate, ".")
		n := registry.NounNamed(noun)
		if n == nil || !slices.Contains(n.SearchFields(registry.AllFields), field) || slices.Contains(rows, p.row) {
			continue
		}
		if m[p.coordinate][roleOf(who)] == "yes" && w.rows(who, p.row) {
			rows = append(rows, p.row)
		}
	}
	return rows
}

// TestSearchFindsWhatIsSeen searches, as every actor, for every canary there is. It
// finds exactly the rows on which the actor sees it; for a canary that stands only
// where it is hidden the answer is the one for a word that is nowhere, byte for
// byte: no hit, no count, no facet.
func TestSearchFindsWhatIsSeen(t *testing.T) {
	s := open(t, "")
	m := readMatrix(t)
	for _, who := range []string{viewer, developer, dataScientist, scopedDeveloper, scopedScientist, admin} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			hidden, _ := s.w.hidden(m, who)
			found, nothing := 0, 0
			for _, tok := range sorted(s.w.placed) {
				if words := graph.Tokenize(tok, 3); len(words) != 1 || strings.HasPrefix(words[0], "7731") {
					continue // Not one word, or a number: numbers are not searched.
				}
				want := s.w.searchable(m, who, tok)
				want = slices.DeleteFunc(want, func(id string) bool { return s.w.deleted(id) })
				got, empty, a := hitsOf(s, who, tok)
				slices.Sort(want)
				slices.Sort(got)
				switch {
				case a.code() != "":
					t.Errorf("%s: %s", tok, a.raw)
				case !slices.Equal(got, want):
					t.Errorf("%s (%v): found %v, want %v", tok, s.w.placed[tok], got, want)
				case len(want) == 0 && !empty:
					t.Errorf("%s: the answer tells something: %s", tok, a.raw)
				case len(want) > 0 && hidden[tok] != "":
					t.Errorf("%s is hidden and found", tok)
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
func (w *world) deleted(id string) bool {
	return slices.ContainsFunc(w.nodes, func(n *graph.Node) bool { return string(n.ID) == id && n.Deleted })
}

// TestSearchFindsWhatIsOpen is the twin: where a policy shows viewers everything,
// the same question finds what it must not find above.
func TestSearchFindsWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := open(t, openPolicy(t))
	hidden, _ := s.w.hidden(readMatrix(t), viewer)
	met := 0
	for tok := range hidden {
		if ids, _, _ := hitsOf(s, viewer, tok); len(ids) > 0 {
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
		whole, _, a := hitsOf(s, who, "cnry")
		total := flat(a.Data["search"])[0]["totalCount"]
		var got []string
		after := ""
		for range 500 {
			page := s.query(who, fmt.Sprintf(`{ search(text: "cnry", first: 3%s)%s }`, after, everyHit))
			c := flat(page.Data["search"])[0]
			for _, e := range flat(c["edges"]) {
				got = append(got, fmt.Sprint(flat(e["node"])[0]["id"]))
			}
			info := flat(c["pageInfo"])[0]
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
func TestSearchTextIsNoLanguage(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	for _, text := range []string{`x') OR name:* AND {kind f_name} : "k1" NEAR(a b) /.*/ --`, "f_name : cnry*", "words_name:cnry*", "NOT nowhere", "nowhere OR cnry",
		"(cnry", "cnry~2", "[a TO z]", "^cnry nowhere", "nowhere\\", "cnry}}) DETACH DELETE n //", "-nowhere cnry"} {
		if a := s.query(admin, fmt.Sprintf("{ search(text: %q) { totalCount } }", text)); a.code() != "" || text != "(cnry" && !strings.Contains(string(a.raw), `"totalCount":0`) {
			t.Errorf("%s: %s", text, a.raw)
		}
	}
}
