package access

import (
	"context"

	"pedigree/registry"
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
	p, err := b.s.CreateWebhook(ctx, webhooks.CreateWebhookInput{Name: b.text(), Address: "https://" + b.text() + ".example.com/" + b.text(), Events: registry.WebhookEvents(), Model: b.seed.name[model]})
	if err != nil {
		return err
	}
	id := p.Webhook.ID
	b.addRow("webhook "+label, id, b.seed.own[label])
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
