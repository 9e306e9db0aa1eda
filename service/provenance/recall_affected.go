package provenance

import (
	"context"
	"slices"
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
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

// affectedBatch is how many rows of a stream are read and handed out at once.
const affectedBatch = 1000

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
// at most some thousands at a time, and returns what is missing. One walk finds them all, in the state
// that the registry had when it began. An error of emit ends it.
func (e *Explorer) EachAffected(ctx context.Context, id registry.ID, live *bool, emit func([]*AffectedEdge) error) (*Truncation, error) {
	in, under, err := e.affectedQuestion(ctx, id, live)
	if err != nil {
		return nil, err
	}
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	if len(in.Of) == 0 {
		return &Truncation{Truncated: true, Reasons: []lineage.Reason{lineage.ReasonAccess}, Frontier: []registry.ID{}}, nil
	}
	at, err := e.core.ResolvePinned(ctx, scope, in.AsOf, in.KnownAt)
	if err != nil {
		return nil, err
	}
	select {
	case e.streams <- struct{}{}:
		defer func() { <-e.streams }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s := &affectedStream{impactPage{view: &view{explorer: e, ctx: ctx, scope: scope, at: at, under: under}, in: in, start: impactPageStart{At: at}, size: affectedBatch}, emit}
	return s.run()
}

// affectedStream is one walk that hands out its rows while it goes on. The page belongs to who hands
// out, and not to the walk.
type affectedStream struct {
	impactPage
	emit func([]*AffectedEdge) error
}

func (s *affectedStream) run() (*Truncation, error) {
	w, err := lineage.NewImpact(s.ctx, s.scope, s.in.Of, s.in.Targets, s.at.StoreInstant())
	if err != nil {
		return nil, err
	}
	w.Budgets, w.DocumentsOfFew, w.Light = lineage.StreamBudgets, true, true
	s.under.narrow(w)
	give, end := s.handOut(w)
	defer end()
	var rows []lineage.Descendant
	_, _, err = w.Rows(s.ctx, lineage.RowPosition{}, false, s.size, func(d lineage.Descendant) bool {
		if s.in.Live && !s.isLive(d.Node) || !s.under.keeps(d.Node) {
			return true
		}
		if rows = append(rows, d); len(rows) < s.size {
			return true
		}
		more := give(rows)
		rows = make([]lineage.Descendant, 0, s.size)
		return more
	})
	if err == nil {
		give(rows)
	}
	if err = core.FirstError(end(), err); err != nil {
		return nil, err
	}
	s.registerHidden(w.Hidden()...)
	missing := s.under.tell(s.truncation(w.Truncation()))
	return &missing, nil
}

// handOut begins to hand out rows beside the walk, which goes on meanwhile. give takes the next rows
// and returns whether more are wanted: it waits while others are handed out. end waits until all
// are handed out, and returns what went wrong; nothing is handed out after it. A panic of emit is one
// of end, so that it ends the request and not the server.
func (s *affectedStream) handOut(w *lineage.Impact) (give func([]lineage.Descendant) bool, end func() error) {
	batches, done := make(chan []lineage.Descendant), make(chan struct{})
	var failed error
	var panicked any
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		for s.rows = range batches {
			if failed = s.flush(w); failed != nil {
				return
			}
		}
	}()
	give = func(rows []lineage.Descendant) bool {
		select {
		case batches <- rows:
			return true
		case <-done:
			return false
		}
	}
	return give, sync.OnceValue(func() error {
		close(batches)
		if <-done; panicked != nil {
			panic(panicked)
		}
		return failed
	})
}

// flush hands out the rows.
func (s *affectedStream) flush(w *lineage.Impact) error {
	if len(s.rows) == 0 {
		return nil
	}
	nodes, err := s.documents(w)
	if err != nil {
		return err
	}
	edges, err := s.edges(nodes)
	if err != nil {
		return err
	}
	all, err := s.explorer.withResolutions(s.ctx, s.scope, s.under, edges)
	if err != nil {
		return err
	}
	return s.emit(all)
}

// withResolutions adds to the rows how they were dealt with.
func (e *Explorer) withResolutions(ctx context.Context, scope *policies.Scope, under *recallScope, edges []*ImpactEdge) ([]*AffectedEdge, error) {
	refs := make([]core.NodeRef, len(edges))
	for i, edge := range edges {
		refs[i] = core.NodeRef{ID: registry.RecallResolutionID(under.recall.ID, edge.Node.NodeMeta().ID)}
	}
	found, err := e.core.ReadNodes(ctx, scope, refs)
	if err != nil {
		return nil, err
	}
	out := make([]*AffectedEdge, len(edges))
	for i, edge := range edges {
		res, _ := found[i].(*registry.RecallResolution)
		out[i] = &AffectedEdge{edge, res}
	}
	return out, nil
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
	out.Edges, err = e.withResolutions(ctx, scope, under, out.impact.Edges)
	return out, err
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
