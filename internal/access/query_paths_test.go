package access

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// opaqueID is the form of the ids of what is hidden.
var opaqueID = regexp.MustCompile(`restricted_[0-9A-V]{26}`)

var cursors = regexp.MustCompile(`"(?:cursor|startCursor|endCursor)":"([A-Za-z0-9_-]+)"`)

// roots are the ways into the graph: each query with arguments that find what
// readers see, and by which every kind of row is met. nodes is asked for the rows
// of a noun, whoever may see them.
func (w *world) roots() map[string][]string {
	q := func(s string) string { return fmt.Sprintf("%q", s) }
	id := func(label string) string { return q(string(w.id[label])) }
	return map[string][]string{
		"node":           {"node(id: " + id("a2") + ")"},
		"viewer":         {"viewer"},
		"models":         {"models(first: 10)"},
		"model":          {"model(name: " + q(w.name["alpha"]) + ")"},
		"modelVersion":   {"modelVersion(model: " + q(w.name["alpha"]) + ", version: " + q(w.name["a2"]) + ")"},
		"datasets":       {"datasets"},
		"dataset":        {"dataset(name: " + q(w.name["raw-set"]) + ", namespace: " + q(w.name["raw-set/namespace"]) + ")"},
		"datasetVersion": {"datasetVersion(dataset: " + q(w.name["raw-set"]) + ", namespace: " + q(w.name["raw-set/namespace"]) + ", version: " + q(w.name["raw"]) + ")"},
		"runs":           {"runs"},
		"run":            {"run(id: " + id("train-a2") + ")", "run(producer: " + q(w.name["etl/producer"]) + ", runId: " + q(w.name["etl/id"]) + ")"},
		"commits":        {"commits"},
		"commit":         {"commit(sha: " + q(w.sha["c2"]) + ")"},
		"deployments":    {"deployments"},
		// Every canary that is a text starts so.
		"search":        {`search(text: "cnry", first: 12)`, `search(text: "cnry", first: 12, kinds: [MODEL, MODEL_CARD, TAG])`, "search(text: " + q(w.name["alpha"]) + ", stages: [PRODUCTION])"},
		"lineage":       {"lineage(of: " + id("raw") + ", direction: BOTH, first: 25)", "lineage(of: " + id("a2") + ", direction: BOTH, first: 25)"},
		"lineageExport": {"lineageExport(of: " + id("raw") + ", format: PROV_JSON, direction: BOTH)", "lineageExport(of: " + id("a2") + ", format: TREE)"},
		"lineageCounts": {"lineageCounts(of: " + id("a2") + ")"},
		"lineageDiff": {"lineageDiff(a: " + id("a1") + ", b: " + id("a2") + ")", "lineageDiff(a: " + id("a1") + ", b: " + id("a2") + ", maxDepth: 1)", "lineageDiff(a: " + id("train-a1") + ", b: " + id("etl") + ", maxDepth: 1)",
			"lineageDiff(a: " + id("deployed-a1") + ", b: " + id("deployed-a2") + ", maxDepth: 1)"},
		"provenance": {"provenance(of: " + id("a2") + ")", "provenance(of: " + id("a1") + ")"},
		"impact": {"impact(of: [" + id("raw") + "], live: false, first: 15)",
			"impact(of: [" + id("raw") + "], live: false, first: 15, targets: [DATASET_VERSION, RUN, FEATURE, MODEL_VERSION, DEPLOYMENT])"},
		"paths": {"paths(from: " + id("deployed-a2") + ", to: " + id("raw") + ", k: 20)", "paths(from: " + id("a2") + ", to: " + id("c1") + ")"},
		"columnLineage": {"columnLineage(of: " + id("raw") + ", column: " + q(w.name["raw/column"]) + ")",
			"columnLineage(of: " + id("clean") + ", column: " + q(w.name["clean/column"]) + ", direction: BOTH)"},
		"auditLog": {"auditLog(first: 200)"},
	}
}

// idsOf lists the ids of all rows of a noun, sorted.
func (w *world) idsOf(noun string) (out []string) {
	for _, n := range w.nodes {
		if of := registry.NounOf(n.Kind); of != nil && of.Name == noun {
			out = append(out, string(n.ID))
		}
	}
	slices.Sort(out)
	return out
}

func nodesRoot(ids []string) string { return `nodes(ids: ["` + strings.Join(ids, `", "`) + `"])` }

// step is one field of a route, and the type that its value is narrowed to.
type step struct{ call, field, on string }

// route is a way from the root to a type.
type route []step

// query wraps a selection on the route's last type.
func (r route) query(selection string) string {
	for i := len(r) - 1; i >= 0; i-- {
		if r[i].on != "" {
			selection = "__typename ... on " + r[i].on + " { " + selection + " }"
		}
		selection = r[i].call + " { " + selection + " }"
	}
	return "{ " + selection + " }"
}

// objects collects what an answer holds at the end of the route.
func (r route) objects(data map[string]any) []map[string]any {
	here := []map[string]any{data}
	for _, s := range r {
		var next []map[string]any
		for _, o := range here {
			for _, v := range flat(o[s.field]) {
				if s.on == "" || v["__typename"] == s.on {
					next = append(next, v)
				}
			}
		}
		here = next
	}
	return here
}

func flat(v any) (out []map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		return []map[string]any{v}
	case []any:
		for _, x := range v {
			out = append(out, flat(x)...)
		}
	}
	return out
}

// inPayloads are the types that the payloads of mutations answer with.
func (m mapper) inPayloads() map[string]bool {
	out := map[string]bool{}
	for _, f := range m.schema.Mutation.Fields {
		for _, p := range m.schema.Types[f.Type.Name()].Fields {
			out[p.Type.Name()] = true
		}
	}
	return out
}

// call writes a field with the arguments that it needs.
func call(f *ast.FieldDefinition, first int) string {
	var args []string
	for _, a := range f.Arguments {
		switch {
		case a.Name == "first":
			args = append(args, fmt.Sprintf("first: %d", first))
		case a.Type.Name() == "Stage" && a.Type.NonNull:
			args = append(args, a.Name+": PRODUCTION")
		case a.Type.NonNull && a.DefaultValue == nil:
			panic("no argument known for " + f.Name + "." + a.Name)
		}
	}
	if len(args) == 0 {
		return f.Name
	}
	return f.Name + "(" + strings.Join(args, ", ") + ")"
}

// mapper finds routes in the schema.
type mapper struct {
	schema *ast.Schema
	w      *world
}

func (m mapper) isObject(name string) bool {
	k := m.schema.Types[name].Kind
	return k == ast.Object || k == ast.Interface || k == ast.Union
}

// steps are the ways from a field to the types that its value may have.
func (m mapper) steps(f *ast.FieldDefinition, first int) (out []step) {
	to := m.schema.Types[f.Type.Name()]
	out = append(out, step{call: call(f, first), field: f.Name})
	if to.Kind == ast.Interface {
		for _, p := range m.schema.GetPossibleTypes(to) {
			out = append(out, step{call: call(f, first), field: f.Name, on: p.Name})
		}
	}
	return out
}

func (s step) to(f *ast.FieldDefinition) string {
	if s.on != "" {
		return s.on
	}
	return f.Type.Name()
}

// entries are the one-step routes: every root, and for each noun all its rows.
func (m mapper) entries() map[string][]route {
	out := map[string][]route{}
	roots := m.w.roots()
	for _, f := range m.schema.Query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		if f.Name == "nodes" {
			var every []string
			for _, p := range m.schema.GetPossibleTypes(m.schema.Types["Node"]) {
				if ids := m.w.idsOf(p.Name); len(ids) > 0 {
					out[p.Name] = append([]route{{{call: nodesRoot(ids), field: "nodes", on: p.Name}}}, out[p.Name]...)
					every = append(every, ids[:min(4, len(ids))]...)
				}
			}
			out["Node"] = append(out["Node"], route{{call: nodesRoot(every), field: "nodes"}})
			continue
		}
		for _, c := range roots[f.Name] {
			to := m.schema.Types[f.Type.Name()]
			if f.Name == "node" {
				out["ModelVersion"] = append(out["ModelVersion"], route{{call: c, field: "node", on: "ModelVersion"}})
			}
			out[to.Name] = append(out[to.Name], route{{call: c, field: f.Name}})
		}
	}
	return out
}

// routes finds, for every type of the schema, the root fields that answer it and
// one route over every field of any type that leads to it. What is no noun is
// reached from every root, and what differs by every field too.
func (m mapper) routes() map[string][]route {
	out := m.entries()
	near := map[string][]route{} // of what is no noun, every root: each tells something else
	var queue []string
	for name, rs := range out {
		near[name] = rs[:1]
		if registry.NounNamed(name) == nil {
			near[name] = slices.Clone(rs)
		}
		queue = append(queue, name)
	}
	slices.SortFunc(queue, func(a, b string) int { // Nouns first: a root beside them may refuse somebody.
		return cmp.Or(cmp.Compare(btoi(registry.NounNamed(a) == nil), btoi(registry.NounNamed(b) == nil)), cmp.Compare(a, b))
	})
	for i := 0; i < len(queue); i++ {
		for _, f := range m.schema.Types[queue[i]].Fields {
			if !m.isObject(f.Type.Name()) || strings.HasPrefix(f.Name, "__") {
				continue
			}
			for _, s := range m.steps(f, 5) {
				to := s.to(f)
				known, value := near[to] != nil, strings.HasSuffix(to, "Diff") || strings.HasSuffix(to, "Change")
				for _, start := range near[queue[i]] {
					r := append(slices.Clone(start), s)
					out[to] = append(out[to], r)
					if len(near[to]) == 0 || registry.NounNamed(to) == nil && (!known || value) {
						near[to] = append(near[to], r)
					}
				}
				if !known {
					queue = append(queue, to)
				}
			}
		}
	}
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// scalars selects the leaves of a type, and those of what is a value inside it. A
// name that means different types beside each other gets the type before it.
func (m mapper) scalars(name string) string {
	var out []string
	for _, f := range m.schema.Types[name].Fields {
		to := f.Type.Name()
		switch {
		case strings.HasPrefix(f.Name, "__"):
		case m.isObject(to):
			if registry.NounNamed(to) == nil && m.schema.Types[to].Kind == ast.Object && len(f.Arguments) == 0 && !strings.HasSuffix(to, "Edge") &&
				!strings.HasSuffix(to, "Connection") && to != "LineageNode" && to != "Gap" && to != "Path" && to != "PathGraph" {
				out = append(out, f.Name+" { "+m.scalars(to)+" }")
			}
		case f.Name == "role" && name == "Commit" || f.Name == "status" && name == "ModelCard" || f.Name == "features" && name == "ModelCard" ||
			f.Name == "model" || f.Name == "replacedBy":
			out = append(out, name+"_"+f.Name+": "+f.Name)
		default:
			out = append(out, f.Name)
		}
	}
	return strings.Join(out, " ")
}

// all selects the leaves of whatever a type may be.
func (m mapper) all(name string) string {
	d := m.schema.Types[name]
	if d.Kind != ast.Interface {
		return m.scalars(name)
	}
	out := "__typename id"
	for _, p := range m.schema.GetPossibleTypes(d) {
		out += " ... on " + p.Name + " { " + m.scalars(p.Name) + " }"
	}
	return out
}
