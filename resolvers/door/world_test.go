package door

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql/executor"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/resolvers"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// readCounter counts the reads of a store. pause, when set, runs before each of them.
type readCounter struct {
	graph.Store
	reads atomic.Int64
	pause func()
}

func (c *readCounter) count() {
	c.reads.Add(1)
	if c.pause != nil {
		c.pause()
	}
}

func (c *readCounter) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	c.count()
	return c.Store.Nodes(ctx, at, ids...)
}

func (c *readCounter) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	c.count()
	return c.Store.Find(ctx, q)
}

func (c *readCounter) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	c.count()
	return c.Store.Neighbors(ctx, q)
}

func (c *readCounter) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	c.count()
	return c.Store.Closure(ctx, q)
}

func (c *readCounter) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	c.count()
	return c.Store.Log(ctx, q)
}

// DumpCounts and SetCounts pass on: the store keeps counters.
func (c *readCounter) DumpCounts(ctx context.Context, after graph.Count, limit int) ([]graph.Count, error) {
	return graph.CountersOf(c.Store).DumpCounts(ctx, after, limit)
}

func (c *readCounter) SetCounts(ctx context.Context, counts ...graph.Count) error {
	return graph.CountersOf(c.Store).SetCounts(ctx, counts...)
}

func (c *readCounter) AddCounts(ctx context.Context, counts ...graph.Count) error {
	return graph.CountersOf(c.Store).AddCounts(ctx, counts...)
}

func (c *readCounter) Counts(ctx context.Context, since string, keys ...graph.CountKey) ([][]graph.Count, error) {
	c.count()
	return graph.CountersOf(c.Store).Counts(ctx, since, keys...)
}

// world is a registry that has n of everything: n models, n versions of one model, n runs that
// one version comes from.
type world struct {
	*testing.T
	n       int
	store   *readCounter
	service *service.Service
	http.Handler
	// ids are the ids of the nodes that every test of the world needs, by kind, and of single
	// ones by name.
	ids  map[registry.Kind][]registry.ID
	name map[string]registry.ID
	now  time.Time
	// bundle is a signed one, by a key that nobody trusts.
	bundle string
	// bare has the answers that extra compares with, and how often they read.
	bare map[string]bareAnswer
}

func newWorld(t *testing.T, n int, options ...service.Option) *world {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, n: n, store: &readCounter{Store: store}, ids: map[registry.Kind][]registry.ID{}, name: map[string]registry.ID{}, bare: map[string]bareAnswer{}}
	start, ticks := time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC), atomic.Int64{}
	gate, err := policies.NewGate(t.Context(), w.store, table, func() time.Time { return start.Add(time.Duration(ticks.Add(1)) * time.Millisecond) })
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := os.ReadFile(filepath.Join("..", "..", "signing", "testdata", "key-prime256v1.sig"))
	if err != nil {
		t.Fatal(err)
	}
	w.bundle = string(bundle)
	w.service = service.New(gate, options...)
	w.Handler = unlimited(w.service)
	w.code()
	w.data()
	for i := range n {
		w.model(i)
	}
	w.hub("8.0.0", "1.1.0", "before")
	w.hub("9.0.0", "1.0.0", "after")
	w.access()
	w.records()
	w.govern()
	w.now = w.service.Now()
	return w
}

// unlimited returns a handler that takes operations of any size.
func unlimited(s *service.Service) *httpHandler {
	schema := resolvers.Schema(s)
	exec := executor.New(schema)
	exec.SetQueryCache(preparedCache{})
	exec.Use(fieldMasks{})
	exec.Use(deprecatedVersions{s})
	exec.Use(&directAnswers{service: s})
	return &httpHandler{exec: exec, documents: newDocuments(schema.Schema()), service: s}
}

// ok fails the test on an error.
func ok[V any](w *world) func(V, error) V {
	return func(v V, err error) V {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
		return v
	}
}

// keep keeps the id of a node.
func (w *world) keep(n registry.Node, name string) registry.ID {
	m := n.NodeMeta()
	w.ids[m.Kind], w.name[name] = append(w.ids[m.Kind], m.ID), m.ID
	return m.ID
}

// all returns the ids of the nodes with these names, for each number.
func (w *world) all(names ...string) (out []registry.ID) {
	for i := range w.n {
		for _, name := range names {
			out = append(out, w.name[fmt.Sprint(name, i)])
		}
	}
	return out
}

func sha(of string, i int) string { return fmt.Sprintf("%x%039x", of[0]&15, i+1) }

// code records a repository with n commits and tags, and n repositories with one of each.
func (w *world) code() {
	admin := as(w.T, registry.RoleAdmin)
	record := func(repo, of string, i int, parents ...string) {
		in := facts.RepositoryInput{Name: repo}
		c := ok[*facts.RecordCommitsPayload](w)(w.service.RecordCommits(admin, facts.RecordCommitsInput{Repository: in,
			Commits: []facts.CommitInput{{SHA: sha(of, i), Parents: parents, Message: "common " + of}}}))
		if i == 0 || of == "b" {
			w.keep(c.Repository, repo)
		}
		w.keep(c.Commits[0], fmt.Sprint("commit ", of, i))
		tag := ok[*facts.RecordTagPayload](w)(w.service.RecordTag(admin, facts.RecordTagInput{Repository: in, Name: fmt.Sprint("tag", i), SHA: sha(of, i), Message: "common"}))
		w.keep(tag.Tag, fmt.Sprint("tag ", of, i))
	}
	ok[*facts.RecordCommitsPayload](w)(w.service.RecordCommits(admin, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "common"},
		Commits: []facts.CommitInput{{SHA: sha("a", 98)}}}))
	for i := range w.n {
		parent := sha("a", i-1)
		if i == 0 {
			parent = sha("a", 98)
		}
		record("common", "a", i, parent)
		record(fmt.Sprint("common ", i), "b", i)
	}
}

// data records n versions of a raw dataset, and n datasets of two versions that were made from
// them, with columns and features.
func (w *world) data() {
	admin := as(w.T, registry.RoleAdmin)
	record := func(in facts.RecordDatasetVersionInput, name string) registry.ID {
		in.Description = "common"
		return w.keep(ok[*facts.RecordDatasetVersionPayload](w)(w.service.RecordDatasetVersion(admin, in)).DatasetVersion, name)
	}
	for i := range w.n {
		record(facts.RecordDatasetVersionInput{Dataset: "common raw", Version: fmt.Sprint(i), Columns: []registry.Column{{Name: "x"}}}, fmt.Sprint("raw", i))
	}
	for i := range w.n {
		name := fmt.Sprint("common ", i)
		var columns []registry.Column
		for j := range w.n {
			columns = append(columns, registry.Column{Name: fmt.Sprint("c", j), DerivedFrom: []registry.ColumnSource{{DatasetVersion: w.name[fmt.Sprint("raw", j)], Column: "x"}}})
		}
		for _, side := range []string{"before", "after"} {
			run := w.run("etl "+side, name, i, []registry.ID{w.name["raw0"], w.name[fmt.Sprint("raw", i)]})
			dv := record(facts.RecordDatasetVersionInput{Dataset: name, Version: side, GeneratedBy: &run, Columns: columns}, fmt.Sprint("data ", side, i))
			_ = dv
		}
		// Features of one name: one on the data, which later versions use, and one of the model hub.
		on := w.name[fmt.Sprint("data after", i)]
		f := ok[*facts.RecordFeaturePayload](w)(w.service.RecordFeature(admin, facts.RecordFeatureInput{Name: name, DefinedOn: &on, Column: "c0", Description: "common"}))
		w.keep(f.Feature, fmt.Sprint("feature after", i))
	}
	ok[*catalog.ModelPayload](w)(w.service.RegisterModel(admin, catalog.RegisterModelInput{Name: "hub", Description: "common"}))
	for i := range w.n {
		f := ok[*facts.RecordFeaturePayload](w)(w.service.RecordFeature(admin, facts.RecordFeatureInput{Name: fmt.Sprint("common ", i), Model: "hub", Description: "common"}))
		w.keep(f.Feature, fmt.Sprint("feature before", i))
	}
}

func (w *world) run(producer, name string, i int, inputs []registry.ID, commits ...string) registry.ID {
	r := ok[*facts.RecordRunPayload](w)(w.service.RecordRun(as(w.T, registry.RoleAdmin), facts.RecordRunInput{Producer: producer, RunID: fmt.Sprint(i), Name: name,
		Description: "common", RunKind: registry.RunTraining, Inputs: inputs, Commits: commits}))
	return w.keep(r.Run, fmt.Sprint(producer, i))
}

func (w *world) move(id registry.ID, stages ...registry.Stage) {
	for _, st := range stages {
		t := ok[*catalog.TransitionModelVersionPayload](w)(w.service.TransitionModelVersion(as(w.T, registry.RoleAdmin), catalog.TransitionModelVersionInput{ID: &id, To: st}))
		w.ids[registry.KindTransition] = append(w.ids[registry.KindTransition], t.Transition.ID)
	}
}

// model registers a model with two versions, of which the second replaced the first one.
func (w *world) model(i int) {
	admin, name := as(w.T, registry.RoleAdmin), fmt.Sprint("common ", i)
	tag := w.name[fmt.Sprint("tag a", i)]
	for k, version := range []string{"1.0.0", "1.1.0"} {
		run := w.run("train "+version, name, i, []registry.ID{w.name[fmt.Sprint("data after", i)]}, []string{sha("b", i), sha("a", i)}[k:]...)
		v := ok[*catalog.RegisterModelVersionPayload](w)(w.service.RegisterModelVersion(admin, catalog.RegisterModelVersionInput{Model: name, Version: &version, CreateModel: true,
			Description: "common", Run: &run, ReleasedFrom: &tag, Features: w.all("feature after")[i : i+1], Artifacts: []catalog.ArtifactInput{{Name: "m", URI: "s3://b/m"}},
			Card: &catalog.ModelCardInput{Description: new("common")}})).ModelVersion
		w.keep(v, fmt.Sprint("version ", version, i))
		w.ids[registry.KindModel] = append(w.ids[registry.KindModel], v.Parent)
		w.ids[registry.KindCard] = append(w.ids[registry.KindCard], registry.CardID(v.ID))
		w.ids[registry.KindArtifact] = append(w.ids[registry.KindArtifact], registry.ArtifactID(v.ID, "m"))
		s := ok[*catalog.AttachSignaturePayload](w)(w.service.AttachSignature(admin, catalog.AttachSignatureInput{ID: &v.ID, Bundle: w.bundle}))
		w.ids[registry.KindSignature] = append(w.ids[registry.KindSignature], s.Signature.ID)
		w.move(v.ID, registry.Staging, registry.Production)
		a := ok[*catalog.SetAliasPayload](w)(w.service.SetAlias(admin, catalog.SetAliasInput{Model: name, Alias: fmt.Sprint("alias", k), Version: version}))
		w.keep(a.Alias, fmt.Sprint("alias ", version, i))
		d := ok[*facts.RecordDeploymentPayload](w)(w.service.RecordDeployment(admin, facts.RecordDeploymentInput{ID: &v.ID, Environment: "common", Endpoint: fmt.Sprint(version, i), Description: "common"}))
		w.keep(d.Deployment, fmt.Sprint("deployment ", version, i))
	}
}

// hub registers a version of the model hub that has n of everything, and comes from the versions
// of all models.
func (w *world) hub(version, of, side string) {
	admin := as(w.T, registry.RoleAdmin)
	var commits []string
	for i := range w.n {
		commits = append(commits, sha(map[string]string{"before": "a", "after": "b"}[side], i))
	}
	run := w.run("hub "+side, "hub", 0, w.all("data "+side), commits...)
	in := catalog.RegisterModelVersionInput{Model: "hub", Version: &version, Description: "common", Run: &run, DerivedFrom: w.all("version " + of), Features: w.all("feature " + side),
		Card: &catalog.ModelCardInput{Description: new("common")}}
	for i := range w.n {
		in.Artifacts = append(in.Artifacts, catalog.ArtifactInput{Name: fmt.Sprint(i), URI: "s3://b/m"})
	}
	v := ok[*catalog.RegisterModelVersionPayload](w)(w.service.RegisterModelVersion(admin, in)).ModelVersion
	w.keep(v, "hub "+side)
	w.name["hub"] = v.Parent
	for i := range w.n {
		ok[*catalog.AttachSignaturePayload](w)(w.service.AttachSignature(admin, catalog.AttachSignatureInput{ID: &v.ID, Bundle: w.bundle[:1] + strings.Repeat(" ", i) + w.bundle[1:]}))
		ok[*catalog.SetAliasPayload](w)(w.service.SetAlias(admin, catalog.SetAliasInput{Model: "hub", Alias: fmt.Sprint(side, i), Version: version}))
		ok[*facts.RecordDeploymentPayload](w)(w.service.RecordDeployment(admin, facts.RecordDeploymentInput{ID: &v.ID, Environment: "common", Endpoint: fmt.Sprint(i), Description: "common"}))
	}
}

// records adds versions of the hub in DEVELOPMENT, and 2n records to each of its large ones. It
// has less than 20 versions in all: a list of the past reads more than that in several steps.
func (w *world) records() {
	for range w.n {
		for _, side := range []string{"before", "after"} {
			w.move(w.name["hub "+side], registry.Staging, registry.Development)
		}
	}
	for i := range min(w.n, 15) {
		version := fmt.Sprintf("1.%d.0", i)
		ok[*catalog.RegisterModelVersionPayload](w)(w.service.RegisterModelVersion(as(w.T, registry.RoleAdmin), catalog.RegisterModelVersionInput{Model: "hub", Version: &version}))
	}
}

// access makes subjects, and a few versions of the policy.
func (w *world) access() {
	for i := range w.n {
		ok[*access.RoleAssignmentPayload](w)(w.service.AssignRole(as(w.T, registry.RoleAdmin), access.AssignRoleInput{Subject: fmt.Sprint("subject ", i), Role: registry.RoleViewer}))
	}
	for i := range min(w.n, 3) {
		ok[*access.PolicyPayload](w)(w.service.PutPolicyRule(as(w.T, registry.RoleAdmin), access.PutPolicyRuleInput{Role: fmt.Sprint("r", i), Object: "catalog.read", Act: "DO"}))
	}
}

// govern guards the n small models, requests a transition of each, which somebody else approves,
// and reviews them. The versions then go back.
func (w *world) govern() {
	admin := as(w.T, registry.RoleAdmin)
	for i, id := range w.all("version 1.1.0") {
		name := fmt.Sprint("common ", i)
		g := ok[*governance.GuardPayload](w)(w.service.PutTransitionGuard(admin, governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: &name},
			Profile: registry.ProfileGuarded, Stages: []registry.Stage{registry.Canary}}))
		w.keep(g.Guard, fmt.Sprint("guard", i))
		p := ok[*gates.GatePayload](w)(w.service.PutGate(admin, gates.PutGateInput{GateInput: gates.GateInput{Name: fmt.Sprint("gate ", i), Expression: "version.owner != ''", Models: []string{name},
			Stages: []registry.Stage{registry.Canary}, Mode: registry.GateWarn}}))
		w.keep(p.Gate, fmt.Sprint("gate", i))
		t := ok[*catalog.TransitionModelVersionPayload](w)(w.service.TransitionModelVersion(admin, catalog.TransitionModelVersionInput{ID: &id, To: registry.Canary}))
		w.keep(t.Request, fmt.Sprint("request", i))
		other := service.As(w.Context(), registry.Actor{Subject: "another", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
		ok[*governance.RequestPayload](w)(w.service.ApproveTransition(other, governance.DecideInput{ID: t.Request.ID}))
		w.move(id, registry.Production)
		ok[*catalog.ModelPayload](w)(w.service.SetReviewPlan(admin, governance.SetReviewPlanInput{Model: &name, IntervalDays: new(30)}))
		r := ok[*governance.RecordReviewPayload](w)(w.service.RecordReview(admin, governance.RecordReviewInput{Model: &name, Version: new("1.1.0"), Decision: registry.ReviewApproved}))
		w.keep(r.Review, fmt.Sprint("review", i))
		w.deprecate(name, i)
		w.recall(i)
	}
}

// deprecate announces the deprecation that the replacement of a version has opened, and answers
// for a consumer.
func (w *world) deprecate(model string, i int) {
	admin := as(w.T, registry.RoleAdmin)
	d := ok[*governance.DeprecationsPayload](w)(w.service.AnnounceDeprecation(admin, governance.AnnounceDeprecationInput{Model: model, Versions: []string{"1.0.0"}, Guide: "common", Sunset: w.service.Now().AddDate(1, 0, 0)}))
	w.keep(d.Deprecations[0], fmt.Sprint("deprecation", i))
	old := w.name[fmt.Sprint("version 1.0.0", i)]
	c := ok[*governance.ConfirmMigrationPayload](w)(w.service.ConfirmMigration(admin, governance.ConfirmMigrationInput{ID: &old, Consumer: new("team")}))
	w.keep(c.Consumer, fmt.Sprint("consumer", i))
}

// recall recalls a version that is deployed, and accepts that it is.
func (w *world) recall(i int) {
	admin := as(w.T, registry.RoleAdmin)
	id := w.name[fmt.Sprint("version 1.0.0", i)]
	d := ok[*facts.RecordDeploymentPayload](w)(w.service.RecordDeployment(admin, facts.RecordDeploymentInput{ID: &id, Environment: "recalled"}))
	w.keep(d.Deployment, fmt.Sprint("recalled deployment", i))
	r := ok[*governance.RecallPayload](w)(w.service.Recall(admin, governance.RecallInput{Nodes: []registry.ID{id}, Reason: "common", Severity: registry.SeverityLow}))
	w.keep(r.Recall, fmt.Sprint("recall", i))
	res := ok[*governance.RecallResolutionPayload](w)(w.service.ResolveRecallDeployment(admin, governance.ResolveRecallDeploymentInput{Recall: r.Recall.ID, Deployment: d.Deployment.ID,
		Handling: registry.HandledAccepted, Reason: "common"}))
	w.keep(res.Resolution, fmt.Sprint("resolution", i))
}

// answer is an answer of GraphQL.
type answer struct {
	Data   map[string]any
	Errors []struct{ Message string }
}

// ask sends a query as an administrator, and returns the answer and how often it read the store.
func (w *world) ask(query string) (answer, int64) {
	w.Helper()
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		w.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body)).WithContext(as(w.T, registry.RoleAdmin))
	r.Header.Set("Content-Type", "application/json")
	rec, before := httptest.NewRecorder(), w.store.reads.Load()
	w.ServeHTTP(rec, r)
	reads := w.store.reads.Load() - before
	var a answer
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil || len(a.Errors) > 0 {
		w.Fatalf("%s\n%v %.600s", query, err, rec.Body)
	}
	return a, reads
}

// quoted writes ids as a list: the first ten and the last ten.
func quoted(ids []registry.ID) string {
	var out []string
	for i, id := range ids {
		if i < 10 || i >= len(ids)-10 {
			out = append(out, fmt.Sprintf("%q", id))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// past is an instant after all that the world holds.
func (w *world) past() string { return w.now.Format(time.RFC3339Nano) }
