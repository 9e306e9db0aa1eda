package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// checkQuery are the parameters of a check of a transition.
type checkQuery struct {
	To registry.Stage `json:"to_stage"`
}

// requestRoutes are the routes of transition requests and of the guards that ask for them.
func requestRoutes() []route {
	return []route{
		list("transition-requests", "transitionRequests", "transition_requests", "The transition requests that you see",
			func(ctx context.Context, c *call, p core.Paging, q *governance.RequestFilter) (page[registry.TransitionRequest], error) {
				return nodes[registry.TransitionRequest](c.service.TransitionRequests(ctx, p, q))
			}),
		read("transition-requests/{id}", "node", "One transition request", object[registry.TransitionRequest]).under("TransitionRequest.id"),
		write(http.MethodPost, "transition-requests/{id}/approve", "approveTransition", "Approves a request of somebody else; the last approval executes it", (*service.Service).ApproveTransition),
		write(http.MethodPost, "transition-requests/{id}/reject", "rejectTransition", "Rejects a request of somebody else", (*service.Service).RejectTransition),
		write(http.MethodPost, "transition-requests/{id}/withdraw", "withdrawTransition", "Takes back a request", (*service.Service).WithdrawTransition),
		read("models/{name}/{version}/transition-check", "checkTransition", "What would stand in the way of a transition, without doing it",
			func(ctx context.Context, c *call, q *checkQuery) (*governance.TransitionCheck, error) {
				v, err := c.version(ctx)
				if err != nil {
					return nil, err
				}
				return c.service.CheckTransition(ctx, governance.CheckTransitionInput{ID: &v.ID, To: q.To})
			}),
		list("transition-guards", "transitionGuards", "transition_guards", "What decides which transitions need approvals",
			func(ctx context.Context, c *call, _ core.Paging, _ *noQuery) (page[registry.TransitionGuard], error) {
				all, err := c.service.TransitionGuards(ctx)
				return page[registry.TransitionGuard]{items: all}, err
			}),
		write(http.MethodPut, "transition-guards", "putTransitionGuard", "Sets which transitions need approvals: of a model, of the models with a tag, or of all", (*service.Service).PutTransitionGuard, requires("profile")),
		write(http.MethodDelete, "transition-guards", "deleteTransitionGuard", "Deletes a guard", deleteGuard),
	}
}

// guardQuery names the guard to delete: of a model, of a tag as KEY=VALUE, or of the registry.
type guardQuery struct {
	Model          *string `json:"model,omitempty"`
	TagKey         *string `json:"tag_key,omitempty"`
	TagValue       string  `json:"tag_value,omitempty"`
	Reason         string  `json:"reason,omitempty"`
	IdempotencyKey *string `json:"-"`
}

func deleteGuard(s *service.Service, ctx context.Context, in guardQuery) (*core.DeletePayload, error) {
	out := governance.DeleteTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: in.Model}, Reason: in.Reason, IdempotencyKey: in.IdempotencyKey}
	if in.TagKey != nil {
		out.Tag = &registry.KeyValue{Key: *in.TagKey, Value: in.TagValue}
	}
	return s.DeleteTransitionGuard(ctx, out)
}

// object returns the object of a path's id, when it is of a type.
func object[N any](ctx context.Context, c *call, q *pointInTime) (*N, error) {
	id, err := registry.ParseID(c.path["id"])
	if err != nil {
		return nil, err
	}
	n, err := c.service.Node(ctx, id, q.past())
	if err != nil {
		return nil, err
	}
	out, _ := any(n).(*N) // No object, and one of another kind, are nothing.
	return out, nil
}
