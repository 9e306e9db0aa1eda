package gate

import (
	"context"
	"fmt"
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
