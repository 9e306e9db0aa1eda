package door

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// TestAFailingRootFieldLeavesItsSiblings calls each root field of lineage with an id that
// names nothing, beside fields that succeed. It is null with an error at its path; the
// others are answered.
func TestAFailingRootFieldLeavesItsSiblings(t *testing.T) {
	d := newHandlers(t)
	calls := []string{`lineage(of: "dv_missing") { root }`, `lineageCounts(of: "dv_missing") { nodes }`, `lineageDiff(a: "dv_missing", b: "dv_missing") { identical }`,
		`lineageExport(of: "dv_missing", format: DOT) { body }`, `impact(of: ["dv_missing"]) { totalCount }`, `provenance(of: "dv_missing") { people }`,
		`paths(from: "dv_missing", to: "dv_missing") { exhaustive }`, `columnLineage(of: "dv_missing", column: "x") { root }`}
	for name, h := range map[string]http.Handler{"standard": d.standard, "with the lineage writer": d.withWriter} {
		for _, call := range calls {
			query := fmt.Sprintf("{ viewer { subject } before: lineage(of: %q) { root } failing: %s after: lineage(of: %[1]q, maxDepth: 1) { nodes { depth } } }", d.story.Version, call)
			text, _ := d.ask(h, registry.RoleAdmin, query, nil)
			var a struct {
				Data   map[string]json.RawMessage
				Errors []struct{ Path []any }
			}
			if err := json.Unmarshal([]byte(text), &a); err != nil {
				t.Fatal(err)
			}
			if len(a.Data) != 4 || string(a.Data["failing"]) != "null" || string(a.Data["viewer"]) == "null" || string(a.Data["before"]) == "null" || string(a.Data["after"]) == "null" {
				t.Errorf("%s: %s\n%s", name, call, text)
			}
			if len(a.Errors) != 1 || fmt.Sprint(a.Errors[0].Path) != "[failing]" {
				t.Errorf("%s: %s\n%s", name, call, text)
			}
		}
	}
}

// TestEveryRootFieldIsNullable holds that no root field can empty the answers of others.
func TestEveryRootFieldIsNullable(t *testing.T) {
	schema := emptyHandler(t).documents.schema
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range root.Fields {
			if f.Type.NonNull && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s.%s is %s", root.Name, f.Name, f.Type)
			}
		}
	}
}

// TestAPageWithoutItems asks every connection of the example for no items, and for one. The
// empty page has the same totalCount, and tells whether there are items.
func TestAPageWithoutItems(t *testing.T) {
	d := newHandlers(t)
	schema := d.withWriter.(*httpHandler).documents.schema
	tried := 0
	page := func(before, name, args, after string, fields *ast.Definition) {
		tried++
		selection := "pageInfo { hasNextPage startCursor endCursor }"
		for _, f := range []string{"nodes", "columns", "edges"} {
			if fields.Fields.ForName(f) != nil {
				selection += " items: " + f + " { __typename }"
				break
			}
		}
		if fields.Fields.ForName("totalCount") != nil {
			selection += " totalCount"
		}
		ask := func(first int) (out struct {
			Items      []any
			TotalCount *int
			PageInfo   struct {
				HasNextPage            bool
				StartCursor, EndCursor *string
			}
		}) {
			text, _ := d.ask(d.withWriter, registry.RoleAdmin, fmt.Sprintf("{ %s page: %s(first: %d%s) { %s } %s }", before, name, first, args, selection, after), nil)
			inner := text[strings.Index(text, `"page":`)+len(`"page":`):]
			if strings.Contains(text, `"errors"`) || json.NewDecoder(strings.NewReader(inner)).Decode(&out) != nil {
				t.Fatalf("%s(first: %d): %s", name, first, text)
			}
			return out
		}
		none, one := ask(0), ask(1)
		if len(none.Items) != 0 || none.PageInfo.HasNextPage != (len(one.Items) > 0) || none.PageInfo.StartCursor != nil || none.PageInfo.EndCursor != nil {
			t.Errorf("%s %s: no items: %+v; one item: %+v", before, name, none, one)
		}
		if (none.TotalCount == nil) != (one.TotalCount == nil) || none.TotalCount != nil && *none.TotalCount != *one.TotalCount {
			t.Errorf("%s %s: the counts differ", before, name)
		}
	}
	made, _ := d.ask(d.withWriter, registry.RoleAdmin, fmt.Sprintf("mutation { recall(input: {nodes: [%q], reason: \"a test\", severity: LOW}) { recall { id } } }", d.story.Raw), nil)
	var recalled struct {
		Data struct {
			Recall struct{ Recall struct{ ID string } }
		}
	}
	if json.Unmarshal([]byte(made), &recalled) != nil || recalled.Data.Recall.Recall.ID == "" {
		t.Fatal(made)
	}
	args := map[string]string{"recallAffected": fmt.Sprintf(", id: %q", recalled.Data.Recall.Recall.ID), "lineage": fmt.Sprintf(", of: %q", d.story.Version), "impact": fmt.Sprintf(", of: %q", d.story.Raw), "search": `, text: "credit"`}
	for _, f := range schema.Query.Fields {
		if f.Arguments.ForName("first") != nil && f.Name != "columnLineage" {
			page("", f.Name, args[f.Name], "", schema.Types[f.Type.Name()])
		}
	}
	for noun, id := range d.sampleIDs() {
		for _, f := range schema.Types[noun].Fields {
			if f.Arguments.ForName("first") != nil {
				page(fmt.Sprintf("node(id: %q) { ... on %s {", id, noun), f.Name, "", "} }", schema.Types[f.Type.Name()])
			}
		}
	}
	t.Logf("%d connections", tried)
}
