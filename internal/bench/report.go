package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table formats the result as Markdown: targets, measurements, and loading costs.
func (r *Result) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Load of the machine (1, 5, 15 minutes) before: %s; after: %s. Of its CPU time, %.0f %% went to what is not the bench. "+
		"%d rounds in %s; figures are medians of the rounds. Every answer had the same number of nodes and edges from every contender. "+
		"An fdatasync of 4 KiB took %s.\n\n",
		r.LoadBefore, r.LoadAfter, 100*r.OtherCPU, r.Config.Rounds, r.Took.Round(1e9), roundDuration(r.SyncTime))
	r.writeTargets(&b)
	if len(r.samples) > 0 {
		r.writeSamples(&b)
	}
	r.Artifacts.write(&b)
	r.Registry.write(&b)
	r.Growth.write(&b)
	if len(r.Built) > 0 {
		r.writeLoading(&b)
	}
	return b.String()
}

func (r *Result) writeTargets(b *strings.Builder) {
	b.WriteString("| target | measured | wanted | |\n|---|---:|---:|---|\n")
	for _, v := range r.checkTargets() {
		outcome := "falls short"
		if v.holds {
			outcome = "holds"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", v.what, v.figure, v.target, outcome)
	}
	b.WriteString("\n")
}

func (r *Result) writeSamples(b *strings.Builder) {
	keys := slices.SortedFunc(maps.Keys(r.samples), func(x, y sampleKey) int {
		return cmp.Or(cmp.Compare(x.part, y.part), cmp.Compare(x.size, y.size), cmp.Compare(x.workers, y.workers), cmp.Compare(x.contender, y.contender))
	})
	b.WriteString("| question | nodes | at once | contender | p50 | p99 | answers/s | server CPU/answer | client CPU/answer | answers |\n" +
		"|---|---:|---:|---|---:|---:|---:|---:|---:|---:|\n")
	for _, k := range keys {
		s := median(r.samples[k])
		cut := ""
		if !s.Complete {
			cut = ", cut by time"
		}
		fmt.Fprintf(b, "| %s | %d | %d | %s | %s | %s | %.0f | %s | %s | %d%s |\n", k.part, k.size, k.workers, k.contender, roundDuration(s.P50), roundDuration(s.P99),
			s.PerSecond, roundDuration(s.ServerCPU), roundDuration(s.ClientCPU), s.Answers, cut)
	}
	b.WriteString("\n")
}

// writeLoading writes the costs of loading each graph, in this run or an earlier one.
func (r *Result) writeLoading(b *strings.Builder) {
	b.WriteString("| store | nodes | edges | nodes/s | edges/s | edges/s with their nodes | bytes a node | bytes an edge | load then |\n" +
		"|---|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, engine := range slices.Sorted(maps.Keys(r.Built)) {
		for _, size := range slices.Sorted(maps.Keys(r.Built[engine])) {
			l := r.Built[engine][size]
			fmt.Fprintf(b, "| %s | %d | %d | %.0f | %.0f | %.0f | %.0f | %.0f | %s |\n", engine, l.Nodes, l.Edges, float64(l.Nodes)/l.NodesTook.Seconds(),
				float64(l.Edges)/l.EdgesTook.Seconds(), float64(l.Edges)/(l.NodesTook+l.EdgesTook).Seconds(), l.NodeBytes, l.EdgeBytes, l.LoadAverage)
		}
	}
	b.WriteString("\n")
}
