package bench

import "sync"

// passes hands out the indexes of one pass after another. Only one worker at a time
// decides whether a further pass begins, so that none takes an index of a pass that
// another worker declines.
type passes struct {
	mu              sync.Mutex
	next, end, size int64
	over            bool
}

func newPasses(size int64) *passes { return &passes{size: size, end: size} }

// take returns the next index. At the end of a pass it calls more, and returns false,
// to all workers from then on, when no further pass begins.
func (p *passes) take(more func() bool) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over && p.next == p.end {
		p.over = !more()
		p.end += p.size
	}
	if p.over {
		return 0, false
	}
	p.next++
	return p.next - 1, true
}

// stop lets no worker take a further index.
func (p *passes) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}
