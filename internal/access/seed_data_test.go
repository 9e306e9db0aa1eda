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
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// The forms of canaries. Each is unique, so that one found in an answer names
// where it was planted.
var canary = regexp.MustCompile(`cnry\d{6}x|\b7731\d{7}\b|0\.7731\d+|1987-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b|\b73\d{4}\.0\.1\b`)

// realID is the form of the ids of nodes and edges.
var realID = regexp.MustCompile(`\b(?:dv|run|feat|commit|tag|mv|dep|model|ds|repo|card|art|alias|tr|actor|token|idem|pend|edge)_[0-9a-z]{26}\b`)

// mint makes canaries.
type mint struct{ n int }

func (m *mint) next() int { m.n++; return m.n }

func (m *mint) text() string { return fmt.Sprintf("cnry%06dx", m.next()) }
func (m *mint) num() *int64  { n := int64(77310000000 + m.next()); return &n }
func (m *mint) share() *float64 {
	f, _ := strconv.ParseFloat(fmt.Sprintf("0.7731%05d1", m.next()), 64)
	return &f
}
func (m *mint) date() time.Time {
	return time.Date(1987, 1, 1, 0, m.next(), 0, 0, time.UTC)
}
func (m *mint) hex(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "canary %d", m.next()))
	return hex.EncodeToString(sum[:])[:n]
}
func (m *mint) version() string { return fmt.Sprintf("73%04d.0.1", m.next()) }
func (m *mint) kv() []registry.KeyValue {
	return []registry.KeyValue{{Key: m.text(), Value: m.text()}}
}
func (m *mint) json() registry.JSON { return registry.JSON(`{"` + m.text() + `":"` + m.text() + `"}`) }
func (m *mint) metrics() []registry.Metric {
	return []registry.Metric{{Name: m.text(), Value: *m.share()}}
}

// placement is where a canary was planted: a field of a row.
type placement struct {
	coordinate string
	row        string
}

// world is the seed of all tests: one store with a part that readers see, and a
// part they do not. What is seen by whom is said here by hand.
type world struct {
	path   string
	id     map[string]registry.ID
	sha    map[string]string
	name   map[string]string // model names, versions and other natural keys
	tokens map[string]string
	// served are the rows that developers and viewers see, by what was built.
	served map[registry.ID]bool
	// beta are the rows that a grant on the dark model alone covers.
	beta   map[registry.ID]bool
	nodes  []*graph.Node
	edges  []graph.Edge
	log    []registry.LogEntry
	placed map[string][]placement
}

// subjects of the tests' own tokens, by column and the scoped ones.
const (
	scopedDeveloper = "developer on alpha"
	scopedScientist = "data_scientist on beta"
)

var theWorld = sync.OnceValues(func() (*world, error) {
	dir, err := os.MkdirTemp("", "pedigree-access-")
	if err != nil {
		return nil, err
	}
	return build(filepath.Join(dir, "seed.db"))
})

// TestMain removes the seed when all tests are done.
func TestMain(m *testing.M) {
	code := neo4jtest.Run(m)
	if w, err := theWorld(); err == nil {
		os.RemoveAll(filepath.Dir(w.path))
	}
	os.Exit(code)
}

func seeded(t testing.TB) *world {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal("seed:", err)
	}
	return w
}

// ticking is a clock whose every reading is a canary of its own.
func ticking(from time.Time) func() time.Time {
	var mu sync.Mutex
	n := 0
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		n++
		return from.Add(time.Duration(n) * (time.Second + time.Microsecond))
	}
}

// builder seeds a world through the service, as one subject after another.
type builder struct {
	mint
	w   *world
	s   *service.Service
	err error
}

// as is the context of a subject that is a canary, in a request that is one.
func (b *builder) as() context.Context {
	return service.As(context.Background(), registry.Actor{Subject: b.text(), Grants: []registry.Grant{{Role: admin, Scope: registry.ScopeAll}}}, b.text())
}

func (b *builder) do(what string, step func() error) {
	if b.err == nil {
		if err := step(); err != nil {
			b.err = fmt.Errorf("%s: %w", what, err)
		}
	}
}

// keep remembers a row under a label, and who sees it.
func (b *builder) keep(label string, id registry.ID, who ...map[registry.ID]bool) {
	b.w.id[label] = id
	for _, set := range who {
		set[id] = true
	}
}

func build(path string) (*world, error) {
	w := &world{path: path, id: map[string]registry.ID{}, sha: map[string]string{}, name: map[string]string{}, tokens: map[string]string{},
		served: map[registry.ID]bool{}, beta: map[registry.ID]bool{}, placed: map[string][]placement{}}
	ctx := context.Background()
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	table, err := defaultTable()
	if err != nil {
		return nil, err
	}
	gate, err := policies.NewGate(ctx, store, table, ticking(time.Date(1987, 8, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		return nil, err
	}
	b := &builder{w: w, s: service.New(gate)}
	b.code()
	b.data()
	b.models()
	b.versions()
	b.life()
	b.people()
	if b.err != nil {
		return nil, b.err
	}
	if err := b.patch(ctx, store); err != nil {
		return nil, fmt.Errorf("patch: %w", err)
	}
	return w, w.survey(ctx, store)
}

// survey reads the whole store and notes where each canary lies.
func (w *world) survey(ctx context.Context, store graph.Store) error {
	nodes, err := policies.All(ctx, store, graph.Query{Kinds: registry.Kinds(), Deleted: true, Order: registry.IndexName, Limit: 1000})
	if err != nil {
		return err
	}
	w.nodes = nodes
	docs := map[registry.ID]map[string]json.RawMessage{}
	for _, n := range nodes {
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(n.Doc, &doc); err != nil {
			return err
		}
		docs[n.ID] = doc
		noun := "(no door)"
		// A tombstone stands in lineage alone; one of another kind is out of every get.
		if of := registry.NounOf(n.Kind); of != nil && (!n.Deleted || n.Kind.Walked()) {
			noun = of.Name
		}
		for field, value := range doc {
			w.place(string(value), noun+"."+field, string(n.ID))
		}
	}
	for _, n := range nodes {
		if n.Kind == registry.KindCard { // These are read from the version.
			for _, field := range []string{"modelId", "name", "version", "creator"} {
				w.place(string(docs[n.Parent][field]), "ModelCard."+field, string(n.ID))
			}
		}
	}
	for _, n := range nodes {
		hops, err := store.Neighbors(ctx, graph.NeighborQuery{IDs: []registry.ID{n.ID}, Direction: graph.Upstream, LimitPerNode: 1000, Bare: true})
		if err != nil {
			return err
		}
		w.edges = append(w.edges, hops[0].Edges...)
	}
	w.log, err = store.Log(ctx, graph.LogQuery{Limit: 1000})
	for _, e := range w.log {
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
			w.place(string(value), "LogEntry."+field, row)
		}
	}
	return err
}

func (w *world) place(value, coordinate, row string) {
	for _, c := range canary.FindAllString(value, -1) {
		w.placed[c] = append(w.placed[c], placement{coordinate, row})
	}
}

// rows says whether a column's role sees a row: the rule of the first issue, over
// what was built.
func (w *world) rows(column, row string) bool {
	switch column {
	case admin:
		return true
	case viewer, developer, scopedDeveloper:
		return w.served[registry.ID(row)]
	case scopedScientist, dataScientist:
		for _, e := range w.log {
			if row == fmt.Sprintf("log entry %d", e.Seq) {
				return e.Model != "" && (column == dataScientist || e.Model == w.id["beta"])
			}
		}
		if column == scopedScientist {
			return w.beta[registry.ID(row)]
		}
		return registry.ID(row).Kind() != registry.KindActor
	}
	return false
}

// roleOf is the column of the golden file that holds for an actor.
func roleOf(who string) string {
	switch who {
	case scopedDeveloper:
		return developer
	case scopedScientist:
		return dataScientist
	}
	return who
}

// hidden returns the canaries that an actor must never meet, and the ids of the
// rows out of its sight, worked out from the golden file and the rows alone.
func (w *world) hidden(m matrix, who string) (canaries map[string]string, ids map[string]bool) {
	canaries, ids = map[string]string{}, map[string]bool{}
	for c, places := range w.placed {
		where := ""
		for _, p := range places {
			if m[p.coordinate][roleOf(who)] == "yes" && w.rows(who, p.row) {
				where = ""
				break
			}
			where = p.coordinate + " of " + p.row
		}
		if where != "" {
			canaries[c] = where
		}
	}
	for _, n := range w.nodes {
		seen := w.rows(who, string(n.ID)) && registry.NounOf(n.Kind) != nil
		if seen && m[registry.NounOf(n.Kind).Name+".id"][roleOf(who)] != "yes" {
			seen = false
		}
		if !seen {
			ids[string(n.ID)] = true
		}
	}
	for _, e := range w.edges {
		if ids[string(e.From)] || ids[string(e.To)] {
			ids[string(e.ID)] = true
		}
	}
	return canaries, ids
}

// unplanted are fields that hold no canary, and why.
var unplanted = map[string]string{
	"Model.incarnation": "a small number", "Model.lastNumber": "a small number", "ModelVersion.number": "a small number", "ModelVersion.stage": "a word of six",
	"ModelVersion.replacedBy": "an id, scanned as such", "ModelCard.status": "a word of six, from the version", "DatasetVersion.role": "a word of four",
	"Run.runKind": "a word of five", "Run.status": "a word of four", "Commit.repository": "an id, scanned as such", "Tag.repository": "an id, scanned as such",
	"Tag.annotated": "true or false", "Tag.dateInferred": "true or false", "Feature.of": "an id, scanned as such", "Deployment.versionId": "an id, scanned as such",
	"Deployment.live": "true or false, computed", "Alias.model": "an id, scanned as such", "Alias.versionId": "an id, scanned as such",
	"Transition.from": "a word of six", "Transition.to": "a word of six", "Transition.forced": "true or false", "Transition.ordinal": "a small number",
	"Transition.replacedBy": "an id, scanned as such", "LogEntry.seq": "a small number", "LogEntry.action": "one of a few words",
	"LogEntry.objects": "ids, scanned as such", "LogEntry.model": "an id, scanned as such",
}

// TestEveryFieldHoldsACanary holds the seed to the field table: each field of a
// stored document has a canary in it, or is on the list above.
func TestEveryFieldHoldsACanary(t *testing.T) {
	w := seeded(t)
	planted := map[string]int{}
	for _, places := range w.placed {
		for _, p := range places {
			planted[p.coordinate]++
		}
	}
	for _, n := range registry.Nouns() {
		for _, f := range n.Fields {
			if c := f.Coordinate(); f.Doc && planted[c] == 0 && unplanted[c] == "" {
				t.Errorf("%s holds no canary", c)
			} else if planted[c] > 0 && unplanted[c] != "" {
				t.Errorf("%s holds a canary and is listed as %q", c, unplanted[c])
			}
		}
	}
	t.Logf("%d canaries planted in %d fields of %d nodes and %d log entries", len(w.placed), len(planted), len(w.nodes), len(w.log))
}
