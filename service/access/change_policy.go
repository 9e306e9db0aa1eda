package access

import (
	"context"
	"strings"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// PutPolicyRuleInput is a rule to add to the policy: the role may read or do the object, on
// rows, where all conditions hold. Rows is ALL when it is empty.
type PutPolicyRuleInput struct {
	Role           string            `json:"role"`
	Object         string            `json:"object"`
	Act            Act               `json:"act"`
	Rows           RowRule           `json:"rows,omitzero"`
	Conditions     []PolicyCondition `json:"conditions,omitempty"`
	IfVersion      *int              `json:"ifVersion,omitzero"`
	Reason         string            `json:"reason,omitzero"`
	IdempotencyKey *string           `json:"-"`
}

// rule returns the rule as a line of a policy file. The parts are checked when it is parsed.
func (in *PutPolicyRuleInput) rule() (string, error) {
	rows := policies.Rows(strings.ToLower(string(in.Rows)))
	if rows == "" {
		rows = policies.RowsAll
	}
	if err := core.CheckName("role", &in.Role); err != nil {
		return "", err
	}
	if strings.ContainsAny(in.Role+in.Object, ",\r\n") {
		return "", registry.Invalid("object", "a role and an object must not contain a comma or a line end")
	}
	terms := make([]policies.Condition, len(in.Conditions))
	for i, c := range in.Conditions {
		terms[i] = policies.Condition{Key: policies.ConditionKey(c.Key), Values: c.Values}
		if len(c.Values) == 0 {
			return "", registry.Invalid("conditions", "%s needs a value", strings.ToLower(string(c.Key)))
		}
	}
	return policies.WriteRule(in.Role, in.Object, strings.ToLower(string(in.Act)), rows, terms), nil
}

// PolicyPayload carries the policy in force after a change.
type PolicyPayload struct {
	// Rule is the rule that was put.
	Rule    *PolicyRule
	Policy  *Policy
	Changed bool
}

// PutPolicyRule adds a rule to the policy. A rule that is there already changes nothing.
func (a *Access) PutPolicyRule(ctx context.Context, in PutPolicyRuleInput) (*PolicyPayload, error) {
	if _, err := a.core.Gate.Read(ctx, registry.AccessManage); err != nil {
		return nil, err
	}
	rule, err := in.rule()
	if err != nil {
		return nil, err
	}
	return a.changePolicy(ctx, core.Idempotent("putPolicyRule", in.IdempotencyKey, in), policies.PolicyChange{Put: rule, IfVersion: in.IfVersion, Reason: in.Reason})
}

// WithdrawPolicyRuleInput names a rule by its id.
type WithdrawPolicyRuleInput struct {
	ID             registry.ID `json:"id"`
	IfVersion      *int        `json:"ifVersion,omitzero"`
	Reason         string      `json:"reason,omitzero"`
	IdempotencyKey *string     `json:"-"`
}

// WithdrawPolicyRule takes a rule out of the policy, one of the API or one of the file.
func (a *Access) WithdrawPolicyRule(ctx context.Context, in WithdrawPolicyRuleInput) (*PolicyPayload, error) {
	if in.ID == "" {
		return nil, registry.Invalid("id", "must not be empty")
	}
	return a.changePolicy(ctx, core.Idempotent("withdrawPolicyRule", in.IdempotencyKey, in), policies.PolicyChange{Withdraw: in.ID, IfVersion: in.IfVersion, Reason: in.Reason})
}

// RevertPolicyInput names the version whose rules come back; 0 is the file alone.
type RevertPolicyInput struct {
	To             int     `json:"to"`
	IfVersion      *int    `json:"ifVersion,omitzero"`
	Reason         string  `json:"reason,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// RevertPolicy makes a new version of the policy with the rules of an earlier one.
func (a *Access) RevertPolicy(ctx context.Context, in RevertPolicyInput) (*PolicyPayload, error) {
	return a.changePolicy(ctx, core.Idempotent("revertPolicy", in.IdempotencyKey, in), policies.PolicyChange{RevertTo: &in.To, IfVersion: in.IfVersion, Reason: in.Reason})
}

// policyLogActions are the log actions of the kinds of changes.
var policyLogActions = map[registry.PolicyChangeKind]registry.LogAction{registry.PolicyRulePut: registry.LogPolicyRulePut,
	registry.PolicyRuleWithdrawn: registry.LogPolicyRuleGone, registry.PolicyReverted: registry.LogPolicyReverted}

// changePolicy writes and logs the next version of the policy.
func (a *Access) changePolicy(ctx context.Context, idem core.IdempotentCall, change policies.PolicyChange) (*PolicyPayload, error) {
	if _, err := a.core.Gate.Read(ctx, registry.AccessManage); err != nil {
		return nil, err
	}
	if err := core.CheckText("reason", &change.Reason); err != nil {
		return nil, err
	}
	// What is wrong with the change is told by the transaction, which also knows a retry.
	_ = a.core.Gate.PrepareChange(ctx, change)
	result, err := a.core.Write(ctx, registry.AccessManage, idem, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, err := tx.ChangePolicy(ctx, change)
		if err != nil || v == nil {
			return core.WriteResult{}, err
		}
		v.ID, v.ValidFrom = registry.PolicyVersionID(v.Number), tx.Now()
		if err := core.PutNoun(ctx, tx, v, tx.Now()); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{v.ID}, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: policyLogActions[v.Change], Objects: []registry.ID{v.ID}, Reason: v.Reason,
			Detail: policyDetail(v, change)})
	})
	if err != nil {
		return nil, err
	}
	return a.policyPayload(change.Put, result.Changed), nil
}

// policyDetail tells the log what a version of the policy changed.
func policyDetail(v *registry.PolicyVersion, change policies.PolicyChange) registry.JSON {
	if change.RevertTo != nil {
		return core.LogDetail("version", v.Number, "hash", v.Hash, "to", *change.RevertTo)
	}
	return core.LogDetail("version", v.Number, "hash", v.Hash, "rule", v.Rule)
}

// policyPayload returns the policy that is in force now. The caller has just written it, and
// may have lost the right to read it by that.
func (a *Access) policyPayload(rule string, changed bool) *PolicyPayload {
	p := newPolicy(a.core.Gate.Policy())
	out := &PolicyPayload{Policy: p, Changed: changed}
	for i := range p.Rules {
		if p.Rules[i].Text == rule {
			out.Rule = &p.Rules[i]
		}
	}
	return out
}
