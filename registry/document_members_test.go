package registry

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

func membersOf(doc []byte) (map[string]string, error) {
	out := map[string]string{}
	err := EachMember(doc, func(name string, value json.RawMessage) { out[name] = string(value) })
	return out, err
}

// TestEachMemberFindsWhatUnmarshalFinds compares the two for documents of every shape.
func TestEachMemberFindsWhatUnmarshalFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	texts := []string{"", "a", `with "quotes"`, `back\slash`, "line\nbreak", "{", "]}", ",:", "ä€😀", "\u2028", "<&>", `\"`, "trailing\\"}
	var value func(depth int) any
	object := func(depth int) map[string]any {
		out := map[string]any{}
		for range random.IntN(5) {
			out[texts[random.IntN(len(texts))]] = value(depth + 1)
		}
		return out
	}
	value = func(depth int) any {
		switch n := random.IntN(8); {
		case n == 0 && depth < 4:
			return object(depth)
		case n == 1 && depth < 4:
			list := make([]any, random.IntN(4))
			for i := range list {
				list[i] = value(depth + 1)
			}
			return list
		case n == 2:
			return nil
		case n == 3:
			return random.IntN(2) == 0
		case n == 4:
			return random.NormFloat64() * 1e6
		}
		return texts[random.IntN(len(texts))]
	}
	for range 5000 {
		whole := object(0)
		doc, err := json.Marshal(whole)
		if err == nil && random.IntN(3) == 0 {
			doc, err = json.MarshalIndent(whole, " ", "\t")
		}
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(doc, &want); err != nil {
			t.Fatal(err)
		}
		got, err := membersOf(doc)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		texts := map[string]string{}
		for name, v := range want {
			texts[name] = string(v)
		}
		if !maps.Equal(got, texts) {
			t.Fatalf("%s:\n%v, not\n%v", doc, got, texts)
		}
		for _, cut := range []int{1, len(doc) / 2, len(doc) - 1} {
			if _, err := membersOf(doc[:cut]); err == nil && json.Unmarshal(doc[:cut], &want) != nil && strings.HasSuffix(string(doc[:cut]), "}") == false {
				t.Fatalf("%s was taken for an object", doc[:cut])
			}
		}
	}
	for _, bad := range []string{"", "null", "[]", "7", `{"a" 1}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":"x}`, `{"a":{}`, `{,}`} {
		if got, err := membersOf([]byte(bad)); err == nil {
			t.Errorf("%q has the members %v", bad, got)
		}
	}
}
