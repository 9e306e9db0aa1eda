package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"pedigree/internal/bench/graphs"
)

// at names a measurement: what was asked of whom, on which graph, by how many.
type at struct {
	part, contender string
	size, workers   int
}

// Result is all that a bench measured.
type Result struct {
	Config Config
	Took   time.Duration
	Before string
	After  string
	// Foreign is the share of the machine's CPU time that went to others than the
	// bench and its servers.
	Foreign float64
	Built   map[string]map[int]Built
	samples map[at][]Sample
	// Failed are the shapes that a contender did not answer, by why.
	Failed map[at]error
	// Memory is of the server on SQLite at MemorySize nodes.
	Memory     *Memory
	MemorySize int
}

// stage holds what runs while a bench runs, to be ended in the end.
type stage struct {
	Config
	ends       []func()
	contenders []*contender
	// hubs and lattices are contenders asked those questions.
	hubs, lattices []*contender
	// cold are servers that keep nothing in memory.
	cold   []*contender
	files  map[int]string
	result *Result
}

func (s *stage) close() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

// Run builds what is missing, starts the contenders, measures and ends them.
func Run(ctx context.Context, c Config) (*Result, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	start, load := time.Now(), loadAverage()
	ours := familyCPU()
	busy, all := machine()
	r := &Result{Config: c, Before: load, Built: map[string]map[int]Built{}, samples: map[at][]Sample{}, Failed: map[at]error{}}
	if err := (&stage{Config: c, result: r, files: map[int]string{}}).run(ctx); err != nil {
		return nil, err
	}
	busyNow, allNow := machine()
	r.Took, r.After = time.Since(start), loadAverage()
	r.Foreign = float64(busyNow-busy-(familyCPU()-ours)) / float64(allNow-all)
	return r, nil
}

// run takes all steps and ends what they started, however they end.
func (s *stage) run(ctx context.Context) error {
	defer s.close()
	for _, step := range []func(context.Context) error{s.setUpSQLite, s.setUpNeo4j, s.lineage, s.spread, s.shapes, s.writes, s.memory} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) setUpSQLite(ctx context.Context) error {
	if !s.with(OnSQLite) && !s.with(Bare) {
		return nil
	}
	s.result.Built[OnSQLite] = map[int]Built{}
	for _, size := range s.Sizes {
		file, built, err := s.buildSQLite(ctx, size)
		if err != nil {
			return err
		}
		s.files[size], s.result.Built[OnSQLite][size] = file, built
		if s.with(Bare) {
			s.contenders = append(s.contenders, bareContender(file, size))
		}
		if !s.with(OnSQLite) {
			continue
		}
		if err := s.start(ctx, OnSQLite, size, "sqlite://"+file); err != nil {
			return err
		}
	}
	return nil
}

// start starts the servers of this registry on a store: one as it is, and one that
// keeps nothing in memory.
func (s *stage) start(ctx context.Context, name string, size int, store string, also ...int) error {
	server, err := s.serve(ctx, fmt.Sprintf("%s-%d", name, size), store)
	if err != nil {
		return err
	}
	s.ends = append(s.ends, server.stop)
	s.add(server, name, size, also...)
	if !s.does(Cold) {
		return nil
	}
	cold, err := s.serve(ctx, fmt.Sprintf("%s-%d-cold", name, size), store, "--cache-nodes", "0")
	if err != nil {
		return err
	}
	s.ends = append(s.ends, cold.stop)
	s.cold = append(s.cold, cold.contender(name, size, askLineage, also...))
	return nil
}

// add enters a server of this registry as a contender in all parts.
func (s *stage) add(server *served, name string, size int, also ...int) {
	s.contenders = append(s.contenders, server.contender(name, size, askLineage, also...))
	s.lattices = append(s.lattices, server.contender(name, size, askLineage, also...))
	s.hubs = append(s.hubs, server.contender(name, size, askImpact, also...))
}

// Concurrency is how many ask at once.
func Concurrency() []int { return []int{1, 16} }

// lineage measures all contenders on the same questions, in turn, so that what
// else happens on the machine happens to all of them.
func (s *stage) lineage(ctx context.Context) error {
	if !s.does(Lineage) {
		s.contenders = nil
	}
	for round := range s.Rounds {
		for _, workers := range Concurrency() {
			for _, c := range s.cold {
				if err := s.measure(ctx, round, c, at{Cold, c.name, c.size, workers}, exam{questions: s.plan(c.size).Versions(), exact: true}); err != nil {
					return err
				}
			}
			for _, c := range s.contenders {
				plan := s.plan(c.size)
				if err := s.measure(ctx, round, c, at{Lineage, c.name, c.size, workers}, exam{questions: plan.Versions(), exact: true}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// spread asks versions from the whole graph, once the others were asked: it pushes
// them out of memory.
func (s *stage) spread(ctx context.Context) error {
	for round := range s.Rounds {
		for _, c := range s.contenders {
			if c.name != OnSQLite && c.name != Bare {
				continue
			}
			if err := s.measure(ctx, round, c, at{"spread", c.name, c.size, 1}, exam{questions: s.plan(c.size).Spread(2000), exact: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// shapes asks for what is hard to walk: the first 100 rows of the impact of hubs,
// and whole lattices.
func (s *stage) shapes(ctx context.Context) error {
	if !s.does(Shapes) {
		return nil
	}
	for round := range s.Rounds {
		for _, c := range s.hubs {
			plan := s.plan(c.size)
			var questions []graphs.Question
			for h := range plan.Hubs() {
				questions = append(questions, graphs.Question{Of: plan.Hub(h).Of, Nodes: 100})
			}
			if err := s.shape(ctx, round, c, "hub", exam{questions: questions}); err != nil {
				return err
			}
		}
		for _, c := range s.lattices {
			plan := s.plan(c.size)
			var questions []graphs.Question
			for i := range plan.Lattices() {
				questions = append(questions, plan.Lattice(i))
			}
			if err := s.shape(ctx, round, c, "lattice", exam{questions: questions, exact: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// shape measures what is hard to walk. Who does not answer it as promised has failed
// there and is not asked again; all else is measured all the same.
func (s *stage) shape(ctx context.Context, round int, c *contender, name string, e exam) error {
	key := at{name, c.name, c.size, 1}
	if s.result.Failed[key] != nil {
		return nil
	}
	err := s.measure(ctx, round, c, key, e)
	if err != nil && ctx.Err() == nil {
		s.say("failed: %v", err)
		s.result.Failed[key] = err
		return nil
	}
	return err
}

func (s *stage) measure(ctx context.Context, round int, c *contender, key at, e exam) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.workers, e.least, e.most = key.workers, s.Least, s.Most
	got, err := c.measure(e)
	if err != nil {
		return err
	}
	s.result.samples[key] = append(s.result.samples[key], got)
	s.say("round %d, %s of %s at %d nodes, %d at once: %.0f/s, p50 %s, p99 %s, server CPU %s, client CPU %s", round+1, key.part, key.contender, key.size,
		key.workers, got.PerSecond, short(got.P50), short(got.P99), short(got.ServerCPU), short(got.ClientCPU))
	return nil
}

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
