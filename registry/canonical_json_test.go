package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// canonicalByTree is canonical JSON by the standard library alone: through a tree of values.
func canonicalByTree(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// randomJSON writes a random value as a client could, with white space, escapes and keys that come twice.
func randomJSON(r *rand.Rand, b *strings.Builder, depth int) {
	text := func() {
		parts := []string{"a", "b", "A", "<", "&", "\u2028", "\xff", "é", "\\u00e9", "\\u003c", "\\n", "\\\"", "\\\\", "\\ud83d\\ude00", "\\ud83d", "\\u0000", "\x7f", "\\/", "{", "]", ",", ":"}
		b.WriteByte('"')
		for range r.IntN(4) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		b.WriteByte('"')
	}
	kind := r.IntN(8)
	if depth == 0 {
		kind = r.IntN(4)
	}
	switch kind {
	case 0:
		b.WriteString([]string{"true", "false", "null"}[r.IntN(3)])
	case 1:
		b.WriteString([]string{"0", "-0", "1.50", "1E5", "-2.5e-7", "12345678901234567890", "1e-400"}[r.IntN(7)])
	case 2, 3:
		text()
	case 4:
		b.WriteString("[")
		for i := range r.IntN(4) {
			if i > 0 {
				b.WriteString(" ,\n")
			}
			randomJSON(r, b, depth-1)
		}
		b.WriteString("]")
	default:
		b.WriteString("{ ")
		for i := range r.IntN(6) {
			if i > 0 {
				b.WriteString(", ")
			}
			text()
			b.WriteString(" : ")
			randomJSON(r, b, depth-1)
		}
		b.WriteString("}")
	}
}

// TestCanonicalIsThatOfATree compares canonical JSON with that by the standard library alone, of many
// random values and of the nouns' kinds of fields.
func TestCanonicalIsThatOfATree(t *testing.T) {
	r, same := rand.New(rand.NewPCG(1, 2)), 0
	for range 20_000 {
		var b strings.Builder
		randomJSON(r, &b, 4)
		want, wantErr := canonicalByTree(json.RawMessage(b.String()))
		got, err := Canonical(json.RawMessage(b.String()))
		if (err == nil) != (wantErr == nil) || !bytes.Equal(got, want) {
			t.Fatalf("%q:\n%q %v, want\n%q %v", b.String(), got, err, want, wantErr)
		}
		if wantErr == nil {
			same++
		}
	}
	if same < 15_000 {
		t.Errorf("only %d values were JSON", same)
	}
	for _, v := range []any{map[string]any{"b": 1, "a": []any{nil, "<>&\u2028\xff"}}, Run{Name: "r", Parameters: JSON(`{"z":1,"a":{"y":2,"b":3}}`)}, "x", 1.5, nil, []string(nil)} {
		want, _ := canonicalByTree(v)
		if got, err := Canonical(v); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %q %v, want %q", v, got, err, want)
		}
	}
}

func TestANumberThatNoReaderHoldsIsRefused(t *testing.T) {
	for _, text := range []string{"1e400", "-1e400", strings.Repeat("9", 400), `{"a":[1e999]}`} {
		if got, err := Canonical(json.RawMessage(text)); CodeOf(err) != InvalidArgument {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
}

// BenchmarkCanonical measures a document of a usual size, and the same through a tree.
func BenchmarkCanonical(b *testing.B) {
	r := Run{Name: "etl", Producer: "openlineage", RunID: "0190a1b2-0000-7000-8000-000000000001", Parameters: JSON(`{"depth":6,"rate":0.1}`)}
	for i := range 10 {
		r.Tags = append(r.Tags, KeyValue{fmt.Sprint("openlineage.key", i), "value"})
	}
	for name, canonical := range map[string]func(any) ([]byte, error){"Writer": Canonical, "Tree": canonicalByTree} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := canonical(&r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
