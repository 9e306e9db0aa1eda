package remote

import (
	"context"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/webhooks"
)

// webhookFields are what is read of a webhook.
const webhookFields = `id revision number name description subject format address events mlflowEvents model state position attempts nextAttempt createdBy createdAt updatedAt`

// The operations on webhooks.
var (
	opWebhooks = `query Webhooks($subject: String) { webhooks(subject: $subject) { ` + webhookFields + ` } }`

	opCreateWebhook = `mutation CreateWebhook($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { ` + webhookFields + ` } secret } }`

	opRotateWebhookSecret = `mutation RotateWebhookSecret($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { webhook { ` + webhookFields + ` } secret } }`

	opTestWebhook = `mutation TestWebhook($input: TestWebhookInput!) { testWebhook(input: $input) { webhook { ` + webhookFields + ` } } }`

	opReplayWebhook = `mutation ReplayWebhook($input: ReplayWebhookInput!) { replayWebhook(input: $input) { webhook { ` + webhookFields + ` } } }`

	opDeleteWebhook = `mutation DeleteWebhook($input: DeleteWebhookInput!) { deleteWebhook(input: $input) { deletedId } }`
)

// webhookOperations lists the texts by a name.
func webhookOperations() map[string]string {
	return map[string]string{"webhooks": opWebhooks, "createWebhook": opCreateWebhook, "rotateWebhookSecret": opRotateWebhookSecret, "testWebhook": opTestWebhook,
		"replayWebhook": opReplayWebhook, "deleteWebhook": opDeleteWebhook}
}

// webhookAnswer is a webhook in an answer. Its state follows from the other fields.
type webhookAnswer struct {
	ID                   registry.ID
	Revision, Number     int
	Name, Subject        string
	Description          string
	Format               registry.WebhookFormat
	Address, Model       string
	Events               []registry.WebhookEvent
	MLflowEvents         []string
	State                registry.WebhookState
	Position             int64
	Attempts             int
	NextAttempt          time.Time
	CreatedBy            string
	CreatedAt, UpdatedAt time.Time
}

// hook returns the webhook, nil for an answer without one.
func (a *webhookAnswer) hook() *webhooks.Hook {
	if a == nil {
		return nil
	}
	w := registry.Webhook{Number: a.Number, Name: a.Name, Description: a.Description, Subject: a.Subject, Format: a.Format, Address: a.Address, Model: a.Model, Events: a.Events, Paused: a.State == registry.WebhookPaused,
		CreatedBy: a.CreatedBy, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
	for _, e := range a.MLflowEvents {
		entity, action, _ := strings.Cut(e, ".")
		w.MLflow = append(w.MLflow, registry.MLflowEvent{Entity: entity, Action: action})
	}
	w.ID, w.Revision = a.ID, a.Revision
	return &webhooks.Hook{Webhook: w, State: webhooks.State{Position: a.Position, Attempts: a.Attempts, NextAttempt: a.NextAttempt}}
}

// Webhooks lists webhooks, as the service does.
func (c *Client) Webhooks(ctx context.Context, subject string) ([]*webhooks.Hook, error) {
	vars := map[string]any{}
	if subject != "" {
		vars["subject"] = subject
	}
	var out struct{ Webhooks []*webhookAnswer }
	if err := c.execute(ctx, opWebhooks, vars, &out); err != nil {
		return nil, err
	}
	hooks := []*webhooks.Hook{}
	for _, a := range out.Webhooks {
		hooks = append(hooks, a.hook())
	}
	return hooks, nil
}

func (c *Client) webhook(ctx context.Context, op, field string, in any) (*webhooks.WebhookPayload, error) {
	p, err := mutate[struct {
		Webhook *webhookAnswer
		Secret  *string
	}](ctx, c, op, field, in)
	return &webhooks.WebhookPayload{Webhook: p.Webhook.hook(), Secret: p.Secret}, err
}

// CreateWebhook makes a webhook. When the first answer was lost, its secret is shown by rotating it.
func (c *Client) CreateWebhook(ctx context.Context, in webhooks.CreateWebhookInput) (*webhooks.WebhookPayload, error) {
	return c.webhook(ctx, opCreateWebhook, "createWebhook", in)
}

// RotateWebhookSecret makes the secret of a webhook anew.
func (c *Client) RotateWebhookSecret(ctx context.Context, in webhooks.RotateWebhookSecretInput) (*webhooks.WebhookPayload, error) {
	return c.webhook(ctx, opRotateWebhookSecret, "rotateWebhookSecret", in)
}

// TestWebhook sends a test.
func (c *Client) TestWebhook(ctx context.Context, in webhooks.TestWebhookInput) (*webhooks.WebhookPayload, error) {
	return c.webhook(ctx, opTestWebhook, "testWebhook", in)
}

// ReplayWebhook tells events again.
func (c *Client) ReplayWebhook(ctx context.Context, in webhooks.ReplayWebhookInput) (*webhooks.WebhookPayload, error) {
	return c.webhook(ctx, opReplayWebhook, "replayWebhook", in)
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, in webhooks.DeleteWebhookInput) (*core.DeletePayload, error) {
	p, err := mutate[core.DeletePayload](ctx, c, opDeleteWebhook, "deleteWebhook", in)
	return &p, err
}
