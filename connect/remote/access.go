package remote

import (
	"context"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
)

// Subjects returns one page of the subjects that the server knows, by name.
func (c *Client) Subjects(ctx context.Context, p core.Paging, f *access.SubjectFilter) (*access.ActorConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if err := addInput(vars, "filter", f); err != nil {
		return nil, err
	}
	var out struct{ Subjects *list[*registry.Actor] }
	if err := c.execute(ctx, opSubjects, vars, &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Subjects, access.NewActorEdge)
	return &access.ActorConnection{Connection: page}, err
}

// AssignRole gives a subject a role within a scope.
func (c *Client) AssignRole(ctx context.Context, in access.AssignRoleInput) (*access.RoleAssignmentPayload, error) {
	return changeRole(ctx, c, opAssignRole, "assignRole", in)
}

// RevokeRole takes a role within a scope from a subject.
func (c *Client) RevokeRole(ctx context.Context, in access.AssignRoleInput) (*access.RoleAssignmentPayload, error) {
	return changeRole(ctx, c, opRevokeRole, "revokeRole", in)
}

func changeRole(ctx context.Context, c *Client, op, field string, in access.AssignRoleInput) (*access.RoleAssignmentPayload, error) {
	type payload struct {
		Subject of[*registry.Actor]
		Changed bool
	}
	p, err := mutate[payload](ctx, c, op, field, in)
	if err != nil {
		return nil, err
	}
	return &access.RoleAssignmentPayload{Subject: p.Subject.Noun, Changed: p.Changed}, nil
}

// Policy returns the policy in force on the server.
func (c *Client) Policy(ctx context.Context) (*access.Policy, error) {
	var out struct{ Policy *access.Policy }
	err := c.execute(ctx, opPolicy, nil, &out)
	return out.Policy, err
}

// PolicyVersions returns one page of the versions of the policy, newest first.
func (c *Client) PolicyVersions(ctx context.Context, p core.Paging) (*access.PolicyVersionConnection, error) {
	var out struct {
		PolicyVersions *list[*registry.PolicyVersion]
	}
	if err := c.execute(ctx, opPolicyVersions, addPaging(map[string]any{}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.PolicyVersions, func(cursor string, v *registry.PolicyVersion) *access.PolicyVersionEdge {
		return &access.PolicyVersionEdge{Cursor: cursor, Node: v}
	})
	return &access.PolicyVersionConnection{Connection: page}, err
}

// PutPolicyRule adds a rule to the policy.
func (c *Client) PutPolicyRule(ctx context.Context, in access.PutPolicyRuleInput) (*access.PolicyPayload, error) {
	return mutate[*access.PolicyPayload](ctx, c, opPutPolicyRule, "putPolicyRule", in)
}

// WithdrawPolicyRule takes a rule out of the policy.
func (c *Client) WithdrawPolicyRule(ctx context.Context, in access.WithdrawPolicyRuleInput) (*access.PolicyPayload, error) {
	return mutate[*access.PolicyPayload](ctx, c, opWithdrawPolicyRule, "withdrawPolicyRule", in)
}

// RevertPolicy makes a new version of the policy with the rules of an earlier one.
func (c *Client) RevertPolicy(ctx context.Context, in access.RevertPolicyInput) (*access.PolicyPayload, error) {
	sent := struct {
		To        *int // A pointer, because version 0 is sent too.
		IfVersion *int
		Reason    string
	}{&in.To, in.IfVersion, in.Reason}
	return mutate[*access.PolicyPayload](ctx, c, opRevertPolicy, "revertPolicy", sent)
}

// Explain says whether a role may do something, and which rule decides.
func (c *Client) Explain(ctx context.Context, in access.ExplainInput) (*access.Explanation, error) {
	vars, err := input(in)
	if err != nil {
		return nil, err
	}
	var out struct{ Explain *access.Explanation }
	err = c.execute(ctx, opExplain, vars, &out)
	return out.Explain, err
}
