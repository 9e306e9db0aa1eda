package governance

import (
	"context"
	"strings"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// subject is a request and its version, in a transaction.
type subject struct {
	request     *registry.TransitionRequest
	version     *registry.ModelVersion
	versionNode *graph.Node
	rule        governance.Rule
}

// findSubject finds a request and its version: NOT_FOUND when the caller sees none of them.
func findSubject(ctx context.Context, tx *policies.Tx, id registry.ID) (*subject, error) {
	nodes, err := tx.Nodes(ctx, id)
	if err != nil {
		return nil, err
	}
	if nodes[0] == nil || nodes[0].Deleted || nodes[0].Kind != registry.KindTransitionRequest {
		return nil, registry.Errorf(registry.NotFound, "there is no transition request %q; list them with transitionRequests", registry.Shorten(string(id), 100))
	}
	s := &subject{}
	if s.request, err = core.DecodeWhole(nodes[0], &registry.TransitionRequest{}); err != nil {
		return nil, err
	}
	if s.version, s.versionNode, err = catalog.FindVersion(ctx, tx, nil, nil, &s.request.VersionID); err != nil {
		return nil, err
	}
	s.rule, err = catalog.GuardRule(ctx, tx, s.request.OfModel)
	return s, err
}

// approvers returns who may approve by the guard in force, or by that of the request when the
// stage is guarded no more; empty means everyone who may approve.
func (s *subject) approvers() []string {
	if s.rule.Covers(s.request.To) {
		return s.rule.Approvers
	}
	return s.request.Approvers
}

// voidIfChanged makes the request void when its version, card or lineage changed since.
func (s *subject) voidIfChanged(ctx context.Context, tx *policies.Tx) (bool, error) {
	now, err := stateOf(ctx, tx, s.versionNode)
	if err != nil || s.request.Evidence == nil {
		return false, err
	}
	changes := governance.Changes(*s.request.Evidence, now)
	if len(changes) == 0 {
		return false, nil
	}
	s.request.VoidBecause = changes
	s.close(tx, registry.RequestVoid, "")
	if err := s.put(ctx, tx); err != nil {
		return true, err
	}
	return true, s.log(ctx, tx, registry.LogVoided, strings.Join(changes, "; "))
}

// count counts the approvals by what the approvers hold in the transaction. A guard that asks
// for more by now is obeyed.
func (s *subject) count(ctx context.Context, tx *policies.Tx) (governance.Tally, int, error) {
	needed := s.request.Needed
	if s.rule.Covers(s.request.To) {
		needed = max(needed, s.rule.Needed)
	}
	tally, err := governance.Count(s.request, s.approvers(), func(a registry.TransitionApproval) (bool, error) {
		return tx.SubjectMay(ctx, a.By, a.Grants, registry.TransitionApprove, s.target())
	})
	return tally, needed, err
}

// execute moves the version as the request asks.
func (s *subject) execute(ctx context.Context, tx *policies.Tx, tally governance.Tally) error {
	in := catalog.TransitionModelVersionInput{To: s.request.To, Reason: s.request.Reason}
	id, err := catalog.MoveVersion(ctx, tx, s.version, s.versionNode, in, &catalog.Approval{Request: s.request.ID, Subjects: tally.Counted})
	if err != nil {
		return err
	}
	s.request.TransitionID = id
	s.close(tx, registry.RequestExecuted, "")
	return nil
}

// close sets the status of a request that is not open any more.
func (s *subject) close(tx *policies.Tx, status registry.RequestStatus, comment string) {
	s.request.Status, s.request.ClosedBy, s.request.ClosedAt, s.request.Comment = status, tx.Subject(), tx.Now(), comment
}

func (s *subject) put(ctx context.Context, tx *policies.Tx) error {
	return putRequest(ctx, tx, s.request)
}

func (s *subject) log(ctx context.Context, tx *policies.Tx, action registry.LogAction, reason string) error {
	r := s.request
	return tx.Log(ctx, registry.LogEntry{Action: action, Objects: []registry.ID{r.ID, r.VersionID}, Model: r.OfModel, Reason: reason,
		Detail: core.LogDetail("version", r.Version, "to", r.To, "status", r.Status, "approvals", len(r.Approvals), "needed", r.Needed)})
}

// DecideInput names a request to decide on.
type DecideInput struct {
	ID             registry.ID `json:"id"`
	Comment        string      `json:"comment,omitzero"`
	IdempotencyKey *string     `json:"-"`
}

// RequestPayload has a request after a decision, and the version and the transition when the
// decision executed it.
type RequestPayload struct {
	Request    *registry.TransitionRequest
	Version    *registry.ModelVersion
	Transition *registry.Transition
}

// ApproveTransition approves a request. The last approval that it needs executes it in the same
// transaction, unless it is to be executed later. A request whose version, card or lineage
// changed is void, and stays so: FAILED_PRECONDITION says what changed.
func (g *Governance) ApproveTransition(ctx context.Context, in DecideInput) (*RequestPayload, error) {
	return g.decide(ctx, "approveTransition", []registry.Action{registry.TransitionApprove}, in, approve)
}

// RejectTransition rejects a request of somebody else.
func (g *Governance) RejectTransition(ctx context.Context, in DecideInput) (*RequestPayload, error) {
	return g.decide(ctx, "rejectTransition", []registry.Action{registry.TransitionApprove}, in, reject)
}

// WithdrawTransition withdraws a request: the requester's own, or anybody's for who may
// configure governance.
func (g *Governance) WithdrawTransition(ctx context.Context, in DecideInput) (*RequestPayload, error) {
	return g.decide(ctx, "withdrawTransition", []registry.Action{registry.TransitionRequestDo, registry.TransitionDo}, in, withdraw)
}

// decide runs one decision on a request and reads back what it left.
func (g *Governance) decide(ctx context.Context, mutation string, actions []registry.Action, in DecideInput,
	step func(context.Context, *policies.Tx, *subject, DecideInput) error) (*RequestPayload, error) {
	if err := core.CheckText("comment", &in.Comment); err != nil {
		return nil, err
	}
	result, err := g.core.WriteAny(ctx, actions, core.Idempotent(mutation, in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		s, err := findSubject(ctx, tx, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := governance.CheckDecidable(s.request, tx.Now()); err != nil {
			return core.WriteResult{}, err
		}
		if err := step(ctx, tx, s, in); err != nil {
			return core.WriteResult{}, err
		}
		ids := []registry.ID{s.request.ID}
		if s.request.TransitionID != "" {
			ids = append(ids, s.request.VersionID, s.request.TransitionID)
		}
		return core.WriteResult{IDs: ids, Created: true, Changed: true}, nil
	})
	if err != nil {
		return nil, err
	}
	p, err := g.movePayload(ctx, result)
	return &RequestPayload{p.Request, p.Version, p.Transition}, err
}

func approve(ctx context.Context, tx *policies.Tx, s *subject, in DecideInput) error {
	if err := s.checkDecider(tx); err != nil {
		return err
	}
	for _, a := range s.request.Approvals {
		if a.By == tx.Subject() {
			return registry.Errorf(registry.FailedPrecondition, "you approved this request already; one subject counts once")
		}
	}
	if void, err := s.voidIfChanged(ctx, tx); void || err != nil {
		return err
	}
	s.request.Approvals = append(s.request.Approvals, registry.TransitionApproval{By: tx.Subject(), At: tx.Now(), Comment: in.Comment, Grants: tx.Grants()})
	tally, needed, err := s.count(ctx, tx)
	if err != nil {
		return err
	}
	enough := len(tally.Counted) >= needed
	if enough {
		s.request.Status = registry.RequestApproved
	}
	if err := s.log(ctx, tx, registry.LogApproved, in.Comment); err != nil {
		return err
	}
	if enough && s.request.Execute != registry.ExecuteLater {
		if err := s.execute(ctx, tx, tally); err != nil {
			return err
		}
	}
	return s.put(ctx, tx)
}

// target is what the rules of the policy about a decision speak of.
func (s *subject) target() policies.Target {
	return policies.Target{Model: s.request.OfModel, Stage: s.request.To}
}

// checkDecider answers FORBIDDEN for callers who never count for this request.
func (s *subject) checkDecider(tx *policies.Tx) error {
	if !tx.MayOn(registry.TransitionApprove, s.target()) {
		return registry.Errorf(registry.Forbidden, "you may not do %s for %s in this model; ask an administrator", registry.TransitionApprove, s.request.To)
	}
	if err := tx.CheckTarget(s.target()); err != nil {
		return err
	}
	return governance.CheckApprover(s.request, tx.Subject(), s.approvers())
}

func reject(ctx context.Context, tx *policies.Tx, s *subject, in DecideInput) error {
	if err := s.checkDecider(tx); err != nil {
		return err
	}
	return s.closeAndLog(ctx, tx, registry.RequestRejected, registry.LogRejected, in.Comment)
}

func withdraw(ctx context.Context, tx *policies.Tx, s *subject, in DecideInput) error {
	if s.request.RequestedBy != tx.Subject() && !tx.May(registry.GovernanceConfigure, s.request.OfModel) {
		return registry.Errorf(registry.Forbidden, "somebody else requested this transition; reject it with rejectTransition")
	}
	if err := tx.CheckTarget(s.target()); err != nil {
		return err
	}
	return s.closeAndLog(ctx, tx, registry.RequestWithdrawn, registry.LogWithdrawn, in.Comment)
}

func (s *subject) closeAndLog(ctx context.Context, tx *policies.Tx, status registry.RequestStatus, action registry.LogAction, comment string) error {
	s.close(tx, status, comment)
	if err := s.put(ctx, tx); err != nil {
		return err
	}
	return s.log(ctx, tx, action, comment)
}
