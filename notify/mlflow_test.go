package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/webhooks"
)

// ofMLflow makes a webhook of MLflow's form.
func (s *site) ofMLflow(address, secret string, events ...registry.MLflowEvent) registry.ID {
	s.Helper()
	p, err := s.CreateWebhook(s.admin2(), webhooks.CreateWebhookInput{Name: "mlflow", Address: address, Format: registry.WebhookMLflow, MLflow: events, Secret: secret})
	if err != nil || p.Secret != nil { // The owner has it.
		s.Fatalf("%v, %v", p, err)
	}
	return p.Webhook.ID
}

// mlflowBodies decodes what a receiver got: entity.action, and the data.
func mlflowBodies(t *testing.T, r *receiver) (events []string, data []map[string]any) {
	t.Helper()
	for _, g := range r.all() {
		var m struct {
			Entity, Action string
			Data           map[string]any
		}
		if err := json.Unmarshal(g.body, &m); err != nil {
			t.Fatal(err)
		}
		events, data = append(events, m.Entity+"."+m.Action), append(data, m.Data)
	}
	return events, data
}

// TestAWebhookOfMLflowTellsItsEventsAlone lets many things happen that a webhook does not name, more
// than are read at once, and then one that it names.
func TestAWebhookOfMLflowTellsItsEventsAlone(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true}), newReceiver(t)
	const secret = "a secret that its owner chose"
	s.ofMLflow(r.URL, secret, registry.MLflowEvent{Entity: "model_version", Action: "created"})
	s.draft("first")
	for n := range 130 {
		if _, err := s.SetAlias(s.admin, catalog.SetAliasInput{Model: "first", Version: "1.0.0", Alias: fmt.Sprintf("a%d", n)}); err != nil {
			t.Fatal(err)
		}
	}
	s.passes()
	s.draft("second")
	s.passes()
	events, data := mlflowBodies(t, r)
	equal(t, events, []string{"model_version.created", "model_version.created"})
	for i, name := range []string{"first", "second"} {
		if data[i]["name"] != name || data[i]["version"] != "1" || data[i]["description"] != nil || len(data[i]["tags"].(map[string]any)) != 0 {
			t.Errorf("%v", data[i])
		}
	}
	g := r.all()[0]
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(g.header.Get("X-MLflow-Delivery-Id") + "." + g.header.Get("X-MLflow-Timestamp") + "."))
	m.Write(g.body)
	if got, want := g.header.Get("X-MLflow-Signature"), "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)); got != want || g.header.Get("webhook-signature") != "" {
		t.Errorf("the signature is %q, not %q", got, want)
	}
	files, err := filepath.Glob(s.file + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range files {
		if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, []byte(secret)) || bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(secret)))) {
			t.Errorf("the secret stands in %s, %v", filepath.Base(name), err)
		}
	}
}

// TestASecretThatCannotBeReadTellsNothing tells a webhook whose secret the service cannot read.
func TestASecretThatCannotBeReadTellsNothing(t *testing.T) {
	s, r := newSite(t, Config{AllowPrivate: true, Attempts: 1}), newReceiver(t)
	created := registry.MLflowEvent{Entity: "registered_model", Action: "created"}
	s.ofMLflow(r.URL, "one", created)
	due, err := s.DueWebhooks(s.system)
	if err != nil || len(due) != 1 || due[0].NoSecret || len(due[0].Secrets) != 1 {
		t.Fatal(due, err)
	}
	due[0].NoSecret = true
	m := s.worker.test(due[0], registry.WebhookCommand{Number: 1, Event: created})
	if a := s.worker.send(s.system, due[0], m.ID, []Message{m}); a.outcome != registry.NoSecret || len(r.all()) != 0 {
		t.Errorf("%v, %d requests", a, len(r.all()))
	}
}

// TestATagIsToldAsItIs sets tags of a version, one of which is gone before it is told.
func TestATagIsToldAsItIs(t *testing.T) {
	s, r, standard := newSite(t, Config{AllowPrivate: true}), newReceiver(t), newReceiver(t)
	s.ofMLflow(r.URL, "", registry.MLflowEvent{Entity: "model_version_tag", Action: "set"}, registry.MLflowEvent{Entity: "model_version_tag", Action: "deleted"})
	s.hook(s.admin2(), webhooks.CreateWebhookInput{Address: standard.URL, Events: []registry.WebhookEvent{registry.OnCatalog}})
	s.draft("m")
	model, version := "m", "1.0.0"
	change := func(edits catalog.TagEdits) {
		t.Helper()
		if _, err := s.UpdateModelVersion(s.admin, catalog.UpdateModelVersionInput{Model: &model, Version: &version, TagEdits: edits}); err != nil {
			t.Fatal(err)
		}
	}
	change(catalog.TagEdits{SetTags: []registry.KeyValue{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "pedigree.mlflow.run_id", Value: "r"}}})
	change(catalog.TagEdits{SetTags: []registry.KeyValue{{Key: "a", Value: "3"}}, RemoveTags: []string{"b"}})
	s.passes()
	events, data := mlflowBodies(t, r)
	equal(t, events, []string{"model_version_tag.set", "model_version_tag.set", "model_version_tag.deleted"})
	for i, want := range []map[string]any{{"name": "m", "version": "1", "key": "a", "value": "3"}, {"name": "m", "version": "1", "key": "a", "value": "3"}, {"name": "m", "version": "1", "key": "b"}} {
		if fmt.Sprint(data[i]) != fmt.Sprint(want) {
			t.Errorf("%v, not %v", data[i], want)
		}
	}
	ids := map[string]bool{}
	for _, g := range r.all() {
		if ids[g.header.Get("X-MLflow-Delivery-Id")] = true; g.header.Get("X-MLflow-Signature") != "" {
			t.Error("a webhook without a secret signs")
		}
	}
	if len(ids) != 3 {
		t.Errorf("the ids are %v", ids)
	}
	// The standard form tells the same, and the other events of the catalog.
	if n := len(standard.all()); n != 2+4 {
		t.Errorf("%d requests of the standard form", n)
	}
}
