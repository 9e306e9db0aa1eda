package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/core"
)

var update = flag.Bool("update", false, "write the transcripts in docs/")

// story sends GraphQL to a server as several people and keeps a transcript.
type story struct {
	*testing.T
	url, text string
	store     graph.Store
	service   *service.Service
	now       time.Time
}

func tokenOf(subject string) string { return "pdg_token_of_the_subject_" + subject }

func newStory(t *testing.T, people map[string]string) *story {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	s := &story{T: t, store: store, now: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)}
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return s.now })
	if err != nil {
		t.Fatal(err)
	}
	svc := service.New(gate)
	s.service = svc
	srv := httptest.NewServer(server.New(svc, server.Config{Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(func() { srv.Close(); store.Close() })
	s.url = srv.URL
	operator := service.As(t.Context(), registry.Actor{Subject: "cli:root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "cli")
	for subject, role := range people {
		if _, err := svc.CreateToken(operator, access.CreateTokenInput{Subject: subject, Role: role, Token: tokenOf(subject)}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// says sends an operation as a person, a minute later, and returns the answer. When it is to be
// told, the transcript has the operation and what was answered, or the message of the refusal.
func (s *story) says(told bool, who, operation string) map[string]any {
	s.Helper()
	s.now = s.now.Add(time.Minute)
	body, _ := json.Marshal(map[string]string{"query": operation})
	r, _ := http.NewRequest(http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+tokenOf(who))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data   map[string]json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
		Extensions json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		s.Fatal(err)
	}
	said := ""
	out := map[string]any{}
	for field, raw := range answer.Data {
		said = field + ": " + string(raw)
		var v any
		json.Unmarshal(raw, &v)
		out[field] = v
	}
	for _, e := range answer.Errors {
		said = e.Extensions.Code + ": " + e.Message
		out["error"] = said
	}
	if len(answer.Extensions) > 0 {
		said += "\n        extensions: " + string(answer.Extensions)
	}
	if told {
		s.text += fmt.Sprintf("%-5s %s\n      ⇒ %s\n", who+":", operation, said)
	} else if len(answer.Errors) > 0 {
		s.Fatal(said)
	}
	return out
}

// revoke takes the roles of a subject away.
func (s *story) revoke(subject string) {
	s.Helper()
	ctx := context.Background()
	err := s.store.Update(ctx, func(tx graph.Tx) error {
		nodes, err := tx.Nodes(ctx, graph.Instant{}, registry.ActorID(subject))
		if err != nil {
			return err
		}
		a, err := core.DecodeWhole(nodes[0], &registry.Actor{})
		if err != nil {
			return err
		}
		a.Grants = []registry.Grant{{Role: registry.RoleViewer, Scope: registry.ScopeAll}}
		n, err := core.EncodeNode(a, nodes[0].Name, s.now, nodes[0].Slots...)
		if err != nil {
			return err
		}
		if err := tx.Put(ctx, n); err != nil {
			return err
		}
		return tx.Append(ctx, &registry.LogEntry{At: s.now, Actor: "root", Action: registry.LogTokenCreated, Objects: []registry.ID{n.ID}})
	})
	if err != nil {
		s.Fatal(err)
	}
	s.text += fmt.Sprintf("      (an administrator takes the role of %s away)\n", subject)
}

// idOf returns the id of the request in the answer to transitionModelVersion.
func (s *story) idOf(answer map[string]any) string {
	s.Helper()
	p, _ := answer["transitionModelVersion"].(map[string]any)
	r, _ := p["request"].(map[string]any)
	id, _ := r["id"].(string)
	if id == "" {
		s.Fatalf("no request was made: %v", answer)
	}
	return id
}

// TestAPromotionByTwoPeople plays the transcript of docs/governance.md.
func TestAPromotionByTwoPeople(t *testing.T) {
	s := newStory(t, map[string]string{"root": registry.RoleAdmin, "ci": registry.RoleDataScientist, "ada": registry.RoleAdmin, "bob": registry.RoleAdmin, "cleo": registry.RoleAdmin})
	s.says(false, "ci", `mutation { registerModel(input: {name: "credit"}) { model { id } } }`)
	s.says(false, "ci", `mutation { registerModelVersion(input: {model: "credit", version: "1.0.0", card: {description: "scores applicants"}}) { modelVersion { id } } }`)
	s.says(false, "root", `mutation { transitionModelVersion(input: {model: "credit", version: "1.0.0", to: STAGING}) { version { stage } } }`)

	s.says(true, "root", `mutation { putTransitionGuard(input: {profile: GUARDED}) { guard { name stages needed expiryDays } } }`)
	first := s.idOf(s.says(true, "ada", `mutation { transitionModelVersion(input: {model: "credit", version: "1.0.0", to: PRODUCTION, reason: "better on March data", evidence: {links: ["https://ci.example.com/runs/7"], metrics: [{name: "auc", value: 0.91}]}}) { transition { id } request { id status needed expiresAt } } }`))
	s.says(true, "ada", `{ checkTransition(model: "credit", version: "1.0.0", to: PRODUCTION) { allowed needed counted blockers { kind text } } }`)
	own := s.says(true, "ada", fmt.Sprintf(`mutation { approveTransition(input: {id: %q}) { request { status } } }`, first))
	s.says(false, "ci", `mutation { updateModelCard(input: {model: "credit", version: "1.0.0", card: {limitations: ["no income below 10,000"]}}) { card { id } } }`)
	s.text += "      (ci changes the card)\n"
	stale := s.says(true, "bob", fmt.Sprintf(`mutation { approveTransition(input: {id: %q}) { request { status } } }`, first))
	second := s.idOf(s.says(true, "ada", `mutation { transitionModelVersion(input: {model: "credit", version: "1.0.0", to: PRODUCTION, reason: "better on March data", execute: LATER}) { request { id status } } }`))
	s.says(true, "bob", fmt.Sprintf(`mutation { approveTransition(input: {id: %q, comment: "the numbers hold"}) { request { status } transition { id } } }`, second))
	s.revoke("bob")
	revoked := s.says(true, "ada", fmt.Sprintf(`mutation { transitionModelVersion(input: {to: PRODUCTION, approval: %q}) { version { stage } } }`, second))
	s.says(true, "cleo", fmt.Sprintf(`mutation { approveTransition(input: {id: %q, comment: "I ran them again"}) { request { status approvals { by comment } } } }`, second))
	s.says(true, "ada", fmt.Sprintf(`mutation { transitionModelVersion(input: {to: PRODUCTION, approval: %q}) { version { stage } transition { from to by approval } } }`, second))
	s.says(true, "root", `{ auditLog(first: 2) { edges { node { action actor approval reason } } } }`)

	for answer, want := range map[string]string{fmt.Sprint(own["error"]): "FORBIDDEN: you requested this transition", fmt.Sprint(stale["error"]): "FAILED_PRECONDITION: the request is void: its card changed since",
		fmt.Sprint(revoked["error"]): "bob may no longer approve"} {
		if !strings.Contains(answer, want) {
			t.Errorf("%q, want %q in it", answer, want)
		}
	}
	for _, want := range []string{`"version":{"stage":"PRODUCTION"}`, `"action":"model_deployed","actor":"ada","approval":"cleo"`} {
		if !strings.Contains(s.text, want) {
			t.Errorf("the transcript has no %s", want)
		}
	}
	s.compareWithDocs("../docs/governance.md")
}

// compareWithDocs compares the transcript with that of a page of the documentation.
func (s *story) compareWithDocs(page string) {
	s.Helper()
	const begin, end = "<!-- transcript -->\n\n", "\n<!-- end of transcript -->"
	raw, err := os.ReadFile(page)
	if err != nil {
		s.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	old, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		s.Fatalf("%s has no place for the transcript", page)
	}
	var indented strings.Builder
	for line := range strings.Lines(s.text) {
		indented.WriteString("    " + line)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+indented.String()+end+after), 0o644); err != nil {
			s.Fatal(err)
		}
		return
	}
	if old != indented.String() {
		s.Errorf("%s has another transcript: go test ./server -run %s -update\n%s", page, s.Name(), indented.String())
	}
}
