package notify

import (
	"context"
	"fmt"
	"slices"

	"pedigree/registry"
	"pedigree/service/feed"
	"pedigree/service/webhooks"
)

// events reads the next events of a webhook after a sequence, as its subject sees them now, and
// returns the context that acts as the subject.
func (w *Worker) events(ctx context.Context, d *webhooks.Due, after int64) (context.Context, []feed.Told, int64, error) {
	subject, err := w.out.AsSubjectOf(ctx, d)
	if err != nil {
		return nil, nil, 0, err
	}
	events, upTo, err := w.out.Told(subject, feed.ToldQuery{Events: d.Events, Model: d.ModelID, After: after})
	events = slices.DeleteFunc(events, func(e feed.Told) bool { return !wants(d, e) })
	return subject, events, upTo, err
}

// noRights reports whether an error says that the subject may be told nothing.
func noRights(err error) bool {
	code := registry.CodeOf(err)
	return err != nil && (code == registry.Forbidden || code == registry.Unauthenticated)
}

// tell tells a webhook what there is: first its commands, then its events in their order, until one
// attempt fails.
func (w *Worker) tell(ctx context.Context, d *webhooks.Due) error {
	for _, c := range d.Commands {
		if c.Number <= d.State.Commands {
			continue
		}
		if err := w.obey(ctx, d, c); err != nil || !w.held() {
			return err
		}
	}
	if d.Paused || w.waits(d) > 0 {
		return nil
	}
	subject, events, _, err := w.events(ctx, d, w.after(d))
	if noRights(err) {
		return w.failed(ctx, d, 0, attempt{outcome: registry.NoRights})
	}
	if err != nil || len(events) == 0 {
		return err
	}
	if d.Timing == registry.TellDaily {
		return w.digest(ctx, subject, d, events)
	}
	for i, e := range events {
		if !w.held() || ctx.Err() != nil {
			return ctx.Err()
		}
		m, err := w.message(subject, d, e)
		if err != nil {
			return err
		}
		// Two events of one entry move the position together, with the second.
		position := e.Seq
		if i+1 < len(events) && events[i+1].Seq == e.Seq {
			position = d.State.Position
		}
		ok, err := w.deliver(ctx, d, m.ID, []Message{m}, e.Seq, position)
		if err != nil || !ok {
			return err
		}
	}
	return nil
}

// deliver tries once, and notes what became of it. It returns whether the webhook goes on.
func (w *Worker) deliver(ctx context.Context, d *webhooks.Due, id string, messages []Message, seq, position int64) (bool, error) {
	a := w.send(ctx, d, id, messages)
	if !w.held() {
		return false, nil // Another server delivers now: it tells this again.
	}
	if ctx.Err() != nil && a.outcome != registry.Delivered {
		return false, ctx.Err() // The server ended, and not the receiver failed.
	}
	if a.outcome != registry.Delivered {
		// A digest is many events: it is tried until it arrives.
		if d.State.Attempts+1 < w.config.Attempts || d.Timing == registry.TellDaily {
			return false, w.failed(ctx, d, seq, a)
		}
		return w.giveUp(ctx, d, seq, position, a)
	}
	state := d.State
	state.Position, state.Attempts = position, 0
	if d.Timing == registry.TellDaily {
		state.Digest, state.LastDigest = 0, w.config.Now()
	}
	// The receiver has it: that is noted also when the server ends.
	return true, w.out.NoteDelivery(context.WithoutCancel(ctx), d, webhooks.Note{State: state, Delivery: w.delivery(d, seq, a)})
}

func (w *Worker) delivery(d *webhooks.Due, seq int64, a attempt) *registry.Delivery {
	return &registry.Delivery{Seq: seq, At: w.config.Now(), Attempt: d.State.Attempts + 1, Outcome: a.outcome, Status: a.status}
}

// failed notes an attempt in vain, and when the next one is.
func (w *Worker) failed(ctx context.Context, d *webhooks.Due, seq int64, a attempt) error {
	state := d.State
	state.Attempts++
	state.NextAttempt = w.config.Now().Add(w.config.pause(state.Attempts))
	return w.out.NoteDelivery(ctx, d, webhooks.Note{State: state, Delivery: w.delivery(d, seq, a)})
}

// giveUp makes an event a dead letter, and goes on behind it. While there is no place for another
// one, the webhook stays where it is.
func (w *Worker) giveUp(ctx context.Context, d *webhooks.Due, seq, position int64, a attempt) (bool, error) {
	state := d.State
	state.Position, state.Attempts, state.Digest = position, 0, 0
	err := w.out.NoteDelivery(ctx, d, webhooks.Note{State: state, Delivery: w.delivery(d, seq, a), Dead: seq})
	if registry.CodeOf(err) == registry.FailedPrecondition {
		return false, w.failed(ctx, d, seq, attempt{outcome: registry.DeadLettersFull})
	}
	return true, err
}

// digest tells what happened since the last digest, together. Its end is noted before, so that it is
// the same one after a crash.
func (w *Worker) digest(ctx, subject context.Context, d *webhooks.Due, events []feed.Told) error {
	if d.State.Digest == 0 {
		state := d.State
		state.Digest = events[len(events)-1].Seq
		if err := w.out.NoteDelivery(ctx, d, webhooks.Note{State: state}); err != nil {
			return err
		}
	}
	var messages []Message
	for _, e := range events {
		if e.Seq > d.State.Digest {
			break
		}
		m, err := w.message(subject, d, e)
		if err != nil {
			return err
		}
		messages = append(messages, m)
	}
	if len(messages) == 0 { // None of them is to be seen any more.
		state := d.State
		state.Position, state.Digest, state.LastDigest = state.Digest, 0, w.config.Now()
		return w.out.NoteDelivery(ctx, d, webhooks.Note{State: state})
	}
	last := d.State.Digest
	_, err := w.deliver(ctx, d, fmt.Sprintf("%s_digest_%d", d.ID, last), messages, last, last)
	return err
}

// send tries once.
func (w *Worker) send(ctx context.Context, d *webhooks.Due, id string, messages []Message) attempt {
	if d.Format == registry.WebhookEmail {
		if w.config.Mail == nil {
			return attempt{outcome: registry.NoMail}
		}
		ctx, cancel := context.WithTimeout(ctx, w.config.Timeout)
		defer cancel()
		return w.config.Mail.send(ctx, d.Address, id, messages, w.config.Now())
	}
	if d.NoSecret {
		return attempt{outcome: registry.NoSecret}
	}
	b, err := w.body(d.Format, messages)
	if err != nil {
		w.config.Log.Error("an event has no body", "webhook", d.ID, "cause", registry.Cause(err))
		return attempt{outcome: registry.NotConnected}
	}
	return w.post(ctx, d, id, b)
}

// obey does one command.
func (w *Worker) obey(ctx context.Context, d *webhooks.Due, c registry.WebhookCommand) error {
	state := d.State
	state.Commands = c.Number
	switch c.Order {
	case registry.OrderReplay:
		state.Position, state.Attempts, state.Digest = c.Seq, 0, 0
		return w.out.NoteDelivery(ctx, d, webhooks.Note{State: state})
	case registry.OrderTest:
		m := w.test(d, c)
		a := w.send(ctx, d, m.ID, []Message{m})
		return w.out.NoteDelivery(ctx, d, webhooks.Note{State: state, Delivery: &registry.Delivery{At: w.config.Now(), Attempt: 1, Outcome: a.outcome, Status: a.status}})
	}
	return w.retry(ctx, d, c.Seq, state)
}

// retry tells one dead letter again. One that is not to be seen any more is dropped.
func (w *Worker) retry(ctx context.Context, d *webhooks.Due, seq int64, state webhooks.State) error {
	subject, events, _, err := w.events(ctx, d, seq-1)
	a := attempt{outcome: registry.Delivered}
	switch {
	case noRights(err):
		a.outcome = registry.NoRights
	case err != nil:
		return err
	}
	told := false
	for _, e := range events {
		if e.Seq != seq || a.outcome != registry.Delivered {
			continue
		}
		m, err := w.message(subject, d, e)
		if err != nil {
			return err
		}
		a, told = w.send(ctx, d, m.ID, []Message{m}), true
	}
	note := webhooks.Note{State: state}
	if told || a.outcome != registry.Delivered {
		note.Delivery = &registry.Delivery{Seq: seq, At: w.config.Now(), Attempt: 1, Outcome: a.outcome, Status: a.status}
	}
	if a.outcome == registry.Delivered {
		note.Revived = seq
	}
	return w.out.NoteDelivery(ctx, d, note)
}
