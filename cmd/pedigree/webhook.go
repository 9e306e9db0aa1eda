package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/webhooks"
)

// webhookClient has the methods on webhooks.
type webhookClient interface {
	Webhooks(ctx context.Context, subject string) ([]*webhooks.Hook, error)
	CreateWebhook(ctx context.Context, in webhooks.CreateWebhookInput) (*webhooks.WebhookPayload, error)
	DeleteWebhook(ctx context.Context, in webhooks.DeleteWebhookInput) (*core.DeletePayload, error)
	RotateWebhookSecret(ctx context.Context, in webhooks.RotateWebhookSecretInput) (*webhooks.WebhookPayload, error)
	TestWebhook(ctx context.Context, in webhooks.TestWebhookInput) (*webhooks.WebhookPayload, error)
	ReplayWebhook(ctx context.Context, in webhooks.ReplayWebhookInput) (*webhooks.WebhookPayload, error)
}

func newWebhook(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Tell receivers what happens: make, list, test, replay and delete webhooks"}
	cmd.AddCommand(newWebhookCreate(s), newWebhookList(s), newWebhookRotate(s), newWebhookTest(s), newWebhookReplay(s), newWebhookDelete(s))
	return cmd
}

func newWebhookCreate(s *settings) *cobra.Command {
	var in webhooks.CreateWebhookInput
	var format string
	var events []string
	var after int64
	cmd := &cobra.Command{
		Use: "create NAME ADDRESS --event EVENT", Short: "Make a webhook and print its secret as the last line", Args: cobra.ExactArgs(2),
		Long: `Make a webhook and print its secret as the last line; it is not shown again. A
server of the store tells it what happens, as far as its subject may see it. One that
is made in a store, and not through a server, needs --subject.`,
		Example: "  pedigree webhook create ci https://ci.example.com/hook --event transitions --server https://pedigree.example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			if serverURL(cmd, s) == "" && in.Subject == "" {
				return fmt.Errorf("a webhook of a store needs --subject; %w", errUsage)
			}
			in.Name, in.Address, in.Format, in.After = args[0], args[1], registry.WebhookFormat(strings.ToUpper(format)), given(cmd, "after", after)
			for _, e := range events {
				in.Events = append(in.Events, registry.WebhookEvent(strings.ToUpper(strings.ReplaceAll(e, "-", "_"))))
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.CreateWebhook(r.ctx, in)
				if err != nil {
					return err
				}
				return printSecret(cmd, p)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Subject, "subject", "", "whose sight decides what is told; through a server, yours when it is left out")
	f.StringVar(&format, "format", "standard", "the form: standard, slack, teams or email")
	f.StringSliceVar(&events, "event", nil, "what to tell: transitions, approvals, deprecations, recalls or log-entries; more than one is possible (required)")
	f.StringVar(&in.Model, "model", "", "the name of the model whose events are told; all when it is left out")
	f.Int64Var(&after, "after", 0, "the sequence of the log to begin after; what happens from now on when it is left out")
	cmd.MarkFlagRequired("event")
	completeFlag(cmd, "format", words(lowered(registry.WebhookFormats())...))
	completeFlag(cmd, "event", words(lowered(registry.WebhookEvents())...))
	return cmd
}

// printSecret prints the secret of a webhook as the last line.
func printSecret(cmd *cobra.Command, p *webhooks.WebhookPayload) error {
	if p.Webhook == nil || p.Secret == nil {
		return registry.Errorf(registry.Unavailable, "the secret was shown before; make a new one with pedigree webhook rotate")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "webhook %d, %s, of %s; keep its secret safe, it is not shown again\n", p.Webhook.Number, p.Webhook.ID, p.Webhook.Subject)
	_, err := fmt.Fprintln(cmd.OutOrStdout(), *p.Secret)
	return err
}

// webhookRow is a webhook as the command prints it.
type webhookRow struct {
	ID          registry.ID             `json:"id"`
	Number      int                     `json:"number"`
	Name        string                  `json:"name"`
	Subject     string                  `json:"subject"`
	Format      registry.WebhookFormat  `json:"format"`
	Address     string                  `json:"address"`
	Events      []registry.WebhookEvent `json:"events"`
	Model       string                  `json:"model,omitempty"`
	State       registry.WebhookState   `json:"state"`
	Position    int64                   `json:"position"`
	Attempts    int                     `json:"attempts"`
	NextAttempt *time.Time              `json:"nextAttempt,omitempty"`
	CreatedBy   string                  `json:"createdBy,omitempty"`
	CreatedAt   time.Time               `json:"createdAt,omitzero"`
}

func newWebhookList(s *settings) *cobra.Command {
	var subject string
	var format printFormat
	cmd := &cobra.Command{
		Use: "list", Short: "List webhooks, oldest first: yours, and for administrators those of everybody", Args: cobra.NoArgs,
		Example: "  pedigree webhook list -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				all, err := r.Webhooks(r.ctx, subject)
				if err != nil {
					return err
				}
				data, rows := []webhookRow{}, [][]string{}
				for _, h := range all {
					data = append(data, webhookRow{h.ID, h.Number, h.Name, h.Subject, h.Format, h.Address, h.Events, h.Model, h.Status(), h.Position(), h.Attempts(), h.NextAttempt(), h.CreatedBy, h.CreatedAt})
					rows = append(rows, []string{strconv.Itoa(h.Number), h.Name, h.Subject, string(h.Format), string(h.Status()), strconv.FormatInt(h.Position(), 10), strings.Join(lowered(h.Events), ","), cmp.Or(h.Model, "all"), h.Address})
				}
				return format.print(cmd.OutOrStdout(), data, []string{"NUMBER", "NAME", "SUBJECT", "FORMAT", "STATE", "POSITION", "EVENTS", "MODEL", "ADDRESS"}, rows)
			})
		},
	}
	cmd.Flags().StringVar(&subject, "subject", "", "list the webhooks of this subject alone")
	addPrintFormat(cmd, &format)
	return cmd
}

// webhookRef returns the id of a webhook that is given by its number or its id.
func webhookRef(text string) registry.ID {
	if number, err := strconv.Atoi(text); err == nil && number > 0 {
		return registry.WebhookID(number)
	}
	return registry.ID(text)
}

func newWebhookRotate(s *settings) *cobra.Command {
	var overlap int
	cmd := &cobra.Command{
		Use: "rotate WEBHOOK", Short: "Make the secret of a webhook anew and print it as the last line", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.RotateWebhookSecret(r.ctx, webhooks.RotateWebhookSecretInput{ID: webhookRef(args[0]), Overlap: &overlap})
				if err != nil {
					return err
				}
				return printSecret(cmd, p)
			})
		},
	}
	cmd.Flags().IntVar(&overlap, "overlap", int(registry.RotationOverlap/time.Second), "for how many seconds the old secret signs too")
	return cmd
}

func newWebhookTest(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "test WEBHOOK", Short: "Send a test; the deliveries of the webhook show what becomes of it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				_, err := r.TestWebhook(r.ctx, webhooks.TestWebhookInput{ID: webhookRef(args[0])})
				if err == nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "a server of the store sends a test")
				}
				return err
			})
		},
	}
}

func newWebhookReplay(s *settings) *cobra.Command {
	var after, dead int64
	cmd := &cobra.Command{
		Use: "replay WEBHOOK", Short: "Tell events again: all after a sequence, or one dead letter", Args: cobra.ExactArgs(1),
		Example: "  pedigree webhook replay 1 --after 240\n  pedigree webhook replay 1 --dead-letter 244",
		RunE: func(cmd *cobra.Command, args []string) error {
			in := webhooks.ReplayWebhookInput{ID: webhookRef(args[0]), After: given(cmd, "after", after), DeadLetter: given(cmd, "dead-letter", dead)}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				_, err := r.ReplayWebhook(r.ctx, in)
				if err == nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "a server of the store tells it again")
				}
				return err
			})
		},
	}
	cmd.Flags().Int64Var(&after, "after", 0, "the sequence of the log after which everything is told again")
	cmd.Flags().Int64Var(&dead, "dead-letter", 0, "the sequence of the dead letter")
	cmd.MarkFlagsMutuallyExclusive("after", "dead-letter")
	return cmd
}

func newWebhookDelete(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "delete WEBHOOK", Short: "Delete a webhook", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.DeleteWebhook(r.ctx, webhooks.DeleteWebhookInput{ID: webhookRef(args[0])})
				if err == nil && p.DeletedID == nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "there was no such webhook")
				}
				return err
			})
		},
	}
}
