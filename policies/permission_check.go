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
		if s.table.May(r, RowsAll, action) {
			could = append(could, r)
		}
	}
	return registry.Errorf(registry.Forbidden, "you may not do %s; ask an administrator for a role that may: %s", action, strings.Join(could, ", "))
}

// grantsFor returns the grants that allow an action, with their row rules.
func (s *Scope) grantsFor(action registry.Action) (out []actionGrant) {
	for _, gr := range s.grants {
		for _, rows := range allRows {
			if s.table.May(gr.role, rows, action) {
				out = append(out, actionGrant{model: gr.model, rows: rows})
			}
		}
	}
	return out
}

// actionGrant is where an action is allowed: in a model ("" for all), on rows.
type actionGrant struct {
	model registry.ID
	rows  Rows
}

// May reports whether the actor may do another action on anything.
func (s *Scope) May(action registry.Action) bool { return len(s.grantsFor(action)) > 0 }

// grant is a grant of the actor. model is the model of its scope, "" for all.
type grant struct {
	role  string
	model registry.ID
}

func (g *Gate) resolveGrants(ctx context.Context, r graph.Reader, grants []registry.Grant) (out []grant, err error) {
	t := g.table.Load()
	for _, gr := range grants {
		if !t.HasRole(gr.Role) {
			continue // A role that is no longer in the policy gives nothing.
		}
		if gr.Scope == registry.ScopeAll {
			out = append(out, grant{role: gr.Role})
			continue
		}
		name, ok := strings.CutPrefix(gr.Scope, "model:")
		if !ok {
			continue
		}
		model, err := g.modelCache.get(name, func() (registry.ID, error) { return modelNamed(ctx, r, name) })
		if err != nil {
			return nil, err
		}
		out = append(out, grant{role: gr.Role, model: model})
	}
	return slices.Compact(out), nil
}

// modelNamed returns the id of the model of a name. When there is none yet, it returns
// the id that the first model of this name will get, so that a grant can precede it.
func modelNamed(ctx context.Context, r graph.Reader, name string) (registry.ID, error) {
	page, err := r.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Slots: []string{registry.ModelNameSlot(name)}, Limit: 1, Bare: true})
	if err != nil {
		return "", err
	}
	if len(page.Nodes) == 1 {
		return page.Nodes[0].ID, nil
	}
	return registry.ModelID(name, 1), nil
}
