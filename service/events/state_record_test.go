package events

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// fill sets every exported field below a value, so that one that is added to a record is set too. Maps, lists and
// pointers are sometimes empty, and so are single values.
func fill(v reflect.Value, random *rand.Rand) {
	if random.IntN(6) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		*value = time.UnixMicro(random.Int64N(4e15)).UTC()
		return
	case *json.RawMessage:
		*value, _ = registry.Canonical(map[string]any{"_producer": fmt.Sprint("p", random.IntN(9)), "n": random.IntN(1000), "list": []string{"a", "<ü>"}, "a\tb": nil})
		return
	}
	switch v.Kind() {
	case reflect.String:
		texts := []string{"plain", "with space", `quo"te`, `back\slash`, "line\nbreak", "ünï", "<&>", "\u2028", "z", fmt.Sprint(random.IntN(1000))}
		v.SetString(texts[random.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(random.Int64() - random.Int64())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), random)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), random)
		}
	case reflect.Slice:
		for range random.IntN(4) {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(e, random)
			v.Set(reflect.Append(v, e))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range random.IntN(5) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(k, random)
			if e.Kind() == reflect.Pointer {
				e.Set(reflect.New(e.Type().Elem())) // No map of a record has a nil.
				fill(e.Elem(), random)
			} else {
				fill(e, random)
			}
			v.SetMapIndex(k, e)
		}
	default:
		panic(fmt.Sprintf("no way to fill a %s", v.Type()))
	}
}

// TestRecordDocuments writes random records in the way that is made for them, and by registry.Canonical; and reads them in
// that way, and by encoding/json.
func TestRecordDocuments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		empty   func() any
		members int
	}{
		"run":             {func() any { return &runRecord{} }, 13},
		"dataset":         {func() any { return &datasetRecord{} }, 6},
		"dataset version": {func() any { return &versionRecord{} }, 5},
		"use":             {func() any { return &useRecord{} }, 3},
	} {
		seen := map[string]bool{}
		for range 2000 {
			rec := c.empty()
			fill(reflect.ValueOf(rec).Elem(), random)
			want, err := registry.Canonical(rec)
			if err != nil {
				t.Fatal(err)
			}
			if w, ok := rec.(documented); ok {
				if got, err := w.document(); err != nil || string(got) != string(want) {
					t.Fatalf("%s: %v\n%s\nby registry.Canonical:\n%s", name, err, got, want)
				}
			} else if name != "dataset" {
				t.Fatalf("a %s has no document", name)
			}
			if fast, ok := c.empty().(record); ok {
				slow := c.empty()
				if err := json.Unmarshal(want, slow); err != nil {
					t.Fatal(err)
				}
				if err := readRecord(&graph.Node{Doc: want}, fast); err != nil || !reflect.DeepEqual(fast, slow) {
					t.Fatalf("%s: %v: %s was read as\n%+v\nby encoding/json as\n%+v", name, err, want, fast, slow)
				}
			} else if name != "use" {
				t.Fatalf("a %s cannot be read", name)
			}
			if err := registry.EachMember(want, func(name string, _ json.RawMessage) { seen[name] = true }); err != nil {
				t.Fatal(err)
			}
		}
		if len(seen) != c.members {
			t.Errorf("records of a %s had the members %v; each of %d must have been there once", name, seen, c.members)
		}
	}
	for _, broken := range []string{`{"first":7}`, `{"runId":{}}`, `{"job":{"at":"yesterday"}}`, `{"inputs":[]}`, `{"edges":{}}`, `[]`, ``} {
		if err := readRecord(&graph.Node{Doc: []byte(broken)}, &runRecord{}); registry.CodeOf(err) != registry.Internal {
			t.Errorf("%q was read with error %v", broken, err)
		}
	}
}
