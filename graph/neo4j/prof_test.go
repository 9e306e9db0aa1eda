package neo4j

import (
	"fmt"
	"sort"
	"testing"
	"time"

	"pedigree/graph/graphtest"
)

func TestProf(t *testing.T) {
	s := open(t)
	times := map[string]time.Duration{}
	counts := map[string]int{}
	last, at := "", time.Now()
	s.trace = func(text string, _ map[string]any) {
		times[last] += time.Since(at)
		counts[last]++
		last, at = text, time.Now()
	}
	graphtest.Differential(t, 9, 30, s, openSQLite(t))
	var texts []string
	for k := range times {
		texts = append(texts, k)
	}
	sort.Slice(texts, func(i, j int) bool { return times[texts[i]] > times[texts[j]] })
	for i, x := range texts {
		if i < 25 {
			fmt.Println(times[x], counts[x], x[:min(len(x), 400)])
		}
	}
	fmt.Println(len(texts))
}
