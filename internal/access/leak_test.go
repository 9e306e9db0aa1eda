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

// TestNothingHiddenLeaks crawls as every actor. Not one byte of what the golden
// file and the rows hide from it may come back, by any way.
func TestNothingHiddenLeaks(t *testing.T) {
	s := open(t, "")
	for _, who := range []string{viewer, developer, dataScientist, scopedDeveloper, scopedScientist} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			c := newCrawler(t, s, who)
			if who == scopedDeveloper { // Sees what a developer sees, for alpha is all that is served.
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

// TestNothingHiddenLeaksOnNeo4j moves the same seed to the other engine, and asks
// there for all that walks, as those who see least.
func TestNothingHiddenLeaksOnNeo4j(t *testing.T) {
	for _, who := range []string{viewer, scopedDeveloper} {
		t.Run(who, func(t *testing.T) {
			from := copied(t)
			store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
			if err == nil {
				err = graphtest.Move(t.Context(), from, store)
			}
			from.Close()
			if err != nil {
				t.Fatal(err)
			}
			c := newCrawler(t, openOn(t, store, ""), who)
			c.byID()
			c.lineageQueries()
			c.logSummary(t)
			for _, token := range sortedKeys(c.leaks)[:min(40, len(c.leaks))] {
				t.Errorf("%s leaks: %s", token, c.leaks[token])
			}
			if c.canariesFound() == 0 {
				t.Error("nothing was met: the seed is not there")
			}
		})
	}
}

func (c *crawler) logSummary(t *testing.T) {
	t.Logf("%s: %d canaries and %d ids hidden; %d requests, %d bytes read; %d leaks; %d canaries met that may be seen; codes %v",
		c.who, len(c.hidden), len(c.ids), c.requests, c.bytes, len(c.leaks), c.canariesFound(), c.codes)
}

// seen counts the canaries that were met.
func (c *crawler) canariesFound() (n int) {
	for token := range c.found {
		if c.s.seed.placements[token] != nil {
			n++
		}
	}
	return n
}

// TestTheCrawlMeetsEverything shows that the crawl is thorough: an administrator's
// meets every canary that the golden file lets them see.
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
			t.Errorf("%s was never met: %v", token, places)
		}
	}
	t.Logf("%d of %d canaries met, %d missed", c.canariesFound(), len(s.seed.placements), missed)
}

// openPolicy writes a policy of an operator who grants viewers every field of
// every row.
func permissivePolicy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.csv")
	text := policies.DefaultPolicy() + "\np, role:viewer, field:any, read, all, allow\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTheCrawlFindsWhatIsOpen is the twin of TestNothingHiddenLeaks: with the
// redaction off for viewers, the same crawl finds what it must not, in every noun
// and by hidden rows too. So the guard can fail.
func TestTheCrawlFindsLeaksUnderAPermissivePolicy(t *testing.T) {
	t.Parallel()
	s := open(t, permissivePolicy(t))
	c := newCrawler(t, s, viewer)
	c.fieldPairs()
	c.byID()
	c.logSummary(t)
	leaksByNoun := map[string]int{}
	for token := range c.leaks {
		noun, _, _ := strings.Cut(c.hidden[token], ".")
		leaksByNoun[noun]++
	}
	for _, n := range registry.Nouns() {
		if n.Name != "LogEntry" && leaksByNoun[n.Name] == 0 { // The log stays closed: log.read is an action.
			t.Errorf("no canary of %s was found by the crawl", n.Name)
		}
	}
	if len(c.leaks) < len(c.hidden)/2 {
		t.Errorf("only %d of %d canaries found", len(c.leaks), len(c.hidden))
	}
	t.Log(maps.Collect(maps.All(leaksByNoun)))
}

// filter is a question that asks about values which some may not see.
type hiddenValueFilter struct {
	query string
	// refused lists who may not ask by that field at all; empty who gets nothing,
	// for the value is of a row or field out of sight.
	refused, empty []string
}

// filters are questions by values that are in the seed, by hand.
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
	edges := " { totalCount edges { node { id } } }"
	readers, viewers := []string{viewer, developer, scopedDeveloper}, []string{viewer}
	return []hiddenValueFilter{
		{fmt.Sprintf("models(filter: {owner: %q})%s", value("Model.owner", "beta"), edges), nil, readers},
		{fmt.Sprintf("models(filter: {namePrefix: %q})%s", seed.name["beta"], edges), nil, readers},
		{"models(filter: {stage: STAGING})" + edges, nil, readers},
		{"models(filter: {stage: DEVELOPMENT})" + edges, nil, readers},
		{fmt.Sprintf("model(name: %q) { versions(filter: {stages: [DEVELOPMENT, STAGING, CANARY, ARCHIVED]})%s }", seed.name["alpha"], edges), nil, readers},
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

// TestFiltersTellNothing asks by values that the caller does not see: the question
// is refused, or it has no answer.
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
			t.Errorf("as admin there is an answer: %s: %s", f.query, a.raw)
		}
	}
}
