package kfp

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/internal/registrytest"
	"pedigree/registry"
)

// TestMutatedDocumentsAreToldAndNeverHalfWritten imports documents that a seeded generator broke.
// Each is refused with the name of its file, or imported; what could not be read is told. Nothing
// panics, and what was recorded can be exported and is added to by no second import.
func TestMutatedDocumentsAreToldAndNeverHalfWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 4))
	var originals []string
	for _, pattern := range []string{"testdata/sample/*", "testdata/local/*.yaml", "testdata/api/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		originals = append(originals, found...)
	}
	refused, told, imported := 0, 0, 0
	s, ctx := newRegistry(t, registrytest.Store(t))
	for round := range 300 {
		file := originals[round%len(originals)]
		name := fmt.Sprintf("m%d-%s", round, filepath.Base(file))
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, mutate(t, random, file), 0o600); err != nil {
			t.Fatal(err)
		}
		before := everythingIf(t, round%50 == 0, func() string { return everything(t, s, ctx) })
		report, err := Import(ctx, s, path, Options{})
		switch {
		case err != nil && !git.Refused(err):
			t.Fatalf("%s: %v", name, err)
		case err != nil:
			refused++
			if !strings.Contains(err.Error(), name) {
				t.Errorf("an error does not name its file %s: %v", name, err)
			}
			if after := everythingIf(t, before != "", func() string { return everything(t, s, ctx) }); after != before {
				t.Errorf("%s was refused, and something of it is recorded", name)
			}
			continue
		case len(report.Problems) > 0:
			told++
		default:
			imported++
		}
		if again := load(t, ctx, s, path, Options{}); again.Total() != 0 {
			t.Errorf("%s imported again adds %+v", name, again.Counts)
		}
	}
	if refused < 30 || told < 30 || refused+told+imported != 300 {
		t.Errorf("%d refused, %d with leftovers, %d whole", refused, told, imported)
	}
	everything(t, s, ctx)
	t.Logf("PROOF 300 mutated documents: %d refused, %d imported with leftovers told, %d imported whole", refused, told, imported)
}

func everythingIf(t *testing.T, wanted bool, read func() string) string {
	t.Helper()
	if !wanted {
		return ""
	}
	return read()
}

// mutate breaks a document: bytes of its text, or values of its structure.
func mutate(t *testing.T, random *rand.Rand, file string) []byte {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if random.IntN(3) == 0 {
		for range 1 + random.IntN(4) {
			switch at := random.IntN(len(body)); random.IntN(3) {
			case 0:
				body[at] = byte(random.IntN(256))
			case 1:
				body = body[:max(at, 1)]
			default:
				body = append(body[:at:at], append([]byte(strings.Repeat("[{", random.IntN(50))), body[at:]...)...)
			}
		}
		return body
	}
	values, err := source.Parse(source.Document{Name: file, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	doc := values[0]
	for range 1 + random.IntN(3) {
		doc = mutateValue(random, doc, 0)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var oddValues = []any{nil, true, -1.5, 1e300, "", "..", "a/b#c", "\x00", strings.Repeat("x", 2000), []any{}, []any{1, "a"}, map[string]any{}, map[string]any{"a": []any{map[string]any{}}}, "root", "train", "comp-train", "s3://u:p@h/../x"}

func mutateValue(random *rand.Rand, v any, depth int) any {
	if depth > 2 && random.IntN(4) == 0 {
		return oddValues[random.IntN(len(oddValues))]
	}
	switch v := v.(type) {
	case map[string]any:
		keys := sortedKeys(v)
		if len(keys) == 0 {
			return v
		}
		key := keys[random.IntN(len(keys))]
		if depth > 1 && random.IntN(6) == 0 {
			v[key+"x"] = v[key]
			delete(v, key)
			return v
		}
		v[key] = mutateValue(random, v[key], depth+1)
		return v
	case []any:
		if len(v) == 0 {
			return v
		}
		at := random.IntN(len(v))
		v[at] = mutateValue(random, v[at], depth+1)
		return v
	}
	return oddValues[random.IntN(len(oddValues))]
}

// TestAPipelineThatCannotBeIsRefusedWithItsPlace has pipelines that are none, and where they are wrong.
func TestAPipelineThatCannotBeIsRefusedWithItsPlace(t *testing.T) {
	s, ctx := newRegistry(t, registrytest.Store(t))
	for text, want := range map[string]string{
		"pipelineInfo: {name: a}\nroot: {dag: {tasks: 5}}":                              "p.yaml: the field root.dag.tasks has another type",
		"pipelineInfo: {name: a}\nroot: {}":                                             "p.yaml: root.dag.tasks: the pipeline has no tasks",
		"pipelineInfo: {name: a}\nroot: {dag: {tasks: {x: {componentRef: {name: c}}}}}": `root.dag.tasks.x.componentRef.name: the pipeline has no component "c"`,
		"pipelineInfo: {name: a}\nroot: {dag: {tasks: {x: {componentRef: {name: c}}}}}\ncomponents: {c: {dag: {tasks: {y: {componentRef: {name: c}}}}}}":                             `the component "c" holds itself`,
		"pipelineInfo: {name: a}\nroot: {dag: {tasks: {x: {componentRef: {name: c}, dependentTasks: [y]}, y: {componentRef: {name: c}, dependentTasks: [x]}}}}\ncomponents: {c: {}}": "root.dag.tasks: tasks wait for each other",
		"pipelineInfo: [\n": "p.yaml: yaml: line",
	} {
		path := filepath.Join(t.TempDir(), "p.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Import(ctx, s, path, Options{}); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
