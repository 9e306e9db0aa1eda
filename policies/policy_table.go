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

// reach is where a permission holds: on the rows of a row rule, under conditions. Two reaches
// with the same rows and the same text of conditions are the same.
type reach struct {
	rows Rows
	// conditions is the canonical text of the conditions, "" for none.
	conditions string
}

// covers reports whether a permission of reach r holds wherever one of reach o does.
func (r reach) covers(o reach) bool {
	return (r.rows == RowsAll || r.rows == o.rows) && (r.conditions == "" || r.conditions == o.conditions)
}

// Table is a compiled policy: for each role, the fields that it may read and the actions that
// it may do, each with its reach. It is immutable.
type Table struct {
	// Version is a hash of the policy's text and of the Casbin model.
	Version string
	// Number counts the versions of the policy in the store; 0 is the file alone.
	Number int
	// Text is the merged policy: the file, with what the API added and withdrew.
	Text string
	// Unused are lines that do not fit together with the file of this server: it leaves them
	// out, see merge.
	Unused []string
	lines  []line
	roles  map[string]*role
	// reaches are all reaches of the policy, in a fixed order, and conditions what their texts
	// mean.
	reaches    []reach
	conditions map[string]*conditions
}

type role struct {
	// masks are, by reach and noun, the fields that the role may read.
	masks map[reach]map[string]registry.Mask
	// actions are, by action, the reaches that allow it.
	actions map[registry.Action][]reach
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

// Mask returns the fields of a noun that a role may read under a row rule, whatever the
// conditions of other rules.
func (t *Table) Mask(roleName string, rows Rows, noun string) registry.Mask {
	return t.mask(roleName, reach{rows: rows}, noun)
}

func (t *Table) mask(roleName string, at reach, noun string) registry.Mask {
	if r := t.roles[roleName]; r != nil {
		return r.masks[at][noun]
	}
	return 0
}

// May reports whether a role may do an action under a row rule without conditions.
func (t *Table) May(roleName string, rows Rows, a registry.Action) bool {
	return t.may(roleName, reach{rows: rows}, a)
}

func (t *Table) may(roleName string, at reach, a registry.Action) bool {
	r := t.roles[roleName]
	return r != nil && slices.Contains(r.actions[a], at)
}

// MayAnywhere reports whether a role may do an action on some row, under some condition.
func (t *Table) MayAnywhere(roleName string, a registry.Action) bool {
	r := t.roles[roleName]
	return r != nil && len(r.actions[a]) > 0
}

// uses reports whether the role may read or do anything at a reach.
func (r *role) uses(at reach) bool {
	if len(r.masks[at]) > 0 {
		return true
	}
	for _, reaches := range r.actions {
		if slices.Contains(reaches, at) {
			return true
		}
	}
	return false
}
