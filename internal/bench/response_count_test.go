package bench

import (
	"strings"
	"testing"
)

func TestElementsAreCounted(t *testing.T) {
	for answer, want := range map[string][2]int{
		`{"data":{"lineage":{"nodes":[{"node":{"id":"a","name":"x]\"}, {"}},{"node":{"id":"b","tags":[1,2,3]}}],"edges":[{"from":"a"}]}}}`: {2, 1},
		`{"data":{"c":{"edges":[],"nodes":[{"nodes":[1,2]}, 4 , "five"]}}}`:                                                                {3, 0},
		` {"data" : {"impact" : {"nodes" : [ ] } } } `:                                                                                     {0, 0},
	} {
		nodes, edges, err := countElements([]byte(answer))
		if err != nil || nodes != want[0] || edges != want[1] {
			t.Errorf("%s: %d nodes, %d edges, %v", answer, nodes, edges, err)
		}
	}
}

func TestAWrongAnswerIsAnError(t *testing.T) {
	for answer, want := range map[string]string{
		`{"errors":[{"message":"no"}],"data":{"lineage":{"nodes":[]}}}`: "errors",
		`{"data":{"lineage":null}}`:                                     "no nodes",
		`{"data":{"lineage":{"nodes":[{"id":"a"}`:                       "no nodes",
		`{"data":"unfinished`:                                           "unfinished",
		`]`:                                                             "not JSON",
	} {
		if _, _, err := countElements([]byte(answer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
