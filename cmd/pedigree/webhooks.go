package main

import (
	"context"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/notify"
	"pedigree/registry"
	"pedigree/service"
)

// addWebhookFlags adds the flags of serve about webhooks and mail.
func addWebhookFlags(cmd *cobra.Command) {
	cmd.Flags().Bool("webhooks", true, "tell the receivers of webhooks what happens; with several servers on one store one of those that do delivers at a time")
	cmd.Flags().Bool("webhook-allow-private", false, "let webhooks go to loopback and private addresses, and without TLS")
	cmd.Flags().Int("webhook-attempts", notify.DefaultAttempts, "how often an event is tried before it is a dead letter")
	cmd.Flags().Duration("webhook-pause", notify.DefaultPause, "the pause after the first attempt; it doubles with each, up to an hour")
	cmd.Flags().String("public-url", "", "where people reach the dashboard, for links in what is told")
	cmd.Flags().String("smtp-url", "", "the mail server: smtp://USER:PASSWORD@HOST:587 with STARTTLS, smtps:// with TLS, smtp+insecure:// without; better as PEDIGREE_SMTP_URL, which other users of the machine do not see")
	cmd.Flags().String("smtp-from", "", "the address that mails come from")
	cmd.Flags().Bool("owner-mail", true, "tell owners by mail of recalls that concern live deployments and versions that they own, unless their settings say otherwise; needs --smtp-url")
	cmd.Flags().StringSlice("owner-addresses", nil, "OWNER=ADDRESS: the mail address of an owner, whose name is that of a subject; one whose name is a mail address needs none; more than one is possible")
}

// webhookConfig reads the settings of addWebhookFlags; nil when webhooks are turned off.
func webhookConfig(s *settings, log *slog.Logger) (*notify.Config, error) {
	c := &notify.Config{AllowPrivate: s.GetBool("webhook-allow-private"), Attempts: s.GetInt("webhook-attempts"), FirstPause: s.GetDuration("webhook-pause"), PublicURL: s.GetString("public-url"), Log: log}
	if c.Attempts < 1 || c.Attempts > 60 {
		return nil, registry.Invalid("webhook-attempts", "must be 1 to 60")
	}
	if c.FirstPause <= 0 {
		return nil, registry.Invalid("webhook-pause", "must be more than 0")
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "") {
		return nil, registry.Invalid("public-url", "must be a URL such as https://pedigree.example.com")
	}
	if server := s.GetString("smtp-url"); server != "" {
		var err error
		if c.Mail, err = notify.NewMail(server, s.GetString("smtp-from")); err != nil {
			return nil, err
		}
	}
	var err error
	if c.Owners, err = ownersConfig(s); err != nil {
		return nil, err
	}
	if !s.GetBool("webhooks") {
		return nil, nil
	}
	return c, nil
}

// ownersConfig reads whom to tell of recalls without being asked; nil when that is turned off.
func ownersConfig(s *settings) (*notify.Owners, error) {
	o := &notify.Owners{Addresses: map[string]string{}}
	for _, line := range s.GetStringSlice("owner-addresses") {
		i := strings.LastIndexByte(line, '=') // The name of an owner may have an = in it.
		if i < 1 {
			return nil, registry.Invalid("owner-addresses", "%q must be OWNER=ADDRESS", registry.Shorten(line, 60))
		}
		owner, address := line[:i], line[i+1:]
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			return nil, registry.Invalid("owner-addresses", "%q is no plain mail address, such as ann@example.com", registry.Shorten(address, 60))
		}
		o.Addresses[owner] = address
	}
	if !s.GetBool("owner-mail") || s.GetString("smtp-url") == "" {
		return nil, nil
	}
	return o, nil
}

// deliverWebhooks tells the receivers of webhooks what happens, until the function that it returns
// is called.
func deliverWebhooks(ctx context.Context, s *service.Service, c notify.Config) (stop func()) {
	ctx, cancel := context.WithCancel(service.As(ctx, registry.Actor{Subject: "pedigree:webhooks", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "webhooks"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		notify.NewWorker(s, c).Run(ctx)
	}()
	return func() { cancel(); <-done }
}
