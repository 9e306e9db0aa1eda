package governance

import (
	"context"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// RetireModelVersionInput names a version, by Model and Version or by ID.
type RetireModelVersionInput struct {
	Model   *string      `json:"model,omitzero"`
	Version *string      `json:"version,omitzero"`
	ID      *registry.ID `json:"id,omitzero"`
	Reason  string       `json:"reason,omitzero"`
	Force   bool         `json:"force,omitzero"`
	// Approval is an approved request for ARCHIVED, where a guard asks for one.
	Approval       *registry.ID `json:"approval,omitzero"`
	RetentionDays  *int         `json:"retentionDays,omitzero"`
	IfRevision     *int         `json:"ifRevision,omitzero"`
	IdempotencyKey *string      `json:"-"`
}

// RetirementPayload has what a retirement left.
type RetirementPayload struct {
	Deprecation *registry.Deprecation
	Version     *registry.ModelVersion
	Transition  *registry.Transition
}

// RetireModelVersion archives a version: not before its sunset unless it is forced with a reason,
// and never while it has live deployments. Its history stays.
func (g *Governance) RetireModelVersion(ctx context.Context, in RetireModelVersionInput) (*RetirementPayload, error) {
	days, err := core.CheckRange("retentionDays", in.RetentionDays, registry.DefaultRetentionDays, 0, registry.MaxRetentionDays)
	if err := core.FirstError(err, core.CheckText("reason", &in.Reason)); err != nil {
		return nil, err
	}
	actions := moveActions
	if in.Approval == nil {
		actions = moveActions[:1]
	}
	result, err := g.core.WriteAny(ctx, actions, core.Idempotent("retireModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		s, err := findSunsetting(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		id, err := s.retire(ctx, tx, in, days)
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{s.deprecation.ID, s.version.ID, id}, Created: true, Changed: true}, nil
	})
	if err != nil {
		return nil, err
	}
	nouns, err := g.core.ReadBackAll(ctx, result, result.IDs...)
	out := &RetirementPayload{}
	for _, n := range nouns {
		switch n := n.(type) {
		case *registry.Deprecation:
			out.Deprecation = n
		case *registry.ModelVersion:
			out.Version = n
		case *registry.Transition:
			out.Transition = n
		}
	}
	return out, err
}

// retire moves the version to ARCHIVED and returns the id of the transition. A version that has no
// open deprecation gets one that is over, so that its records have a time to be kept.
func (s *sunsetting) retire(ctx context.Context, tx *policies.Tx, in RetireModelVersionInput, days int) (registry.ID, error) {
	v := s.version
	target := policies.Target{Model: v.Parent, Stage: registry.Archived}
	if in.Approval == nil && !tx.MayOn(registry.TransitionDo, target) {
		return "", mayNotMove(v, registry.Archived)
	}
	r := governance.Retirement{Stage: v.Stage, Step: v.DeprecationStep(), Now: tx.Now(), Force: in.Force, Reason: in.Reason}
	if s.deprecation != nil {
		r.Sunset = s.deprecation.Sunset
	}
	if err := core.FirstError(core.CheckRevision(in.IfRevision, s.node.Revision), registry.CheckTransition(v.Stage, registry.Archived, in.Force), governance.CheckDeprecationStep(r.Step, registry.DeprecationRetired), r.Check()); err != nil {
		return "", err
	}
	if err := catalog.RefuseLive(ctx, tx, v); err != nil {
		return "", err
	}
	if !r.Step.Open() {
		s.deprecation = v.NextDeprecation()
		s.deprecation.PlannedBy, s.deprecation.PlannedAt, s.deprecation.ValidFrom = tx.Subject(), tx.Now(), tx.Now()
	}
	s.close(tx, registry.DeprecationRetired, in.Reason)
	s.deprecation.Forced, s.deprecation.KeepUntil = in.Force && r.Early(), governance.KeepUntil(tx.Now(), days)
	v.Deprecation = s.deprecation.OnVersion()
	id, err := s.archive(ctx, tx, in)
	if err != nil {
		return "", err
	}
	n, err := catalog.DeprecationNode(tx, s.deprecation)
	if err != nil {
		return "", err
	}
	if err := tx.Put(ctx, n); err != nil {
		return "", err
	}
	return id, s.log(ctx, tx, registry.LogVersionRetired, in.Reason, core.LogDetail("version", v.Version, "forced", s.deprecation.Forced, "keepUntil", dateText(s.deprecation.KeepUntil)))
}

// archive moves the version, with an approved request where one is given.
func (s *sunsetting) archive(ctx context.Context, tx *policies.Tx, in RetireModelVersionInput) (registry.ID, error) {
	move := catalog.TransitionModelVersionInput{To: registry.Archived, Reason: in.Reason, Force: in.Force}
	if in.Approval == nil {
		return catalog.RetireVersion(ctx, tx, s.version, s.node, move, nil)
	}
	r, tally, err := approvedFor(ctx, tx, *in.Approval, s.version.ID)
	if err != nil {
		return "", err
	}
	id, err := catalog.RetireVersion(ctx, tx, s.version, s.node, move, &catalog.Approval{Request: r.request.ID, Subjects: tally.Counted})
	if err != nil {
		return "", err
	}
	r.request.TransitionID = id
	r.close(tx, registry.RequestExecuted, "")
	return id, r.put(ctx, tx)
}

// approvedFor returns an approved request to move a version to ARCHIVED whose approvals still
// count, and which the caller may execute. FAILED_PRECONDITION when it does not hold any more; the
// next decision on it makes it void.
func approvedFor(ctx context.Context, tx *policies.Tx, request, version registry.ID) (*subject, governance.Tally, error) {
	s, err := findSubject(ctx, tx, request)
	if err != nil {
		return nil, governance.Tally{}, err
	}
	if s.request.VersionID != version || s.request.To != registry.Archived {
		return nil, governance.Tally{}, registry.Invalid("approval", "the request is about another version or stage")
	}
	if err := core.FirstError(mayExecute(tx, s), tx.CheckTarget(s.target()), governance.CheckExecutable(s.request, tx.Now())); err != nil {
		return nil, governance.Tally{}, err
	}
	now, err := stateOf(ctx, tx, s.versionNode)
	if err != nil {
		return nil, governance.Tally{}, err
	}
	if s.request.Evidence != nil {
		if s.request.VoidBecause = governance.Changes(*s.request.Evidence, now); len(s.request.VoidBecause) > 0 {
			return nil, governance.Tally{}, governance.VoidError(s.request)
		}
	}
	tally, needed, err := s.count(ctx, tx)
	if err != nil {
		return nil, tally, err
	}
	return s, tally, tally.Check(needed)
}

// mayExecute answers FORBIDDEN when the caller may not execute an approved request.
func mayExecute(tx *policies.Tx, s *subject) error {
	if tx.MayOn(registry.TransitionDo, s.target()) || s.request.RequestedBy == tx.Subject() && tx.MayOn(registry.TransitionRequestDo, s.target()) {
		return nil
	}
	return registry.Errorf(registry.Forbidden, "you may not execute this request; its requester may, and whoever may do %s", registry.TransitionDo)
}

// notify notes who is to be told: the owners of the model and the version, the owners of live
// deployments, who become known consumers, and the consumers that are known by their uses.
func (s *sunsetting) notify(ctx context.Context, tx *policies.Tx) error {
	d := s.deprecation
	models, err := tx.NodesUnfiltered(ctx, s.version.Parent)
	if err != nil {
		return err
	}
	m, err := core.DecodeWhole(models[0], &registry.Model{})
	if err != nil {
		return err
	}
	for _, owner := range []string{m.Owner, s.version.Owner} {
		s.note(registry.DeprecationNotice{To: owner, Because: registry.NoticeOwner})
	}
	users, err := s.noteDeployments(ctx, tx)
	if err != nil {
		return err
	}
	known, err := tx.ChildrenUnfiltered(ctx, registry.KindConsumer, registry.IndexName, d.VersionID)
	if err != nil {
		return err
	}
	counted, err := tx.WithCounts(ctx, known)
	if err != nil {
		return err
	}
	for i, n := range known {
		c, err := core.DecodeWhole(n, &registry.Consumer{})
		if err != nil {
			return err
		}
		used, err := core.DecodeWhole(counted[i], &registry.Consumer{})
		if err != nil {
			return err
		}
		if used.Uses > 0 && !used.Migrated() {
			s.note(registry.DeprecationNotice{To: c.Subject, Because: registry.NoticeUsage})
		}
		if u := users[c.Subject]; u != nil {
			c.Environments = u.Environments
			users[c.Subject] = c
		}
	}
	var batch []*graph.Node
	for _, c := range users {
		n, err := core.EncodeNode(c, c.Subject, tx.Now())
		if err != nil {
			return err
		}
		batch = append(batch, n)
	}
	return tx.Put(ctx, batch...)
}

// note adds a notice, once, up to the number that is listed.
func (s *sunsetting) note(n registry.DeprecationNotice) {
	if n.To == "" && n.Where == "" || len(s.deprecation.Notices) >= registry.MaxNotices {
		return
	}
	for _, old := range s.deprecation.Notices {
		if old == n {
			return
		}
	}
	s.deprecation.Notices = append(s.deprecation.Notices, n)
}
