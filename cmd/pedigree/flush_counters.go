package main

import (
	"context"
	"log/slog"
	"time"

	"pedigree/registry"
)

// counting is what has counters in memory.
type counting interface {
	FlushTokenUses(ctx context.Context) error
	FlushUsage(ctx context.Context) error
	UsageFull() <-chan struct{}
}

// flushCounters writes at each tick when tokens were last used and how often versions with an open
// deprecation were, and the latter also when many wait. After a failure it waits for the next tick.
// The function that it returns writes what is left, and ends it.
func flushCounters(ctx context.Context, s counting, tick <-chan time.Time, log *slog.Logger) (stop func()) {
	usage := func() (ok bool) {
		err := s.FlushUsage(ctx)
		if err != nil {
			log.Warn("the uses of versions were not written", "cause", registry.Cause(err))
		}
		return err == nil
	}
	all := func() {
		if err := s.FlushTokenUses(ctx); err != nil {
			log.Warn("the last use of tokens was not written", "cause", registry.Cause(err))
		}
		usage()
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for full := s.UsageFull(); ; {
			select {
			case <-ended:
				all()
				return
			case <-tick:
				all()
				full = s.UsageFull()
			case <-full:
				if !usage() {
					full = nil
				}
			}
		}
	}()
	return func() { close(ended); <-done }
}
