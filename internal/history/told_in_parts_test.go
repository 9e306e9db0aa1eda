package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph/graphtest"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/provenance"
)

// doc is a fact or a part of one, as JSON tells it.
type doc = map[string]any

// TestPartsInAnyOrderAreToldAtOnce tells random facts at once, and again under another key in
// parts, each field and each entry of a list in one or two of the parts, in random order and
// random batches. Both must be recorded as the same. PEDIGREE_ROUNDS scales the repetitions,
// up to 1,000 on SQLite and 200 on Neo4j.
func TestPartsInAnyOrderAreToldAtOnce(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		perRound := 25
		if strings.HasSuffix(r.Name(), "Neo4j") {
			perRound = 5
		}
		p := newPartsTest(r)
		for i := range perRound * graphtest.Rounds() {
			if p.round(i); r.Failed() {
				return
			}
		}
	})
}

// partsTest has the things that random facts name.
type partsTest struct {
	*testRegistry
	*rand.Rand
	data    []registry.ID
	version registry.ID
	commits []string
}

func newPartsTest(r *testRegistry) *partsTest {
	p := &partsTest{testRegistry: r, Rand: rand.New(rand.NewPCG(1, 2)), version: r.registerVersion("churn", "1.0.0")}
	r.advance(time.Hour) // Deployments begin after their version.
	for i := range 4 {
		p.data = append(p.data, r.recordDataset(fmt.Sprint("source ", i), "1", start))
		p.commits = append(p.commits, strings.Repeat(fmt.Sprint(i), 40))
	}
	var commits []any
	for _, sha := range p.commits {
		commits = append(commits, doc{"sha": sha})
	}
	p.tell([]doc{{"commits": doc{"repository": doc{"name": "r"}, "commits": commits}}})
	return p
}

// round tells one fact at once and in parts and compares what was recorded.
func (p *partsTest) round(i int) {
	kind, keys, whole := p.fact()
	id, _ := p.tell([]doc{{kind: p.named(kind, keys, whole, fmt.Sprintf("%d whole", i))}})
	parts := p.split(keys, whole, 1+p.IntN(5))
	for range p.IntN(3) {
		parts = append(parts, p.lessSaid(kind)) // A status that comes late, a kind that says nothing.
	}
	p.Shuffle(len(parts), func(a, b int) { parts[a], parts[b] = parts[b], parts[a] })
	var told []doc
	for _, part := range parts {
		told = append(told, doc{kind: p.named(kind, keys, merged(part, keys), fmt.Sprintf("%d parts", i))})
	}
	var other registry.ID
	for rest := told; len(rest) > 0; {
		n := 1 + p.IntN(len(rest))
		p.advance(time.Second)
		other, _ = p.tell(rest[:n])
		rest = rest[n:]
	}
	want, got := p.recorded(kind, id), p.recorded(kind, other)
	if want != got {
		p.Errorf("round %d, %s\nat once  %s\nin parts %s\ntold %s\nthen %s", i, kind, want, got, mustJSON(whole), mustJSON(told))
	}
	if _, out := p.tell(told); out.Unchanged != len(told) {
		p.Errorf("round %d: told again, %s changes: %+v\n%s", i, kind, out, mustJSON(told))
	}
}

// tell records facts in a batch and returns the id of the last one. Only a status may be not
// taken.
func (p *partsTest) tell(told []doc) (registry.ID, *bulk.RecordFactsPayload) {
	p.Helper()
	var in bulk.RecordFactsInput
	if err := json.Unmarshal([]byte(mustJSON(doc{"facts": told})), &in); err != nil {
		p.Fatal(err)
	}
	out := must[*bulk.RecordFactsPayload](p.testRegistry)(p.service.RecordFacts(p.contextOf(registry.RoleAdmin), in))
	for _, f := range out.Facts {
		if len(f.NotTaken) > 0 && !slices.Equal(f.NotTaken, []string{"status"}) {
			p.Errorf("not taken: %v of %s", f.NotTaken, mustJSON(told))
		}
	}
	return *out.Facts[len(out.Facts)-1].ID, out
}

// fact returns a random fact: its kind, the fields that every part has, and the others.
func (p *partsTest) fact() (kind string, keys, whole doc) {
	at := start.Add(-time.Hour).Format(time.RFC3339)
	switch p.IntN(6) {
	case 0:
		whole = doc{"runKind": p.one("ETL", "TRAINING", "OTHER"), "status": p.one("COMPLETE", "FAILED", "ABORTED"), "command": "c", "description": "d",
			"endedAt": start.Format(time.RFC3339), "tags": p.tags(), "metrics": p.list("name", "value", 0.5, 1.0, 2e9), "inputs": p.some(p.data), "commits": p.some(p.commits),
			"parameters": doc{"lr": 0.1, "depth": 3, "optimizer": doc{"name": "adam", "betas": []any{0.9, 0.99}, "more": doc{"a": 1, "b": nil}}}}
		keys = doc{"producer": "p", "name": "n", "startedAt": at}
		kind = "run"
	case 1:
		whole = doc{"role": p.one("RAW", "TRAINING", "OTHER"), "owner": "ada", "description": "d", "uri": "s3://b/c", "sizeBytes": 7, "rows": 9, "tags": p.tags(),
			"derivedFrom": p.some(p.data[:3]), "columns": []any{doc{"name": "age", "type": "int", "description": "years"}, doc{"name": "sex", "type": "text",
				"derivedFrom": []any{doc{"datasetVersion": p.data[3], "column": "a"}, doc{"datasetVersion": p.data[3], "column": "b", "transformations": []any{doc{"subtype": "JOIN"}}}}}}}
		keys = doc{"version": "1", "createdAt": at}
		kind = "datasetVersion"
	case 2:
		whole = doc{"message": "feat: x", "author": "ada", "email": "a@b", "committer": "bob", "role": "tuning", "signature": "ssh", "authoredAt": at, "parents": p.commits[:1+p.IntN(3)]}
		keys = doc{"committedAt": at}
		kind = "commits"
	case 3:
		whole = doc{"annotated": true, "message": "m", "tagger": "ada"}
		keys = doc{"sha": p.commits[0], "taggedAt": at}
		kind = "tag"
	case 4:
		whole = doc{"name": "Age", "type": "int", "description": "d", "owner": "ada"}
		keys = doc{"definedOn": p.data[0], "createdAt": at}
		kind = "feature"
	case 5:
		whole = doc{"endpoint": "", "trafficPercent": 12.5, "owner": "ada", "description": "d"}
		keys = doc{"id": p.version, "startedAt": start.Add(time.Minute).Format(time.RFC3339)}
		kind = "deployment"
	}
	for field := range whole {
		if p.IntN(5) == 0 {
			delete(whole, field)
		}
	}
	return kind, keys, whole
}

// lessSaid returns a part that adds nothing to a fact that is told otherwise.
func (p *partsTest) lessSaid(kind string) doc {
	switch kind {
	case "run":
		return doc{"runKind": "OTHER"}
	case "datasetVersion":
		return doc{"namespace": "default"}
	}
	return doc{}
}

func (p *partsTest) one(values ...any) any { return values[p.IntN(len(values))] }

func (p *partsTest) tags() any { return p.list("key", "value", "x", "", "ü") }

func (p *partsTest) list(key, value string, values ...any) any {
	var out []any
	for i := range 1 + p.IntN(5) {
		out = append(out, doc{key: fmt.Sprint("k.", i), value: p.one(values...)})
	}
	return out
}

// some returns a random part of a list.
func (p *partsTest) some(all any) any {
	var list, out []any
	if err := json.Unmarshal([]byte(mustJSON(all)), &list); err != nil {
		p.Fatal(err)
	}
	for _, x := range list {
		if p.IntN(2) == 0 {
			out = append(out, x)
		}
	}
	return out
}

// named completes a fact with its keys and gives it a key of its own.
func (p *partsTest) named(kind string, keys, fact doc, name string) doc {
	out := merged(fact, keys)
	switch kind {
	case "run":
		out["runId"] = name
	case "datasetVersion":
		out["dataset"] = name
	case "commits":
		out["sha"] = fmt.Sprintf("%x", name) + strings.Repeat("0", 40)
		out["sha"] = out["sha"].(string)[:40]
		return doc{"repository": doc{"name": "r"}, "commits": []any{out}}
	case "tag":
		out["repository"], out["name"] = doc{"name": "r"}, name
	case "feature":
		out["column"] = name
	case "deployment":
		out["environment"] = name
	}
	return out
}

func merged(a, b doc) doc {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// split divides a fact into parts: every field, every entry of a list that merges and every
// member of an object goes into one part or two.
func (p *partsTest) split(keys, whole doc, n int) []doc {
	parts := make([]doc, n)
	for i := range parts {
		parts[i] = doc{}
	}
	pieces := func(field string, v any) []doc {
		switch v := v.(type) {
		case []any:
			var out []doc
			for _, x := range v {
				if column, ok := x.(doc); ok && field == "columns" {
					for name, y := range column {
						out = append(out, doc{field: []any{doc{"name": column["name"], name: y}}})
					}
					continue
				}
				out = append(out, doc{field: []any{x}})
			}
			return out
		case doc:
			var out []doc
			for name, x := range v {
				out = append(out, doc{field: doc{name: x}})
			}
			return out
		}
		return []doc{{field: v}}
	}
	for field, v := range whole {
		for _, piece := range pieces(field, v) {
			for range 1 + p.IntN(2) {
				p.add(parts[p.IntN(n)], piece)
			}
		}
	}
	return parts
}

// add puts a piece of a fact into a part, unless the part has it.
func (p *partsTest) add(part, piece doc) {
	for field, v := range piece {
		switch v := v.(type) {
		case []any:
			if known, ok := part[field].([]any); ok && len(v) == 1 {
				if i := slices.IndexFunc(known, func(x any) bool { return field == "columns" && keyOf(x) == keyOf(v[0]) }); i >= 0 {
					p.add(known[i].(doc), v[0].(doc))
					continue
				}
				if !slices.ContainsFunc(known, func(x any) bool { return mustJSON(x) == mustJSON(v[0]) }) {
					part[field] = append(slices.Clone(known), v[0])
				}
				continue
			}
			part[field] = slices.Clone(v)
			if field == "columns" {
				part[field] = []any{maps.Clone(v[0].(doc))}
			}
		case doc:
			if known, ok := part[field].(doc); ok {
				p.add(known, v)
				continue
			}
			part[field] = maps.Clone(v)
		default:
			part[field] = v
		}
	}
}

// recorded returns what is recorded of a fact, without its keys and in a fixed order: its
// noun, and its edges to causes.
func (p *partsTest) recorded(kind string, id registry.ID) string {
	ctx := p.contextOf(registry.RoleAdmin)
	n := must[registry.Node](p.testRegistry)(p.service.Node(ctx, id))
	var out doc
	if err := json.Unmarshal([]byte(mustJSON(n)), &out); err != nil {
		p.Fatal(err)
	}
	for _, key := range map[string][]string{"run": {"runId"}, "datasetVersion": {"name"}, "commits": {"sha", "name"}, "tag": {"name"}, "feature": {"column", "name"},
		"deployment": {"environment", "name", "live"}}[kind] {
		if text, _ := out[key].(string); !strings.HasSuffix(text, "Age") { // A feature that was given a name keeps it.
			delete(out, key)
		}
	}
	delete(out, "recordedAt")
	for _, list := range []string{"tags", "metrics", "columns"} {
		if entries, ok := out[list].([]any); ok {
			for _, e := range entries {
				if sources, ok := e.(doc)["derivedFrom"].([]any); ok {
					slices.SortFunc(sources, byJSON)
				}
			}
			slices.SortFunc(entries, func(a, b any) int { return strings.Compare(keyOf(a), keyOf(b)) })
		}
	}
	if v, ok := n.(*registry.DatasetVersion); ok {
		d := must[registry.Node](p.testRegistry)(p.service.Node(ctx, v.Parent)).(*registry.Dataset)
		out["owner"] = d.Owner
	}
	g := must[*provenance.LineageGraph](p.testRegistry)(p.service.Lineage(ctx, provenance.LineageInput{Of: id, MaxDepth: ptr(1)}))
	var edges []string
	for _, e := range g.Edges {
		if e.From == id {
			edges = append(edges, fmt.Sprint(e.Kind, " ", e.To, " since ", e.ValidFrom))
		}
	}
	slices.Sort(edges)
	return mustJSON(out) + "\n" + strings.Join(edges, "\n") + fmt.Sprint(n.NodeMeta().ValidFrom, n.NodeMeta().ValidTo)
}

func keyOf(entry any) string {
	e := entry.(doc)
	if name, ok := e["name"].(string); ok {
		return name
	}
	key, _ := e["key"].(string)
	return key
}

func byJSON(a, b any) int { return strings.Compare(mustJSON(a), mustJSON(b)) }
