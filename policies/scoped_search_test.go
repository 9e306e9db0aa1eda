package policies

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

// searchFixture makes a store of nodes that share a few words; some are upstream of a
// served version.
func searchFixture(t *testing.T, r *rand.Rand) (graph.Store, []*graph.Node) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	words := []string{"alpha", "alpine", "beta", "gamma-ray", "Delta"}
	text := func() string { return words[r.IntN(5)] + " " + words[r.IntN(5)] }
	var nodes []*graph.Node
	var edges []*graph.Edge
	add := func(kind registry.Kind, key string, parent registry.ID, stage string) *graph.Node {
		doc := map[string]any{}
		for _, f := range registry.NounOf(kind).SearchFields(registry.AllFields) {
			if f != "name" && r.IntN(2) == 0 {
				doc[f] = text()
			}
		}
		raw, _ := json.Marshal(doc)
		n := &graph.Node{ID: registry.NewID(kind, key), Kind: kind, Parent: parent, Name: text(), Doc: raw, ValidFrom: time.Unix(1, 0),
			Columns: map[registry.Index]any{}}
		if stage != "" {
			n.Columns[registry.IndexStage] = stage
		}
		nodes = append(nodes, n)
		return n
	}
	for i := range 5 {
		model := add(registry.KindModel, fmt.Sprint("m", i), "", "")
		for j, st := range []registry.Stage{registry.Production, registry.Staging, registry.Deprecated} {
			v := add(registry.KindModelVersion, fmt.Sprint("v", i, j), model.ID, string(st))
			add(registry.KindCard, fmt.Sprint("c", i, j), v.ID, "")
			if i > 2 && j != 1 {
				continue // These versions have no run.
			}
			run := add(registry.KindRun, fmt.Sprint("r", i, j), "", "")
			edges = append(edges, &graph.Edge{Kind: registry.EdgeGeneratedBy, From: v.ID, To: run.ID})
		}
		add(registry.KindRun, fmt.Sprint("alone", i), "", "")
	}
	err = s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), nodes...); err != nil {
			return err
		}
		if err := tx.Link(t.Context(), edges...); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, nodes
}

// bruteForceHits matches every node as the actor sees it.
func bruteForceHits(t *testing.T, s *Scope, all []*graph.Node, kinds []registry.Kind, words []string) (out []HitKey) {
	t.Helper()
	for _, n := range all {
		if !slices.Contains(kinds, n.Kind) {
			continue
		}
		got, err := s.Nodes(t.Context(), graph.Instant{}, n.ID)
		if err != nil {
			t.Fatal(err)
		}
		if seen := got[0]; !seen.Hidden && seen.Name != "" && graph.MatchesWords(words, graph.SearchWords(seen), func(string) bool { return true }) {
			out = append(out, HitKey{graph.MatchesWords(words, graph.SearchWords(seen), func(f string) bool { return f == "name" }) && n.Kind != registry.KindCard, n.Kind, n.Name, n.ID})
		}
	}
	slices.SortFunc(out, HitKey.compare)
	return out
}

// actorOf makes a subject with one to three random grants.
func actorOf(r *rand.Rand, roles []string) registry.Actor {
	a := registry.Actor{Subject: "someone"}
	for range 1 + r.IntN(3) {
		a.Grants = append(a.Grants, registry.Grant{Role: roles[r.IntN(len(roles))], Scope: registry.ScopeAll})
	}
	return a
}

// TestSearchFindsExactlyWhatTheActorSees makes random policies that hide single fields,
// subjects with several grants, and searches. The hits must equal those of brute force
// over the visible fields: when one grant shows a row's name and another its
// description, words may match in both, but in no field that neither shows.
func TestSearchFindsExactlyWhatTheActorSees(t *testing.T) {
	t.Run("all hits at once", searchFindsExactlyWhatTheActorSees)
	t.Run("hits of a common word", func(t *testing.T) {
		kept := manyMatches
		t.Cleanup(func() { manyMatches = kept })
		manyMatches = 1
		searchFindsExactlyWhatTheActorSees(t)
	})
}

func searchFindsExactlyWhatTheActorSees(t *testing.T) {
	found, several := 0, 0
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 3))
		store, all := searchFixture(t, r)
		text := randomSearchPolicy(r)
		table, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		gate, err := NewGate(t.Context(), store, table, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			scope, err := gate.scope(As(t.Context(), actorOf(r, table.Roles()), "test"))
			if err != nil {
				t.Fatal(err)
			}
			words := graph.Tokenize([]string{"alpha", "beta al", "gamma ray", "alpha bet", "del", "alp", "ray", "beta delta gamma", "none"}[r.IntN(9)], 9)
			kinds := registry.SearchableKinds()[:1+r.IntN(len(registry.SearchableKinds()))]
			hits, err := scope.Search(t.Context(), kinds, words, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := bruteForceHits(t, scope, all, kinds, words)
			var got []HitKey
			var after *HitKey
			for more := true; more; {
				var keys []HitKey
				if _, keys, more, err = hits.Page(t.Context(), after, 1+r.IntN(4)); err != nil {
					t.Fatal(err)
				}
				got = append(got, keys...)
				if len(keys) > 0 {
					after = &keys[len(keys)-1]
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: %v of %v as %v\n got %v\nwant %v\n%s", seed, words, kinds, scope.actor.Grants, got, want, text)
			}
			counts, err := hits.Count(t.Context())
			if err != nil || counts.Total != len(want) || !counts.Complete {
				t.Errorf("seed %d: counted %+v, want %d (%v)", seed, counts, len(want), err)
			}
			if found += len(want); len(want) > 0 && len(scope.rowGrants) > 1 {
				several++
			}
		}
	}
	t.Logf("%d hits; %d searches by subjects with several row grants had some", found, several)
	if found < 500 || several < 50 {
		t.Error("the random policies show too little")
	}
}

// randomSearchPolicy makes a policy that shows some of the search fields, on some rows.
func randomSearchPolicy(r *rand.Rand) string {
	var b strings.Builder
	for role := range 4 {
		for _, kind := range []registry.Kind{registry.KindModel, registry.KindModelVersion, registry.KindCard, registry.KindRun} {
			noun := registry.NounOf(kind)
			for _, f := range append(noun.SearchFields(registry.AllFields), "name", "name") {
				if r.IntN(5) < 2 {
					fmt.Fprintf(&b, "p, role:r%d, %s.%s, read, %s, allow\n", role, noun.Name, f, []Rows{RowsAll, RowsServed}[r.IntN(2)])
				}
			}
		}
	}
	for role := range 4 {
		fmt.Fprintf(&b, "p, role:r%d, catalog.read, do, all, allow\n", role)
	}
	return b.String()
}
