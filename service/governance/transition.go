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

// moveActions are the actions that let somebody call for a transition: to do it, or to ask for
// it.
var moveActions = []registry.Action{registry.TransitionDo, registry.TransitionRequestDo}

// TransitionModelVersion moves a version to another stage. A promotion to PRODUCTION moves the
// version that was there to DEPRECATED, in the same transaction. Where a guard asks for
// approvals it moves nothing, and makes a request. With Approval it executes an approved
// request.
func (g *Governance) TransitionModelVersion(ctx context.Context, in catalog.TransitionModelVersionInput) (*catalog.TransitionModelVersionPayload, error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	result, err := g.core.WriteAny(ctx, moveActions, core.Idempotent("transitionModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		if in.Approval != nil {
			return executeApproved(ctx, tx, in)
		}
		v, n, err := catalog.FindVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		return moveOrRequest(ctx, tx, v, n, in)
	})
	if err != nil {
		return nil, err
	}
	return g.movePayload(ctx, result)
}

// Move moves a version as a step of a transaction, or makes a request where a guard asks for
// approvals, by the rights of the caller. It returns the id of the transition or of the request.
func Move(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, in catalog.TransitionModelVersionInput) (registry.ID, error) {
	result, err := moveOrRequest(ctx, tx, v, n, in)
	if err != nil {
		return "", err
	}
	return result.IDs[1], nil
}

// moveOrRequest moves a version, or makes a request where a guard asks for approvals.
func moveOrRequest(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, in catalog.TransitionModelVersionInput) (core.WriteResult, error) {
	rule, err := catalog.GuardRule(ctx, tx, v.Parent)
	if err != nil {
		return core.WriteResult{}, err
	}
	target := policies.Target{Model: v.Parent, Stage: in.To}
	may := tx.MayOn(registry.TransitionDo, target)
	if rule.Covers(in.To) && (may || tx.MayOn(registry.TransitionRequestDo, target)) {
		if err := core.FirstError(tx.CheckTarget(target), catalog.CheckSigned(ctx, tx, v, in.To, rule), catalog.CheckGatesOfRequest(ctx, tx, v, in.To, rule)); err != nil {
			return core.WriteResult{}, err
		}
		id, err := createRequest(ctx, tx, v, n, in, rule)
		return core.WriteResult{IDs: []registry.ID{v.ID, id}, Created: true, Changed: true}, err
	}
	switch {
	case !may:
		return core.WriteResult{}, mayNotMove(v, in.To)
	case in.Execute != "" || in.Evidence != nil:
		return core.WriteResult{}, registry.Invalid("evidence", "is for a request, and transitions to %s need no approval here; leave out evidence and execute", in.To)
	}
	id, err := catalog.MoveVersion(ctx, tx, v, n, in, nil)
	return core.WriteResult{IDs: []registry.ID{v.ID, id}, Created: true, Changed: true}, err
}

// mayNotMove is the refusal of a transition that needs no approval.
func mayNotMove(v *registry.ModelVersion, to registry.Stage) error {
	return registry.Errorf(registry.Forbidden, "you may not do %s to %s in %s; ask an administrator for a role that may", registry.TransitionDo, to, registry.Shorten(v.ModelName, 100))
}

// movePayload reads back a version and its transition or request.
func (g *Governance) movePayload(ctx context.Context, result core.WriteResult) (*catalog.TransitionModelVersionPayload, error) {
	nouns, err := g.core.ReadBackAll(ctx, result, result.IDs...)
	if err != nil || len(nouns) == 0 {
		return &catalog.TransitionModelVersionPayload{}, err
	}
	out := &catalog.TransitionModelVersionPayload{}
	for _, n := range nouns {
		switch n := n.(type) {
		case *registry.ModelVersion:
			out.Version = n
		case *registry.Transition:
			out.Transition = n
		case *registry.TransitionRequest:
			out.Request = n
		}
	}
	return out, refusedAsVoid(out.Request)
}

// refusedAsVoid returns the refusal of a step that found a request void. The step commits, so
// that the request stays void, and answers this.
func refusedAsVoid(r *registry.TransitionRequest) error {
	if r != nil && r.Status == registry.RequestVoid {
		return governance.VoidError(r)
	}
	return nil
}

// executeApproved executes the approved request that the input names.
func executeApproved(ctx context.Context, tx *policies.Tx, in catalog.TransitionModelVersionInput) (core.WriteResult, error) {
	s, err := findSubject(ctx, tx, *in.Approval)
	if err != nil {
		return core.WriteResult{}, err
	}
	r := s.request
	if err := mayExecute(tx, s); err != nil {
		return core.WriteResult{}, err
	}
	if in.Model != nil || in.Version != nil || in.ID != nil {
		if id, err := catalog.VersionID(ctx, tx, in.Model, in.Version, in.ID); err != nil || id != r.VersionID {
			return core.WriteResult{}, core.FirstError(err, registry.Invalid("approval", "the request is about another version"))
		}
	}
	if err := tx.CheckTarget(s.target()); err != nil {
		return core.WriteResult{}, err
	}
	if in.To != r.To {
		return core.WriteResult{}, registry.Invalid("to", "the request is for %s", r.To)
	}
	if err := core.FirstError(governance.CheckExecutable(r, tx.Now()), core.CheckRevision(in.IfRevision, s.versionNode.Revision)); err != nil {
		return core.WriteResult{}, err
	}
	if void, err := s.voidIfChanged(ctx, tx); void || err != nil {
		return core.WriteResult{IDs: []registry.ID{r.VersionID, r.ID}, Created: true, Changed: true}, err
	}
	tally, needed, err := s.count(ctx, tx)
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := tally.Check(needed); err != nil {
		return core.WriteResult{}, err
	}
	if err := s.execute(ctx, tx, tally); err != nil {
		return core.WriteResult{}, err
	}
	return core.WriteResult{IDs: []registry.ID{r.VersionID, r.TransitionID}, Created: true, Changed: true}, s.put(ctx, tx)
}
