package access

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
)

// ExplainInput asks whether a role may read a field or do an action, one of the two; on an
// object, and for a target stage or an alias, where they are given.
type ExplainInput struct {
	Role          string
	Field, Action *string
	On            *registry.ID
	To            *registry.Stage
	Alias         *string
}

// Explanation answers an ExplainInput.
type Explanation struct {
	Role, Object string
	Allowed      bool
	Rule         *PolicyRule
	Why          string
	Version      int
	Hash         string
}

// Explain says whether a role, held over everything, may do something, which rule decides, and
// why not.
func (a *Access) Explain(ctx context.Context, in ExplainInput) (*Explanation, error) {
	scope, err := a.core.Gate.Read(ctx, registry.AccessManage)
	if err != nil {
		return nil, err
	}
	q := policies.Question{Role: in.Role, On: in.On}
	switch {
	case in.Field != nil && in.Action == nil:
		q.Object = *in.Field
	case in.Action != nil && in.Field == nil:
		q.Object = *in.Action
	default:
		return nil, registry.Invalid("field", "give a field (Noun.name) or an action, one of the two")
	}
	if in.To != nil {
		q.Target.Stage = *in.To
	}
	if in.Alias != nil {
		q.Target.Alias = *in.Alias
	}
	x, err := scope.Explain(ctx, q)
	if err != nil {
		return nil, err
	}
	return NewExplanation(x), nil
}

// NewExplanation makes an Explanation of one of package policies.
func NewExplanation(x *policies.Explanation) *Explanation {
	out := &Explanation{x.Role, x.Object, x.Allowed, nil, x.Why, x.Version, x.Hash}
	if x.Rule != nil {
		rule := newPolicyRule(*x.Rule)
		out.Rule = &rule
	}
	return out
}
