package access

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// crawler sends every query that the schema allows as one actor, and searches every
// answer for canaries and ids.
type crawler struct {
	s      *testServer
	finder pathFinder
	who    string
	// hidden and ids must not occur in an answer. found and leaks record what did
	// occur, and in the answer to which query.
	hidden          map[string]string
	ids             map[string]bool
	found, leaks    map[string]string
	tokensByWord    map[string][]string // a cache of the canaries and ids in a word
	requests, bytes int
	codes           map[string]int
	mu              sync.Mutex
}

func newCrawler(t *testing.T, s *testServer, who string) *crawler {
	hidden, ids := s.seed.hiddenFrom(readMatrix(t), who)
	return &crawler{s: s, finder: pathFinder{loadSchema(t), s.seed}, who: who, hidden: hidden, ids: ids, found: map[string]string{}, leaks: map[string]string{},
		tokensByWord: map[string][]string{}, codes: map[string]int{}}
}

// unavailableTries is how often a query is sent that the store has no time for: a Neo4j that has just begun
// plans each text for the first time, beside all other tests.
const unavailableTries = 3

// ask sends one query and scans the answer.
func (c *crawler) ask(query string) *answer {
	a := c.s.query(c.who, query)
	for try := 1; a.code() == "UNAVAILABLE" && try < unavailableTries; try++ {
		a = c.s.query(c.who, query)
	}
	c.scan(query, a)
	return a
}

// namedInstants matches the instant that an answer or its cursor names. It is the time of the
// newest log entry, whoever may read that entry.
var namedInstants = regexp.MustCompile(`"(?:asOf|knownAt|as_of|known_at|v|t)":"[^"]*"`)

// scan records the canaries and ids of an answer. One that the query itself
// contains is not a leak.
func (c *crawler) scan(query string, a *answer) {
	b := namedInstants.ReplaceAll(a.readable(), nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.bytes += len(b)
	c.codes[a.code()]++
	for _, word := range bytes.FieldsFunc(b, isSeparator) {
		tokens, known := c.tokensByWord[string(word)]
		if !known {
			tokens = append(canaryPattern.FindAllString(string(word), -1), idPattern.FindAllString(string(word), -1)...)
			c.tokensByWord[string(word)] = tokens
		}
		for _, token := range tokens {
			c.found[token] = query
			where := c.hidden[token]
			if where == "" && c.ids[token] {
				where = "the id of a hidden row"
			}
			if where != "" && c.leaks[token] == "" && !strings.Contains(query, token) {
				c.leaks[token] = where + " by " + registry.Shorten(query, 400)
			}
		}
	}
	for _, code := range []string{"INTERNAL", "UNAVAILABLE"} {
		if a.code() == code {
			c.s.t.Errorf("as %s: %s: %s", c.who, query, a.raw)
		}
	}
}

// isSeparator reports whether a rune separates the words of an answer. No canary
// contains a separator.
func isSeparator(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '.' || r == ':' || r == '-')
}

// everything sends all queries of the crawler.
func (c *crawler) everything() {
	c.rootFields()
	c.fieldPairs()
	c.connectionPairs()
	c.byID()
	c.pastStates()
	c.lineageQueries()
	c.columnLineage()
	c.invalidRequests()
	c.restReads()
	c.mlflowReads()
	c.kubeflowReads()
	c.lineageExports()
	c.subscriptions()
	c.packs()
}

// rootFields asks every root field for the fields of its objects: what no other object leads to is
// read here alone. A proof is made of the hashes of other entries, and tells nothing else of them.
func (c *crawler) rootFields() {
	for _, f := range c.finder.schema.Query.Fields {
		if d := c.finder.schema.Types[f.Type.Name()]; d != nil && d.Kind == ast.Object && !strings.HasPrefix(f.Name, "__") && !slices.Contains([]string{"auditProof", "auditConsistency"}, f.Name) {
			for _, call := range c.s.seed.rootCalls()[f.Name] {
				c.ask("{ " + call + " { __typename " + c.finder.scalars(d.Name) + " } }")
			}
		}
	}
}

// fieldPairs follows every pair of object fields a → b of every type, over the first
// two paths to the type, and selects all leaves of the type of b.
func (c *crawler) fieldPairs() {
	paths := c.finder.find()
	for _, name := range sortedKeys(paths) {
		for _, a := range c.finder.schema.Types[name].Fields {
			if !c.finder.isObject(a.Type.Name()) || strings.HasPrefix(a.Name, "__") {
				continue
			}
			for _, sa := range c.finder.stepsOf(a, 5) {
				to := sa.to(a)
				if sa.on == "" && c.finder.schema.Types[to].Kind == ast.Interface {
					continue // Its possible types have steps of their own.
				}
				selection := c.finder.scalars(to)
				for _, b := range c.finder.schema.Types[to].Fields {
					if c.finder.isObject(b.Type.Name()) && !strings.HasPrefix(b.Name, "__") && b.Name != "packaging" {
						selection += " " + to + "_" + b.Name + ": " + fieldCall(b, 5) + " { __typename " + c.finder.leaves(b.Type.Name()) + " }"
					}
				}
				for _, path := range paths[name][:min(2, len(paths[name]))] {
					c.askInParts(append(slices.Clone(path), sa), selection)
				}
			}
		}
	}
}

// askInParts asks for a selection over a path. When the query is too expensive, it
// asks for half of the rows at a time.
func (c *crawler) askInParts(path queryPath, selection string) {
	a := c.ask(path.query("__typename " + selection))
	if a.code() != "RESOURCE_EXHAUSTED" && a.code() != "INVALID_ARGUMENT" {
		return
	}
	ids := idPattern.FindAllString(path[0].call, -1)
	if len(ids) < 2 || path[0].field != "nodes" {
		c.s.t.Errorf("as %s: %s: %s", c.who, registry.Shorten(path.query(selection), 300), a.raw)
		return
	}
	for _, half := range [][]string{ids[:len(ids)/2], ids[len(ids)/2:]} {
		smaller := slices.Clone(path)
		smaller[0].call = nodesCall(half)
		c.askInParts(smaller, selection)
	}
}

// connection returns the noun that a field leads to, through its connection if it
// has one, and a function that writes the field with a selection on that noun. to
// is "" when the field leads to no noun.
func (c *crawler) connection(f *ast.FieldDefinition, first int) (to string, write func(inner string) string) {
	d := c.finder.schema.Types[f.Type.Name()]
	if !c.finder.isObject(d.Name) {
		return "", nil
	}
	if edges := d.Fields.ForName("edges"); edges != nil {
		edge := c.finder.schema.Types[edges.Type.Name()]
		return edge.Fields.ForName("node").Type.Name(), func(inner string) string {
			return fieldCall(f, first) + " { totalCount pageInfo { " + c.finder.scalars("PageInfo") + " } edges { " + c.finder.scalars(edge.Name) + " node { " + inner + " } } }"
		}
	}
	if registry.NounNamed(d.Name) == nil {
		return "", nil
	}
	return d.Name, func(inner string) string { return fieldCall(f, first) + " { " + inner + " }" }
}

// connectionPairs follows every pair of connections from every row of every noun,
// and selects all leaves of the three nouns.
func (c *crawler) connectionPairs() {
	for _, noun := range registry.Nouns() {
		ids := c.s.seed.idsOf(noun.Name)
		d := c.finder.schema.Types[noun.Name]
		for chunk := range slices.Chunk(ids, 3) {
			for _, a := range d.Fields {
				to, write := c.connection(a, 3)
				if to == "" {
					continue
				}
				types := []*ast.Definition{c.finder.schema.Types[to]}
				if types[0].Kind == ast.Interface {
					types = c.finder.schema.GetPossibleTypes(types[0])
				}
				first, maxSize := 3, 420
				if a.Name == "versionsByStage" { // Its cost is that of 50 rows.
					first, maxSize = 2, 1
				}
				path := queryPath{{call: nodesCall(chunk), field: "nodes", on: noun.Name}}
				inner := c.finder.leaves(to)
				size := 0
				flush := func() {
					c.askInParts(path, c.finder.scalars(noun.Name)+" "+write(inner))
					inner, size = c.finder.leaves(to), 0
				}
				for _, b := range types {
					for _, f := range b.Fields {
						if end, second := c.connection(f, first); end != "" {
							part := " ... on " + b.Name + " { " + second(c.finder.leaves(end)) + " }"
							if size += len(strings.Fields(part)); size > maxSize {
								flush()
								size = len(strings.Fields(part))
							}
							inner += part
						}
					}
				}
				flush()
			}
		}
	}
}

// byID asks for every row, visible or not, by its id, alone and with other rows.
func (c *crawler) byID() {
	var all []string
	for _, n := range c.s.seed.nodes {
		all = append(all, string(n.ID))
		if noun := registry.NounOf(n.Kind); noun != nil {
			c.ask(fmt.Sprintf("{ node(id: %q) { __typename id ... on %s { %s } } }", n.ID, noun.Name, c.finder.scalars(noun.Name)))
		} else {
			c.ask(fmt.Sprintf("{ node(id: %q) { __typename id } }", n.ID))
		}
	}
	for _, noun := range registry.Nouns() {
		if c.finder.schema.Types[noun.Name].Fields.ForName("id") == nil {
			continue
		}
		for chunk := range slices.Chunk(all, 50) {
			c.ask("{ " + nodesCall(chunk) + " { __typename id ... on " + noun.Name + " { " + c.finder.scalars(noun.Name) + " } } }")
		}
	}
	c.packaging("")
	for _, calls := range c.s.seed.rootCalls() {
		for _, q := range calls {
			c.ask("{ " + q + " { __typename } }")
		}
	}
}

// packaging asks what the files of all versions say, now or at an instant. Other selections leave it
// out: it has as many fields as a noun.
func (c *crawler) packaging(at string) {
	for chunk := range slices.Chunk(c.s.seed.idsOf("ModelVersion"), 20) {
		call := nodesCall(chunk)
		if at != "" {
			call = nodesAtCall(chunk, at)
		}
		c.ask("{ " + call + " { __typename id ... on ModelVersion { packaging { " + c.finder.scalars("PackagingFile") + " } } } }")
	}
}

// pastInstants are instants at which the seed had another state: other stages, more
// deployments and aliases, fewer known facts.
var pastInstants = []string{`asOf: "1987-01-01T04:00:00Z"`, `knownAt: "1987-08-01T00:01:00Z"`, `asOf: "1987-08-01T00:02:38Z"`,
	`asOf: "1987-08-01T00:02:38Z", knownAt: "1987-08-01T00:02:38Z"`}

// pastStates asks for the past states of every row and of all rows one connection
// away from it.
func (c *crawler) pastStates() {
	for _, at := range pastInstants {
		c.packaging(at)
		for _, n := range c.s.seed.nodes {
			c.ask(fmt.Sprintf("{ nodeAt(id: %q, %s) { __typename id ... on ProvenanceNode { kind name } } }", n.ID, at))
		}
		for _, noun := range registry.Nouns() {
			d := c.finder.schema.Types[noun.Name]
			for chunk := range slices.Chunk(c.s.seed.idsOf(noun.Name), 3) {
				root := nodesAtCall(chunk, at)
				c.ask("{ " + root + " { __typename id ... on " + noun.Name + " { " + c.finder.scalars(noun.Name) + " } } }")
				for _, f := range d.Fields {
					if to, write := c.connection(f, 5); to != "" {
						c.ask("{ " + root + " { __typename id ... on " + noun.Name + " { " + c.finder.scalars(noun.Name) + " " + write(c.finder.leaves(to)) + " } } }")
					}
				}
			}
		}
		for _, q := range []string{"model(name: %[1]q, %[2]s) { id productionVersion { %[3]s } latestVersion { %[3]s } versions(first: 20) { totalCount edges { cursor node { %[3]s } } } aliases { name version modelVersion { id } } }"} {
			for _, m := range []string{"alpha", "beta"} {
				c.ask("{ " + fmt.Sprintf(q, c.s.seed.name[m], at, c.finder.scalars("ModelVersion")) + " }")
				for _, v := range []string{"a1", "a2", "a3", "a4", "b1", "gone", "hidden-alias", "visible-alias", "a3/label"} {
					c.ask(fmt.Sprintf("{ modelVersion(model: %q, version: %q, %s) { id %s } }", c.s.seed.name[m], c.s.seed.name[v], at, c.finder.scalars("ModelVersion")))
				}
			}
		}
	}
}

// columnLineage asks for the lineage of the column of every dataset version.
func (c *crawler) columnLineage() {
	for _, label := range []string{"raw", "raw2", "clean", "training", "hidden", "retracted"} {
		for _, args := range append(slices.Clone(pastInstants), "maxDepth: 1") {
			c.ask(fmt.Sprintf(`{ columnLineage(of: %q, column: %q, direction: BOTH, %s) { root column asOf knownAt truncation { %s } pageInfo { %s }
				columns { column depth node { %s } from { datasetVersion column node { id } transformations { type subtype description masking } } }
				features { totalCount edges { cursor node { %s } } } versions { totalCount edges { node { id name stage } } }
				models { totalCount edges { node { id name } } } deployments { totalCount edges { node { id name } } } } }`,
				c.s.seed.id[label], c.s.seed.name[label+"/column"], args, c.finder.scalars("Truncation"), c.finder.scalars("PageInfo"), c.finder.scalars("DatasetVersion"), c.finder.scalars("Feature")))
		}
	}
}

// lineageQueries sends every lineage query about every lineage node, visible or not.
func (c *crawler) lineageQueries() {
	node := "node { __typename " + c.finder.leaves("ProvenanceNode") + " }"
	graph := " { root asOf knownAt historyCut nodes { " + node + " " + c.finder.scalars("LineageNode") + " } edges { " + c.finder.scalars("LineageEdge") +
		" } pageInfo { " + c.finder.scalars("PageInfo") + " } truncation { " + c.finder.scalars("Truncation") + " } }"
	brief := " { __typename id ... on ProvenanceNode { kind name } }"
	var walked []registry.ID
	for _, n := range c.s.seed.nodes {
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
				c.nextPages(a, fmt.Sprintf("lineage(of: %q, %s, first: 3", id, args), graph)
			}
		}
		for _, args := range []string{"", ", live: false, targets: [DATASET_VERSION, RUN, FEATURE, COMMIT, TAG, MODEL_VERSION, DEPLOYMENT]", ", where: {stages: [STAGING]}"} {
			c.ask(fmt.Sprintf("{ impact(of: [%q]%s) { totalCount asOf pageInfo { %s } truncation { %s } counts { %s } models { models { model { %s } versions liveDeployments } truncation { %s } } edges { %s %s path%s } } }",
				id, args, c.finder.scalars("PageInfo"), c.finder.scalars("Truncation"), c.finder.scalars("ImpactCounts"), c.finder.scalars("Model"), c.finder.scalars("Truncation"), c.finder.scalars("ImpactEdge"), node, brief))
		}
		c.ask(fmt.Sprintf("{ provenance(of: %q) { asOf people truncation { %s } gaps { code message field node%s } node%s rawSources%s datasets%s runs%s commits%s tags%s features%s } }",
			id, c.finder.scalars("Truncation"), brief, brief, brief, brief, brief, brief, brief, brief))
		for _, args := range []string{"direction: BOTH", "direction: DOWNSTREAM, maxDepth: 2, where: {stages: [DEVELOPMENT, STAGING, CANARY]}", "direction: BOTH, where: {kinds: [RUN]}"} {
			c.ask(fmt.Sprintf("{ lineageCounts(of: %q, %s) { %s } }", id, args, c.finder.scalars("LineageCounts")))
		}
		for _, to := range walked {
			if id < to && id.Kind() == to.Kind() {
				c.lineageDiff(id, to, brief)
			}
			if slices.Contains([]registry.Kind{registry.KindModelVersion, registry.KindDeployment}, id.Kind()) &&
				slices.Contains([]registry.Kind{registry.KindDatasetVersion, registry.KindCommit, registry.KindRun}, to.Kind()) {
				c.ask(fmt.Sprintf("{ paths(from: %q, to: %q, k: 10) { exhaustive asOf truncation { %s } paths { length nodes%s } onAnyPath { nodes { __typename %s } edges { %s } } } }",
					id, to, c.finder.scalars("Truncation"), brief, c.finder.leaves("ProvenanceNode"), c.finder.scalars("LineageEdge")))
			}
		}
	}
}

// lineageDiff compares two lineage nodes, visible or not.
func (c *crawler) lineageDiff(a, b registry.ID, brief string) {
	lists := "added" + brief + " removed" + brief
	change := " changed { name before" + brief + " after" + brief
	for _, args := range []string{"", ", direction: BOTH, maxDepth: 1"} {
		c.ask(fmt.Sprintf(`{ lineageDiff(a: %q, b: %q%s) { identical a%s b%s datasets { %s%s namespace beforeDigest afterDigest beforeVersion afterVersion } }
			runs { %s%s parameters { key before after } metrics { key before after } } } features { %s%s } } versions { %s%s } }
			repositories { repository { %s } before%s after%s } commits { %s addedCount removedCount complete } parameters { key before after }
			metrics { key before after } card { path before after } stage { before after } approvals { before { %s } after { %s } }
			truncationA { %s } truncationB { %s } } }`, a, b, args, brief, brief, lists, change, lists, change, lists, change, lists, change,
			c.finder.scalars("Repository"), brief, brief, lists, c.finder.scalars("Transition"), c.finder.scalars("Transition"), c.finder.scalars("Truncation"), c.finder.scalars("Truncation")))
	}
}

// nextPages reads a few small pages of a lineage query.
func (c *crawler) nextPages(a *answer, call, graph string) {
	if a.code() != "" {
		return
	}
	after := ""
	for range 3 {
		page := c.ask("{ " + call + after + ")" + graph + " }")
		for _, g := range objectsOf(page.Data["lineage"]) {
			for _, info := range objectsOf(g["pageInfo"]) {
				if end, ok := info["endCursor"].(string); ok {
					after = fmt.Sprintf(", after: %q", end)
				}
			}
		}
	}
}

// invalidRequests asks for rows that do not exist or are hidden, by names, cursors
// and ids that the caller should not have.
func (c *crawler) invalidRequests() {
	seed := c.s.seed
	for _, model := range []string{seed.name["alpha"], seed.name["beta"], "nothing"} {
		for _, v := range []string{"a1", "a2", "a3", "a4", "a5", "a6", "b1", "gone", "a3/label", "a2/label", "hidden-alias", "visible-alias"} {
			c.ask(fmt.Sprintf("{ modelVersion(model: %q, version: %q) { id %s } }", model, seed.name[v], c.finder.scalars("ModelVersion")))
		}
		for _, v := range []string{"latest", "0.0.0", "not a version"} {
			c.ask(fmt.Sprintf("{ modelVersion(model: %q, version: %q) { id %s } }", model, v, c.finder.scalars("ModelVersion")))
		}
		c.ask(fmt.Sprintf("{ model(name: %q) { %s latestVersion { version } versions { totalCount edges { cursor node { version } } } } }", model, c.finder.scalars("Model")))
	}
	for sha := range seed.commitSHA {
		c.ask(fmt.Sprintf("{ commit(sha: %q) { %s } }", seed.commitSHA[sha], c.finder.scalars("Commit")))
	}
	for _, d := range []string{"raw", "raw2", "hidden", "clean"} {
		for _, set := range []string{"raw-set", "hidden-set"} {
			c.ask(fmt.Sprintf("{ datasetVersion(dataset: %q, namespace: %q, version: %q) { %s } }", seed.name[set], seed.name[set+"/namespace"], seed.name[d], c.finder.scalars("DatasetVersion")))
		}
	}
	for _, o := range []string{"NAME", "OWNER", "CREATED_AT"} {
		for _, d := range []string{"ASC", "DESC"} {
			c.ask(fmt.Sprintf("{ models(first: 1, orderBy: {field: %s, direction: %s}) { totalCount pageInfo { %s } edges { cursor node { %s } } } }", o, d, c.finder.scalars("PageInfo"), c.finder.scalars("Model")))
		}
	}
	foreign := c.s.query(admin, "{ models(first: 1) { pageInfo { endCursor } } }")
	for _, after := range []string{fmt.Sprint(objectsOf(objectsOf(foreign.Data["models"])[0]["pageInfo"])[0]["endCursor"]), "AAAA", "", "%"} {
		c.ask(fmt.Sprintf("{ models(after: %q) { edges { node { %s } } } }", after, c.finder.scalars("Model")))
		c.ask(fmt.Sprintf("{ auditLog(after: %q) { edges { node { %s } } } }", after, c.finder.scalars("LogEntry")))
		c.ask(fmt.Sprintf("{ runs(after: %q) { edges { node { %s } } } }", after, c.finder.scalars("Run")))
	}
	for _, bad := range []string{"", "nothing", "restricted_0000000000000000000000000", "model_", "mv_zzzzzzzzzzzzzzzzzzzzzzzzzz"} {
		for _, q := range []string{"node(id: %q) { id }", "lineage(of: %q) { root }", "impact(of: [%q]) { totalCount }", "provenance(of: %q) { people }",
			"lineageCounts(of: %q) { nodes }", "lineageDiff(a: %[1]q, b: %[1]q) { identical }"} {
			c.ask("{ " + fmt.Sprintf(q, bad) + " }")
		}
	}
	for _, f := range seed.hiddenValueFilters() {
		c.ask("{ " + f.query + " }")
	}
}
