package catalog

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// TransitionModelVersionInput selects a version, by Model and Version or by ID, and its new
// stage. A zero At means now.
type TransitionModelVersionInput struct {
	Model          *string        `json:"model,omitzero"`
	Version        *string        `json:"version,omitzero"`
	ID             *registry.ID   `json:"id,omitzero"`
	To             registry.Stage `json:"to,omitzero"`
	Reason         string         `json:"reason,omitzero"`
	Approval       *registry.ID   `json:"approval,omitzero"`
	Force          bool           `json:"force,omitzero"`
	At             time.Time      `json:"at,omitzero"`
	IfRevision     *int           `json:"ifRevision,omitzero"`
	IdempotencyKey *string        `json:"-"`
}

// TransitionModelVersionPayload has the version and the record of its transition.
type TransitionModelVersionPayload struct {
	Version    *registry.ModelVersion
	Transition *registry.Transition
}

func (in *TransitionModelVersionInput) check() error {
	if err := core.FirstError(core.CheckText("reason", &in.Reason), core.CheckTime("at", in.At)); err != nil {
		return err
	}
	if in.Force && in.Reason == "" {
		return registry.Invalid("reason", "is needed with force: say why the lifecycle does not fit")
	}
	if in.Approval != nil {
		return registry.Invalid("approval", "there is no approved request %q; leave approval out and put free text into reason", *in.Approval)
	}
	return nil
}

// TransitionModelVersion moves a version to another stage. A promotion to PRODUCTION moves the
// version that was there to DEPRECATED, in the same transaction.
func (c *Catalog) TransitionModelVersion(ctx context.Context, in TransitionModelVersionInput) (*TransitionModelVersionPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.TransitionDo, core.Idempotent("transitionModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, n, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		return writeTransition(ctx, tx, v, n, in)
	})
	if err != nil {
		return nil, err
	}
	out := &TransitionModelVersionPayload{}
	if out.Version, err = core.NounAs[*registry.ModelVersion](c.core.ReadBack(ctx, result, result.IDs[0])); err != nil {
		return nil, err
	}
	out.Transition, err = core.NounAs[*registry.Transition](c.core.ReadBack(ctx, result, result.IDs[1]))
	return out, err
}

// writeTransition checks the revision and the permission to force, and moves a version.
func writeTransition(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, in TransitionModelVersionInput) (core.WriteResult, error) {
	if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
		return core.WriteResult{}, err
	}
	target := policies.Target{Model: v.Parent, Stage: in.To}
	if err := tx.CheckTarget(target); err != nil {
		return core.WriteResult{}, err
	}
	if in.Force && !tx.MayOn(registry.TransitionForce, target) {
		return core.WriteResult{}, registry.Errorf(registry.Forbidden, "you may not force a transition; ask an administrator, or take an allowed one: %v", registry.AllowedFrom(v.Stage))
	}
	id, err := changeStage(ctx, tx, v, n.Since, in)
	return core.WriteResult{IDs: []registry.ID{v.ID, id}, Created: true, Changed: true}, err
}

// stageChangeTime returns the time of a transition. since is when the version entered its
// current stage. A given time before since is INVALID_ARGUMENT; without a given time the
// result is now or since, whichever is later.
func stageChangeTime(given, now time.Time, version string, since time.Time) (time.Time, error) {
	if given.IsZero() {
		return core.LaterTime(now, since), nil
	}
	at := core.StoredTime(given, now)
	if at.Before(since) {
		return at, registry.Invalid("at", "lies before %s, when %s came to be or was moved last", since.Format(time.RFC3339Nano), version)
	}
	return at, nil
}

// changeStage moves a version that entered its current stage at since. When the version enters
// PRODUCTION, changeStage demotes the version that was there. It returns the id of the
// transition record.
func changeStage(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, since time.Time, in TransitionModelVersionInput) (registry.ID, error) {
	if err := registry.CheckTransition(v.Stage, in.To, in.Force); err != nil {
		return "", err
	}
	at, err := stageChangeTime(in.At, tx.Now(), v.Version, since)
	if err != nil {
		return "", err
	}
	var batch []*graph.Node
	var entries []registry.LogEntry
	if in.To == registry.Production {
		if at, err = afterLastProduction(ctx, tx, v, in.At, at); err != nil {
			return "", err
		}
		incumbent, err := tx.SlotHolder(ctx, registry.ProductionSlot(v.Parent))
		if err != nil {
			return "", err
		}
		if incumbent != nil && incumbent.ID != v.ID {
			if at, err = stageChangeTime(in.At, at, registry.Shorten(incumbent.Name, 100), incumbent.Since); err != nil {
				return "", err
			}
			old, err := core.DecodeWhole(incumbent, &registry.ModelVersion{})
			if err != nil {
				return "", err
			}
			old.ReplacedBy = v.ID
			_, entry, err := addStageChange(ctx, tx, &batch, old, registry.Transition{To: registry.Deprecated, At: at, Reason: in.Reason, ReplacedBy: v.ID})
			if err != nil {
				return "", err
			}
			entries = append(entries, entry)
		}
		v.ReplacedBy = ""
	}
	id, entry, err := addStageChange(ctx, tx, &batch, v, registry.Transition{To: in.To, At: at, Reason: in.Reason, Forced: in.Force})
	if err != nil {
		return "", err
	}
	// One batch, so that the production slot passes from one version to the other.
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

// A model has at most one version in PRODUCTION at every instant, also in the past. The version
// that is there now holds the production slot. Where the last one has left, its transition
// holds the production-end slot: nobody is promoted before that time. So no list of versions
// or transitions is read.

// afterLastProduction returns the time of a promotion: at, or the end of the last PRODUCTION of
// the model when no time was given. A given time before that end is INVALID_ARGUMENT.
func afterLastProduction(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, given, at time.Time) (time.Time, error) {
	holder, err := tx.SlotHolder(ctx, registry.ProductionEndSlot(v.Parent))
	if err != nil || holder == nil {
		return at, err
	}
	last, err := core.DecodeWhole(holder, &registry.Transition{})
	if err != nil {
		return at, err
	}
	end := last.At
	if last.To == registry.Production { // The version was deleted in PRODUCTION.
		versions, err := tx.NodesUnfiltered(ctx, last.Parent)
		if err != nil {
			return at, err
		}
		if versions[0] != nil {
			end = versions[0].Since
		}
	}
	if given.IsZero() {
		return core.LaterTime(at, end), nil
	}
	if at.Before(end) {
		return at, registry.Invalid("at", "lies before %s, when another version left PRODUCTION; two cannot be there at one time", end.Format(time.RFC3339Nano))
	}
	return at, nil
}

// moveProductionEnd gives the production-end slot of a model to a transition of a batch.
func moveProductionEnd(ctx context.Context, tx *policies.Tx, batch *[]*graph.Node, model registry.ID, to *graph.Node) error {
	slot := registry.ProductionEndSlot(model)
	holder, err := tx.SlotHolder(ctx, slot)
	if err != nil || holder != nil && holder.ID == to.ID {
		return err
	}
	if holder != nil {
		freed := *holder
		freed.Slots = slices.DeleteFunc(slices.Clone(holder.Slots), func(s string) bool { return s == slot })
		*batch = append(*batch, &freed)
	}
	to.Slots = append(to.Slots, slot)
	return nil
}

// addStageChange appends a version in its new stage and the transition record to a batch.
func addStageChange(ctx context.Context, tx *policies.Tx, batch *[]*graph.Node, v *registry.ModelVersion, t registry.Transition) (registry.ID, registry.LogEntry, error) {
	ordinal, err := nextOrdinal(ctx, tx, v.ID)
	if err != nil {
		return "", registry.LogEntry{}, err
	}
	t.From, t.By, t.Ordinal = v.Stage, tx.Subject(), ordinal
	t.ID, t.Parent, t.ValidFrom = registry.TransitionID(v.ID, t.Ordinal), v.ID, t.At
	v.Stage, v.UpdatedAt = t.To, tx.Now()
	vn, err := versionNode(v, t.At)
	if err != nil {
		return "", registry.LogEntry{}, err
	}
	tn, err := core.EncodeNode(&t, ordinalName(t.Ordinal), t.At)
	if err != nil {
		return "", registry.LogEntry{}, err
	}
	*batch = append(*batch, vn, tn)
	if t.From == registry.Production {
		if err := moveProductionEnd(ctx, tx, batch, v.Parent, tn); err != nil {
			return "", registry.LogEntry{}, err
		}
	}
	return t.ID, registry.LogEntry{Action: registry.StageLogAction(t.To), Objects: []registry.ID{v.ID, t.ID}, Model: v.Parent, Reason: t.Reason,
		Detail: core.LogDetail("from", t.From, "to", t.To, "version", v.Version, "forced", t.Forced, "replacedBy", string(t.ReplacedBy))}, nil
}

// nextOrdinal returns the ordinal of a version's next transition.
func nextOrdinal(ctx context.Context, tx *policies.Tx, version registry.ID) (int, error) {
	last, err := tx.LastChild(ctx, registry.KindTransition, registry.IndexName, version)
	if err != nil || last == nil {
		return 1, err
	}
	t, err := core.DecodeWhole(last, &registry.Transition{})
	return t.Ordinal + 1, err
}

// ordinalName formats an ordinal with leading zeros, so that names sort by ordinal.
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
type TransitionConnection struct {
	core.Connection[*TransitionEdge]
}

// TransitionsOf returns one page of the transitions of a version, oldest first.
func (c *Catalog) TransitionsOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*TransitionConnection, error) {
	conn, err := core.ListChildren(ctx, c.core, v, core.ChildQuery{Kind: registry.KindTransition, At: v.ReadAt}, p,
		func(cursor string, t *registry.Transition) *TransitionEdge { return &TransitionEdge{cursor, t} })
	if err != nil {
		return nil, err
	}
	return &TransitionConnection{*conn}, nil
}

// VersionOfTransition returns the version that a transition moved.
func (c *Catalog) VersionOfTransition(ctx context.Context, t *registry.Transition) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, c.core, t, "version", parentOf)
}

// FactKind returns registry.FactTransition.
func (*TransitionModelVersionInput) FactKind() registry.FactKind { return registry.FactTransition }

// FactAction returns the action that recording needs permission for.
func (*TransitionModelVersionInput) FactAction() registry.Action { return registry.TransitionDo }

// CheckFact checks the input as one fact of a batch.
func (in *TransitionModelVersionInput) CheckFact() error {
	if in.At.IsZero() {
		return registry.Invalid("at", "a fact says when it was: give the time of the transition")
	}
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *TransitionModelVersionInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.ID, out.Approval = r.Optional(in.ID), r.Optional(in.Approval)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *TransitionModelVersionInput) FactReads() (ids, effects []registry.ID) {
	return core.IDsOf(in.ID), nil
}

// WriteFact writes the fact in a transaction.
func (in *TransitionModelVersionInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return ensureTransition(ctx, tx, *in)
}
