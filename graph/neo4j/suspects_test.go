package neo4j

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// TestSuspectsAreThoseOfADefinition compares the peeling with the definition,
// taken round by round, on random batches.
func TestSuspectsAreThoseOfADefinition(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	kept := 0
	for range 2000 {
		n := 2 + rnd.IntN(8)
		ends := map[registry.ID]*end{}
		name := func() registry.ID { return registry.ID(fmt.Sprint(rnd.IntN(n))) }
		for i := range n {
			ends[registry.ID(fmt.Sprint(i))] = &end{effects: rnd.IntN(4) == 0, causes: rnd.IntN(4) == 0}
		}
		var fresh []*graph.Edge
		for range rnd.IntN(12) {
			fresh = append(fresh, &graph.Edge{From: name(), To: name()})
		}
		got, want := suspects(fresh, ends), byRounds(fresh, ends)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v are suspects, not %v", got, want)
		}
		kept += len(want)
	}
	if kept == 0 {
		t.Error("no batch had a suspect")
	}
}

func byRounds(fresh []*graph.Edge, ends map[registry.ID]*end) []*graph.Edge {
	for {
		in, out := map[registry.ID]bool{}, map[registry.ID]bool{}
		for _, e := range fresh {
			in[e.To], out[e.From] = true, true
		}
		var keep []*graph.Edge
		for _, e := range fresh {
			if (ends[e.From].effects || in[e.From]) && (ends[e.To].causes || out[e.To]) {
				keep = append(keep, e)
			}
		}
		if len(keep) == len(fresh) {
			return keep
		}
		fresh = keep
	}
}

// TestALongChainIsPeeledOnce counts nothing but ends: a chain of a hundred
// thousand new commits takes a pass, not a pass a commit.
func TestALongChainIsPeeledOnce(t *testing.T) {
	ends := map[registry.ID]*end{}
	var fresh []*graph.Edge
	for i := range 100_000 {
		ends[registry.ID(fmt.Sprint(i))] = &end{}
		fresh = append(fresh, &graph.Edge{From: registry.ID(fmt.Sprint(i)), To: registry.ID(fmt.Sprint(i + 1))})
	}
	ends["100000"] = &end{}
	if got := suspects(fresh, ends); len(got) != 0 {
		t.Errorf("%d suspects in a chain", len(got))
	}
}
