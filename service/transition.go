package service

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// TransitionModelVersionInput says which version goes to which stage.
type TransitionModelVersionInput struct {
	Model          *string
	Version        *string
	ID             *registry.ID
	To             registry.Stage
	Reason         string
	Approval       *registry.ID
	Force          bool
	At             time.Time
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// TransitionModelVersionPayload carries the moved version and its record.
type TransitionModelVersionPayload struct {
	Version    *registry.ModelVersion
	Transition *registry.Transition
}

// TransitionModelVersion moves a version through the lifecycle. A promotion to
// PRODUCTION moves the incumbent to DEPRECATED in the same transaction.
func (s *Service) TransitionModelVersion(ctx context.Context, in TransitionModelVersionInput) (*TransitionModelVersionPayload, error) {
	if err := first(text("reason", &in.Reason), checkTime("at", in.At)); err != nil {
		return nil, err
	}
	if in.Force && in.Reason == "" {
		return nil, registry.Invalid("reason", "is needed with force: say why the lifecycle does not fit")
	}
	if in.Approval != nil {
		return nil, registry.Invalid("approval", "there is no approved request %q; leave approval out and put free text into reason", *in.Approval)
	}
	r, err := s.write(ctx, registry.TransitionDo, idempotent{"transitionModelVersion", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		v, n, err := s.versionIn(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return result{}, err
		}
		if err := checkRevision(in.IfRevision, n.Revision); err != nil {
			return result{}, err
		}
		if in.Force && !tx.May(registry.TransitionForce, v.Parent) {
			return result{}, registry.Errorf(registry.Forbidden, "you may not force a transition; ask an administrator, or take an allowed one: %v", registry.AllowedFrom(v.Stage))
		}
		id, err := s.transition(ctx, tx, v, n.Since, in)
		return result{IDs: []registry.ID{v.ID, id}, Created: true}, err
	})
	if err != nil {
		return nil, err
	}
	out := &TransitionModelVersionPayload{}
	if out.Version, err = one[*registry.ModelVersion](s.after(ctx, r.IDs[0])); err != nil {
		return nil, err
	}
	out.Transition, err = one[*registry.Transition](s.after(ctx, r.IDs[1]))
	return out, err
}

// changedAt is when a change of stage happens: the time that was given, else now.
// History is a sequence: a given time before since, when the stage that is left
// was entered, is INVALID_ARGUMENT, and now is never before it.
func changedAt(given, now time.Time, version string, since time.Time) (time.Time, error) {
	if given.IsZero() {
		return latestOf(now, since), nil
	}
	at := when(given, now)
	if at.Before(since) {
		return at, registry.Invalid("at", "lies before %s, when %s came to be or was moved last", since.Format(time.RFC3339Nano), version)
	}
	return at, nil
}

// latestOf returns the later of two times.
func latestOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// transition moves a version that is in its stage since a time, demoting the
// incumbent when it enters PRODUCTION, and returns the id of its record.
func (s *Service) transition(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, since time.Time, in TransitionModelVersionInput) (registry.ID, error) {
	if err := registry.CheckTransition(v.Stage, in.To, in.Force); err != nil {
		return "", err
	}
	at, err := changedAt(in.At, tx.Now(), v.Version, since)
	if err != nil {
		return "", err
	}
	var batch []*graph.Node
	var entries []registry.LogEntry
	if in.To == registry.Production {
		incumbent, err := tx.Holder(ctx, registry.ProductionSlot(v.Parent))
		if err != nil {
			return "", err
		}
		if incumbent != nil && incumbent.ID != v.ID {
			if at, err = changedAt(in.At, at, registry.Shorten(incumbent.Name, 100), incumbent.Since); err != nil {
				return "", err
			}
			old, err := load(incumbent, &registry.ModelVersion{})
			if err != nil {
				return "", err
			}
			old.ReplacedBy = v.ID
			_, entry, err := s.move(ctx, tx, &batch, old, registry.Transition{To: registry.Deprecated, At: at, Reason: in.Reason, ReplacedBy: v.ID})
			if err != nil {
				return "", err
			}
			entries = append(entries, entry)
		}
		v.ReplacedBy = ""
	}
	id, entry, err := s.move(ctx, tx, &batch, v, registry.Transition{To: in.To, At: at, Reason: in.Reason, Forced: in.Force})
	if err != nil {
		return "", err
	}
	// One batch: the incumbent gives up the production slot to the newcomer.
	if err := tx.Put(ctx, batch...); err != nil {
		return "", err
	}
	for _, e := range append(entries, entry) {
		if err := tx.Log(ctx, e); err != nil {
			return "", err
		}
	}
	return id, nil
}

// move adds a version in its new stage and the record of the change to a batch.
func (s *Service) move(ctx context.Context, tx *policies.Tx, batch *[]*graph.Node, v *registry.ModelVersion, t registry.Transition) (registry.ID, registry.LogEntry, error) {
	records, err := tx.Children(ctx, registry.KindTransition, registry.IndexName, v.ID)
	if err != nil {
		return "", registry.LogEntry{}, err
	}
	t.From, t.By, t.Ordinal = v.Stage, tx.Subject(), len(records)+1
	t.ID, t.Parent, t.ValidFrom = registry.TransitionID(v.ID, t.Ordinal), v.ID, t.At
	v.Stage, v.UpdatedAt = t.To, tx.Now()
	vn, err := versionNode(v, t.At)
	if err != nil {
		return "", registry.LogEntry{}, err
	}
	tn, err := encode(&t, ordinalName(t.Ordinal), t.At)
	if err != nil {
		return "", registry.LogEntry{}, err
	}
	*batch = append(*batch, vn, tn)
	return t.ID, registry.LogEntry{Action: registry.StageLogAction(t.To), Objects: []registry.ID{v.ID, t.ID}, Model: v.Parent, Reason: t.Reason,
		Detail: detail("from", t.From, "to", t.To, "version", v.Version, "forced", t.Forced, "replacedBy", string(t.ReplacedBy))}, nil
}

// ordinalName makes record names sort by their ordinal.
func ordinalName(n int) string {
	const digits = "0123456789"
	b := []byte("00000000")
	for i := len(b) - 1; i >= 0 && n > 0; i, n = i-1, n/10 {
		b[i] = digits[n%10]
	}
	return string(b)
}

// TransitionEdge is a transition in a page.
type TransitionEdge struct {
	Cursor string
	Node   *registry.Transition
}

// TransitionConnection is a page of transitions.
type TransitionConnection struct{ Connection[*TransitionEdge] }

// TransitionsOf lists the changes of stage of a version, oldest first.
func (s *Service) TransitionsOf(ctx context.Context, v *registry.ModelVersion, p Paging) (*TransitionConnection, error) {
	c, err := children(ctx, s, v.ID, childQuery{kind: registry.KindTransition, at: v.ReadAt}, p,
		func(cursor string, t *registry.Transition) *TransitionEdge { return &TransitionEdge{cursor, t} })
	if err != nil {
		return nil, err
	}
	return &TransitionConnection{*c}, nil
}

// VersionOfTransition returns the version that a transition moved.
func (s *Service) VersionOfTransition(ctx context.Context, t *registry.Transition) (*registry.ModelVersion, error) {
	return one[*registry.ModelVersion](s.nodeAt(ctx, t.ReadAt, t.Parent))
}
