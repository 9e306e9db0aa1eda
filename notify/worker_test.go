package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/webhooks"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// site is a registry with a worker, whose passes the test makes.
type site struct {
	*testing.T
	*service.Service
	file          string
	clock         *clock
	admin, system context.Context
	worker        *Worker
}

func newSite(t *testing.T, c Config) *site {
	t.Helper()
	return openSite(t, filepath.Join(t.TempDir(), "p.db"), &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, c)
}

// openSite opens a store file; several sites may have one.
func openSite(t *testing.T, file string, at *clock, c Config) *site {
	t.Helper()
	store, err := sqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, at.now)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, Service: service.New(gate), file: file, clock: at}
	as := func(subject string) context.Context {
		return service.As(t.Context(), registry.Actor{Subject: subject, Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	}
	s.admin, s.system = as("root"), as("pedigree:webhooks")
	c.Now, c.Rand = at.now, func() float64 { return 1 }
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s.worker = NewWorker(s.Service, c)
	return s
}

// subject gives a subject a role, and returns its context, of a token.
func (s *site) subject(name, role string) context.Context {
	s.Helper()
	text, err := s.CreateToken(s.admin, access.CreateTokenInput{Subject: name, Role: role})
	if err != nil {
		s.Fatal(err)
	}
	actor, err := s.Authenticate(s.Context(), text)
	if err != nil {
		s.Fatal(err)
	}
	return service.As(s.Context(), actor, "r")
}

// story registers a version of a model and moves it into PRODUCTION: three transitions.
func (s *site) story(model string) {
	s.Helper()
	if _, err := s.RegisterModelVersion(s.admin, catalog.RegisterModelVersionInput{Model: model, Version: new("1.0.0"), CreateModel: true}); err != nil {
		s.Fatal(err)
	}
	for _, to := range []registry.Stage{registry.Staging, registry.Canary, registry.Production} {
		s.move(model, to)
	}
}

func (s *site) move(model string, to registry.Stage) {
	s.Helper()
	if _, err := s.TransitionModelVersion(s.admin, catalog.TransitionModelVersionInput{Model: &model, Version: new("1.0.0"), To: to, Reason: "story"}); err != nil {
		s.Fatal(err)
	}
}

// hook makes a webhook, and returns its id and its secret.
func (s *site) hook(ctx context.Context, in webhooks.CreateWebhookInput) (registry.ID, string) {
	s.Helper()
	if in.Name == "" {
		in.Name = "hook"
	}
	if in.Events == nil {
		in.Events = []registry.WebhookEvent{registry.OnTransitions}
	}
	p, err := s.CreateWebhook(ctx, in)
	if err != nil {
		s.Fatal(err)
	}
	return p.Webhook.ID, *p.Secret
}

// passes makes passes until all that is due now was told.
func (s *site) passes() {
	s.Helper()
	if err := s.worker.Once(s.system); err != nil {
		s.Fatal(err)
	}
}

func (s *site) look(id registry.ID) *webhooks.Hook {
	s.Helper()
	h, err := s.Webhook(s.admin, id)
	if err != nil || h == nil {
		s.Fatalf("%v %v", h, err)
	}
	return h
}

func (s *site) outcomes(id registry.ID) (out []string) {
	s.Helper()
	all, err := s.DeliveriesOf(s.admin, s.look(id))
	if err != nil {
		s.Fatal(err)
	}
	for _, d := range all {
		out = append(out, fmt.Sprintf("%s %d #%d", d.Outcome, d.Status, d.Attempt))
	}
	slices.Reverse(out)
	return out
}

// receiver is a real receiver, which answers as the test says.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	got    []received
}

type received struct {
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.got = append(r.got, received{q.Header.Clone(), b})
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = h
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// stages are the stages that versions moved to, as they were received.
func (r *receiver) stages() (out []string) {
	for _, g := range r.all() {
		var m struct {
			Type string
			Data struct {
				Transition struct{ To string }
				Version    struct{ ModelName string }
			}
		}
		json.Unmarshal(g.body, &m)
		out = append(out, strings.TrimSpace(m.Data.Version.ModelName+" "+m.Data.Transition.To))
	}
	return out
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAWebhookTellsWhatHappensInOrder(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	id, secret := s.hook(s.subject("ann", registry.RoleAdmin), webhooks.CreateWebhookInput{Address: r.URL})
	s.story("credit")
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING", "credit CANARY", "credit PRODUCTION"})
	first := r.all()[0]
	at := http.Header{}
	sign(at, []string{secret}, first.header.Get("webhook-id"), s.clock.now(), first.body)
	if got := first.header.Get("webhook-signature"); got == "" || got != at.Get("webhook-signature") {
		t.Errorf("the signature is %q", got)
	}
	if h := s.look(id); h.Status() != registry.WebhookActive || h.Position() == h.Start {
		t.Errorf("%s at %d", h.Status(), h.Position())
	}
	equal(t, s.outcomes(id), []string{"DELIVERED 200 #1", "DELIVERED 200 #1", "DELIVERED 200 #1"})
	s.passes()
	if n := len(r.all()); n != 3 {
		t.Errorf("%d requests for 3 events", n)
	}
}
