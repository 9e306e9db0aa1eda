package gate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
)

// someFacts are facts in which everything is known.
func someFacts() Facts {
	dataset := func(id, licence string) *Object {
		return &Object{Type: "Dataset", ID: registry.ID(id), Name: id, Fields: map[string]any{"id": id, "name": id, "licence": licence, "tags": map[string]string{"licence": licence}, "recalled": false, "rows": int64(10)}}
	}
	card := &Object{Type: "Card", ID: "card_1", Fields: map[string]any{"fairnessChecked": true, "metrics": map[string]float64{"auc": 0.9}, "accuracy": 0.9}}
	return Facts{
		"version":      &Object{Type: "Version", ID: "mv_1", Fields: map[string]any{"owner": "ada", "stage": "STAGING", "tags": map[string]string{"team": "risk"}}},
		"card":         card,
		"hasIncumbent": true,
		"incumbent":    &Object{Type: "Incumbent", ID: "mv_0", Fields: map[string]any{"version": "1.0.0", "card": &Object{Type: "Card", ID: "card_0", Fields: map[string]any{"metrics": map[string]float64{"auc": 0.905}}}}},
		"sources":      &Set{Items: []*Object{dataset("a", "MIT"), dataset("b", "")}},
		"commits":      &Set{},
		"gaps":         []string{"RUN_WITHOUT_COMMIT"},
		"approvals":    int64(2),
		"now":          time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
		"review":       &Object{Type: "Review", Fields: map[string]any{"exists": true, "at": time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}},
	}
}

func answer(t *testing.T, expression string, f Facts) *Result {
	t.Helper()
	if err := CheckFacts(f); err != nil {
		t.Fatal(err)
	}
	c, err := Compile(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	r, err := c.Evaluate(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestThreeValues asks conditions over facts of which some are unknown.
func TestThreeValues(t *testing.T) {
	full, cut := someFacts(), someFacts()
	cut["sources"] = &Set{Items: full["sources"].(*Set).Items, Truncated: true}
	good := someFacts()
	good["sources"] = &Set{Items: full["sources"].(*Set).Items[:1], Truncated: true}
	for _, c := range []struct {
		expression string
		facts      Facts
		want       registry.GateAnswer
	}{
		{`version.owner == "ada"`, full, registry.GatePass},
		{`version.owner == "bob"`, full, registry.GateFail},
		{`version.creator == "bob"`, full, registry.GateUnknown},
		{`version.creator != "bob"`, full, registry.GateUnknown},
		{`version.creator == version.creator`, full, registry.GateUnknown},
		{`version.creator == "bob" || approvals >= 2`, full, registry.GatePass},
		{`version.creator == "bob" && approvals >= 3`, full, registry.GateFail},
		{`has(card.fairnessChecked)`, full, registry.GatePass},
		{`has(card.biasAuditDone)`, full, registry.GateUnknown},
		{`!has(card.biasAuditDone)`, full, registry.GateUnknown},
		{`has(version.tags.team) && !has(version.tags.other)`, full, registry.GatePass},
		{`card.metrics["auc"] >= incumbent.card.metrics["auc"] - 0.01`, full, registry.GatePass},
		{`card.metrics["f1"] >= 0.5`, full, registry.GateUnknown},
		{`!(card.metrics["f1"] >= 0.5)`, full, registry.GateUnknown},
		{`!("RUN_WITHOUT_COMMIT" in gaps)`, full, registry.GateFail},
		{`sources.all(s, s.licence != "")`, full, registry.GateFail},
		{`sources.all(s, s.licence != "")`, cut, registry.GateFail},
		{`sources.all(s, s.licence != "")`, good, registry.GateUnknown},
		{`sources.all(s, s.digest != "")`, full, registry.GateUnknown},
		{`sources.exists(s, s.licence == "MIT")`, cut, registry.GatePass},
		{`sources.exists(s, s.licence == "GPL")`, full, registry.GateFail},
		{`sources.exists(s, s.licence == "GPL")`, cut, registry.GateUnknown},
		{`!sources.exists(s, s.licence == "GPL")`, cut, registry.GateUnknown},
		{`sources.exists(s, true)`, Facts{"sources": &Set{Truncated: true}}, registry.GateUnknown},
		{`!sources.exists_one(s, s.licence == "MIT")`, cut, registry.GateUnknown},
		{`size(sources) == 2`, full, registry.GatePass},
		{`size(sources) == 2`, cut, registry.GateUnknown},
		{`sources.filter(s, s.licence == "").size() == 0`, cut, registry.GateUnknown},
		{`sources.map(s, s.rows).all(r, r > 1)`, full, registry.GatePass},
		{`sources.map(s, s.rows).all(r, r > 1)`, cut, registry.GateUnknown},
		{`sources[0].licence == "MIT"`, full, registry.GatePass},
		{`runs.all(r, r.hasCommit)`, full, registry.GateUnknown},
		{`size(commits) == 0 && commits.all(c, c.signed)`, full, registry.GatePass},
		{`now - review.at < duration("2160h")`, full, registry.GatePass},
		{`now - review.at < duration("24h")`, full, registry.GateFail},
		{`1 / (approvals - 2) > 0`, full, registry.GateUnknown},
		{`type(card.biasAuditDone) == bool`, full, registry.GateUnknown},
		{`[card.biasAuditDone].size() == 1`, full, registry.GateUnknown},
		{`version == version`, full, registry.GatePass},
	} {
		if r := answer(t, c.expression, c.facts); r.Answer != c.want {
			t.Errorf("%s is %s (%s), want %s", c.expression, r.Answer, r.Reason, c.want)
		}
	}
}

// TestAnAnswerTellsTheFactsThatItSaw wants the source without a licence, and not the one with.
func TestAnAnswerTellsTheFactsThatItSaw(t *testing.T) {
	r := answer(t, `approvals >= 1 && sources.all(s, s.licence != "") && card.accuracy > 0.5`, someFacts())
	want := []Fact{{Path: "approvals", Noun: "TransitionRequest", Field: "approvals", Value: "2", Known: true},
		{Path: "sources.licence", Noun: "DatasetVersion", Field: "tags", Node: "b", Name: "b", Known: true}}
	if !slices.Equal(r.Facts, want) {
		t.Errorf("%+v", r.Facts)
	}
	r = answer(t, `card.biasAuditDone`, someFacts())
	if len(r.Facts) != 1 || r.Facts[0].Known || r.Facts[0].Node != "card_1" || r.Facts[0].Path != "card.biasAuditDone" {
		t.Errorf("%+v", r.Facts)
	}
}

// TestWhatIsNoConditionIsRefused compiles what a gate cannot be.
func TestWhatIsNoConditionIsRefused(t *testing.T) {
	for expression, saying := range map[string]string{
		"":                                  "must not be empty",
		"   ":                               "must not be empty",
		"1 + 1":                             "must be true or false, not a int",
		"version.ownr == ''":                "undefined field 'ownr'",
		"card.accuracy == 'high'":           "no matching overload",
		"sources.all(s, s.licens != '')":    "undefined field 'licens'",
		"sources.all(sources, true)":        "is a variable",
		"[1].all(now, true)":                "is a variable",
		"@saw(version, true)":               "Syntax error",
		"Dataset{id: 'x'}.id == 'x'":        "", // It compiles nowhere, whatever the message.
		"dyn(version.owner)":                "must be true or false",
		"os.exec('x')":                      "undeclared reference",
		strings.Repeat("!", 300) + "true":   "",
		strings.Repeat("(", 300) + "true":   "",
		"true" + strings.Repeat(" ", 5_000): "longer than",
		"'" + strings.Repeat("é", 10_000):   "longer than",
		"sources.all(s, true":               "line 1",
	} {
		c, err := Compile(expression)
		if expression == "Dataset{id: 'x'}.id == 'x'" && err == nil {
			if r, _ := c.Evaluate(t.Context(), someFacts()); r.Answer != registry.GateUnknown {
				t.Errorf("a condition made a dataset: %s", r.Answer)
			}
			continue
		}
		if strings.HasPrefix(expression, "!") && err == nil {
			continue // The parser joins negations; they do not nest.
		}
		if registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), saying) || strings.Contains(err.Error(), "@") {
			t.Errorf("%.60s: %v", expression, err)
		}
	}
}

// TestABombCostsTooMuch evaluates a condition that would take hours: it is UNKNOWN, and soon.
func TestABombCostsTooMuch(t *testing.T) {
	items := make([]*Object, 5000)
	for i := range items {
		items[i] = &Object{Type: "Ancestor", ID: registry.ID(strconv.Itoa(i)), Fields: map[string]any{"name": strconv.Itoa(i)}}
	}
	facts := Facts{"ancestors": &Set{Items: items}}
	for _, bomb := range []string{
		`ancestors.all(a, ancestors.all(b, ancestors.all(c, a.name + b.name != c.name + "x")))`,
		`ancestors.map(a, ancestors.map(b, ancestors.map(c, a.name + b.name + c.name))).size() > 0`,
	} {
		r := answer(t, bomb, facts)
		if r.Answer != registry.GateUnknown || !strings.Contains(r.Reason, "cost") {
			t.Errorf("%s: %+v", bomb, r)
		}
	}
	list := "[" + strings.Repeat("1,", 60) + "1]"
	all := "true"
	for i := range 5 {
		all = fmt.Sprintf("%s.all(v%d, %s)", list, i, all)
	}
	if err := Check(t.Context(), all); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), "costs more") {
		t.Errorf("a bomb without facts is saved: %v", err)
	}
	if r := answer(t, `ancestors.all(a, a.name != "x" && a.name.size() < 9)`, facts); r.Answer != registry.GatePass {
		t.Errorf("a condition over all ancestors is %s (%s)", r.Answer, r.Reason)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, _ := Compile(`ancestors.all(a, ancestors.all(b, a.name != b.name + "x"))`)
	if _, err := c.Evaluate(ctx, facts); err == nil {
		t.Error("an evaluation goes on for a caller who left")
	}
}

// rounds is how many random conditions are tried: 10,000, and more with PEDIGREE_ROUNDS.
func rounds() int {
	n, _ := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS"))
	return 10_000 + 1_000*max(n, 0)
}

// generator makes random conditions and facts.
type generator struct {
	*rand.Rand
	vars int
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// item is an object that an expression can speak of, and its type.
type item struct{ path, typ string }

func (g *generator) boolean(depth int, items []item) string {
	if depth <= 0 {
		return pick(g, "true", "false", "hasIncumbent", g.field("bool", items)+" == true")
	}
	switch g.IntN(13) {
	case 0, 1:
		return "(" + g.boolean(depth-1, items) + " && " + g.boolean(depth-1, items) + ")"
	case 2, 3:
		return "(" + g.boolean(depth-1, items) + " || " + g.boolean(depth-1, items) + ")"
	case 4:
		return "!(" + g.boolean(depth-1, items) + ")"
	case 5:
		return "(" + g.boolean(depth-1, items) + " ? " + g.boolean(depth-1, items) + " : " + g.boolean(depth-1, items) + ")"
	case 6, 7:
		set := pick(g, sets...)
		typ, _ := itemType(g.variable(set).Type)
		g.vars++
		name := "x" + strconv.Itoa(g.vars)
		inner := append(slices.Clone(items), item{name, typ})
		body := g.boolean(depth-1, inner)
		return pick(g, set+".all("+name+", "+body+")", set+".exists("+name+", "+body+")", set+".exists_one("+name+", "+body+")",
			set+".filter("+name+", "+body+").size() "+pick(g, "==", ">", "<")+" "+strconv.Itoa(g.IntN(3)), set+".map("+name+", "+body+").all(y, y)",
			"size("+set+") "+pick(g, "==", ">", "<=")+" "+strconv.Itoa(g.IntN(4)))
	case 8:
		return g.field("string", items) + pick(g, " == ", " != ", " < ") + pick(g, `"a"`, `""`, g.field("string", items))
	case 9:
		return g.field("int", items) + pick(g, " == ", " > ", " / 0 > ", " - 1 < ") + strconv.Itoa(g.IntN(3))
	case 10:
		return g.field("map(string, double)", items) + pick(g, `["a"] > 0.5`, `.size() > 0`, `["b"] <= card.accuracy`)
	case 11:
		return `"a" in ` + pick(g, "gaps", g.field("map(string, string)", items), g.field("list(string)", items))
	}
	return "has(" + g.field(pick(g, "string", "bool", "int"), items) + ")"
}

func (g *generator) variable(name string) Field {
	return variables[slices.IndexFunc(variables, func(v Field) bool { return v.Name == name })]
}

// field returns the path of a field of a type.
func (g *generator) field(typ string, items []item) string {
	all := append([]item{{"version", "Version"}, {"card", "Card"}, {"model", "Model"}, {"incumbent", "Incumbent"}, {"incumbent.card", "Card"}, {"review", "Review"}, {"signature", "Signature"}}, items...)
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, it := range all {
		for _, t := range objectTypes {
			if t.Name != it.typ {
				continue
			}
			for _, i := range g.Perm(len(t.Fields)) {
				if t.Fields[i].Type == typ {
					return it.path + "." + t.Fields[i].Name
				}
			}
		}
	}
	return "card.nothing"
}

// fill returns a random value of a type.
func (g *generator) fill(typ string) any {
	switch typ {
	case "bool":
		return g.IntN(2) == 0
	case "int":
		return int64(g.IntN(4))
	case "double":
		return float64(g.IntN(3)) / 2
	case "string":
		return pick(g, "", "a", "b")
	case "timestamp":
		return time.Unix(int64(g.IntN(3)), 0)
	case "list(string)":
		return pick(g, []string{}, []string{"a"}, []string{"b", "a"})
	case "map(string, string)":
		return pick(g, map[string]string{}, map[string]string{"a": "b"})
	case "map(string, double)":
		return pick(g, map[string]float64{}, map[string]float64{"a": 1}, map[string]float64{"b": 0})
	}
	if item, ok := itemType(typ); ok {
		s := &Set{}
		for range g.IntN(4) {
			s.Items = append(s.Items, g.fill(item).(*Object))
		}
		return s
	}
	o := &Object{Type: typ, ID: registry.ID(strconv.Itoa(g.IntN(1000))), Fields: map[string]any{}}
	for _, t := range objectTypes {
		if t.Name == typ {
			for _, f := range t.Fields {
				o.Fields[f.Name] = g.fill(f.Type)
			}
		}
	}
	return o
}

// forget returns what is left of a value when some of it is not known.
func (g *generator) forget(v any) any {
	switch v := v.(type) {
	case *Object:
		out := &Object{Type: v.Type, ID: v.ID, Fields: map[string]any{}}
		for name, f := range v.Fields {
			if g.IntN(4) > 0 {
				out.Fields[name] = g.forget(f)
			}
		}
		return out
	case *Set:
		out := &Set{Truncated: g.IntN(3) == 0}
		for _, o := range v.Items {
			if !out.Truncated || g.IntN(2) == 0 {
				out.Items = append(out.Items, g.forget(o).(*Object))
			}
		}
		return out
	}
	return v
}

// TestUnknownNeverPasses evaluates random conditions over random facts, and over what is left when
// some are forgotten. An answer about the rest must be the answer about all.
func TestUnknownNeverPasses(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(18, uint64(rounds())))}
	count := map[registry.GateAnswer]int{}
	for round := range rounds() {
		g.vars = 0
		expression := g.boolean(1+g.IntN(4), nil)
		if len(expression) > MaxExpression {
			continue
		}
		c, err := Compile(expression)
		if err != nil {
			t.Fatalf("round %d: %s: %v", round, expression, err)
		}
		all := Facts{}
		for _, v := range variables {
			all[v.Name] = g.fill(v.Type)
		}
		rest := Facts{}
		for name, v := range all {
			if g.IntN(6) > 0 {
				rest[name] = g.forget(v)
			}
		}
		if err := CheckFacts(all); err != nil {
			t.Fatal(err)
		}
		whole, err := c.Evaluate(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		part, err := c.Evaluate(t.Context(), rest)
		if err != nil {
			t.Fatal(err)
		}
		count[part.Answer]++
		if part.Answer != registry.GateUnknown && part.Answer != whole.Answer {
			t.Fatalf("round %d: %s is %s of a part of the facts, and %s (%s) of all\n%+v", round, expression, part.Answer, whole.Answer, whole.Reason, part.Facts)
		}
	}
	for _, a := range []registry.GateAnswer{registry.GatePass, registry.GateFail, registry.GateUnknown} {
		if count[a] < rounds()/20 {
			t.Errorf("only %d answers are %s: %v", count[a], a, count)
		}
	}
}
