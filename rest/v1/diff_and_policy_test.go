package v1

import (
	"strings"
	"testing"

	"pedigree/registry"
)

// TestDifferencesColumnsAndRulesAreRead asks for what had no route for long: the differences of two
// versions, the way of a column, and the rules.
func TestDifferencesColumnsAndRulesAreRead(t *testing.T) {
	a := newAPI(t)
	a.deprecated("")
	a.admin(200, "POST", "models/fraud/v1.0.0/transition", `{"to_stage":"staging"}`)
	wants := func(target string, texts ...string) {
		t.Helper()
		got := a.admin(200, "GET", target, "")
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("%s answers %s, without %s", target, got, text)
			}
		}
	}
	one, two := a.idOf("models/fraud/v1.0.0"), a.idOf("models/fraud/v2.0.0")
	wants("lineage-diff?a="+one+"&b="+two, `"stage":{"before":"staging","after":"development"}`)
	wants("lineage-diff?a="+one+"&b="+one, `"identical":true`)
	a.admin(404, "GET", "lineage-diff?a="+one, "")

	a.admin(201, "POST", "datasets", `{"dataset":"raw","version":"1","columns":[{"name":"age","type":"int"}]}`)
	raw := a.idOf("datasets/raw/versions/1")
	a.admin(201, "POST", "datasets", `{"dataset":"clean","version":"1","derived_from":["`+raw+`"],"columns":[{"name":"age","derived_from":[{"dataset":"raw","column":"age"}]}]}`)
	clean := a.idOf("datasets/clean/versions/1")
	wants("column-lineage/"+clean+"?column=age&direction=upstream", `"root":"`+clean+`"`, `"depth":1`, raw)
	a.admin(404, "GET", "column-lineage/"+clean+"?column=none", "")

	wants("policy", `"rules":[{`, `"hash":"`)
	wants("policy/explain?role=viewer&action=transition", `"allowed":false`, `"why":"`)
	wants("policy/explain?role=admin&action=transition&to=production", `"allowed":true`, `"rule":{`)
	a.admin(400, "GET", "policy/explain?role=viewer", "")
	for _, target := range []string{"policy", "policy/explain?role=viewer&action=transition"} {
		if w := a.as(registry.RoleDeveloper, "GET", target, ""); w.Code != 403 {
			t.Errorf("%s for a developer: %d %s", target, w.Code, w.Body)
		}
	}
}
