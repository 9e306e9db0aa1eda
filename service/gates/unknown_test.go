package gates_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/governance/gate"
	"pedigree/governance/gate/gatetest"
	"pedigree/graph"
	"pedigree/graph/migrate"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

func TestMain(m *testing.M) { neo4jtest.Main(m) }

// registryKit is a registry of random versions.
type registryKit struct {
	*testing.T
	*service.Service
	*gatetest.Generator
	ctx      context.Context
	now      time.Time
	versions []registry.ID
}

func onStore(t *testing.T, store graph.Store) *registryKit {
	t.Helper()
	k := &registryKit{T: t, Generator: gatetest.New(1), now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	k.Service = registrytest.Open(t, store, func() time.Time { return k.now })
	k.ctx = service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	return k
}

func must[T any](v T, err error) func(*registryKit) T {
	return func(k *registryKit) T {
		k.Helper()
		if err != nil {
			k.Fatal(err)
		}
		return v
	}
}

func (k *registryKit) some() bool { return k.IntN(3) > 0 }

// maybe returns a value, or that nobody recorded one.
func maybe[T any](k *registryKit, v T) *T {
	if k.some() {
		return &v
	}
	return nil
}

func (k *registryKit) word() string { return []string{"", "a", "b", "MIT"}[k.IntN(4)] }

func (k *registryKit) tags() (out []registry.KeyValue) {
	for _, key := range []string{"a", "licence", "license"} {
		if k.IntN(3) == 0 {
			out = append(out, registry.KeyValue{Key: key, Value: "b"})
		}
	}
	return out
}

// addVersion adds a version with what a random part of its provenance says.
func (k *registryKit) addVersion(i int) {
	k.Helper()
	model := fmt.Sprint("m", i%5)
	if i < 5 {
		must(k.RegisterModel(k.ctx, catalog.RegisterModelInput{Name: model, Owner: k.word(), Tags: k.tags()}))(k)
	}
	in := catalog.RegisterModelVersionInput{Model: model, Version: new(fmt.Sprintf("1.%d.0", i)), Owner: k.word(), Description: k.word(), Tags: k.tags()}
	if k.IntN(5) > 0 {
		in.Run = new(k.addRun(i))
	}
	for n := range k.IntN(3) {
		in.Artifacts = append(in.Artifacts, catalog.ArtifactInput{Name: fmt.Sprint("file", n), Digest: []string{"", "sha256:" + fmt.Sprintf("%064x", n)}[k.IntN(2)], SizeBytes: maybe(k, int64(n))})
	}
	if k.some() {
		in.Features = []registry.ID{must(k.RecordFeature(k.ctx, facts.RecordFeatureInput{Model: model, Name: fmt.Sprint("f", i), Type: k.word(), Owner: k.word()}))(k).Feature.ID}
	}
	if k.some() {
		in.Card = k.card()
	}
	v := must(k.RegisterModelVersion(k.ctx, in))(k).ModelVersion
	k.versions = append(k.versions, v.ID)
	if k.IntN(4) == 0 {
		for _, to := range []registry.Stage{registry.Staging, registry.Production} {
			must(k.TransitionModelVersion(k.ctx, catalog.TransitionModelVersionInput{ID: &v.ID, To: to, Force: true, Reason: "r"}))(k)
		}
	}
	if k.IntN(4) == 0 {
		must(k.RecordReview(k.ctx, governance.RecordReviewInput{Model: &model, Decision: registry.ReviewApproved}))(k)
	}
}

func (k *registryKit) card() *catalog.ModelCardInput {
	c := &catalog.ModelCardInput{Description: maybe(k, "a"), Limitations: []string{"a"}[:k.IntN(2)], Features: []string{"b"}[:k.IntN(2)]}
	if k.some() {
		c.Performance = &registry.Performance{Accuracy: maybe(k, 0.5), F1Score: maybe(k, 1.0), Metrics: []registry.Metric{{Name: "a", Value: 1}}[:k.IntN(2)]}
	}
	if k.some() {
		c.EthicalConsiderations = &registry.Ethics{FairnessChecked: maybe(k, k.some()), BiasAuditDone: maybe(k, k.some())}
	}
	if k.some() {
		c.ModelDetails = &registry.ModelDetails{Algorithm: k.word()}
	}
	return c
}

// addRun adds a run over some data, of a commit that is known, known by its sha alone, or not known.
func (k *registryKit) addRun(i int) registry.ID {
	k.Helper()
	in := facts.RecordRunInput{Producer: "test", RunID: fmt.Sprint("run", i), Name: k.word() + "x", RunKind: registry.RunTraining, Tags: k.tags(), Metrics: []registry.Metric{{Name: "a", Value: 0.5}}[:k.IntN(2)]}
	for n := range k.IntN(3) {
		d := facts.RecordDatasetVersionInput{Dataset: fmt.Sprint("d", k.IntN(12)), Version: fmt.Sprint(i, n), Role: []registry.DataRole{"", registry.RawData}[k.IntN(2)], Rows: maybe(k, int64(n)), Tags: k.tags()}
		in.Inputs = append(in.Inputs, must(k.RecordDatasetVersion(k.ctx, d))(k).DatasetVersion.ID)
	}
	if k.some() {
		sha := fmt.Sprintf("%040x", i+1)
		in.Commits = []string{sha}
		commit := facts.CommitInput{SHA: sha} // Nobody tells more than the sha.
		if k.some() {
			commit.Author, commit.Message = k.word(), "m"
		}
		must(k.RecordCommits(k.ctx, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "repo"}, Commits: []facts.CommitInput{commit}}))(k)
	}
	id := must(k.RecordRun(k.ctx, in))(k).Run.ID
	if len(in.Inputs) > 0 && k.IntN(6) == 0 {
		must(k.Recall(k.ctx, governance.RecallInput{Nodes: in.Inputs[:1], Reason: "r", Severity: registry.SeverityLow}))(k)
	}
	return id
}

// factsOf are the facts of every version, as conditions see them.
func (k *registryKit) factsOf() (out []gate.Facts) {
	k.Helper()
	for _, id := range k.versions {
		f := must(gates.FactsOf(k.ctx, k.Gatekeeper, id, registry.Production))(k)
		if err := gate.CheckFacts(f); err != nil {
			k.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// checkUnknown evaluates random conditions over facts that were read, and over the same facts with a value
// for each that is not known: an answer must be the answer whatever these are.
func checkUnknown(t *testing.T, read []gate.Facts, rounds int, asked func(gate.Facts) gate.Facts) (broken int) {
	t.Helper()
	g, count := gatetest.New(uint64(rounds)), map[registry.GateAnswer]int{}
	for round := range rounds {
		expression, known := g.Condition(), read[round%len(read)]
		c, err := gate.Compile(expression)
		if err != nil {
			t.Fatalf("round %d: %s: %v", round, expression, err)
		}
		part, err := c.Evaluate(t.Context(), asked(known))
		if err != nil {
			t.Fatal(err)
		}
		if count[part.Answer]++; part.Answer == registry.GateUnknown {
			continue
		}
		for range 3 {
			whole, err := c.Evaluate(t.Context(), g.Complete(known))
			if err != nil {
				t.Fatal(err)
			}
			if part.Answer != whole.Answer {
				broken++
			}
		}
	}
	for _, a := range []registry.GateAnswer{registry.GatePass, registry.GateFail, registry.GateUnknown} {
		if count[a] < rounds/20 {
			t.Errorf("only %d answers are %s: %v", count[a], a, count)
		}
	}
	t.Logf("%d conditions over %d versions: %v", rounds, len(read), count)
	return broken
}

// TestUnknownNeverPassesOverWhatStoresHold reads the facts of random versions from both stores, which must
// be the same, and evaluates random conditions over them. The registry is made on SQLite, and copied.
func TestUnknownNeverPassesOverWhatStoresHold(t *testing.T) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	made := onStore(t, store)
	for i := range 40 {
		made.addVersion(i)
		made.now = made.now.Add(time.Minute)
	}
	first := made.factsOf()
	asRead := func(f gate.Facts) gate.Facts { return f }
	t.Run("SQLite", func(t *testing.T) {
		if broken := checkUnknown(t, first, gatetest.Rounds(), asRead); broken > 0 {
			t.Errorf("%d answers are others when what is not known has a value", broken)
		}
		// Whoever takes what is not known for something, passes what should not: that is seen.
		g := gatetest.New(7)
		if broken := checkUnknown(t, first, 2000, g.Complete); broken == 0 {
			t.Error("it is not seen that what is not known was taken for something")
		}
	})
	t.Run("Neo4j", func(t *testing.T) {
		copied, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
		if err != nil {
			t.Fatal(err)
		}
		defer copied.Close()
		if _, err := migrate.Run(t.Context(), store, copied, nil); err != nil {
			t.Fatal(err)
		}
		k := onStore(t, copied)
		k.now, k.versions = made.now, made.versions
		read := k.factsOf()
		if diff := cmp.Diff(first, read); diff != "" {
			t.Errorf("the stores hold other facts: %s", diff)
		}
		if broken := checkUnknown(t, read, gatetest.Rounds(), asRead); broken > 0 {
			t.Errorf("%d answers are others when what is not known has a value", broken)
		}
	})
}
