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

// Compile checks a policy's text and asks Casbin once per role, field, action and reach.
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
	e, err := newEnforcer(lines)
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
		r, err := t.compileRole(e, name)
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
func (t *Table) compileRole(e *casbin.Enforcer, name string) (*role, error) {
	r := &role{masks: map[reach]map[string]registry.Mask{}, actions: map[registry.Action][]reach{}}
	for _, at := range t.reaches {
		reads, does := actsOf(t.lines, name, at)
		masks := map[string]registry.Mask{}
		r.masks[at] = masks
		for _, n := range registry.Nouns() {
			if !reads || !t.conditions[at.conditions].ofNoun(n) {
				continue
			}
			mask, err := readable(e, name, at, n)
			if err != nil {
				return nil, registry.Errorf(registry.InvalidArgument, "the policy cannot be decided for %s: %v", n.Name, err)
			}
			if mask != 0 {
				masks[n.Name] = mask
			}
		}
		for _, a := range registry.Actions() {
			if !does {
				break
			}
			ok, err := e.Enforce(name, string(a), "do", string(at.rows), at.conditions)
			if err != nil {
				return nil, registry.Errorf(registry.InvalidArgument, "the policy cannot be decided for %s: %v", a, err)
			}
			if ok {
				r.actions[a] = append(r.actions[a], at)
			}
		}
	}
	return r, nil
}

// readable returns the fields of a noun that a role may read. A role that reads any field of a
// noun also reads its plumbing: id, kind and revision.
func readable(e *casbin.Enforcer, role string, at reach, n *registry.Noun) (registry.Mask, error) {
	var failed error
	visible := false
	mask := n.MaskOf(func(f registry.Field) bool {
		ok, err := e.Enforce(role, f.Coordinate(), "read", string(at.rows), at.conditions)
		if err != nil {
			failed = err
		}
		visible = visible || ok && f.Class != registry.Plumbing
		return err == nil && ok
	})
	if failed != nil || !visible {
		return 0, failed
	}
	return mask | n.MaskOf(func(f registry.Field) bool { return f.Class == registry.Plumbing }), nil
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
