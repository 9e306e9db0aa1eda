package access

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// crawler asks for everything that the schema can be asked for as one actor, and
// reads every byte of what comes back.
type crawler struct {
	s   *site
	m   mapper
	who string
	// hidden and ids must not be met; found and leaks say what was, and by which
	// question.
	hidden          map[string]string
	ids             map[string]bool
	found, leaks    map[string]string
	words           map[string][]string // what is in a word, once it was looked at
	requests, bytes int
	codes           map[string]int
	mu              sync.Mutex
}

func newCrawler(t *testing.T, s *site, who string) *crawler {
	hidden, ids := s.w.hidden(readMatrix(t), who)
	return &crawler{s: s, m: mapper{loadSchema(t), s.w}, who: who, hidden: hidden, ids: ids, found: map[string]string{}, leaks: map[string]string{},
		words: map[string][]string{}, codes: map[string]int{}}
}

// ask asks one question and scans the answer. What the question itself names may
// come back.
func (c *crawler) ask(query string) *answer {
	a := c.s.query(c.who, query)
	c.scan(query, a)
	return a
}

func (c *crawler) scan(query string, a *answer) {
	b := a.readable()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.bytes += len(b)
	c.codes[a.code()]++
	for _, word := range bytes.FieldsFunc(b, between) {
		tokens, known := c.words[string(word)]
		if !known {
			tokens = append(canary.FindAllString(string(word), -1), realID.FindAllString(string(word), -1)...)
			c.words[string(word)] = tokens
		}
		for _, tok := range tokens {
			c.found[tok] = query
			where := c.hidden[tok]
			if where == "" && c.ids[tok] {
				where = "the id of a hidden row"
			}
			if where != "" && c.leaks[tok] == "" && !strings.Contains(query, tok) {
				c.leaks[tok] = where + " by " + registry.Shorten(query, 400)
			}
		}
	}
	for _, code := range []string{"INTERNAL", "UNAVAILABLE"} {
		if a.code() == code {
			c.s.t.Errorf("as %s: %s: %s", c.who, query, a.raw)
		}
	}
}

// between reports what stands between the words of an answer; what canaries are
// made of is inside them.
func between(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '.' || r == ':' || r == '-')
}

// everything crawls all of it.
func (c *crawler) everything() {
	c.pairs()
	c.hops()
	c.byID()
	c.past()
	c.walks()
	c.columns()
	c.mistakes()
	c.rest()
	c.exports()
}

// pairs follows every pair of object fields a → b of every type, from the nearest
// routes to it, and selects all that a third type holds.
func (c *crawler) pairs() {
	routes := c.m.routes()
	for _, name := range sorted(routes) {
		for _, a := range c.m.schema.Types[name].Fields {
			if !c.m.isObject(a.Type.Name()) || strings.HasPrefix(a.Name, "__") {
				continue
			}
			for _, sa := range c.m.steps(a, 5) {
				to := sa.to(a)
				if sa.on == "" && c.m.schema.Types[to].Kind == ast.Interface {
					continue // Its possible types are steps of their own.
				}
				selection := c.m.scalars(to)
				for _, b := range c.m.schema.Types[to].Fields {
					if c.m.isObject(b.Type.Name()) && !strings.HasPrefix(b.Name, "__") {
						selection += " " + to + "_" + b.Name + ": " + call(b, 5) + " { __typename " + c.m.all(b.Type.Name()) + " }"
					}
				}
				for _, r := range routes[name][:min(2, len(routes[name]))] {
					c.split(append(slices.Clone(r), sa), selection)
				}
			}
		}
	}
}

// split asks for a selection over a route; what the door finds too much at once
// is asked for in halves of the rows.
func (c *crawler) split(r route, selection string) {
	a := c.ask(r.query("__typename " + selection))
	if a.code() != "RESOURCE_EXHAUSTED" && a.code() != "INVALID_ARGUMENT" {
		return
	}
	ids := realID.FindAllString(r[0].call, -1)
	if len(ids) < 2 || r[0].field != "nodes" {
		c.s.t.Errorf("as %s: %s: %s", c.who, registry.Shorten(r.query(selection), 300), a.raw)
		return
	}
	for _, half := range [][]string{ids[:len(ids)/2], ids[len(ids)/2:]} {
		smaller := slices.Clone(r)
		smaller[0].call = nodesRoot(half)
		c.split(smaller, selection)
	}
}

// hop is one step from noun to noun: the field, through its connection if it has
// one, and what lies at its end.
func (c *crawler) hop(f *ast.FieldDefinition, first int) (to string, write func(inner string) string) {
	d := c.m.schema.Types[f.Type.Name()]
	if !c.m.isObject(d.Name) {
		return "", nil
	}
	if edges := d.Fields.ForName("edges"); edges != nil {
		edge := c.m.schema.Types[edges.Type.Name()]
		return edge.Fields.ForName("node").Type.Name(), func(inner string) string {
			return call(f, first) + " { totalCount pageInfo { " + c.m.scalars("PageInfo") + " } edges { " + c.m.scalars(edge.Name) + " node { " + inner + " } } }"
		}
	}
	if registry.NounNamed(d.Name) == nil {
		return "", nil
	}
	return d.Name, func(inner string) string { return call(f, first) + " { " + inner + " }" }
}

// hops follows every way of two hops from every row of every noun to another,
// through connections, and selects all that the three hold.
func (c *crawler) hops() {
	for _, noun := range registry.Nouns() {
		ids := c.s.w.idsOf(noun.Name)
		d := c.m.schema.Types[noun.Name]
		for chunk := range slices.Chunk(ids, 3) {
			for _, a := range d.Fields {
				to, write := c.hop(a, 3)
				if to == "" {
					continue
				}
				types := []*ast.Definition{c.m.schema.Types[to]}
				if types[0].Kind == ast.Interface {
					types = c.m.schema.GetPossibleTypes(types[0])
				}
				few, most := 3, 420
				if a.Name == "versionsByStage" { // It counts as 50.
					few, most = 2, 1
				}
				r := route{{call: nodesRoot(chunk), field: "nodes", on: noun.Name}}
				inner := c.m.all(to)
				size := 0
				flush := func() {
					c.split(r, c.m.scalars(noun.Name)+" "+write(inner))
					inner, size = c.m.all(to), 0
				}
				for _, b := range types {
					for _, f := range b.Fields {
						if end, second := c.hop(f, few); end != "" {
							piece := " ... on " + b.Name + " { " + second(c.m.all(end)) + " }"
							if size += len(strings.Fields(piece)); size > most {
								flush()
								size = len(strings.Fields(piece))
							}
							inner += piece
						}
					}
				}
				flush()
			}
		}
	}
}

// byID asks for every row, seen or not, by its id: alone and beside others.
func (c *crawler) byID() {
	var all []string
	for _, n := range c.s.w.nodes {
		all = append(all, string(n.ID))
		if noun := registry.NounOf(n.Kind); noun != nil {
			c.ask(fmt.Sprintf("{ node(id: %q) { __typename id ... on %s { %s } } }", n.ID, noun.Name, c.m.scalars(noun.Name)))
		} else {
			c.ask(fmt.Sprintf("{ node(id: %q) { __typename id } }", n.ID))
		}
	}
	for _, noun := range registry.Nouns() {
		if c.m.schema.Types[noun.Name].Fields.ForName("id") == nil {
			continue
		}
		for chunk := range slices.Chunk(all, 50) {
			c.ask("{ " + nodesRoot(chunk) + " { __typename id ... on " + noun.Name + " { " + c.m.scalars(noun.Name) + " } } }")
		}
	}
	for _, calls := range c.s.w.roots() {
		for _, q := range calls {
			c.ask("{ " + q + " { __typename } }")
		}
	}
}

// pasts are instants at which the seed was otherwise: versions were in other stages,
// deployments and aliases stood that do not, facts were not known yet.
var pasts = []string{`asOf: "1987-01-01T04:00:00Z"`, `knownAt: "1987-08-01T00:01:00Z"`, `asOf: "1987-08-01T00:02:10Z"`,
	`asOf: "1987-08-01T00:02:10Z", knownAt: "1987-08-01T00:02:10Z"`}

// past asks for every row, and for all that is one hop from it, as it was.
func (c *crawler) past() {
	for _, at := range pasts {
		for _, n := range c.s.w.nodes {
			c.ask(fmt.Sprintf("{ node(id: %q, %s) { __typename id ... on ProvenanceNode { kind name } } }", n.ID, at))
		}
		for _, noun := range registry.Nouns() {
			d := c.m.schema.Types[noun.Name]
			for chunk := range slices.Chunk(c.s.w.idsOf(noun.Name), 3) {
				root := strings.TrimSuffix(nodesRoot(chunk), ")") + ", " + at + ")"
				c.ask("{ " + root + " { __typename id ... on " + noun.Name + " { " + c.m.scalars(noun.Name) + " } } }")
				for _, f := range d.Fields {
					if to, write := c.hop(f, 5); to != "" {
						c.ask("{ " + root + " { __typename id ... on " + noun.Name + " { " + c.m.scalars(noun.Name) + " " + write(c.m.all(to)) + " } } }")
					}
				}
			}
		}
		for _, q := range []string{"model(name: %[1]q, %[2]s) { id productionVersion { %[3]s } latestVersion { %[3]s } versions(first: 20) { totalCount edges { cursor node { %[3]s } } } aliases { name version modelVersion { id } } }"} {
			for _, m := range []string{"alpha", "beta"} {
				c.ask("{ " + fmt.Sprintf(q, c.s.w.name[m], at, c.m.scalars("ModelVersion")) + " }")
				for _, v := range []string{"a1", "a2", "a3", "a4", "b1", "gone", "dark-alias", "seen-alias", "a3/label"} {
					c.ask(fmt.Sprintf("{ modelVersion(model: %q, version: %q, %s) { id %s } }", c.s.w.name[m], c.s.w.name[v], at, c.m.scalars("ModelVersion")))
				}
			}
		}
	}
}

// columns asks what lies around the column of every dataset version.
func (c *crawler) columns() {
	for _, label := range []string{"raw", "raw2", "clean", "training", "dark", "ghost"} {
		for _, args := range append(slices.Clone(pasts), "maxDepth: 1") {
			c.ask(fmt.Sprintf(`{ columnLineage(of: %q, column: %q, direction: BOTH, %s) { root column asOf knownAt truncation { %s } pageInfo { %s }
				columns { column depth node { %s } from { datasetVersion column node { id } transformations { type subtype description masking } } }
				features { totalCount edges { cursor node { %s } } } versions { totalCount edges { node { id name stage } } }
				models { totalCount edges { node { id name } } } deployments { totalCount edges { node { id name } } } } }`,
				c.s.w.id[label], c.s.w.name[label+"/column"], args, c.m.scalars("Truncation"), c.m.scalars("PageInfo"), c.m.scalars("DatasetVersion"), c.m.scalars("Feature")))
		}
	}
}

// walks asks what lies around every lineage node, seen or not, in every way there
// is to ask.
func (c *crawler) walks() {
	node := "node { __typename " + c.m.all("ProvenanceNode") + " }"
	graph := " { root asOf knownAt historyCut nodes { " + node + " " + c.m.scalars("LineageNode") + " } edges { " + c.m.scalars("LineageEdge") +
		" } pageInfo { " + c.m.scalars("PageInfo") + " } truncation { " + c.m.scalars("Truncation") + " } }"
	few := " { __typename id ... on ProvenanceNode { kind name } }"
	var walked []registry.ID
	for _, n := range c.s.w.nodes {
		if n.Kind.Walked() {
			walked = append(walked, n.ID)
		}
	}
	for _, id := range walked {
		for _, args := range []string{"direction: UPSTREAM", "direction: DOWNSTREAM", "direction: BOTH", "direction: BOTH, asOf: \"1987-01-01T01:30:00Z\"",
			"direction: BOTH, knownAt: \"1987-08-01T00:01:00Z\"", "direction: BOTH, maxDepth: 1", "direction: BOTH, fanout: 1", "direction: BOTH, history: 0",
			"direction: BOTH, where: {kinds: [RUN, COMMIT]}", "direction: BOTH, where: {since: \"1987-01-01T00:30:00Z\"}",
			"direction: BOTH, where: {stages: [DEVELOPMENT, STAGING, CANARY, ARCHIVED]}"} {
			a := c.ask(fmt.Sprintf("{ lineage(of: %q, %s, first: 60)%s }", id, args, graph))
			if args == "direction: BOTH" {
				c.next(a, fmt.Sprintf("lineage(of: %q, %s, first: 3", id, args), graph)
			}
		}
		for _, args := range []string{"", ", live: false, targets: [DATASET_VERSION, RUN, FEATURE, COMMIT, TAG, MODEL_VERSION, DEPLOYMENT]", ", where: {stages: [STAGING]}"} {
			c.ask(fmt.Sprintf("{ impact(of: [%q]%s) { totalCount asOf pageInfo { %s } truncation { %s } counts { %s } models { models { model { %s } versions liveDeployments } truncation { %s } } edges { %s %s path%s } } }",
				id, args, c.m.scalars("PageInfo"), c.m.scalars("Truncation"), c.m.scalars("ImpactCounts"), c.m.scalars("Model"), c.m.scalars("Truncation"), c.m.scalars("ImpactEdge"), node, few))
		}
		c.ask(fmt.Sprintf("{ provenance(of: %q) { asOf people truncation { %s } gaps { code message field node%s } node%s rawSources%s datasets%s runs%s commits%s tags%s features%s } }",
			id, c.m.scalars("Truncation"), few, few, few, few, few, few, few, few))
		for _, args := range []string{"direction: BOTH", "direction: DOWNSTREAM, maxDepth: 2, where: {stages: [DEVELOPMENT, STAGING, CANARY]}", "direction: BOTH, where: {kinds: [RUN]}"} {
			c.ask(fmt.Sprintf("{ lineageCounts(of: %q, %s) { %s } }", id, args, c.m.scalars("LineageCounts")))
		}
		for _, to := range walked {
			if id < to && id.Kind() == to.Kind() {
				c.diffs(id, to, few)
			}
			if slices.Contains([]registry.Kind{registry.KindModelVersion, registry.KindDeployment}, id.Kind()) &&
				slices.Contains([]registry.Kind{registry.KindDatasetVersion, registry.KindCommit, registry.KindRun}, to.Kind()) {
				c.ask(fmt.Sprintf("{ paths(from: %q, to: %q, k: 10) { exhaustive asOf truncation { %s } paths { length nodes%s } onAnyPath { nodes { __typename %s } edges { %s } } } }",
					id, to, c.m.scalars("Truncation"), few, c.m.all("ProvenanceNode"), c.m.scalars("LineageEdge")))
			}
		}
	}
}

// diffs compares two lineage nodes, seen or not.
func (c *crawler) diffs(a, b registry.ID, few string) {
	lists := "added" + few + " removed" + few
	change := " changed { name before" + few + " after" + few
	for _, args := range []string{"", ", direction: BOTH, maxDepth: 1"} {
		c.ask(fmt.Sprintf(`{ lineageDiff(a: %q, b: %q%s) { identical a%s b%s datasets { %s%s namespace beforeDigest afterDigest beforeVersion afterVersion } }
			runs { %s%s parameters { key before after } metrics { key before after } } } features { %s%s } } versions { %s%s } }
			repositories { repository { %s } before%s after%s } commits { %s addedCount removedCount complete } parameters { key before after }
			metrics { key before after } card { path before after } stage { before after } approvals { before { %s } after { %s } }
			truncationA { %s } truncationB { %s } } }`, a, b, args, few, few, lists, change, lists, change, lists, change, lists, change,
			c.m.scalars("Repository"), few, few, lists, c.m.scalars("Transition"), c.m.scalars("Transition"), c.m.scalars("Truncation"), c.m.scalars("Truncation")))
	}
}

// next turns over a few small pages of the same walk.
func (c *crawler) next(a *answer, call, graph string) {
	if a.code() != "" {
		return
	}
	after := ""
	for range 3 {
		page := c.ask("{ " + call + after + ")" + graph + " }")
		for _, g := range flat(page.Data["lineage"]) {
			for _, info := range flat(g["pageInfo"]) {
				if end, ok := info["endCursor"].(string); ok {
					after = fmt.Sprintf(", after: %q", end)
				}
			}
		}
	}
}

// mistakes asks for what is not there, by names that are known to others, and by
// cursors and ids that are not the caller's.
func (c *crawler) mistakes() {
	w := c.s.w
	for _, model := range []string{w.name["alpha"], w.name["beta"], "nothing"} {
		for _, v := range []string{"a1", "a2", "a3", "a4", "a5", "a6", "b1", "gone", "a3/label", "a2/label", "dark-alias", "seen-alias"} {
			c.ask(fmt.Sprintf("{ modelVersion(model: %q, version: %q) { id %s } }", model, w.name[v], c.m.scalars("ModelVersion")))
		}
		for _, v := range []string{"latest", "0.0.0", "not a version"} {
			c.ask(fmt.Sprintf("{ modelVersion(model: %q, version: %q) { id %s } }", model, v, c.m.scalars("ModelVersion")))
		}
		c.ask(fmt.Sprintf("{ model(name: %q) { %s latestVersion { version } versions { totalCount edges { cursor node { version } } } } }", model, c.m.scalars("Model")))
	}
	for sha := range w.sha {
		c.ask(fmt.Sprintf("{ commit(sha: %q) { %s } }", w.sha[sha], c.m.scalars("Commit")))
	}
	for _, d := range []string{"raw", "raw2", "dark", "clean"} {
		for _, set := range []string{"raw-set", "dark-set"} {
			c.ask(fmt.Sprintf("{ datasetVersion(dataset: %q, namespace: %q, version: %q) { %s } }", w.name[set], w.name[set+"/namespace"], w.name[d], c.m.scalars("DatasetVersion")))
		}
	}
	for _, o := range []string{"NAME", "OWNER", "CREATED_AT"} {
		for _, d := range []string{"ASC", "DESC"} {
			c.ask(fmt.Sprintf("{ models(first: 1, orderBy: {field: %s, direction: %s}) { totalCount pageInfo { %s } edges { cursor node { %s } } } }", o, d, c.m.scalars("PageInfo"), c.m.scalars("Model")))
		}
	}
	foreign := c.s.query(admin, "{ models(first: 1) { pageInfo { endCursor } } }")
	for _, after := range []string{fmt.Sprint(flat(flat(foreign.Data["models"])[0]["pageInfo"])[0]["endCursor"]), "AAAA", "", "%"} {
		c.ask(fmt.Sprintf("{ models(after: %q) { edges { node { %s } } } }", after, c.m.scalars("Model")))
		c.ask(fmt.Sprintf("{ auditLog(after: %q) { edges { node { %s } } } }", after, c.m.scalars("LogEntry")))
		c.ask(fmt.Sprintf("{ runs(after: %q) { edges { node { %s } } } }", after, c.m.scalars("Run")))
	}
	for _, bad := range []string{"", "nothing", "restricted_0000000000000000000000000", "model_", "mv_zzzzzzzzzzzzzzzzzzzzzzzzzz"} {
		for _, q := range []string{"node(id: %q) { id }", "lineage(of: %q) { root }", "impact(of: [%q]) { totalCount }", "provenance(of: %q) { people }",
			"lineageCounts(of: %q) { nodes }", "lineageDiff(a: %[1]q, b: %[1]q) { identical }"} {
			c.ask("{ " + fmt.Sprintf(q, bad) + " }")
		}
	}
	for _, f := range w.filters() {
		c.ask("{ " + f.query + " }")
	}
}
