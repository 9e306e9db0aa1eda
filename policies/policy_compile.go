package policies

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
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

// Compile checks a policy's text and asks Casbin once per role and reach for all fields, and all
// actions, that its rules treat alike.
// INVALID_ARGUMENT lists every line that is wrong.
func Compile(text string) (*Table, error) {
	lines, problems := parsePolicy(text)
	return compileLines(text, lines, problems)
}

func compileLines(text string, lines []line, problems []string) (*Table, error) {
	problems = append(problems, checkPolicy(lines)...)
	if len(problems) > 0 {
		return nil, &registry.Error{Code: registry.InvalidArgument, Message: "the policy is refused:\n  " + strings.Join(problems, "\n  "),
			Details: map[string]any{"problems": problems}}
	}
	alike := alikeIn(lines)
	e, err := newEnforcer(lines, func(object string) bool { return alike[object] == object })
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the policy is refused: %v", err)
	}
	sum := sha256.Sum256([]byte(modelConf + "\x00" + text))
	t := &Table{Version: hex.EncodeToString(sum[:8]), Text: text, lines: lines, roles: map[string]*role{}, conditions: map[string]*conditions{"": unconditional}}
	t.reaches = reachesOf(lines)
	for _, l := range lines {
		t.conditions[l.cond.text] = l.cond
	}
	for _, name := range rolesOf(lines) {
		r, err := t.compileRole(e, alike, name)
		if err != nil {
			return nil, err
		}
		t.roles[strings.TrimPrefix(name, rolePrefix)] = r
	}
	return t, nil
}

// reachesOf returns every reach of some rules: the row rules without conditions, then those of
// rules with conditions.
func reachesOf(lines []line) (out []reach) {
	for _, rows := range allRows {
		out = append(out, reach{rows: rows})
	}
	for _, l := range lines {
		if l.fields[0] == "p" && !slices.Contains(out, l.reach()) {
			out = append(out, l.reach())
		}
	}
	slices.SortStableFunc(out[len(allRows):], func(a, b reach) int {
		return cmp.Or(cmp.Compare(slices.Index(allRows, a.rows), slices.Index(allRows, b.rows)), cmp.Compare(a.conditions, b.conditions))
	})
	return out
}

// compileRole asks Casbin what a role may. It leaves out reaches that no rule of the role has,
// nor one of a role that it includes: to those Casbin's answer is no.
func (t *Table) compileRole(e *casbin.Enforcer, alike map[string]string, name string) (*role, error) {
	r := &role{masks: map[reach]map[string]registry.Mask{}, actions: map[registry.Action][]reach{}}
	for _, at := range t.reaches {
		d := &decider{enforcer: e, alike: alike, role: name, at: at, answers: map[string]bool{}}
		reads, does := actsOf(t.lines, name, at)
		masks := map[string]registry.Mask{}
		r.masks[at] = masks
		for _, n := range registry.Nouns() {
			if !reads || !t.conditions[at.conditions].ofNoun(n) {
				continue
			}
			if mask := readable(d, n); mask != 0 {
				masks[n.Name] = mask
			}
		}
		for _, a := range registry.Actions() {
			if !does {
				break
			}
			if d.may(string(a), "do") {
				r.actions[a] = append(r.actions[a], at)
			}
		}
		if d.failed != nil {
			return nil, d.failed
		}
	}
	return r, nil
}

// decider asks Casbin what a role may at one reach, once for all objects that are alike.
type decider struct {
	enforcer *casbin.Enforcer
	alike    map[string]string
	role     string
	at       reach
	answers  map[string]bool // by the object that was asked for
	failed   error
}

// may reports whether the role may read a field or do an action. It keeps the first error.
func (d *decider) may(object, act string) bool {
	asked := d.alike[object]
	if answer, known := d.answers[asked]; known {
		return answer
	}
	answer, err := d.enforcer.Enforce(d.role, asked, act, string(d.at.rows), d.at.conditions)
	if err != nil && d.failed == nil {
		d.failed = registry.Errorf(registry.InvalidArgument, "the policy cannot be decided for %s: %v", object, err)
	}
	d.answers[asked] = answer && err == nil
	return d.answers[asked]
}

// alikeIn maps each field and action to the first one that the rules treat alike: no rule names
// either, and both are in the same groups. What a rule names is like itself alone.
func alikeIn(lines []line) map[string]string {
	named, groups := map[string]bool{}, map[string][]string{}
	for _, l := range lines {
		switch l.fields[0] {
		case "p":
			named[l.fields[2]] = true
		case "g2":
			groups[l.fields[1]] = append(groups[l.fields[1]], l.fields[2])
		}
	}
	out, first := map[string]string{}, map[string]string{}
	for _, g := range builtInGroups() {
		groups[g[0]] = append(groups[g[0]], g[1])
	}
	for object, of := range groups {
		slices.Sort(of)
		key := strings.Join(slices.Compact(of), "\x00")
		if named[object] {
			key = "\x00" + object
		}
		if first[key] == "" {
			first[key] = object
		}
		out[object] = first[key]
	}
	return out
}

// readable returns the fields of a noun that a role may read. A role that reads any field of a
// noun also reads its plumbing: id, kind and revision.
func readable(d *decider, n *registry.Noun) registry.Mask {
	visible := false
	mask := n.MaskOf(func(f registry.Field) bool {
		ok := d.may(f.Coordinate(), "read")
		visible = visible || ok && f.Class != registry.Plumbing
		return ok
	})
	if !visible {
		return 0
	}
	return mask | n.MaskOf(func(f registry.Field) bool { return f.Class == registry.Plumbing })
}

// newEnforcer returns an enforcer that can be asked about some fields and actions.
func newEnforcer(lines []line, asked func(object string) bool) (*casbin.Enforcer, error) {
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
			_, err = e.AddPolicy(append(rule[:5], l.cond.text))
		case "g":
			_, err = e.AddGroupingPolicy(rule)
		case "g2":
			_, err = e.AddNamedGroupingPolicy("g2", rule)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", l.no, err)
		}
	}
	groups := slices.DeleteFunc(builtInGroups(), func(g []string) bool { return !asked(g[0]) })
	_, err = e.AddNamedGroupingPolicies("g2", groups)
	return e, err
}

// builtInGroups lists every field and action with each of its built-in groups.
func builtInGroups() (groups [][]string) {
	for _, n := range registry.Nouns() {
		for _, f := range n.Fields {
			groups = append(groups, []string{f.Coordinate(), classPrefix + string(f.Class)}, []string{f.Coordinate(), groupAnyField})
		}
	}
	for _, a := range registry.Actions() {
		groups = append(groups, []string{string(a), groupAnyAction})
	}
	return groups
}
