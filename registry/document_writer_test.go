package registry

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestDocumentWriter writes random values with a DocumentWriter, the members of objects in random order, and by Canonical.
func TestDocumentWriter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	texts := []string{"", "plain", "a b", `"`, `\`, "\n", "\x7f", "<&>", "ü", "\u2028", "z", "key"}
	var write func(w *DocumentWriter, v any)
	write = func(w *DocumentWriter, v any) {
		switch v := v.(type) {
		case string:
			w.Text(v)
		case int:
			w.Int(int64(v))
		case bool:
			w.True()
		case time.Time:
			w.Time(v)
		case nil:
			w.Canonical(nil)
		case []any:
			w.BeginList()
			for _, e := range v {
				write(w, e)
			}
			w.EndList()
		case map[string]any:
			w.Begin()
			for k, e := range v {
				w.Key(k)
				write(w, e)
			}
			w.End()
		}
	}
	var value func(depth int) any
	value = func(depth int) any {
		switch n := random.IntN(8); {
		case n < 2 && depth < 5:
			m := map[string]any{}
			for range random.IntN(6) {
				m[texts[random.IntN(len(texts))]+fmt.Sprint(random.IntN(3))] = value(depth + 1)
			}
			return m
		case n == 2 && depth < 5:
			list := []any{}
			for range random.IntN(4) {
				list = append(list, value(depth+1))
			}
			return list
		case n == 3:
			return random.IntN(1000) - 500
		case n == 4:
			return true
		case n == 5:
			return time.UnixMicro(random.Int64N(4e15)).UTC()
		case n == 6:
			return nil
		}
		return texts[random.IntN(len(texts))]
	}
	for range 3000 {
		v := value(0)
		want, err := Canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		var w DocumentWriter
		write(&w, v)
		if got, err := w.Bytes(); err != nil || string(got) != string(want) {
			t.Fatalf("%v\n%s\nby Canonical:\n%s", err, got, want)
		}
	}
	var w DocumentWriter
	w.Time(time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC))
	if _, err := w.Bytes(); err == nil {
		t.Error("a time that RFC 3339 does not have was written without an error")
	}
}
