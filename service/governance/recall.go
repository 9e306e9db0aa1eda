package governance

import (
	"context"
	"slices"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RecallInput says what is bad, and why.
type RecallInput struct {
	Nodes          []registry.ID           `json:"nodes"`
	Reason         string                  `json:"reason"`
	Severity       registry.RecallSeverity `json:"severity"`
	Links          []string                `json:"links,omitzero"`
	FixedBy        []registry.ID           `json:"fixedBy,omitzero"`
	IdempotencyKey *string                 `json:"-"`
}

// RecallPayload has a recall after a mutation.
type RecallPayload struct{ Recall *registry.Recall }

func (in *RecallInput) check() error {
	if len(in.Nodes) == 0 || len(in.Nodes) > registry.MaxRecalledNodes || len(in.FixedBy) > registry.MaxRecalledNodes {
		return registry.Invalid("nodes", "must be 1 to %d ids, and fixedBy at most as many", registry.MaxRecalledNodes)
	}
	if len(in.Links) > registry.MaxRecallLinks {
		return registry.Invalid("links", "must be at most %d links", registry.MaxRecallLinks)
	}
	if err := core.CheckText("reason", &in.Reason); err != nil {
		return err
	}
	if in.Reason == "" {
		return registry.Invalid("reason", "must say what is wrong")
	}
	if !slices.Contains(registry.RecallSeverities(), in.Severity) {
		return registry.Invalid("severity", "%q is not one of %v", in.Severity, registry.RecallSeverities())
	}
	for i := range in.Links {
		if err := core.FirstError(core.CheckRequiredKey("links", &in.Links[i]), core.CheckLabel("links", in.Links[i])); err != nil {
			return err
		}
	}
	return in.checkNodes()
}

func (in *RecallInput) checkNodes() error {
	commits := false
	for i, id := range in.Nodes {
		if !id.Kind().Recallable() {
			return registry.Invalid("nodes", "%s is no dataset version, commit, feature, run or model version", registry.Shorten(string(id), 60))
		}
		if slices.Contains(in.Nodes[:i], id) {
			return registry.Invalid("nodes", "%s is given twice", id)
		}
		commits = commits || id.Kind() == registry.KindCommit
	}
	for i, id := range in.FixedBy {
		switch {
		case id.Kind() != registry.KindCommit:
			return registry.Invalid("fixedBy", "%s is no commit", registry.Shorten(string(id), 60))
		case slices.Contains(in.FixedBy[:i], id) || slices.Contains(in.Nodes, id):
			return registry.Invalid("fixedBy", "%s is given twice", id)
		case !commits:
			return registry.Invalid("fixedBy", "is for recalls of commits")
		}
	}
	return nil
}

// Recall marks nodes as bad, and so everything that descends from them, from this log sequence on.
// It writes one node, whatever descends.
func (g *Governance) Recall(ctx context.Context, in RecallInput) (*RecallPayload, error) {
	if _, err := g.core.Gate.Read(ctx, registry.RecallWrite); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	return g.writeRecall(ctx, registry.RecallWrite, core.Idempotent("recall", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (registry.ID, error) {
		named := slices.Concat(in.Nodes, in.FixedBy)
		nodes, err := tx.Nodes(ctx, named...)
		if err != nil {
			return "", err
		}
		for i, n := range nodes {
			if n == nil {
				return "", registry.Errorf(registry.NotFound, "there is no node %s", registry.Shorten(string(named[i]), 60))
			}
		}
		number, err := nextRecallNumber(ctx, tx)
		if err != nil {
			return "", err
		}
		r := &registry.Recall{Number: number, Nodes: in.Nodes, Reason: in.Reason, Severity: in.Severity, Links: in.Links, FixedBy: in.FixedBy, State: registry.RecallOpen,
			RecalledBy: tx.Subject(), RecalledAt: tx.Now()}
		r.ID, r.ValidFrom = registry.RecallID(number), tx.Now()
		err = logRecall(ctx, tx, r, registry.LogRecalled, in.Reason, in.Nodes...)
		if err != nil {
			return "", err
		}
		r.Seq, _ = tx.LastLogged()
		return r.ID, putRecall(ctx, tx, r)
	})
}

// nextRecallNumber returns the number of the next recall: FAILED_PRECONDITION when too many are
// open.
func nextRecallNumber(ctx context.Context, tx *policies.Tx) (int, error) {
	open, err := tx.RecallReader().Open(ctx, graph.Instant{})
	if err != nil {
		return 0, err
	}
	if len(open) >= registry.MaxOpenRecalls {
		return 0, registry.Errorf(registry.FailedPrecondition, "%d recalls are open; clear those that are over first", len(open))
	}
	last, err := tx.FindUnfiltered(ctx, graph.Query{Kinds: []registry.Kind{registry.KindRecall}, Order: registry.IndexNumber, Desc: true, Limit: 1, Bare: true})
	if err != nil || len(last.Nodes) == 0 {
		return 1, err
	}
	return int(last.Nodes[0].Int(registry.IndexNumber)) + 1, nil
}

func putRecall(ctx context.Context, tx *policies.Tx, r *registry.Recall) error {
	n, err := core.EncodeNode(r, core.OrdinalName(r.Number), tx.Now())
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

func logRecall(ctx context.Context, tx *policies.Tx, r *registry.Recall, action registry.LogAction, reason string, also ...registry.ID) error {
	return tx.Log(ctx, registry.LogEntry{Action: action, Objects: append([]registry.ID{r.ID}, also...), Reason: reason,
		Detail: core.LogDetail("number", r.Number, "severity", string(r.Severity), "nodes", len(r.Nodes))})
}

// writeRecall writes a recall and reads it back.
func (g *Governance) writeRecall(ctx context.Context, action registry.Action, idem core.IdempotentCall, fn func(context.Context, *policies.Tx) (registry.ID, error)) (*RecallPayload, error) {
	result, err := g.core.Write(ctx, action, idem, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		id, err := fn(ctx, tx)
		return core.WriteResult{IDs: []registry.ID{id}, Created: true, Changed: true}, err
	})
	if err != nil {
		return nil, err
	}
	r, err := core.NounAs[*registry.Recall](g.core.ReadBack(ctx, result, result.IDs[0]))
	return &RecallPayload{r}, err
}

// findRecall finds a recall: NOT_FOUND when the caller does not see it.
func findRecall(ctx context.Context, tx *policies.Tx, id registry.ID) (*registry.Recall, error) {
	nodes, err := tx.Nodes(ctx, id)
	if err != nil {
		return nil, err
	}
	if nodes[0] == nil || nodes[0].Kind != registry.KindRecall {
		return nil, registry.Errorf(registry.NotFound, "there is no recall %q; list them with recalls", registry.Shorten(string(id), 100))
	}
	return core.DecodeWhole(nodes[0], &registry.Recall{})
}

// ClearRecallInput names a recall to clear, and says why.
type ClearRecallInput struct {
	ID             registry.ID `json:"id"`
	Reason         string      `json:"reason"`
	IdempotencyKey *string     `json:"-"`
}

// ClearRecall asks for a recall to be cleared. It stands until a second person agrees.
func (g *Governance) ClearRecall(ctx context.Context, in ClearRecallInput) (*RecallPayload, error) {
	if err := core.CheckText("reason", &in.Reason); err != nil {
		return nil, err
	}
	if in.Reason == "" {
		return nil, registry.Invalid("reason", "must say why the recall is over")
	}
	return g.writeRecall(ctx, registry.RecallWrite, core.Idempotent("clearRecall", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (registry.ID, error) {
		r, err := findRecall(ctx, tx, in.ID)
		if err != nil {
			return "", err
		}
		if err := governance.CheckClearingAskable(r); err != nil {
			return "", err
		}
		r.Clearing = &registry.RecallClearing{AskedBy: tx.Subject(), AskedAt: tx.Now(), Reason: in.Reason}
		if err := putRecall(ctx, tx, r); err != nil {
			return "", err
		}
		return r.ID, logRecall(ctx, tx, r, registry.LogRecallClearingAsked, in.Reason)
	})
}

// DecideRecallClearingInput decides on a request to clear a recall. A nil Approve agrees.
type DecideRecallClearingInput struct {
	ID             registry.ID `json:"id"`
	Approve        *bool       `json:"approve,omitzero"`
	Comment        string      `json:"comment,omitzero"`
	IdempotencyKey *string     `json:"-"`
}

// DecideRecallClearing clears a recall as the second person, or denies the request: then the recall
// stands, and anybody may ask again.
func (g *Governance) DecideRecallClearing(ctx context.Context, in DecideRecallClearingInput) (*RecallPayload, error) {
	if err := core.CheckText("comment", &in.Comment); err != nil {
		return nil, err
	}
	return g.writeRecall(ctx, registry.RecallClear, core.Idempotent("decideRecallClearing", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (registry.ID, error) {
		r, err := findRecall(ctx, tx, in.ID)
		if err != nil {
			return "", err
		}
		if err := governance.CheckClearingDecider(r, tx.Subject()); err != nil {
			return "", err
		}
		action := registry.LogRecallClearingDenied
		if in.Approve == nil || *in.Approve {
			action = registry.LogRecallCleared
		}
		if err := logRecall(ctx, tx, r, action, in.Comment); err != nil {
			return "", err
		}
		r.Comment = in.Comment
		if action == registry.LogRecallCleared {
			r.State, r.ClearedBy, r.ClearedAt, r.ValidTo = registry.RecallCleared, tx.Subject(), tx.Now(), tx.Now()
			r.ClearedSeq, _ = tx.LastLogged()
		} else {
			r.Clearing = nil
		}
		return r.ID, putRecall(ctx, tx, r)
	})
}

// ResolveRecallDeploymentInput says how a deployment of something recalled was dealt with.
type ResolveRecallDeploymentInput struct {
	Recall         registry.ID             `json:"recall"`
	Deployment     registry.ID             `json:"deployment"`
	Handling       registry.RecallHandling `json:"handling"`
	Reason         string                  `json:"reason,omitzero"`
	IdempotencyKey *string                 `json:"-"`
}

// RecallResolutionPayload has how a deployment was dealt with.
type RecallResolutionPayload struct{ Resolution *registry.RecallResolution }

// ResolveRecallDeployment says how a deployment that stands under an open recall was dealt with.
// Saying it again replaces what was said.
func (g *Governance) ResolveRecallDeployment(ctx context.Context, in ResolveRecallDeploymentInput) (*RecallResolutionPayload, error) {
	if err := core.CheckText("reason", &in.Reason); err != nil {
		return nil, err
	}
	result, err := g.core.Write(ctx, registry.RecallResolve, core.Idempotent("resolveRecallDeployment", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		r, err := findRecall(ctx, tx, in.Recall)
		if err == nil {
			err = governance.CheckRecallOpen(r)
		}
		if err != nil {
			return core.WriteResult{}, err
		}
		d, model, err := affectedDeployment(ctx, tx, r, in.Deployment)
		if err == nil {
			err = core.FirstError(checkMay(tx, registry.RecallResolve, model), governance.CheckHandling(in.Handling, d.EndedAt.IsZero(), in.Reason))
		}
		if err != nil {
			return core.WriteResult{}, err
		}
		res := &registry.RecallResolution{RecallID: r.ID, DeploymentID: d.ID, VersionID: d.VersionID, Handling: in.Handling, Reason: in.Reason, ResolvedBy: tx.Subject(), ResolvedAt: tx.Now()}
		res.ID, res.Parent, res.ValidFrom = registry.RecallResolutionID(r.ID, d.ID), r.ID, tx.Now()
		n, err := core.EncodeNode(res, string(d.ID), tx.Now())
		if err == nil {
			err = tx.Put(ctx, n)
		}
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{res.ID}, Created: true, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogRecallResolved,
			Objects: []registry.ID{res.ID, r.ID, d.ID}, Model: model, Reason: in.Reason, Detail: core.LogDetail("handling", string(in.Handling), "number", r.Number)})
	})
	if err != nil {
		return nil, err
	}
	res, err := core.NounAs[*registry.RecallResolution](g.core.ReadBack(ctx, result, result.IDs[0]))
	return &RecallResolutionPayload{res}, err
}

// affectedDeployment finds a deployment that stands under a recall, and the model it is of.
func affectedDeployment(ctx context.Context, tx *policies.Tx, r *registry.Recall, id registry.ID) (*registry.Deployment, registry.ID, error) {
	nodes, err := tx.Nodes(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if nodes[0] == nil || nodes[0].Kind != registry.KindDeployment {
		return nil, "", registry.Errorf(registry.NotFound, "there is no deployment %q", registry.Shorten(string(id), 100))
	}
	d, err := core.DecodeWhole(nodes[0], &registry.Deployment{})
	if err != nil {
		return nil, "", err
	}
	marks, err := lineage.MarkRecalled(ctx, tx.RecallReader(), graph.Instant{}, []*registry.Recall{r}, []registry.ID{d.ID}, lineage.RecallPromotionBounds)
	if err != nil {
		return nil, "", err
	}
	if marks.State(d.ID) == registry.NotRecalled {
		return nil, "", registry.Errorf(registry.FailedPrecondition, "recall %d does not concern this deployment", r.Number)
	}
	versions, err := tx.NodesUnfiltered(ctx, d.VersionID)
	if err != nil || versions[0] == nil {
		return d, "", err
	}
	return d, versions[0].Parent, nil
}
