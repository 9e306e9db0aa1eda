package access

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// observe reads the outcome of one field of a type from an answer over a route.
func observe(a *answer, r route, of, field string) string {
	if a.status == 401 {
		return "401"
	}
	if code := a.code(); code != "" && a.Data[r[0].field] == nil {
		if code == "FORBIDDEN" {
			return "forbidden"
		}
		return "error " + code
	}
	objects := r.objects(a.Data)
	switch {
	case len(objects) == 0:
		return "notfound"
	case slices.ContainsFunc(objects, func(o map[string]any) bool { return o[field] != nil }):
		if a.masked(of + "." + field) {
			return "yes and null" // No actor of the matrix sees one row so and another so.
		}
		return "yes"
	case a.masked(of + "." + field):
		return "null"
	}
	return "blank"
}

// better tells which of two outcomes of a cell over different routes counts: what
// was seen once is seen.
func better(a, b string) string {
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
// type alone, over every route that the schema knows to it, and each root field.
// Mutations and their payloads are TestMutations.
func TestMatrix(t *testing.T) {
	want, schema := readMatrix(t), loadSchema(t)
	s := open(t, "")
	m := mapper{schema, s.w}
	routes := m.routes()
	var cells, requests atomic.Int64
	t.Cleanup(func() { t.Logf("%d cells executed by %d requests", cells.Load(), requests.Load()) })
	for _, column := range columns {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			ask := func(q string) *answer { requests.Add(1); return s.query(column, q) }
			for _, name := range sorted(schema.Types) {
				d := schema.Types[name]
				if d.BuiltIn || d.Kind != ast.Object && d.Kind != ast.Interface || name == "Query" || name == "Mutation" || strings.HasSuffix(name, "Payload") {
					continue
				}
				if m.inPayloads()[name] && len(routes[name]) == 0 {
					continue // Only mutations answer it: TestMutations executes its cells.
				}
				got := m.cells(ask, d, routes[name])
				for field, outcome := range got {
					cells.Add(1)
					if w := want[name+"."+field][column]; w != outcome {
						t.Errorf("%s.%s: %s, the matrix says %s", name, field, outcome, w)
					}
				}
			}
			for _, f := range schema.Query.Fields {
				if strings.HasPrefix(f.Name, "__") {
					continue
				}
				cells.Add(1)
				calls := s.w.roots()[f.Name]
				if f.Name == "nodes" {
					calls = []string{nodesRoot(s.w.idsOf("ModelVersion"))}
				}
				for _, c := range calls {
					a := ask("{ " + c + " { __typename } }")
					if got, w := rootOutcome(a, f.Name), want["Query."+f.Name][column]; got != w {
						t.Errorf("Query.%s: %s, the matrix says %s: %s", f.Name, got, w, a.raw)
					}
				}
			}
		})
	}
}

// cells asks for each field of a type alone and for all of them over every route.
func (m mapper) cells(ask func(string) *answer, d *ast.Definition, routes []route) map[string]string {
	got := map[string]string{}
	selections := map[string]string{}
	for _, f := range d.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		selections[f.Name] = f.Name
		if m.isObject(f.Type.Name()) {
			selections[f.Name] = call(f, 5) + " { __typename }"
		}
		got[f.Name] = ""
	}
	for _, r := range routes {
		a := ask(r.query(strings.Join(values(selections), " ")))
		for field := range selections {
			got[field] = better(got[field], observe(a, r, d.Name, field))
		}
	}
	for field, selection := range selections {
		for _, r := range routes[:min(1, len(routes))] {
			got[field] = better(got[field], observe(ask(r.query(selection)), r, d.Name, field))
		}
	}
	return got
}

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

func sorted[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func values(m map[string]string) (out []string) {
	for _, k := range sorted(m) {
		out = append(out, m[k])
	}
	return out
}
