package graph

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"pedigree/registry"
)

func TestTextOfReadsTheSearchedFields(t *testing.T) {
	doc, _ := json.Marshal(map[string]any{"name": "not this", "description": "For Loans", "owner": "ann", "createdAt": "2024-01-01",
		"tags": []registry.KeyValue{{Key: "team", Value: "risk-eu"}, {Key: "key", Value: "value"}}, "used": []string{"hidden"}})
	got := SearchWords(&Node{Kind: registry.KindModel, Name: "credit-approval", Doc: doc})
	want := []FieldWords{{"name", []string{"credit", "approval"}}, {"description", []string{"for", "loans"}}, {"owner", []string{"ann"}},
		{"tags", []string{"team", "risk", "eu", "key", "value"}}}
	if !slices.EqualFunc(got, want, func(a, b FieldWords) bool { return a.Field == b.Field && slices.Equal(a.Words, b.Words) }) {
		t.Errorf("%v", got)
	}
	for _, n := range []*Node{{Kind: registry.KindToken, Name: "secret"}, {Kind: registry.KindModel, Name: "gone", Deleted: true}} {
		if got := SearchWords(n); got != nil {
			t.Errorf("%s: %v", n.Kind, got)
		}
	}
}

// FuzzSplitObject compares splitObject with encoding/json.
func FuzzSplitObject(f *testing.F) {
	for _, s := range []string{`{"a":"b","c":["d",{"e":"f"}],"g":1.5e3,"h":null}`, `{ "a\"b" : "x,}\\" , "k":{"l":[]} }`, `{}`, ``, `{"a"`, `[1]`, `{"a":"\\"}`, `{"":"","a":-1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := splitObject(doc)
		var want map[string]json.RawMessage
		if json.Unmarshal(doc, &want) != nil || want == nil {
			return // For invalid input it only must not panic.
		}
		for name, value := range want {
			quoted, _ := json.Marshal(name)
			if string(quoted) == `"`+name+`"` && bytes.Count(doc, quoted) == 1 && string(got.get(name)) != string(value) {
				t.Fatalf("%s: %q is %s, not %s", doc, name, got.get(name), value)
			}
		}
	})
}

func BenchmarkTextOf(b *testing.B) {
	n := &Node{Kind: registry.KindDatasetVersion, Name: "data/raw/customers-2024.csv", Doc: []byte(`{"createdAt":"2024-01-01T00:00:00Z","description":"All customers, as exported",` +
		`"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","name":"data/raw/customers-2024.csv","namespace":"default","rows":12345,` +
		`"columns":[{"name":"id","type":"int"},{"name":"age","type":"int"}],"version":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}`)}
	b.ReportAllocs()
	for b.Loop() {
		SearchWords(n)
	}
}
