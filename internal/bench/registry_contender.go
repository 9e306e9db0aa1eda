package bench

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"pedigree/internal/bench/graphs"
	"pedigree/registry"
)

// loadClients is the number of clients that load a registry.
const loadClients = 16

// registryContender is a server in the part registry, with what it holds.
type registryContender struct {
	name   string
	models []*registryModel
	calls  map[string]registryCall
	// loads are the calls that fill the registry, where they are others; loaded is called then.
	loads  map[string]registryCall
	loaded func() error
	// dial opens a connection that may do a work.
	dial func(registryWork) (*httpConn, error)
	// pids returns the processes that do the work by now.
	pids func() []int
	// writes is how many writes were asked for, so that each measurement goes on with
	// the models after those of the one before.
	writes int
}

// client returns the ith of n clients that do a work at once.
func (c *registryContender) client(work registryWork, i, n int) (*registryClient, error) {
	conn, err := c.dial(work)
	if err != nil {
		return nil, err
	}
	out := &registryClient{httpConn: conn, work: work, call: c.calls[work.name], models: c.models, prepared: map[int]preparedCall{}}
	if work.change != nil {
		out.models = nil
		for m := i; m < len(c.models); m += n {
			out.models = append(out.models, c.models[m])
		}
		out.next = c.writes / n
	}
	return out, nil
}

// contender returns the registry as a contender for one work of n clients.
func (c *registryContender) contender(work registryWork, n int) *contender {
	opened := 0
	return &contender{name: c.name, size: len(c.models), pids: c.pids(), open: func() (querier, error) {
		opened++
		return c.client(work, opened-1, n)
	}}
}

// workload returns the questions of one pass of a work. Those of a read are spread
// over all models.
func (c *registryContender) workload(work registryWork) workload {
	questions := make([]graphs.Question, work.questions)
	for i := range questions {
		questions[i].Of = registry.ID(strconv.Itoa(i * len(c.models) / len(questions)))
		if work.kind == workPage {
			questions[i].Of = "0" // There is one page.
		}
	}
	return workload{questions: questions, exact: true}
}

// load fills an empty registry.
func (c *registryContender) load() error {
	for _, work := range registryLoad() {
		errs := make([]error, loadClients)
		var clients sync.WaitGroup
		for i := range errs {
			clients.Go(func() { errs[i] = c.loadPart(work, i) })
		}
		clients.Wait()
		if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
			return fmt.Errorf("loading %s, %s: %w", c.name, work.name, errs[i])
		}
	}
	if c.loaded != nil {
		return c.loaded()
	}
	return nil
}

// loadPart does one write to each model of the ith client.
func (c *registryContender) loadPart(work registryWork, i int) error {
	client, err := c.client(work, i, loadClients)
	if err != nil {
		return err
	}
	defer client.close()
	if c.loads != nil {
		client.call = c.loads[work.name]
	}
	for _, m := range client.models {
		if err := client.write(m); err != nil {
			return err
		}
	}
	return nil
}
