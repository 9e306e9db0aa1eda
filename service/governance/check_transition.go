package governance

import (
	"context"
	"fmt"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/gates"
)

// CheckTransitionInput selects a version, by Model and Version or by ID, and the stage to try.
type CheckTransitionInput struct {
	Model   *string
	Version *string
	ID      *registry.ID
	To      registry.Stage
}

// BlockerKind says what stands in the way of a transition.
type BlockerKind string

// The kinds of blockers.
const (
	BlockedByLifecycle  BlockerKind = "LIFECYCLE"
	BlockedByPermission BlockerKind = "PERMISSION"
	BlockedByApprovals  BlockerKind = "APPROVALS"
	BlockedByVoid       BlockerKind = "VOID"
	BlockedBySignature  BlockerKind = "SIGNATURE"
	BlockedByRecall     BlockerKind = "RECALL"
	BlockedByGate       BlockerKind = "GATE"
)

// TransitionBlocker is one thing that stands in the way of a transition.
type TransitionBlocker struct {
	Kind BlockerKind
	Text string
}

// TransitionCheck says what the caller would meet who called for a transition now.
type TransitionCheck struct {
	// Allowed is true when nothing stands in the way: the version would move at once.
	Allowed  bool
	Blockers []*TransitionBlocker
	// MakesRequest is true when the call would make a request instead.
	MakesRequest bool
	// Needed and Counted are the approvals that are needed, and that count so far.
	Needed, Counted int
	// Gates are what the gates say that hold for the transition.
	Gates []*gates.GateResult
	// Request is the open request for this transition, Incumbent the version that would be
	// moved to DEPRECATED; nil when there is none that the caller sees.
	Request   *registry.TransitionRequest
	Incumbent *registry.ModelVersion

	rule    governance.Rule
	counted int // also for who may not see how many count
}

func (c *TransitionCheck) block(kind BlockerKind, text string) {
	c.Blockers = append(c.Blockers, &TransitionBlocker{kind, text})
}

// CheckTransition tells what would stand in the way of a transition, without doing it.
func (g *Governance) CheckTransition(ctx context.Context, in CheckTransitionInput) (*TransitionCheck, error) {
	out := &TransitionCheck{Blockers: []*TransitionBlocker{}, Gates: []*gates.GateResult{}}
	var request, incumbent registry.ID
	err := g.core.Gate.Inspect(g.core.KnowTrust(ctx), registry.CatalogRead, func(ctx context.Context, tx *policies.Tx) error {
		v, n, err := catalog.FindVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return err
		}
		if err := registry.CheckTransition(v.Stage, in.To, false); err != nil {
			if registry.CodeOf(err) == registry.InvalidArgument {
				return err
			}
			out.block(BlockedByLifecycle, err.Error())
		}
		if incumbent, err = incumbentOf(ctx, tx, v, in.To); err != nil {
			return err
		}
		if request, err = out.checkApprovals(ctx, tx, v, n, in.To); err != nil {
			return err
		}
		return out.askGates(ctx, tx, v, in.To)
	})
	if err != nil {
		return nil, err
	}
	out.Allowed = len(out.Blockers) == 0
	ids := []registry.ID{request, incumbent}
	nouns, err := g.core.Nodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	out.Request, _ = nouns[0].(*registry.TransitionRequest)
	out.Incumbent, _ = nouns[1].(*registry.ModelVersion)
	return out, nil
}

// incumbentOf returns the version that a promotion would demote, "" when there is none.
func incumbentOf(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, to registry.Stage) (registry.ID, error) {
	if to != registry.Production {
		return "", nil
	}
	n, err := tx.SlotHolder(ctx, registry.ProductionSlot(v.Parent))
	if err != nil || n == nil || n.ID == v.ID {
		return "", err
	}
	return n.ID, nil
}

// checkApprovals adds what permission and guard demand, and returns the open request.
func (c *TransitionCheck) checkApprovals(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, to registry.Stage) (registry.ID, error) {
	rule, err := catalog.GuardRule(ctx, tx, v.Parent)
	if err != nil {
		return "", err
	}
	c.rule = rule
	if err := catalog.CheckNotRetiredOnly(v, to, rule); err != nil {
		c.block(BlockedByLifecycle, err.Error())
	}
	if err := catalog.CheckSigned(ctx, tx, v, to, rule); registry.CodeOf(err) == registry.FailedPrecondition {
		c.block(BlockedBySignature, err.Error())
	} else if err != nil {
		return "", err
	}
	if err := catalog.CheckNotRecalled(ctx, tx, v, to); registry.CodeOf(err) == registry.FailedPrecondition {
		c.block(BlockedByRecall, err.Error())
	} else if err != nil {
		return "", err
	}
	target := policies.Target{Model: v.Parent, Stage: to}
	may := tx.MayOn(registry.TransitionDo, target)
	if !rule.Covers(to) {
		if !may {
			c.block(BlockedByPermission, mayNotMove(v, to).Error())
		}
		return "", nil
	}
	mayAsk := may || tx.MayOn(registry.TransitionRequestDo, target)
	if !mayAsk {
		c.block(BlockedByPermission, fmt.Sprintf("you may do neither %s nor %s here; ask an administrator", registry.TransitionDo, registry.TransitionRequestDo))
	}
	c.Needed = rule.Needed
	holder, err := tx.SlotHolder(ctx, registry.TransitionRequestSlot(v.ID, to))
	if err != nil {
		return "", err
	}
	r := &registry.TransitionRequest{}
	if holder != nil {
		if r, err = core.DecodeWhole(holder, r); err != nil {
			return "", err
		}
	}
	if holder == nil || r.StatusAt(tx.Now()) == registry.RequestExpired {
		c.MakesRequest = mayAsk && len(c.Blockers) == 0
		c.block(BlockedByApprovals, fmt.Sprintf("approvals that it needs: %d; no request stands", c.Needed))
		return "", nil
	}
	return r.ID, c.checkRequest(ctx, tx, &subject{request: r, version: v, versionNode: n, rule: rule})
}

// askGates adds what the gates say. A gate that would refuse the request stands in its way too.
func (c *TransitionCheck) askGates(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, to registry.Stage) error {
	found, err := catalog.AskGates(ctx, tx, v, to, c.rule, &c.counted, false)
	if err != nil {
		return err
	}
	for _, r := range found {
		c.Gates = append(c.Gates, r)
		if r.Refuses {
			c.block(BlockedByGate, r.Text())
		}
	}
	if c.MakesRequest {
		if err := catalog.CheckGatesOfRequest(ctx, tx, v, to, c.rule); registry.CodeOf(err) == registry.FailedPrecondition {
			c.MakesRequest = false
		} else if err != nil {
			return err
		}
	}
	return nil
}

// checkRequest adds what stands in the way of an open request.
func (c *TransitionCheck) checkRequest(ctx context.Context, tx *policies.Tx, s *subject) error {
	now, err := stateOf(ctx, tx, s.versionNode)
	if err != nil {
		return err
	}
	mask, err := tx.Mask(ctx, s.request.ID)
	if err != nil {
		return err
	}
	var changes []string
	if s.request.Evidence != nil {
		changes = governance.Changes(*s.request.Evidence, now)
	}
	if len(changes) > 0 && !mask.Has(registry.Bit("TransitionRequest", "voidBecause")) {
		changes = []string{"what was requested changed since"}
	}
	for _, change := range changes {
		c.block(BlockedByVoid, change)
	}
	tally, needed, err := s.count(ctx, tx)
	if err != nil {
		return err
	}
	c.Needed, c.counted = needed, len(tally.Counted)
	if mask.Has(registry.Bit("TransitionRequest", "approvals")) {
		c.Counted = len(tally.Counted)
	}
	if len(tally.Counted) < needed {
		c.block(BlockedByApprovals, fmt.Sprintf("approvals that it needs: %d; not as many count yet", needed))
	} else {
		c.block(BlockedByApprovals, "it is approved: execute the request with approval")
	}
	return nil
}
