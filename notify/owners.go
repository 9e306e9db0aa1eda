package notify

import (
	"context"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service/feed"
	"pedigree/service/provenance"
	"pedigree/service/webhooks"
)

// Owners makes owners of live deployments that a recall concerns, and of the versions that these
// deploy, be told of it by mail, without having asked for it. Own settings of a subject come first.
type Owners struct {
	// Addresses are the mail addresses of owners by their names. An owner whose name is a mail address
	// needs none.
	Addresses map[string]string
}

// address returns the mail address of an owner, "" when none is known.
func (o *Owners) address(owner string) string {
	if known := o.Addresses[owner]; known != "" {
		return known
	}
	if a, err := mail.ParseAddress(owner); err == nil && a.Address == owner {
		return owner
	}
	return ""
}

// ownersBusy stands among the webhooks that are being told while owners are.
const ownersBusy registry.ID = "owners"

// maxOwned is the most things of one owner that are looked at and named in one message.
const maxOwned = 20

// owned are the first things of an owner that a recall concerns, nearest to the recalled first.
type owned []registry.ID

// ownerState is what the worker remembers of telling owners. All of it can be found out again.
type ownerState struct {
	// seen is up to where no recall is that owners wait to be told of.
	seen int64
	// next is when the next attempt is, zero when none waits.
	next time.Time
	// of are the owners of what a recall concerns.
	of map[registry.ID]map[string]owned
}

// ownersHaveWork reports whether owners are to be told something now, or after which time.
func (w *Worker) ownersHaveWork(ctx context.Context) (bool, time.Duration, error) {
	if w.config.Owners == nil || w.config.Mail == nil {
		return false, idleLook, nil
	}
	w.mu.Lock()
	busy, seen, next := w.busy[ownersBusy], w.owners.seen, w.owners.next
	w.mu.Unlock()
	if busy {
		return false, idleLook, nil
	}
	if wait := next.Sub(w.config.Now()); !next.IsZero() && wait > 0 {
		return false, wait, nil
	}
	position, begun, err := w.out.OwnersTold(ctx)
	if err != nil || !begun {
		return err == nil, idleLook, err
	}
	events, upTo, err := w.out.Told(ctx, feed.ToldQuery{Events: []registry.WebhookEvent{registry.OnRecalls}, After: max(position, seen)})
	if err == nil && len(events) == 0 {
		w.mu.Lock()
		w.owners.seen = upTo
		w.mu.Unlock()
	}
	return len(events) > 0, idleLook, err
}

// tellOwners tells owners of the recalls after the stored position, which moves up to the first recall
// of which an owner is still to be told.
func (w *Worker) tellOwners(ctx context.Context) error {
	position, begun, err := w.out.OwnersTold(ctx)
	if err != nil {
		return err
	}
	if !begun {
		return w.out.BeginOwners(ctx)
	}
	all, err := w.out.DueWebhooks(ctx)
	if err != nil {
		return err
	}
	events, upTo, err := w.out.Told(ctx, feed.ToldQuery{Events: []registry.WebhookEvent{registry.OnRecalls}, After: position})
	if err != nil {
		return err
	}
	var next time.Time
	for _, e := range events {
		told := e.Event.(*feed.RecallEvent)
		if told.Action != string(registry.LogRecalled) || told.Recall.State != registry.RecallOpen {
			continue
		}
		wait, err := w.tellOwnersOf(ctx, e, told.Recall, all)
		if err != nil || !w.held() || ctx.Err() != nil {
			return err
		}
		if wait.IsZero() {
			continue
		}
		upTo = min(upTo, e.Seq-1)
		if next.IsZero() || wait.Before(next) {
			next = wait
		}
	}
	w.mu.Lock()
	w.owners.next = next
	if w.owners.seen = upTo; next.IsZero() {
		w.owners.of = nil
	}
	w.mu.Unlock()
	if upTo == position {
		return nil
	}
	return w.out.NoteOwnersTold(ctx, upTo)
}

// tellOwnersOf tells the owners that one recall concerns, each once. It returns when the next attempt
// is due, zero when all were told or are not told any more.
func (w *Worker) tellOwnersOf(ctx context.Context, e feed.Told, r *registry.Recall, all []*webhooks.Due) (next time.Time, err error) {
	of, err := w.ownersOf(ctx, r)
	if err != nil {
		return next, err
	}
	notices, err := w.out.OwnerNotices(ctx, r.ID, slices.Sorted(maps.Keys(of)))
	if err != nil {
		return next, err
	}
	for _, n := range notices {
		d := w.ownerDue(n.Owner, r, all)
		if n.Over || d == nil {
			continue
		}
		if !n.NextAttempt.After(w.config.Now()) {
			if n, err = w.tellOwner(ctx, d, e, n, of[n.Owner]); err != nil || !w.held() {
				return next, err
			}
		}
		if !n.Over && (next.IsZero() || n.NextAttempt.Before(next)) {
			next = n.NextAttempt
		}
	}
	return next, nil
}

// ownersOf returns the owners of the live deployments that a recall concerns, and of the versions
// that these deploy, whoever may see them: what each is told, is decided by its own sight.
func (w *Worker) ownersOf(ctx context.Context, r *registry.Recall) (map[string]owned, error) {
	w.mu.Lock()
	known := w.owners.of[r.ID]
	w.mu.Unlock()
	if known != nil {
		return known, nil
	}
	of := map[string]owned{}
	add := func(owner string, id registry.ID) {
		if owner != "" && len(of[owner]) < maxOwned && !slices.Contains(of[owner], id) {
			of[owner] = append(of[owner], id)
		}
	}
	missing, err := w.out.EachAffected(ctx, r.ID, nil, func(edges []*provenance.AffectedEdge) error {
		for _, edge := range edges {
			if d, ok := edge.Node.(*registry.Deployment); ok {
				add(d.Owner, d.ID)
			}
			if at := len(edge.Path) - 2; at >= 0 {
				if v, ok := edge.Path[at].(*registry.ModelVersion); ok {
					add(v.Owner, v.ID)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if missing.Truncated {
		w.config.Log.Warn("some owners of what a recall concerns may not be told", "recall", r.ID, "reasons", missing.Reasons)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owners.of == nil {
		w.owners.of = map[registry.ID]map[string]owned{}
	}
	w.owners.of[r.ID] = of
	return of, nil
}

// ownerDue returns how an owner is told: as its settings say, or else by mail; nil when it is not told,
// or when its settings tell it of all recalls anyway.
func (w *Worker) ownerDue(owner string, r *registry.Recall, all []*webhooks.Due) *webhooks.Due {
	d := &webhooks.Due{Webhook: registry.Webhook{Subject: owner, Format: registry.WebhookEmail, Timing: registry.TellAtOnce}}
	if at := slices.IndexFunc(all, func(d *webhooks.Due) bool { return d.Personal && d.Subject == owner }); at >= 0 {
		own := all[at]
		if !own.TellsOwnedRecalls() || !own.Paused && slices.Contains(own.Events, registry.OnRecalls) {
			return nil
		}
		if own.Address != "" {
			clone := *own
			d = &clone
		}
	}
	if d.Address == "" {
		d.Address = w.config.Owners.address(owner)
	}
	if d.Address == "" {
		return nil
	}
	d.Events = []registry.WebhookEvent{registry.OnRecalls}
	// The same id each time, and one that tells nothing of the recall to who may not see it.
	d.ID = registry.NewID(registry.KindWebhook, "recall", owner, string(r.ID))
	return d
}

// tellOwner tries once to tell an owner of a recall, and notes what became of it.
func (w *Worker) tellOwner(ctx context.Context, d *webhooks.Due, e feed.Told, n webhooks.OwnerNotice, ids owned) (webhooks.OwnerNotice, error) {
	m, err := w.ownerMessage(ctx, d, e, ids)
	a := attempt{outcome: registry.NoRights} // The owner sees nothing of it.
	switch {
	case noRights(err):
	case err != nil:
		return n, err
	case m != nil:
		a = w.send(ctx, d, m.ID, []Message{*m})
	}
	if !w.held() || ctx.Err() != nil && a.outcome != registry.Delivered {
		return n, ctx.Err()
	}
	n.Outcome = a.outcome
	if n.Over = a.outcome == registry.Delivered || a.outcome == registry.NoRights; !n.Over {
		n.Attempts++
		n.Over = n.Attempts >= w.config.Attempts
		n.NextAttempt = w.config.Now().Add(w.config.pause(n.Attempts))
		w.config.Log.Warn("an owner was not told of a recall", "owner", n.Owner, "outcome", a.outcome, "attempt", n.Attempts, "over", n.Over)
	}
	r := e.Event.(*feed.RecallEvent).Recall
	return n, w.out.NoteOwner(context.WithoutCancel(ctx), r.ID, n)
}

// ownerMessage is what an owner is told: the recall, if it may see it, and what it owns under it that
// it may see. It is nil when there is nothing of that.
func (w *Worker) ownerMessage(ctx context.Context, d *webhooks.Due, e feed.Told, ids owned) (*Message, error) {
	subject, events, _, err := w.events(ctx, d, e.Seq-1)
	if noRights(err) && subject != nil { // It may not be told of recalls. Its own things are marked all the same.
		err = nil
	}
	if err != nil {
		return nil, err
	}
	names, first, err := w.ownedNames(subject, d.Subject, ids)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	m := Message{Seq: e.Seq, Type: typeOf[registry.OnRecalls], Data: eventData{}, Text: "What you own is recalled.", Link: w.link("/nodes/" + string(first))}
	if at := slices.IndexFunc(events, func(t feed.Told) bool { return t.Seq == e.Seq }); at >= 0 {
		if m, err = w.message(subject, d, events[at]); err != nil {
			return nil, err
		}
	}
	data := m.Data.(eventData)
	data.Owned = names
	m.Data = data
	m.ID, m.Text = string(d.ID), m.Text+"\nYou own: "+strings.Join(names, ", ")
	m.Why = "You get this because you own what is recalled. The setting ownedRecalls of your notifications in Pedigree turns it off."
	return &m, nil
}

// ownedNames returns the names of those of some nodes that a subject sees, that it sees as its own,
// and of which it sees that they are recalled; and the id of the first.
func (w *Worker) ownedNames(subject context.Context, owner string, ids owned) (names []string, first registry.ID, err error) {
	nodes, err := w.out.SeenByOwner(subject, ids)
	if err != nil {
		return nil, "", err
	}
	for _, n := range nodes {
		name := ""
		switch n := n.(type) {
		case *registry.Deployment:
			if n.Owner == owner && n.Mask.Has(registry.Bit("Deployment", "recallState")) {
				name = sentence("the deployment", n.Name, with("at ", n.Endpoint))
			}
		case *registry.ModelVersion:
			if n.Owner == owner && n.Mask.Has(registry.Bit("ModelVersion", "recallState")) {
				name = sentence("the version", versionName(n.ModelName, n.Version))
			}
		}
		if name == "" {
			continue
		}
		state, err := w.out.RecallStateOf(subject, n)
		if err != nil {
			return nil, "", err
		}
		if *state != registry.IsRecalled {
			continue
		}
		if names = append(names, name); first == "" {
			first = n.NodeMeta().ID
		}
	}
	return names, first, nil
}
