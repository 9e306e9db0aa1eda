package policies

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"pedigree/registry"
)

// line is one rule of a policy.
type line struct {
	no     int
	fields []string
	origin Origin
	// cond are the conditions of a p rule. checkRule refuses those that cannot be read.
	cond *conditions
}

func newLine(no int, fields []string, origin Origin) line {
	l := line{no: no, fields: fields, origin: origin, cond: unconditional}
	if fields[0] == "p" && len(fields) == 7 {
		if c, err := parseConditions(fields[6]); err == nil {
			l.cond = c
		}
	}
	return l
}

// text returns the rule in one spelling: equal rules have equal texts.
func (l line) text() string {
	fields := l.fields
	if fields[0] == "p" {
		fields = slices.Clone(fields[:6])
		if l.cond.text != "" {
			fields = append(fields, l.cond.text)
		}
	}
	return strings.Join(fields, ", ")
}

// reach returns where a p rule holds.
func (l line) reach() reach { return reach{Rows(l.fields[4]), l.cond.text} }

func parsePolicy(text string) (lines []line, problems []string) {
	sc := bufio.NewScanner(strings.NewReader(text))
	for no := 1; sc.Scan(); no++ {
		s := strings.TrimSpace(sc.Text())
		if s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		fields := strings.Split(s, ",")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		want := map[string]int{"p": 6, "g": 3, "g2": 3}[fields[0]]
		switch {
		case fields[0] == "p" && len(fields) != 6 && len(fields) != 7:
			problems = append(problems, fmt.Sprintf("line %d: a p rule has 6 parts, and 7 with conditions, this one %d", no, len(fields)))
			continue
		case fields[0] == "p":
			lines = append(lines, newLine(no, fields, OriginFile))
			continue
		case want == 0:
			problems = append(problems, fmt.Sprintf("line %d: a rule starts with p, g or g2, not %q", no, fields[0]))
		case len(fields) != want:
			problems = append(problems, fmt.Sprintf("line %d: a %s rule has %d parts, this one %d", no, fields[0], want, len(fields)))
		default:
			lines = append(lines, newLine(no, fields, OriginFile))
		}
	}
	if err := sc.Err(); err != nil {
		problems = append(problems, err.Error())
	}
	return lines, problems
}

// checkPolicy refuses what Casbin would accept silently: an empty policy, unknown
// objects, acts, rows, effects and roles, denied plumbing fields, and role cycles.
func checkPolicy(lines []line) (problems []string) {
	bad := func(l line, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("line %d: %s", l.no, fmt.Sprintf(format, args...)))
	}
	rules, groups, roles := 0, customGroups(lines), rolesOf(lines)
	for _, l := range lines {
		f := l.fields
		switch f[0] {
		case "p":
			rules++
			checkRule(f, groups, func(format string, args ...any) { bad(l, format, args...) })
		case "g":
			for _, r := range f[1:] {
				if !slices.Contains(roles, r) {
					bad(l, "%q is no role of this policy; roles are written %sNAME and need a p rule", r, rolePrefix)
				}
			}
		case "g2":
			if !isField(f[1]) && !isAction(f[1]) {
				bad(l, "%q is neither a field of the schema nor an action", f[1])
			}
			if prefix, _, ok := strings.Cut(f[2], ":"); ok && slices.Contains([]string{"class", "field", "action"}, prefix) {
				bad(l, "%q is a name of built-in groups, which cannot be added to; name yours without %s:", f[2], prefix)
			}
		}
	}
	if rules == 0 {
		problems = append(problems, "it has no p rule: nobody could do anything")
	}
	if c := roleCycle(lines); c != "" {
		problems = append(problems, "the roles include each other in a circle: "+c)
	}
	return problems
}

func checkRule(f []string, groups map[string][]string, bad func(string, ...any)) {
	roleName, obj, act, rows, effect := f[1], f[2], f[3], f[4], f[5]
	if !strings.HasPrefix(roleName, rolePrefix) || len(roleName) == len(rolePrefix) {
		bad("%q is no role; write %sNAME", roleName, rolePrefix)
	}
	field := isField(obj) || obj == groupAnyField || strings.HasPrefix(obj, classPrefix) && builtinGroup(obj)
	action := isAction(obj) || obj == groupAnyAction
	if !field && !action && groups[obj] == nil {
		bad("%q is no field of the schema, no action and no group%s", obj, fieldSuggestion(obj))
	}
	switch act {
	case "read":
		if action {
			bad("%q is an action: write do, not read", obj)
		}
	case "do":
		if field {
			bad("%q is a field: write read, not do", obj)
		}
	default:
		bad("%q is no act; write read or do", act)
	}
	if !slices.Contains(allRows, Rows(rows)) {
		bad("%q is no row rule; use one of %v", rows, allRows)
	}
	if effect != "allow" && effect != "deny" {
		bad("%q is no effect; write allow or deny", effect)
	}
	if len(f) == 7 {
		checkConditions(f, bad)
	}
	for _, o := range append(groups[obj], obj) {
		if effect == "deny" && (isField(o) && fieldNamed(o).Class == registry.Plumbing || o == classPrefix+string(registry.Plumbing)) {
			bad("%s cannot be hidden: answers cannot be built without it", o)
		}
	}
}

func checkConditions(f []string, bad func(string, ...any)) {
	obj, act, effect := f[2], f[3], f[5]
	c, err := parseConditions(f[6])
	if err != nil {
		bad("%v", err)
		return
	}
	if effect == "deny" && c.text != "" {
		bad("a deny rule takes no conditions")
	}
	if p := c.problem(obj, act); p != "" {
		bad("%s", p)
	}
}

const (
	classPrefix    = "class:"
	groupAnyField  = "field:any"
	groupAnyAction = "action:any"
)

func builtinGroup(s string) bool {
	if s == groupAnyField || s == groupAnyAction {
		return true
	}
	return strings.HasPrefix(s, classPrefix) && slices.Contains(registry.Classes(), registry.Class(strings.TrimPrefix(s, classPrefix)))
}

func fieldNamed(coordinate string) (f registry.Field) {
	noun, name, _ := strings.Cut(coordinate, ".")
	if n := registry.NounNamed(noun); n != nil {
		f, _ = n.Field(name)
	}
	return f
}

func isField(s string) bool  { return fieldNamed(s).Name != "" }
func isAction(s string) bool { return registry.IsAction(s) }

// customGroups returns the groups that the policy defines, with their members.
func customGroups(lines []line) map[string][]string {
	out := map[string][]string{}
	for _, l := range lines {
		if l.fields[0] == "g2" {
			out[l.fields[2]] = append(out[l.fields[2]], l.fields[1])
		}
	}
	return out
}

func rolesOf(lines []line) (out []string) {
	for _, l := range lines {
		if l.fields[0] == "p" && !slices.Contains(out, l.fields[1]) {
			out = append(out, l.fields[1])
		}
	}
	return out
}

func roleCycle(lines []line) string {
	next := map[string][]string{}
	for _, l := range lines {
		if l.fields[0] == "g" {
			next[l.fields[1]] = append(next[l.fields[1]], l.fields[2])
		}
	}
	state := map[string]int{}
	var visit func(r string, path []string) string
	visit = func(r string, path []string) string {
		path = append(path, r)
		if state[r] == 1 {
			return strings.Join(path, " → ")
		}
		if state[r] == 2 {
			return ""
		}
		state[r] = 1
		for _, n := range next[r] {
			if c := visit(n, path); c != "" {
				return c
			}
		}
		state[r] = 2
		return ""
	}
	for r := range next {
		if c := visit(r, nil); c != "" {
			return c
		}
	}
	return ""
}

func fieldSuggestion(obj string) string {
	noun, _, ok := strings.Cut(obj, ".")
	if n := registry.NounNamed(noun); ok && n != nil {
		var names []string
		for _, f := range n.Fields {
			names = append(names, f.Name)
		}
		return fmt.Sprintf("; the fields of %s are %s", noun, strings.Join(names, ", "))
	}
	return ""
}

// actsOf reports whether a role, or one that it includes, has rules of a reach that let it read
// and do something.
func actsOf(lines []line, name string, at reach) (reads, does bool) {
	for _, l := range lines {
		if l.fields[0] == "p" && l.reach() == at && includes(lines, name, l.fields[1]) {
			reads, does = reads || l.fields[3] == "read", does || l.fields[3] == "do"
		}
	}
	return reads, does
}

// includes reports whether a role is another or includes it. The roles have no circles.
func includes(lines []line, name, other string) bool {
	if name == other {
		return true
	}
	for _, l := range lines {
		if l.fields[0] == "g" && l.fields[1] == name && includes(lines, l.fields[2], other) {
			return true
		}
	}
	return false
}
