package policies

import (
	"slices"

	"pedigree/registry"
)

// Rows is a rule that says which rows a permission holds for.
type Rows string

// The row rules.
const (
	RowsAll    Rows = "all"
	RowsServed Rows = "served"
	RowsModels Rows = "models"
	RowsOwn    Rows = "own"
)

// allRows lists the row rules in a fixed order.
var allRows = []Rows{RowsAll, RowsServed, RowsModels, RowsOwn}

// ServedStages are the stages that the row rule served covers.
func ServedStages() []registry.Stage {
	return []registry.Stage{registry.Production, registry.Deprecated}
}

// Table is a compiled policy: for each role, what it reads under each row rule
// and what it may do. It never changes; a new policy is a new Table.
type Table struct {
	// Version is a hash of the policy's text.
	Version string
	roles   map[string]*role
}

type role struct {
	// masks has, by row rule and noun, the fields that may be read.
	masks map[Rows]map[string]registry.Mask
	// actions has, by action, the row rules that it is allowed under.
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

// Mask returns the fields of a noun that a role reads on rows of that rule.
func (t *Table) Mask(roleName string, rows Rows, noun string) registry.Mask {
	if r := t.roles[roleName]; r != nil {
		return r.masks[rows][noun]
	}
	return 0
}

// May reports whether a role may do an action on rows of that rule.
func (t *Table) May(roleName string, rows Rows, a registry.Action) bool {
	r := t.roles[roleName]
	return r != nil && slices.Contains(r.actions[a], rows)
}
