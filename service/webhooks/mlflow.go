package webhooks

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"pedigree/registry"
)

// checkMLflow checks the events of a webhook of MLflow's form, and puts them in order. Its kinds of
// events follow from them.
func checkMLflow(events []registry.MLflowEvent) (out []registry.MLflowEvent, err error) {
	known := registry.MLflowEvents()
	for _, e := range known {
		if slices.Contains(events, e) {
			out = append(out, e)
		}
	}
	for _, e := range events {
		if !slices.Contains(known, e) {
			return nil, registry.Invalid("events", "%q is not told here; allowed are %s", registry.Shorten(e.String(), 60), mlflowNames())
		}
	}
	if len(out) == 0 {
		return nil, registry.Invalid("events", "must be some of %s", mlflowNames())
	}
	return out, nil
}

func mlflowNames() string {
	var out []string
	for _, e := range registry.MLflowEvents() {
		out = append(out, e.String())
	}
	return strings.Join(out, ", ")
}

// maxSecret is the most bytes of a secret that its owner chose.
const maxSecret = 1000

// seal encrypts a secret that its owner chose, so that it can sign; "" is no secret. A webhook is
// bound to its own: that of another cannot be put in its place.
func (h *Hooks) seal(id registry.ID, secret string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	if len(secret) > maxSecret {
		return nil, registry.Invalid("secret", "has more than %d bytes", maxSecret)
	}
	aead, err := h.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, []byte(secret), []byte(id)), nil
}

// open decrypts what seal made.
func (h *Hooks) open(w *registry.Webhook) (string, error) {
	aead, err := h.aead()
	if err != nil {
		return "", err
	}
	n := aead.NonceSize()
	if len(w.Sealed) < n {
		return "", registry.Errorf(registry.Internal, "the secret of webhook %s is cut short", w.ID)
	}
	secret, err := aead.Open(nil, w.Sealed[:n], w.Sealed[n:], []byte(w.ID))
	if err != nil {
		return "", registry.Errorf(registry.Internal, "the secret of webhook %s cannot be read: %v", w.ID, err)
	}
	return string(secret), nil
}

func (h *Hooks) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(h.sealKey)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// How long a test is waited for, and how often it is looked at.
const (
	testWait = 12 * time.Second
	testLook = 30 * time.Millisecond
)

// TestOutcome waits for the outcome of the last test of a webhook, and returns it; nil when this
// server delivers nothing, or the test takes longer than a request may.
func (h *Hooks) TestOutcome(ctx context.Context, id registry.ID) (*registry.Delivery, error) {
	if _, err := h.core.Gate.Read(ctx, registry.WebhookManageOwn); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, testWait)
	defer cancel()
	look := time.NewTicker(testLook)
	defer look.Stop()
	for h.listened.Load() {
		w, err := h.Webhook(ctx, id)
		if err != nil || w == nil {
			return nil, err
		}
		if w.State.Commands >= w.LastCommand {
			return h.lastTest(ctx, w)
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-look.C:
		}
	}
	return nil, nil
}

// lastTest returns the last attempt of a webhook that was of a test.
func (h *Hooks) lastTest(ctx context.Context, w *Hook) (*registry.Delivery, error) {
	all, err := h.DeliveriesOf(ctx, w)
	for _, d := range all {
		if d.Seq == 0 {
			return d, nil
		}
	}
	return nil, err
}

// testEvent returns the event whose example a test sends: one of those of the webhook.
func testEvent(w *registry.Webhook, in TestWebhookInput) (registry.MLflowEvent, error) {
	switch {
	case w.Format != registry.WebhookMLflow && in.Event == (registry.MLflowEvent{}):
		return in.Event, nil
	case w.Format != registry.WebhookMLflow:
		return in.Event, registry.Invalid("event", "is for webhooks of the form %s", registry.WebhookMLflow)
	case in.Event == (registry.MLflowEvent{}):
		return w.MLflow[0], nil
	}
	_, err := checkMLflow([]registry.MLflowEvent{in.Event})
	return in.Event, err
}

// errMLflowSecret is the refusal of a new secret where the owner chooses it.
func errMLflowSecret() error {
	return registry.Errorf(registry.FailedPrecondition, "the secret of a webhook of the form %s is the one that its owner chose; set another with MLflow's update_webhook", registry.WebhookMLflow)
}

// applyMLflow changes what only a webhook of MLflow's form has.
func (h *Hooks) applyMLflow(in *UpdateWebhookInput, w *registry.Webhook) (err error) {
	if w.Format != registry.WebhookMLflow {
		if in.MLflow != nil || in.Secret != nil {
			return registry.Invalid("format", "the webhook is not of the form %s", registry.WebhookMLflow)
		}
		return nil
	}
	if in.Events != nil {
		return registry.Invalid("events", "those of a webhook of the form %s are changed with MLflow's update_webhook", registry.WebhookMLflow)
	}
	if in.MLflow != nil {
		if w.MLflow, err = checkMLflow(in.MLflow); err != nil {
			return err
		}
	}
	if in.Secret != nil {
		w.Sealed, err = h.seal(w.ID, *in.Secret)
	}
	return err
}

// checkForm checks what a new webhook tells: events of MLflow in MLflow's form, and kinds of events
// in the others.
func (in *CreateWebhookInput) checkForm() (err error) {
	if in.Format != registry.WebhookMLflow {
		if in.MLflow != nil || in.Secret != "" {
			return registry.Invalid("format", "must be %s for events of MLflow", registry.WebhookMLflow)
		}
		in.Events, err = checkEvents(in.Events)
		return err
	}
	if in.MLflow == nil {
		return registry.Invalid("format", "a webhook of the form %s is made with MLflow's create_webhook", registry.WebhookMLflow)
	}
	in.Events = []registry.WebhookEvent{registry.OnCatalog}
	in.MLflow, err = checkMLflow(in.MLflow)
	return err
}
