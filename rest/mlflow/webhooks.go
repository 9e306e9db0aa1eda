package mlflow

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"pedigree/registry"
	"pedigree/service/webhooks"
)

// The messages of webhooks. Entities and actions are in capitals on the wire.
type (
	webhookEvent struct {
		Entity string `json:"entity"`
		Action string `json:"action"`
	}
	webhookMessage struct {
		ID          string         `json:"webhook_id"`
		Name        string         `json:"name"`
		Description string         `json:"description,omitempty"`
		URL         string         `json:"url"`
		Events      []webhookEvent `json:"events"`
		Status      string         `json:"status"`
		Created     int64          `json:"creation_timestamp"`
		Updated     int64          `json:"last_updated_timestamp"`
	}
	webhookBody struct {
		Webhook webhookMessage `json:"webhook"`
	}
	webhooksBody struct {
		Webhooks []webhookMessage `json:"webhooks,omitempty"`
		Next     string           `json:"next_page_token,omitempty"`
	}
	testResult struct {
		Success bool   `json:"success"`
		Status  int    `json:"response_status,omitempty"`
		Error   string `json:"error_message,omitempty"`
	}
	testBody struct {
		Result testResult `json:"result"`
	}
)

// The states of a webhook in MLflow.
const (
	webhookActive   = "ACTIVE"
	webhookDisabled = "DISABLED"
)

// maxWebhooks is the most webhooks of a page, defaultWebhooks how many it has otherwise.
const (
	maxWebhooks     = 1000
	defaultWebhooks = 100
)

func wireWebhook(w *webhooks.Hook) webhookMessage {
	m := webhookMessage{ID: string(w.ID), Name: w.Name, Description: w.Description, URL: w.Address, Status: webhookActive, Created: milliseconds(w.CreatedAt), Updated: milliseconds(w.UpdatedAt)}
	if w.Paused {
		m.Status = webhookDisabled
	}
	for _, e := range w.MLflow {
		m.Events = append(m.Events, webhookEvent{strings.ToUpper(e.Entity), strings.ToUpper(e.Action)})
	}
	return m
}

// event returns a field that is an event, the zero event when it is not given.
func (f fields) event(name string) (e registry.MLflowEvent, err error) {
	if raw, ok := f[name].(json.RawMessage); ok && f.has(name) {
		err = json.Unmarshal(raw, &e)
	}
	if err != nil {
		return e, invalidField(name, "must be an object with entity and action")
	}
	return registry.MLflowEvent{Entity: strings.ToLower(e.Entity), Action: strings.ToLower(e.Action)}, nil
}

// events returns the field events, nil when it is not given.
func (f fields) events() (out []registry.MLflowEvent, err error) {
	raw, ok := f["events"].(json.RawMessage)
	if !ok || !f.has("events") {
		return nil, nil
	}
	var in []registry.MLflowEvent
	if json.Unmarshal(raw, &in) != nil {
		return nil, invalidField("events", "must be a list of objects with entity and action")
	}
	for _, e := range in {
		out = append(out, registry.MLflowEvent{Entity: strings.ToLower(e.Entity), Action: strings.ToLower(e.Action)})
	}
	return out, nil
}

// optional returns a text field, nil when it is not given.
func (f fields) optional(name string) (*string, error) {
	v, err := f.text(name)
	if err != nil || !f.has(name) {
		return nil, err
	}
	return &v, nil
}

// paused returns what the field status says, nil when it is not given.
func (f fields) paused() (*bool, error) {
	status, err := f.text("status")
	if err != nil || status == "" {
		return nil, err
	}
	if status != webhookActive && status != webhookDisabled {
		return nil, invalidField("status", "must be "+webhookActive+" or "+webhookDisabled)
	}
	return new(status == webhookDisabled), nil
}

func createWebhook(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "url")
	if err != nil {
		return nil, err
	}
	in := webhooks.CreateWebhookInput{Name: f[0], Address: f[1], Format: registry.WebhookMLflow}
	if in.MLflow, err = c.fields.events(); err != nil {
		return nil, err
	}
	if in.MLflow == nil {
		return nil, missing("events")
	}
	if in.Description, err = c.fields.text("description"); err != nil {
		return nil, err
	}
	if in.Secret, err = c.fields.text("secret"); err != nil {
		return nil, err
	}
	paused, err := c.fields.paused()
	if err != nil {
		return nil, err
	}
	in.Paused = paused != nil && *paused
	p, err := c.CreateWebhook(ctx, in)
	if err != nil {
		return nil, err
	}
	return webhookBody{wireWebhook(p.Webhook)}, nil
}

// webhook returns the webhook that the path names. Webhooks of other forms are not MLflow's.
func (c *call) webhook(ctx context.Context) (*webhooks.Hook, error) {
	w, err := c.Webhook(ctx, registry.ID(c.id))
	if err == nil && (w == nil || w.Format != registry.WebhookMLflow) {
		err = registry.Errorf(registry.NotFound, "Webhook with ID %s not found.", registry.Shorten(c.id, 100))
	}
	return w, err
}

func getWebhook(ctx context.Context, c *call) (any, error) {
	w, err := c.webhook(ctx)
	if err != nil {
		return nil, err
	}
	return webhookBody{wireWebhook(w)}, nil
}

// listWebhooks lists the webhooks of MLflow's form, the newest first. The token of a page is the id
// of its last webhook.
func listWebhooks(ctx context.Context, c *call) (any, error) {
	size, err := c.fields.number("max_results", defaultWebhooks)
	if err != nil {
		return nil, err
	}
	if size < 1 || size > maxWebhooks {
		return nil, invalidField("max_results", "must be 1 to 1000")
	}
	after, err := c.fields.text("page_token")
	if err != nil {
		return nil, err
	}
	all, err := c.Webhooks(ctx, "")
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(w *webhooks.Hook) bool { return w.Format != registry.WebhookMLflow })
	slices.Reverse(all)
	if after != "" {
		i := slices.IndexFunc(all, func(w *webhooks.Hook) bool { return string(w.ID) == after })
		if i < 0 {
			return nil, registry.Errorf(registry.InvalidArgument, "Invalid page token: the last webhook of that page is gone; list again")
		}
		all = all[i+1:]
	}
	var out webhooksBody
	for i, w := range all {
		if i == size {
			out.Next = out.Webhooks[i-1].ID
			break
		}
		out.Webhooks = append(out.Webhooks, wireWebhook(w))
	}
	return out, nil
}

func updateWebhook(ctx context.Context, c *call) (any, error) {
	w, err := c.webhook(ctx)
	if err != nil {
		return nil, err
	}
	in := webhooks.UpdateWebhookInput{ID: w.ID}
	for name, to := range map[string]**string{"name": &in.Name, "description": &in.Description, "url": &in.Address, "secret": &in.Secret} {
		if *to, err = c.fields.optional(name); err != nil {
			return nil, err
		}
	}
	if in.MLflow, err = c.fields.events(); err != nil {
		return nil, err
	}
	if in.Paused, err = c.fields.paused(); err != nil {
		return nil, err
	}
	p, err := c.UpdateWebhook(ctx, in)
	if err != nil {
		return nil, err
	}
	return webhookBody{wireWebhook(p.Webhook)}, nil
}

func deleteWebhook(ctx context.Context, c *call) (any, error) {
	w, err := c.webhook(ctx)
	if err != nil {
		return nil, err
	}
	_, err = c.DeleteWebhook(ctx, webhooks.DeleteWebhookInput{ID: w.ID})
	return empty{}, err
}

// testWebhook sends a test, and answers what became of it. What the receiver answered is not told:
// it may be a page that the caller could not read by himself.
func testWebhook(ctx context.Context, c *call) (any, error) {
	w, err := c.webhook(ctx)
	if err != nil {
		return nil, err
	}
	event, err := c.fields.event("event")
	if err != nil {
		return nil, err
	}
	if _, err := c.TestWebhook(ctx, webhooks.TestWebhookInput{ID: w.ID, Event: event}); err != nil {
		return nil, err
	}
	d, err := c.TestOutcome(ctx, w.ID)
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return testBody{testResult{Error: "there is no outcome yet; the field deliveries of the webhook has it in GraphQL"}}, nil
	case d.Outcome != registry.Delivered:
		return testBody{testResult{Status: d.Status, Error: string(d.Outcome)}}, nil
	}
	return testBody{testResult{Success: true, Status: d.Status}}, nil
}
