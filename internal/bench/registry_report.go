package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// RegistryResult holds what the part registry measured.
type RegistryResult struct {
	models  int
	mlflow  string // the version that MLflow's server told
	samples map[sampleKey][]Sample
	// failed holds the error that ended a measurement.
	failed map[sampleKey]error
	// resident is the highest resident memory of a contender after a measurement.
	resident map[string]int64
}

func newRegistryResult(models int) *RegistryResult {
	return &RegistryResult{models: models, samples: map[sampleKey][]Sample{}, failed: map[sampleKey]error{}, resident: map[string]int64{}}
}

// failures returns how many measurements ended with an error.
func (r *RegistryResult) failures() int {
	if r == nil {
		return 0
	}
	return len(r.failed)
}

// write writes a row for each work, number of clients and contender, and the memory
// of each contender.
func (r *RegistryResult) write(b *strings.Builder) {
	if r == nil {
		return
	}
	fmt.Fprintf(b, "Registry: %d models, MLflow %s. The column × has the answers/s as a multiple of the better MLflow.\n\n", r.models, cmp.Or(r.mlflow, "was not measured"))
	b.WriteString("| work | at once | contender | answers/s | × | p50 | p99 | server CPU/answer | pages written/answer | answers |\n|---|---:|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, work := range registryWorks() {
		for _, clients := range Concurrency() {
			for _, name := range []string{MLflowOne, MLflowDefault, PedigreeSQLite, MLflowDoor, KubeflowDoor, PedigreeNeo4j} {
				r.writeWork(b, work, name, clients)
			}
		}
	}
	b.WriteString("\n| contender | resident memory, MiB |\n|---|---:|\n")
	for _, name := range slices.Sorted(maps.Keys(r.resident)) {
		fmt.Fprintf(b, "| %s | %.0f |\n", name, mib(r.resident[name]))
	}
	b.WriteString("\n")
	writeFailed(b, r.failed)
}

// writeFailed lists the errors that ended measurements.
func writeFailed(b *strings.Builder, failed map[sampleKey]error) {
	for _, key := range slices.SortedFunc(maps.Keys(failed), func(x, y sampleKey) int {
		return cmp.Or(cmp.Compare(x.part, y.part), cmp.Compare(x.contender, y.contender), cmp.Compare(x.size, y.size), cmp.Compare(x.workers, y.workers))
	}) {
		fmt.Fprintf(b, "- %s, %d at once: %.300s\n", key.part, key.workers, failed[key].Error())
	}
}

// writeWork writes one row. Only the pages of a write mean anything: a read writes
// its answer and no more.
func (r *RegistryResult) writeWork(b *strings.Builder, work registryWork, name string, clients int) {
	s, ok := r.median(work, name, clients)
	if !ok {
		return
	}
	times, pages := "", ""
	if theirs, ok := r.betterMLflow(work, clients); ok {
		times = fmt.Sprintf("%.1f", s.PerSecond/theirs.PerSecond)
	}
	if work.kind == workWrite {
		pages = fmt.Sprintf("%.1f", s.Written/diskPage)
	}
	fmt.Fprintf(b, "| %s | %d | %s | %.0f | %s | %s | %s | %s | %s | %d |\n", work.name, clients, name, s.PerSecond, times,
		roundDuration(s.P50), roundDuration(s.P99), roundDuration(s.ServerCPU), pages, s.Answers)
}
