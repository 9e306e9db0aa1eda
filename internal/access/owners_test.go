package access

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"pedigree/notify"
	"pedigree/registry"
	"pedigree/service"
)

// TestNothingHiddenLeaksToOwners recalls what a deployment of an actor came from. The actor is told that
// what it owns is recalled, and by what if it may read recalls; nothing of it is hidden from the actor.
func TestNothingHiddenLeaksToOwners(t *testing.T) {
	for who, reads := range map[string]bool{developer: false, dataScientist: true} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			s := open(t, "")
			c := newCrawler(t, s, who)
			var mu sync.Mutex
			var bodies []string
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				bodies = append(bodies, string(b))
				c.scan("what an owner is told", &answer{status: http.StatusOK, header: r.Header, raw: b})
			}))
			t.Cleanup(receiver.Close)
			mail, err := notify.NewMail("smtp+insecure://127.0.0.1:1", "pedigree@example.com")
			if err != nil {
				t.Fatal(err)
			}
			system := service.As(t.Context(), registry.Actor{Subject: "test", Grants: []registry.Grant{{Role: admin, Scope: registry.ScopeAll}}}, "test")
			worker := notify.NewWorker(only{s.service, receiver.URL}, notify.Config{AllowPrivate: true, PublicURL: "https://pedigree.example", Mail: mail, Owners: &notify.Owners{}})
			if err := worker.Once(system); err != nil {
				t.Fatal(err)
			}
			for asker, text := range map[string]string{
				who: fmt.Sprintf(`mutation { updateNotificationSettings(input: {events: [APPROVALS], format: STANDARD, address: %q, ownedRecalls: true}) { notificationSettings { ownedRecalls } } }`, receiver.URL),
				admin: fmt.Sprintf(`mutation { recordDeployment(input: {model: %q, version: %q, environment: "mine", owner: %q}) { deployment { id } } recall(input: {nodes: [%q], reason: "prices", severity: HIGH}) { recall { id } } }`,
					s.seed.name["alpha"], s.seed.name["a2"], "user-"+who, s.seed.id["raw"]),
			} {
				if a := s.query(asker, text); a.code() != "" {
					t.Fatalf("%s", a.raw)
				}
			}
			if err := worker.Once(system); err != nil {
				t.Fatal(err)
			}
			if len(bodies) != 1 || !strings.Contains(bodies[0], `"owned":["the deployment mine/`) || strings.Contains(bodies[0], "prices") != reads {
				t.Errorf("%d bodies: %q", len(bodies), bodies)
			}
			for _, token := range sortedKeys(c.leaks) {
				t.Errorf("%s leaks: %s", token, c.leaks[token])
			}
		})
	}
}
