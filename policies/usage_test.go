package policies

import (
	"fmt"
	"testing"
	"time"

	"pedigree/registry"
)

// TestWalksDoNotCrowdOutGets counts walks over many versions, most of which go not out of use, and
// then a get.
func TestWalksDoNotCrowdOutGets(t *testing.T) {
	u := usage{full: make(chan struct{}, 1)}
	use := func(n int, kind registry.UseKind) {
		u.add(useKey{registry.ModelVersionID("m", fmt.Sprint(n)), "eve", kind, "2027-03-01"}, useCount{1, time.Time{}})
	}
	for n := range fullUses - 1 {
		use(n, registry.UseLineage)
	}
	if len(u.full) != 0 {
		t.Fatal("it is full too early")
	}
	use(fullUses, registry.UseLineage)
	if len(u.full) != 1 {
		t.Fatal("nobody is told that it is full")
	}
	for n := range 5 {
		use(fullUses+1+n, registry.UseLineage)
		use(fullUses+1+n, registry.UseGet)
	}
	use(0, registry.UseLineage) // A known one is counted on.
	counts := u.take()
	if n := counts[useKey{registry.ModelVersionID("m", "0"), "eve", registry.UseLineage, "2027-03-01"}].n; len(counts) != fullUses+5 || n != 2 {
		t.Errorf("%d counters, the first is %d", len(counts), n)
	}
	for n := range maxUses + 5 { // The store does not take them.
		use(n, registry.UseGet)
	}
	if counts := u.take(); len(counts) != maxUses {
		t.Errorf("%d counters", len(counts))
	}
}
