package policies

import (
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// forbidden returns the error for a missing permission, with the roles that have it.
func (s *Scope) forbidden(action registry.Action) error {
	var could []string
	for _, r := range s.table.Roles() {
		if s.table.MayAnywhere(r, action) {
			could = append(could, r)
		}
	}
	return registry.Errorf(registry.Forbidden, "you may not do %s; ask an administrator for a role that may: %s", action, strings.Join(could, ", "))
}

// grantsFor returns the grants that allow an action, with their row rules and conditions.
func (s *Scope) grantsFor(action registry.Action) (out []actionGrant) {
	for _, gr := range s.grants {
		for i, at := range s.table.reaches {
			if s.table.may(gr.role, at, action) {
				out = append(out, actionGrant{models: gr.models[i], rows: at.rows, conditions: s.table.conditions[at.conditions]})
			}
		}
	}
	return out
}

// actionGrant is where an action is allowed: in models (nil for all), on rows, under
// conditions about its target.
type actionGrant struct {
	models     *modelSet
	rows       Rows
	conditions *conditions
}

// allowed reports whether a grant covers a model, "" for everything, without a condition about
// the target.
func allowed(as []actionGrant, model registry.ID) bool {
	for _, a := range as {
		if a.conditions.ofTarget(Target{Model: model}) && (a.models == nil || a.models.has(model)) {
			return true
		}
	}
	return false
}

// May reports whether the actor may do another action on anything.
func (s *Scope) May(action registry.Action) bool {
	return slices.ContainsFunc(s.grants, func(g grant) bool { return s.table.MayAnywhere(g.role, action) })
}

// MayIn reports whether the actor may do an action in a model.
func (s *Scope) MayIn(action registry.Action, model registry.ID) bool {
	return allowed(s.grantsFor(action), model)
}

// grant is a grant of the actor: a role, and the models that each reach of the policy covers
// within the grant's scope, in the order of Table.reaches.
type grant struct {
	role   string
	models []*modelSet
}

// resolveGrants returns the grants that a policy and the models of today give an actor. A role
// that is no longer in the policy gives nothing, nor does a scope that cannot be read.
func (g *Gate) resolveGrants(ctx context.Context, r graph.Reader, t *Table, grants []registry.Grant) (out []grant, err error) {
	for _, gr := range grants {
		scope, err := registry.ParseGrantScope(gr.Scope)
		if err != nil || !t.HasRole(gr.Role) {
			continue
		}
		resolved := grant{role: gr.Role, models: make([]*modelSet, len(t.reaches))}
		for i, at := range t.reaches {
			if !t.roles[gr.Role].uses(at) {
				continue
			}
			if resolved.models[i], err = g.modelsOf(ctx, r, filterOf(scope, t.conditions[at.conditions])); err != nil {
				return nil, err
			}
		}
		out = append(out, resolved)
	}
	return out, nil
}

// filterOf returns the models that both a scope and conditions select.
func filterOf(s registry.GrantScope, c *conditions) modelFilter {
	f := modelFilter{name: s.Model, owners: c.owners}
	if s.Tag.Key != "" {
		f.tags = append(f.tags, []registry.KeyValue{s.Tag})
	}
	if c.tags != nil {
		f.tags = append(f.tags, c.tags)
	}
	return f
}

// modelNamed returns the id of the model of a name. When there is none yet, it returns
// the id that the first model of this name will get, so that a grant can precede it. A model that
// was registered under the name and has another one now is not meant.
func modelNamed(ctx context.Context, r graph.Reader, name string) (registry.ID, error) {
	page, err := r.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Slots: []string{registry.ModelNameSlot(name)}, Limit: 1, Bare: true})
	if err != nil {
		return "", err
	}
	if len(page.Nodes) == 1 {
		return page.Nodes[0].ID, nil
	}
	for incarnation := 1; ; incarnation++ {
		id := registry.ModelID(name, incarnation)
		nodes, err := r.Nodes(ctx, graph.Instant{}, id)
		if err != nil || nodes[0] == nil || nodes[0].Deleted || nodes[0].Name == name {
			return id, err
		}
	}
}
