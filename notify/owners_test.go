package notify

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/governance"
	"pedigree/service/webhooks"
)

// ownersSite is a registry with a mail server, whose worker tells owners.
type ownersSite struct {
	*site
	server *mailServer
	config Config
}

func newOwnersSite(t *testing.T) *ownersSite {
	t.Helper()
	server := newMailServer(t)
	mail, err := NewMail("smtp+insecure://"+server.Addr().String(), "pedigree@example.com")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Mail: mail, PublicURL: "https://pedigree.example", Owners: &Owners{Addresses: map[string]string{"team": "team@example.com", "dev": "dev@example.com"}}}
	s := newSite(t, c)
	s.passes() // From now on owners are told.
	return &ownersSite{s, server, c}
}

// again opens the store anew with a worker of its own, as after a restart. By then the right of the one
// before to deliver has ended.
func (s *ownersSite) again() *ownersSite {
	s.Helper()
	s.clock.advance(time.Minute)
	return &ownersSite{openSite(s.T, s.file, s.clock, s.config), s.server, s.config}
}

func (s *ownersSite) assign(subject, role string) {
	s.Helper()
	if _, err := s.AssignRole(s.admin, access.AssignRoleInput{Subject: subject, Role: role}); err != nil {
		s.Fatal(err)
	}
}

// deployed registers a version of an owner and deploys it for another. It returns the version's id.
func (s *ownersSite) deployed(model, versionOwner, deploymentOwner string) registry.ID {
	s.Helper()
	p, err := s.RegisterModelVersion(s.admin, catalog.RegisterModelVersionInput{Model: model, Version: new("1.0.0"), CreateModel: true, Owner: versionOwner})
	if err != nil {
		s.Fatal(err)
	}
	if _, err := s.RecordDeployment(s.admin, facts.RecordDeploymentInput{Model: &model, Version: new("1.0.0"), Environment: "production", Endpoint: "https://" + model, Owner: deploymentOwner}); err != nil {
		s.Fatal(err)
	}
	return p.ModelVersion.ID
}

func (s *ownersSite) recall(reason string, ids ...registry.ID) registry.ID {
	s.Helper()
	p, err := s.Recall(s.admin, governance.RecallInput{Nodes: ids, Reason: reason, Severity: registry.SeverityHigh})
	if err != nil {
		s.Fatal(err)
	}
	return p.Recall.ID
}

// mailsTo are the mails to an address.
func (s *ownersSite) mailsTo(address string) (out []string) {
	for _, m := range s.server.all() {
		if strings.Contains(m, "To: <"+address+">") {
			out = append(out, strings.NewReplacer("=\n", "", "=3D", "=", "\n ", " ").Replace(m))
		}
	}
	return out
}

func (s *ownersSite) count(want map[string]int) {
	s.Helper()
	all := 0
	for address, n := range want {
		if all += n; len(s.mailsTo(address)) != n {
			s.Errorf("%d mails to %s, want %d", len(s.mailsTo(address)), address, n)
		}
	}
	if got := len(s.server.all()); got != all {
		s.Errorf("%d mails in all, want %d: %q", got, all, s.server.all())
	}
}

func TestOwnersAreToldOfRecallsWithoutAskingForIt(t *testing.T) {
	s := newOwnersSite(t)
	s.assign("ann@example.com", registry.RoleDataScientist)
	s.assign("team", registry.RoleDataScientist)
	s.assign("nowhere", registry.RoleDataScientist) // No address of it is known.
	credit := s.deployed("credit", "ann@example.com", "team")
	other := s.deployed("other", "nowhere", "stranger@example.com") // A stranger holds no role here.
	s.deployed("apart", "ann@example.com", "team")
	s.recall("prices are wrong", credit, other)
	s.passes()
	s.count(map[string]int{"ann@example.com": 1, "team@example.com": 1})
	for address, owned := range map[string]string{"ann@example.com": "You own: the version credit 1.0.0\n", "team@example.com": "You own: the deployment production/credit 1.0.0 at https://credit\n"} {
		for _, m := range s.mailsTo(address) {
			for _, want := range []string{"Subject: Pedigree: Recall 1 of severity HIGH: recalled by root (prices are wrong)", owned, "https://pedigree.example/nodes/rec_", "ownedRecalls"} {
				if !strings.Contains(m, want) {
					t.Errorf("the mail to %s lacks %q:\n%s", address, want, m)
				}
			}
			if strings.Contains(m, "apart") {
				t.Errorf("the mail names what is not recalled:\n%s", m)
			}
		}
	}
	s.passes()
	s.again().passes()
	s.count(map[string]int{"ann@example.com": 1, "team@example.com": 1})
	s.recall("and so are those", credit)
	s.again().passes()
	s.count(map[string]int{"ann@example.com": 2, "team@example.com": 2})
}

func TestAnOwnerIsToldOnceWhateverFailsOnTheWay(t *testing.T) {
	s := newOwnersSite(t)
	s.assign("ann@example.com", registry.RoleDataScientist)
	s.assign("team", registry.RoleDataScientist)
	credit := s.deployed("credit", "ann@example.com", "team")
	s.server.refused = "team@example.com"
	s.recall("wrong", credit)
	s.passes()
	s.count(map[string]int{"ann@example.com": 1})
	s.server.refused = ""
	s.passes() // Not before the pause is over.
	s.count(map[string]int{"ann@example.com": 1})
	s.clock.advance(time.Minute)
	next := s.again() // The other one was told.
	next.passes()
	s.count(map[string]int{"ann@example.com": 1, "team@example.com": 1})
	s.clock.advance(time.Hour)
	s.passes() // The worker before, which remembers that it waits.
	next.passes()
	s.count(map[string]int{"ann@example.com": 1, "team@example.com": 1})
	// One that refuses for good does not hold up what comes later for ever.
	s.server.refuses(true)
	s.recall("again", credit)
	for range DefaultAttempts {
		s.clock.advance(2 * time.Hour)
		next.passes()
	}
	s.server.refuses(false)
	s.clock.advance(2 * time.Hour)
	next.passes()
	s.count(map[string]int{"ann@example.com": 1, "team@example.com": 1})
}

func TestSightDecidesWhatAnOwnerIsTold(t *testing.T) {
	s := newOwnersSite(t)
	s.assign("dev", registry.RoleDeveloper) // Who may not read recalls.
	hidden := s.deployed("hidden", "x", "dev")
	shown := s.deployed("shown", "x", "dev")
	for _, to := range []registry.Stage{registry.Staging, registry.Canary, registry.Production} {
		s.move("shown", to)
	}
	s.recall("a secret reason", hidden)
	s.passes()
	s.count(nil) // A developer sees no version before CANARY, nor its deployment.
	s.recall("a secret reason", shown)
	s.passes()
	s.count(map[string]int{"dev@example.com": 1})
	for _, m := range s.mailsTo("dev@example.com") {
		if !strings.Contains(m, "the deployment production/shown 1.0.0") || strings.Contains(m, "secret") || strings.Contains(m, "rec_") || strings.Contains(m, "root") || strings.Contains(m, "hidden") {
			t.Errorf("the mail is %s", m)
		}
	}
	if _, err := s.RevokeRole(s.admin, access.AssignRoleInput{Subject: "dev", Role: registry.RoleDeveloper}); err != nil {
		t.Fatal(err)
	}
	s.recall("again", shown)
	s.passes()
	s.count(map[string]int{"dev@example.com": 1})
}

func TestSettingsOfAnOwnerComeFirst(t *testing.T) {
	s := newOwnersSite(t)
	ann := s.subject("ann@example.com", registry.RoleDataScientist)
	credit := s.deployed("credit", "ann@example.com", "")
	set := func(in webhooks.UpdateNotificationSettingsInput) {
		t.Helper()
		if _, err := s.UpdateNotificationSettings(ann, in); err != nil {
			t.Fatal(err)
		}
	}
	told := func(want bool, why string) {
		t.Helper()
		before := len(s.server.all())
		s.recall(why, credit)
		s.passes()
		got := len(s.server.all()) - before
		if want && got != 1 || !want && got != 0 {
			t.Errorf("%s: %d mails", why, got)
		}
	}
	if v, err := s.NotificationSettings(ann); err != nil || !v.OwnedRecalls {
		t.Errorf("without settings: %+v %v", v, err)
	}
	told(true, "without settings")
	set(webhooks.UpdateNotificationSettingsInput{})
	told(false, "nothing at all")
	set(webhooks.UpdateNotificationSettingsInput{OwnedRecalls: new(true)})
	told(true, "nothing but what is owned")
	set(webhooks.UpdateNotificationSettingsInput{Events: []registry.WebhookEvent{registry.OnTransitions}, Address: "elsewhere@example.com"})
	told(true, "what is owned, to the address of the settings")
	if n := len(s.mailsTo("elsewhere@example.com")); n != 1 {
		t.Errorf("%d mails to the address of the settings", n)
	}
	set(webhooks.UpdateNotificationSettingsInput{Events: []registry.WebhookEvent{registry.OnTransitions}, Address: "elsewhere@example.com", OwnedRecalls: new(false)})
	told(false, "turned off")
	set(webhooks.UpdateNotificationSettingsInput{Events: []registry.WebhookEvent{registry.OnRecalls}, Address: "ann@example.com", OwnedRecalls: new(true)})
	told(true, "all recalls, and not twice")
	if v, err := s.NotificationSettings(ann); err != nil || !v.OwnedRecalls {
		t.Errorf("%+v %v", v, err)
	}
}

func TestOwnersAreNotToldWhereTheServerDoesNot(t *testing.T) {
	server := newMailServer(t)
	mail, err := NewMail("smtp+insecure://"+server.Addr().String(), "pedigree@example.com")
	if err != nil {
		t.Fatal(err)
	}
	file, at := filepath.Join(t.TempDir(), "p.db"), &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := &ownersSite{openSite(t, file, at, Config{Mail: mail}), server, Config{Mail: mail, Owners: &Owners{}}}
	s.assign("ann@example.com", registry.RoleDataScientist)
	credit := s.deployed("credit", "ann@example.com", "")
	s.passes()
	s.recall("before", credit)
	s.passes()
	s.count(nil)
	on := s.again()
	on.passes() // What happened before it was turned on is not told.
	s.count(nil)
	on.recall("after", credit)
	on.passes()
	s.count(map[string]int{"ann@example.com": 1})
}
