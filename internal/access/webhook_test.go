package access

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"pedigree/notify"
	"pedigree/registry"
	"pedigree/rest/mlflow"
	"pedigree/service"
	"pedigree/service/webhooks"
)

// ownWebhooks gives an actor settings of its own and, if it may have one, a webhook that has every
// field: its secret was made anew, it has told, it has given up, and it fails.
func (b *seedBuilder) ownWebhooks(ctx context.Context, label, role string) error {
	_, err := b.s.UpdateNotificationSettings(ctx, webhooks.UpdateNotificationSettingsInput{Events: []registry.WebhookEvent{registry.OnRecalls}, Address: b.text() + "@example.com"})
	if err == nil {
		err = b.ownSettings(label)
	}
	if err != nil || role == viewer {
		return err
	}
	model := "alpha"
	if label == scopedScientist {
		model = "beta"
	}
	p, err := b.s.CreateWebhook(ctx, webhooks.CreateWebhookInput{Name: b.text(), Description: b.text(), Address: "https://" + b.text() + ".example.com/" + b.text(), Events: registry.WebhookEvents(), Model: b.seed.name[model]})
	if err != nil {
		return err
	}
	id := p.Webhook.ID
	b.addRow("webhook "+label, id, b.seed.own[label])
	ofMLflow, err := b.s.CreateWebhook(ctx, webhooks.CreateWebhookInput{Name: b.text(), Address: "https://" + b.text() + ".example.com/", Format: registry.WebhookMLflow, MLflow: registry.MLflowEvents(), Secret: b.text()})
	if err != nil {
		return err
	}
	b.addRow("mlflow webhook "+label, ofMLflow.Webhook.ID, b.seed.own[label])
	if _, err := b.s.RotateWebhookSecret(ctx, webhooks.RotateWebhookSecretInput{ID: id}); err != nil {
		return err
	}
	due, err := b.s.DueWebhooks(b.asAdmin())
	if err != nil {
		return err
	}
	for _, d := range due {
		if d.ID != id {
			continue
		}
		state := d.State
		state.Position, state.Attempts, state.NextAttempt = state.Position+1, 1, b.s.Now()
		note := webhooks.Note{State: state, Dead: 2, Delivery: &registry.Delivery{Seq: 3, At: b.s.Now(), Attempt: 1, Outcome: registry.BadStatus, Status: 500}}
		if err := b.s.NoteDelivery(b.asAdmin(), d, note); err != nil {
			return err
		}
	}
	return nil
}

// ownSettings notes which row has the settings that an actor made last.
func (b *seedBuilder) ownSettings(label string) error {
	due, err := b.s.DueWebhooks(b.asAdmin())
	if err == nil {
		b.addRow("settings "+label, due[len(due)-1].ID, b.seed.own[label])
	}
	return err
}

// only is an outbox that has the webhooks of one receiver alone: those of the seed lead nowhere.
type only struct {
	notify.Outbox
	receiver string
}

func (o only) DueWebhooks(ctx context.Context) (out []*webhooks.Due, err error) {
	all, err := o.Outbox.DueWebhooks(ctx)
	for _, d := range all {
		if strings.HasPrefix(d.Address, o.receiver) {
			out = append(out, d)
		}
	}
	return out, err
}

// TestNothingHiddenLeaksThroughWebhooks tells every actor everything that happened, in every form. No
// byte of it may be of something that is hidden from the actor.
func TestNothingHiddenLeaksThroughWebhooks(t *testing.T) {
	for _, who := range []string{developer, dataScientist, scopedDeveloper, scopedScientist} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			if bodies, leaks := told(t, who, who); bodies < 6 || len(leaks) > 0 {
				t.Errorf("%d bodies, which leak %v", bodies, leaks)
			}
		})
	}
	t.Run("is seen", func(t *testing.T) { // What an administrator is told would be leaks to a developer.
		t.Parallel()
		if _, leaks := told(t, admin, developer); len(leaks) < 10 {
			t.Errorf("only %d leaks are seen", len(leaks))
		}
	})
}

// tellMLflow makes a webhook of MLflow's form for an actor, which tells everything that happened.
func (s *testServer) tellMLflow(who, address string) {
	s.t.Helper()
	var events []string
	for _, e := range registry.MLflowEvents() {
		events = append(events, fmt.Sprintf(`{"entity":%q,"action":%q}`, strings.ToUpper(e.Entity), strings.ToUpper(e.Action)))
	}
	a := s.sendMLflow(who, mlflow.Route{Method: http.MethodPost, Path: mlflow.Prefix + "webhooks"}, mlflowRequest{body: `{"name":"all","url":"` + address + `","events":[` + strings.Join(events, ",") + `]}`})
	var made struct {
		Webhook struct {
			ID string `json:"webhook_id"`
		}
	}
	if err := json.Unmarshal(a.raw, &made); err != nil || made.Webhook.ID == "" {
		s.t.Fatalf("%s", a.raw)
	}
	if r := s.query(who, `mutation { replayWebhook(input: {id: "`+made.Webhook.ID+`", after: 0}) { webhook { id } } }`); r.code() != "" {
		s.t.Fatalf("%s", r.raw)
	}
}

// told tells an actor everything that happened, and returns how many bodies that were, and what of
// them is hidden from another.
func told(t *testing.T, who, from string) (int, map[string]string) {
	s := open(t, "")
	c := newCrawler(t, s, from)
	var mu sync.Mutex
	bodies := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		bodies++
		c.scan("a webhook", &answer{status: http.StatusOK, header: r.Header, raw: b})
	}))
	t.Cleanup(receiver.Close)
	for _, format := range []string{"STANDARD", "SLACK", "TEAMS"} {
		a := s.query(who, `mutation { createWebhook(input: {name: "all", format: `+format+`, address: "`+receiver.URL+`", after: 0, events: [TRANSITIONS, APPROVALS, DEPRECATIONS, RECALLS, LOG_ENTRIES, CATALOG]}) { webhook { id } } }`)
		if a.code() != "" {
			t.Fatalf("%s", a.raw)
		}
	}
	s.tellMLflow(who, receiver.URL)
	system := service.As(t.Context(), registry.Actor{Subject: "test", Grants: []registry.Grant{{Role: admin, Scope: registry.ScopeAll}}}, "test")
	if err := notify.NewWorker(only{s.service, receiver.URL}, notify.Config{AllowPrivate: true, PublicURL: "https://pedigree.example"}).Once(system); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d bodies", who, bodies)
	return bodies, c.leaks
}

// TestTheNumberOfWebhooksDoesNotChangeTheNumberOfReads lists one webhook and many, with all that is
// known of their deliveries.
func TestTheNumberOfWebhooksDoesNotChangeTheNumberOfReads(t *testing.T) {
	s := open(t, "")
	ask := func() (reads int64, hooks int) {
		t.Helper()
		before := s.store.calls()
		a := s.query(admin, `{ webhooks(subject: "user-admin") { name state position deliveries { seq outcome } deadLetters { seq } } }`)
		if a.code() != "" {
			t.Fatalf("%s", a.raw)
		}
		return s.store.calls() - before, len(objectsOf(a.Data["webhooks"]))
	}
	ask() // Who the caller is, is known from now on.
	few, one := ask()
	for range 15 {
		if a := s.query(admin, `mutation { createWebhook(input: {name: "more", address: "https://example.com/hook", events: [RECALLS]}) { webhook { id } } }`); a.code() != "" {
			t.Fatalf("%s", a.raw)
		}
	}
	ask()
	many, sixteen := ask()
	if one != 2 || sixteen != 17 || many > few {
		t.Errorf("%d reads for %d webhooks, and %d for %d", few, one, many, sixteen)
	}
}
