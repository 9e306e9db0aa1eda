package governance

import (
	"context"
	"slices"
	"time"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RequestScope says whose requests a list has.
type RequestScope string

// The scopes of lists of requests.
const (
	// AllRequests are all that the caller sees.
	AllRequests RequestScope = "ALL"
	// MyRequests are those that the caller made.
	MyRequests RequestScope = "MINE"
	// WaitingForMe are those that the caller may approve and has not.
	WaitingForMe RequestScope = "WAITING_FOR_ME"
)

// RequestFilter selects transition requests. Model is the name of a model.
type RequestFilter struct {
	Scope  RequestScope
	Status *registry.RequestStatus
	Model  *string
}

// RequestEdge is a transition request in a page.
type RequestEdge struct {
	Cursor string
	Node   *registry.TransitionRequest
}

// RequestConnection is a page of transition requests.
type RequestConnection struct{ core.Connection[*RequestEdge] }

func requestEdge(cursor string, r *registry.TransitionRequest) *RequestEdge {
	return &RequestEdge{cursor, r}
}

// TransitionRequests returns one page of the transition requests that the caller sees. Those of
// one status, and those that wait for the caller, are sorted by when they expire, the first
// first; others by when they were requested, the newest first.
func (g *Governance) TransitionRequests(ctx context.Context, p core.Paging, f *RequestFilter) (*RequestConnection, error) {
	if f == nil {
		f = &RequestFilter{}
	}
	scope, err := g.core.Gate.Read(ctx, registry.RequestRead)
	if err != nil {
		return nil, err
	}
	q, err := g.requestQuery(ctx, scope, f)
	if err != nil {
		return nil, err
	}
	if q == nil {
		return &RequestConnection{core.Connection[*RequestEdge]{Edges: []*RequestEdge{}}}, nil
	}
	bindings := []any{"requests", f}
	var page *core.Connection[*RequestEdge]
	if f.Scope == WaitingForMe {
		page, err = core.FindKeptPage(ctx, g.core, scope, *q, bindings, p, func(r *registry.TransitionRequest) bool { return waitsFor(scope, r) }, requestEdge)
	} else {
		page, err = core.FindPage(ctx, g.core, scope, *q, bindings, p, requestEdge)
	}
	if err != nil {
		return nil, err
	}
	return &RequestConnection{*page}, nil
}

// requestQuery returns the query of a list of requests, nil for one that is empty.
func (g *Governance) requestQuery(ctx context.Context, scope *policies.Scope, f *RequestFilter) (*graph.Query, error) {
	q := &graph.Query{Kinds: []registry.Kind{registry.KindTransitionRequest}, Order: registry.IndexValidFrom, Desc: true}
	if f.Model != nil {
		m, err := g.modelNamed(ctx, *f.Model)
		if err != nil || m == nil {
			return nil, err
		}
		q.Where = append(q.Where, core.EqualTo(string(registry.IndexNamespace), string(m.ID))...)
	}
	status := f.Status
	switch f.Scope {
	case MyRequests:
		q.Where = append(q.Where, core.EqualTo(string(registry.IndexOwner), scope.Actor().Subject)...)
	case WaitingForMe:
		pending := registry.RequestPending
		if status != nil && *status != pending {
			return nil, nil
		}
		status = &pending
	case AllRequests, "":
	default:
		return nil, registry.Invalid("filter.scope", "%q is not ALL, MINE or WAITING_FOR_ME", f.Scope)
	}
	if status != nil {
		q.Order, q.Desc = registry.IndexEnded, false
		q.Where = append(q.Where, statusPredicates(*status, g.core.Now())...)
	}
	return q, nil
}

// statusPredicates returns the predicates for the requests with a status. An open request has
// expired when its time is over, whatever is stored.
func statusPredicates(status registry.RequestStatus, now time.Time) []graph.Predicate {
	in := func(statuses ...any) graph.Predicate {
		return graph.Predicate{Column: registry.IndexStage, Op: graph.In, Values: statuses}
	}
	switch status {
	case registry.RequestPending, registry.RequestApproved:
		return []graph.Predicate{in(string(status)), {Column: registry.IndexEnded, Op: graph.Greater, Values: []any{now.UnixMicro()}}}
	case registry.RequestExpired:
		return []graph.Predicate{in(string(registry.RequestPending), string(registry.RequestApproved), string(registry.RequestExpired)),
			{Column: registry.IndexEnded, Op: graph.AtMost, Values: []any{now.UnixMicro()}}}
	}
	return []graph.Predicate{in(string(status))}
}

// waitsFor reports whether a pending request waits for the caller's approval.
func waitsFor(scope *policies.Scope, r *registry.TransitionRequest) bool {
	me := scope.Actor().Subject
	return scope.MayOn(registry.TransitionApprove, policies.Target{Model: r.OfModel, Stage: r.To}) && governance.CheckApprover(r, me, r.Approvers) == nil &&
		!slices.ContainsFunc(r.Approvals, func(a registry.TransitionApproval) bool { return a.By == me })
}

// modelNamed returns the model of a name, nil when there is none that the caller sees.
func (g *Governance) modelNamed(ctx context.Context, name string) (*registry.Model, error) {
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	n, err := core.FindModel(ctx, scope, name)
	if err != nil || n == nil {
		return nil, err
	}
	return core.NounAs[*registry.Model](g.core.Decode(n, registry.Instant{}))
}

// RequestsOfVersion returns one page of the transition requests of a version, oldest first.
func (g *Governance) RequestsOfVersion(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*RequestConnection, error) {
	conn, err := core.ListChildren(ctx, g.core, v, core.ChildQuery{Kind: registry.KindTransitionRequest, At: v.ReadAt}, p, requestEdge)
	if err != nil {
		return nil, err
	}
	return &RequestConnection{*conn}, nil
}

// ModelOfRequest returns the model of a request.
func (g *Governance) ModelOfRequest(ctx context.Context, r *registry.TransitionRequest) (*registry.Model, error) {
	return core.Related[*registry.Model](ctx, g.core, r, "model", func(r *registry.TransitionRequest) core.NodeRef { return core.NodeRef{ID: r.OfModel, At: r.ReadAt} })
}

// VersionOfRequest returns the version that a request would move.
func (g *Governance) VersionOfRequest(ctx context.Context, r *registry.TransitionRequest) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, g.core, r, "version", func(r *registry.TransitionRequest) core.NodeRef { return core.NodeRef{ID: r.VersionID, At: r.ReadAt} })
}

// TransitionOfRequest returns the transition that executed a request.
func (g *Governance) TransitionOfRequest(ctx context.Context, r *registry.TransitionRequest) (*registry.Transition, error) {
	return core.Related[*registry.Transition](ctx, g.core, r, "transition", func(r *registry.TransitionRequest) core.NodeRef {
		return core.NodeRef{ID: r.TransitionID, At: r.ReadAt}
	})
}

// EvidenceUpstream returns the nodes that a version was made from when its transition was
// requested. One that the caller may not see has another id, and no digest.
func (g *Governance) EvidenceUpstream(ctx context.Context, e *registry.TransitionEvidence) ([]*registry.UpstreamNode, error) {
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	return core.Batch(ctx, e, upstreamField{}, func(ctx context.Context, all []*registry.TransitionEvidence) ([][]*registry.UpstreamNode, error) {
		var ids []registry.ID
		for _, e := range all {
			for _, n := range e.Upstream {
				ids = append(ids, n.ID)
			}
		}
		seen, err := visibleNodes(ctx, scope, ids)
		if err != nil {
			return nil, err
		}
		out := make([][]*registry.UpstreamNode, len(all))
		for i, e := range all {
			for _, n := range e.Upstream {
				if found := seen[n.ID]; found == nil {
					n.ID, n.Digest = scope.OpaqueID(n.ID), ""
				} else if !shows(found) {
					n.Digest = ""
				}
				out[i] = append(out[i], &n)
			}
		}
		return out, nil
	})
}

// upstreamField is the field of what a version was made from when a transition was requested.
type upstreamField struct{}

// visibleNodes returns, by id, the nodes that the caller sees.
func visibleNodes(ctx context.Context, scope *policies.Scope, ids []registry.ID) (map[registry.ID]*graph.Node, error) {
	out := map[registry.ID]*graph.Node{}
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), 1000) {
		found, err := scope.Nodes(ctx, graph.Instant{}, part...)
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			if n != nil && !n.Hidden {
				out[n.ID] = n
			}
		}
	}
	return out, nil
}

// shows reports whether the caller sees the field of a node that its digest is made of.
func shows(n *graph.Node) bool {
	switch n.Kind {
	case registry.KindDatasetVersion:
		return n.Mask.Has(registry.Bit("DatasetVersion", "digest"))
	case registry.KindCommit:
		return n.Mask.Has(registry.Bit("Commit", "sha"))
	}
	return true
}

// TransitionRequest returns a request by its id, nil when there is none that the caller sees.
func (g *Governance) TransitionRequest(ctx context.Context, id registry.ID) (*registry.TransitionRequest, error) {
	return core.NounAs[*registry.TransitionRequest](g.core.NodeAt(ctx, registry.Instant{}, id))
}
