package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table is the result as Markdown.
func (r *Result) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine load before: %s; after: %s. %d rounds in %s, medians of the rounds.\n\n", r.Before, r.After, r.Config.Rounds, r.Took.Round(1e9))
	r.measured(&b)
	return b.String()
}

// measured lists every measurement.
func (r *Result) measured(b *strings.Builder) {
	keys := slices.SortedFunc(maps.Keys(r.samples), func(x, y at) int {
		return cmp.Or(cmp.Compare(x.part, y.part), cmp.Compare(x.workers, y.workers), cmp.Compare(x.size, y.size), cmp.Compare(x.contender, y.contender))
	})
	b.WriteString("| question | nodes | at once | contender | p50 | p99 | answers/s | server CPU/answer | client CPU/answer | answers |\n|---|---:|---:|---|---:|---:|---:|---:|---:|---:|\n")
	for _, k := range keys {
		s := median(r.samples[k])
		fmt.Fprintf(b, "| %s | %d | %d | %s | %s | %s | %.0f | %s | %s | %d |\n", k.part, k.size, k.workers, k.contender, short(s.P50), short(s.P99),
			s.PerSecond, short(s.ServerCPU), short(s.ClientCPU), s.Answers)
	}
	b.WriteString("\n")
}
