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

// restrictedIDPattern matches the ids of restricted nodes, which stand for hidden nodes.
var restrictedIDPattern = regexp.MustCompile(`restricted_[0-9A-V]{26}`)

var cursorPattern = regexp.MustCompile(`"(?:cursor|startCursor|endCursor|next_page_token)":"([A-Za-z0-9_-]+)"`)

// rootCalls returns calls of each root query, except nodes. Their arguments find
// rows that developers and viewers see; together the calls reach every kind of row.
func (seed *seedData) rootCalls() map[string][]string {
	q := func(s string) string { return fmt.Sprintf("%q", s) }
	id := func(label string) string { return q(string(seed.id[label])) }
	return map[string][]string{
		"node":           {"node(id: " + id("a2") + ")"},
		"nodeAt":         {"nodeAt(id: " + id("a2") + ")"},
		"nodesAt":        {"nodesAt(ids: [" + id("a2") + "])"},
		"viewer":         {"viewer"},
		"models":         {"models(first: 10)"},
		"model":          {"model(name: " + q(seed.name["alpha"]) + ")"},
		"modelVersion":   {"modelVersion(model: " + q(seed.name["alpha"]) + ", version: " + q(seed.name["a2"]) + ")"},
		"artifact":       {"artifact(model: " + q(seed.name["alpha"]) + ", version: " + q(seed.name["a2"]) + ", name: " + q(seed.name["a2/file"]) + ")"},
		"datasets":       {"datasets"},
		"dataset":        {"dataset(name: " + q(seed.name["raw-set"]) + ", namespace: " + q(seed.name["raw-set/namespace"]) + ")"},
		"datasetVersion": {"datasetVersion(dataset: " + q(seed.name["raw-set"]) + ", namespace: " + q(seed.name["raw-set/namespace"]) + ", version: " + q(seed.name["raw"]) + ")"},
		"runs":           {"runs"},
		"run":            {"run(id: " + id("train-a2") + ")", "run(producer: " + q(seed.name["etl/producer"]) + ", runId: " + q(seed.name["etl/id"]) + ")"},
		"commits":        {"commits"},
		"features":       {"features"},
		"commit":         {"commit(sha: " + q(seed.commitSHA["c2"]) + ")"},
		"deployments":    {"deployments"},
		// Every canary that is a text starts with cnry.
		"search":        {`search(text: "cnry", first: 12)`, `search(text: "cnry", first: 12, kinds: [MODEL, MODEL_CARD, TAG])`, "search(text: " + q(seed.name["alpha"]) + ", stages: [PRODUCTION])"},
		"lineage":       {"lineage(of: " + id("raw") + ", direction: BOTH, first: 25)", "lineage(of: " + id("a2") + ", direction: BOTH, first: 25)"},
		"lineageExport": {"lineageExport(of: " + id("raw") + ", format: PROV_JSON, direction: BOTH)", "lineageExport(of: " + id("a2") + ", format: TREE)"},
		"lineageCounts": {"lineageCounts(of: " + id("a2") + ")"},
		"lineageDiff": {"lineageDiff(a: " + id("a1") + ", b: " + id("a2") + ")", "lineageDiff(a: " + id("a1") + ", b: " + id("a2") + ", maxDepth: 1)", "lineageDiff(a: " + id("train-a1") + ", b: " + id("etl") + ", maxDepth: 1)",
			"lineageDiff(a: " + id("deployed-a1") + ", b: " + id("deployed-a2") + ", maxDepth: 1)"},
		"complianceReport": {"complianceReport(model: " + q(seed.name["alpha"]) + ", version: " + q(seed.name["a2"]) + ")", "complianceReport(model: " + q(seed.name["alpha"]) + ", version: " + q(seed.name["a1"]) + ")",
			"complianceReport(model: " + q(seed.name["alpha"]) + ", version: " + q(seed.name["a2"]) + `, asOf: "1987-08-01T00:02:38Z")`},
		"provenance": {"provenance(of: " + id("a2") + ")", "provenance(of: " + id("a1") + ")"},
		"impact": {"impact(of: [" + id("raw") + "], live: false, first: 14)",
			"impact(of: [" + id("raw") + "], live: false, first: 14, targets: [DATASET_VERSION, RUN, FEATURE, MODEL_VERSION, DEPLOYMENT])"},
		"paths": {"paths(from: " + id("deployed-a2") + ", to: " + id("raw") + ", k: 20)", "paths(from: " + id("a2") + ", to: " + id("c1") + ")"},
		"columnLineage": {"columnLineage(of: " + id("raw") + ", column: " + q(seed.name["raw/column"]) + ")",
			"columnLineage(of: " + id("clean") + ", column: " + q(seed.name["clean/column"]) + ", direction: BOTH)"},
		"auditLog":         {"auditLog(first: 200)"},
		"auditCheckpoint":  {"auditCheckpoint"},
		"auditProof":       {"auditProof(seq: 3)"},
		"auditConsistency": {"auditConsistency(from: 3)"},
		"apiTokens":        {"apiTokens(first: 100)"},
		"webhooks":         {"webhooks"},
		"webhook":          {`webhook(id: "{own webhook}")`},
		"subjects":         {"subjects(first: 200)", `subjects(filter: {role: "viewer"})`},
		"roles":            {"roles"},
		"policy":           {"policy"},
		"policyVersions":   {"policyVersions"},
		"explain": {`explain(role: "viewer", field: "Model.name", on: ` + id("alpha") + `)`, `explain(role: "viewer", action: "transition")`, `explain(role: "auditor", field: "Model.name")`,
			`explain(role: "developer", field: "ModelVersion.owner", on: ` + id("a3") + `)`},
		"transitionRequests": {"transitionRequests", "transitionRequests(filter: {scope: WAITING_FOR_ME})", "transitionRequests(filter: {status: PENDING})"},
		"deprecations":       {"deprecations", "deprecations(filter: {step: ANNOUNCED})", `deprecations(filter: {sunsetBy: "1990-01-01"})`},
		"recalls":            {"recalls", "recalls(filter: {open: true})", "recalls(filter: {node: " + id("a2") + "})", "recalls(filter: {severity: HIGH})"},
		"recall":             {"recall(id: " + id("recall") + ")", "recall(id: " + id("cleared recall") + ")"},
		"recallAffected":     {"recallAffected(id: " + id("recall") + ", live: false, first: 10)", "recallAffected(id: " + id("recall") + ", first: 1)"},
		"transitionGuards":   {"transitionGuards"},
		"gates":              {"gates"},
		"gate":               {"gate(name: " + q(seed.name["alpha gate"]) + ")"},
		"testGate":           {`testGate(gate: {name: "new", expression: "version.tags['none'] == 'x'", stages: [STAGING, PRODUCTION]}, last: 3)`},
		"checkTransition":    {"checkTransition(id: " + id("a2") + ", to: CANARY)", "checkTransition(id: " + id("a1") + ", to: PRODUCTION)"},
		"reviewsDue":         {`reviewsDue(first: 5, at: "2030-01-01")`},
	}
}

// idsOf returns the ids of all rows of a noun, sorted.
func (seed *seedData) idsOf(noun string) (out []string) {
	for _, n := range seed.nodes {
		if of := registry.NounOf(n.Kind); of != nil && of.Name == noun {
			out = append(out, string(n.ID))
		}
	}
	slices.Sort(out)
	return out
}

// nodesCall writes a call of the root field nodes.
func nodesCall(ids []string) string { return `nodes(ids: ["` + strings.Join(ids, `", "`) + `"])` }

// nodesAtCall writes a call of the root field nodesAt with the arguments of an instant.
func nodesAtCall(ids []string, at string) string {
	return `nodesAt(ids: ["` + strings.Join(ids, `", "`) + `"], ` + at + `)`
}

// step is one field of a path: its call, its name, and the type of the inline
// fragment on its value, "" when there is none.
type step struct{ call, field, on string }

// queryPath leads from the root of the schema to a type.
type queryPath []step

// query writes a query with a selection on the last type of the path.
func (path queryPath) query(selection string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i].on != "" {
			selection = "__typename ... on " + path[i].on + " { " + selection + " }"
		}
		selection = path[i].call + " { " + selection + " }"
	}
	return "{ " + selection + " }"
}

// objects returns the objects of an answer at the end of the path.
func (path queryPath) objects(data map[string]any) []map[string]any {
	here := []map[string]any{data}
	for _, s := range path {
		var next []map[string]any
		for _, o := range here {
			for _, v := range objectsOf(o[s.field]) {
				if s.on == "" || v["__typename"] == s.on {
					next = append(next, v)
				}
			}
		}
		here = next
	}
	return here
}

// objectsOf returns the objects of a value: itself, or the elements of a list.
func objectsOf(v any) (out []map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		return []map[string]any{v}
	case []any:
		for _, x := range v {
			out = append(out, objectsOf(x)...)
		}
	}
	return out
}

// payloadTypes returns the types of the fields of mutation payloads.
func (finder pathFinder) payloadTypes() map[string]bool {
	out := map[string]bool{}
	for _, f := range finder.schema.Mutation.Fields {
		for _, p := range finder.schema.Types[f.Type.Name()].Fields {
			out[p.Type.Name()] = true
		}
	}
	return out
}

// fieldCall writes a field with its required arguments and first.
func fieldCall(f *ast.FieldDefinition, first int) string {
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

// pathFinder finds the paths of the schema.
type pathFinder struct {
	schema *ast.Schema
	seed   *seedData
}

func (finder pathFinder) isObject(name string) bool {
	k := finder.schema.Types[name].Kind
	return k == ast.Object || k == ast.Interface || k == ast.Union
}

// stepsOf returns the steps over a field: one without a fragment and, for an
// interface, one for each type that its value may have.
func (finder pathFinder) stepsOf(f *ast.FieldDefinition, first int) (out []step) {
	to := finder.schema.Types[f.Type.Name()]
	out = append(out, step{call: fieldCall(f, first), field: f.Name})
	if to.Kind == ast.Interface {
		for _, p := range finder.schema.GetPossibleTypes(to) {
			out = append(out, step{call: fieldCall(f, first), field: f.Name, on: p.Name})
		}
	}
	return out
}

// to returns the type at the end of the step.
func (s step) to(f *ast.FieldDefinition) string {
	if s.on != "" {
		return s.on
	}
	return f.Type.Name()
}

// rootPaths returns the paths of one step by type: every root field, and for each
// noun the field nodes with all its rows.
func (finder pathFinder) rootPaths() map[string][]queryPath {
	out := map[string][]queryPath{}
	roots := finder.seed.rootCalls()
	for _, f := range finder.schema.Query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		if f.Name == "nodes" {
			var someIDs []string
			for _, p := range finder.schema.GetPossibleTypes(finder.schema.Types["Node"]) {
				if ids := finder.seed.idsOf(p.Name); len(ids) > 0 {
					out[p.Name] = append([]queryPath{{{call: nodesCall(ids), field: "nodes", on: p.Name}}}, out[p.Name]...)
					someIDs = append(someIDs, ids[:min(4, len(ids))]...)
				}
			}
			out["Node"] = append(out["Node"], queryPath{{call: nodesCall(someIDs), field: "nodes"}})
			continue
		}
		for _, c := range roots[f.Name] {
			to := finder.schema.Types[f.Type.Name()]
			if f.Name == "node" {
				out["ModelVersion"] = append(out["ModelVersion"], queryPath{{call: c, field: "node", on: "ModelVersion"}})
			}
			out[to.Name] = append(out[to.Name], queryPath{{call: c, field: f.Name}})
		}
	}
	return out
}

// find returns, for every type of the schema, the root fields that return it and one
// path over every field of any type that leads to it. A type that is not a noun is
// reached from every root. A type of differences (…Diff, …Change) is reached over
// every field as well.
func (finder pathFinder) find() map[string][]queryPath {
	out := finder.rootPaths()
	shortest := map[string][]queryPath{} // For a type that is not a noun: from every root, for the answers differ.
	var queue []string
	for name, paths := range out {
		shortest[name] = paths[:1]
		if registry.NounNamed(name) == nil {
			shortest[name] = slices.Clone(paths)
		}
		queue = append(queue, name)
	}
	slices.SortFunc(queue, func(a, b string) int { // Nouns first: other root fields may refuse some actors.
		return cmp.Or(cmp.Compare(btoi(registry.NounNamed(a) == nil), btoi(registry.NounNamed(b) == nil)), cmp.Compare(a, b))
	})
	for i := 0; i < len(queue); i++ {
		for _, f := range finder.schema.Types[queue[i]].Fields {
			if !finder.isObject(f.Type.Name()) || strings.HasPrefix(f.Name, "__") {
				continue
			}
			for _, s := range finder.stepsOf(f, 5) {
				to := s.to(f)
				visited, differs := shortest[to] != nil, strings.HasSuffix(to, "Diff") || strings.HasSuffix(to, "Change")
				for _, start := range shortest[queue[i]] {
					path := append(slices.Clone(start), s)
					out[to] = append(out[to], path)
					if len(shortest[to]) == 0 || registry.NounNamed(to) == nil && (!visited || differs) {
						shortest[to] = append(shortest[to], path)
					}
				}
				if !visited {
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

// scalars selects the leaves of a type and of the plain values inside it. A field
// name that has different types in different nouns gets an alias with its noun.
func (finder pathFinder) scalars(name string) string {
	var out []string
	for _, f := range finder.schema.Types[name].Fields {
		to := f.Type.Name()
		switch {
		case strings.HasPrefix(f.Name, "__"):
		case finder.isObject(to):
			if registry.NounNamed(to) == nil && finder.schema.Types[to].Kind == ast.Object && len(f.Arguments) == 0 && !strings.HasSuffix(to, "Edge") &&
				!strings.HasSuffix(to, "Connection") && to != "LineageNode" && to != "Gap" && to != "Path" && to != "PathGraph" && to != "PackagingFile" {
				out = append(out, f.Name+" { "+finder.scalars(to)+" }")
			}
		case f.Name == "role" && name == "Commit" || f.Name == "status" && name == "ModelCard" || f.Name == "features" && name == "ModelCard" || f.Name == "status" && name == "TransitionRequest" ||
			f.Name == "model" || f.Name == "replacedBy":
			out = append(out, name+"_"+f.Name+": "+f.Name)
		default:
			out = append(out, f.Name)
		}
	}
	return strings.Join(out, " ")
}

// leaves selects the leaves of a type, for an interface those of its possible types.
func (finder pathFinder) leaves(name string) string {
	d := finder.schema.Types[name]
	if d.Kind != ast.Interface {
		return finder.scalars(name)
	}
	out := "__typename id"
	for _, p := range finder.schema.GetPossibleTypes(d) {
		out += " ... on " + p.Name + " { " + finder.scalars(p.Name) + " }"
	}
	return out
}
