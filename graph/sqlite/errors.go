package sqlite

import (
	"context"
	"errors"

	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// publicError turns an error of the engine into a registry.Error that a caller may
// see. The engine's own text, which can contain SQL and the path of the file, is only
// in Err.
func publicError(err error) error {
	if err == nil {
		return nil
	}
	var known *registry.Error
	if errors.As(err, &known) {
		return err
	}
	switch engine.ErrCode(err).ToPrimary() {
	case engine.ResultBusy, engine.ResultLocked, engine.ResultIOErr, engine.ResultCantOpen, engine.ResultFull, engine.ResultReadOnly,
		engine.ResultProtocol, engine.ResultNoMem, engine.ResultPerm, engine.ResultInterrupt:
		return &registry.Error{Code: registry.Unavailable, Message: "the store cannot be used just now; try again", Err: err}
	}
	return internalError(err)
}

func internalError(err error) error {
	return &registry.Error{Code: registry.Internal, Message: "the store failed", Err: err}
}

func isBusy(err error) bool {
	c := engine.ErrCode(err).ToPrimary()
	return err != nil && (c == engine.ResultBusy || c == engine.ResultLocked)
}

// contextError is the error for a context that ended before or during the work.
func contextError(ctx context.Context) error {
	return &registry.Error{Code: registry.Unavailable, Message: "the request ended before the store could answer", Err: context.Cause(ctx)}
}

func closedError() error {
	return registry.Errorf(registry.Unavailable, "the store is closed")
}

// isRetryable reports whether an error requests that the closure runs again.
func isRetryable(err error) bool {
	var r interface{ Retryable() bool }
	return errors.As(err, &r) && r.Retryable()
}
