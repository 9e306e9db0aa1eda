package policies

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// Explanation says whether a role may read a field or do an action, and why.
type Explanation struct {
	Role, Object string
	Allowed      bool
	// Rule is the rule that decides; nil when no rule speaks of it.
	Rule *Rule
	// Why is a sentence. Where a rule allows only some rows or under conditions, it says which.
	Why string
	// Version and Hash name the policy that was asked.
	Version int
	Hash    string
}

// Question is what an Explanation answers: may a role, granted over everything, read a field
// (Noun.field) or do an action, on an object if one is named. Stage and Alias are of the
// target, for actions whose rules have conditions about them.
type Question struct {
	Role, Object string
	On           *registry.ID
	Target       Target
}

// Explain answers a question from the rules alone: On must be nil.
func (t *Table) Explain(q Question) (*Explanation, error) {
	return t.explain(q, func(reach) (bool, string, error) { return true, "", nil })
}

// Explain answers a question about an object that the asker sees: NOT_FOUND for another one.
func (s *Scope) Explain(ctx context.Context, q Question) (*Explanation, error) {
	if q.On == nil {
		return s.table.Explain(q)
	}
	own, err := s.Nodes(ctx, graph.Instant{}, *q.On)
	if err != nil {
		return nil, err
	}
	if own[0] == nil || own[0].Hidden {
		return nil, registry.Errorf(registry.NotFound, "there is no object %q", registry.Shorten(string(*q.On), 60))
	}
	nodes, err := s.store.Nodes(ctx, graph.Instant{}, *q.On)
	if err != nil {
		return nil, err
	}
	asked := *s
	asked.actor = registry.Actor{Subject: s.actor.Subject, Grants: []registry.Grant{{Role: q.Role, Scope: registry.ScopeAll}}}
	grants, err := s.gate.resolveGrants(ctx, s.store, s.table, asked.actor.Grants)
	if err != nil {
		return nil, err
	}
	if noun, _, ok := strings.Cut(q.Object, "."); ok && isField(q.Object) && registry.NounOf(nodes[0].Kind).Name != noun {
		return nil, registry.Invalid("on", "is a %s, and the field %s is of another noun", nodes[0].Kind, q.Object)
	}
	return s.table.explain(q, func(at reach) (bool, string, error) {
		return asked.reachCovers(ctx, grants, at, nodes[0], isAction(q.Object))
	})
}

// reachCovers reports whether a reach of a role covers a node, and why not. An action is limited
// to models alone; whose facts they are is checked when one is retracted.
func (s *Scope) reachCovers(ctx context.Context, grants []grant, at reach, n *graph.Node, action bool) (bool, string, error) {
	if len(grants) == 0 {
		return false, "", nil
	}
	models := grants[0].models[slices.Index(s.table.reaches, at)]
	c := rowGrant{rows: at.rows, models: models, masks: map[string]registry.Mask{registry.NounOf(n.Kind).Name: registry.AllFields}}
	if action {
		c.rows = RowsAll
	}
	if c.coversAll() {
		return true, "", nil
	}
	covered, err := newRowVisibility(s.store, s.gate.visibilityBudget).covered(ctx, c, []*graph.Node{n})
	if err != nil || covered[0] {
		return err == nil, "", err
	}
	return false, fmt.Sprintf("%s is not one of its rows (%s)", n.ID, strings.TrimPrefix(where(at), " on rows ")), nil
}

// explain answers about a field or an action. Plumbing needs no rule of its own: who reads a
// field of an object reads its id, kind and revision.
func (t *Table) explain(q Question, covers func(reach) (bool, string, error)) (*Explanation, error) {
	f := fieldNamed(q.Object)
	if f.Class != registry.Plumbing || f.Name == "" {
		return t.explainRule(q, covers)
	}
	var last *Explanation
	for _, other := range registry.NounNamed(f.Noun).Fields {
		if other.Class == registry.Plumbing || last != nil && !t.readsAnywhere(q.Role, other) {
			continue
		}
		x, err := t.explainRule(Question{Role: q.Role, Object: other.Coordinate(), Target: q.Target}, covers)
		if err != nil {
			return nil, err
		}
		last, x.Object = x, q.Object
		if x.Allowed {
			x.Why = "who reads " + other.Coordinate() + " reads it too: " + x.Why
			return x, nil
		}
	}
	return last, nil
}

// readsAnywhere reports whether a role reads a field on some row.
func (t *Table) readsAnywhere(role string, f registry.Field) bool {
	return slices.ContainsFunc(t.reaches, func(at reach) bool { return t.mask(role, at, f.Noun).Has(registry.Bit(f.Noun, f.Name)) })
}

// explainRule asks Casbin which rule decides, at each reach of the policy. An allowing rule
// counts where it covers the object and its conditions hold for the target.
func (t *Table) explainRule(q Question, covers func(reach) (bool, string, error)) (*Explanation, error) {
	act, err := actOf(q.Object)
	if err != nil {
		return nil, err
	}
	if !t.HasRole(q.Role) {
		return nil, registry.Invalid("role", "%q is no role of this policy; it has %v", q.Role, t.Roles())
	}
	e, err := newEnforcer(t.lines, func(object string) bool { return object == q.Object })
	if err != nil {
		return nil, err
	}
	out := &Explanation{Role: q.Role, Object: q.Object, Version: t.Number, Hash: t.Version}
	for _, at := range t.reaches {
		ok, rule, err := e.EnforceEx(rolePrefix+q.Role, q.Object, act, string(at.rows), at.conditions)
		if err != nil {
			return nil, err
		}
		c := t.conditions[at.conditions]
		if noun, _, _ := strings.Cut(q.Object, "."); act == "read" && !c.ofNoun(registry.NounNamed(noun)) || len(rule) == 0 {
			continue
		}
		on, whyNot, err := covers(at)
		if err != nil {
			return nil, err
		}
		switch {
		case !ok:
			whyNot = "the rule denies it on rows " + string(at.rows)
		case act == "do" && !c.ofTarget(q.Target):
			on, whyNot = false, "it is allowed only where "+at.conditions
		}
		if ok && on {
			out.Allowed, out.Rule, out.Why = true, t.ruleOf(rule), "the rule allows it"+where(at)
			return out, nil
		}
		if out.Rule == nil {
			out.Rule, out.Why = t.ruleOf(rule), whyNot
		}
	}
	if out.Rule == nil {
		out.Why = fmt.Sprintf("no rule lets %s %s %s", q.Role, act, q.Object)
	}
	return out, nil
}

// actOf returns read for a field and do for an action.
func actOf(object string) (string, error) {
	switch {
	case isAction(object):
		return "do", nil
	case isField(object):
		return "read", nil
	}
	return "", registry.Invalid("object", "%q is no field of the schema and no action%s", registry.Shorten(object, 100), fieldSuggestion(object))
}

// ruleOf returns the rule that Casbin cites: the parts of a p rule after the p.
func (t *Table) ruleOf(cited []string) *Rule {
	text := strings.TrimSuffix("p, "+strings.Join(cited, ", "), ", ")
	for _, l := range t.lines {
		if l.text() == text {
			r := l.rule()
			return &r
		}
	}
	return nil
}
