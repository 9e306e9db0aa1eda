package webhooks

import (
	"bytes"
	"testing"

	"pedigree/registry"
)

// TestASecretIsBoundToItsWebhook puts the secret of one webhook in the place of another's, and a part
// of it in its own: neither can be read.
func TestASecretIsBoundToItsWebhook(t *testing.T) {
	h := &Hooks{sealKey: bytes.Repeat([]byte{7}, 32)}
	hook := func(id registry.ID, sealed []byte) *Due {
		w := &registry.Webhook{Format: registry.WebhookMLflow, Sealed: sealed}
		w.ID = id
		return h.due(w)
	}
	sealed, err := h.seal("hook_a", "a secret")
	if err != nil || bytes.Contains(sealed, []byte("secret")) {
		t.Fatal(sealed, err)
	}
	if d := hook("hook_a", sealed); d.NoSecret || len(d.Secrets) != 1 || d.Secrets[0] != "a secret" {
		t.Errorf("%+v", d)
	}
	for id, wrong := range map[registry.ID][]byte{"hook_b": sealed, "hook_a": sealed[:5]} {
		if d := hook(id, wrong); !d.NoSecret {
			t.Errorf("%s: %+v", id, d)
		}
	}
	if d := hook("hook_a", nil); d.NoSecret || d.Secrets != nil {
		t.Errorf("without a secret: %+v", d)
	}
	if again, err := h.seal("hook_a", "a secret"); err != nil || bytes.Equal(again, sealed) {
		t.Error("the same secret is sealed alike", err)
	}
}
