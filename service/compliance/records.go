package compliance

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"pedigree/compliance"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// sortLineage puts nodes and edges into a fixed order, nearest first.
func sortLineage(l *compliance.Lineage) {
	slices.SortFunc(l.Nodes, func(a, b compliance.Node) int { return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(l.Edges, func(a, b compliance.Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
	})
}

// all reads all pages of a list, up to maxItems.
func all[E any](x *reading, what string, page func(core.Paging) (*core.Connection[E], error)) (out []E, err error) {
	size := 200
	p := core.Paging{First: &size}
	for {
		c, err := page(p)
		if err != nil {
			return nil, err
		}
		out = append(out, c.Edges...)
		if !c.PageInfo.HasNextPage {
			return out, nil
		}
		if len(out) >= maxItems {
			x.facts.Cut = append(x.facts.Cut, fmt.Sprintf("%s beyond the first %d", what, maxItems))
			return out, nil
		}
		p.After = &c.PageInfo.EndCursor
	}
}

// transitions reads the changes of stage, with what gates looked at.
func (x *reading) transitions(ctx context.Context) error {
	x.facts.Transitions = []compliance.Transition{}
	if !shows(x.version, "ModelVersion", "transitions") {
		return nil
	}
	edges, err := all(x, "transitions", func(p core.Paging) (*core.Connection[*catalog.TransitionEdge], error) {
		c, err := x.Catalog.TransitionsOf(ctx, x.version, p)
		if err != nil {
			return nil, err
		}
		return &c.Connection, nil
	})
	if err != nil {
		return err
	}
	moves, gated := make([]*registry.Transition, len(edges)), make([]*registry.Transition, len(edges))
	for i, e := range edges {
		x.sees(e.Node, "Transition")
		moves[i], gated[i] = e.Node, &registry.Transition{Meta: e.Node.Meta}
		if shows(e.Node, "Transition", "gates") {
			gated[i].Gates = e.Node.Gates
		}
	}
	seen, err := x.Gates.SeenBy(ctx, gated)
	if err != nil {
		return err
	}
	for i, t := range moves {
		x.facts.Transitions = append(x.facts.Transitions, compliance.Transition{ID: t.ID, From: t.From, To: t.To, At: t.At, By: t.By, Reason: t.Reason, Approval: t.Approval,
			Forced: t.Forced, Gates: gatesOf(gated[i], seen[i])})
	}
	slices.SortStableFunc(x.facts.Transitions, func(a, b compliance.Transition) int { return a.At.Compare(b.At) })
	return nil
}

// gatesOf tells what gates said of a transition, and what they looked at.
func gatesOf(t *registry.Transition, seen []*gates.GateResult) (out []compliance.Gate) {
	for i, said := range t.Gates {
		g := compliance.Gate{Name: said.Name, Revision: said.Revision, Mode: said.Mode, Answer: said.Answer, Message: said.Message, ReadAgain: seen[i] != nil}
		if seen[i] != nil {
			g.More = seen[i].More
			for _, fact := range seen[i].Saw {
				g.Saw = append(g.Saw, gateFact(fact))
			}
		}
		out = append(out, g)
	}
	return out
}

func gateFact(f *gates.GateFact) compliance.GateFact {
	out := compliance.GateFact{Path: f.Path, State: string(f.State), Name: f.Name, Value: f.Value}
	if f.Node != nil {
		out.Node = *f.Node
	}
	return out
}

// requests reads the requests for transitions, and who approved them.
func (x *reading) requests(ctx context.Context) error {
	x.facts.Requests = []compliance.Request{}
	if !shows(x.version, "ModelVersion", "transitionRequests") {
		x.hidden["transitionRequests"] = true
		return nil
	}
	edges, err := all(x, "requests", func(p core.Paging) (*core.Connection[*governance.RequestEdge], error) {
		c, err := x.Governance.RequestsOfVersion(ctx, x.version, p)
		if err != nil {
			return nil, err
		}
		return &c.Connection, nil
	})
	if err != nil {
		return x.forbidden("transitionRequests", err)
	}
	for _, e := range edges {
		r := e.Node
		x.sees(r, "TransitionRequest")
		out := compliance.Request{ID: r.ID, From: r.From, To: r.To, Status: r.Status, RequestedBy: r.RequestedBy, RequestedAt: r.RequestedAt, Reason: r.Reason, Needed: r.Needed,
			ClosedBy: r.ClosedBy, ClosedAt: r.ClosedAt, Comment: r.Comment}
		for _, a := range r.Approvals {
			out.Approvals = append(out.Approvals, compliance.Approval{By: a.By, At: a.At, Comment: a.Comment})
		}
		if v := r.Evidence; v != nil {
			out.VersionRevision, out.CardRevision, out.UpstreamDigest, out.Links = v.VersionRevision, v.CardRevision, v.UpstreamDigest, v.Links
		}
		x.facts.Requests = append(x.facts.Requests, out)
	}
	return nil
}

// reviews reads the reviews of the model.
func (x *reading) reviews(ctx context.Context) error {
	x.facts.Reviews = []compliance.Review{}
	if x.model == nil || !shows(x.model, "Model", "reviews") {
		x.hidden["Model.reviews"] = true
		return nil
	}
	edges, err := all(x, "reviews", func(p core.Paging) (*core.Connection[*governance.ReviewEdge], error) {
		c, err := x.Governance.ReviewsOf(ctx, x.model, p)
		if err != nil {
			return nil, err
		}
		return &c.Connection, nil
	})
	if err != nil {
		return x.forbidden("Model.reviews", err)
	}
	for _, e := range edges {
		r := e.Node
		x.sees(r, "Review")
		out := compliance.Review{ID: r.ID, By: r.By, At: r.At, Decision: r.Decision, Findings: r.Findings, NextReview: r.NextReview}
		v, err := x.Governance.VersionOfReview(ctx, r)
		if err != nil {
			return err
		}
		if v != nil { // Not one that the caller does not see.
			out.Version = v.Version
		}
		x.facts.Reviews = append(x.facts.Reviews, out)
	}
	return nil
}

// recalls reads the recalls of anything in the lineage, also those that are cleared.
func (x *reading) recalls(ctx context.Context) error {
	x.facts.Recalls = []compliance.Recall{}
	ids := []registry.ID{x.version.ID}
	for _, n := range x.facts.Lineage.Nodes {
		if !n.Restricted && n.ID != x.version.ID {
			ids = append(ids, n.ID)
		}
	}
	// A recall of a commit may reach the version from behind what is in the lineage.
	under, err := x.Governance.RecallsOf(ctx, x.version)
	if err != nil {
		return err
	}
	found, more, err := x.Governance.RecallsNaming(ctx, x.version.ReadAt, maxItems, ids, under)
	if err != nil {
		return x.forbidden("recalls", err)
	}
	if more {
		x.facts.Cut = append(x.facts.Cut, fmt.Sprintf("recalls beyond the first %d", maxItems))
	}
	for _, r := range found {
		x.sees(r, "Recall")
		if !shows(r, "Recall", "nodes") {
			continue
		}
		nodes, err := x.Governance.NodesOfRecall(ctx, r)
		if err != nil {
			return err
		}
		out := compliance.Recall{ID: r.ID, Number: r.Number, State: r.State, Severity: r.Severity, Reason: r.Reason, Links: r.Links, RecalledBy: r.RecalledBy, RecalledAt: r.RecalledAt,
			ClearedBy: r.ClearedBy, ClearedAt: r.ClearedAt, Comment: r.Comment}
		for _, n := range nodes {
			if n != nil {
				out.Nodes = append(out.Nodes, n.NodeMeta().ID)
			}
		}
		x.facts.Recalls = append(x.facts.Recalls, out)
	}
	return nil
}
