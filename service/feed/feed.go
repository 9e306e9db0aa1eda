// Package feed tells what happens in the registry while it happens: entries of the log, and the
// objects that they are about, as the caller may see them when he is told.
//
// A feed follows the log by its sequence. Who says up to which one he was told gets everything
// after it, once and in order, also from another server of the same store: nothing is kept for him.
package feed

import (
	"context"
	"fmt"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// Feed has the streams. It is safe for concurrent use.
type Feed struct{ core *core.Core }

// New returns a Feed on a core.
func New(c *core.Core) *Feed { return &Feed{core: c} }

// Options say where a stream begins and what it is about.
type Options struct {
	// After is the sequence of the last event that the caller was told; nil begins with what
	// happens from now on.
	After *int64
	// Model is the name of the model whose events are told; nil tells those of all.
	Model *string
}

// readSize is how many log entries a stream reads at once.
const readSize = 100

// source is what one kind of stream reads.
type source[E any] struct {
	// action is what the caller must be allowed to do, at the start and at each event.
	action registry.Action
	// noun and field are what the caller must see of some object to be told anything.
	noun, field string
	actions     []registry.LogAction
	// read returns the events of the entries of the log that a query selects, and the sequence of
	// each; last is that of the last entry. full says that there may be more.
	read func(ctx context.Context, q graph.LogQuery) (events []E, last int64, full bool, err error)
}

// stream sends the events of a source in order, until the context ends, the caller loses the right
// to them, or a read fails; then it closes the channel. Before each read it makes sure who the
// caller is, and what he may see.
func stream[E any](ctx context.Context, f *Feed, o Options, s source[E]) (<-chan E, error) {
	scope, err := f.core.Gate.Read(ctx, s.action)
	if err == nil && !scope.Sees(s.noun, s.field) {
		err = registry.Errorf(registry.Forbidden, "you may not see %s.%s, so there is nothing to tell you", s.noun, s.field)
	}
	if err != nil {
		return nil, err
	}
	grown, end := f.core.Gate.WatchLog() // Before the head is read, so that nothing is missed.
	q, err := f.start(ctx, scope, o)
	if err != nil {
		end()
		return nil, err
	}
	q.Actions, q.Limit = s.actions, readSize
	out := make(chan E)
	go func() {
		defer close(out)
		defer end()
		defer func() {
			if v := recover(); v != nil {
				fail(ctx, fmt.Errorf("panic: %v", v))
			}
		}()
		// What the log said before the stream began may have ended the credential.
		if err := policies.Renew(ctx); err != nil {
			fail(ctx, err)
			return
		}
		for {
			full, err := sendNext(ctx, f, s, &q, out)
			if err != nil {
				fail(ctx, err)
				return
			}
			if full {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-grown:
			}
		}
	}()
	return out, nil
}

// start returns the query that a stream begins with.
func (f *Feed) start(ctx context.Context, scope *policies.Scope, o Options) (q graph.LogQuery, err error) {
	if o.Model != nil {
		id, err := modelID(ctx, scope, *o.Model)
		if err != nil {
			return q, err
		}
		q.Models = []registry.ID{id}
	}
	head, err := scope.LogSize(ctx)
	if err != nil {
		return q, err
	}
	if after, ok := ctx.Value(resumeKey{}).(int64); ok {
		o.After = &after
	}
	switch {
	case o.After == nil:
		q.After = head
	case *o.After < 0 || *o.After > head:
		return q, &registry.Error{Code: registry.InvalidArgument, Field: "after", Message: "after must be the sequence of an event that you were told, or 0 for everything"}
	default:
		q.After = *o.After
	}
	return q, nil
}

// modelID returns the id of a model by its name.
func modelID(ctx context.Context, scope *policies.Scope, name string) (registry.ID, error) {
	n, err := core.FindModel(ctx, scope, name)
	if err == nil && n == nil {
		err = registry.Errorf(registry.NotFound, "there is no model %s", registry.Shorten(name, 100))
	}
	if err != nil {
		return "", err
	}
	return n.ID, nil
}

// sendNext reads once, and sends what is new.
func sendNext[E any](ctx context.Context, f *Feed, s source[E], q *graph.LogQuery, out chan<- E) (full bool, err error) {
	scope, err := f.core.Gate.Read(ctx, s.action)
	if err != nil {
		return false, err
	}
	head, err := scope.LogSize(ctx)
	if err != nil || head == q.After {
		return false, err
	}
	// After the head was read: what is told up to it, such as the end of a credential, has happened by now.
	if err := policies.Renew(ctx); err != nil {
		return false, err
	}
	if scope, err = f.core.Gate.Read(ctx, s.action); err != nil {
		return false, err
	}
	if !scope.Sees(s.noun, s.field) {
		return false, registry.Errorf(registry.Forbidden, "you may not see %s.%s any more", s.noun, s.field)
	}
	q.Before = head + 1
	events, last, full, err := s.read(f.core.WithLoaders(ctx), *q)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		select {
		case out <- e:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	if q.After = head; full {
		q.After = last
	}
	return full, nil
}

type resumeKey struct{}

// Resume makes the stream of a context begin after a sequence, whatever its options say.
func Resume(ctx context.Context, after int64) context.Context {
	return context.WithValue(ctx, resumeKey{}, after)
}

type failureKey struct{}

// Failure is why a stream ended.
type Failure struct{ err chan error }

// WithFailure adds to the context of a stream a place for the reason of its end.
func WithFailure(ctx context.Context) (context.Context, *Failure) {
	f := &Failure{err: make(chan error, 1)}
	return context.WithValue(ctx, failureKey{}, f), f
}

// Err returns why the stream ended; nil when it was the caller who ended it.
func (f *Failure) Err() error {
	select {
	case err := <-f.err:
		return err
	default:
		return nil
	}
}

// fail notes why a stream ended, unless its caller ended it.
func fail(ctx context.Context, err error) {
	if f, ok := ctx.Value(failureKey{}).(*Failure); ok && ctx.Err() == nil {
		select {
		case f.err <- err:
		default:
		}
	}
}
