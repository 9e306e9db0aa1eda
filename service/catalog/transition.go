package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/gates"
)

// TransitionModelVersionInput selects a version, by Model and Version or by ID, and its new
// stage. A zero At means now.
type TransitionModelVersionInput struct {
	Model    *string        `json:"model,omitzero"`
	Version  *string        `json:"version,omitzero"`
	ID       *registry.ID   `json:"id,omitzero"`
	To       registry.Stage `json:"to,omitzero"`
	Reason   string         `json:"reason,omitzero"`
	Approval *registry.ID   `json:"approval,omitzero"`
	Force    bool           `json:"force,omitzero"`
	At       time.Time      `json:"at,omitzero"`
	// Evidence and Execute are for the request that a transition into a guarded stage makes.
	Evidence *TransitionEvidenceInput `json:"evidence,omitzero"`
	Execute  registry.ExecuteWhen     `json:"execute,omitzero"`
	// ArchivePeers also moves the other versions in STAGING and CANARY to ARCHIVED, on a move to
	// STAGING. A move to PRODUCTION always replaces its one peer. A request moves no peers.
	ArchivePeers   bool    `json:"archivePeers,omitzero"`
	IfRevision     *int    `json:"ifRevision,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// TransitionEvidenceInput is what a requester gives approvers to decide on.
type TransitionEvidenceInput struct {
	Links   []string          `json:"links,omitzero"`
	Metrics []registry.Metric `json:"metrics,omitzero"`
}

// TransitionModelVersionPayload has the version, and the record of its transition or the
// request for it: one of the two.
type TransitionModelVersionPayload struct {
	Version    *registry.ModelVersion
	Transition *registry.Transition
	Request    *registry.TransitionRequest
}

// Check checks and normalizes the input without reading the store.
func (in *TransitionModelVersionInput) Check() error {
	if err := core.FirstError(core.CheckText("reason", &in.Reason), core.CheckTime("at", in.At), in.Evidence.check()); err != nil {
		return err
	}
	switch in.Execute {
	case "", registry.ExecuteAtOnce, registry.ExecuteLater:
	default:
		return registry.Invalid("execute", "%q is not AT_ONCE or LATER", in.Execute)
	}
	if in.ArchivePeers && in.To != registry.Staging && in.To != registry.Production {
		return registry.Invalid("archivePeers", "is for moves to STAGING and PRODUCTION")
	}
	if in.Force && in.Reason == "" {
		return registry.Invalid("force", "needs a reason: say why the lifecycle does not fit")
	}
	if in.Approval != nil {
		if id, err := registry.ParseID(string(*in.Approval)); err != nil || id.Kind() != registry.KindTransitionRequest {
			return registry.Invalid("approval", "%q is no id of a transition request; put free text into reason", registry.Shorten(string(*in.Approval), 60))
		}
	}
	if in.Approval != nil && (in.Force || in.ArchivePeers || in.Evidence != nil || in.Execute != "" || !in.At.IsZero()) {
		return registry.Invalid("approval", "executes a request as it was made; leave out force, archivePeers, evidence, execute and at")
	}
	return nil
}

// maxLinks and maxMetrics bound the evidence of a request.
const maxLinks, maxMetrics = 50, 200

func (in *TransitionEvidenceInput) check() error {
	if in == nil {
		return nil
	}
	if len(in.Links) > maxLinks || len(in.Metrics) > maxMetrics {
		return registry.Invalid("evidence", "must have at most %d links and %d metrics", maxLinks, maxMetrics)
	}
	for i := range in.Links {
		if err := core.FirstError(core.CheckRequiredKey("evidence.links", &in.Links[i]), core.CheckLabel("evidence.links", in.Links[i])); err != nil {
			return err
		}
	}
	for i := range in.Metrics {
		if err := core.CheckRequiredKey("evidence.metrics.name", &in.Metrics[i].Name); err != nil {
			return err
		}
	}
	return nil
}

// Approval is an approved request that a transition executes, and who approved it.
type Approval struct {
	Request  registry.ID
	Subjects []string
	// gates are what the gates said.
	gates []registry.TransitionGate
}

// MoveVersion moves a version as one step of a transaction: it checks the revision, the guard
// of the stage and the permission to force. approval is nil without an approved request. It
// returns the id of the transition record.
func MoveVersion(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, in TransitionModelVersionInput, approval *Approval) (registry.ID, error) {
	return moveVersion(ctx, tx, v, n, in, approval, false)
}

// moveVersion is MoveVersion, or the move of a retirement.
func moveVersion(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, in TransitionModelVersionInput, approval *Approval, retires bool) (registry.ID, error) {
	if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
		return "", err
	}
	rule, err := GuardRule(ctx, tx, v.Parent)
	if err != nil {
		return "", err
	}
	if approval == nil && rule.Covers(in.To) {
		return "", guardedError(in.To)
	}
	if err := CheckNotRetiredOnly(v, in.To, rule); err != nil && !retires {
		return "", err
	}
	if approval == nil {
		approval = &Approval{}
	}
	target := policies.Target{Model: v.Parent, Stage: in.To}
	if err := tx.CheckTarget(target); err != nil {
		return "", err
	}
	if in.Force && !tx.MayOn(registry.TransitionForce, target) {
		return "", registry.Errorf(registry.Forbidden, "you may not force a transition; ask an administrator, or take an allowed one: %v", registry.AllowedFrom(v.Stage))
	}
	if err := CheckSigned(ctx, tx, v, in.To, rule); err != nil {
		return "", err
	}
	if err := CheckNotRecalled(ctx, tx, v, in.To); err != nil {
		return "", err
	}
	approvals := len(approval.Subjects)
	said, err := AskGates(ctx, tx, v, in.To, rule, &approvals, in.Force)
	if err := core.FirstError(err, gates.Refusal(v, in.To, said)); err != nil {
		return "", err
	}
	approval.gates = gates.Record(said)
	id, err := changeStage(ctx, tx, v, n.Since, in, approval)
	if err != nil || !in.ArchivePeers || in.To != registry.Staging {
		return id, err
	}
	return id, archivePeers(ctx, tx, v, in)
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
func changeStage(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, since time.Time, in TransitionModelVersionInput, approval *Approval) (registry.ID, error) {
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
			planned, err := planSuperseded(tx, &batch, old, v.ID, at, !in.At.IsZero())
			if err != nil {
				return "", err
			}
			_, entry, err := addStageChange(ctx, tx, &batch, old, registry.Transition{To: registry.Deprecated, At: at, Reason: in.Reason, ReplacedBy: v.ID, Approval: approval.Request})
			if err != nil {
				return "", err
			}
			if planned != "" {
				entry.Objects = append(entry.Objects, planned)
			}
			entries = append(entries, entry)
		}
		v.ReplacedBy = ""
	}
	closed, err := closePlan(ctx, tx, &batch, v, in.To)
	if err != nil {
		return "", err
	}
	id, entry, err := addStageChange(ctx, tx, &batch, v, registry.Transition{To: in.To, At: at, Reason: in.Reason, Forced: in.Force, Approval: approval.Request, Gates: approval.gates})
	if err != nil {
		return "", err
	}
	entry.Objects = append(entry.Objects, closed...)
	// One batch, so that the production slot passes from one version to the other.
	if err := tx.Put(ctx, batch...); err != nil {
		return "", err
	}
	for _, e := range append(entries, entry) {
		e.Approval = strings.Join(approval.Subjects, ", ")
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
	ordinal, err := core.NextOrdinal(ctx, tx, registry.KindTransition, v.ID)
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
	tn, err := core.EncodeNode(&t, core.OrdinalName(t.Ordinal), t.At)
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
		Detail: core.LogDetail("from", t.From, "to", t.To, "version", v.Version, "forced", t.Forced, "replacedBy", string(t.ReplacedBy), "gates", gateDetail(t.Gates))}, nil
}

// gateDetail tells the log which gates held, and which did not pass.
func gateDetail(said []registry.TransitionGate) any {
	if len(said) == 0 {
		return nil
	}
	var out []string
	for _, g := range said {
		out = append(out, fmt.Sprintf("%s@%d %s", g.Name, g.Revision, g.Answer))
	}
	return out
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
	if in.Evidence != nil || in.Execute != "" || in.Approval != nil || in.ArchivePeers {
		return registry.Invalid("approval", "a fact tells one transition that was made: leave out approval, evidence, execute and archivePeers")
	}
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.Check())
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
