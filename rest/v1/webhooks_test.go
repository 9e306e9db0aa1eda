package v1

import (
	"encoding/json"
	"strings"
	"testing"

	"pedigree/registry"
)

// TestTheStoryOfAWebhook makes a webhook, changes it, makes its secret anew, tests it and deletes it.
func TestTheStoryOfAWebhook(t *testing.T) {
	a := newAPI(t)
	var made struct {
		Webhook struct{ ID, State string }
		Secret  string
	}
	a.admin(200, "POST", "subjects/admin/roles", `{"role":"data_scientist"}`) // A webhook sees what the stored roles show.
	a.admin(400, "POST", "webhooks", `{"name":"ops","address":"https://example.com/hook"}`)
	w := a.as(registry.RoleAdmin, "POST", "webhooks", `{"name":"ops","address":"https://example.com/hook","events":["recalls","transitions"]}`)
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 || !strings.HasPrefix(made.Secret, "whsec_") || made.Webhook.State != "active" {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	one := "webhooks/" + made.Webhook.ID
	if got := w.Header().Get("Location"); !strings.HasSuffix(got, one) {
		t.Errorf("it is said to be at %q", got)
	}
	if got := a.admin(200, "GET", "webhooks", ""); strings.Count(got, made.Webhook.ID) != 1 || strings.Contains(got, "whsec_") {
		t.Errorf("the list is %s", got)
	}
	if got := a.admin(200, "PATCH", one, `{"paused":true,"events":["recalls"]}`); !strings.Contains(got, `"state":"paused"`) || !strings.Contains(got, `"events":["recalls"]`) {
		t.Errorf("changed it is %s", got)
	}
	if got := a.admin(200, "POST", one+"/rotate-secret", `{"overlap":60}`); strings.Contains(got, made.Secret) || !strings.Contains(got, "whsec_") || !strings.Contains(got, `"old_secret_until"`) {
		t.Errorf("the new secret is %s", got)
	}
	a.admin(200, "POST", one+"/test", `{}`)
	a.admin(200, "POST", one+"/replay", `{"after":0}`)
	for _, list := range []string{"deliveries", "dead-letters"} {
		if got := a.admin(200, "GET", one+"/"+list, ""); !strings.Contains(got, `[]`) {
			t.Errorf("%s: %s", list, got)
		}
	}
	for _, other := range []string{one, one + "/deliveries"} {
		if w := a.as(registry.RoleDataScientist, "GET", other, ""); w.Code != 404 {
			t.Errorf("somebody else's webhook at %s: %d %s", other, w.Code, w.Body)
		}
	}
	a.admin(200, "DELETE", one, "")
	a.admin(404, "GET", one, "")
	if got := a.admin(200, "PUT", "notification-settings", `{"events":["recalls"],"address":"ada@example.com","timing":"daily"}`); !strings.Contains(got, `"timing":"daily"`) {
		t.Errorf("set was %s", got)
	}
	if got := a.admin(200, "GET", "notification-settings", ""); !strings.Contains(got, `"address":"ada@example.com"`) {
		t.Errorf("the settings are %s", got)
	}
}

// TestAGateIsTestedOnHistory tests a gate that is not set on a promotion that was made.
func TestAGateIsTestedOnHistory(t *testing.T) {
	a := newAPI(t)
	a.admin(201, "POST", "models/register", `{"name":"fraud","version":"v1.0.0"}`)
	a.admin(200, "POST", "models/fraud/v1.0.0/transition", `{"to_stage":"staging"}`)
	got := a.admin(200, "POST", "gates/test", `{"name":"owned","expression":"version.owner == 'nobody'","stages":["staging"]}`)
	if !strings.Contains(got, `"tested":1,"refused":1`) {
		t.Errorf("the test says %s", got)
	}
	a.admin(404, "GET", "gates/owned", "")
	a.admin(400, "POST", "gates/test", `{"name":"owned","expression":"version.owner ==","stages":["staging"]}`)
}
