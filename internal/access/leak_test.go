package access

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/graph/graphtest"
	"pedigree/graph/neo4j"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
)

// TestNothingHiddenLeaks crawls as every actor. No answer may contain a canary or an
// id that the golden file or the visibility of rows hides from the actor.
func TestNothingHiddenLeaks(t *testing.T) {
	s := open(t, "")
	for _, who := range []string{viewer, developer, dataScientist, scopedDeveloper, scopedScientist} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			c := newCrawler(t, s, who)
			if who == scopedDeveloper { // It sees the same as a developer: only alpha is served.
				c.connectionPairs()
				c.byID()
			} else {
				c.everything()
			}
			c.logSummary(t)
			if len(c.leaks) > 0 {
				for _, token := range sortedKeys(c.leaks)[:min(40, len(c.leaks))] {
					t.Errorf("%s leaks: %s", token, c.leaks[token])
				}
			}
		})
	}
}

// TestNothingHiddenLeaksOnNeo4j copies the same seed to Neo4j and reads every object and
// sends the lineage queries there, as the actors who see least. A full run
// (PEDIGREE_ROUNDS of 40 or more) sends the lineage queries as both of them.
func TestNothingHiddenLeaksOnNeo4j(t *testing.T) {
	from := copied(t)
	store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
	if err == nil {
		err = graphtest.Move(t.Context(), from, store)
	}
	from.Close()
	if err != nil {
		t.Fatal(err)
	}
	s := openOn(t, store, "")
	for _, who := range []string{viewer, scopedDeveloper} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			c := newCrawler(t, s, who)
			c.byID()
			if who == viewer || graphtest.Rounds() >= 40 {
				c.lineageQueries()
			}
			c.logSummary(t)
			for _, token := range sortedKeys(c.leaks)[:min(40, len(c.leaks))] {
				t.Errorf("%s leaks: %s", token, c.leaks[token])
			}
			if c.canariesFound() == 0 {
				t.Error("no canary was found: the store does not hold the seed")
			}
		})
	}
}

func (c *crawler) logSummary(t *testing.T) {
	t.Logf("%s: %d canaries and %d ids hidden; %d requests, %d bytes read; %d leaks; %d canaries found; codes %v",
		c.who, len(c.hidden), len(c.ids), c.requests, c.bytes, len(c.leaks), c.canariesFound(), c.codes)
}

// canariesFound counts the canaries that were found, hidden or not.
func (c *crawler) canariesFound() (n int) {
	for token := range c.found {
		if c.s.seed.placements[token] != nil {
			n++
		}
	}
	return n
}

// TestTheCrawlMeetsEverything checks that the crawl is complete: as an administrator
// it finds every canary that the golden file allows them to see.
func TestTheCrawlMeetsEverything(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	c := newCrawler(t, s, admin)
	c.everything()
	c.logSummary(t)
	missed := 0
	for token, places := range s.seed.placements {
		if c.found[token] == "" && c.hidden[token] == "" {
			missed++
			t.Errorf("%s was not found: %v", token, places)
		}
	}
	t.Logf("%d of %d canaries found, %d missed", c.canariesFound(), len(s.seed.placements), missed)
}

// permissivePolicy writes a policy file that grants viewers every field of every row.
func permissivePolicy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.csv")
	text := policies.DefaultPolicy() + "\np, role:viewer, field:any, read, all, allow\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTheCrawlFindsLeaksUnderAPermissivePolicy shows that TestNothingHiddenLeaks can
// fail: without redaction for viewers, the same crawl finds hidden canaries in every
// noun.
func TestTheCrawlFindsLeaksUnderAPermissivePolicy(t *testing.T) {
	t.Parallel()
	s := open(t, permissivePolicy(t))
	c := newCrawler(t, s, viewer)
	c.fieldPairs()
	c.byID()
	c.logSummary(t)
	leaksByNoun := map[string]int{}
	for token := range c.leaks {
		for _, p := range s.seed.placements[token] { // What one transaction wrote has one time.
			noun, _, _ := strings.Cut(p.coordinate, ".")
			leaksByNoun[noun]++
		}
	}
	for _, n := range registry.Nouns() {
		if n.Name != "LogEntry" && leaksByNoun[n.Name] == 0 { // The policy does not grant the action log.read.
			t.Errorf("no canary of %s was found by the crawl", n.Name)
		}
	}
	if len(c.leaks) < len(c.hidden)/2 {
		t.Errorf("only %d of %d canaries found", len(c.leaks), len(c.hidden))
	}
	t.Log(maps.Collect(maps.All(leaksByNoun)))
}

// hiddenValueFilter is a query that filters by a value which some actors may not see.
type hiddenValueFilter struct {
	query string
	// refused lists the actors who may not filter by that field. empty lists those
	// who get an empty result, because the value is in a hidden row or field.
	refused, empty []string
}

// hiddenValueFilters returns filters by values of the seed.
func (seed *seedData) hiddenValueFilters() []hiddenValueFilter {
	value := func(coordinate string, label string) string {
		for token, places := range seed.placements {
			for _, p := range places {
				if p.coordinate == coordinate && p.row == string(seed.id[label]) {
					return token
				}
			}
		}
		panic("no canary in " + coordinate + " of " + label)
	}
	tag := func(label string) string {
		for _, n := range seed.nodes {
			if tags := registry.TagsOf(n.Kind, n.Doc); n.ID == seed.id[label] && len(tags) > 0 {
				return fmt.Sprintf("{key: %q, value: %q}", tags[0].Key, tags[0].Value)
			}
		}
		panic("no tag of " + label)
	}
	edges := " { totalCount edges { node { id } } }"
	readers, viewers := []string{viewer, developer, scopedDeveloper}, []string{viewer}
	return []hiddenValueFilter{
		{fmt.Sprintf("models(filter: {owner: %q})%s", value("Model.owner", "beta"), edges), nil, readers},
		{fmt.Sprintf("models(filter: {namePrefix: %q})%s", seed.name["beta"], edges), nil, readers},
		{"models(filter: {stage: STAGING})" + edges, nil, readers},
		{"models(filter: {stage: DEVELOPMENT})" + edges, nil, readers},
		{fmt.Sprintf("model(name: %q) { versions(filter: {stages: [DEVELOPMENT, STAGING, CANARY, ARCHIVED]})%s }", seed.name["alpha"], edges), nil, readers},
		{fmt.Sprintf("models(filter: {tag: %s})%s", tag("beta"), edges), viewers, []string{developer, scopedDeveloper}},
		{fmt.Sprintf("models(filter: {tag: %s})%s", tag("alpha"), edges), viewers, nil},
		{fmt.Sprintf("model(name: %q) { versions(filter: {tag: %s})%s }", seed.name["alpha"], tag("a3"), edges), nil, []string{developer, scopedDeveloper}},
		{fmt.Sprintf("search(text: %q, tag: %s)%s", seed.name["beta"], tag("beta"), edges), nil, []string{developer, scopedDeveloper}},
		{fmt.Sprintf("datasets(filter: {owner: %q})%s", value("Dataset.owner", "hidden-set"), edges), viewers, []string{developer, scopedDeveloper}},
		{fmt.Sprintf("datasets(filter: {owner: %q})%s", value("Dataset.owner", "raw-set"), edges), viewers, nil},
		{fmt.Sprintf("datasets(filter: {namespace: %q})%s", seed.name["raw-set/namespace"], edges), viewers, nil},
		{fmt.Sprintf("datasets(filter: {namespace: %q})%s", seed.name["hidden-set/namespace"], edges), viewers, []string{developer, scopedDeveloper}},
		{fmt.Sprintf("datasets(filter: {namePrefix: %q})%s", seed.name["hidden-set"], edges), nil, readers},
		{"runs(filter: {runKind: TRAINING})" + edges, viewers, nil},
		{"runs(orderBy: {field: RUN_KIND})" + edges, viewers, nil},
		{"datasets(orderBy: {field: OWNER, direction: DESC})" + edges, viewers, nil},
		{"datasets(orderBy: {field: NAMESPACE})" + edges, viewers, nil},
		{"commits(orderBy: {field: ROLE})" + edges, viewers, nil},
		{"deployments(orderBy: {field: ENVIRONMENT})" + edges, viewers, nil},
		{"deployments(orderBy: {field: OWNER})" + edges, viewers, nil},
		{fmt.Sprintf("model(name: %q) { versions(filter: {owner: %q})%s }", seed.name["alpha"], value("ModelVersion.owner", "a3"), edges), nil, readers},
		{fmt.Sprintf("search(text: %q)%s", seed.name["beta"], edges), nil, readers},
		{fmt.Sprintf("search(text: %q, kinds: [DATASET])%s", value("Dataset.owner", "raw-set"), edges), nil, viewers},
		{fmt.Sprintf("search(text: %q, stages: [STAGING, DEVELOPMENT])%s", seed.name["alpha"], edges), nil, readers},
		{fmt.Sprintf("commits(filter: {role: %q})%s", value("Commit.role", "c2"), edges), viewers, nil},
		{fmt.Sprintf("commits(filter: {role: %q})%s", value("Commit.role", "c3"), edges), viewers, []string{developer, scopedDeveloper}},
		{fmt.Sprintf("commits(filter: {repository: %q})%s", seed.id["hidden-repo"], edges), nil, readers},
		{fmt.Sprintf("deployments(filter: {environment: %q})%s", seed.name["deployed-a2"], edges), viewers, nil},
		{fmt.Sprintf("deployments(filter: {environment: %q})%s", seed.name["deployed-a4"], edges), viewers, []string{developer, scopedDeveloper}},
		{fmt.Sprintf("deployments(filter: {owner: %q})%s", value("Deployment.owner", "deployed-a2"), edges), viewers, nil},
		{fmt.Sprintf("impact(of: [%q], live: false, where: {environments: [%q]})%s", seed.id["raw"], seed.name["deployed-a2"], edges), nil, viewers},
		{fmt.Sprintf("impact(of: [%q], live: false, where: {environments: [%q]})%s", seed.id["raw"], seed.name["deployed-a4"], edges), nil, readers},
		{fmt.Sprintf("impact(of: [%q], targets: [MODEL_VERSION], where: {stages: [STAGING, DEVELOPMENT]})%s", seed.id["raw"], edges), nil, readers},
	}
}

// TestFiltersDoNotRevealHiddenValues filters by values that the caller does not see.
// The query is refused, or its result is empty.
func TestFiltersDoNotRevealHiddenValues(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	for _, f := range s.seed.hiddenValueFilters() {
		for _, who := range f.refused {
			if a := s.query(who, "{ "+f.query+" }"); a.code() != "FORBIDDEN" {
				t.Errorf("as %s: %s: %s", who, f.query, a.raw)
			}
		}
		for _, who := range f.empty {
			a := s.query(who, "{ "+f.query+" }")
			if a.code() != "" || strings.Contains(string(a.raw), `"node"`) || strings.Contains(string(a.raw), `"totalCount":1`) {
				t.Errorf("as %s: %s: %s", who, f.query, a.raw)
			}
		}
		if a := s.query(admin, "{ "+f.query+" }"); !strings.Contains(string(a.raw), `"node"`) {
			t.Errorf("as admin there is no result: %s: %s", f.query, a.raw)
		}
	}
}
