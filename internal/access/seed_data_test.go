package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
)

// canaryPattern matches the canary tokens of the seed. Each token is unique, so a
// token in an answer identifies the field and the row that it comes from.
var canaryPattern = regexp.MustCompile(`cnry\d{6}x|\b7731\d{7}\b|0\.7731\d+|1987-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b|\b73\d{4}\.0\.1\b`)

// idPattern matches the ids of nodes and edges.
var idPattern = regexp.MustCompile(`\b(?:dv|run|feat|commit|tag|mv|dep|model|ds|repo|card|art|alias|tr|actor|token|sess|policy|idem|pend|req|guard|rev|dpr|con|hook|hooks|edge)_[0-9a-z]{26}\b`)

// canaryGenerator makes canary tokens in the forms of the schema's types.
type canaryGenerator struct{ n int }

func (m *canaryGenerator) next() int { m.n++; return m.n }

func (m *canaryGenerator) text() string    { return fmt.Sprintf("cnry%06dx", m.next()) }
func (m *canaryGenerator) integer() *int64 { n := int64(77310000000 + m.next()); return &n }
func (m *canaryGenerator) fraction() *float64 {
	f, _ := strconv.ParseFloat(fmt.Sprintf("0.7731%05d1", m.next()), 64)
	return &f
}
func (m *canaryGenerator) date() time.Time {
	return time.Date(1987, 1, 1, 0, m.next(), 0, 0, time.UTC)
}
func (m *canaryGenerator) hex(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "canary %d", m.next()))
	return hex.EncodeToString(sum[:])[:n]
}
func (m *canaryGenerator) version() string { return fmt.Sprintf("73%04d.0.1", m.next()) }
func (m *canaryGenerator) kv() []registry.KeyValue {
	return []registry.KeyValue{{Key: m.text(), Value: m.text()}}
}
func (m *canaryGenerator) json() registry.JSON {
	return registry.JSON(`{"` + m.text() + `":"` + m.text() + `"}`)
}
func (m *canaryGenerator) metrics() []registry.Metric {
	return []registry.Metric{{Name: m.text(), Value: *m.fraction()}}
}

// placement is where a canary stands: a field of a row.
type placement struct {
	coordinate string
	row        string
	// past says that the field may have another value now.
	past bool
}

// seedData describes the store that all tests start from. Developers and viewers
// see one part of it; the rest is hidden from them. Which row is visible to whom
// is written by hand here and in the builder.
type seedData struct {
	path      string // of the SQLite file
	id        map[string]registry.ID
	commitSHA map[string]string
	name      map[string]string // model names, versions and other natural keys
	tokens    map[string]string
	// served holds the rows that developers and viewers see.
	served map[registry.ID]bool
	// beta holds the rows that a grant on the hidden model "beta" alone covers.
	beta map[registry.ID]bool
	// own holds, by actor, the tokens of its subject.
	own        map[string]map[registry.ID]bool
	nodes      []*graph.Node
	edges      []graph.Edge
	log        []registry.LogEntry
	placements map[string][]placement
}

// The actors whose grant covers one model only. The other actors are named after
// their column of the matrix.
const (
	scopedDeveloper = "developer on alpha"
	scopedScientist = "data_scientist on beta"
)

var sharedSeed = sync.OnceValues(func() (*seedData, error) {
	dir, err := os.MkdirTemp("", "pedigree-access-")
	if err != nil {
		return nil, err
	}
	return buildSeed(filepath.Join(dir, "seed.db"))
})

// TestMain removes the seed after all tests.
func TestMain(m *testing.M) {
	code := neo4jtest.Run(m)
	if seed, err := sharedSeed(); err == nil {
		os.RemoveAll(filepath.Dir(seed.path))
	}
	os.Exit(code)
}

func loadSeed(t testing.TB) *seedData {
	t.Helper()
	seed, err := sharedSeed()
	if err != nil {
		t.Fatal("seed:", err)
	}
	return seed
}

// tickingClock returns a clock whose every reading is a different canary.
func tickingClock(from time.Time) func() time.Time {
	var mu sync.Mutex
	n := 0
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		n++
		return from.Add(time.Duration(n) * (time.Second + time.Microsecond))
	}
}

// scanStore reads the whole store and records where each canary stands.
func (seed *seedData) scanStore(ctx context.Context, store graph.Store) error {
	nodes, err := policies.All(ctx, store, graph.Query{Kinds: registry.Kinds(), Deleted: true, Order: registry.IndexName, Limit: 1000})
	if err != nil {
		return err
	}
	seed.nodes = nodes
	docs := map[registry.ID]map[string]json.RawMessage{}
	for _, n := range nodes {
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(n.Doc, &doc); err != nil {
			return err
		}
		docs[n.ID] = doc
		noun := "(in no API)"
		// Only lineage shows tombstones; a tombstone of another kind cannot be fetched.
		if of := registry.NounOf(n.Kind); of != nil && (!n.Deleted || n.Kind.Walked()) {
			noun = of.Name
		}
		if n.Kind == registry.KindToken {
			noun = "ApiToken"
		}
		if n.Kind == registry.KindWebhook {
			if noun = "Webhook"; string(doc["personal"]) == "true" {
				noun = "NotificationSettings"
			}
		}
		for field, value := range doc {
			seed.addPlacements(string(value), noun+"."+field, string(n.ID))
		}
	}
	for _, n := range nodes {
		if n.Kind == registry.KindCard { // A card reads these fields from its version.
			for _, field := range []string{"modelId", "name", "version", "creator"} {
				seed.addPlacements(string(docs[n.Parent][field]), "ModelCard."+field, string(n.ID))
			}
		}
	}
	for _, n := range nodes {
		hops, err := store.Neighbors(ctx, graph.NeighborQuery{IDs: []registry.ID{n.ID}, Direction: graph.Upstream, LimitPerNode: 1000, Bare: true})
		if err != nil {
			return err
		}
		seed.edges = append(seed.edges, hops[0].Edges...)
	}
	seed.log, err = store.Log(ctx, graph.LogQuery{Limit: 1000})
	for _, e := range seed.log {
		row := fmt.Sprintf("log entry %d", e.Seq)
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(raw, &doc); err != nil {
			return err
		}
		for field, value := range doc {
			seed.addPlacements(string(value), "LogEntry."+field, row)
		}
		if err := seed.addChanged(e.Detail); err != nil {
			return err
		}
	}
	return err
}

// addChanged places what an entry tells of changed fields at these fields too: who may see a
// field sees in the past what it was.
func (seed *seedData) addChanged(detail registry.JSON) error {
	var d struct {
		Changes map[registry.ID]map[string]json.RawMessage
	}
	if len(detail) == 0 {
		return nil
	}
	if err := json.Unmarshal(detail, &d); err != nil {
		return err
	}
	for id, fields := range d.Changes {
		for field, values := range fields {
			for _, c := range canaryPattern.FindAllString(string(values), -1) {
				seed.placements[c] = append(seed.placements[c], placement{registry.NounOf(id.Kind()).Name + "." + field, string(id), true})
			}
		}
	}
	return nil
}

func (seed *seedData) addPlacements(value, coordinate, row string) {
	for _, c := range canaryPattern.FindAllString(value, -1) {
		seed.placements[c] = append(seed.placements[c], placement{coordinate: coordinate, row: row})
	}
}

// rowVisible reports whether an actor sees a row. It applies the rule of the first
// issue to the hand-written lists of rows.
func (seed *seedData) rowVisible(column, row string) bool {
	if kind := registry.ID(row).Kind(); kind == registry.KindToken || kind == registry.KindWebhook {
		return column == admin || seed.own[column][registry.ID(row)]
	}
	switch column {
	case admin:
		return true
	case viewer, developer, scopedDeveloper:
		return seed.served[registry.ID(row)]
	case scopedScientist, dataScientist:
		for _, e := range seed.log {
			if row == fmt.Sprintf("log entry %d", e.Seq) {
				return e.Model != "" && (column == dataScientist || e.Model == seed.id["beta"])
			}
		}
		if column == scopedScientist {
			return seed.beta[registry.ID(row)]
		}
		return registry.ID(row).Kind() != registry.KindActor && registry.ID(row).Kind() != registry.KindPolicy
	}
	return false
}

// ownAlone reports whether a field is shown to the subject of its row alone, not even to administrators.
func ownAlone(coordinate string) bool {
	return strings.HasPrefix(coordinate, "NotificationSettings.")
}

// matrixColumn returns the column of the golden file that applies to an actor.
func matrixColumn(who string) string {
	switch who {
	case scopedDeveloper:
		return developer
	case scopedScientist:
		return dataScientist
	}
	return who
}

// hiddenFrom returns the canaries and the ids that no answer to an actor may
// contain. It derives them from the golden file and the lists of rows alone. The
// value of a canary is one place where it stands.
func (seed *seedData) hiddenFrom(m matrix, who string) (canaries map[string]string, ids map[string]bool) {
	canaries, ids = map[string]string{}, map[string]bool{}
	for c, places := range seed.placements {
		where := ""
		for _, p := range places {
			if m[p.coordinate][matrixColumn(who)] == "yes" && seed.rowVisible(who, p.row) && (!ownAlone(p.coordinate) || seed.own[who][registry.ID(p.row)]) {
				where = ""
				break
			}
			where = p.coordinate + " of " + p.row
		}
		if where != "" {
			canaries[c] = where
		}
	}
	for _, n := range seed.nodes {
		visible := seed.rowVisible(who, string(n.ID))
		switch noun := registry.NounOf(n.Kind); {
		case n.Kind == registry.KindToken: // The list of tokens shows it, no query by id does.
			visible = visible && m["ApiToken.id"][matrixColumn(who)] == "yes"
		case n.Kind == registry.KindWebhook:
			visible = visible && m["Webhook.id"][matrixColumn(who)] == "yes"
		default:
			visible = visible && noun != nil && m[noun.Name+".id"][matrixColumn(who)] == "yes"
		}
		if !visible {
			ids[string(n.ID)] = true
		}
	}
	for _, e := range seed.edges {
		if ids[string(e.From)] || ids[string(e.To)] {
			ids[string(e.ID)] = true
		}
	}
	return canaries, ids
}

// fieldsWithoutCanary lists the fields that cannot hold a canary, and why.
var fieldsWithoutCanary = map[string]string{
	"Model.incarnation": "a small number", "Model.lastNumber": "a small number", "Model.firstName": "the seed renames no model", "ModelVersion.number": "a small number", "ModelVersion.stage": "one of six words",
	"ModelVersion.replacedBy": "an id, which the tests look for too", "ModelCard.status": "one of six words, read from the version", "DatasetVersion.role": "one of four words",
	"Run.runKind": "one of five words", "Run.status": "one of four words", "Commit.repository": "an id, which the tests look for too", "Tag.repository": "an id, which the tests look for too",
	"Tag.annotated": "true or false", "Tag.dateInferred": "true or false", "Feature.of": "an id, which the tests look for too", "Deployment.versionId": "an id, which the tests look for too",
	"Deployment.live": "true or false, computed", "Alias.model": "an id, which the tests look for too", "Alias.versionId": "an id, which the tests look for too",
	"Transition.from": "one of six words", "Transition.to": "one of six words", "Transition.forced": "true or false", "Transition.ordinal": "a small number",
	"PolicyVersion.number": "a small number", "PolicyVersion.hash": "a short hash", "PolicyVersion.withdrawn": "rules of the file", "PolicyVersion.change": "one of three words",
	"Model.reviewIntervalDays": "a small number", "TransitionRequest.versionId": "an id, which the tests look for too", "TransitionRequest.ofModel": "an id, which the tests look for too",
	"TransitionRequest.from": "one of six words", "TransitionRequest.to": "one of six words", "TransitionRequest.status": "one of seven words", "TransitionRequest.execute": "one of two words",
	"TransitionRequest.needed": "a small number", "TransitionRequest.transitionId": "an id, which the tests look for too", "TransitionRequest.ordinal": "a small number",
	"TransitionGuard.scope": "one of three words", "TransitionGuard.profile": "one of two words", "TransitionGuard.stages": "some of six words", "TransitionGuard.needed": "a small number",
	"TransitionGuard.expiryDays": "a small number", "Review.ofModel": "an id, which the tests look for too", "Review.versionId": "an id, which the tests look for too",
	"Gate.stages": "some of six words", "Gate.appliesTo": "one of three words", "Gate.mode": "one of two words", "Gate.forcible": "true or false",
	"Review.decision": "one of three words", "Review.ordinal": "a small number",
	"Deprecation.versionId": "an id, which the tests look for too", "Deprecation.ofModel": "an id, which the tests look for too", "Deprecation.step": "one of five words",
	"Deprecation.replacementId": "an id, which the tests look for too", "Deprecation.superseded": "true or false", "Deprecation.forced": "true or false",
	"Deprecation.artifactsRemoved": "a small number", "Deprecation.logEntries": "a small number", "Deprecation.ordinal": "a small number",
	"Recall.number": "a small number", "Recall.nodes": "ids, which the tests look for too", "Recall.severity": "one of four words", "Recall.fixedBy": "ids, which the tests look for too",
	"Recall.state": "one of two words", "Recall.seq": "a small number", "Recall.clearedSeq": "a small number", "RecallResolution.recallId": "an id, which the tests look for too",
	"RecallResolution.deploymentId": "an id, which the tests look for too", "RecallResolution.versionId": "an id, which the tests look for too", "RecallResolution.handling": "one of three words",
	"Artifact.stored": "true or false", "Artifact.matches": "true or false", "Signature.bundleKind": "one of two words", "Signature.sizeBytes": "a size that other bundles have too", "TransitionGuard.requireSignature": "true or false",
	"Consumer.versionId": "an id, which the tests look for too", "Consumer.uses": "a small number", "Consumer.days": "days and small numbers",
	"Transition.replacedBy": "an id, which the tests look for too", "LogEntry.seq": "a small number", "LogEntry.action": "one of a few words",
	"LogEntry.objects": "ids, which the tests look for too", "LogEntry.model": "an id, which the tests look for too",
}

// TestEveryFieldHoldsACanary checks the seed against the field table: each field
// of a stored document holds a canary or is in fieldsWithoutCanary.
func TestEveryFieldHoldsACanary(t *testing.T) {
	seed := loadSeed(t)
	count := map[string]int{}
	for _, places := range seed.placements {
		for _, p := range places {
			count[p.coordinate]++
		}
	}
	for _, n := range registry.Nouns() {
		for _, f := range n.Fields {
			if c := f.Coordinate(); f.Doc && count[c] == 0 && fieldsWithoutCanary[c] == "" {
				t.Errorf("%s holds no canary", c)
			} else if count[c] > 0 && fieldsWithoutCanary[c] != "" {
				t.Errorf("%s holds a canary and is listed as %q", c, fieldsWithoutCanary[c])
			}
		}
	}
	t.Logf("%d canaries in %d fields of %d nodes and %d log entries", len(seed.placements), len(count), len(seed.nodes), len(seed.log))
}
