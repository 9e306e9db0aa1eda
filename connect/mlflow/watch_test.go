package mlflow

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pedigree/service/catalog"
)

// answers tells one thing after the other, and ends the watch after the last.
type answers struct {
	list []catalog.UnreadRuns
	errs []error
	n    int
	end  context.CancelFunc
}

func (a *answers) ReadUnreadRuns(context.Context) (*catalog.UnreadRuns, error) {
	a.n++
	if a.n == len(a.list) {
		a.end()
	}
	return &a.list[a.n-1], a.errs[a.n-1]
}

// TestTheWatchReadsAtOnceAndAtEachTick reads before the first tick, goes on after an error, and
// logs a state once.
func TestTheWatchReadsAtOnceAndAtEachTick(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	down := catalog.UnreadRuns{Waiting: 2, Reason: "down"}
	a := &answers{list: []catalog.UnreadRuns{down, down, {}, {Filled: 2}, {}}, errs: []error{nil, nil, errors.New("store"), nil, nil}, end: cancel}
	ticks := make(chan time.Time, 10)
	for range 4 {
		ticks <- time.Time{}
	}
	var log bytes.Buffer
	Watch(ctx, a, ticks, slog.New(slog.NewTextHandler(&log, nil)))
	if a.n != 5 || strings.Count(log.String(), "waiting=2") != 1 || strings.Count(log.String(), "read=2") != 1 || strings.Count(log.String(), "cause=store") != 1 {
		t.Errorf("%d reads, log:\n%s", a.n, log.String())
	}
}
