package graph

import (
	"testing"

	"pedigree/registry"
)

// TestWhatIsKeptIsKeptByMask: readers with different masks never get each other's view.
func TestWhatIsKeptIsKeptByMask(t *testing.T) {
	k := &Kept{}
	m := &registry.Model{Name: "m"}
	k.KeepDoc(1, []byte("one"))
	k.KeepDoc(2, []byte("two"))
	k.KeepNoun(2, m)
	if string(k.Doc(1)) != "one" || string(k.Doc(2)) != "two" || k.Noun(1) != nil || k.Noun(2) != m || k.Doc(3) != nil {
		t.Errorf("%s %s %v %v", k.Doc(1), k.Doc(2), k.Noun(1), k.Noun(2))
	}
	for mask := range registry.Mask(2 * maxKeptViews) {
		k.KeepDoc(mask, []byte("x"))
	}
	if n := len(*k.views.Load()); n != maxKeptViews {
		t.Errorf("%d views", n)
	}
	var none *Kept
	none.KeepDoc(1, []byte("x"))
	if none.KeepNoun(1, m); none.Doc(1) != nil || none.Noun(1) != nil {
		t.Error("a node that no store remembers keeps something")
	}
}
