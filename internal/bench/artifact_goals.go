package bench

import (
	"fmt"
	"slices"
	"strings"
)

// ratio returns the median rate of a way as a multiple of another's.
func (a *ArtifactResult) ratio(way, than string) float64 { return a.rate(way) / a.rate(than) }

// rate returns the median rate of a way in bytes a second.
func (a *ArtifactResult) rate(way string) float64 {
	rates := slices.Sorted(slices.Values(a.Rates[way]))
	return rates[len(rates)/2]
}

// checkTargets compares the part artifacts with its targets.
func (a *ArtifactResult) checkTargets() (out []targetCheck) {
	if a == nil {
		return nil
	}
	what := fmt.Sprintf("%d files of %d MiB at once", artifactFiles, a.FileBytes>>20)
	for _, way := range []struct{ ours, than string }{{filesUp, socketUp}, {filesDown, socketDown}} {
		got := a.ratio(way.ours, way.than)
		out = append(out, targetCheck{fmt.Sprintf("%s, %s: bytes/s against a bare socket", what, way.ours), fmt.Sprintf("%.2f×", got), "≥ 0.7×", got >= 0.7})
	}
	return append(out, targetCheck{what + ": anonymous memory, MiB", fmt.Sprintf("%.1f", mib(a.Peak)), "≤ 300", mib(a.Peak) <= 300})
}

// write writes the table of the part.
func (a *ArtifactResult) write(b *strings.Builder) {
	if a == nil {
		return
	}
	fmt.Fprintf(b, "Files of versions: %d of %d MiB at once; the server had %.0f MiB of anonymous memory before and at most %.0f MiB.\n\n| way | MiB/s |\n|---|---:|\n",
		artifactFiles, a.FileBytes>>20, mib(a.Idle), mib(a.Peak))
	for _, way := range []string{socketUp, filesUp, socketDown, filesDown} {
		fmt.Fprintf(b, "| %s | %.0f |\n", way, a.rate(way)/(1<<20))
	}
	b.WriteString("\n")
}
