package access

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// outcomeOf returns the outcome of one field of a type in the answer to a query
// over a path.
func outcomeOf(a *answer, path queryPath, of, field string) string {
	if a.status == 401 {
		return "401"
	}
	if code := a.code(); code != "" && a.Data[path[0].field] == nil {
		if code == "FORBIDDEN" {
			return "forbidden"
		}
		return "error " + code
	}
	objects := path.objects(a.Data)
	switch {
	case len(objects) == 0:
		return "notfound"
	case slices.ContainsFunc(objects, func(o map[string]any) bool { return o[field] != nil }):
		if a.masked(of + "." + field) {
			return "yes and null" // An error: the matrix allows no field that differs from row to row.
		}
		return "yes"
	case a.masked(of + "." + field):
		return "null"
	}
	return "blank"
}

// mergeOutcomes merges the outcomes of a cell over two paths: the stronger one
// counts. "yes" and "null" contradict each other.
func mergeOutcomes(a, b string) string {
	rank := []string{"", "notfound", "forbidden", "blank", "null", "yes"}
	if a != b && (a == "yes" && b == "null" || a == "null" && b == "yes") {
		return "yes and null"
	}
	if slices.Index(rank, b) > slices.Index(rank, a) || slices.Index(rank, b) < 0 {
		return b
	}
	return a
}

// TestMatrix executes every cell of the golden file over HTTP: each field of each
// type, over every path of the schema to the type, and each root field.
// TestMutations executes the cells of mutations and their payloads.
func TestMatrix(t *testing.T) {
	want, schema := readMatrix(t), loadSchema(t)
	s := open(t, "")
	finder := pathFinder{schema, s.seed}
	paths := finder.find()
	var cells, requests atomic.Int64
	t.Cleanup(func() { t.Logf("%d cells executed by %d requests", cells.Load(), requests.Load()) })
	for _, column := range columns {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			ask := func(q string) *answer { requests.Add(1); return s.query(column, q) }
			for _, name := range sortedKeys(schema.Types) {
				d := schema.Types[name]
				if d.BuiltIn || d.Kind != ast.Object && d.Kind != ast.Interface || name == "Query" || name == "Mutation" || name == "Subscription" || strings.HasSuffix(name, "Payload") {
					continue
				}
				if (finder.payloadTypes()[name] || finder.eventTypes()[name]) && len(paths[name]) == 0 {
					continue // Only mutations or subscriptions return this type; their tests execute its cells.
				}
				got := finder.fieldOutcomes(ask, d, paths[name])
				for field, outcome := range got {
					cells.Add(1)
					if expected := want[name+"."+field][column]; expected != outcome {
						t.Errorf("%s.%s: %s, the matrix says %s", name, field, outcome, expected)
					}
				}
			}
			for _, f := range schema.Query.Fields {
				if strings.HasPrefix(f.Name, "__") {
					continue
				}
				cells.Add(1)
				calls := s.seed.rootCalls()[f.Name]
				if f.Name == "nodes" {
					calls = []string{nodesCall(s.seed.idsOf("ModelVersion"))}
				}
				for _, c := range calls {
					a := ask("{ " + c + " { __typename } }")
					if got, expected := rootOutcome(a, f.Name), want["Query."+f.Name][column]; got != expected {
						t.Errorf("Query.%s: %s, the matrix says %s: %s", f.Name, got, expected, a.raw)
					}
				}
			}
		})
	}
}

// fieldOutcomes returns the outcome of each field of a type. It asks for all fields
// together over every path, and for each field alone over the first path.
func (finder pathFinder) fieldOutcomes(ask func(string) *answer, d *ast.Definition, paths []queryPath) map[string]string {
	got := map[string]string{}
	selections := map[string]string{}
	for _, f := range d.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		selections[f.Name] = f.Name
		if finder.isObject(f.Type.Name()) {
			selections[f.Name] = fieldCall(f, 5) + " { __typename }"
		}
		got[f.Name] = ""
	}
	for _, path := range paths {
		a := ask(path.query(strings.Join(sortedValues(selections), " ")))
		for field := range selections {
			got[field] = mergeOutcomes(got[field], outcomeOf(a, path, d.Name, field))
		}
	}
	for field, selection := range selections {
		for _, path := range paths[:min(1, len(paths))] {
			got[field] = mergeOutcomes(got[field], outcomeOf(ask(path.query(selection)), path, d.Name, field))
		}
	}
	return got
}

// rootOutcome returns the outcome of a root field.
func rootOutcome(a *answer, field string) string {
	switch {
	case a.status == 401:
		return "401"
	case a.code() != "":
		return strings.ToLower(a.code())
	case a.Data[field] == nil:
		return "notfound"
	}
	return "yes"
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func sortedValues(m map[string]string) (out []string) {
	for _, k := range sortedKeys(m) {
		out = append(out, m[k])
	}
	return out
}
