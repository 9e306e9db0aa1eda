package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"pedigree/internal/bench/graphs"
)

// querier answers questions and returns the numbers of nodes and edges in each
// answer. Only one goroutine uses it.
type querier interface {
	query(q graphs.Question) (nodes, edges int, err error)
	close()
}

// contender is a system under test on one graph.
type contender struct {
	name string
	size int
	// open returns a querier for one worker.
	open func() (querier, error)
	// pids are the processes that do the work. inProcess is true when this process
	// does part of it.
	pids      []int
	inProcess bool
}

// workload is what one measurement runs.
type workload struct {
	questions []graphs.Question
	// exact also compares the number of edges in each answer.
	exact   bool
	workers int
	// The measurement ends after the first full pass over all questions that ends
	// after minTime, and after maxTime in any case.
	minTime, maxTime time.Duration
}

// Sample is the result of one measurement of one contender.
type Sample struct {
	Answers   int
	P50, P99  time.Duration
	PerSecond float64
	// ServerCPU and ClientCPU are CPU time per answer. For a contender in this
	// process ServerCPU holds the sum, because they cannot be separated.
	ServerCPU, ClientCPU time.Duration
	// Written is the number of bytes per answer that the server's processes wrote, to
	// files and connections alike.
	Written float64
	// Complete is true when every question was asked at least once.
	Complete bool
}

// measure asks all questions repeatedly, in a shuffled order, with concurrent
// workers. It returns an error when an answer has a wrong count.
func (c *contender) measure(load workload) (Sample, error) {
	queriers := make([]querier, load.workers)
	for i := range queriers {
		var err error
		if queriers[i], err = c.open(); err != nil {
			return Sample{}, fmt.Errorf("%s: %w", c.name, err)
		}
		defer queriers[i].close()
	}
	order := slices.Clone(load.questions)
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	m := &measurement{c: c, workload: load, order: order, latencies: make([][]time.Duration, load.workers)}
	// Warm up with a tenth of the questions.
	if err := m.run(queriers, int64(len(order)/10+load.workers), 0); err != nil {
		return Sample{}, err
	}
	server, client, written := cpuOf(c.pids), ownCPU(), writtenBy(c.pids)
	start := time.Now()
	if err := m.run(queriers, int64(len(order)), load.minTime); err != nil {
		return Sample{}, err
	}
	took := time.Since(start)
	server, client, written = cpuOf(c.pids)-server, ownCPU()-client, writtenBy(c.pids)-written
	s := m.summarize(took, server, client)
	s.Written = float64(written) / float64(max(1, s.Answers))
	return s, nil
}

// measurement is a measurement in progress.
type measurement struct {
	c         *contender
	workload  workload
	order     []graphs.Question
	latencies [][]time.Duration
}

// run asks n questions, and then n more as long as minTime is not over.
func (m *measurement) run(queriers []querier, n int64, minTime time.Duration) error {
	start := time.Now()
	turns := newPasses(n)
	more := func() bool { return time.Since(start) < min(minTime, m.workload.maxTime) }
	var wg sync.WaitGroup
	errs := make(chan error, len(queriers))
	for w, worker := range queriers {
		m.latencies[w] = m.latencies[w][:0]
		wg.Go(func() {
			for time.Since(start) < m.workload.maxTime {
				i, ok := turns.take(more)
				if !ok {
					return
				}
				if err := m.queryOnce(w, worker, m.order[i%int64(len(m.order))]); err != nil {
					errs <- err
					turns.stop()
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

func (m *measurement) queryOnce(w int, worker querier, q graphs.Question) error {
	start := time.Now()
	nodes, edges, err := worker.query(q)
	m.latencies[w] = append(m.latencies[w], time.Since(start))
	switch {
	case err != nil:
		return fmt.Errorf("%s, size %d, %s: %w", m.c.name, m.c.size, q.Of, err)
	case nodes != q.Nodes || m.workload.exact && edges != q.Edges:
		return fmt.Errorf("%s, size %d: the answer for %s has %d nodes and %d edges, want %d and %d", m.c.name, m.c.size, q.Of, nodes, edges, q.Nodes, q.Edges)
	}
	return nil
}

func (m *measurement) summarize(took, server, client time.Duration) Sample {
	all := slices.Concat(m.latencies...)
	slices.Sort(all)
	n := len(all)
	if n == 0 {
		return Sample{}
	}
	s := Sample{Answers: n, P50: all[n/2], P99: all[min(n-1, n*99/100)], PerSecond: float64(n) / took.Seconds(),
		ServerCPU: server / time.Duration(n), ClientCPU: client / time.Duration(n), Complete: n >= len(m.order)}
	if m.c.inProcess {
		s.ServerCPU, s.ClientCPU = s.ServerCPU+s.ClientCPU, 0
	}
	return s
}

// median returns the median of each figure over several rounds, with the total
// number of answers.
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
	midTime := func(of func(Sample) time.Duration) time.Duration {
		return time.Duration(mid(func(s Sample) float64 { return float64(of(s)) }))
	}
	out = Sample{P50: midTime(func(s Sample) time.Duration { return s.P50 }), P99: midTime(func(s Sample) time.Duration { return s.P99 }),
		PerSecond: mid(func(s Sample) float64 { return s.PerSecond }), ServerCPU: midTime(func(s Sample) time.Duration { return s.ServerCPU }),
		ClientCPU: midTime(func(s Sample) time.Duration { return s.ClientCPU }), Written: mid(func(s Sample) float64 { return s.Written }), Complete: true}
	for _, s := range samples {
		out.Answers += s.Answers
		out.Complete = out.Complete && s.Complete
	}
	return out
}
