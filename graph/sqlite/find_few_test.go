package sqlite

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// TestTheFewChildrenOfOneParentAreAnsweredAsAnyOthers compares the two ways to read them, in every order, until
// there are too many for one of them.
func TestTheFewChildrenOfOneParentAreAnsweredAsAnyOthers(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "p.db"))
	answered := 0
	for n := range crowd + 2 {
		putVersion(t, s, "m", n)
		for _, order := range []registry.Index{registry.IndexName, registry.IndexVersion, registry.IndexNumber, registry.IndexOwner, registry.IndexValidFrom} {
			for limit := range 8 {
				q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: []registry.ID{"m"}, Order: order, Desc: limit%2 == 1, Bare: limit == 3, Limit: limit*limit + 1}
				if !isOfOne(q) {
					t.Fatalf("%+v is not for the children of one parent", q)
				}
				err := s.read(t.Context(), func(v *view) error {
					typ, _ := columnType(order)
					got, found, err := v.findFewOfOne(q, typ)
					if err != nil || found != (n < crowd) {
						return fmt.Errorf("with %d children it found %v: %v", n+1, found, err)
					}
					if !found {
						return nil
					}
					answered++
					want, err := v.findPage(q, typ)
					if err == nil && !reflect.DeepEqual(got, want) {
						err = fmt.Errorf("%+v of %d children: %v, not %v", q, n+1, got, want)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if answered != crowd*5*8 {
		t.Errorf("%d questions were answered", answered)
	}
	for _, q := range []graph.Query{{Parents: []registry.ID{"m", "n"}}, {Parents: []registry.ID{""}}, {Parents: []registry.ID{"m"}, Deleted: true}, {Parents: []registry.ID{"m"}, Count: true}} {
		if q.Kinds = []registry.Kind{registry.KindModelVersion}; isOfOne(q) {
			t.Errorf("%+v is answered by the keys of children", q)
		}
	}
}
