package provenance

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// AffectedConnection is one page of the deployments that a recall concerns.
type AffectedConnection struct {
	Edges      []*AffectedEdge
	PageInfo   core.PageInfo
	Truncation Truncation
	impact     *ImpactConnection
}

// AffectedEdge is a deployment that a recall concerns, with one shortest path to it. Resolution is nil
// while nobody has said how it was dealt with.
type AffectedEdge struct {
	*ImpactEdge
	Resolution *registry.RecallResolution
}

// Counts counts all deployments that the recall concerns, by environment.
func (c *AffectedConnection) Counts(ctx context.Context) (*ImpactCounts, error) {
	return c.impact.Counts(ctx)
}

// recallScope narrows an impact to what stands under a recall.
type recallScope struct {
	recall *registry.Recall
	// since keeps deployments that ended at that time or later; zero keeps all.
	since time.Time
	// fixed are the commits that the recall does not reach.
	fixed map[registry.ID]bool
	// batch is how many rows a page of a stream has; 0 for what the caller asks for.
	batch int
	// reasons are why deployments may be missing, or fixed ones among the answer.
	reasons []lineage.Reason
}

// tell adds the reasons to those of the walk.
func (s *recallScope) tell(t Truncation) Truncation {
	for _, reason := range s.reasons {
		if t.Truncated = true; !slices.Contains(t.Reasons, reason) {
			t.Reasons = append(t.Reasons, reason)
		}
	}
	return t
}

// affectedBatch is how many rows of a stream are read at once: each batch walks from the start.
const affectedBatch = 5000

// AffectedBy returns one page of the deployments that a recall concerns as of now, nearest first: the
// live ones, or with live false also those that have ended since it was recalled. It walks from
// those recalled nodes that the caller sees.
func (e *Explorer) AffectedBy(ctx context.Context, id registry.ID, live *bool, p core.Paging) (*AffectedConnection, error) {
	in, under, err := e.affectedQuestion(ctx, id, live)
	if err != nil {
		return nil, err
	}
	in.First, in.After = p.First, p.After
	return e.affectedPage(ctx, in, under)
}

// EachAffected calls emit with the deployments that a recall concerns, in the order of AffectedBy and
// at most some thousands at a time, and returns what is missing. An error of emit ends it.
func (e *Explorer) EachAffected(ctx context.Context, id registry.ID, live *bool, emit func([]*AffectedEdge) error) (*Truncation, error) {
	in, under, err := e.affectedQuestion(ctx, id, live)
	if err != nil {
		return nil, err
	}
	for under.batch = affectedBatch; ; {
		page, err := e.affectedPage(ctx, in, under)
		if err == nil && len(page.Edges) > 0 {
			err = emit(page.Edges)
		}
		if err != nil {
			return nil, err
		}
		if !page.PageInfo.HasNextPage {
			return &page.Truncation, nil
		}
		in.After = &page.PageInfo.EndCursor
	}
}

// affectedQuestion reads a recall and returns the question for the deployments that it concerns.
func (e *Explorer) affectedQuestion(ctx context.Context, id registry.ID, live *bool) (ImpactInput, *recallScope, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return ImpactInput{}, nil, err
	}
	named, err := e.core.ReadNodes(ctx, scope, []core.NodeRef{{ID: id}})
	if err != nil {
		return ImpactInput{}, nil, err
	}
	r, _ := named[0].(*registry.Recall)
	if r == nil {
		return ImpactInput{}, nil, registry.Errorf(registry.NotFound, "there is no recall %q; list them with recalls", registry.Shorten(string(id), 100))
	}
	return e.affectedInput(ctx, r, live == nil || *live)
}

// affectedPage reads one page of the deployments, with how they were dealt with.
func (e *Explorer) affectedPage(ctx context.Context, in ImpactInput, under *recallScope) (*AffectedConnection, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	out := &AffectedConnection{Edges: []*AffectedEdge{}}
	if len(in.Of) == 0 {
		out.Truncation = Truncation{Truncated: true, Reasons: []lineage.Reason{lineage.ReasonAccess}, Frontier: []registry.ID{}}
		out.impact = &ImpactConnection{totals: &impactTotals{}}
		out.impact.totals.countOnce.Do(func() {
			out.impact.totals.counted = &ImpactCounts{Environments: []*EnvironmentCount{}, Truncation: out.Truncation}
		})
		return out, nil
	}
	if out.impact, err = e.impact(ctx, in, under); err != nil {
		return nil, err
	}
	out.PageInfo, out.Truncation = out.impact.PageInfo, under.tell(out.impact.Truncation)
	refs := make([]core.NodeRef, len(out.impact.Edges))
	for i, edge := range out.impact.Edges {
		refs[i] = core.NodeRef{ID: registry.RecallResolutionID(under.recall.ID, edge.Node.NodeMeta().ID)}
	}
	found, err := e.core.ReadNodes(ctx, scope, refs)
	if err != nil {
		return nil, err
	}
	for i, edge := range out.impact.Edges {
		res, _ := found[i].(*registry.RecallResolution)
		out.Edges = append(out.Edges, &AffectedEdge{edge, res})
	}
	return out, nil
}

// affectedInput returns the question for the deployments that a recall concerns.
func (e *Explorer) affectedInput(ctx context.Context, r *registry.Recall, live bool) (ImpactInput, *recallScope, error) {
	in := ImpactInput{Targets: []registry.Kind{registry.KindDeployment}, Live: live}
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil || len(r.Nodes) == 0 {
		return in, nil, err
	}
	nodes, err := scope.Nodes(ctx, graph.Instant{}, r.Nodes...)
	if err != nil {
		return in, nil, err
	}
	under := &recallScope{recall: r}
	for _, n := range nodes {
		if n != nil && !n.Hidden {
			in.Of = append(in.Of, n.ID)
		} else {
			under.reasons = []lineage.Reason{lineage.ReasonAccess}
		}
	}
	if !live {
		under.since = r.RecalledAt
	}
	fixed, complete, err := lineage.FixedCommits(ctx, scope.RecallReader(), graph.Instant{}, r, lineage.RecallReadBounds.Commits)
	if under.fixed = fixed; !complete {
		under.reasons = append(under.reasons, lineage.ReasonNodes)
	}
	return in, under, err
}

// keeps reports whether a deployment had not ended when it was recalled.
func (s *recallScope) keeps(n *graph.Node) bool {
	return s == nil || s.since.IsZero() || n.ValidTo.IsZero() || !n.ValidTo.Before(s.since)
}

// narrow makes a walk leave out what is fixed.
func (s *recallScope) narrow(w *lineage.Impact) {
	if s != nil {
		w.Without = s.fixed
	}
}
