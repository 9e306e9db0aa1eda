package sqlite_test

import (
	"context"
	"fmt"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/webhooks"
)

// maxOthers is how many webhooks and settings of others there are at most: a registry has no more than
// registry.MaxWebhooks.
const maxOthers = 150

// addWebhooks adds the webhook of subject0, with deliveries and dead letters, the settings of root, and
// beside them those of others, and numbers of deliveries of what is gone.
func (g *grown) addWebhooks() {
	g.Helper()
	must := func(err error) {
		g.Helper()
		if err != nil {
			g.Fatal(err)
		}
	}
	events := []registry.WebhookEvent{registry.OnRecalls}
	for i := range min(g.size, maxOthers) {
		ctx := service.As(g.Context(), registry.Actor{Subject: fmt.Sprint("subject", i), Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
		p, err := g.CreateWebhook(ctx, webhooks.CreateWebhookInput{Name: "w", Address: "https://example.com/hook", Events: events})
		must(err)
		must(errOf(g.UpdateNotificationSettings(ctx, webhooks.UpdateNotificationSettingsInput{Events: events, Address: "a@example.com"})))
		if i == 0 {
			g.hook = p.Webhook.ID
		}
	}
	due, err := g.DueWebhooks(g.ctx())
	must(err)
	for _, d := range due {
		for n := range 5 {
			note := webhooks.Note{State: d.State, Delivery: &registry.Delivery{Seq: int64(n + 1), At: minute(n), Attempt: 1, Outcome: registry.BadStatus, Status: 500}, Dead: int64(n + 1)}
			if d.ID == g.hook || n == 0 {
				must(g.NoteDelivery(g.ctx(), d, note))
			}
		}
	}
	var counts []graph.Count
	for i := range g.size {
		key := graph.CountKey{Object: registry.WebhookID(1_000_000 + i), Subject: "deliveries"}
		counts = append(counts, graph.Count{CountKey: key, Kind: "000", N: int64(i), Last: minute(i)})
		counts = append(counts, graph.Count{CountKey: graph.CountKey{Object: registry.RecallID(i + 2), Subject: "owner/ada"}, Kind: "over", Last: minute(i)})
	}
	must(g.store.SetCounts(g.Context(), counts...))
}

// hookOf returns the webhook of subject0.
func (g *grown) hookOf(ctx context.Context) *webhooks.Hook {
	h, err := g.Webhook(ctx, g.hook)
	if err != nil || h == nil {
		g.missing("the webhook", err)
	}
	return h
}

func webhookCases() []useCase {
	return []useCase{
		get("webhooks of a subject", 1, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.Webhooks(ctx, "subject0")
			return len(all), err
		}),
		get("webhook", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.hookOf(ctx), nil) }),
		get("deliveries of a webhook", 5, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.DeliveriesOf(ctx, g.hookOf(ctx))
			return len(all), err
		}),
		get("dead letters of a webhook", 5, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.DeadLettersOf(ctx, g.hookOf(ctx))
			return len(all), err
		}),
		get("notification settings", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.NotificationSettings(ctx)) }),
		get("owners who were told of a recall", 2, func(ctx context.Context, g *grown) (int, error) {
			if _, _, err := g.OwnersTold(ctx); err != nil {
				return 0, err
			}
			all, err := g.OwnerNotices(ctx, registry.RecallID(3), []string{"ada", "bob"})
			return len(all), err
		}),
		mutation("an owner is told of a recall", func(ctx context.Context, g *grown, n int) error {
			if err := g.NoteOwner(ctx, registry.RecallID(4), webhooks.OwnerNotice{Owner: fmt.Sprint("new", n), Over: true, Outcome: registry.Delivered}); err != nil {
				return err
			}
			return g.NoteOwnersTold(ctx, int64(n))
		}),
		mutation("createWebhook", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.CreateWebhook(ctx, webhooks.CreateWebhookInput{Name: fmt.Sprint("new", n), Subject: "subject1", Address: "https://example.com/", Events: []registry.WebhookEvent{registry.OnRecalls}}))
		}),
		mutation("updateWebhook", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.UpdateWebhook(ctx, webhooks.UpdateWebhookInput{ID: g.hook, Name: ptr(fmt.Sprint(n))}))
		}),
		mutation("rotateWebhookSecret", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RotateWebhookSecret(ctx, webhooks.RotateWebhookSecretInput{ID: g.hook}))
		}),
		mutation("testWebhook", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.TestWebhook(ctx, webhooks.TestWebhookInput{ID: g.hook}))
		}),
		mutation("replayWebhook", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.ReplayWebhook(ctx, webhooks.ReplayWebhookInput{ID: g.hook, After: ptr(int64(n))}))
		}),
		mutation("replayWebhook of a dead letter", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.ReplayWebhook(ctx, webhooks.ReplayWebhookInput{ID: g.hook, DeadLetter: ptr(int64(n + 1))}))
		}),
		mutation("a delivery", func(ctx context.Context, g *grown, n int) error {
			d := &webhooks.Due{Webhook: g.hookOf(ctx).Webhook, State: g.hookOf(ctx).State}
			return g.NoteDelivery(ctx, d, webhooks.Note{State: d.State, Delivery: &registry.Delivery{Seq: 9, At: minute(9), Attempt: 1, Outcome: registry.Delivered, Status: 200}})
		}),
		mutation("updateNotificationSettings", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.UpdateNotificationSettings(ctx, webhooks.UpdateNotificationSettingsInput{Events: []registry.WebhookEvent{registry.OnRecalls}, Address: fmt.Sprintf("a%d@example.com", n)}))
		}),
		mutation("deleteWebhook", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.DeleteWebhook(ctx, webhooks.DeleteWebhookInput{ID: registry.WebhookID(5 + 2*n)}))
		}),
	}
}
