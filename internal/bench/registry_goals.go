package bench

import "fmt"

// diskPage is the unit of the bytes that a write costs.
const diskPage = 4096

// registryTimes returns how many times MLflow's answers a second are wanted of a
// contender, or 0 where nothing is.
func registryTimes(kind workKind, contender string, clients int) float64 {
	alone := clients == 1
	if contender == MLflowDoor {
		return doorTimes(kind, alone)
	}
	switch {
	case kind == workGet && alone:
		return 20
	case kind == workGet:
		return 60
	case kind == workPage:
		return 30
	case kind == workWrite && contender == PedigreeSQLite && alone:
		return 10
	case kind == workWrite && contender == PedigreeSQLite:
		return 30
	case kind == workWrite && alone:
		return 1
	case kind == workWrite:
		return 10
	}
	return 0
}

// doorTimes is registryTimes for the MLflow API of this server.
func doorTimes(kind workKind, alone bool) float64 {
	switch {
	case kind == workGet && alone, kind == workPage:
		return 40
	case kind == workGet:
		return 80
	case kind == workWrite && alone:
		return 10
	case kind == workWrite:
		return 50
	}
	return 0
}

// median returns the medians of a work with a contender.
func (r *RegistryResult) median(work registryWork, contender string, clients int) (Sample, bool) {
	samples := r.samples[sampleKey{work.name, contender, r.models, clients}]
	return median(samples), len(samples) > 0
}

// betterMLflow returns the medians of the MLflow configuration that gave more answers
// a second.
func (r *RegistryResult) betterMLflow(work registryWork, clients int) (best Sample, ok bool) {
	for _, name := range []string{MLflowOne, MLflowDefault} {
		if s, measured := r.median(work, name, clients); measured && (!ok || s.PerSecond > best.PerSecond) {
			best, ok = s, true
		}
	}
	return best, ok
}

// checkTargets compares the measurements with the targets.
func (r *RegistryResult) checkTargets() (out []targetCheck) {
	if r == nil {
		return nil
	}
	for _, work := range registryWorks() {
		for _, clients := range Concurrency() {
			for _, name := range []string{PedigreeSQLite, MLflowDoor, PedigreeNeo4j} {
				if ours, ok := r.median(work, name, clients); ok {
					out = append(out, r.checkWork(work, name, clients, ours)...)
				}
			}
			out = append(out, r.checkKubeflow(work, clients)...)
		}
	}
	errors := targetCheck{"works that ended with an error or a wrong answer", fmt.Sprint(len(r.failed)), "0", len(r.failed) == 0}
	return append(out, errors)
}

// checkWork checks one work of one contender of this registry.
func (r *RegistryResult) checkWork(work registryWork, name string, clients int, ours Sample) (out []targetCheck) {
	what := fmt.Sprintf("%s on %s, %d at once", work.name, name, clients)
	if theirs, ok := r.betterMLflow(work, clients); ok {
		if want := registryTimes(work.kind, name, clients); want > 0 {
			got := ours.PerSecond / theirs.PerSecond
			out = append(out, targetCheck{what + ": answers/s against the better MLflow", fmt.Sprintf("%.1f×", got), fmt.Sprintf("≥ %g×", want), got >= want})
		}
		if clients > 1 {
			out = append(out, targetCheck{what + ": p99 against MLflow's p50", roundDuration(ours.P99), "< " + roundDuration(theirs.P50), ours.P99 < theirs.P50})
		}
	}
	if work.kind == workWrite && (name == PedigreeSQLite || name == MLflowDoor) && clients > 1 {
		pages := ours.Written / diskPage
		out = append(out, targetCheck{what + ": pages of 4 KiB a write", fmt.Sprintf("%.1f", pages), "≤ 10", pages <= 10})
	}
	return out
}
