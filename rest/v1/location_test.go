package v1

import (
	"net/url"
	"strings"
	"testing"

	"pedigree/registry"
)

// TestWhatIsCreatedIsAtItsLocation follows the header Location of each route that creates one
// object. What was there already has none, nor has an answer about several objects.
func TestWhatIsCreatedIsAtItsLocation(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct{ target, body, location string }{
		{"models", `{"name":"a b"}`, "models/a%20b"},
		{"models/register", fraud, "models/fraud/v1.0.0"},
		{"models/register", `{"name":"only","label":"first"}`, ""},
		{"models/fraud/reviews", `{"decision":"approved"}`, "nodes/rev"},
		{"models/fraud/v1.0.0/deployments", `{"environment":"prod"}`, "deployments/dep_"},
		{"deprecations", `{"model":"fraud","versions":["v1.0.0"]}`, "deprecations/dpr_"},
		{"datasets", `{"dataset":"d","version":"1"}`, "nodes/dv_"},
		{"runs", `{"producer":"p","run_id":"1","name":"r"}`, "runs/run_"},
		{"commits", `{"repository":{"name":"r"},"commits":[{"sha":"` + strings.Repeat("ab", 20) + `"}]}`, "-"},
		{"tags", `{"repository":{"name":"r"},"name":"v9","sha":"` + strings.Repeat("ab", 20) + `"}`, "tags/tag_"},
		{"features", `{"model":"fraud","name":"f"}`, "features/feat"},
		{"tokens", `{"name":"new","roles":["viewer"],"grant_roles":true}`, "-"},
	} {
		w := a.as(registry.RoleAdmin, "POST", c.target, c.body)
		at := w.Header().Get("Location")
		if w.Code != 201 || (c.location == "-") != (at == "") {
			t.Errorf("POST %s: %d, Location %q: %s", c.target, w.Code, at, w.Body)
			continue
		}
		base, _ := url.Parse("http://x/api/v1/" + c.target)
		u, err := base.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(u.EscapedPath(), "/api/v1/")
		if at != "" && !strings.HasPrefix(path, c.location) {
			t.Errorf("POST %s: %s", c.target, path)
		}
		if at != "" {
			a.admin(200, "GET", path, "")
		}
	}
	if w := a.as(registry.RoleAdmin, "POST", "datasets", `{"dataset":"d","version":"1"}`); w.Code != 200 || w.Header().Get("Location") != "" {
		t.Errorf("what was there: %d %q", w.Code, w.Header().Get("Location"))
	}
	a.admin(201, "POST", "models/register", strings.Replace(fraud, "v1.0.0", "v2.0.0", 1))
	a.admin(201, "POST", "models/register", strings.Replace(fraud, "v1.0.0", "v3.0.0", 1))
	if w := a.as(registry.RoleAdmin, "POST", "deprecations", `{"model":"fraud","versions":["v2.0.0","v3.0.0"]}`); w.Code != 201 || w.Header().Get("Location") != "" {
		t.Errorf("two: %d %q", w.Code, w.Header().Get("Location"))
	}
}
