package history

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/cache"
	"pedigree/graph/graphtest"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/resolvers/door"
	"pedigree/service"
	"pedigree/service/bulk"
	"pedigree/service/facts"
)

// pairs opens two stores on one empty database, as two servers do.
var pairs = []struct {
	name string
	open func(*testing.T) [2]graph.Store
}{
	{"SQLite", func(t *testing.T) (out [2]graph.Store) {
		path := filepath.Join(t.TempDir(), "p.db")
		for i := range out {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = cache.New(s, 0)
		}
		return out
	}},
	{"Neo4j", func(t *testing.T) (out [2]graph.Store) {
		namespace := neo4jtest.Namespace()
		for i := range out {
			s, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(namespace))
			if err != nil {
				t.Fatal(err)
			}
			out[i] = cache.New(s, 0)
		}
		return out
	}},
}

// newServer is a server on a store whose clock steps to and fro by up to two seconds.
func newServer(t *testing.T, store graph.Store) *testRegistry {
	t.Helper()
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time {
		return time.Now().Add(time.Duration(rand.IntN(4_000_000)-2_000_000) * time.Microsecond)
	}
	gate, err := policies.NewGate(t.Context(), store, table, clock)
	if err != nil {
		t.Fatal(err)
	}
	r := &testRegistry{T: t, service: service.New(gate)}
	r.graphQL = door.New(r.service, slog.New(slog.NewTextHandler(io.Discard, nil)), func(context.Context) string { return "" })
	r.adminContext = r.contextOf(registry.RoleAdmin)
	return r
}

// The batches give effects new causes and retract old ones, so that every commit changes the
// lineage of every effect.
const (
	effects          = 12
	causesPerEffect  = 10 // new ones in a batch; as many are retracted
	keptBatches      = 2  // the batches whose causes an effect has at a time
	commonCauses     = 20 // the causes that the new ones derive from
	retoldPerBatch   = 40
	factsOfOneBatch  = 400
	answersKeptToEnd = 50 // of each reader
)

func effectID(i int) registry.ID {
	return registry.DatasetVersionID(registry.DatasetID(registry.DefaultNamespace, fmt.Sprint("effect", i)), "1")
}

func commonID(i int) registry.ID {
	return registry.DatasetVersionID(registry.DatasetID(registry.DefaultNamespace, fmt.Sprint("common", i)), "1")
}

func causeName(batch, effect, i int) string { return fmt.Sprintf("cause-%d-%d-%d", batch, effect, i) }

func causeID(batch, effect, i int) registry.ID {
	return registry.DatasetVersionID(registry.DatasetID(registry.DefaultNamespace, causeName(batch, effect, i)), "1")
}

func datasetFact(name, description string, from ...registry.ID) bulk.FactInput {
	in := &facts.RecordDatasetVersionInput{Dataset: name, Version: "1", Description: description, DerivedFrom: from}
	for _, id := range from {
		in.Columns = []registry.Column{{Name: "a", DerivedFrom: []registry.ColumnSource{{DatasetVersion: id, Column: "a"}}}}
	}
	return bulk.FactInput{DatasetVersion: in}
}

// batchOfFacts is the batch with a number; 0 records the effects and common causes.
func batchOfFacts(batch int) (out []bulk.FactInput) {
	if batch == 0 {
		for i := range commonCauses {
			out = append(out, datasetFact(fmt.Sprint("common", i), ""))
		}
		for i := range effects {
			out = append(out, datasetFact(fmt.Sprint("effect", i), ""))
		}
		return out
	}
	for e := range effects {
		for i := range causesPerEffect {
			name := causeName(batch, e, i)
			out = append(out, datasetFact(name, "", commonID((e+i)%commonCauses)),
				bulk.FactInput{Link: &facts.LinkLineageInput{From: effectID(e), To: causeID(batch, e, i), Kind: registry.EdgeDerivedFrom}})
			if old := batch - keptBatches; old > 0 {
				out = append(out, bulk.FactInput{Retract: &facts.RetractLineageInput{From: effectID(e), To: causeID(old, e, i), Kind: registry.EdgeDerivedFrom}})
			}
			if i*effects+e < retoldPerBatch && batch > 1 { // A description is told later.
				out = append(out, datasetFact(causeName(batch-1, e, i), fmt.Sprint("told in batch ", batch)))
			}
		}
	}
	for i := 0; len(out) < factsOfOneBatch; i++ {
		out = append(out, datasetFact(fmt.Sprint("other-", batch, "-", i), ""))
	}
	return out
}

// recordOne links an effect to a common cause, or retracts that edge.
func recordOne(t *testing.T, r *testRegistry, i int) {
	var err error
	from, to, ctx := effectID(i%effects), commonID(i/effects%commonCauses), r.contextOf(registry.RoleAdmin)
	if i/(effects*commonCauses)%2 == 0 {
		_, err = r.service.LinkLineage(ctx, facts.LinkLineageInput{From: from, To: to, Kind: registry.EdgeDerivedFrom})
	} else {
		_, err = r.service.RetractLineage(ctx, facts.RetractLineageInput{From: from, To: to, Kind: registry.EdgeDerivedFrom})
	}
	if err != nil {
		t.Error(err)
	}
}

// answersThatNameTheirInstant are the queries of the test; $e and $f are effects, $c a common cause.
var answersThatNameTheirInstant = []string{
	`lineage(of: $e, first: 200 ARGS) { asOf knownAt nodes { depth layer upstreamDegree downstreamDegree node { id name ... on DatasetVersion { description } } } edges { id from to } truncation { reasons frontier } }`,
	`lineage(of: $e, first: 200 ARGS) { asOf knownAt nodes { node { id __typename name } } edges { id from to } }`,
	`lineage(of: $e, direction: BOTH, maxDepth: 2, first: 200 ARGS) { asOf knownAt nodes { depth node { id name } } edges { id from to validFrom } truncation { reasons } }`,
	`lineage(of: $c, direction: DOWNSTREAM, maxDepth: 3, first: 200 ARGS) { asOf knownAt nodes { depth node { id name } } edges { id } truncation { reasons } }`,
	`lineageCounts(of: $e ARGS) { asOf knownAt counts { kind depth count } nodes edges }`,
	`impact(of: [$c], targets: [DATASET_VERSION], first: 100 ARGS) { asOf knownAt totalCount edges { depth node { id name ... on DatasetVersion { description } } path { id } } }`,
	`provenance(of: $e ARGS) { asOf knownAt rawSources { id } datasets { id ... on DatasetVersion { description } } gaps { code node { id } } }`,
	`paths(from: $e, to: $c, k: 5 ARGS) { asOf knownAt exhaustive paths { length nodes { id name } } onAnyPath { edges { id } } }`,
	`lineageDiff(a: $e, b: $f ARGS) { asOf knownAt identical datasets { added { id } removed { id } } }`,
	`columnLineage(of: $c, column: "a", direction: DOWNSTREAM ARGS) { asOf knownAt columns { column depth node { id description } from { datasetVersion column } } truncation { reasons } }`,
	`lineageExport(of: $e, format: OPENLINEAGE ARGS) { asOf knownAt truncation { reasons } }`,
}

var namedInstant = regexp.MustCompile(`"asOf":"([^"]+)","knownAt":"([^"]+)"`)

// repeatableRead is a query and its answer.
type repeatableRead struct {
	query, answer string
	asOf, knownAt string
}

// randomRead asks one of the queries about now.
func randomRead(r *testRegistry, i int) repeatableRead {
	q := answersThatNameTheirInstant[i%len(answersThatNameTheirInstant)]
	e := rand.IntN(effects)
	q = strings.NewReplacer("$e", quote(effectID(e)), "$f", quote(effectID((e+1)%effects)), "$c", quote(commonID(rand.IntN(commonCauses)))).Replace(q)
	out := repeatableRead{query: q, answer: r.ask(registry.RoleAdmin, "{ "+strings.ReplaceAll(q, "ARGS", "")+" }", nil)}
	if m := namedInstant.FindStringSubmatch(out.answer); m != nil && !strings.Contains(out.answer, `"errors"`) {
		out.asOf, out.knownAt = m[1], m[2]
	}
	return out
}

func quote(id registry.ID) string { b, _ := json.Marshal(id); return string(b) }

// again asks with the instant that the answer named.
func (a repeatableRead) again(r *testRegistry) string {
	return r.ask(registry.RoleAdmin, "{ "+strings.ReplaceAll(a.query, "ARGS", fmt.Sprintf(", asOf: %q, knownAt: %q", a.asOf, a.knownAt))+" }", nil)
}

// TestAnAnswersKnownAtIsRepeatable writes batches of facts through two servers on one
// database, whose clocks step to and fro. Meanwhile readers ask either server, and then ask
// either server with the asOf and knownAt that the answer named: it is the same, byte for
// byte, at once and at the end. A full run makes 10,000 reads on each store.
func TestAnAnswersKnownAtIsRepeatable(t *testing.T) {
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			reads := int64(40 * graphtest.Rounds())
			if graphtest.Rounds() >= 40 {
				reads = 10_000
			}
			var servers [2]*testRegistry
			for i, store := range pair.open(t) {
				servers[i] = newServer(t, store)
			}
			record := func(batch int) {
				r := servers[batch%2]
				if _, err := r.service.RecordFacts(r.contextOf(registry.RoleAdmin), bulk.RecordFactsInput{Facts: batchOfFacts(batch)}); err != nil {
					t.Error(err)
				}
			}
			record(0)
			var done, differ, changed atomic.Int64
			var writers, readers sync.WaitGroup
			// The readers pace the writers: a batch now and then, at most 40 in all, so that the
			// graph stays small, and for each read a small commit, which often falls between the
			// reads of one answer.
			everyBatch := max(40, reads/40)
			nextBatch, nextOne := make(chan struct{}, 1), make(chan struct{}, 1)
			batches := 0
			writers.Go(func() {
				for range nextBatch {
					batches++
					record(batches)
				}
			})
			writers.Go(func() {
				i := 0
				for range nextOne {
					recordOne(t, servers[i%2], i)
					i++
				}
			})
			signal := func(to chan struct{}) {
				select {
				case to <- struct{}{}:
				default: // The writer is behind.
				}
			}
			kept := make(chan repeatableRead, 4*answersKeptToEnd)
			for range 4 {
				readers.Go(func() {
					for n := 0; ; n++ {
						i := done.Add(1)
						if i > reads || t.Failed() && differ.Load() > 20 {
							return
						}
						if signal(nextOne); i%everyBatch == 1 {
							signal(nextBatch)
						}
						a := randomRead(servers[rand.IntN(2)], int(i))
						if a.knownAt == "" {
							t.Errorf("%s\n%.300s", a.query, a.answer)
							return
						}
						if again := a.again(servers[rand.IntN(2)]); again != a.answer {
							if differ.Add(1) <= 3 {
								t.Errorf("%s\nas of %s, known at %s\nwas %s\nnow %s", a.query, a.asOf, a.knownAt, a.answer, again)
							}
						}
						if n < answersKeptToEnd {
							kept <- a
						}
					}
				})
			}
			readers.Wait()
			close(nextBatch)
			close(nextOne)
			writers.Wait()
			close(kept)
			for a := range kept {
				if again := a.again(servers[0]); again != a.answer {
					t.Errorf("at the end: %s\nas of %s, known at %s\nwas %.2000s\nnow %.2000s", a.query, a.asOf, a.knownAt, a.answer, again)
				}
				if now := servers[0].ask(registry.RoleAdmin, "{ "+strings.ReplaceAll(a.query, "ARGS", "")+" }", nil); namedInstant.ReplaceAllString(now, "") != namedInstant.ReplaceAllString(a.answer, "") {
					changed.Add(1)
				}
			}
			t.Logf("%d of %d reads differ when they are repeated; %d batches of %d facts, and smaller ones, were written meanwhile", differ.Load(), reads, batches, factsOfOneBatch)
			if changed.Load() < 10 || batches < 2 {
				t.Errorf("%d answers changed in %d batches: too few to show anything", changed.Load(), batches)
			}
		})
	}
}
