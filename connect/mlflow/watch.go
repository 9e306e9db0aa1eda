package mlflow

import (
	"context"
	"log/slog"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// UnreadRunsReader is the method of the registry that Watch calls.
type UnreadRunsReader interface {
	ReadUnreadRuns(ctx context.Context) (*catalog.UnreadRuns, error)
}

// Watch reads the runs that are still to be read, now and at every tick, until the context ends.
// It logs when their number or the reason changes.
func Watch(ctx context.Context, r UnreadRunsReader, ticks <-chan time.Time, log *slog.Logger) {
	var last catalog.UnreadRuns
	for {
		now, err := r.ReadUnreadRuns(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.WarnContext(ctx, "the runs of MLflow that are still to be read were not read", "cause", registry.Cause(err))
		case *now != last:
			if now.Filled > 0 || now.Reason != "" {
				log.InfoContext(ctx, "runs of MLflow", "read", now.Filled, "waiting", now.Waiting, "given up", now.GivenUp, "reason", now.Reason)
			}
			last = *now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}
