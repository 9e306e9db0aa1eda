package markdown_test

import (
	"strings"
	"testing"

	"pedigree/markdown"
)

func TestNamesStayNames(t *testing.T) {
	for text, want := range map[string]string{
		"credit-approval 1.0.0":            "credit-approval 1.0.0",
		"- item":                           `\- item`,
		"1. item":                          `1\. item`,
		"<b>x</b> & [a](b) `c` *d* _e_ |f": "&lt;b&gt;x&lt;/b&gt; &amp; \\[a\\](b) \\`c\\` \\*d\\* \\_e\\_ \\|f",
		"@octocat #1":                      `\@&#8288;octocat \#&#8288;1`,
		"https://evil.example www.x.y":     "https:&#8288;//evil.example www&#8288;.x.y",
		"a\nb\u202ec":                      `a b\\u{202E}c`,
	} {
		if got := markdown.Text(text); got != want {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
	for text, want := range map[string]string{"a": "`a`", "a`b": "``a`b``", "`a": "`` `a ``", "a|b\nc": "`a¦b c`", "": ""} {
		if got := markdown.Code(text); got != want {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
	if strings.ContainsAny(markdown.Text(strings.Repeat("x\r\n", 3)), "\r\n") {
		t.Error("a line end is left")
	}
}
