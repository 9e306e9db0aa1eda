package policies

import (
	"context"
	"sync"
	"time"
)

// watchInterval is how often the log head is asked for entries of other servers, while somebody
// watches. The registry's own writes are told at once.
const watchInterval = 250 * time.Millisecond

// logWatch wakes those who wait for the log to grow.
type logWatch struct {
	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
	stop     context.CancelFunc // ends the polling; nil while nobody watches
}

// WatchLog returns a channel that gets a value whenever the log may have grown, and a function
// that ends the watch. It may get one too often, and never one too few: whoever has read up to the
// end of the log after starting to watch misses nothing. Nothing is asked of the store while
// nobody watches.
func (g *Gate) WatchLog() (grown <-chan struct{}, end func()) {
	w, c := &g.watch, make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers == nil {
		w.watchers = map[chan struct{}]struct{}{}
	}
	w.watchers[c] = struct{}{}
	if w.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		w.stop = stop
		go g.pollHead(ctx)
	}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers, c)
		if len(w.watchers) == 0 && w.stop != nil {
			w.stop()
			w.stop = nil
		}
	}
}

// pollHead tells watchers of entries that other servers wrote. A store that does not answer is
// asked again: whoever reads then learns of it.
func (g *Gate) pollHead(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	known := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		info, err := g.store.Ping(ctx)
		if err == nil && info.Head == known {
			continue
		}
		if err == nil {
			known = info.Head
		}
		g.watch.tell()
	}
}

// tell wakes every watcher that is not awake yet.
func (w *logWatch) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
