package access

import (
	"context"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// Act is what a rule allows with its object: READ a field or DO an action.
type Act string

// RowRule is a row rule in the spelling of the API.
type RowRule string

// RuleOrigin says where a rule comes from.
type RuleOrigin string

// RuleEffect is ALLOW or DENY.
type RuleEffect string

// ConditionKey says what a condition is about.
type ConditionKey string

// PolicyCondition is one condition of a rule: the key must have one of the values.
type PolicyCondition struct {
	Key    ConditionKey
	Values []string
}

// PolicyRule is one rule of the policy.
type PolicyRule struct {
	ID         registry.ID
	Role       string
	Object     string
	Act        Act
	Rows       RowRule
	Effect     RuleEffect
	Conditions []PolicyCondition
	Text       string
	Origin     RuleOrigin
}

// Policy is the policy in force: the rules of the file, with what the API changed.
type Policy struct {
	Version int
	Hash    string
	Text    string
	Rules   []PolicyRule
	// Unused are rules of the API that do not fit this server's file.
	Unused []string
}

// Role is a role of the policy.
type Role struct {
	Name    string
	Actions []string
	Rules   []PolicyRule
}

func newPolicyRule(r policies.Rule) PolicyRule {
	upper := func(s string) string { return strings.ToUpper(s) }
	out := PolicyRule{ID: r.ID, Role: r.Role, Object: r.Object, Act: Act(upper(r.Act)), Rows: RowRule(upper(string(r.Rows))), Effect: RuleEffect(upper(r.Effect)),
		Conditions: []PolicyCondition{}, Text: r.Text, Origin: RuleOrigin(r.Origin)}
	for _, c := range r.Conditions {
		out.Conditions = append(out.Conditions, PolicyCondition{ConditionKey(c.Key), c.Values})
	}
	return out
}

func newPolicy(t *policies.Table) *Policy {
	p := &Policy{Version: t.Number, Hash: t.Version, Text: t.Text, Rules: []PolicyRule{}, Unused: t.Unused}
	for _, r := range t.Rules() {
		p.Rules = append(p.Rules, newPolicyRule(r))
	}
	return p
}

// Policy returns the policy in force.
func (a *Access) Policy(ctx context.Context) (*Policy, error) {
	scope, err := a.core.Gate.Read(ctx, registry.AccessManage)
	if err != nil {
		return nil, err
	}
	return newPolicy(scope.Policy()), nil
}

// Roles lists the roles of the policy in force, by name, with the rules that name them.
func (a *Access) Roles(ctx context.Context) ([]*Role, error) {
	scope, err := a.core.Gate.Read(ctx, registry.AccessManage)
	if err != nil {
		return nil, err
	}
	t := scope.Policy()
	out := []*Role{}
	for _, name := range t.Roles() {
		r := &Role{Name: name, Actions: []string{}, Rules: []PolicyRule{}}
		for _, action := range registry.Actions() {
			if t.MayAnywhere(name, action) {
				r.Actions = append(r.Actions, string(action))
			}
		}
		for _, rule := range t.Rules() {
			if rule.Role == name {
				r.Rules = append(r.Rules, newPolicyRule(rule))
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// PolicyVersionEdge is a version of the policy in a page.
type PolicyVersionEdge struct {
	Cursor string
	Node   *registry.PolicyVersion
}

// PolicyVersionConnection is a page of versions of the policy.
type PolicyVersionConnection struct {
	core.Connection[*PolicyVersionEdge]
}

// PolicyVersions returns one page of the versions of the policy that the API made, newest first.
func (a *Access) PolicyVersions(ctx context.Context, p core.Paging) (*PolicyVersionConnection, error) {
	scope, err := a.core.Gate.Read(ctx, registry.AccessManage)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindPolicy}, Order: registry.IndexNumber, Desc: true}
	conn, err := core.FindPage(ctx, a.core, scope, q, []any{"policyVersions"}, p, func(cursor string, v *registry.PolicyVersion) *PolicyVersionEdge {
		return &PolicyVersionEdge{cursor, v}
	})
	if err != nil {
		return nil, err
	}
	return &PolicyVersionConnection{*conn}, nil
}
