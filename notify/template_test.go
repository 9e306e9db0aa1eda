package notify

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/webhooks"
)

func pageOf(n int) core.Paging { return core.Paging{First: &n} }

// draft registers a version that stays in DEVELOPMENT.
func (s *site) draft(model string) {
	s.Helper()
	if _, err := s.RegisterModelVersion(s.admin, catalog.RegisterModelVersionInput{Model: model, Version: new("1.0.0"), CreateModel: true}); err != nil {
		s.Fatal(err)
	}
}

// hostile is a name that each of the forms would take for something of its own.
const hostile = `<!channel> [click](http:\evil) *bold* & "x"`

func TestHostileNamesAreText(t *testing.T) {
	s, slack, teams := newSite(t, Config{AllowPrivate: true, PublicURL: "https://pedigree.example/"}), newReceiver(t), newReceiver(t)
	ann := s.admin2()
	name := strings.NewReplacer("/", "", ":", "").Replace(hostile)
	s.draft(name)
	s.hook(ann, webhooks.CreateWebhookInput{Address: slack.URL, Format: registry.WebhookSlack})
	s.hook(ann, webhooks.CreateWebhookInput{Address: teams.URL, Format: registry.WebhookTeams})
	s.move(name, registry.Staging)
	s.passes()
	var m struct {
		Text   string
		Mrkdwn *bool
		Blocks []struct {
			Text      struct{ Type, Text string }
			Accessory struct{ URL string }
		}
	}
	if len(slack.all()) != 1 || json.Unmarshal(slack.all()[0].body, &m) != nil {
		t.Fatalf("Slack got %d requests", len(slack.all()))
	}
	if strings.ContainsAny(m.Text, "<>") || m.Mrkdwn == nil || *m.Mrkdwn || m.Blocks[0].Text.Type != "plain_text" || !strings.Contains(m.Blocks[0].Text.Text, name) {
		t.Errorf("Slack: %s", slack.all()[0].body)
	}
	if link := m.Blocks[0].Accessory.URL; !strings.HasPrefix(link, "https://pedigree.example/models/%3C%21channel%3E") && !strings.HasPrefix(link, "https://pedigree.example/models/%3C") || strings.ContainsAny(link, `<>"| `) {
		t.Errorf("the link is %q", link)
	}
	if slack.all()[0].header.Get("webhook-signature") != "" {
		t.Error("a message of Slack is signed")
	}
	body := string(teams.all()[0].body)
	if !strings.Contains(body, `"type":"TextRun"`) || strings.Contains(body, `"TextBlock"`) || !strings.Contains(body, `"application/vnd.microsoft.card.adaptive"`) {
		t.Errorf("Teams: %s", body)
	}
}

func TestTextHasNoControlCharacters(t *testing.T) {
	if got := sentence("a\r\nBcc: x", "\u202eb\x00\u200b", "", strings.Repeat("y", 400)); strings.ContainsAny(got, "\r\n\u202e\x00\u200b") || len([]rune(got)) > 330 {
		t.Errorf("%q", got)
	}
}

// mailServer is a mail server of the test, which takes or refuses mails.
type mailServer struct {
	net.Listener
	mu     sync.Mutex
	mails  []string
	refuse bool
	// refused is an address that is refused alone.
	refused string
}

func newMailServer(t *testing.T) *mailServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go m.serve(c)
		}
	}()
	return m
}

func (m *mailServer) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	say := func(s string) { fmt.Fprintf(c, "%s\r\n", s) }
	say("220 test")
	for in.Scan() {
		switch verb := strings.ToUpper(strings.SplitN(in.Text(), " ", 2)[0]); verb {
		case "EHLO":
			say("250-test")
			say("250 8BITMIME")
		case "RCPT":
			m.mu.Lock()
			refuse := m.refuse || m.refused != "" && strings.Contains(in.Text(), m.refused)
			m.mu.Unlock()
			if refuse {
				say("550 nobody here")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for in.Scan() && in.Text() != "." {
				b.WriteString(in.Text() + "\n")
			}
			m.mu.Lock()
			m.mails = append(m.mails, b.String())
			m.mu.Unlock()
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailServer) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mails...)
}

func (m *mailServer) refuses(v bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = v
}

func TestMails(t *testing.T) {
	server := newMailServer(t)
	mail, err := NewMail("smtp+insecure://"+server.Addr().String(), "pedigree@example.com")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, Config{Mail: mail, PublicURL: "https://pedigree.example"})
	id, _ := s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: "ann@example.com", Format: registry.WebhookEmail})
	server.refuses(true)
	s.story("credit")
	s.passes()
	server.refuses(false)
	s.clock.advance(time.Minute)
	s.passes()
	equal(t, s.outcomes(id), []string{"MAIL_REFUSED 0 #1", "DELIVERED 0 #2", "DELIVERED 0 #1", "DELIVERED 0 #1"})
	first := server.all()[0]
	for _, want := range []string{"To: <ann@example.com>", "From: <pedigree@example.com>", "Subject: Pedigree: credit 1.0.0 moved from DEVELOPMENT to STAGING", "Message-ID: <" + string(id) + "_",
		"https://pedigree.example/models/credit/versions/1.0.0", "credit 1.0.0 moved from DEVELOPMENT to STAGING by root (story)"} {
		if !strings.Contains(strings.ReplaceAll(first, "=\n", ""), want) {
			t.Errorf("the mail lacks %q:\n%s", want, first)
		}
	}
	if _, err := s.CreateWebhook(s.admin2(), webhooks.CreateWebhookInput{Name: "x", Address: "a@b.example\r\nBcc: c@d.example", Format: registry.WebhookEmail, Events: registry.WebhookEvents()}); registry.CodeOf(err) != registry.InvalidArgument {
		t.Errorf("an address with a header in it: %v", err)
	}
	none := newSite(t, Config{})
	other, _ := none.hook(none.admin2(), webhooks.CreateWebhookInput{Address: "ann@example.com", Format: registry.WebhookEmail})
	none.story("credit")
	none.passes()
	equal(t, none.outcomes(other), []string{"NO_MAIL 0 #1"})
}

func TestMailServersHaveTLS(t *testing.T) {
	server := newMailServer(t)
	mail, err := NewMail("smtp://"+server.Addr().String(), "pedigree@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if got := mail.send(t.Context(), "a@example.com", "x", []Message{{Text: "x"}}, time.Now()); got.outcome == registry.Delivered || len(server.all()) != 0 {
		t.Errorf("without STARTTLS: %v", got)
	}
	for _, bad := range []string{"http://x", "x", "smtp://", "smtp://h:x"} {
		if _, err := NewMail(bad, "a@example.com"); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := NewMail("smtp://h", "nobody"); registry.CodeOf(err) != registry.InvalidArgument {
		t.Errorf("no address: %v", err)
	}
}

func TestADigestIsToldOnceADay(t *testing.T) {
	server := newMailServer(t)
	mail, err := NewMail("smtp+insecure://"+server.Addr().String(), "pedigree@example.com")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, Config{Mail: mail})
	ann := s.admin2()
	set := func(events ...registry.WebhookEvent) {
		t.Helper()
		if _, err := s.UpdateNotificationSettings(ann, webhooks.UpdateNotificationSettingsInput{Events: events, Address: "ann@example.com", Timing: registry.TellDaily}); err != nil {
			t.Fatal(err)
		}
	}
	set(registry.OnTransitions)
	s.story("credit")
	s.passes()
	if n := len(server.all()); n != 0 {
		t.Fatalf("%d mails before the time", n)
	}
	s.clock.advance(18 * time.Hour) // 06:00 of the next day
	s.passes()
	if got := server.all(); len(got) != 1 || strings.Count(got[0], "credit 1.0.0 moved") != 3 || !strings.Contains(got[0], "Subject: Pedigree: what happened") {
		t.Fatalf("%d mails: %s", len(got), got)
	}
	s.move("credit", registry.Deprecated)
	s.passes()
	if n := len(server.all()); n != 1 {
		t.Errorf("%d mails on one day", n)
	}
	s.clock.advance(24 * time.Hour)
	s.passes()
	if got := server.all(); len(got) != 2 || !strings.Contains(got[1], "to DEPRECATED") {
		t.Errorf("%d mails on the second day", len(got))
	}
	set() // Nothing any more.
	s.move("credit", registry.Production)
	s.clock.advance(24 * time.Hour)
	s.passes()
	set(registry.OnTransitions) // From now on: what happened meanwhile is not told.
	s.clock.advance(24 * time.Hour)
	s.passes()
	if n := len(server.all()); n != 2 {
		t.Errorf("%d mails", n)
	}
	v, err := s.NotificationSettings(ann)
	if err != nil || len(v.Events) != 1 || *v.Address != "ann@example.com" || v.Timing != registry.TellDaily {
		t.Errorf("%+v %v", v, err)
	}
	if list, err := s.Webhooks(ann, ""); err != nil || len(list) != 0 {
		t.Errorf("the settings are in the list of webhooks: %v %v", list, err)
	}
	vic := s.subject("vic", registry.RoleViewer)
	if _, err := s.UpdateNotificationSettings(vic, webhooks.UpdateNotificationSettingsInput{Events: registry.WebhookEvents(), Format: registry.WebhookSlack, Address: "https://example.com"}); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a viewer is told by a webhook: %v", err)
	}
}
