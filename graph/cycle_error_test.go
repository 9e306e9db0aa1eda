package graph

import (
	"slices"
	"strconv"
	"testing"

	"pedigree/registry"
)

func TestCycleEndsBeginWithTheLastAddedEdge(t *testing.T) {
	cycle := []int{1, 2, 3, 4}
	for _, c := range []struct {
		added [][2]int
		want  []int
	}{
		{[][2]int{{3, 4}}, []int{3, 4, 1, 2}}, {[][2]int{{4, 1}, {2, 3}}, []int{2, 3, 4, 1}}, {[][2]int{{4, 1}, {1, 3}, {9, 1}}, []int{4, 1, 2, 3}}, {nil, cycle},
	} {
		if got := CycleEnds(cycle, c.added); !slices.Equal(got, c.want) {
			t.Errorf("%v with %v: %v, want %v", cycle, c.added, got, c.want)
		}
	}
}

func TestALongCycleIsNamedByItsEnds(t *testing.T) {
	cycle := make([]string, 50000)
	for i := range cycle {
		cycle[i] = strconv.Itoa(i)
	}
	ends := CycleEnds(cycle, [][2]string{{"49999", "0"}})
	err := CycleError(ends, len(cycle)).(*registry.Error)
	if len(ends) != MaxCyclePath || ends[0] != "49999" || ends[1] != "0" || ends[MaxCyclePath-1] != "49998" || len(err.Message) > 200 || err.Details["length"] != 50000 {
		t.Fatalf("%v: %v", ends, err)
	}
}
