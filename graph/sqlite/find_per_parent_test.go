package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// familyStore has parents with 0 to 4 versions each, one with 49, and two with crowded ones. It
// returns the ids of the parents, and last the id of one that is no node but has versions.
func familyStore(t *testing.T) (*Store, []registry.ID) {
	t.Helper()
	s := testStore(t)
	var parents []registry.ID
	children := []int{49, 51, 60}
	for i := range 100 {
		children = append(children, i%5)
	}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Append(t.Context(), &registry.LogEntry{}); err != nil {
			return err
		}
		for i := range children {
			name := fmt.Sprint("model", i)
			parents = append(parents, registry.ModelID(name, 1))
			if err := tx.Put(t.Context(), &graph.Node{ID: parents[i], Kind: registry.KindModel, Name: name, Doc: []byte("{}")}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	parents, children = append(parents, registry.ModelID("not there", 1)), append(children, 3)
	for i, n := range children {
		for c := range n {
			putVersion(t, s, parents[i], c)
		}
	}
	return s, parents
}

// TestChildrenOfManyParentsAreThoseOfEach compares what one statement finds for all parents with
// what a statement for each of them finds.
func TestChildrenOfManyParentsAreThoseOfEach(t *testing.T) {
	s, parents := familyStore(t)
	parents = append(parents, parents[5], "model_00000000000000000000000000", parents[1])
	queries, found := 0, 0
	for _, q := range crowdQueries(parents) {
		q.PerParent, q.Count = true, false
		for _, form := range []struct {
			limit int
			bare  bool
		}{{1, false}, {3, false}, {3, true}, {crowd, false}} {
			q.Limit, q.Bare = form.limit, form.bare
			s.oneByOne = false
			together, err := s.Find(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			s.oneByOne = true
			alone, err := s.Find(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			same := func(a, b *graph.Node) bool {
				return a.ID == b.ID && a.Parent == b.Parent && a.Name == b.Name && a.Served == b.Served && string(a.Doc) == string(b.Doc) && fmt.Sprint(a.Columns) == fmt.Sprint(b.Columns)
			}
			if !slices.EqualFunc(together.Nodes, alone.Nodes, same) || together.Total != alone.Total {
				t.Fatalf("%+v: %d nodes together, %d one by one", q, len(together.Nodes), len(alone.Nodes))
			}
			queries, found = queries+1, found+len(alone.Nodes)
		}
	}
	if found < queries*10 {
		t.Errorf("%d queries found only %d nodes", queries, found)
	}
}

// TestChildrenOfManyParentsAreFewStatements counts the statements of a page, with and without
// reading the children of the parents together.
func TestChildrenOfManyParentsAreFewStatements(t *testing.T) {
	s, parents := familyStore(t)
	q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: parents[3:103], Order: registry.IndexVersion, Desc: true, Limit: 1, PerParent: true}
	runs := func(oneByOne bool) int {
		s.oneByOne = oneByOne
		s.RunsSince(t.Context())
		if page, err := s.Find(t.Context(), q); err != nil || len(page.Nodes) < 60 {
			t.Fatal(len(page.Nodes), err)
		}
		return s.RunsSince(t.Context())
	}
	if n := runs(false); n > 10 {
		t.Errorf("the newest versions of 100 models take %d statements", n)
	}
	if n := runs(true); n < 200 {
		t.Errorf("one by one they take only %d statements: the test above shows nothing", n)
	}
}
