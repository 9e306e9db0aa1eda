package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"
)

// countingFake tells what is written, and fails when it is told to.
type countingFake struct {
	full  chan struct{}
	wrote chan string
	err   error
}

func (f *countingFake) FlushTokenUses(context.Context) error { f.wrote <- "tokens"; return nil }
func (f *countingFake) FlushUsage(context.Context) error     { f.wrote <- "usage"; return f.err }
func (f *countingFake) UsageFull() <-chan struct{}           { return f.full }

func TestCountersAreFlushedAtTicksWhenFullAndAtTheEnd(t *testing.T) {
	f := &countingFake{full: make(chan struct{}), wrote: make(chan string, 10)}
	tick := make(chan time.Time)
	stop := flushCounters(t.Context(), f, tick, slog.New(slog.DiscardHandler))
	wrote := func(want ...string) {
		t.Helper()
		got := make([]string, len(want))
		for i := range got {
			got[i] = <-f.wrote
		}
		if !slices.Equal(got, want) || len(f.wrote) != 0 {
			t.Fatalf("it wrote %v and %d more, want %v", got, len(f.wrote), want)
		}
	}
	tick <- time.Time{}
	wrote("tokens", "usage")
	f.full <- struct{}{}
	wrote("usage")
	f.err = errors.New("down")
	for range 10 { // Select takes either when it could take both.
		f.full <- struct{}{}
		wrote("usage")
		select {
		case f.full <- struct{}{}:
			t.Fatal("after a failure it did not wait for the next tick")
		case tick <- time.Time{}:
		}
		wrote("tokens", "usage")
	}
	f.full <- struct{}{}
	wrote("usage")
	stop()
	wrote("tokens", "usage")
}
