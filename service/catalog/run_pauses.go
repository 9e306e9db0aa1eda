package catalog

import (
	"sync"
	"time"

	"pedigree/registry"
)

// The pauses between two reads of a run, and between two questions to a tracking system that does
// not answer: the first, and the longest. Each is twice the one before.
const (
	firstRunPause = 5 * time.Second
	longRunPause  = time.Hour
	longDownPause = 5 * time.Minute
)

// pause is when something is tried again, after a number of attempts.
type pause struct {
	attempts int
	next     time.Time
}

func (p pause) after(now time.Time, longest time.Duration) pause {
	wait := longest
	if p.attempts < 16 {
		wait = min(firstRunPause<<p.attempts, longest)
	}
	return pause{p.attempts + 1, now.Add(wait)}
}

// runPauses holds when runs are read again. It is in memory: a server that starts reads all at
// once, and no attempt is written to the store.
type runPauses struct {
	mu     sync.Mutex
	byNode map[registry.ID]pause
	system pause
	last   UnreadRuns
}

// keep keeps what became of the runs when they were looked at last; lastState returns it. Nothing
// is filled since.
func (p *runPauses) keep(state UnreadRuns) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state.Filled = 0
	p.last = state
}

func (p *runPauses) lastState() *UnreadRuns {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.last
	return &last
}

// due reports whether a run is to be read.
func (p *runPauses) due(version registry.ID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !now.Before(p.byNode[version].next)
}

// failed counts a read of a run that is to be read again, and returns how many there were.
func (p *runPauses) failed(version registry.ID, now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byNode == nil {
		p.byNode = map[registry.ID]pause{}
	}
	p.byNode[version] = p.byNode[version].after(now, longRunPause)
	return p.byNode[version].attempts
}

// forget removes the pauses of runs that are no longer unread.
func (p *runPauses) forget(unread []registry.UnreadRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := map[registry.ID]pause{}
	for _, u := range unread {
		if at, ok := p.byNode[u.Version]; ok {
			known[u.Version] = at
		}
	}
	p.byNode = known
}

// answers reports whether the tracking system is to be asked.
func (p *runPauses) answers(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !now.Before(p.system.next)
}

// answered counts whether the tracking system answered.
func (p *runPauses) answered(did bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if did {
		p.system = pause{}
		return
	}
	p.system = p.system.after(now, longDownPause)
}
