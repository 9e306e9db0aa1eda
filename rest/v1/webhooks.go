package v1

import (
	"context"
	"net/http"
	"time"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/webhooks"
)

// webhookBody is a webhook with how it is doing.
type webhookBody struct {
	ID             registry.ID `json:"id"`
	Revision       int         `json:"revision"`
	Number         int
	Name           string
	Description    string
	Subject        string
	Format         registry.WebhookFormat
	Address        string
	Events         []registry.WebhookEvent
	MLflowEvents   []string `json:"mlflowEvents,omitzero"`
	Model          string
	State          registry.WebhookState
	Position       int64
	Attempts       int
	NextAttempt    *time.Time
	OldSecretUntil time.Time
	CreatedBy      string
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// webhookAnswer has a webhook after a change, and its secret when it is new.
type webhookAnswer struct {
	Webhook *webhookBody
	Secret  *string
}

func newWebhookBody(w *webhooks.Hook) *webhookBody {
	if w == nil {
		return nil
	}
	return &webhookBody{ID: w.ID, Revision: w.Revision, Number: w.Number, Name: w.Name, Description: w.Description, Subject: w.Subject, Format: w.Format, Address: w.Address, Events: w.Events, MLflowEvents: w.MLflowEvents(), Model: w.Model,
		State: w.Status(), Position: w.Position(), Attempts: w.Attempts(), NextAttempt: w.NextAttempt(), OldSecretUntil: w.OldUntil, CreatedBy: w.CreatedBy, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt}
}

// onWebhook makes a change of webhooks answer as this API does.
func onWebhook[In any](change func(*service.Service, context.Context, In) (*webhooks.WebhookPayload, error)) func(*service.Service, context.Context, In) (*webhookAnswer, error) {
	return func(s *service.Service, ctx context.Context, in In) (*webhookAnswer, error) {
		out, err := change(s, ctx, in)
		if err != nil {
			return nil, err
		}
		return &webhookAnswer{newWebhookBody(out.Webhook), out.Secret}, nil
	}
}

// ofWebhook makes a list of what belongs to a webhook.
func ofWebhook[Item any](read func(*service.Service, context.Context, *webhooks.Hook) ([]*Item, error)) func(context.Context, *call, core.Paging, *noQuery) (page[Item], error) {
	return func(ctx context.Context, c *call, _ core.Paging, _ *noQuery) (page[Item], error) {
		hook, err := c.service.Webhook(ctx, registry.ID(c.path["id"]))
		if err == nil && hook == nil {
			err = c.nothing()
		}
		if err != nil {
			return page[Item]{}, err
		}
		items, err := read(c.service, ctx, hook)
		return page[Item]{items: items}, err
	}
}

// webhookRoutes are the routes of webhooks and of what the caller wants to be told.
func webhookRoutes() []route {
	const one = "webhooks/{id}"
	return []route{
		list("webhooks", "webhooks", "webhooks", "Your webhooks; all of them for who may manage all", func(ctx context.Context, c *call, _ core.Paging, q *struct{ Subject string }) (page[webhookBody], error) {
			all, err := c.service.Webhooks(ctx, q.Subject)
			return wrap(page[webhooks.Hook]{items: all}, err, newWebhookBody)
		}),
		read(one, "webhook", "One webhook", func(ctx context.Context, c *call, _ *noQuery) (*webhookBody, error) {
			hook, err := c.service.Webhook(ctx, registry.ID(c.path["id"]))
			return newWebhookBody(hook), err
		}),
		list(one+"/deliveries", "webhook", "deliveries", "The last attempts of a webhook, newest first", ofWebhook((*service.Service).DeliveriesOf)),
		list(one+"/dead-letters", "webhook", "dead_letters", "The events of a webhook that were given up, oldest first", ofWebhook((*service.Service).DeadLettersOf)),
		write(http.MethodPost, "webhooks", "createWebhook", "Makes a webhook and shows its secret, this once", onWebhook((*service.Service).CreateWebhook), requires("name", "address", "events"), without("MLflow", "Paused"), statuses(http.StatusCreated)),
		write(http.MethodPatch, one, "updateWebhook", "Changes a webhook", onWebhook((*service.Service).UpdateWebhook), without("MLflow")),
		write(http.MethodDelete, one, "deleteWebhook", "Deletes a webhook", (*service.Service).DeleteWebhook),
		write(http.MethodPost, one+"/rotate-secret", "rotateWebhookSecret", "Makes the secret of a webhook anew and shows it, this once", onWebhook((*service.Service).RotateWebhookSecret)),
		write(http.MethodPost, one+"/test", "testWebhook", "Sends a test to a webhook", onWebhook((*service.Service).TestWebhook), without("Event")),
		write(http.MethodPost, one+"/replay", "replayWebhook", "Tells events again: all after a sequence, or one that was given up", onWebhook((*service.Service).ReplayWebhook)),
		read("notification-settings", "viewer", "What you want to be told, where and when", func(ctx context.Context, c *call, _ *noQuery) (*webhooks.NotificationSettings, error) {
			return c.service.NotificationSettings(ctx)
		}),
		write(http.MethodPut, "notification-settings", "updateNotificationSettings", "Sets what you want to be told, where and when", (*service.Service).UpdateNotificationSettings, requires("events")),
	}
}
