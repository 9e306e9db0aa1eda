package gate

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reference of variables into docs/gates.md")

// TestTheReferenceIsWhatConditionsSee compares the reference in docs/gates.md with the tables.
func TestTheReferenceIsWhatConditionsSee(t *testing.T) {
	const file, begin, end = "../../docs/gates.md", "<!-- variables -->\n", "<!-- end of variables -->\n"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/gates.md has no place for the variables")
	}
	var b strings.Builder
	table := func(title string, fields []Field) {
		fmt.Fprintf(&b, "\n| %s | type | is |\n|---|---|---|\n", title)
		for _, f := range fields {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", f.Name, f.Type, f.Doc)
		}
	}
	table("variable", Variables())
	for _, o := range Types() {
		table("field of "+o.Name, o.Fields)
	}
	b.WriteString("\n")
	want := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(raw) {
		t.Error("docs/gates.md has another reference of variables; run go test ./governance/gate -update")
	}
}

// TestProfilesAreGates compiles the conditions of every profile, each a line after expression:.
func TestProfilesAreGates(t *testing.T) {
	for _, name := range Profiles() {
		raw, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, line := range strings.Split(string(raw), "\n") {
			expression, ok := strings.CutPrefix(line, "    expression: ")
			if !ok {
				continue
			}
			found++
			if err := Check(t.Context(), strings.Trim(expression, "'")); err != nil {
				t.Errorf("%s: %s: %v", name, expression, err)
			}
		}
		if found == 0 {
			t.Errorf("%s has no gates", name)
		}
	}
	if _, err := Profile("../gate"); err == nil {
		t.Error("a path is a profile")
	}
}
