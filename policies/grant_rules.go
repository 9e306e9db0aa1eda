package policies

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Nobody gives or takes a grant that they do not hold themselves, with access.manage, within a
// scope that covers its scope; and nobody takes the last administrator away. These rules are
// checked where actors and policies are written, so that no use case can go around them.

// checkGrants refuses a write of an actor that the two rules forbid.
func (t *Tx) checkGrants(ctx context.Context, n *graph.Node) error {
	var next, old registry.Actor
	nodes, err := t.tx.Nodes(ctx, graph.Instant{}, n.ID)
	if err != nil {
		return err
	}
	decodeNode(nodes[0], &old)
	if !n.Deleted && json.Unmarshal(n.Doc, &next) != nil {
		return &registry.Error{Code: registry.Internal, Message: "the document of an actor cannot be read"}
	}
	table, err := t.policyInForce(ctx)
	if err != nil {
		return err
	}
	changed := slices.Concat(without(next.Grants, old.Grants), without(old.Grants, next.Grants))
	for _, g := range changed {
		if missing := t.missing(table, g); missing != "" {
			return registry.Errorf(registry.Forbidden, "you may not give or take %s within %s: %s", g.Role, g.Scope, missing)
		}
	}
	if table.administers(old.Grants) && !table.administers(next.Grants) {
		return t.checkAdministrators(ctx, table, n.ID)
	}
	return nil
}

// without returns the grants of a that are not in b.
func without(a, b []registry.Grant) (out []registry.Grant) {
	for _, g := range a {
		if !slices.Contains(b, g) {
			out = append(out, g)
		}
	}
	return out
}

// administers reports whether some of the grants allow access.manage over everything.
func (t *Table) administers(grants []registry.Grant) bool {
	return slices.ContainsFunc(grants, func(g registry.Grant) bool {
		return g.Scope == registry.ScopeAll && t.May(g.Role, RowsAll, registry.AccessManage)
	})
}

// checkAdministrators answers FAILED_PRECONDITION when no subject but one, "" for none, is an
// administrator under a policy.
func (t *Tx) checkAdministrators(ctx context.Context, table *Table, except registry.ID) error {
	found, err := t.hasAdministrator(ctx, table, except)
	if err == nil && !found {
		err = registry.Errorf(registry.FailedPrecondition, "nobody would be left who may do access.manage over everything; give that to somebody else first")
	}
	return err
}

// hasAdministrator reads subjects until it finds an administrator. Most often one is among the
// first.
func (t *Tx) hasAdministrator(ctx context.Context, table *Table, except registry.ID) (bool, error) {
	q := graph.Query{Kinds: []registry.Kind{registry.KindActor}, Order: registry.IndexName, Limit: 10}
	for ; ; q.Limit = 500 {
		page, err := t.tx.Find(ctx, q)
		if err != nil {
			return false, err
		}
		for _, n := range page.Nodes {
			var a registry.Actor
			if n.ID != except && decodeNode(n, &a) && table.administers(a.Grants) {
				return true, nil
			}
		}
		if !page.More {
			return false, nil
		}
		q.After = KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

// policyInForce returns the policy as the transaction finds it in the store. The scope's may be
// older: another server's change comes with a delay.
func (t *Tx) policyInForce(ctx context.Context) (*Table, error) {
	v, err := newestPolicyVersion(ctx, t.tx)
	if err != nil || v.Number == t.scope.table.Number {
		return t.scope.table, err
	}
	return t.gate.policy.compile(overlay{v.Added, v.Withdrawn}, v.Number)
}

// missing says what the actor lacks to give or take a grant, "" for nothing: access.manage, and
// each right of the role, within a scope that covers the grant's.
func (t *Tx) missing(table *Table, g registry.Grant) string {
	var held []string // the actor's roles whose scope covers the grant's
	manages := false
	for _, own := range t.scope.actor.Grants {
		if own.Scope == registry.ScopeAll || own.Scope == g.Scope {
			held = append(held, own.Role)
			manages = manages || table.May(own.Role, RowsAll, registry.AccessManage)
		}
	}
	if !manages {
		return fmt.Sprintf("you may not do %s there", registry.AccessManage)
	}
	if r := table.roles[g.Role]; r != nil {
		if right := table.firstBeyond(r, held); right != "" {
			return "the role allows what you do not hold there: " + right
		}
	}
	return ""
}

// firstBeyond names a right of a role that none of other roles has, "" when they have all.
func (t *Table) firstBeyond(r *role, others []string) string {
	for _, at := range t.reaches {
		for _, n := range registry.Nouns() {
			if lacks := r.masks[at][n.Name] &^ t.union(others, at, n.Name); lacks != 0 {
				return "to read " + fieldsOf(n, lacks) + where(at)
			}
		}
	}
	for _, a := range registry.Actions() {
		for _, at := range r.actions[a] {
			if !t.anyMay(others, at, a) {
				return "to do " + string(a) + where(at)
			}
		}
	}
	return ""
}

// union returns the fields of a noun that some roles read wherever a reach is.
func (t *Table) union(roles []string, at reach, noun string) (m registry.Mask) {
	for _, name := range roles {
		for _, have := range t.reaches {
			if have.covers(at) {
				m |= t.mask(name, have, noun)
			}
		}
	}
	return m
}

// anyMay reports whether one of some roles may do an action wherever a reach is.
func (t *Table) anyMay(roles []string, at reach, a registry.Action) bool {
	return slices.ContainsFunc(roles, func(name string) bool {
		return slices.ContainsFunc(t.reaches, func(have reach) bool { return have.covers(at) && t.may(name, have, a) })
	})
}

// fieldsOf names the first field of a mask.
func fieldsOf(n *registry.Noun, m registry.Mask) string {
	for i, f := range n.Fields {
		if m.Has(i) {
			return f.Coordinate()
		}
	}
	return n.Name
}

// where writes a reach for a message.
func where(at reach) string {
	out := " on rows " + string(at.rows)
	if at.conditions != "" {
		out += " where " + at.conditions
	}
	return out
}
