package graph

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pedigree/registry"
)

func TestWordsFoldAndCut(t *testing.T) {
	for text, want := range map[string]string{
		"credit-approval":                                   "credit approval",
		"model-credit-approval-v1.0.0":                      "model credit approval 1ǀ0ǀ0",
		"data/raw/Customers_2024.csv":                       "data raw customers 2024 csv",
		"s3://bucket/a%20b?x=1":                             "s3 bucket a 20b x 1",
		"Résumé RÉSUMÉ re\u0301sume\u0301":                  "resume",
		"STRASSE Straße":                                    "strasse",
		"ﬁne ½ ２０２４":                                        "fine 1 2 2024",
		"İstanbul ıspanak":                                  "istanbul ıspanak",
		"ΣΊΣΥΦΟΣ σίσυφος":                                   "σισυφοσ",
		"日本語 モデル":                                           "日 本 語 モ テ ル",
		"a AND b OR \"c\" NOT (d)":                          "a and b or c not d",
		"\uFFFD😀 %_'\"`\\$ \x00":                            "",
		"1.0.0 v1.0.0 V1.0 v1 v 1..2 .5 a.1 1.b 0.95. x1.2": "1ǀ0ǀ0 1ǀ0 1 v 2 5 a b 0ǀ95 x1ǀ2",
		"": "",
	} {
		if got := strings.Join(Words(text, 50), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWordsAreBounded(t *testing.T) {
	long := strings.Repeat("é", 300)
	if got := Words(long+" "+long+"x", 9); len(got) != 1 || got[0] != strings.Repeat("e", MaxWord) {
		t.Errorf("%q", got)
	}
	if got := Words("a b c d", 3); len(got) != 3 {
		t.Errorf("%q", got)
	}
	n := &Node{Kind: registry.KindModel, Name: strings.Repeat("a ", 9), Doc: []byte(`{"description":"` + strings.Repeat("wörd ", 13000) + `last"}`)}
	if text := TextOf(n); len(text) != 2 || slices.Contains(text[1].Words, "last") {
		t.Errorf("%q", text)
	}
}

func TestTextOfReadsTheSearchedFields(t *testing.T) {
	doc, _ := json.Marshal(map[string]any{"name": "not this", "description": "For Loans", "owner": "ann", "createdAt": "2024-01-01",
		"tags": []registry.KeyValue{{Key: "team", Value: "risk-eu"}, {Key: "key", Value: "value"}}, "used": []string{"hidden"}})
	got := TextOf(&Node{Kind: registry.KindModel, Name: "credit-approval", Doc: doc})
	want := []FieldWords{{"name", []string{"credit", "approval"}}, {"description", []string{"for", "loans"}}, {"owner", []string{"ann"}},
		{"tags", []string{"team", "risk", "eu", "key", "value"}}}
	if !slices.EqualFunc(got, want, func(a, b FieldWords) bool { return a.Field == b.Field && slices.Equal(a.Words, b.Words) }) {
		t.Errorf("%v", got)
	}
	for _, n := range []*Node{{Kind: registry.KindToken, Name: "secret"}, {Kind: registry.KindModel, Name: "gone", Deleted: true}} {
		if got := TextOf(n); got != nil {
			t.Errorf("%s: %v", n.Kind, got)
		}
	}
}

// FuzzWords holds what is cut to letters and digits that are cut so again: nothing
// else reaches the query parser of an engine.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"credit-approval", "ǅ ŉ ΐ", "한국어 हिन्दी ไทย", "a\u0301\u20dd", "\xff\xfe", "ﷺ", "𝔘𝔫𝔦", "ͅ", "ⅷ ①"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := Words(s, 100)
		for _, w := range words {
			for _, r := range w {
				if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
					t.Fatalf("%q of %q holds %U", w, s, r)
				}
			}
			if slow := Words(w+" é", 2); slow[0] != w {
				t.Fatalf("%q of %q is %q beside other letters", w, s, slow)
			}
			if again := Words(w, 2); len(again) != 1 || again[0] != w {
				t.Fatalf("%q of %q is cut into %q", w, s, again)
			}
		}
	})
}

func TestHolds(t *testing.T) {
	text := []FieldWords{{"name", []string{"credit", "approval"}}, {"tags", []string{"risk"}}}
	all := func(string) bool { return true }
	for _, c := range []struct {
		words []string
		field func(string) bool
		want  bool
	}{
		{[]string{"credit", "ris"}, all, true}, {[]string{"cred", "risk"}, all, false}, {[]string{"credit", "credit"}, all, true}, {nil, all, false},
		{[]string{"credit", "ris"}, func(f string) bool { return f == "name" }, false}, {[]string{"ap"}, func(f string) bool { return f == "name" }, true},
	} {
		if got := Holds(c.words, text, c.field); got != c.want {
			t.Errorf("%v: %v", c.words, got)
		}
	}
}

// FuzzFields holds the cutter of documents to what encoding/json reads.
func FuzzFields(f *testing.F) {
	for _, s := range []string{`{"a":"b","c":["d",{"e":"f"}],"g":1.5e3,"h":null}`, `{ "a\"b" : "x,}\\" , "k":{"l":[]} }`, `{}`, ``, `{"a"`, `[1]`, `{"a":"\\"}`, `{"":"","a":-1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := fieldsOf(doc)
		var want map[string]json.RawMessage
		if json.Unmarshal(doc, &want) != nil || want == nil {
			return // It must not panic, no more.
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
		TextOf(n)
	}
}
