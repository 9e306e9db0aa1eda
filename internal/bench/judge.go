package bench

import (
	"fmt"
	"slices"
)

// verdict is a figure beside its target.
type verdict struct {
	what, figure, target string
	holds                bool
}

// judge compares what was measured with the targets; what was not measured is not
// judged.
func (r *Result) judge() (out []verdict) {
	largest, smallest := slices.Max(r.Config.Sizes), slices.Min(r.Config.Sizes)
	for _, size := range r.Config.Sizes {
		out = append(out, r.againstPeer(size)...)
	}
	for _, name := range []string{OnSQLite, OnNeo4j} {
		out = append(out, r.ratio(fmt.Sprintf("growth on %s from %d to %d nodes, p50", name, smallest, largest), 1.3, func() (float64, bool) {
			return r.p50(at{Lineage, name, largest, 1}, at{Lineage, name, smallest, 1})
		})...)
	}
	for _, size := range r.Config.Sizes {
		for _, shape := range []struct {
			name  string
			limit float64
		}{{"hub", 40}, {"lattice", 80}} {
			if shape.name == "hub" && r.Config.plan(size).Hub(0).Nodes < 50_000 {
				continue // The target is of a hub with 50,000 children; what came of a small one is looked for further away.
			}
			out = append(out, r.ratio(fmt.Sprintf("%s at %d nodes on SQLite, in bare closures, p50", shape.name, size), shape.limit, func() (float64, bool) {
				return r.p50(at{shape.name, OnSQLite, size, 1}, at{Lineage, Bare, size, 1})
			})...)
		}
	}
	for key, err := range r.Failed {
		out = append(out, verdict{fmt.Sprintf("%s on %s at %d nodes: %v", key.part, key.contender, key.size, err), "no answer", "an answer", false})
	}
	return append(append(out, r.judgeLoading()...), r.judgeMemory()...)
}

// againstPeer holds one size to the targets that name another contender.
func (r *Result) againstPeer(size int) (out []verdict) {
	for _, engine := range []struct {
		name  string
		times float64
	}{{OnSQLite, 10}, {OnNeo4j, 2}} {
		for _, workers := range Concurrency() {
			ours, peer := r.samples[at{Lineage, engine.name, size, workers}], r.samples[at{Lineage, Peer, size, workers}]
			if len(ours) == 0 || len(peer) == 0 {
				continue
			}
			got := median(ours).PerSecond / median(peer).PerSecond
			out = append(out, verdict{fmt.Sprintf("answers/s on %s against @neo4j/graphql at %d nodes, %d at once", engine.name, size, workers),
				fmt.Sprintf("%.2f×", got), fmt.Sprintf("≥ %g×", engine.times), got >= engine.times})
		}
	}
	out = append(out, r.ratio(fmt.Sprintf("p50 on sqlite against the bare closure at %d nodes, 1 at once", size), 8, func() (float64, bool) {
		return r.p50(at{Lineage, OnSQLite, size, 1}, at{Lineage, Bare, size, 1})
	})...)
	return append(out, r.ratio(fmt.Sprintf("p50 on neo4j against the raw driver at %d nodes, 1 at once", size), 1.6, func() (float64, bool) {
		return r.p50(at{Lineage, OnNeo4j, size, 1}, at{Lineage, Raw, size, 1})
	})...)
}

// p50 is the ratio of two medians; false where one is missing.
func (r *Result) p50(a, b at) (float64, bool) {
	x, y := r.samples[a], r.samples[b]
	if len(x) == 0 || len(y) == 0 || a == b {
		return 0, false
	}
	return float64(median(x).P50) / float64(median(y).P50), true
}

func (r *Result) ratio(what string, most float64, of func() (float64, bool)) []verdict {
	got, ok := of()
	if !ok {
		return nil
	}
	return []verdict{{what, fmt.Sprintf("%.2f×", got), fmt.Sprintf("≤ %g×", most), got <= most}}
}

func (r *Result) judgeLoading() (out []verdict) {
	for _, engine := range []struct {
		name string
		rate float64
	}{{OnSQLite, 50_000}, {OnNeo4j, 10_000}} {
		for _, size := range r.Config.Sizes {
			b, ok := r.Built[engine.name][size]
			if !ok {
				continue
			}
			got := float64(b.Edges) / b.EdgesTook.Seconds()
			out = append(out, verdict{fmt.Sprintf("loading %d nodes into %s, edges/s", size, engine.name), fmt.Sprintf("%.0f", got),
				fmt.Sprintf("≥ %.0f", engine.rate), got >= engine.rate})
		}
	}
	return out
}

func (r *Result) judgeMemory() []verdict {
	if r.Memory == nil {
		return nil
	}
	return []verdict{
		{fmt.Sprintf("anonymous memory at %d nodes under the mix, MiB", r.MemorySize), fmt.Sprintf("%.1f", mib(r.Memory.Most)), "≤ 256", mib(r.Memory.Most) <= 256},
		{fmt.Sprintf("anonymous memory at %d nodes idle, MiB", r.MemorySize), fmt.Sprintf("%.1f", mib(r.Memory.Idle)), "≤ 40", mib(r.Memory.Idle) <= 40},
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
