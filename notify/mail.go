package notify

import (
	"context"
	"errors"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"pedigree/registry"
)

// Mail sends mails through one server.
type Mail struct {
	client *gomail.Client
	from   string
}

// NewMail returns what sends mails from an address through a server: smtp://USER:PASSWORD@HOST:587
// with STARTTLS, smtps:// with TLS from the start, or smtp+insecure:// without any, for a server on
// the same machine.
func NewMail(server, from string) (*Mail, error) {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" {
		return nil, registry.Invalid("smtp-url", "must be a URL such as smtp://USER:PASSWORD@HOST:587")
	}
	if _, err := mail.ParseAddress(from); err != nil {
		return nil, registry.Invalid("smtp-from", "must be a mail address, such as pedigree@example.com")
	}
	options := []gomail.Option{gomail.WithTimeout(defaultTimeout)}
	port := 587
	switch u.Scheme {
	case "smtp":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "smtps":
		port = 465
		options = append(options, gomail.WithSSL())
	case "smtp+insecure":
		port = 25
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, registry.Invalid("smtp-url", "must begin with smtp, smtps or smtp+insecure")
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, registry.Invalid("smtp-url", "has a port that is no number")
		}
	}
	options = append(options, gomail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, registry.Invalid("smtp-url", "does not name a mail server")
	}
	return &Mail{client, from}, nil
}

// send sends a mail. Its Message-ID comes from the id of the event, so that the same event is the
// same mail.
func (m *Mail) send(ctx context.Context, to, id string, messages []Message, at time.Time) attempt {
	msg := gomail.NewMsg()
	subject, text := mailText(messages)
	if err := errors.Join(msg.From(m.from), msg.To(to)); err != nil {
		return attempt{outcome: registry.MailRefused}
	}
	msg.Subject(subject)
	msg.SetDateWithValue(at)
	msg.SetMessageIDWithValue(id + "@pedigree")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, text)
	err := m.client.DialAndSendWithContext(ctx, msg)
	var slow net.Error
	var refused *gomail.SendError
	switch {
	case err == nil:
		return attempt{outcome: registry.Delivered}
	case errors.As(err, &refused):
		return attempt{outcome: registry.MailRefused}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return attempt{outcome: registry.TimedOut}
	}
	return attempt{outcome: registry.NotConnected}
}
