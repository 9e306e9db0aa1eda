package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
)

// curl sends a request of the REST API as a person, a minute later. The transcript has it as a call
// of curl, with the members of the answer that are told, or with the detail of the problem.
func (s *story) curl(who, method, path, body string, headers ...string) (status int, answer map[string]any, etag string) {
	s.Helper()
	s.now = s.now.Add(time.Minute)
	r, err := http.NewRequest(method, s.url+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	command := "curl"
	if method != http.MethodGet && (method != http.MethodPost || body == "") {
		command += " -X " + method
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		command += fmt.Sprintf(" -H '%s'", h)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		command += fmt.Sprintf(" --json '%s'", body)
	}
	r.Header.Set("Authorization", "Bearer "+tokenOf(who))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		s.Fatalf("%s %s: %s", method, path, raw)
	}
	if strings.Contains(path, "?") {
		path = "'" + path + "'" // A shell takes & for itself.
	}
	s.text += fmt.Sprintf("%-5s %s %s\n      ⇒ %d %s\n", who+":", command, path, resp.StatusCode, told(raw, answer))
	return resp.StatusCode, answer, resp.Header.Get("ETag")
}

// told shortens an answer: of a problem its detail, of an object what the story is about.
func told(raw []byte, answer map[string]any) string {
	if detail, ok := answer["detail"].(string); ok {
		return detail
	}
	if len(raw) < 300 {
		return strings.TrimSpace(string(raw))
	}
	parts := regexp.MustCompile(`"(?:id":"req_|status|model_id|from_stage|to_stage|approval|by|performed_by|needed|environment)"?[^,\]}]*`).FindAllString(string(raw), -1)
	return "{… " + strings.Join(parts, ", ") + " …}"
}

// TestAPromotionByTwoPeopleOverREST plays the transcript of docs/rest.md.
func TestAPromotionByTwoPeopleOverREST(t *testing.T) {
	s := newStory(t, map[string]string{"root": registry.RoleAdmin, "ada": registry.RoleAdmin, "bob": registry.RoleAdmin})
	want := func(status int) func(int, map[string]any, string) map[string]any {
		return func(got int, answer map[string]any, _ string) map[string]any {
			t.Helper()
			if got != status {
				t.Fatalf("%d, not %d: %v\n%s", got, status, answer, s.text)
			}
			return answer
		}
	}
	want(201)(s.curl("ada", "POST", "models/register", `{"name":"credit","version":"v1.0.0","algorithm":"xgboost","metrics":{"auc":0.91}}`))
	want(200)(s.curl("root", "PUT", "transition-guards", `{"model":"credit","profile":"guarded"}`))
	want(200)(s.curl("ada", "POST", "models/credit/v1.0.0/transition", `{"to_stage":"staging"}`))
	_, _, tag := s.curl("ada", "GET", "models/credit/v1.0.0?fields=model_id,status", "")
	asked := want(202)(s.curl("ada", "POST", "models/credit/v1.0.0/transition", `{"to_stage":"production","reason":"better on March data"}`, "If-Match: "+tag))
	request, _ := asked["request"].(map[string]any)["id"].(string)
	want(200)(s.curl("ada", "GET", "models/credit/v1.0.0/transition-check?to_stage=production&fields=allowed,needed,counted", ""))
	if own := want(403)(s.curl("ada", "POST", "transition-requests/"+request+"/approve", "")); !strings.Contains(fmt.Sprint(own["detail"]), "you requested this transition") {
		t.Error(own)
	}
	want(200)(s.curl("bob", "POST", "transition-requests/"+request+"/approve", `{"comment":"the numbers hold"}`))
	if stale := want(412)(s.curl("ada", "POST", "models/credit/v1.0.0/transition", `{"to_stage":"deprecated"}`, "If-Match: "+tag)); stale["revision"] == nil {
		t.Error(stale)
	}
	want(200)(s.curl("ada", "GET", "models", ""))
	want(200)(s.curl("root", "GET", "audit?actions=model_deployed&fields=action,performed_by,from_stage,to_stage,approval,change_reason", ""))
	for _, part := range []string{`"production_version":"v1.0.0"`, `"action":"model_deployed","performed_by":"bob","from_stage":"staging","to_stage":"production"`} {
		if !strings.Contains(s.text, part) {
			t.Errorf("the transcript has no %s:\n%s", part, s.text)
		}
	}
	s.compareWithDocs("../docs/rest.md")
}
