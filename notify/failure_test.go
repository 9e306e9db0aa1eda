package notify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/outbound"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/webhooks"
)

func fails(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

func TestAReceiverThatFailsIsTriedAgainInOrder(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	id, _ := s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
	r.answers(fails)
	s.story("credit")
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING"}) // The others wait behind it.
	if h := s.look(id); h.Status() != registry.WebhookFailing || h.Attempts() != 1 || !h.NextAttempt().Equal(s.clock.now().Add(time.Second)) {
		t.Errorf("%s, %d attempts, next at %s", h.Status(), h.Attempts(), h.NextAttempt())
	}
	s.clock.advance(time.Second)
	s.passes()
	s.clock.advance(time.Second) // The second pause is twice as long.
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING", "credit STAGING"})
	r.answers(nil)
	s.clock.advance(time.Second)
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING", "credit STAGING", "credit STAGING", "credit CANARY", "credit PRODUCTION"})
	all := r.all()
	if a, b := all[0].header.Get("webhook-id"), all[2].header.Get("webhook-id"); a == "" || a != b || b == all[3].header.Get("webhook-id") {
		t.Errorf("the ids are %q, %q and then %q", a, b, all[3].header.Get("webhook-id"))
	}
	equal(t, s.outcomes(id), []string{"BAD_STATUS 500 #1", "BAD_STATUS 500 #2", "DELIVERED 200 #3", "DELIVERED 200 #1", "DELIVERED 200 #1"})
	if h := s.look(id); h.Status() != registry.WebhookActive {
		t.Errorf("it is %s", h.Status())
	}
}

// admin2 is an administrator with a token.
func (s *site) admin2() context.Context { return s.subject("ann", registry.RoleAdmin) }

func TestAnEventThatFailsTooOftenIsADeadLetter(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true, Attempts: 3}), newReceiver(t)
	ann := s.admin2()
	id, _ := s.hook(ann, webhooks.CreateWebhookInput{Address: r.URL})
	r.answers(func(w http.ResponseWriter, q *http.Request) {
		if len(r.all()) <= 3 {
			fails(w, q)
		}
	})
	s.story("credit")
	for range 3 {
		s.passes()
		s.clock.advance(time.Minute)
	}
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING", "credit STAGING", "credit STAGING", "credit CANARY", "credit PRODUCTION"})
	dead := s.dead(id)
	if len(dead) != 1 {
		t.Fatalf("dead letters: %v", dead)
	}
	if _, err := s.ReplayWebhook(ann, webhooks.ReplayWebhookInput{ID: id, DeadLetter: new(dead[0] + 1)}); registry.CodeOf(err) != registry.NotFound {
		t.Errorf("a replay of none: %v", err)
	}
	if _, err := s.ReplayWebhook(ann, webhooks.ReplayWebhookInput{ID: id, DeadLetter: &dead[0]}); err != nil {
		t.Fatal(err)
	}
	s.passes()
	if got := r.stages(); len(got) != 6 || got[5] != "credit STAGING" || r.all()[5].header.Get("webhook-id") != r.all()[0].header.Get("webhook-id") {
		t.Errorf("after the replay: %q", got)
	}
	if dead := s.dead(id); len(dead) != 0 {
		t.Errorf("dead letters are left: %v", dead)
	}
	if _, err := s.ReplayWebhook(ann, webhooks.ReplayWebhookInput{ID: id, After: new(int64(0))}); err != nil {
		t.Fatal(err)
	}
	s.passes()
	equal(t, r.stages()[6:], []string{"credit STAGING", "credit CANARY", "credit PRODUCTION"})
}

func (s *site) dead(id registry.ID) (out []int64) {
	s.Helper()
	all, err := s.DeadLettersOf(s.admin, s.look(id))
	if err != nil {
		s.Fatal(err)
	}
	for _, d := range all {
		out = append(out, d.Seq)
	}
	return out
}

func TestAFullListOfDeadLettersHoldsTheWebhook(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true, Attempts: 1}), newReceiver(t)
	id, _ := s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
	due, err := s.DueWebhooks(s.system)
	if err != nil {
		t.Fatal(err)
	}
	for n := range registry.MaxDeadLetters {
		if err := s.NoteDelivery(s.system, due[0], webhooks.Note{State: due[0].State, Dead: int64(1_000_000 + n)}); err != nil {
			t.Fatal(err)
		}
	}
	r.answers(fails)
	s.story("credit")
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING"})
	if got := s.outcomes(id); len(got) != 1 || !strings.HasPrefix(got[0], "DEAD_LETTERS_FULL") || len(s.dead(id)) != registry.MaxDeadLetters {
		t.Errorf("%q, %d dead letters", got, len(s.dead(id)))
	}
}

func TestReceiversThatHangRedirectAndLie(t *testing.T) {
	elsewhere := newReceiver(t)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"hangs": {func(w http.ResponseWriter, q *http.Request) { <-q.Context().Done() }, "TIMED_OUT 0 #1"},
		"hangs in its body": {func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-q.Context().Done()
		}, "TIMED_OUT 200 #1"},
		"redirects": {func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "REDIRECTED 307 #1"},
		"says what is false": {func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, `{"error":"<html>`+"\x00\xff") }, "DELIVERED 200 #1"},
		"closes":             {func(w http.ResponseWriter, q *http.Request) { panic(http.ErrAbortHandler) }, "NOT_CONNECTED 0 #1"},
		"is gone":            {func(w http.ResponseWriter, q *http.Request) { w.WriteHeader(http.StatusGone) }, "BAD_STATUS 410 #1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := newSite(t, Config{AllowPrivate: true, Timeout: 300 * time.Millisecond}), newReceiver(t)
			id, _ := s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
			r.answers(c.answer)
			s.story("credit")
			s.passes()
			if got := s.outcomes(id); len(got) == 0 || got[0] != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(elsewhere.all()); n != 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
	})
}

func TestAnAnswerIsReadUpToALimit(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
	var wrote atomic.Int64
	ended := make(chan struct{}, 3)
	r.answers(func(w http.ResponseWriter, q *http.Request) {
		defer func() { ended <- struct{}{} }()
		for line := []byte(strings.Repeat("x", 64<<10)); wrote.Load() < 256<<20; wrote.Add(int64(len(line))) {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	s.story("credit")
	s.passes()
	for range 3 {
		<-ended
	}
	if n := wrote.Load(); n >= 256<<20 {
		t.Errorf("an answer without an end was read: %d bytes", n)
	}
}

func TestOnlyPublicAddressesAreSpokenTo(t *testing.T) {
	tls := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	t.Cleanup(tls.Close)
	roots := x509.NewCertPool()
	roots.AddCert(tls.Certificate())
	plain := newReceiver(t)
	byName := strings.Replace(tls.URL, "127.0.0.1", "localhost", 1) // A name that resolves to loopback.
	for name, c := range map[string]struct {
		allow   bool
		address string
		want    string
	}{
		"loopback":                  {false, tls.URL, "ADDRESS_REFUSED 0 #1"},
		"a name of loopback":        {false, byName, "ADDRESS_REFUSED 0 #1"},
		"a mapped address":          {false, strings.Replace(tls.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1), "ADDRESS_REFUSED 0 #1"},
		"the short form":            {false, strings.Replace(tls.URL, "127.0.0.1", "127.1", 1), ""},
		"metadata":                  {false, "https://169.254.169.254/latest", "ADDRESS_REFUSED 0 #1"},
		"no TLS":                    {false, plain.URL, "ADDRESS_REFUSED 0 #1"},
		"loopback, where allowed":   {true, tls.URL, "DELIVERED 200 #1"},
		"without TLS where allowed": {true, plain.URL, "DELIVERED 200 #1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, Config{AllowPrivate: c.allow, Roots: roots})
			id, _ := s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: c.address})
			s.story("credit")
			s.passes()
			got := s.outcomes(id)
			if len(got) == 0 || c.want != "" && got[0] != c.want || c.want == "" && strings.HasPrefix(got[0], "DELIVERED") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	s := newSite(t, Config{AllowPrivate: true})
	id, _ := s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: tls.URL})
	s.story("credit")
	s.passes()
	if got := s.outcomes(id); got[0] != "BAD_CERTIFICATE 0 #1" {
		t.Errorf("a certificate of nobody: %q", got)
	}
	if tr := s.worker.client.Transport.(*http.Transport); tr.Proxy != nil {
		t.Error("there is a proxy")
	}
}

func TestPublicAddresses(t *testing.T) {
	for text, want := range map[string]bool{"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "::ffff:93.184.216.34": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false,
		"224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false, "192.0.2.1": false, "168.63.129.16": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false,
		"ff02::1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::1": false, "2001:0:1::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "fec0::1": false, "2001:db8::1": false} {
		if got := outbound.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// forgets is an outbox whose first note is lost, as in a crash after the receiver has answered.
type forgets struct {
	Outbox
	left int
}

func (f *forgets) NoteDelivery(ctx context.Context, d *webhooks.Due, n webhooks.Note) error {
	if f.left--; f.left >= 0 {
		return errors.New("crash")
	}
	return f.Outbox.NoteDelivery(ctx, d, n)
}

func TestAnEventThatWasNotNotedIsToldAgainUnderItsID(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
	s.worker.out = &forgets{s.Service, 1}
	s.story("credit")
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING", "credit STAGING", "credit CANARY", "credit PRODUCTION"})
	if all := r.all(); all[0].header.Get("webhook-id") != all[1].header.Get("webhook-id") {
		t.Error("it has another id the second time")
	}
}

func TestTellingWritesNothingIntoTheLog(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
	s.story("credit")
	before := s.head()
	s.passes()
	if len(r.all()) != 3 || s.head() != before {
		t.Errorf("%d events, and the log went from %d to %d", len(r.all()), before, s.head())
	}
}

func (s *site) head() int64 {
	s.Helper()
	page, err := s.AuditLog(s.admin, pageOf(1), nil)
	if err != nil {
		s.Fatal(err)
	}
	return page.Edges[0].Node.Seq
}

func TestTwoServersTellOnce(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	other := openSite(t, s.file, s.clock, Config{AllowPrivate: true})
	s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
	s.story("credit")
	release := make(chan struct{})
	r.answers(func(http.ResponseWriter, *http.Request) { <-release })
	for range 3 {
		if _, _, err := s.worker.pass(s.system); err != nil {
			t.Fatal(err)
		}
		if _, _, err := other.worker.pass(other.system); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	s.worker.tells.Wait()
	other.passes() // The right to deliver still lasts.
	equal(t, r.stages(), []string{"credit STAGING", "credit CANARY", "credit PRODUCTION"})
	s.move("credit", registry.Deprecated)
	other.passes()
	if n := len(r.all()); n != 3 {
		t.Errorf("the other server told %d events while the right to deliver lasted", n-3)
	}
	s.clock.advance(leaseTime + time.Second)
	other.passes()
	equal(t, r.stages(), []string{"credit STAGING", "credit CANARY", "credit PRODUCTION", "credit DEPRECATED"})
}

func TestOneServerAtATimeHasTheRightToDeliver(t *testing.T) {
	s := newSite(t, Config{})
	servers := []*site{s, openSite(t, s.file, s.clock, Config{}), openSite(t, s.file, s.clock, Config{})}
	held := 0
	for range 40 {
		got := make(chan bool, len(servers))
		for _, one := range servers {
			go func() {
				ok, err := one.ClaimDeliveries(one.system, leaseTime)
				if err != nil {
					t.Error(err)
				}
				got <- ok
			}()
		}
		n := 0
		for range servers {
			if <-got {
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%d servers have it", n)
		}
		held += n
		s.clock.advance(leaseTime + time.Second)
	}
	if held == 0 {
		t.Error("nobody ever had it")
	}
	if ok, err := s.ClaimDeliveries(s.system, leaseTime); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := s.ClaimDeliveries(s.system, leaseTime); !ok || err != nil {
		t.Errorf("it does not last: %v %v", ok, err)
	}
	if ok, _ := servers[1].ClaimDeliveries(s.system, leaseTime); ok {
		t.Error("another server has it too")
	}
	if err := s.ReleaseDeliveries(s.system); err != nil {
		t.Fatal(err)
	}
	if ok, err := servers[1].ClaimDeliveries(s.system, leaseTime); !ok || err != nil {
		t.Errorf("after it was given back: %v %v", ok, err)
	}
}

func TestARotatedSecretSignsBesideTheOldOne(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	ann := s.admin2()
	id, old := s.hook(ann, webhooks.CreateWebhookInput{Address: r.URL})
	p, err := s.RotateWebhookSecret(ann, webhooks.RotateWebhookSecretInput{ID: id, Overlap: new(3600)})
	if err != nil || *p.Secret == old || !strings.HasPrefix(*p.Secret, "whsec_") {
		t.Fatalf("%v %v", p, err)
	}
	s.story("credit")
	s.passes()
	check := func(g received, secrets ...string) {
		t.Helper()
		want := http.Header{}
		sign(want, secrets, g.header.Get("webhook-id"), s.clock.now(), g.body)
		if got := g.header.Get("webhook-signature"); got != want.Get("webhook-signature") {
			t.Errorf("%q, want %q", got, want)
		}
	}
	check(r.all()[0], *p.Secret, old)
	s.clock.advance(time.Hour + time.Second)
	s.move("credit", registry.Deprecated)
	s.passes()
	check(r.all()[3], *p.Secret)
	again, err := s.UpdateWebhook(ann, webhooks.UpdateWebhookInput{ID: id, Paused: new(true)})
	if err != nil || again.Secret != nil {
		t.Errorf("the secret is shown again: %v", err)
	}
	s.move("credit", registry.Production)
	s.passes()
	if n := len(r.all()); n != 4 {
		t.Errorf("a webhook that is paused told %d events", n-4)
	}
	if _, err := s.TestWebhook(ann, webhooks.TestWebhookInput{ID: id}); err != nil {
		t.Fatal(err)
	}
	s.passes()
	if got := r.all(); len(got) != 5 || !strings.Contains(string(got[4].body), `"type":"test"`) {
		t.Errorf("a test: %d requests", len(got))
	}
	if _, err := s.UpdateWebhook(ann, webhooks.UpdateWebhookInput{ID: id, Paused: new(false)}); err != nil {
		t.Fatal(err)
	}
	s.passes()
	equal(t, r.stages()[5:], []string{"credit PRODUCTION"})
}

func TestAWebhookTellsWhatItsSubjectSees(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	all := slices.DeleteFunc(registry.WebhookEvents(), func(e registry.WebhookEvent) bool { return e == registry.OnCatalog })
	dev := s.subject("dev", registry.RoleDeveloper)
	id, _ := s.hook(dev, webhooks.CreateWebhookInput{Address: r.URL, Events: all})
	s.story("credit")
	s.draft("hidden")
	s.move("hidden", registry.Staging)
	s.passes()
	equal(t, r.stages(), []string{"credit STAGING", "credit CANARY", "credit PRODUCTION"})
	for _, g := range r.all() {
		if strings.Contains(string(g.body), "hidden") || !strings.Contains(string(g.body), `"type":"transitions"`) {
			t.Errorf("a developer is told %s", g.body)
		}
	}
	tokens, err := s.APITokens(s.admin, "dev", pageOf(10))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range tokens.Edges {
		if _, err := s.RevokeAPIToken(s.admin, access.RevokeAPITokenInput{ID: e.Node.ID}); err != nil {
			t.Fatal(err)
		}
	}
	s.move("credit", registry.Deprecated)
	s.passes()
	if got := s.outcomes(id); len(r.all()) != 3 || got[len(got)-1] != "NO_RIGHTS 0 #1" || s.look(id).Status() != registry.WebhookFailing {
		t.Errorf("with a revoked token: %d requests, %q", len(r.all()), got)
	}
	if _, err := s.CreateWebhook(s.subject("vic", registry.RoleViewer), webhooks.CreateWebhookInput{Name: "x", Address: r.URL, Events: all}); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a viewer makes a webhook: %v", err)
	}
	if _, err := s.CreateWebhook(dev, webhooks.CreateWebhookInput{Name: "x", Subject: "ann", Address: r.URL, Events: all}); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a developer makes a webhook of somebody else: %v", err)
	}
	if h, err := s.Webhook(s.subject("eve", registry.RoleDeveloper), id); h != nil || err != nil {
		t.Errorf("another developer sees it: %v %v", h, err)
	}
}

func TestAWebhookOfOneModel(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	s.draft("credit")
	s.draft("other")
	id, _ := s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL, Model: "credit", Events: []registry.WebhookEvent{registry.OnTransitions, registry.OnLogEntries}})
	s.move("other", registry.Staging)
	s.move("credit", registry.Staging)
	s.passes()
	var types []string
	for _, g := range r.all() {
		types = append(types, string(g.body[:strings.Index(string(g.body), ",")]))
		if strings.Contains(string(g.body), "other") {
			t.Errorf("it is told %s", g.body)
		}
	}
	equal(t, types, []string{`{"type":"transitions"`, `{"type":"logEntries"`})
	if a, b := r.all()[0].header.Get("webhook-id"), r.all()[1].header.Get("webhook-id"); a == b {
		t.Errorf("two events of one entry have the id %s", a)
	}
	if _, err := s.DeleteWebhook(s.admin, webhooks.DeleteWebhookInput{ID: id}); err != nil {
		t.Fatal(err)
	}
	s.move("credit", registry.Production)
	s.passes()
	if n := len(r.all()); n != 2 {
		t.Errorf("a webhook that was deleted told %d events", n-2)
	}
}

// TestTheWorkerRuns lets the worker find by itself what happens.
func TestTheWorkerRuns(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	ctx, cancel := context.WithCancel(s.system)
	done := make(chan struct{})
	go func() { defer close(done); s.worker.Run(ctx) }()
	told := make(chan struct{}, 100)
	r.answers(func(_ http.ResponseWriter, q *http.Request) { io.Copy(io.Discard, q.Body); told <- struct{}{} })
	s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: r.URL})
	s.story("credit")
	for range 3 {
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Fatal("nothing was told")
		}
	}
	cancel()
	<-done
	equal(t, r.stages(), []string{"credit STAGING", "credit CANARY", "credit PRODUCTION"})
	if ok, err := openSite(t, s.file, s.clock, Config{}).ClaimDeliveries(s.system, leaseTime); !ok || err != nil {
		t.Errorf("the right to deliver was not given back: %v %v", ok, err)
	}
}
