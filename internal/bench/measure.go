package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pedigree/internal/bench/graphs"
)

// asker asks one question and says how many nodes and edges the answer has. One
// goroutine uses it.
type asker interface {
	ask(q graphs.Question) (nodes, edges int, err error)
	close()
}

// contender is a way to ask.
type contender struct {
	name string
	size int
	// open makes an asker for one worker.
	open func() (asker, error)
	// pids are the processes that serve; inside says that this one does too.
	pids   []int
	inside bool
}

// exam is what contenders are measured on.
type exam struct {
	questions []graphs.Question
	// exact says that an answer must have the promised edges too.
	exact   bool
	workers int
	// least is how long to ask at least, most when to stop at the latest. Between
	// the two every question is asked equally often, at least once.
	least, most time.Duration
}

// Sample is what one run of one contender measured.
type Sample struct {
	Answers   int
	P50, P99  time.Duration
	PerSecond float64
	// ServerCPU and ClientCPU are CPU time per answer. Of a contender inside of this
	// process there is no telling them apart, and ServerCPU holds both.
	ServerCPU, ClientCPU time.Duration
	// Whole tells that every question was asked at least once.
	Whole bool
}

// measure asks all questions in a shuffled order, again and again, from so many
// workers at once. A wrong count ends it with an error.
func (c *contender) measure(e exam) (Sample, error) {
	askers := make([]asker, e.workers)
	for i := range askers {
		var err error
		if askers[i], err = c.open(); err != nil {
			return Sample{}, fmt.Errorf("%s: %w", c.name, err)
		}
		defer askers[i].close()
	}
	order := slices.Clone(e.questions)
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	r := &race{c: c, exam: e, order: order, took: make([][]time.Duration, e.workers)}
	// Warm up: a tenth of the questions, not measured.
	if err := r.run(askers, int64(len(order)/10+e.workers), 0); err != nil {
		return Sample{}, err
	}
	server, client := cpuOf(c.pids), ownCPU()
	start := time.Now()
	if err := r.run(askers, int64(len(order)), e.least); err != nil {
		return Sample{}, err
	}
	took := time.Since(start)
	server, client = cpuOf(c.pids)-server, ownCPU()-client
	return r.sample(took, server, client), nil
}

// race is one measurement under way.
type race struct {
	c     *contender
	exam  exam
	order []graphs.Question
	next  atomic.Int64
	took  [][]time.Duration
}

// run asks at least n questions, and goes on in whole passes until least is over.
func (r *race) run(askers []asker, n int64, least time.Duration) error {
	r.next.Store(0)
	start := time.Now()
	var last atomic.Int64
	last.Store(n)
	var wg sync.WaitGroup
	failed := make(chan error, len(askers))
	for w, a := range askers {
		r.took[w] = r.took[w][:0]
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := r.next.Add(1) - 1
				if i >= last.Load() {
					if time.Since(start) >= least || time.Since(start) >= r.exam.most {
						return
					}
					last.CompareAndSwap(i, i+n)
				}
				if time.Since(start) >= r.exam.most {
					return
				}
				if err := r.one(w, a, r.order[i%int64(len(r.order))]); err != nil {
					failed <- err
					last.Store(0)
					return
				}
			}
		}()
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (r *race) one(w int, a asker, q graphs.Question) error {
	start := time.Now()
	nodes, edges, err := a.ask(q)
	r.took[w] = append(r.took[w], time.Since(start))
	switch {
	case err != nil:
		return fmt.Errorf("%s at %d nodes, %s: %w", r.c.name, r.c.size, q.Of, err)
	case nodes != q.Nodes || r.exam.exact && edges != q.Edges:
		return fmt.Errorf("%s at %d nodes: %s is answered with %d nodes and %d edges, which are %d and %d", r.c.name, r.c.size, q.Of, nodes, edges, q.Nodes, q.Edges)
	}
	return nil
}

func (r *race) sample(took, server, client time.Duration) Sample {
	all := slices.Concat(r.took...)
	slices.Sort(all)
	n := len(all)
	if n == 0 {
		return Sample{}
	}
	s := Sample{Answers: n, P50: all[n/2], P99: all[min(n-1, n*99/100)], PerSecond: float64(n) / took.Seconds(),
		ServerCPU: server / time.Duration(n), ClientCPU: client / time.Duration(n), Whole: n >= len(r.order)}
	if r.c.inside {
		s.ServerCPU, s.ClientCPU = s.ServerCPU+s.ClientCPU, 0
	}
	return s
}

// median joins the samples of several rounds: each figure's median.
func median(samples []Sample) (out Sample) {
	if len(samples) == 0 {
		return out
	}
	mid := func(of func(Sample) float64) float64 {
		v := make([]float64, len(samples))
		for i, s := range samples {
			v[i] = of(s)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	span := func(of func(Sample) time.Duration) time.Duration {
		return time.Duration(mid(func(s Sample) float64 { return float64(of(s)) }))
	}
	out = Sample{P50: span(func(s Sample) time.Duration { return s.P50 }), P99: span(func(s Sample) time.Duration { return s.P99 }),
		PerSecond: mid(func(s Sample) float64 { return s.PerSecond }), ServerCPU: span(func(s Sample) time.Duration { return s.ServerCPU }),
		ClientCPU: span(func(s Sample) time.Duration { return s.ClientCPU }), Whole: true}
	for _, s := range samples {
		out.Answers += s.Answers
		out.Whole = out.Whole && s.Whole
	}
	return out
}
