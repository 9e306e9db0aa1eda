package graph

import (
	"testing"

	"pedigree/registry"
)

// TestWhatIsKeptIsKeptByMask: readers with different masks never get each other's view.
func TestWhatIsKeptIsKeptByMask(t *testing.T) {
	k := &Kept{}
	m, one, two := &registry.Model{Name: "m"}, &Node{Mask: 1}, &Node{Mask: 2}
	k.KeepNode(one)
	k.KeepNode(two)
	k.KeepNoun(2, m)
	if k.Node(1) != one || k.Node(2) != two || k.Noun(1) != nil || k.Noun(2) != m || k.Node(3) != nil {
		t.Errorf("%v %v %v %v", k.Node(1), k.Node(2), k.Noun(1), k.Noun(2))
	}
	for mask := range registry.Mask(2 * maxKeptViews) {
		k.KeepNode(&Node{Mask: mask})
	}
	if n := len(*k.views.Load()); n != maxKeptViews {
		t.Errorf("%d views", n)
	}
	var none *Kept
	none.KeepNode(one)
	if none.KeepNoun(1, m); none.Node(1) != nil || none.Noun(1) != nil {
		t.Error("a node that no store remembers keeps something")
	}
}
