package service_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/catalog"
)

// changesOf returns what the newest log entry says of the changes of an object: by field, the
// value before and the one after.
func (k *kit) changesOf(id registry.ID) map[string]string {
	k.Helper()
	entries, err := k.store.Log(k.Context(), graph.LogQuery{Desc: true, Limit: 1})
	if err != nil || len(entries) != 1 {
		k.Fatal(entries, err)
	}
	var detail struct {
		Changes map[registry.ID]map[string]struct{ Before, After json.RawMessage }
	}
	if err := json.Unmarshal(entries[0].Detail, &detail); err != nil {
		k.Fatal(err)
	}
	out := map[string]string{}
	for field, c := range detail.Changes[id] {
		out[field] = string(c.Before) + " → " + string(c.After)
	}
	return out
}

func (k *kit) wantChanges(what string, id registry.ID, want map[string]string) {
	k.Helper()
	got := k.changesOf(id)
	if len(got) != len(want) {
		k.Errorf("%s: %q, want %q", what, got, want)
	}
	for field, text := range want {
		if digest := strings.TrimSuffix(text, "…"); digest == text && got[field] != text || !strings.HasPrefix(got[field], digest) {
			k.Errorf("%s: %s is %q, want %q", what, field, got[field], text)
		}
	}
}

func TestTheLogTellsWhatChanged(t *testing.T) {
	k := newKit(t)
	v := "1.0.0"
	m := must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "m", Owner: "ada"})).Model
	k.wantChanges("a new model", m.ID, nil)
	version := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &v})).ModelVersion
	owner, text := "bob", strings.Repeat("long ", 200)
	must[*catalog.ModelPayload](k)(k.UpdateModel(k.admin, catalog.UpdateModelInput{Model: ptr("m"), Owner: &owner, Description: &text}))
	k.wantChanges("an update", m.ID, map[string]string{"owner": `"ada" → "bob"`, "description": ` → "sha256:…`})
	must[*catalog.TransitionModelVersionPayload](k)(k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{Model: ptr("m"), Version: &v, To: registry.Staging}))
	k.wantChanges("a transition", version.ID, map[string]string{"stage": `"DEVELOPMENT" → "STAGING"`})
}

// TestTheLogHidesWhatItsReadersMayNotSee changes a field that the scientists of a policy, who
// read the log, may not read.
func TestTheLogHidesWhatItsReadersMayNotSee(t *testing.T) {
	k := newKit(t)
	m := must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "m", Owner: "ada"})).Model
	if _, err := k.PutPolicyRule(k.admin, access.PutPolicyRuleInput{Role: "clerk", Object: "log.read", Act: "DO"}); err != nil {
		t.Fatal(err)
	}
	owner := "bob"
	must[*catalog.ModelPayload](k)(k.UpdateModel(k.admin, catalog.UpdateModelInput{Model: ptr("m"), Owner: &owner}))
	k.wantChanges("a hidden field", m.ID, map[string]string{"owner": `"sha256:…`})
	if _, err := k.PutPolicyRule(k.admin, access.PutPolicyRuleInput{Role: "clerk", Object: "field:any", Act: "READ"}); err != nil {
		t.Fatal(err)
	}
	owner = "eve"
	must[*catalog.ModelPayload](k)(k.UpdateModel(k.admin, catalog.UpdateModelInput{Model: ptr("m"), Owner: &owner}))
	k.wantChanges("a visible field", m.ID, map[string]string{"owner": `"bob" → "eve"`})
}
