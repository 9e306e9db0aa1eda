package access

import (
	"context"
	"slices"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// AssignRoleInput is a role of a subject within a scope; an empty Scope is everything.
type AssignRoleInput struct {
	Subject        string  `json:"subject"`
	Role           string  `json:"role"`
	Scope          string  `json:"scope"`
	Reason         string  `json:"reason"`
	IdempotencyKey *string `json:"-"`
}

// RoleAssignmentPayload carries the subject with its grants after the change.
type RoleAssignmentPayload struct {
	Subject *registry.Actor
	Changed bool
}

// AssignRole gives a subject a role within a scope. The subject need not be known yet. Nobody
// gives what they do not hold themselves.
func (a *Access) AssignRole(ctx context.Context, in AssignRoleInput) (*RoleAssignmentPayload, error) {
	return a.changeGrants(ctx, "assignRole", in, func(grants []registry.Grant, g registry.Grant) ([]registry.Grant, error) {
		if t := a.core.Gate.Policy(); !t.HasRole(g.Role) {
			return nil, registry.Invalid("role", "%q is no role of the policy; use one of %v", registry.Shorten(g.Role, 100), t.Roles())
		}
		if slices.Contains(grants, g) {
			return grants, nil
		}
		return append(slices.Clone(grants), g), nil
	})
}

// RevokeRole takes a role within a scope from a subject. It is no error when the subject does
// not hold it. FAILED_PRECONDITION when nobody would be left who manages access.
func (a *Access) RevokeRole(ctx context.Context, in AssignRoleInput) (*RoleAssignmentPayload, error) {
	return a.changeGrants(ctx, "revokeRole", in, func(grants []registry.Grant, g registry.Grant) ([]registry.Grant, error) {
		return slices.DeleteFunc(slices.Clone(grants), func(have registry.Grant) bool { return have == g }), nil
	})
}

// changeGrants replaces the grants of a subject by what change makes of them, and logs both.
func (a *Access) changeGrants(ctx context.Context, mutation string, in AssignRoleInput, change func([]registry.Grant, registry.Grant) ([]registry.Grant, error)) (*RoleAssignmentPayload, error) {
	if in.Scope == "" {
		in.Scope = registry.ScopeAll
	}
	if err := core.FirstError(core.CheckRequiredKey("subject", &in.Subject), core.CheckText("reason", &in.Reason)); err != nil {
		return nil, err
	}
	core.ToNFC(&in.Scope)
	result, err := a.core.Write(ctx, registry.AccessManage, core.Idempotent(mutation, in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		scope, err := namedScope(ctx, tx, in.Scope)
		if err != nil {
			return core.WriteResult{}, err
		}
		actor, err := subjectOf(ctx, tx, in.Subject)
		if err != nil {
			return core.WriteResult{}, err
		}
		before := actor.Grants
		if actor.Grants, err = change(before, registry.Grant{Role: in.Role, Scope: scope}); err != nil {
			return core.WriteResult{}, err
		}
		result := core.WriteResult{IDs: []registry.ID{actor.ID}}
		if slices.Equal(before, actor.Grants) {
			return result, nil
		}
		result.Changed = true
		if err := core.PutNoun(ctx, tx, actor, tx.Now()); err != nil {
			return result, err
		}
		action := registry.LogRoleAssigned
		if len(actor.Grants) < len(before) {
			action = registry.LogRoleRevoked
		}
		return result, tx.Log(ctx, registry.LogEntry{Action: action, Objects: []registry.ID{actor.ID}, Reason: in.Reason,
			Detail: core.LogDetail("subject", in.Subject, "role", in.Role, "scope", scope, "before", grantTexts(before), "after", grantTexts(actor.Grants))})
	})
	if err != nil {
		return nil, err
	}
	actor, err := core.NounAs[*registry.Actor](a.core.ReadBack(ctx, result, result.IDs[0]))
	return &RoleAssignmentPayload{actor, result.Changed}, err
}

// subjectOf returns the actor of a subject, a new one when it is not known yet.
func subjectOf(ctx context.Context, tx *policies.Tx, subject string) (*registry.Actor, error) {
	found, err := tx.NodesUnfiltered(ctx, registry.ActorID(subject))
	if err != nil {
		return nil, err
	}
	if found[0] != nil && !found[0].Deleted {
		return core.DecodeWhole(found[0], &registry.Actor{})
	}
	actor := &registry.Actor{Subject: subject, CreatedAt: tx.Now()}
	actor.ID, actor.ValidFrom = registry.ActorID(subject), tx.Now()
	return actor, nil
}

// namedScope returns a scope as it is stored: a model that is given by its id is named.
func namedScope(ctx context.Context, tx *policies.Tx, text string) (string, error) {
	scope, err := registry.ParseGrantScope(text)
	if err != nil {
		return "", err
	}
	id, err := registry.ParseID(scope.Model)
	if err != nil || id.Kind() != registry.KindModel {
		return scope.String(), checkScopeNames(scope)
	}
	nodes, err := tx.Nodes(ctx, id)
	if err != nil {
		return "", err
	}
	if nodes[0] == nil || nodes[0].Deleted {
		return "", registry.Errorf(registry.NotFound, "there is no model %q", id)
	}
	scope.Model = nodes[0].Name
	return scope.String(), nil
}

// checkScopeNames refuses a scope that no model can match.
func checkScopeNames(s registry.GrantScope) error {
	switch {
	case s.Model != "":
		return registry.CheckName("scope", s.Model)
	case s.Tag.Key != "":
		return core.FirstError(registry.CheckKey("scope", s.Tag.Key), registry.CheckText("scope", s.Tag.Value))
	}
	return nil
}

// grantTexts writes grants for the log.
func grantTexts(grants []registry.Grant) []string {
	out := make([]string, len(grants))
	for i, g := range grants {
		out[i] = g.Role + " " + g.Scope
	}
	return out
}
