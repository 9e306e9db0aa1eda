package v1

import (
	"encoding/json"
	"strings"
	"testing"

	"pedigree/registry"
)

// TestTheStoryOfARecall recalls data, reads what it reached as pages and as a stream, notes how a
// deployment was dealt with, and clears it with two people.
func TestTheStoryOfARecall(t *testing.T) {
	a := newAPI(t)
	id := func(answer, noun string) string {
		t.Helper()
		var out map[string]json.RawMessage
		var object struct{ ID string }
		if err := json.Unmarshal([]byte(answer), &out); err != nil {
			t.Fatal(err, answer)
		}
		if raw := out[noun]; raw != nil {
			answer = string(raw)
		}
		if err := json.Unmarshal([]byte(answer), &object); err != nil || object.ID == "" {
			t.Fatalf("%s has no %s: %v", answer, noun, err)
		}
		return object.ID
	}
	data := id(a.admin(201, "POST", "datasets", `{"dataset":"prices","version":"1"}`), "dataset_version")
	run := id(a.admin(201, "POST", "runs", `{"producer":"p","run_id":"1","name":"train","inputs":["`+data+`"]}`), "run")
	a.admin(201, "POST", "models/register", `{"name":"fraud","version":"v1.0.0","run":"`+run+`"}`)
	for _, environment := range []string{"prod", "test"} {
		a.admin(201, "POST", "models/fraud/v1.0.0/deployments", `{"environment":"`+environment+`"}`)
	}
	a.admin(400, "POST", "recalls", `{"nodes":["`+data+`"],"severity":"high"}`)
	w := a.as(registry.RoleAdmin, "POST", "recalls", `{"nodes":["`+data+`"],"reason":"wrong prices","severity":"high"}`)
	recall := id(w.Body.String(), "recall")
	if w.Code != 201 || w.Header().Get("Location") == "" || !strings.HasSuffix(w.Header().Get("Location"), recall) {
		t.Fatalf("%d %s %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	one := "recalls/" + recall
	for target, part := range map[string]string{"recalls?open=true": recall, "recalls?severity=low": `"recalls":[]`, "recalls?node=" + run: recall, one: `"reason":"wrong prices"`,
		one + "/affected?page_size=1": `"next_page_token"`} {
		if got := a.admin(200, "GET", target, ""); !strings.Contains(got, part) {
			t.Errorf("%s: %s has no %s", target, got, part)
		}
	}
	w = a.as(registry.RoleAdmin, "GET", one+"/affected/all", "")
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if w.Code != 200 || len(lines) != 2 || w.Header().Get("Content-Type") != ndjson || w.Header().Get(truncatedTrailer) != "" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	deployments := make([]string, len(lines))
	for i, line := range lines {
		var l struct {
			Node        struct{ ID string }
			Environment string
			Path        []struct{ ID string }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || len(l.Path) != 4 || l.Path[0].ID != data || l.Environment == "" {
			t.Errorf("%s: %v", line, err)
		}
		deployments[i] = l.Node.ID
	}
	for _, of := range []string{"models/fraud/v1.0.0", "runs/" + run, "datasets/prices/versions/1", "deployments/" + deployments[0]} {
		if got := a.admin(200, "GET", of, ""); !strings.Contains(got, `"recall_state":"recalled","recalls":["`+recall+`"]`) {
			t.Errorf("%s does not show that it is recalled: %s", of, got)
		}
	}
	a.admin(404, "GET", "recalls/"+string(registry.RecallID(99))+"/affected/all", "")
	a.admin(200, "POST", one+"/resolve", `{"deployment":"`+deployments[0]+`","handling":"accepted","reason":"not used"}`)
	if got := a.admin(200, "GET", one+"/affected", ""); strings.Count(got, `"handling":"accepted"`) != 1 {
		t.Errorf("what was done is %s", got)
	}
	a.admin(200, "POST", one+"/clear", `{"reason":"the prices were right"}`)
	a.admin(403, "POST", one+"/decide", `{}`)
	if w := a.as(registry.RoleAdmin, "GET", "recalls?open=true", ""); !strings.Contains(w.Body.String(), recall) {
		t.Errorf("one person cleared it: %s", w.Body)
	}
}
