package policies

import (
	"fmt"
	"slices"
	"strings"

	"pedigree/registry"
)

// Origin says where a rule of the policy comes from.
type Origin string

// The origins: the policy file or the built-in policy; a row that the API added.
const (
	OriginFile Origin = "FILE"
	OriginAPI  Origin = "API"
)

// Rule is one p rule of the policy.
type Rule struct {
	// ID is made from the rule: the same rule has the same id in every version.
	ID     registry.ID
	Role   string
	Object string
	Act    string
	Rows   Rows
	Effect string
	// Conditions are the terms of the rule's conditions, all of which must hold.
	Conditions []Condition
	// Text is the rule as a line of a policy file.
	Text   string
	Origin Origin
}

// rule returns a p line as a Rule.
func (l line) rule() Rule {
	terms, _ := splitConditions(l.cond.text)
	return Rule{ID: ruleID(l.text()), Role: strings.TrimPrefix(l.fields[1], rolePrefix), Object: l.fields[2], Act: l.fields[3], Rows: Rows(l.fields[4]), Effect: l.fields[5],
		Conditions: terms, Text: l.text(), Origin: l.origin}
}

func ruleID(text string) registry.ID { return registry.HashID("rule", text) }

// Rules lists the p rules in their order: those of the file first.
func (t *Table) Rules() (out []Rule) {
	for _, l := range t.lines {
		if l.fields[0] == "p" {
			out = append(out, l.rule())
		}
	}
	return out
}

// overlay is what the API changed of a file's rules: texts of p lines.
type overlay struct{ added, withdrawn []string }

func (o overlay) equal(p overlay) bool {
	return slices.Equal(o.added, p.added) && slices.Equal(o.withdrawn, p.withdrawn)
}

// merge compiles the policy of a file with an overlay. It leaves out what does not fit the file
// of this server, and can only take rights away by that: a rule that was added and names a group
// which is gone, and an inclusion of a role whose last rule was withdrawn.
func (t *Table) merge(o overlay) (*Table, error) {
	if len(o.added)+len(o.withdrawn) == 0 {
		return t, nil
	}
	var unused, added []string
	gone := map[int]bool{} // the lines of the file that are left out
	lines := slices.DeleteFunc(slices.Clone(t.lines), func(l line) bool {
		gone[l.no] = slices.Contains(o.withdrawn, l.text())
		return gone[l.no]
	})
	no := strings.Count(t.Text, "\n") + 1
	for _, rule := range o.added {
		parsed, problems := parsePolicy(rule)
		if len(problems) > 0 || len(parsed) != 1 || slices.ContainsFunc(lines, func(l line) bool { return l.text() == rule }) {
			continue
		}
		l := parsed[0]
		l.no, l.origin = no, OriginAPI
		if len(problemsOf(l, lines)) > 0 {
			unused = append(unused, rule)
			continue
		}
		no++
		lines, added = append(lines, l), append(added, rule)
	}
	roles := rolesOf(lines)
	lines = slices.DeleteFunc(lines, func(l line) bool {
		if l.fields[0] != "g" || slices.Contains(roles, l.fields[1]) && slices.Contains(roles, l.fields[2]) {
			return false
		}
		gone[l.no], unused = true, append(unused, l.text())
		return true
	})
	out, err := compileLines(mergedText(t.Text, gone, added), lines, nil)
	if err == nil {
		out.Unused = unused
	}
	return out, err
}

// mergedText returns the text of a file without some lines and with rules after the last.
func mergedText(file string, gone map[int]bool, added []string) string {
	var out strings.Builder
	no := 0
	for s := range strings.Lines(file) {
		if no++; !gone[no] {
			out.WriteString(strings.TrimRight(s, "\r\n") + "\n")
		}
	}
	for _, rule := range added {
		out.WriteString(rule + "\n")
	}
	return out.String()
}

// problemsOf returns what is wrong with a p rule beside other lines.
func problemsOf(l line, others []line) (problems []string) {
	checkRule(l.fields, customGroups(others), func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf(format, args...))
	})
	return problems
}

// WriteRule writes a rule that allows something as a line of a policy file.
func WriteRule(role, object, act string, rows Rows, terms []Condition) string {
	parts := []string{"p", rolePrefix + role, object, act, string(rows), "allow"}
	if len(terms) > 0 {
		parts = append(parts, writeConditions(terms))
	}
	return strings.Join(parts, ", ")
}
