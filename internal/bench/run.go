package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"pedigree/internal/bench/graphs"
)

// sampleKey identifies a measurement.
type sampleKey struct {
	part, contender string
	size, workers   int
}

// Result holds everything that a bench measured.
type Result struct {
	Config     Config
	Took       time.Duration
	LoadBefore string
	LoadAfter  string
	// OtherCPU is the share (0 to 1) of the machine's CPU time, idle time included,
	// that processes outside the bench used.
	OtherCPU float64
	// SyncTime is the median time of an fdatasync on the disk of the stores.
	SyncTime time.Duration
	// Built is by contender and size.
	Built   map[string]map[int]Built
	samples map[sampleKey][]Sample
	// Failed holds the errors of hub and lattice measurements.
	Failed map[sampleKey]error
	// Memory is of the server on SQLite with MemorySize nodes; nil when it was not
	// measured.
	Memory     *MemoryUse
	MemorySize int
	// Recall is of the server on SQLite with RecallSize nodes; nil when it was not
	// measured.
	Recall     *RecallStream
	RecallSize int
	// Artifacts holds the part artifacts; nil when it was not measured.
	Artifacts *ArtifactResult
	// Registry holds the part registry; nil when it was not measured.
	Registry *RegistryResult
	// Growth holds the part growth; nil when it was not measured.
	Growth *GrowthResult
}

// Failures returns the number of measurements that ended with an error.
func (r *Result) Failures() int { return len(r.Failed) + r.Registry.failures() + r.Growth.failures() }

// runner holds the running servers of a bench and its result so far.
type runner struct {
	Config
	cleanups   []func()
	contenders []*contender
	// hubs and lattices are the contenders for these measurements.
	hubs, lattices []*contender
	// cold are servers without the memory cache.
	cold   []*contender
	files  map[int]string // SQLite files by size
	result *Result
}

func (r *runner) close() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// Run builds missing graphs, starts the contenders, measures them and stops them.
func Run(ctx context.Context, c Config) (*Result, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	start, load := time.Now(), loadAverage()
	ours := ownAndChildCPU()
	busy, all := machineCPU()
	r := &Result{Config: c, LoadBefore: load, Built: map[string]map[int]Built{}, samples: map[sampleKey][]Sample{}, Failed: map[sampleKey]error{}}
	var err error
	if r.SyncTime, err = syncTime(c.Dir); err != nil {
		return nil, err
	}
	if err := (&runner{Config: c, result: r, files: map[int]string{}}).run(ctx); err != nil {
		return nil, err
	}
	busyNow, allNow := machineCPU()
	r.Took, r.LoadAfter = time.Since(start), loadAverage()
	r.OtherCPU = float64(busyNow-busy-(ownAndChildCPU()-ours)) / float64(allNow-all)
	return r, nil
}

// run performs all steps, then stops what they started, also after an error.
func (r *runner) run(ctx context.Context) error {
	defer r.close()
	for _, step := range []func(context.Context) error{r.setUpSQLite, r.setUpNeo4j, r.measureLineage, r.measureSpread, r.measureShapes, r.measureWrites, r.measureEvents, r.measureMemory, r.measureRecall, r.measureArtifacts, r.measureRegistry, r.measureGrowth} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) setUpSQLite(ctx context.Context) error {
	if !r.needsGraphs() || !r.hasContender(PedigreeSQLite) && !r.hasContender(BareSQL) {
		return nil
	}
	r.result.Built[PedigreeSQLite] = map[int]Built{}
	for _, size := range r.Sizes {
		file, built, err := r.buildSQLite(ctx, size)
		if err != nil {
			return err
		}
		r.files[size], r.result.Built[PedigreeSQLite][size] = file, built
		if r.hasContender(BareSQL) {
			r.contenders = append(r.contenders, bareSQLContender(file, size))
		}
		if !r.hasContender(PedigreeSQLite) {
			continue
		}
		if err := r.startPedigree(ctx, PedigreeSQLite, size, "sqlite://"+file); err != nil {
			return err
		}
	}
	return nil
}

// startPedigree starts two servers of this registry on a store: one with default
// settings, and one without the memory cache. databasePIDs are the processes of a
// separate database.
func (r *runner) startPedigree(ctx context.Context, name string, size int, store string, databasePIDs ...int) error {
	server, err := r.startServer(ctx, fmt.Sprintf("%s-%d", name, size), store)
	if err != nil {
		return err
	}
	r.cleanups = append(r.cleanups, server.stop)
	r.addContenders(server, name, size, databasePIDs...)
	if !r.hasPart(Cold) {
		return nil
	}
	cold, err := r.startServer(ctx, fmt.Sprintf("%s-%d-cold", name, size), store, "--cache-nodes", "0")
	if err != nil {
		return err
	}
	r.cleanups = append(r.cleanups, cold.stop)
	r.cold = append(r.cold, cold.contender(name, size, lineageQuery, databasePIDs...))
	return nil
}

// addContenders adds a server of this registry to the lineage, lattice and hub
// measurements.
func (r *runner) addContenders(server *testServer, name string, size int, databasePIDs ...int) {
	r.contenders = append(r.contenders, server.contender(name, size, lineageQuery, databasePIDs...))
	r.lattices = append(r.lattices, server.contender(name, size, lineageQuery, databasePIDs...))
	r.hubs = append(r.hubs, server.contender(name, size, impactQuery, databasePIDs...))
}

// Concurrency returns the numbers of concurrent clients in lineage measurements.
func Concurrency() []int { return []int{1, 16} }

// measureLineage measures all contenders on the same questions in turn, so that
// other activity on the machine affects all of them alike.
func (r *runner) measureLineage(ctx context.Context) error {
	if !r.hasPart(Lineage) {
		r.contenders = nil
	}
	for round := range r.Rounds {
		for _, workers := range Concurrency() {
			for _, c := range r.cold {
				if err := r.measure(ctx, round, c, sampleKey{Cold, c.name, c.size, workers}, workload{questions: r.plan(c.size).Versions(), exact: true}); err != nil {
					return err
				}
			}
			for _, c := range r.contenders {
				plan := r.plan(c.size)
				if err := r.measure(ctx, round, c, sampleKey{Lineage, c.name, c.size, workers}, workload{questions: plan.Versions(), exact: true}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measureSpread asks for versions from the whole graph. It runs after
// measureLineage, because it evicts that part's versions from the caches.
func (r *runner) measureSpread(ctx context.Context) error {
	for round := range r.Rounds {
		for _, c := range r.contenders {
			if c.name != PedigreeSQLite && c.name != BareSQL {
				continue
			}
			if err := r.measure(ctx, round, c, sampleKey{"spread", c.name, c.size, 1}, workload{questions: r.plan(c.size).Spread(2000), exact: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureShapes measures graphs that are expensive to walk: the first 100 rows of
// the impact of hubs, and the whole lineage of lattices.
func (r *runner) measureShapes(ctx context.Context) error {
	if !r.hasPart(Shapes) {
		return nil
	}
	for round := range r.Rounds {
		for _, c := range r.hubs {
			plan := r.plan(c.size)
			var questions []graphs.Question
			for h := range plan.Hubs() {
				questions = append(questions, graphs.Question{Of: plan.Hub(h).Of, Nodes: 100})
			}
			if err := r.measureOrRecordFailure(ctx, round, c, "hub", workload{questions: questions}); err != nil {
				return err
			}
		}
		for _, c := range r.lattices {
			plan := r.plan(c.size)
			var questions []graphs.Question
			for i := range plan.Lattices() {
				questions = append(questions, plan.Lattice(i))
			}
			if err := r.measureOrRecordFailure(ctx, round, c, "lattice", workload{questions: questions, exact: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureOrRecordFailure measures a contender. After a wrong answer or an error it
// records the failure and skips this measurement in later rounds.
func (r *runner) measureOrRecordFailure(ctx context.Context, round int, c *contender, name string, load workload) error {
	key := sampleKey{name, c.name, c.size, 1}
	if r.result.Failed[key] != nil {
		return nil
	}
	err := r.measure(ctx, round, c, key, load)
	if err != nil && ctx.Err() == nil {
		r.logf("failed: %v", err)
		r.result.Failed[key] = err
		return nil
	}
	return err
}

func (r *runner) measure(ctx context.Context, round int, c *contender, key sampleKey, load workload) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	got, err := r.sample(round, c, key, load)
	if err == nil {
		r.result.samples[key] = append(r.result.samples[key], got)
	}
	return err
}

// sample measures once, and logs what came out.
func (r *runner) sample(round int, c *contender, key sampleKey, load workload) (Sample, error) {
	load.workers, load.minTime, load.maxTime = key.workers, r.MinTime, r.MaxTime
	got, err := c.measure(load)
	if err != nil {
		return got, err
	}
	r.logf("round %d, %s of %s, size %d, %d at once: %.0f/s, p50 %s, p99 %s, server CPU %s, client CPU %s", round+1, key.part, key.contender, key.size,
		key.workers, got.PerSecond, roundDuration(got.P50), roundDuration(got.P99), roundDuration(got.ServerCPU), roundDuration(got.ClientCPU))
	return got, nil
}

// roundDuration formats a duration with about four digits.
func roundDuration(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}

func jsonString(s string) string { return jsonOf(s) }

func jsonOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
