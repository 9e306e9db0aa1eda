package wire

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"pedigree/registry"
)

func TestNamesAreSnakeCase(t *testing.T) {
	for name, want := range map[string]string{"modelId": "model_id", "ModelID": "model_id", "f1Score": "f1_score", "APIToken": "api_token", "URI": "uri", "HistoryCut": "history_cut",
		"card.modelDetails": "card.model_details", "sha": "sha", "sizeBytes": "size_bytes"} {
		if got := Snake(name); got != want {
			t.Errorf("%s is %s, not %s", name, got, want)
		}
	}
	for _, n := range registry.Nouns() { // A name must lead back to the domain's, for what null clears.
		for _, f := range n.Fields {
			if back := lowerFirst(Snake(f.Name)); back != f.Name {
				t.Errorf("%s.%s comes back as %s", n.Name, f.Name, back)
			}
		}
	}
}

// TestOnlyTheFieldTableIsWritten checks that a hidden field is left out and named, and that a field
// without a row is never written.
func TestOnlyTheFieldTableIsWritten(t *testing.T) {
	c := New(Config{})
	m := &registry.Model{Meta: registry.Meta{ID: "model_x", Kind: registry.KindModel, Revision: 3, Mask: registry.AllFields &^ (1 << registry.Bit("Model", "owner"))}, Name: "a<b", Owner: "ada"}
	out, err := c.Encode(context.Background(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out.Body); got != `{"id":"model_x","kind":"MODEL","revision":3,"name":"a\u003cb"}`+"\n" || strings.Join(out.Hidden, " ") != "Model.owner" {
		t.Errorf("%s, hidden %v", got, out.Hidden)
	}
	if out, err = c.Encode(context.Background(), m, []string{"owner", "name"}); err != nil || string(out.Body) != `{"name":"a\u003cb"}`+"\n" {
		t.Errorf("%s %v", out.Body, err)
	}
	for _, member := range c.Members(reflect.TypeFor[registry.Model](), nil) {
		if strings.Contains(member.Name, "mask") || strings.Contains(member.Name, "parent") {
			t.Errorf("%s is written", member.Name)
		}
	}
}

func TestDecodeTellsWhatIsNull(t *testing.T) {
	var card registry.ModelCard
	nulls, err := New(Config{}).Decode([]byte(`{"model_details":{"algorithm":null,"framework":"x"},"features":null,"training":{"samples_used":3}}`), &card, nil)
	if err != nil || strings.Join(nulls, " ") != "features modelDetails.algorithm" || card.ModelDetails.Framework != "x" || *card.Training.SamplesUsed != 3 {
		t.Errorf("%v %v %+v", nulls, err, card)
	}
}

// TestWhatMayNotBeReadIsEmpty checks the answer to a caller who may write an object and not read it.
func TestWhatMayNotBeReadIsEmpty(t *testing.T) {
	type body struct{ *registry.Model }
	c := New(Config{})
	if out, err := c.Encode(context.Background(), &body{}, nil); err != nil || string(out.Body) != "{}\n" {
		t.Errorf("%s %v", out.Body, err)
	}
	if _, ok := c.Revision(&body{}); ok {
		t.Error("it has a revision")
	}
	if n, ok := c.Revision(&body{&registry.Model{Meta: registry.Meta{Revision: 3}}}); n != 3 || !ok {
		t.Error(n, ok)
	}
}
