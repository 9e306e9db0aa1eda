package notify

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"pedigree/registry"
	"pedigree/service/webhooks"
)

const (
	// leaseTime is how long the right to deliver lasts without being renewed: so long after the end
	// of a server another one goes on.
	leaseTime = 6 * time.Second
	// renewal is how often it is renewed while something is being told.
	renewal = leaseTime / 3
	// breath is the least time between two looks at the log, so that many writes do not make as many
	// looks.
	breath = 100 * time.Millisecond
	// idleLook is how often webhooks are looked for that other servers made, while there are none,
	// and what waits for a time of its own, while there are some.
	idleLook = 10 * time.Second
	// atOneTime is how many receivers are spoken to at one time.
	atOneTime = 16
)

// Worker tells the receivers of webhooks what happens. Several servers of a store may each have one:
// one of them delivers at a time.
type Worker struct {
	out    Outbox
	config Config
	client *http.Client
	slots  chan struct{}
	// done gets a value when a webhook was told what there was.
	done  chan struct{}
	tells sync.WaitGroup
	// begun counts how often it was begun to tell a webhook.
	begun atomic.Int64

	mu   sync.Mutex
	busy map[registry.ID]bool
	// seen is up to where there was nothing to tell, behind the stored position.
	seen map[registry.ID]seen
	// holds is until when this server has the right to deliver.
	holds time.Time
	// owners is what is remembered of telling owners of recalls.
	owners ownerState
}

// seen is up to where there was nothing to tell, for a revision of a webhook at a position.
type seen struct {
	revision int
	position int64
	upTo     int64
}

// NewWorker returns a worker.
func NewWorker(out Outbox, c Config) *Worker {
	c = c.filled()
	return &Worker{out: out, config: c, client: newClient(c), slots: make(chan struct{}, atOneTime), done: make(chan struct{}, 1), busy: map[registry.ID]bool{}, seen: map[registry.ID]seen{}}
}

// Run tells what happens until the context ends. Then what is being told ends, and the right to
// deliver is given back.
func (w *Worker) Run(ctx context.Context) {
	defer func() {
		w.tells.Wait()
		if err := w.out.ReleaseDeliveries(context.WithoutCancel(ctx)); err != nil {
			w.config.Log.Warn("the right to deliver was not given back", "cause", registry.Cause(err))
		}
	}()
	renew := time.NewTicker(renewal)
	defer renew.Stop()
	var happened <-chan struct{}
	end := func() {}
	defer func() { end() }()
	for {
		some, next, err := w.pass(ctx)
		if err != nil && ctx.Err() == nil {
			w.config.Log.Warn("webhooks were not looked at", "cause", registry.Cause(err))
		}
		switch {
		case some && happened == nil:
			happened, end = w.out.WatchEvents()
			continue // What happened before the watch began is looked at.
		case !some && err == nil && happened != nil:
			end()
			happened, end = nil, func() {}
		}
		timer := time.NewTimer(min(max(next, breath), idleLook))
		wait := true
		for wait {
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-renew.C:
				w.renew(ctx)
			case <-happened:
				wait = false
			case <-w.done:
				wait = false
			case <-w.out.WebhooksChanged():
				wait = false
			case <-timer.C:
				wait = false
			}
		}
		timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-time.After(breath):
		}
	}
}

// Once tells what is due now, and returns when all of it was tried.
func (w *Worker) Once(ctx context.Context) error {
	for {
		before := w.begun.Load()
		if _, _, err := w.pass(ctx); err != nil {
			return err
		}
		w.tells.Wait()
		if w.begun.Load() == before {
			return ctx.Err()
		}
	}
}

// pass looks once at all webhooks, and begins to tell those that have something to be told. It
// returns whether there is somebody to tell, and after which time there may be more to do.
func (w *Worker) pass(ctx context.Context) (some bool, next time.Duration, err error) {
	all, err := w.out.DueWebhooks(ctx)
	if err != nil {
		return false, idleLook, err
	}
	work, next, err := w.ownersHaveWork(ctx)
	owners := work
	if some = len(all) > 0 || w.config.Owners != nil; err != nil {
		return some, idleLook, err
	}
	for _, d := range all {
		has, wait, err := w.hasWork(ctx, d)
		if err != nil {
			return true, next, err
		}
		if wait > 0 {
			next = min(next, wait)
		}
		work = work || has
	}
	if !work {
		return some, next, nil
	}
	if held, err := w.claim(ctx); err != nil || !held {
		return true, renewal, err
	}
	if all, err = w.out.DueWebhooks(ctx); err != nil { // As the server before left them.
		return true, next, err
	}
	if owners {
		w.begin(ctx, ownersBusy, w.tellOwners)
	}
	for _, d := range all {
		if has, _, err := w.hasWork(ctx, d); err == nil && has {
			w.begin(ctx, d.ID, func(ctx context.Context) error { return w.tell(ctx, d) })
		}
	}
	return true, next, nil
}

// hasWork reports whether a webhook has something to be told now, or after which time it may have.
func (w *Worker) hasWork(ctx context.Context, d *webhooks.Due) (bool, time.Duration, error) {
	w.mu.Lock()
	busy := w.busy[d.ID]
	w.mu.Unlock()
	if busy {
		return false, 0, nil
	}
	if d.LastCommand > d.State.Commands {
		return true, 0, nil
	}
	if d.Paused {
		return false, 0, nil
	}
	if wait := w.waits(d); wait > 0 {
		return false, wait, nil
	}
	_, events, upTo, err := w.events(ctx, d, w.after(d))
	switch {
	case noRights(err):
		return true, 0, nil // That is noted.
	case err != nil:
		return false, 0, err
	}
	if len(events) == 0 {
		w.mu.Lock()
		w.seen[d.ID] = seen{d.Revision, d.State.Position, upTo}
		w.mu.Unlock()
	}
	return len(events) > 0, 0, nil
}

// after is up to where a webhook has nothing to be told: its position, or behind that what was looked
// at since and was nothing for it.
func (w *Worker) after(d *webhooks.Due) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.seen[d.ID]; known.revision == d.Revision && known.position == d.State.Position {
		return known.upTo
	}
	return d.State.Position
}

// waits returns how long a webhook waits: after an attempt in vain, or for the time of its digest.
func (w *Worker) waits(d *webhooks.Due) time.Duration {
	now := w.config.Now()
	if d.State.Attempts > 0 {
		return d.State.NextAttempt.Sub(now)
	}
	if d.Timing == registry.TellDaily && d.State.Digest == 0 {
		last := d.State.LastDigest
		if last.IsZero() {
			last = d.UpdatedAt
		}
		return digestAfter(last).Sub(now)
	}
	return 0
}

// digestHour is the hour, in UTC, from which on the digest of a day is told.
const digestHour = 6

// digestAfter returns the first time for a digest after a time.
func digestAfter(t time.Time) time.Time {
	t = t.UTC()
	at := time.Date(t.Year(), t.Month(), t.Day(), digestHour, 0, 0, 0, time.UTC)
	if !at.After(t) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// begin tells a webhook, or owners, what there is, beside the others.
func (w *Worker) begin(ctx context.Context, id registry.ID, tell func(context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[id] {
		return
	}
	w.busy[id] = true
	w.begun.Add(1)
	w.tells.Add(1)
	go func() {
		defer w.tells.Done()
		defer func() {
			if v := recover(); v != nil {
				w.config.Log.Error("a webhook was not told", "webhook", id, "panic", v)
			}
			w.mu.Lock()
			delete(w.busy, id)
			w.mu.Unlock()
			select {
			case w.done <- struct{}{}:
			default:
			}
		}()
		w.slots <- struct{}{}
		defer func() { <-w.slots }()
		if err := tell(ctx); err != nil && ctx.Err() == nil {
			w.config.Log.Warn("a webhook was not told", "webhook", id, "cause", registry.Cause(err))
		}
	}()
}

// claim claims the right to deliver.
func (w *Worker) claim(ctx context.Context) (bool, error) {
	from := time.Now()
	held, err := w.out.ClaimDeliveries(ctx, leaseTime)
	w.mu.Lock()
	defer w.mu.Unlock()
	if held && err == nil {
		w.holds = from.Add(leaseTime)
	} else {
		w.holds = time.Time{}
	}
	return held, err
}

// renew makes the right to deliver last while something is being told, and gives it back when
// nothing is.
func (w *Worker) renew(ctx context.Context) {
	w.mu.Lock()
	busy, holds := len(w.busy) > 0, time.Now().Before(w.holds)
	if !busy {
		w.holds = time.Time{}
	}
	w.mu.Unlock()
	var err error
	switch {
	case busy:
		_, err = w.claim(ctx)
	case holds:
		err = w.out.ReleaseDeliveries(ctx)
	}
	if err != nil && ctx.Err() == nil {
		w.config.Log.Warn("the right to deliver was not renewed", "cause", registry.Cause(err))
	}
}

// held reports whether this server has the right to deliver.
func (w *Worker) held() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.holds)
}
