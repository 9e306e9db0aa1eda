package policies

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"

	"pedigree/registry"
)

//go:embed model.conf
var modelConf string

//go:embed policy.csv
var defaultPolicy string

// DefaultPolicy returns the text of the built-in policy.
func DefaultPolicy() string { return defaultPolicy }

// rolePrefix separates roles from subjects: a user named admin has no rights.
const rolePrefix = "role:"

// Load reads a policy file and compiles it; "" is the default policy.
func Load(path string) (*Table, error) {
	if path == "" {
		return Compile(defaultPolicy)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the policy file cannot be read: %v", err)
	}
	return Compile(string(b))
}

// Compile checks a policy's text and asks Casbin once per role, field, action and row
// rule. INVALID_ARGUMENT lists every line that is wrong.
func Compile(text string) (*Table, error) {
	lines, problems := parsePolicy(text)
	problems = append(problems, checkPolicy(lines)...)
	if len(problems) > 0 {
		return nil, &registry.Error{Code: registry.InvalidArgument, Message: "the policy is refused:\n  " + strings.Join(problems, "\n  "),
			Details: map[string]any{"problems": problems}}
	}
	e, err := newEnforcer(lines)
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the policy is refused: %v", err)
	}
	sum := sha256.Sum256([]byte(modelConf + "\x00" + text))
	t := &Table{Version: hex.EncodeToString(sum[:8]), roles: map[string]*role{}}
	for _, name := range rolesOf(lines) {
		r, err := compileRole(e, name)
		if err != nil {
			return nil, err
		}
		t.roles[strings.TrimPrefix(name, rolePrefix)] = r
	}
	return t, nil
}

func compileRole(e *casbin.Enforcer, name string) (*role, error) {
	r := &role{masks: map[Rows]map[string]registry.Mask{}, actions: map[registry.Action][]Rows{}}
	for _, rows := range allRows {
		r.masks[rows] = map[string]registry.Mask{}
		for _, n := range registry.Nouns() {
			var failed error
			visible := false
			mask := n.MaskOf(func(f registry.Field) bool {
				ok, err := e.Enforce(name, f.Coordinate(), "read", string(rows))
				if err != nil {
					failed = err
				}
				visible = visible || ok && f.Class != registry.Plumbing
				return err == nil && ok
			})
			if failed != nil {
				return nil, registry.Errorf(registry.InvalidArgument, "the policy cannot be decided for %s: %v", n.Name, failed)
			}
			if visible {
				// A role that reads any field of a noun also reads id, kind and revision.
				r.masks[rows][n.Name] = mask | n.MaskOf(func(f registry.Field) bool { return f.Class == registry.Plumbing })
			}
		}
		for _, a := range registry.Actions() {
			ok, err := e.Enforce(name, string(a), "do", string(rows))
			if err != nil {
				return nil, registry.Errorf(registry.InvalidArgument, "the policy cannot be decided for %s: %v", a, err)
			}
			if ok {
				r.actions[a] = append(r.actions[a], rows)
			}
		}
	}
	return r, nil
}

// line is one rule of a policy file.
type line struct {
	no     int
	fields []string
}

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
		case want == 0:
			problems = append(problems, fmt.Sprintf("line %d: a rule starts with p, g or g2, not %q", no, fields[0]))
		case len(fields) != want:
			problems = append(problems, fmt.Sprintf("line %d: a %s rule has %d parts, this one %d", no, fields[0], want, len(fields)))
		default:
			lines = append(lines, line{no, fields})
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
	for _, o := range append(groups[obj], obj) {
		if effect == "deny" && (isField(o) && fieldNamed(o).Class == registry.Plumbing || o == classPrefix+string(registry.Plumbing)) {
			bad("%s cannot be hidden: answers cannot be built without it", o)
		}
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
func isAction(s string) bool { return slices.Contains(registry.Actions(), registry.Action(s)) }

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

func newEnforcer(lines []line) (*casbin.Enforcer, error) {
	m, err := model.NewModelFromString(modelConf)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	e.EnableLog(false)
	for _, l := range lines {
		rule := slices.Clone(l.fields[1:])
		switch l.fields[0] {
		case "p":
			_, err = e.AddPolicy(rule)
		case "g":
			_, err = e.AddGroupingPolicy(rule)
		case "g2":
			_, err = e.AddNamedGroupingPolicy("g2", rule)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", l.no, err)
		}
	}
	return e, addGroups(e)
}

// addGroups adds every field and action to its built-in groups.
func addGroups(e *casbin.Enforcer) error {
	var groups [][]string
	for _, n := range registry.Nouns() {
		for _, f := range n.Fields {
			groups = append(groups, []string{f.Coordinate(), classPrefix + string(f.Class)}, []string{f.Coordinate(), groupAnyField})
		}
	}
	for _, a := range registry.Actions() {
		groups = append(groups, []string{string(a), groupAnyAction})
	}
	_, err := e.AddNamedGroupingPolicies("g2", groups)
	return err
}

// Explain reports whether a role may read a field (Noun.field) or do an action, and
// writes the deciding rules to w: one line per row rule.
func Explain(w io.Writer, text, roleName, object string) (bool, error) {
	lines, problems := parsePolicy(text)
	if problems = append(problems, checkPolicy(lines)...); len(problems) > 0 {
		return false, registry.Errorf(registry.InvalidArgument, "the policy is refused:\n  %s", strings.Join(problems, "\n  "))
	}
	act := "read"
	switch {
	case isAction(object):
		act = "do"
	case !isField(object):
		return false, registry.Invalid("object", "%q is no field of the schema and no action%s", object, fieldSuggestion(object))
	}
	if !slices.Contains(rolesOf(lines), rolePrefix+roleName) {
		return false, registry.Invalid("role", "%q is no role of this policy; it has %v", roleName, rolesOf(lines))
	}
	e, err := newEnforcer(lines)
	if err != nil {
		return false, err
	}
	yes := false
	for _, rows := range allRows {
		ok, rule, err := e.EnforceEx(rolePrefix+roleName, object, act, string(rows))
		if err != nil {
			return false, err
		}
		if ok {
			yes = true
			fmt.Fprintf(w, "yes, on rows %q, by: p, %s\n", rows, strings.Join(rule, ", "))
		} else if len(rule) > 0 {
			fmt.Fprintf(w, "no, on rows %q, by: p, %s\n", rows, strings.Join(rule, ", "))
		}
	}
	if !yes {
		fmt.Fprintf(w, "no: no rule lets %s %s %s\n", roleName, act, object)
	}
	return yes, nil
}
