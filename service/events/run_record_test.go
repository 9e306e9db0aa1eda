package events

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

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

// TestRunStateDocuments writes random records of runs and of uses in the way that is made for them, and by registry.Canonical;
// and reads them in both ways.
func TestRunStateDocuments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	fields := map[string]bool{}
	for range 3000 {
		rec := &runRecord{}
		fill(reflect.ValueOf(rec).Elem(), random)
		want, err := registry.Canonical(rec)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rec.document()
		if err != nil || string(got) != string(want) {
			t.Fatalf("%v\n%s\nby registry.Canonical:\n%s", err, got, want)
		}
		var slow, fast runRecord
		if err := json.Unmarshal(want, &slow); err != nil {
			t.Fatal(err)
		}
		if err := fast.read(want); err != nil || !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%v: %s was read as\n%+v\nby encoding/json as\n%+v", err, want, fast, slow)
		}
		if err := registry.EachMember(want, func(name string, _ json.RawMessage) { fields[name] = true }); err != nil {
			t.Fatal(err)
		}
		use := useRecord{}
		fill(reflect.ValueOf(&use).Elem(), random)
		wantUse, err := registry.Canonical(use)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := use.document(); err != nil || string(got) != string(wantUse) {
			t.Fatalf("%v\n%s\nby registry.Canonical:\n%s", err, got, wantUse)
		}
	}
	if len(fields) != 13 {
		t.Errorf("the records had the members %v; each of 13 must have been there once", fields)
	}
	for _, broken := range []string{`{"first":7}`, `{"runId":{}}`, `{"job":{"at":"yesterday"}}`, `{"inputs":[]}`, `{"edges":{}}`, `[]`, ``} {
		if err := new(runRecord).read([]byte(broken)); err == nil {
			t.Errorf("%q was read without an error", broken)
		}
	}
}
