package policies

import (
	"slices"

	"pedigree/registry"
)

// Rows is a row rule: it selects the rows that a permission holds for.
type Rows string

// The row rules: every row; versions in a served stage and what they came from; log
// entries of models; facts that the subject recorded itself.
const (
	RowsAll    Rows = "all"
	RowsServed Rows = "served"
	RowsModels Rows = "models"
	RowsOwn    Rows = "own"
)

// allRows lists the row rules in a fixed order.
var allRows = []Rows{RowsAll, RowsServed, RowsModels, RowsOwn}

// Table is a compiled policy: for each role, the fields that it may read under each row
// rule and the actions that it may do. It is immutable.
type Table struct {
	// Version is a hash of the policy's text and of the Casbin model.
	Version string
	roles   map[string]*role
}

type role struct {
	// masks are, by row rule and noun, the fields that the role may read.
	masks map[Rows]map[string]registry.Mask
	// actions are, by action, the row rules that allow it.
	actions map[registry.Action][]Rows
}

// Roles lists the roles of the policy by name.
func (t *Table) Roles() []string {
	out := make([]string, 0, len(t.roles))
	for r := range t.roles {
		out = append(out, r)
	}
	slices.Sort(out)
	return out
}

// HasRole reports whether the policy names a role.
func (t *Table) HasRole(name string) bool { return t.roles[name] != nil }

// Mask returns the fields of a noun that a role may read under a row rule.
func (t *Table) Mask(roleName string, rows Rows, noun string) registry.Mask {
	if r := t.roles[roleName]; r != nil {
		return r.masks[rows][noun]
	}
	return 0
}

// May reports whether a role may do an action under a row rule.
func (t *Table) May(roleName string, rows Rows, a registry.Action) bool {
	r := t.roles[roleName]
	return r != nil && slices.Contains(r.actions[a], rows)
}
