package neo4j

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// TestCycleCandidatesMatchDefinition compares cycleCandidates with its definition,
// applied round by round, on random batches.
func TestCycleCandidatesMatchDefinition(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	candidates := 0
	for range 2000 {
		n := 2 + rnd.IntN(8)
		ends := map[registry.ID]*endpoint{}
		name := func() registry.ID { return registry.ID(fmt.Sprint(rnd.IntN(n))) }
		for i := range n {
			ends[registry.ID(fmt.Sprint(i))] = &endpoint{effects: rnd.IntN(4) == 0, causes: rnd.IntN(4) == 0}
		}
		var newEdges []*graph.Edge
		for range rnd.IntN(12) {
			newEdges = append(newEdges, &graph.Edge{From: name(), To: name()})
		}
		got, want := cycleCandidates(newEdges, ends), cycleCandidatesByRounds(newEdges, ends)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("candidates are %v, want %v", got, want)
		}
		candidates += len(want)
	}
	if candidates == 0 {
		t.Error("no batch had a candidate")
	}
}

func cycleCandidatesByRounds(newEdges []*graph.Edge, ends map[registry.ID]*endpoint) []*graph.Edge {
	for {
		in, out := map[registry.ID]bool{}, map[registry.ID]bool{}
		for _, e := range newEdges {
			in[e.To], out[e.From] = true, true
		}
		var keep []*graph.Edge
		for _, e := range newEdges {
			if (ends[e.From].effects || in[e.From]) && (ends[e.To].causes || out[e.To]) {
				keep = append(keep, e)
			}
		}
		if len(keep) == len(newEdges) {
			return keep
		}
		newEdges = keep
	}
}

// TestCycleCandidatesOfLongChain: a chain of a hundred thousand new commits takes one
// pass, not one for each commit.
func TestCycleCandidatesOfLongChain(t *testing.T) {
	ends := map[registry.ID]*endpoint{}
	var newEdges []*graph.Edge
	for i := range 100_000 {
		ends[registry.ID(fmt.Sprint(i))] = &endpoint{}
		newEdges = append(newEdges, &graph.Edge{From: registry.ID(fmt.Sprint(i)), To: registry.ID(fmt.Sprint(i + 1))})
	}
	ends["100000"] = &endpoint{}
	if got := cycleCandidates(newEdges, ends); len(got) != 0 {
		t.Errorf("%d candidates in a chain", len(got))
	}
}
