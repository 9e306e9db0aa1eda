package door

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
)

// reader writes queries from the schema: all fields of the objects at a position.
type reader struct{ schema *ast.Schema }

// isNoun reports whether a type has objects that are read from the store by themselves, unlike
// connections, edges and other wrappers.
func (r reader) isNoun(d *ast.Definition) bool {
	return d.IsAbstractType() || slices.Contains(d.Interfaces, "Node") || d.Name == "Column" || d.Name == "ColumnSource"
}

func (r reader) concrete(d *ast.Definition) []*ast.Definition {
	if !d.IsAbstractType() {
		return []*ast.Definition{d}
	}
	return r.schema.GetPossibleTypes(d)
}

// arguments writes the arguments that a field needs, and a small page.
func arguments(f *ast.FieldDefinition) string {
	switch {
	case f.Arguments.ForName("stage") != nil && f.Arguments.ForName("stage").Type.NonNull:
		return "(stage: DEPRECATED)"
	case f.Arguments.ForName("first") != nil:
		return "(first: 3)"
	}
	return ""
}

// position is a path from an object to objects that are nouns.
type position struct {
	open, shut string
	typ        *ast.Definition
}

// below returns the positions of the nouns that the wrappers of a type hold.
func (r reader) below(d *ast.Definition) (out []position) {
	for _, f := range d.Fields {
		target := r.schema.Types[f.Type.Name()]
		if !target.IsCompositeType() || strings.HasPrefix(f.Name, "__") {
			continue
		}
		if r.isNoun(target) {
			out = append(out, position{f.Name + arguments(f) + " { ", " }", target})
			continue
		}
		for _, p := range r.below(target) {
			out = append(out, position{f.Name + arguments(f) + " { " + p.open, p.shut + " }", p.typ})
		}
	}
	return out
}

// field writes the selection of a field and its objects, with the same selection of each noun.
func (r reader) field(f *ast.FieldDefinition, ofNoun func(*ast.Definition) string) string {
	target := r.schema.Types[f.Type.Name()]
	switch {
	case !target.IsCompositeType():
		return f.Name + arguments(f)
	case r.isNoun(target):
		return f.Name + arguments(f) + " { " + ofNoun(target) + " }"
	}
	return f.Name + arguments(f) + " { " + r.fields(target, ofNoun) + " }"
}

// fields writes all fields of a type.
func (r reader) fields(d *ast.Definition, ofNoun func(*ast.Definition) string) string {
	out := []string{"__typename"}
	for _, f := range d.Fields {
		if !strings.HasPrefix(f.Name, "__") {
			out = append(out, r.field(f, ofNoun))
		}
	}
	return strings.Join(out, " ")
}

func typename(*ast.Definition) string { return "__typename" }

// fieldsOf writes a selection of all fields of one concrete type of an object.
func (r reader) fieldsOf(typ *ast.Definition) func(*ast.Definition) string {
	return func(d *ast.Definition) string {
		if !slices.Contains(r.concrete(d), typ) {
			return "__typename"
		}
		return "__typename ... on " + typ.Name + " { " + r.fields(typ, typename) + " }"
	}
}

// roots writes the calls of all root fields that return nouns, up to the selection. Those that
// return nouns of many types are called for each type.
func (w *world) roots() map[string][]string {
	hub, before := w.name["hub after"], w.name["hub before"]
	out := map[string][]string{
		"node": {fmt.Sprintf("node(id: %q)", hub)}, "nodeAt": {fmt.Sprintf("nodeAt(id: %q, asOf: %q)", hub, w.past())},
		"models": {"models(first: 20)"}, "model": {`model(name: "hub")`}, "modelVersion": {`modelVersion(model: "hub", version: "9.0.0")`},
		"artifact": {`artifact(model: "hub", version: "9.0.0", name: "m")`},
		"datasets": {"datasets(first: 20)"}, "dataset": {`dataset(name: "common raw")`}, "datasetVersion": {`datasetVersion(dataset: "common 0", version: "after")`},
		"runs": {"runs(first: 20)"}, "run": {fmt.Sprintf("run(id: %q)", w.name["hub after0"])}, "commits": {"commits(first: 20)"}, "features": {"features(first: 20)"},
		"commit": {fmt.Sprintf("commit(sha: %q)", sha("a", 0))}, "deployments": {"deployments(first: 20)"},
		"subjects": {"subjects(first: 20)"}, "policyVersions": {"policyVersions(first: 20)"},
		"provenance": {fmt.Sprintf("provenance(of: %q)", hub)}, "paths": {fmt.Sprintf("paths(from: %q, to: %q, k: 100)", hub, w.name["raw0"])},
		"lineageDiff":        {fmt.Sprintf("lineageDiff(a: %q, b: %q)", before, hub), fmt.Sprintf("lineageDiff(a: %q, b: %q)", hub, before)},
		"transitionRequests": {"transitionRequests(first: 20)", "transitionRequests(first: 20, filter: {status: EXECUTED})"}, "transitionGuards": {"transitionGuards"},
		"deprecations": {"deprecations(first: 20)", "deprecations(first: 20, filter: {step: ANNOUNCED})"},
		"recalls":      {"recalls(first: 20)"}, "recall": {fmt.Sprintf("recall(id: %q)", w.name["recall0"])}, "recallAffected": {fmt.Sprintf("recallAffected(id: %q, first: 20)", w.name["recall0"])},
		"gates": {"gates"}, "gate": {`gate(name: "gate 0")`}, "testGate": {`testGate(gate: {name: "new", expression: "card.biasAuditDone && sources.all(s, s.licence != '')", stages: [STAGING, PRODUCTION]}, last: 20)`},
		"checkTransition": {fmt.Sprintf("checkTransition(id: %q, to: CANARY)", w.name["version 1.1.00"])}, "reviewsDue": {`reviewsDue(first: 20, at: "2100-01-01")`},
		"columnLineage": {fmt.Sprintf(`columnLineage(of: %q, column: "x", first: 20)`, w.name["raw0"])},
	}
	for _, k := range registry.SearchableKinds() {
		out["search"] = append(out["search"], fmt.Sprintf(`search(text: "common", kinds: [%s], first: 20)`, k))
	}
	for _, k := range slices.Sorted(maps.Keys(w.ids)) {
		ids := w.ids[k]
		out["nodes"] = append(out["nodes"], fmt.Sprintf("nodes(ids: %s)", quoted(ids)))
		out["nodesAt"] = append(out["nodesAt"], fmt.Sprintf("nodesAt(ids: %s, asOf: %q)", quoted(ids), w.past()))
	}
	out["lineage"] = []string{fmt.Sprintf("lineage(of: %q, direction: BOTH, first: 200)", hub)}
	out["impact"] = []string{fmt.Sprintf("impact(of: %s, targets: %v, first: 200)", quoted(w.all("raw")), registry.LineageKinds())}
	return out
}

// count counts the objects of a type in an answer.
func count(v any, typ string) (n int) {
	switch v := v.(type) {
	case map[string]any:
		if v["__typename"] == typ {
			n++
		}
		for _, x := range v {
			n += count(x, typ)
		}
	case []any:
		for _, x := range v {
			n += count(x, typ)
		}
	}
	return n
}

// bareAnswer is an answer that has only the types of the objects at a position.
type bareAnswer struct {
	answer
	reads int64
}

// bareOf asks for the types of the objects at a position.
func (w *world) bareOf(call string, p position) bareAnswer {
	query := "{ " + call + " { " + p.open + "__typename" + p.shut + " } }"
	if _, asked := w.bare[query]; !asked {
		a, reads := w.ask(query)
		w.bare[query] = bareAnswer{a, reads}
	}
	return w.bare[query]
}

// extra returns how many reads a selection at a position costs beyond the types alone.
func (w *world) extra(call string, p position, selection string) (answer, int64) {
	a, reads := w.ask("{ " + call + " { " + p.open + selection + p.shut + " } }")
	return a, reads - w.bareOf(call, p).reads
}

// positionsOf returns the positions of the nouns of a root field.
func (r reader) positionsOf(f *ast.FieldDefinition) []position {
	d := r.schema.Types[f.Type.Name()]
	if !d.IsCompositeType() || strings.HasPrefix(f.Name, "__") {
		return nil
	}
	if r.isNoun(d) {
		return []position{{"", "", d}}
	}
	return r.below(d)
}

// nounsOf returns the types of the nouns that a field names.
func (r reader) nounsOf(f *ast.FieldDefinition) (out []*ast.Definition) {
	for _, p := range r.positionsOf(f) {
		out = append(out, r.concrete(p.typ)...)
	}
	return out
}

// comparison compares the reads of a small and of a large world.
type comparison struct {
	*testing.T
	reader
	small, large *world
	// most is the largest number of objects that were read for at a place.
	most map[string]int
	// met is the same by type.
	met map[string]int
}

// compare asks both worlds for a selection at a position, where both have objects of a type.
func (c *comparison) compare(place, root string, at int, p position, selection string, typ *ast.Definition) {
	c.Helper()
	one, few := c.small.extra(c.small.roots()[root][at], p, selection)
	twenty, many := c.large.extra(c.large.roots()[root][at], p, selection)
	if count(one.Data, typ.Name) == 0 || count(twenty.Data, typ.Name) == 0 {
		return
	}
	c.met[typ.Name] = max(c.met[typ.Name], count(twenty.Data, typ.Name))
	if c.most[place] = max(c.most[place], count(twenty.Data, typ.Name)); few != many {
		c.Errorf("%s: %d reads beside the list for one, %d for twenty:\n%s { %s%s%s }", place, few, many, root, p.open, selection, p.shut)
	}
}

// atPosition compares all fields of the objects at a position of a root field, and if deep all
// fields of the objects that these name.
func (c *comparison) atPosition(root string, at int, p position, deep bool) {
	c.Helper()
	one, twenty := c.small.bareOf(c.small.roots()[root][at], p), c.large.bareOf(c.large.roots()[root][at], p)
	for _, typ := range c.concrete(p.typ) {
		if count(one.Data, typ.Name) == 0 || count(twenty.Data, typ.Name) == 0 {
			continue
		}
		c.compare(root+" { "+p.open+typ.Name+p.shut+" }", root, at, p, c.fieldsOf(typ)(p.typ), typ)
		for _, f := range typ.Fields {
			for _, inner := range c.nounsOf(f) {
				if deep {
					c.compare(root+" { "+typ.Name+" { "+f.Name+" { "+inner.Name+" } } }", root, at, p, "... on "+typ.Name+" { "+c.reader.field(f, c.fieldsOf(inner))+" }", inner)
				}
			}
		}
	}
}

// TestTheNumberOfObjectsDoesNotChangeTheNumberOfReads asks for all fields of all objects at every
// place of the schema where objects are, and for all fields of those that their fields name. A
// registry with one of everything and one with twenty read the store equally often.
func TestTheNumberOfObjectsDoesNotChangeTheNumberOfReads(t *testing.T) {
	c := &comparison{T: t, small: newWorld(t, 1), large: newWorld(t, 20), most: map[string]int{}, met: map[string]int{}}
	c.reader = reader{c.small.Handler.(*httpHandler).documents.schema}
	for _, root := range c.schema.Query.Fields {
		calls := c.small.roots()[root.Name]
		positions := c.positionsOf(root)
		if len(positions) > 0 && len(calls) == 0 {
			t.Errorf("Query.%s is not asked", root.Name)
		}
		for _, p := range positions {
			for at := range calls {
				c.atPosition(root.Name, at, p, root.Name == "nodes" || root.Name == "nodesAt")
			}
		}
	}
	lists := 0
	for _, n := range c.most {
		if n > 2 {
			lists++
		}
	}
	if lists < 175 {
		t.Errorf("only %d places have a list", lists)
	}
	for _, typ := range append(c.schema.GetPossibleTypes(c.schema.Types["Node"]), c.schema.Types["Column"], c.schema.Types["ColumnSource"]) {
		if typ.IsAbstractType() || typ.Name == "RestrictedNode" {
			continue // An administrator sees all nodes.
		}
		if c.met[typ.Name] < 3 {
			t.Errorf("no list of objects of type %s was compared", typ.Name)
		}
	}
	t.Logf("PROOF %d places of objects, %d of them with three or more", len(c.most), lists)
}

// storedWithTheirObject are the fields with objects of their own that need no read.
var storedWithTheirObject = []string{"DatasetVersion.columns"}

// TestWithoutSiblingsEveryFieldReadsForEachObject is the opposite of the test above: with groups
// switched off, each field that has objects reads more often. So none of them escapes that test.
func TestWithoutSiblingsEveryFieldReadsForEachObject(t *testing.T) {
	together, alone := newWorld(t, 20), newWorld(t, 20, service.Unbatched())
	r := reader{together.Handler.(*httpHandler).documents.schema}
	fields := 0
	for _, call := range together.roots()["nodes"] {
		for _, typ := range r.schema.GetPossibleTypes(r.schema.Types["Node"]) {
			p := position{"... on " + typ.Name + " { ", " }", typ}
			if a := together.bareOf(call, p); count(a.Data, typ.Name) < 3 {
				continue
			}
			for _, f := range typ.Fields {
				name := typ.Name + "." + f.Name
				if len(r.nounsOf(f)) == 0 || slices.Contains(storedWithTheirObject, name) {
					continue
				}
				_, few := together.extra(call, p, r.field(f, typename))
				_, many := alone.extra(call, p, r.field(f, typename))
				if fields++; few == 0 || many < few+2 {
					t.Errorf("%s reads %d times for all objects, and %d times one by one", name, few, many)
				}
			}
		}
	}
	t.Logf("PROOF %d fields read more often one by one", fields)
}

// TestListsOfDifferentInstantsAreNotMixed asks for the same objects at two instants, now, and in
// another list that shares one of them, in one operation.
func TestListsOfDifferentInstantsAreNotMixed(t *testing.T) {
	w := newWorld(t, 1)
	before := w.past()
	first, second := w.name["version 1.0.00"], w.name["version 1.1.00"]
	if _, err := w.service.UpdateModelCard(as(t, registry.RoleAdmin), catalog.UpdateModelCardInput{ID: &first, Card: &catalog.ModelCardInput{Description: new("changed")}}); err != nil {
		t.Fatal(err)
	}
	ids, after := quoted([]registry.ID{first, second}), w.service.Now().Format(time.RFC3339Nano)
	const card = "{ ... on ModelVersion { card { description } } }"
	a, _ := w.ask(fmt.Sprintf(`{ then: nodesAt(ids: %s, asOf: %q) %[4]s later: nodesAt(ids: %[1]s, asOf: %[3]q) %[4]s now: nodes(ids: %[1]s) %[4]s reversed: nodes(ids: [%[5]q, %[6]q]) %[4]s }`,
		ids, before, after, card, second, first))
	for list, want := range map[string]string{"then": "common common", "later": "changed common", "now": "changed common", "reversed": "common changed"} {
		var got []string
		for _, n := range a.Data[list].([]any) {
			got = append(got, n.(map[string]any)["card"].(map[string]any)["description"].(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", list, got, want)
		}
	}
}
