package remote

import (
	"context"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// The fields that requests and reviews are read with.
var (
	requestFields = strings.Replace(fieldsOf(registry.KindTransitionRequest), "evidence { ", "evidence { links metrics { name value } upstream { id kind digest } ", 1)
	reviewFields  = fieldsOf(registry.KindReview)
	guardFields   = fieldsOf(registry.KindTransitionGuard)
)

// The operations of governance.
var (
	opTransitionRequests = `query TransitionRequests($first: Int, $after: String, $filter: TransitionRequestFilter) { transitionRequests(first: $first, after: $after, filter: $filter) {
		edges { cursor node { ` + requestFields + ` } } ` + pageFields + ` } }`

	opTransitionRequest = `query TransitionRequest($id: ID!) { node(id: $id) { __typename id ... on TransitionRequest { ` + requestFields + ` } } }`

	opReviewsDue = `query ReviewsDue($first: Int, $after: String, $at: DateTime) { reviewsDue(first: $first, after: $after, at: $at) {
		edges { cursor node { ` + modelFields + ` } } ` + pageFields + ` } }`

	opReviews = `query Reviews($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Model { reviews(first: $first, after: $after) {
		edges { cursor node { ` + reviewFields + ` } } ` + pageFields + ` } } } }`

	opApproveTransition = `mutation ApproveTransition($input: DecideTransitionInput!) { approveTransition(input: $input) {
		request { ` + requestFields + ` } version { ` + versionFields + ` } transition { ` + transitionFields + ` } } }`

	opRejectTransition = `mutation RejectTransition($input: DecideTransitionInput!) { rejectTransition(input: $input) { request { ` + requestFields + ` } } }`

	opWithdrawTransition = `mutation WithdrawTransition($input: DecideTransitionInput!) { withdrawTransition(input: $input) { request { ` + requestFields + ` } } }`

	opSetReviewPlan = `mutation SetReviewPlan($input: SetReviewPlanInput!) { setReviewPlan(input: $input) { model { ` + modelFields + ` } } }`

	opPutTransitionGuard = `mutation PutTransitionGuard($input: PutTransitionGuardInput!) { putTransitionGuard(input: $input) { guard { ` + guardFields + ` } } }`

	opRecordReview = `mutation RecordReview($input: RecordReviewInput!) { recordReview(input: $input) { review { ` + reviewFields + ` } model { ` + modelFields + ` } } }`
)

// TransitionRequests returns one page of the transition requests that the caller sees.
func (c *Client) TransitionRequests(ctx context.Context, p core.Paging, f *governance.RequestFilter) (*governance.RequestConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if f != nil {
		filter := map[string]any{}
		if f.Scope != "" {
			filter["scope"] = f.Scope
		}
		if f.Status != nil {
			filter["status"] = *f.Status
		}
		if f.Model != nil {
			filter["model"] = *f.Model
		}
		vars["filter"] = filter
	}
	var out struct {
		TransitionRequests *list[*registry.TransitionRequest]
	}
	if err := c.execute(ctx, opTransitionRequests, vars, &out); err != nil {
		return nil, err
	}
	page, err := connection(out.TransitionRequests, func(cursor string, r *registry.TransitionRequest) *governance.RequestEdge {
		return &governance.RequestEdge{Cursor: cursor, Node: r}
	})
	return &governance.RequestConnection{Connection: page}, err
}

// TransitionRequest returns a request by its id, or nil when the caller sees no such request.
func (c *Client) TransitionRequest(ctx context.Context, id registry.ID) (*registry.TransitionRequest, error) {
	var out struct {
		Node of[*registry.TransitionRequest]
	}
	err := c.execute(ctx, opTransitionRequest, map[string]any{"id": id}, &out)
	return out.Node.Noun, err
}

// decision sends a decision on a request.
func (c *Client) decision(ctx context.Context, op, field string, in governance.DecideInput) (*governance.RequestPayload, error) {
	type payload struct {
		Request    of[*registry.TransitionRequest]
		Version    of[*registry.ModelVersion]
		Transition of[*registry.Transition]
	}
	p, err := mutate[payload](ctx, c, op, field, in)
	if err != nil {
		return nil, err
	}
	return &governance.RequestPayload{Request: p.Request.Noun, Version: p.Version.Noun, Transition: p.Transition.Noun}, nil
}

// ApproveTransition approves a request of somebody else.
func (c *Client) ApproveTransition(ctx context.Context, in governance.DecideInput) (*governance.RequestPayload, error) {
	return c.decision(ctx, opApproveTransition, "approveTransition", in)
}

// RejectTransition rejects a request of somebody else.
func (c *Client) RejectTransition(ctx context.Context, in governance.DecideInput) (*governance.RequestPayload, error) {
	return c.decision(ctx, opRejectTransition, "rejectTransition", in)
}

// WithdrawTransition takes back a request.
func (c *Client) WithdrawTransition(ctx context.Context, in governance.DecideInput) (*governance.RequestPayload, error) {
	return c.decision(ctx, opWithdrawTransition, "withdrawTransition", in)
}

// ReviewsDue returns one page of the models whose review is due by a time; zero means now.
func (c *Client) ReviewsDue(ctx context.Context, p core.Paging, at time.Time) (*catalog.ModelConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if !at.IsZero() {
		vars["at"] = at
	}
	var out struct{ ReviewsDue *list[*registry.Model] }
	if err := c.execute(ctx, opReviewsDue, vars, &out); err != nil {
		return nil, err
	}
	page, err := connection(out.ReviewsDue, func(cursor string, m *registry.Model) *catalog.ModelEdge {
		return &catalog.ModelEdge{Cursor: cursor, Node: m}
	})
	return &catalog.ModelConnection{Connection: page}, err
}

// ReviewsOf returns one page of the reviews of a model, newest first.
func (c *Client) ReviewsOf(ctx context.Context, m *registry.Model, p core.Paging) (*governance.ReviewConnection, error) {
	var out struct {
		Node struct{ Reviews *list[*registry.Review] }
	}
	if err := c.execute(ctx, opReviews, addPaging(map[string]any{"id": m.ID}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Reviews, func(cursor string, r *registry.Review) *governance.ReviewEdge {
		return &governance.ReviewEdge{Cursor: cursor, Node: r}
	})
	return &governance.ReviewConnection{Connection: page}, err
}

// RecordReview keeps the outcome of a review.
func (c *Client) RecordReview(ctx context.Context, in governance.RecordReviewInput) (*governance.RecordReviewPayload, error) {
	type payload struct {
		Review of[*registry.Review]
		Model  of[*registry.Model]
	}
	p, err := mutate[payload](ctx, c, opRecordReview, "recordReview", in)
	if err != nil {
		return nil, err
	}
	return &governance.RecordReviewPayload{Review: p.Review.Noun, Model: p.Model.Noun}, nil
}

// SetReviewPlan sets how often a model is reviewed, by whom, and when next.
func (c *Client) SetReviewPlan(ctx context.Context, in governance.SetReviewPlanInput) (*catalog.ModelPayload, error) {
	type payload struct{ Model of[*registry.Model] }
	p, err := mutate[payload](ctx, c, opSetReviewPlan, "setReviewPlan", in)
	if err != nil {
		return nil, err
	}
	return &catalog.ModelPayload{Model: p.Model.Noun}, nil
}

// PutTransitionGuard sets which transitions need approvals.
func (c *Client) PutTransitionGuard(ctx context.Context, in governance.PutTransitionGuardInput) (*governance.GuardPayload, error) {
	type payload struct{ Guard of[*registry.TransitionGuard] }
	p, err := mutate[payload](ctx, c, opPutTransitionGuard, "putTransitionGuard", in)
	if err != nil {
		return nil, err
	}
	guard, err := readBack(p.Guard, "guard")
	return &governance.GuardPayload{Guard: guard}, err
}
