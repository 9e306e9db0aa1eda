package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// GrowthResult holds what the part growth measured.
type GrowthResult struct {
	sizes []int
	// order lists the questions as they were asked, with contender and role; size and
	// workers are zero.
	order   []sampleKey
	samples map[sampleKey]Sample
	failed  map[sampleKey]error
}

func newGrowthResult(sizes []int) *GrowthResult {
	return &GrowthResult{sizes: slices.Sorted(slices.Values(sizes)), samples: map[sampleKey]Sample{}, failed: map[sampleKey]error{}}
}

// add records a sample.
func (g *GrowthResult) add(key sampleKey, s Sample) {
	g.samples[key] = s
	if key.size, key.workers = 0, 0; !slices.Contains(g.order, key) {
		g.order = append(g.order, key)
	}
}

func (g *GrowthResult) failures() int {
	if g == nil {
		return 0
	}
	return len(g.failed)
}

// cost returns the server's CPU time for an answer on a store of a size.
func (g *GrowthResult) cost(question sampleKey, size int) (time.Duration, bool) {
	question.size, question.workers = size, 1
	s, ok := g.samples[question]
	return s.ServerCPU, ok && s.ServerCPU > 0
}

// ratio returns the cost on the largest store as a multiple of that on the smallest.
func (g *GrowthResult) ratio(question sampleKey) (float64, bool) {
	small, ok := g.cost(question, g.sizes[0])
	large, alsoOK := g.cost(question, g.sizes[len(g.sizes)-1])
	if !ok || !alsoOK {
		return 0, false
	}
	return float64(large) / float64(small), true
}

// checkTargets checks the ratio of every question that was measured at both ends.
func (g *GrowthResult) checkTargets() (out []targetCheck) {
	if g == nil {
		return nil
	}
	for _, q := range g.order {
		limit := 1.3
		if q.contender == PedigreeNeo4j {
			limit = 1.6
		}
		if got, ok := g.ratio(q); ok {
			out = append(out, targetCheck{fmt.Sprintf("growth of %s on %s, server CPU from %d to %d siblings", q.part, q.contender, g.sizes[0], g.sizes[len(g.sizes)-1]),
				fmt.Sprintf("%.2f×", got), fmt.Sprintf("≤ %g×", limit), got <= limit})
		}
	}
	return append(out, targetCheck{"questions about growth that ended with an error", fmt.Sprint(len(g.failed)), "0", len(g.failed) == 0})
}

// write writes a row for each question, with its server CPU on each size.
func (g *GrowthResult) write(b *strings.Builder) {
	if g == nil {
		return
	}
	b.WriteString("Growth: server CPU of an answer, by the number of siblings of each kind.\n\n| question | contender |")
	for _, size := range g.sizes {
		fmt.Fprintf(b, " %d |", size)
	}
	b.WriteString(" × |\n|---|---|" + strings.Repeat("---:|", len(g.sizes)+1) + "\n")
	for _, q := range g.order {
		fmt.Fprintf(b, "| %s | %s |", q.part, q.contender)
		for _, size := range g.sizes {
			cell := ""
			if cost, ok := g.cost(q, size); ok {
				cell = roundDuration(cost)
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		times := ""
		if got, ok := g.ratio(q); ok {
			times = fmt.Sprintf("%.2f", got)
		}
		fmt.Fprintf(b, " %s |\n", times)
	}
	b.WriteString("\n")
	writeFailed(b, g.failed)
}
