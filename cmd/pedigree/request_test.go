package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// graphQL sends a query to a server as its first administrator and returns the answer.
func graphQL(t *testing.T, url, query string) string {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	r, _ := http.NewRequest(http.MethodPost, url+"/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	if strings.Contains(b.String(), `"errors"`) {
		t.Fatal(b.String())
	}
	return b.String()
}

// TestRequestsAndReviewsByCommand decides a request and records a review by commands. They print
// the same through a server as over its store.
func TestRequestsAndReviewsByCommand(t *testing.T) {
	url, data := startServer(t, "--approval-profile", "guarded")
	answer := graphQL(t, url, `mutation {
		registerModel(input: {name: "churn"}) { model { id } }
		registerModelVersion(input: {model: "churn", version: "1.0.0"}) { modelVersion { id } }
		staging: transitionModelVersion(input: {model: "churn", version: "1.0.0", to: STAGING}) { version { stage } }
		production: transitionModelVersion(input: {model: "churn", version: "1.0.0", to: PRODUCTION, reason: "better", evidence: {links: ["https://ci.example.com/1"], metrics: [{name: "auc", value: 0.9}]}}) { transition { id } request { id } }
		setReviewPlan(input: {model: "churn", intervalDays: 30, nextReview: "2026-01-01"}) { model { nextReview } }
	}`)
	_, rest, _ := strings.Cut(answer, `"request":{"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	if !strings.HasPrefix(id, "req_") {
		t.Fatalf("no request was made: %s", answer)
	}
	alike := func(want string, args ...string) string {
		t.Helper()
		code, there, stderr := run(t, append(args, "--server", url)...)
		if code != 0 {
			t.Fatalf("%v: exit %d %s", args, code, stderr)
		}
		code, here, stderr := run(t, append(args, "--data", data)...)
		if code != 0 || here != there {
			t.Errorf("%v: exit %d %s; through the server\n%s\nover the store\n%s", args, code, stderr, there, here)
		}
		if !strings.Contains(here, want) {
			t.Errorf("%v prints %q, want %q in it", args, here, want)
		}
		return here
	}
	alike(id+"  churn@1.0.0  STAGING → PRODUCTION  PENDING  0 of 1", "request", "list")
	alike(`"status": "PENDING"`, "request", "list", "--status", "pending", "-o", "json")
	alike("requestedBy: admin", "request", "list", "--model", "churn", "-o", "yaml")
	alike("https://ci.example.com/1", "request", "show", id)
	alike("churn", "review", "list")
	if code, out, _ := run(t, "request", "list", "--waiting", "--server", url); code != 0 || strings.Contains(out, id) {
		t.Errorf("the requester's own request waits for them: %d %s", code, out)
	}
	if code, out, _ := run(t, "request", "list", "--waiting", "--data", data); code != 0 || !strings.Contains(out, id) {
		t.Errorf("the request does not wait for the operator: %d %s", code, out)
	}
	if code, _, stderr := run(t, "request", "approve", id, "--server", url); code != 1 || !strings.Contains(stderr, "FORBIDDEN: you requested this transition") {
		t.Errorf("exit %d %s", code, stderr)
	}
	if code, out, stderr := run(t, "request", "approve", id, "--comment", "fine", "--data", data); code != 0 || !strings.Contains(out, "EXECUTED  1 of 1") {
		t.Errorf("exit %d %s %s", code, out, stderr)
	}
	if code, _, stderr := run(t, "request", "reject", id, "--data", data); code != 1 || !strings.Contains(stderr, "FAILED_PRECONDITION: the request was executed already") {
		t.Errorf("exit %d %s", code, stderr)
	}
	alike("comment: fine", "request", "show", id)
	if code, out, stderr := run(t, "review", "record", "churn", "--decision", "approved", "--findings", "none", "--server", url); code != 0 || !strings.Contains(out, "APPROVED") {
		t.Errorf("exit %d %s %s", code, out, stderr)
	}
	alike("none", "review", "list", "--model", "churn")
	if code, out, _ := run(t, "review", "list", "--data", data); code != 0 || strings.Contains(out, "churn") {
		t.Errorf("the review is still due: %s", out)
	}
	if code, _, _ := run(t, "request", "list", "-o", "xml"); code != 2 {
		t.Errorf("an unknown format ends with %d", code)
	}
}

func TestTheApprovalProfileOfAServerIsKept(t *testing.T) {
	url, data := startServer(t, "--approval-profile", "guarded")
	if answer := graphQL(t, url, `{ transitionGuards { name profile stages needed } }`); !strings.Contains(answer, `{"name":"registry","profile":"GUARDED","stages":["PRODUCTION"],"needed":1}`) {
		t.Error(answer)
	}
	if code, _, stderr := run(t, "serve", "--listen", "127.0.0.1:0", "--data", data, "--approval-profile", "shut"); code != 1 || !strings.Contains(stderr, "is not open or guarded") {
		t.Errorf("exit %d %s", code, stderr)
	}
}
