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

// createRequest writes a request for a transition into a guarded stage and returns its id.
func createRequest(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, in catalog.TransitionModelVersionInput, rule governance.Rule) (registry.ID, error) {
	switch {
	case in.Force:
		return "", registry.Errorf(registry.FailedPrecondition, "transitions to %s need an approval here, and force does not replace it; leave out force", in.To)
	case !in.At.IsZero():
		return "", registry.Invalid("at", "a transition to %s needs an approval here and happens when it is executed; leave out at", in.To)
	}
	if err := core.FirstError(core.CheckRevision(in.IfRevision, n.Revision), registry.CheckTransition(v.Stage, in.To, false)); err != nil {
		return "", err
	}
	if err := catalog.CheckNotRetiredOnly(v, in.To, rule); err != nil && in.Execute != registry.ExecuteLater {
		return "", registry.Errorf(registry.FailedPrecondition, "this version goes to ARCHIVED by retireModelVersion, with an approved request; request it with execute LATER")
	}
	if err := freeSlot(ctx, tx, v, in.To); err != nil {
		return "", err
	}
	ordinal, err := core.NextOrdinal(ctx, tx, registry.KindTransitionRequest, v.ID)
	if err != nil {
		return "", err
	}
	evidence, err := stateOf(ctx, tx, n)
	if err != nil {
		return "", err
	}
	if in.Evidence != nil {
		evidence.Links, evidence.Metrics = in.Evidence.Links, in.Evidence.Metrics
	}
	r := &registry.TransitionRequest{VersionID: v.ID, OfModel: v.Parent, ModelName: v.ModelName, Version: v.Version, From: v.Stage, To: in.To,
		Status: registry.RequestPending, RequestedBy: tx.Subject(), RequestedAt: tx.Now(), Registrant: v.Creator, Reason: in.Reason, Evidence: &evidence,
		Execute: in.Execute, Needed: rule.Needed, Approvers: rule.Approvers, ExpiresAt: tx.Now().Add(rule.Expiry), Ordinal: ordinal}
	if r.Execute == "" {
		r.Execute = registry.ExecuteAtOnce
	}
	r.ID, r.Parent, r.ValidFrom = registry.TransitionRequestID(v.ID, ordinal), v.ID, tx.Now()
	if err := putRequest(ctx, tx, r); err != nil {
		return "", err
	}
	return r.ID, tx.Log(ctx, registry.LogEntry{Action: registry.LogRequested, Objects: []registry.ID{r.ID, v.ID}, Model: v.Parent, Reason: in.Reason,
		Detail: core.LogDetail("version", v.Version, "from", r.From, "to", r.To, "needed", r.Needed, "execute", r.Execute, "upstreamDigest", evidence.UpstreamDigest)})
}

// freeSlot makes room for a new request: one that is open for the same version and stage is
// ALREADY_EXISTS, one that has expired is closed.
func freeSlot(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, to registry.Stage) error {
	holder, err := tx.SlotHolder(ctx, registry.TransitionRequestSlot(v.ID, to))
	if err != nil || holder == nil {
		return err
	}
	old, err := core.DecodeWhole(holder, &registry.TransitionRequest{})
	if err != nil {
		return err
	}
	if old.StatusAt(tx.Now()) != registry.RequestExpired {
		e := registry.Errorf(registry.AlreadyExists, "a request to move %s %s to %s stands already: %s", registry.Shorten(v.ModelName, 100), v.Version, to, old.ID)
		e.Details = map[string]any{"request": old.ID}
		return e
	}
	old.Status, old.ClosedAt = registry.RequestExpired, old.ExpiresAt
	return putRequest(ctx, tx, old)
}

// putRequest writes a request. An open one holds the slot of its version and stage.
func putRequest(ctx context.Context, tx *policies.Tx, r *registry.TransitionRequest) error {
	var slots []string
	if r.Open() {
		slots = append(slots, registry.TransitionRequestSlot(r.VersionID, r.To))
	}
	n, err := core.EncodeNode(r, core.OrdinalName(r.Ordinal), tx.Now(), slots...)
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// stateOf returns the state of a version that a request is bound to: its revision, that of its
// card, and the digest of what it was made from. The history of commits is left out: the sha of
// a commit stands for it.
func stateOf(ctx context.Context, tx *policies.Tx, version *graph.Node) (registry.TransitionEvidence, error) {
	cards, err := tx.NodesUnfiltered(ctx, registry.CardID(version.ID))
	if err != nil {
		return registry.TransitionEvidence{}, err
	}
	var edges []registry.EdgeKind
	for _, k := range registry.EdgeKinds() {
		if k != registry.EdgeParent {
			edges = append(edges, k)
		}
	}
	c, err := tx.ClosureUnfiltered(ctx, graph.ClosureQuery{Roots: []registry.ID{version.ID}, Direction: graph.Upstream, Edges: edges, Depth: governance.UpstreamDepth,
		Fanout: governance.UpstreamNodes, Limit: governance.UpstreamNodes})
	if err != nil {
		return registry.TransitionEvidence{}, err
	}
	if c.TimedOut {
		return registry.TransitionEvidence{}, registry.Errorf(registry.Unavailable, "it takes too long to read what the version was made from; try again")
	}
	var nodes []registry.UpstreamNode
	for _, n := range c.Nodes {
		if n.Node.ID == version.ID {
			continue // Its own revision is compared.
		}
		digest, err := digestOf(n.Node)
		if err != nil {
			return registry.TransitionEvidence{}, err
		}
		nodes = append(nodes, registry.UpstreamNode{ID: n.Node.ID, Kind: n.Node.Kind, Digest: digest})
	}
	links := make([]governance.UpstreamLink, len(c.Edges))
	for i, e := range c.Edges {
		links[i] = governance.UpstreamLink{Kind: e.Kind, From: e.From, To: e.To}
	}
	out := governance.Snapshot(nodes, links, c.LimitReached || len(c.OverFanout) > 0 || len(c.CutAtDepth) > 0)
	out.VersionRevision = int(version.Revision)
	if cards[0] != nil {
		out.CardRevision = int(cards[0].Revision)
	}
	return out, nil
}

// digestOf returns the digest of the content that a node stands for, "" for one without.
func digestOf(n *graph.Node) (string, error) {
	if n.Deleted {
		return "deleted", nil
	}
	switch n.Kind {
	case registry.KindDatasetVersion:
		d, err := core.DecodeWhole(n, &registry.DatasetVersion{})
		return d.Digest, err
	case registry.KindCommit:
		c, err := core.DecodeWhole(n, &registry.Commit{})
		return c.SHA, err
	}
	return "", nil
}
