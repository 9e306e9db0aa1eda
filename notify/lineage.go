package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"pedigree/registry"
	"pedigree/service/lineageout"
)

// LineageOutbox is what the sender of OpenLineage events needs of the service.
type LineageOutbox interface {
	// ClaimEvents claims the right to send, which one server of a store has at a time.
	ClaimEvents(ctx context.Context, last time.Duration) (bool, error)
	ReleaseEvents(ctx context.Context) error
	EventPosition(ctx context.Context, address string) (position, head int64, err error)
	NoteEventPosition(ctx context.Context, address string, position int64) error
	// AsEventSink returns a context that sees what the receiver may be told.
	AsEventSink(ctx context.Context, role string) (context.Context, error)
	EventsAfter(ctx context.Context, after int64) ([]lineageout.LineageEvent, int64, error)
	WatchEvents() (happened <-chan struct{}, end func())
}

// LineageSink takes events.
type LineageSink interface {
	// Send sends events in their order, and returns how many were taken. An error that is an
	// *EventRefused says that the next one is never taken.
	Send(ctx context.Context, events []lineageout.LineageEvent) (taken int, err error)
}

// LineageConfig configures a sender of OpenLineage events.
type LineageConfig struct {
	// Address names the receiver: its position is kept under it.
	Address string
	// Role is what the receiver sees.
	Role string
	Sink LineageSink
	// FirstPause is the pause after a failure, which doubles each time up to longestLineagePause; 0
	// for DefaultPause.
	FirstPause time.Duration
	// Rand gives numbers from 0 up to 1 for the jitter, nil for that of the system.
	Rand func() float64
	Log  *slog.Logger
}

const (
	// longestLineagePause is the longest pause between two attempts: a receiver that is back is told soon.
	longestLineagePause = time.Minute
	// refusals is how often an event is sent that the receiver refuses, before it is left out.
	refusals = 3
)

// LineageState is where a sender is.
type LineageState struct {
	// Behind is how many entries of the log were not told yet, when it was last looked.
	Behind int64
	// Sent and Refused count events since the start of the server.
	Sent, Refused int64
	// Failing is true while the receiver takes nothing.
	Failing bool
}

// LineageWorker sends what happens to a receiver, as OpenLineage events.
type LineageWorker struct {
	out    LineageOutbox
	config LineageConfig
	// holds is until when this server has the right to send, in nanoseconds since 1970.
	holds                 atomic.Int64
	behind, sent, refused atomic.Int64
	failing               atomic.Bool
	failures              int
	// wait is the sequence of an event that is refused, and how often it was.
	refusedAt    lineageout.LineageEvent
	refusedTimes int
}

// NewLineageWorker returns a sender.
func NewLineageWorker(out LineageOutbox, c LineageConfig) *LineageWorker {
	if c.FirstPause == 0 {
		c.FirstPause = DefaultPause
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &LineageWorker{out: out, config: c}
}

// State returns where the sender is.
func (w *LineageWorker) State() LineageState {
	return LineageState{w.behind.Load(), w.sent.Load(), w.refused.Load(), w.failing.Load()}
}

// Run sends what happens until the context ends. Then the right to send is given back.
func (w *LineageWorker) Run(ctx context.Context) {
	happened, end := w.out.WatchEvents()
	defer end()
	renewals := make(chan struct{})
	go func() {
		defer close(renewals)
		w.renew(ctx)
	}()
	defer func() {
		<-renewals
		if err := w.out.ReleaseEvents(context.WithoutCancel(ctx)); err != nil {
			w.config.Log.Warn("the right to send OpenLineage events was not given back", "cause", registry.Cause(err))
		}
	}()
	for {
		pause := w.step(ctx)
		timer := time.NewTimer(pause)
		wake := happened
		if w.failures > 0 {
			wake = nil // It waits for its time, whatever happens.
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-time.After(breath):
		}
	}
}

// step sends what there is, and returns how long to wait.
func (w *LineageWorker) step(ctx context.Context) time.Duration {
	err := w.Once(ctx)
	if ctx.Err() != nil {
		return 0
	}
	if err == nil {
		w.failures = 0
		if w.failing.Swap(false) {
			w.config.Log.Info("OpenLineage events are taken again", "receiver", w.config.Address)
		}
		return idleLook
	}
	if w.failures++; !w.failing.Swap(true) {
		w.config.Log.Warn("OpenLineage events are not taken; they are sent again until they are", "receiver", w.config.Address, "cause", registry.Cause(err))
	}
	pause := w.config.FirstPause
	for i := 1; i < w.failures && pause < longestLineagePause; i++ {
		pause *= 2
	}
	pause = min(pause, longestLineagePause)
	return pause/2 + time.Duration(w.config.Rand()*float64(pause/2))
}

// Once sends what there is now, if this server has the right to.
func (w *LineageWorker) Once(ctx context.Context) error {
	position, head, err := w.out.EventPosition(ctx, w.config.Address)
	if err != nil {
		return err
	}
	if w.behind.Store(head - position); position >= head {
		return nil
	}
	if held, err := w.claim(ctx); err != nil || !held {
		return err
	}
	if position, _, err = w.out.EventPosition(ctx, w.config.Address); err != nil { // As the server before left it.
		return err
	}
	for w.held() && ctx.Err() == nil {
		sink, err := w.out.AsEventSink(ctx, w.config.Role)
		if err != nil {
			return err
		}
		events, upTo, err := w.out.EventsAfter(sink, position)
		if err != nil {
			return err
		}
		reached, err := w.send(ctx, events, position, upTo)
		if reached > position && w.held() {
			// The receiver has it: that is noted also when the server ends.
			if err := w.out.NoteEventPosition(context.WithoutCancel(ctx), w.config.Address, reached); err != nil {
				return err
			}
			w.behind.Add(position - reached)
			position = reached
		}
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return nil
		}
	}
	return nil
}

// send sends events, and returns the sequence up to which all is taken.
func (w *LineageWorker) send(ctx context.Context, events []lineageout.LineageEvent, position, upTo int64) (int64, error) {
	for len(events) > 0 {
		taken, err := w.config.Sink.Send(ctx, events)
		w.sent.Add(int64(taken))
		events = events[taken:]
		if err != nil && len(events) > 0 && w.leaveOut(events[0], err) {
			events, err = events[1:], nil
		}
		if len(events) > 0 { // The entry of the next event is not told whole.
			position = max(position, events[0].Seq-1)
		}
		if err != nil {
			return position, err
		}
		if !w.held() || ctx.Err() != nil {
			return position, ctx.Err()
		}
	}
	return upTo, nil
}

// leaveOut reports whether an event is left out: the receiver refused it several times. Whoever keeps
// sending it would tell nothing any more.
func (w *LineageWorker) leaveOut(e lineageout.LineageEvent, err error) bool {
	if _, refused := err.(*EventRefused); !refused {
		return false
	}
	if w.refusedAt.Seq != e.Seq || string(w.refusedAt.Line) != string(e.Line) {
		w.refusedAt, w.refusedTimes = e, 0
	}
	if w.refusedTimes++; w.refusedTimes < refusals {
		return false
	}
	w.refused.Add(1)
	w.config.Log.Error("the receiver refuses an OpenLineage event; it is left out", "receiver", w.config.Address, "seq", e.Seq, "node", e.Of, "cause", registry.Cause(err))
	return true
}

// claim claims the right to send.
func (w *LineageWorker) claim(ctx context.Context) (bool, error) {
	from := time.Now()
	held, err := w.out.ClaimEvents(ctx, leaseTime)
	if held && err == nil {
		w.holds.Store(from.Add(leaseTime).UnixNano())
	} else {
		w.holds.Store(0)
	}
	return held, err
}

// held reports whether this server has the right to send.
func (w *LineageWorker) held() bool { return time.Now().UnixNano() < w.holds.Load() }

// renew makes the right to send last while this server has it.
func (w *LineageWorker) renew(ctx context.Context) {
	t := time.NewTicker(renewal)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if !w.held() {
			continue
		}
		if _, err := w.claim(ctx); err != nil && ctx.Err() == nil {
			w.config.Log.Warn("the right to send OpenLineage events was not renewed", "cause", registry.Cause(err))
		}
	}
}
