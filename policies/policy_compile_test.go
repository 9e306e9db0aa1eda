package policies

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/casbin/casbin/v2"

	"pedigree/registry"
)

// compareWithCasbin compares a compiled table with Casbin's own answers, for every role
// of the policy and some unknown ones, every field, every action, every row rule.
func compareWithCasbin(t *testing.T, text string) (asked int) {
	t.Helper()
	table, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	lines, problems := parsePolicy(text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e, err := newEnforcer(lines, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return compareTable(t, e, table, []string{"anonymous", "root", "role:admin", ""}, reach{rows: "none"}, reach{}, reach{RowsAll, "to=NOWHERE"})
}

// compareTable compares a table with the answers of an enforcer, over the whole cross product
// of its roles and reaches, with some unknown ones.
func compareTable(t *testing.T, e *casbin.Enforcer, table *Table, unknown []string, others ...reach) (asked int) {
	t.Helper()
	reaches := append(slices.Clone(table.reaches), others...)
	for _, role := range append(table.Roles(), unknown...) {
		for _, at := range reaches {
			for _, n := range registry.Nouns() {
				asked += compareMask(t, e, table, role, at, n)
			}
			for _, a := range append(registry.Actions(), "unknown.action", "") {
				asked++
				if want, got := enforce(t, e, role, string(a), "do", at), table.may(role, at, a); want != got {
					t.Errorf("may %q do %q on %q: casbin says %t, the table %t", role, a, at, want, got)
				}
			}
		}
	}
	return asked
}

// compareMask compares one mask with Casbin, field by field. Plumbing fields must be
// readable exactly when another field of the noun is.
func compareMask(t *testing.T, e *casbin.Enforcer, table *Table, role string, at reach, n *registry.Noun) (asked int) {
	t.Helper()
	mask, seen := table.mask(role, at, n.Name), false
	for i, f := range n.Fields {
		if f.Class == registry.Plumbing {
			continue
		}
		asked++
		want := enforce(t, e, role, f.Coordinate(), "read", at) && kindAllowed(table, at, n)
		seen = seen || want
		if got := mask.Has(i); got != want {
			t.Errorf("may %q read %s on %q: casbin says %t, the table %t", role, f.Coordinate(), at, want, got)
		}
	}
	for i, f := range n.Fields {
		if f.Class == registry.Plumbing && mask.Has(i) != seen {
			t.Errorf("%q has %s on %q: %t, and sees another field: %t", role, f.Coordinate(), at, mask.Has(i), seen)
		}
	}
	if mask>>uint(len(n.Fields)) != 0 {
		t.Errorf("the mask of %s has bits beyond its fields", n.Name)
	}
	return asked
}

// kindAllowed reports whether the conditions of a reach allow a noun. Casbin compares their
// texts, and what they mean is not its business.
func kindAllowed(table *Table, at reach, n *registry.Noun) bool {
	c := table.conditions[at.conditions]
	return c == nil || c.kinds == nil || slices.Contains(c.kinds, n.Kind)
}

func enforce(t *testing.T, e *casbin.Enforcer, role, object, act string, at reach) bool {
	t.Helper()
	ok, err := e.Enforce(rolePrefix+role, object, act, string(at.rows), at.conditions)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestTheTableIsWhatCasbinSays(t *testing.T) {
	t.Logf("%d questions about the default policy", compareWithCasbin(t, DefaultPolicy()))
}

// TestRandomPoliciesCompileToWhatCasbinSays makes random policies with groups, role
// inheritance and denials.
func TestRandomPoliciesCompileToWhatCasbinSays(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	asked, compiled := 0, 0
	for range 4 {
		text := randomPolicy(r)
		if _, err := Compile(text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		compiled++
		asked += compareWithCasbin(t, text)
		if t.Failed() {
			t.Fatal(text)
		}
	}
	t.Logf("%d questions about %d policies", asked, compiled)
}

func randomPolicy(r *rand.Rand) string {
	var fields, objects []string
	for _, n := range registry.Nouns() {
		for _, f := range n.Fields {
			if f.Class != registry.Plumbing {
				fields = append(fields, f.Coordinate())
			}
		}
	}
	for _, c := range registry.Classes() {
		if c != registry.Plumbing {
			objects = append(objects, classPrefix+string(c))
		}
	}
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	var b strings.Builder
	for i := range 6 {
		fmt.Fprintf(&b, "g2, %s, own%d\n", pick(fields), i%2)
	}
	for role := range 4 {
		for range 8 {
			object, act := pick(fields), "read"
			switch r.IntN(4) {
			case 0:
				object = pick(objects)
			case 1:
				object = fmt.Sprintf("own%d", r.IntN(2))
			case 2:
				object, act = string(registry.Actions()[r.IntN(len(registry.Actions()))]), "do"
			}
			effect := "allow"
			if r.IntN(5) == 0 {
				effect = "deny"
			}
			fmt.Fprintf(&b, "p, role:r%d, %s, %s, %s, %s\n", role, object, act, allRows[r.IntN(len(allRows))], effect)
		}
		if role > 0 && r.IntN(2) == 0 {
			fmt.Fprintf(&b, "g, role:r%d, role:r%d\n", role, r.IntN(role))
		}
	}
	return b.String()
}

// TestInvalidPoliciesAreRefused checks that policies which Casbin would accept silently,
// with another meaning than intended, are not loaded, and that the error names the line.
func TestInvalidPoliciesAreRefused(t *testing.T) {
	const fine = "p, role:a, Model.name, read, all, allow\n"
	if _, err := Compile(fine); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":                      {"", "no p rule"},
		"comments only":                {"# nothing\n\n", "no p rule"},
		"roles only":                   {"g, role:a, role:b\n", "no p rule"},
		"a circle of two":              {fine + "p, role:b, Model.name, read, all, allow\ng, role:a, role:b\ng, role:b, role:a\n", "circle"},
		"a role that includes itself":  {fine + "g, role:a, role:a\n", "circle"},
		"a circle of three":            {fine + "p, role:b, Model.name, read, all, allow\np, role:c, Model.name, read, all, allow\ng, role:a, role:b\ng, role:b, role:c\ng, role:c, role:a\n", "circle"},
		"an unknown role":              {fine + "g, role:a, role:nobody\n", `line 2: "role:nobody"`},
		"a subject as a role":          {fine + "g, ada, role:a\n", `line 2: "ada"`},
		"a role without its prefix":    {"p, admin, field:any, read, all, allow\n", `"admin" is no role`},
		"an empty role":                {"p, role:, field:any, read, all, allow\n", "is no role"},
		"a wildcard role":              {"p, *, field:any, read, all, allow\n", `"*" is no role`},
		"an unknown field":             {"p, role:a, Model.nmae, read, all, allow\n", "the fields of Model are"},
		"an unknown noun":              {"p, role:a, Modle.name, read, all, allow\n", `"Modle.name"`},
		"a wildcard field":             {"p, role:a, Model.*, read, all, allow\n", `"Model.*"`},
		"a pattern":                    {"p, role:a, .*, read, all, allow\n", `".*"`},
		"an unknown class":             {"p, role:a, class:everything, read, all, allow\n", `"class:everything"`},
		"an unknown action":            {"p, role:a, model.destroy, do, all, allow\n", `"model.destroy"`},
		"an unknown act":               {"p, role:a, Model.name, write, all, allow\n", `"write" is no act`},
		"a field to do":                {"p, role:a, Model.name, do, all, allow\n", "write read, not do"},
		"an action to read":            {"p, role:a, model.update, read, all, allow\n", "write do, not read"},
		"an unknown row rule":          {"p, role:a, Model.name, read, everything, allow\n", `"everything" is no row rule`},
		"an unknown effect":            {"p, role:a, Model.name, read, all, permit\n", `"permit" is no effect`},
		"an effect in capitals":        {"p, role:a, Model.name, read, all, DENY\n", `"DENY" is no effect`},
		"no effect":                    {"p, role:a, Model.name, read, all\n", "has 6 parts"},
		"one part too many":            {"p, role:a, Model.name, read, all, allow, owner=ada, x\n", "has 6 parts"},
		"no condition":                 {"p, role:a, Model.name, read, all, allow, x\n", "is no condition"},
		"an unknown condition":         {"p, role:a, Model.name, read, all, allow, color=red\n", "is no condition"},
		"an unknown stage":             {"p, role:a, transition, do, all, allow, to=NOWHERE\n", "is no stage"},
		"an unknown kind of object":    {"p, role:a, class:catalog, read, all, allow, kind=TOKN\n", "is no kind"},
		"a tag without a value":        {"p, role:a, class:catalog, read, all, allow, tag=team\n", "is no tag"},
		"a condition twice":            {"p, role:a, class:catalog, read, all, allow, owner=a;owner=b\n", "given twice"},
		"a condition that denies":      {fine + "p, role:a, Model.owner, read, all, deny, owner=a\n", "takes no conditions"},
		"a stage of a field":           {"p, role:a, Model.name, read, all, allow, to=STAGING\n", "is about a transition"},
		"a stage of a group":           {"p, role:a, action:any, do, all, allow, to=STAGING\n", "is about a transition"},
		"an alias of a transition":     {"p, role:a, transition, do, all, allow, alias=x\n", "is about an alias"},
		"a kind of an action":          {"p, role:a, model.update, do, all, allow, kind=MODEL\n", "is about what is read"},
		"an owner of access.manage":    {"p, role:a, access.manage, do, all, allow, owner=ada\n", "narrower scope"},
		"a bad escape":                 {"p, role:a, Model.name, read, all, allow, owner=a%zz\n", "percent sign"},
		"an unknown kind of rule":      {fine + "p2, role:a, Model.name, read, all, allow\n", `"p2"`},
		"hidden plumbing":              {fine + "p, role:a, Model.id, read, all, deny\n", "Model.id cannot be hidden"},
		"hidden revision":              {fine + "p, role:a, ModelVersion.revision, read, all, deny\n", "cannot be hidden"},
		"hidden plumbing as a class":   {fine + "p, role:a, class:plumbing, read, all, deny\n", "cannot be hidden"},
		"hidden plumbing by own group": {fine + "g2, Model.id, mine\np, role:a, mine, read, all, deny\n", "cannot be hidden"},
		"a group of nothing":           {fine + "g2, Model.nothing, mine\n", `"Model.nothing"`},
		"more in a built-in group":     {fine + "g2, Artifact.storageKey, class:catalog\n", "built-in"},
		"a class that is none":         {fine + "g2, Artifact.storageKey, class:mine\n", `"class:mine"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(c.text)
			if registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want an error with %s", err, c.says)
			}
		})
	}
}

// TestDenyWins checks that a deny rule overrides every allow rule.
func TestDenyWins(t *testing.T) {
	table, err := Compile(DefaultPolicy() + "\np, role:developer, ModelVersion.owner, read, served, deny\np, role:data_scientist, model.register, do, all, deny\n")
	if err != nil {
		t.Fatal(err)
	}
	if table.Mask("developer", RowsServed, "ModelVersion").Has(registry.Bit("ModelVersion", "owner")) || table.May("data_scientist", RowsAll, registry.ModelRegister) {
		t.Error("it is allowed")
	}
	if !table.Mask("viewer", RowsServed, "ModelVersion").Has(registry.Bit("ModelVersion", "owner")) {
		t.Error("it is denied to others too")
	}
}

// TestVersionsOfPolicies checks that the version depends on the text and nothing else.
func TestVersionsOfPolicies(t *testing.T) {
	a, _ := Compile(DefaultPolicy())
	b, _ := Compile(DefaultPolicy())
	c, _ := Compile(DefaultPolicy() + "\n# changed\n")
	if a.Version != b.Version || a.Version == c.Version || len(a.Version) != 16 {
		t.Error(a.Version, b.Version, c.Version)
	}
}

// TestExplainAgrees compares Explain with the table.
func TestExplainAgrees(t *testing.T) {
	table, err := Compile(DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range table.Roles() {
		for _, object := range []string{"Artifact.storageKey", "ModelVersion.id", "Actor.revision", "ModelVersion.name", "Model.tags", "LogEntry.actor", "Actor.grants"} {
			noun, field, _ := strings.Cut(object, ".")
			want := false
			for _, rows := range allRows {
				want = want || table.Mask(role, rows, noun).Has(registry.Bit(noun, field))
			}
			x, err := table.Explain(Question{Role: role, Object: object})
			if err != nil || x.Allowed != want || x.Why == "" || x.Allowed && x.Rule == nil {
				t.Errorf("%s %s: %+v %v, the table says %t", role, object, x, err, want)
			}
		}
	}
}

// TestMergeOnlyTakesRightsAway: what does not fit a file is left out, and told.
func TestMergeOnlyTakesRightsAway(t *testing.T) {
	file, err := Compile("p, role:a, Model.name, read, all, allow\np, role:b, Model.owner, read, all, allow\ng, role:a, role:b\ng2, Model.tags, mine\np, role:a, mine, read, all, deny\n")
	if err != nil {
		t.Fatal(err)
	}
	merged, err := file.merge(overlay{added: []string{"p, role:c, theirs, read, all, allow", "p, role:c, Model.name, read, all, allow, owner=ann", "nonsense", "p, role:a, mine, read, all, deny"},
		withdrawn: []string{"p, role:b, Model.owner, read, all, allow", "p, role:gone, Model.owner, read, all, allow"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(merged.Unused, "; "); got != "p, role:c, theirs, read, all, allow; g, role:a, role:b" {
		t.Errorf("left out: %s", got)
	}
	if merged.HasRole("b") || merged.Mask("a", RowsAll, "Model").Has(registry.Bit("Model", "owner")) || !merged.mask("c", reach{RowsAll, "owner=ann"}, "Model").Has(registry.Bit("Model", "name")) {
		t.Error(merged.Text)
	}
	if again, err := Compile(merged.Text); err != nil || again.Version != merged.Version {
		t.Errorf("the text is another policy: %v\n%s", err, merged.Text)
	}
	if last := merged.Rules()[len(merged.Rules())-1]; last.Origin != OriginAPI || last.Role != "c" || merged.Rules()[0].Origin != OriginFile || len(merged.Rules()) != 3 {
		t.Errorf("%+v", merged.Rules())
	}
}

// TestCasbinIsAskedOnceForWhatIsAlike counts what Casbin is asked about: a few objects for all
// fields and actions, and one more for each that a rule names or puts into a group.
func TestCasbinIsAskedOnceForWhatIsAlike(t *testing.T) {
	asked := func(text string) (int, map[string]string) {
		lines, problems := parsePolicy(text)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		alike, objects := alikeIn(lines), map[string]bool{}
		for _, o := range alike {
			objects[o] = true
		}
		return len(objects), alike
	}
	none, alike := asked("p, role:a, field:any, read, all, allow")
	if want := len(registry.Classes()) + 1; none != want || len(alike) < 400 {
		t.Errorf("%d objects for %d fields and actions, want one a class and one for actions: %d", none, len(alike), want)
	}
	few, alike := asked("p, role:a, Model.owner, read, all, allow\ng2, Model.name, mine\ng2, Run.name, mine\np, role:a, mine, read, all, allow")
	if few <= none || alike["Model.owner"] != "Model.owner" || alike["Model.name"] == alike["Dataset.name"] {
		t.Errorf("%d objects; Model.owner is like %s, Model.name like %s", few, alike["Model.owner"], alike["Model.name"])
	}
}
