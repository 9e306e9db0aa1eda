package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
)

// grown is a store of a size, and a service on it. Of everything that a use case reads or
// writes there are size others beside it: siblings under the same parent, and nodes of the
// same kind elsewhere.
type grown struct {
	*testing.T
	*service.Service
	store *sqlite.Store
	size  int
	nodes []*graph.Node
	edges []*graph.Edge
	// counts are counters beside the graph.
	counts []graph.Count
	// model has size versions and aliases, quiet has few.
	model, quiet registry.ID
	repository   registry.ID
	// hook is the webhook of subject0.
	hook registry.ID
	// restricted says that the caller does not see all that a use case is about.
	restricted bool
	// folder has the files of versions.
	folder string
}

// start is when the oldest nodes came to be; minute n is n minutes later.
var start = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }

func grow(t *testing.T, size int) *grown {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"), sqlite.WithReaders(1), sqlite.WithoutMemory())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	g := &grown{T: t, store: store, size: size}
	g.catalog()
	g.facts()
	g.write()
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.folder = filepath.Join(t.TempDir(), "artifacts")
	files, err := blobs.New("file://" + g.folder)
	if err != nil {
		t.Fatal(err)
	}
	g.Service = service.New(gate, service.WithBlobs(files, 1000))
	g.addWebhooks()
	return g
}

// add encodes a noun that came to be at a time.
func (g *grown) add(n registry.Node, id, parent registry.ID, name string, at time.Time, slots ...string) registry.ID {
	*n.NodeMeta() = registry.Meta{ID: id, Kind: id.Kind(), Parent: parent, ValidFrom: at}
	node, err := core.EncodeNode(n, name, at, slots...)
	if err != nil {
		g.Fatal(err)
	}
	g.nodes = append(g.nodes, node)
	return id
}

func (g *grown) link(kind registry.EdgeKind, from, to registry.ID, at time.Time) {
	g.edges = append(g.edges, &graph.Edge{Kind: kind, From: from, To: to, ValidFrom: at, By: "tester"})
}

func (g *grown) addModel(name, owner string, at time.Time, tags ...registry.KeyValue) registry.ID {
	return g.add(&registry.Model{Name: name, Owner: owner, Tags: tags, CreatedAt: at, UpdatedAt: at, Incarnation: 1, NextReview: at}, registry.ModelID(name, 1), "", name, at, registry.ModelNameSlot(name))
}

func (g *grown) addVersion(model registry.ID, name string, n int, stage registry.Stage, owner string, tags ...registry.KeyValue) registry.ID {
	text, at := fmt.Sprintf("1.0.%d", n), minute(n)
	var slots []string
	if stage == registry.Production {
		slots = append(slots, registry.ProductionSlot(model))
	}
	v := &registry.ModelVersion{Name: "model-" + name + "-v" + text, ModelID: name + "-v" + text, ModelName: name, Version: text, Number: n + 1, Stage: stage, Owner: owner, Tags: tags,
		Creator: "tester", CreatedDate: at, RecordedAt: at, UpdatedAt: at}
	return g.add(v, registry.ModelVersionID(model, text), model, v.Name, at, slots...)
}

// catalog adds the model big with many versions, transitions, aliases and deployments, the
// model quiet with few, and many models of one version.
func (g *grown) catalog() {
	g.model, g.quiet = g.addModel("big", "ada", start), g.addModel("quiet", "ada", start)
	for i := range g.size {
		stage := registry.Development
		switch {
		case i == 5:
			stage = registry.Production
		case i < 5:
			stage = registry.Staging
		}
		v := g.addVersion(g.model, "big", i, stage, "ada", tagsOf(i)...)
		g.add(&registry.ModelCard{Description: fmt.Sprint("card ", i)}, registry.CardID(v), v, "card", minute(i))
		g.addAlias(g.model, v, i, time.Time{})
		subject, role := fmt.Sprint("subject", i), registry.RoleViewer
		if i == 0 {
			role = registry.RoleAdmin
		}
		g.add(&registry.Actor{Subject: subject, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, registry.ActorID(subject), "", subject, minute(i))
		g.add(&registry.PolicyVersion{Number: i + 1}, registry.PolicyVersionID(i+1), "", "", minute(i))
		name := fmt.Sprintf("m%06d", i)
		m := g.addModel(name, "bob", minute(i), tagsOf(i)...)
		if i >= 6 && i < 900 {
			stage = registry.Deprecated // As many as a filter may match to be read first.
		}
		g.addVersion(m, name, 0, stage, "bob")
	}
	first := registry.ModelVersionID(g.model, "1.0.0")
	for i := range g.size {
		t := &registry.Transition{From: registry.Staging, To: registry.Development, At: minute(g.size + i), By: "tester", Ordinal: i + 1}
		g.add(t, registry.TransitionID(first, i+1), first, fmt.Sprintf("%08d", i+1), t.At)
	}
	for i := range 8 {
		v := g.addVersion(g.quiet, "quiet", i, registry.Development, "ada")
		g.add(&registry.ModelCard{Description: "card"}, registry.CardID(v), v, "card", minute(i))
	}
	for i := range g.size + 3 {
		end := minute(i + 1)
		if i < 3 {
			end = time.Time{}
		}
		g.addAlias(g.quiet, registry.ModelVersionID(g.quiet, "1.0.1"), i, end)
	}
	for i := range g.size {
		d := &registry.Deployment{Name: fmt.Sprintf("d%06d", i), Environment: "old", Endpoint: fmt.Sprint(i), VersionID: first, ModelName: "big", Version: "1.0.0", Owner: "ada", StartedAt: minute(i)}
		if i >= 5 {
			d.EndedAt = minute(i + 1)
		}
		id := g.add(d, registry.DeploymentID("old", d.Endpoint, first, d.StartedAt), "", d.Name, d.StartedAt)
		g.link(registry.EdgeDeploys, id, first, d.StartedAt)
	}
}

func (g *grown) addAlias(model, version registry.ID, n int, end time.Time) {
	name := fmt.Sprintf("alias-%06d", n)
	a := &registry.Alias{Name: name, Model: model, VersionID: version, Version: fmt.Sprintf("1.0.%d", n), SetBy: "tester", SetAt: minute(n)}
	g.add(a, registry.AliasID(model, name), model, name, minute(n))
	last := g.nodes[len(g.nodes)-1]
	if last.ValidTo = end; !end.IsZero() {
		last.Columns = nil
	}
}

// facts adds many runs, datasets, versions of one dataset, commits and tags.
func (g *grown) facts() {
	big := g.add(&registry.Dataset{Name: "big", Namespace: "ns", CreatedAt: start}, registry.DatasetID("ns", "big"), "", "big", start)
	g.repository = g.add(&registry.Repository{Name: "repo"}, registry.RepositoryID("repo"), "", "repo", start)
	for i := range g.size {
		at := minute(i)
		name := fmt.Sprintf("n%06d", i)
		g.add(&registry.DatasetVersion{Name: "big", Namespace: "ns", Version: name, Role: registry.RawData, CreatedAt: at}, registry.DatasetVersionID(big, name), big, "big", at)
		g.add(&registry.Dataset{Name: name, Namespace: "others", Owner: "ada", CreatedAt: at}, registry.DatasetID("others", name), "", name, at)
		g.add(&registry.Run{Name: name, Producer: "p", RunID: name, RunKind: "ETL", StartedAt: at}, registry.NewRunID("p", name), "", name, at)
		sha := fmt.Sprintf("%040x", i+1)
		commit := g.add(&registry.Commit{Name: sha[:12], SHA: sha, Role: "feat", Repository: "repo", CommittedAt: at}, registry.CommitID(sha), g.repository, sha[:12], at)
		g.add(&registry.Feature{Name: name, Of: string(g.model), CreatedAt: at}, registry.FeatureID(g.model, name), g.model, name, at)
		tag := g.add(&registry.Tag{Name: name, Repository: "repo", SHA: sha, TaggedAt: at}, registry.TagID(g.repository, name, sha), g.repository, name, at, registry.TagSlot(g.repository, name))
		g.link(registry.EdgePointsAt, tag, commit, at)
		g.addUse(big, "wrote", 2*i, name)
		g.addUse(big, "read", 2*i+1, name)
	}
	g.servedFacts()
	g.tokens()
	g.governance()
	g.signatures()
}

// addUse adds a record of an event: that a run wrote or read a dataset n minutes after start.
func (g *grown) addUse(dataset registry.ID, kind string, n int, version string) {
	run := fmt.Sprintf("0190a1b2-0000-7000-8000-%012d", n)
	doc, err := registry.Canonical(map[string]any{"runId": run, "at": minute(n), "version": version})
	if err != nil {
		g.Fatal(err)
	}
	g.nodes = append(g.nodes, &graph.Node{ID: registry.NewID(registry.KindDatasetUse, string(dataset), kind, run), Kind: registry.KindDatasetUse, Parent: dataset,
		Name: fmt.Sprintf("%s/%020d/%s", kind, minute(n).UnixMicro(), run), ValidFrom: minute(n), Doc: doc})
}

// tokens adds many tokens of one subject.
func (g *grown) tokens() {
	root := g.add(&registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, registry.ActorID("root"), "", "", start)
	for i := range g.size {
		hash := fmt.Sprintf("%064x", i)
		g.add(&registry.Token{Subject: "root", Name: hash, CreatedAt: minute(i)}, registry.TokenID(hash), root, hash, minute(i), registry.TokenSlot(hash))
	}
}

// governance adds many requests and reviews of the model big, of which few are open or mine, and
// guards the model quiet.
func (g *grown) governance() {
	first := registry.ModelVersionID(g.model, "1.0.0")
	for i := range g.size {
		r := &registry.TransitionRequest{VersionID: first, OfModel: g.model, ModelName: "big", Version: "1.0.0", From: registry.Staging, To: registry.Canary, Status: registry.RequestExecuted,
			RequestedBy: "ada", RequestedAt: minute(i), Registrant: "tester", Needed: 1, ExpiresAt: minute(i + 1), Ordinal: i + 1}
		switch {
		case i < 3:
			r.Status, r.ExpiresAt = registry.RequestPending, time.Date(9000, 1, 1, 0, i, 0, 0, time.UTC)
		case i < 5:
			r.Status = registry.RequestPending
		case i == 5:
			r.RequestedBy = "root"
		}
		g.add(r, registry.TransitionRequestID(first, r.Ordinal), first, core.OrdinalName(r.Ordinal), r.RequestedAt)
		review := &registry.Review{OfModel: g.model, ModelName: "big", By: "ada", At: minute(i), Decision: registry.ReviewApproved, Ordinal: i + 1}
		g.add(review, registry.ReviewID(g.model, review.Ordinal), g.model, core.OrdinalName(review.Ordinal), review.At)
		g.addDeprecation(first, i)
		recall := &registry.Recall{Number: i + 1, Nodes: []registry.ID{registry.ModelVersionID(g.model, "1.0.8")}, Reason: "r", Severity: registry.SeverityLow, State: registry.RecallCleared, RecalledBy: "ada", RecalledAt: minute(i)}
		if i < 5 {
			recall.Nodes = append(recall.Nodes, registry.ModelVersionID(g.model, "1.0.9"))
		}
		g.add(recall, registry.RecallID(recall.Number), "", core.OrdinalName(recall.Number), recall.RecalledAt)
	}
	guard := &registry.TransitionGuard{Name: "model quiet", Scope: registry.GuardModel, Model: "quiet", Profile: registry.ProfileGuarded, Stages: []registry.Stage{registry.Staging}, Needed: 1, ExpiryDays: 14}
	g.add(guard, registry.ModelGuardID(g.quiet), "", guard.Name, start)
	gate := &registry.Gate{Name: "owned", Expression: "version.owner != ''", AppliesTo: registry.GateAllModels, Stages: []registry.Stage{registry.Staging}, Mode: registry.GateWarn}
	g.add(gate, registry.GateID(gate.Name), "", gate.Name, start)
}

// signatures adds three signatures of one version, and one of each of many others.
func (g *grown) signatures() {
	for i := range g.size {
		version := registry.ModelVersionID(g.model, "1.0.0")
		if i >= 3 {
			version = registry.ModelVersionID(g.model, fmt.Sprintf("1.0.%d", i))
		}
		digest := fmt.Sprint(i)
		g.add(&registry.Signature{Digest: digest, BundleKind: registry.SignatureOfModel, AttachedBy: "ada", AttachedAt: minute(i)}, registry.SignatureID(version, digest), version, digest, minute(i))
	}
}

// signedBundle is a bundle by a key that nobody trusts.
func signedBundle(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "signing", "testdata", "key-prime256v1.sig"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// addDeprecation adds the ith deprecation of a version, of which few are announced, and a consumer.
func (g *grown) addDeprecation(version registry.ID, i int) {
	d := &registry.Deprecation{VersionID: version, OfModel: g.model, ModelName: "big", Version: "1.0.0", Step: registry.DeprecationWithdrawn, PlannedBy: "ada", PlannedAt: minute(i), Ordinal: i + 1}
	if i < 3 {
		d.Step, d.Sunset = registry.DeprecationAnnounced, time.Date(9000, 1, 1+i, 0, 0, 0, 0, time.UTC)
	}
	g.add(d, registry.DeprecationID(version, d.Ordinal), version, core.OrdinalName(d.Ordinal), d.PlannedAt)
	c := registry.NewConsumer(version, fmt.Sprintf("consumer%06d", i), minute(i))
	g.add(c, c.ID, version, c.Subject, c.Since)
	key := graph.CountKey{Object: version, Subject: c.Subject}
	g.counts = append(g.counts, graph.Count{CountKey: key, N: 1, Last: c.Since}, graph.Count{CountKey: key, Day: time.Now().UTC().Format(time.DateOnly), Kind: "GET", N: 1, Last: c.Since})
	key.Subject = fmt.Sprintf("consumer%06d", i%5) // The first five have used it for long.
	g.counts = append(g.counts, graph.Count{CountKey: key, Day: start.AddDate(0, 0, -i).Format(time.DateOnly), Kind: "GET", N: 1, Last: c.Since})
}

// servedFacts adds a deprecated version and what it came from, all of which every role sees.
func (g *grown) servedFacts() {
	v := g.addVersion(g.addModel("zserved", "eve", start), "zserved", 0, registry.Deprecated, "eve")
	set := g.add(&registry.Dataset{Name: "zserved", Namespace: "zns", CreatedAt: start}, registry.DatasetID("zns", "zserved"), "", "zserved", start)
	data := g.add(&registry.DatasetVersion{Name: "zserved", Namespace: "zns", Version: "1", CreatedAt: start}, registry.DatasetVersionID(set, "1"), set, "zserved", start)
	g.link(registry.EdgeDerivedFrom, v, data, start)
	for i := range g.size { // Of the versions of this dataset, one is served.
		name := fmt.Sprintf("hidden-%06d", i)
		g.add(&registry.DatasetVersion{Name: "zserved", Namespace: "zns", Version: name, CreatedAt: minute(i)}, registry.DatasetVersionID(set, name), set, "zserved", minute(i))
	}
	sha := fmt.Sprintf("%040x", g.size)
	g.link(registry.EdgeReleasedFrom, v, registry.TagID(g.repository, fmt.Sprintf("n%06d", g.size-1), sha), start)
}

// write stores what was added, and a log entry for each node of a model.
func (g *grown) write() {
	for len(g.nodes) > 0 {
		n := min(len(g.nodes), 2000)
		err := g.store.Update(g.Context(), func(tx graph.Tx) error {
			for _, node := range g.nodes[:n] {
				e := &registry.LogEntry{Actor: "tester", Action: registry.LogImported, Objects: []registry.ID{node.ID}, Model: node.Parent}
				if node.Kind == registry.KindRecall { // The log names what is recalled.
					r, err := core.DecodeWhole(node, &registry.Recall{})
					if err != nil {
						return err
					}
					e.Action, e.Objects = registry.LogRecalled, append(e.Objects, r.Nodes...)
				}
				if err := tx.Append(g.Context(), e); err != nil {
					return err
				}
			}
			return tx.Put(g.Context(), g.nodes[:n]...)
		})
		if err != nil {
			g.Fatal(err)
		}
		g.nodes = g.nodes[n:]
	}
	err := g.store.Update(g.Context(), func(tx graph.Tx) error {
		e := &registry.LogEntry{Actor: "rare", Action: registry.LogTokenCreated}
		if err := tx.Append(g.Context(), e); err != nil {
			return err
		}
		return tx.Link(g.Context(), g.edges...)
	})
	if err == nil {
		err = g.store.AddCounts(g.Context(), g.counts...)
	}
	if err != nil {
		g.Fatal(err)
	}
}
