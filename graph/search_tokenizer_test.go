package graph

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
)

func TestWordsFoldsAndSplits(t *testing.T) {
	for text, want := range map[string]string{
		"credit-approval":                                   "credit approval",
		"model-credit-approval-v1.0.0":                      "model credit approval 1ǀ0ǀ0",
		"data/raw/Customers_2024.csv":                       "data raw customers 2024 csv",
		"s3://bucket/a%20b?x=1":                             "s3 bucket a 20b x 1",
		"Résumé RÉSUMÉ re\u0301sume\u0301":                  "resume",
		"STRASSE Straße":                                    "strasse",
		"ﬁne ½ ２０２４":                                        "fine 1 2 2024",
		"İstanbul ıspanak":                                  "istanbul ispanak",
		"Łódź Œuvre ÆRØ þing":                               "lodz oeuvre aero thing",
		"cre\u00addit ap\u200bproval \ufeffx":               "credit approval x",
		"ความเสี่ยง":                                        "ค ว า ม เ ส ย ง",
		"ລາວ ខ្មែរ":                                         "ລ າ ວ ខ ម រ",
		"신용 a평b":                                            norm.NFD.String("신 용 a 평 b"),
		"ΣΊΣΥΦΟΣ σίσυφος":                                   "σισυφοσ",
		"日本語 モデル":                                           "日 本 語 モ テ ル",
		"a AND b OR \"c\" NOT (d)":                          "a and b or c not d",
		"\uFFFD😀 %_'\"`\\$ \x00":                            "",
		"1.0.0 v1.0.0 V1.0 v1 v 1..2 .5 a.1 1.b 0.95. x1.2": "1ǀ0ǀ0 1ǀ0 1 v 2 5 a b 0ǀ95 x1ǀ2",
		"": "",
	} {
		if got := strings.Join(Tokenize(text, 50), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWordsAreBounded(t *testing.T) {
	long := strings.Repeat("é", 300)
	if got := Tokenize(long+" "+long+"x", 9); len(got) != 1 || got[0] != strings.Repeat("e", MaxWordRunes) {
		t.Errorf("%q", got)
	}
	if got := Tokenize("a b c d", 3); len(got) != 3 {
		t.Errorf("%q", got)
	}
	n := &Node{Kind: registry.KindModel, Name: strings.Repeat("a ", 9), Doc: []byte(`{"description":"` + strings.Repeat("wörd ", 13000) + `last"}`)}
	if text := SearchWords(n); len(text) != 2 || slices.Contains(text[1].Words, "last") {
		t.Errorf("%q", text)
	}
}

// FuzzWords checks that words consist of letters and digits, so that nothing else
// reaches the query parser of an engine, and that splitting a word returns it
// unchanged.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"credit-approval", "ǅ ŉ ΐ", "한국어 हिन्दी ไทย", "a\u0301\u20dd", "\xff\xfe", "ﷺ", "𝔘𝔫𝔦", "ͅ", "ⅷ ①"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := Tokenize(s, 100)
		for _, w := range words {
			for _, r := range w {
				if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
					t.Fatalf("%q of %q holds %U", w, s, r)
				}
			}
			if withOther := Tokenize(w+" é", 2); withOther[0] != w {
				t.Fatalf("%q of %q is %q next to other letters", w, s, withOther)
			}
			if again := Tokenize(w, 2); len(again) != 1 || again[0] != w {
				t.Fatalf("%q of %q is split into %q", w, s, again)
			}
		}
	})
}
