package export_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"pedigree/lineage/export"
	"pedigree/registry"
)

// schemas compiles the published schemas of OpenLineage and its facets.
func schemas(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := filepath.Glob("testdata/openlineage/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(doc.(map[string]any)["$id"].(string), doc); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// validate checks an event against the schema that it names and the whole OpenLineage
// schema, and each of its facets against the schema that the facet names.
func validate(c *jsonschema.Compiler, event map[string]any) error {
	kind, _ := event["schemaURL"].(string)
	for _, url := range []string{kind, "https://openlineage.io/spec/2-0-2/OpenLineage.json"} {
		s, err := c.Compile(url)
		if err != nil {
			return err
		}
		if err := s.Validate(event); err != nil {
			return err
		}
	}
	var err error
	facets(event, func(name string, f map[string]any) {
		url, _ := f["_schemaURL"].(string)
		s, e := c.Compile(url)
		if e == nil {
			e = s.Validate(f)
		}
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
	})
	return err
}

// facets visits every facet of an event.
func facets(v any, visit func(string, map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if strings.HasSuffix(strings.ToLower(k), "facets") {
				for name, f := range x.(map[string]any) {
					visit(name, f.(map[string]any))
				}
				continue
			}
			facets(x, visit)
		}
	case []any:
		for _, x := range v {
			facets(x, visit)
		}
	}
}

// events decodes an export and validates it.
func events(t *testing.T, text string) (out []map[string]any) {
	t.Helper()
	c := schemas(t)
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if err := validate(c, e); err != nil {
			t.Fatalf("%v\n%.2000s", err, line)
		}
		out = append(out, e)
	}
	return out
}

// openLineage is the part of the content that OpenLineage has: it has derivations only by
// dataset name, and no commit history.
func (s graphContent) openLineage() graphContent {
	return s.without([]registry.EdgeKind{registry.EdgeDerivedFrom, registry.EdgeUsesFeature, registry.EdgeDefinedOn, registry.EdgePointsAt, registry.EdgeParent}, "commit_", "tag_")
}

// lookUp follows keys into JSON.
func lookUp(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func nodeIDs(list any) (out []string) {
	items, _ := list.([]any)
	for _, x := range items {
		if id := lookUp(x, "facets", "pedigree_node", "id"); id != nil {
			out = append(out, id.(string))
		} else {
			out = append(out, lookUp(x, "id").(string))
		}
	}
	return out
}

// eventContent reads the graph from events.
func eventContent(t *testing.T, text string) (s graphContent) {
	t.Helper()
	seen := map[string]bool{}
	node := func(id string) {
		if !seen[id] && !strings.HasPrefix(id, "commit_") && !strings.HasPrefix(id, "tag_") {
			seen[id] = true
			s.Nodes = append(s.Nodes, id)
		}
	}
	edge := func(from string, kind registry.EdgeKind, to string) {
		node(from)
		node(to)
		s.Edges = append(s.Edges, fmt.Sprintf("%s %s %s", from, kind, to))
	}
	described := func(d any) {
		for _, tag := range nodeIDs(lookUp(d, "facets", "pedigree_release", "tags")) {
			edge(lookUp(d, "facets", "pedigree_node", "id").(string), registry.EdgeReleasedFrom, tag)
		}
	}
	for _, e := range events(t, text) {
		switch {
		case e["run"] != nil:
			id := lookUp(e, "run", "facets", "pedigree_node", "id").(string)
			node(id)
			for _, in := range nodeIDs(e["inputs"]) {
				edge(id, registry.EdgeUsed, in)
			}
			for _, out := range nodeIDs(e["outputs"]) {
				edge(out, registry.EdgeGeneratedBy, id)
			}
			for _, c := range nodeIDs(lookUp(e, "job", "facets", "pedigree_code", "commits")) {
				edge(id, registry.EdgeRanCode, c)
			}
			for _, out := range e["outputs"].([]any) {
				described(out)
			}
		case e["job"] != nil:
			id := lookUp(e, "job", "facets", "pedigree_node", "id").(string)
			node(id)
			for _, in := range nodeIDs(e["inputs"]) {
				edge(id, registry.EdgeDeploys, in)
			}
		default:
			node(lookUp(e, "dataset", "facets", "pedigree_node", "id").(string))
			described(e["dataset"])
		}
	}
	return s.sorted()
}

// TestSchemasRefuse shows that the validation can fail: it refuses broken events.
func TestSchemasRefuse(t *testing.T) {
	c := schemas(t)
	text := encode(t, hostileDocument(), export.OpenLineage)
	for name, damage := range map[string]func(e map[string]any){
		"a run without an id":        func(e map[string]any) { delete(e["run"].(map[string]any), "runId") },
		"an id that is no UUID":      func(e map[string]any) { e["run"].(map[string]any)["runId"] = "train-1" },
		"no job":                     func(e map[string]any) { delete(e, "job") },
		"an unknown event type":      func(e map[string]any) { e["eventType"] = "DONE" },
		"a time that is none":        func(e map[string]any) { e["eventTime"] = "yesterday" },
		"a facet without a producer": func(e map[string]any) { delete(lookUp(e, "job", "facets", "jobType").(map[string]any), "_producer") },
		"a facet without what it needs": func(e map[string]any) {
			delete(lookUp(e, "run", "facets", "nominalTime").(map[string]any), "nominalStartTime")
		},
	} {
		refused := false
		for _, line := range strings.Split(text, "\n") {
			var e map[string]any
			if json.Unmarshal([]byte(line), &e) != nil || e["run"] == nil || lookUp(e, "run", "facets", "nominalTime") == nil {
				continue
			}
			if err := validate(c, e); err != nil {
				t.Fatal(err)
			}
			damage(e)
			refused = validate(c, e) != nil
			break
		}
		if !refused {
			t.Errorf("%s is accepted", name)
		}
	}
}
