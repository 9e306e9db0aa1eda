package service_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

func TestFactsMergeAndContradictionsConflict(t *testing.T) {
	k := newKit(t)
	record := func(in facts.RecordDatasetVersionInput) (*facts.RecordDatasetVersionPayload, error) {
		in.Dataset, in.Version = "raw", "1"
		return k.RecordDatasetVersion(k.as("root", registry.RoleAdmin), in)
	}
	first := must[*facts.RecordDatasetVersionPayload](k)(record(facts.RecordDatasetVersionInput{Description: "first"}))
	head := k.head()
	again := must[*facts.RecordDatasetVersionPayload](k)(record(facts.RecordDatasetVersionInput{Description: "first"}))
	if !first.Created || again.Created || k.head() != head || again.DatasetVersion.ID != first.DatasetVersion.ID {
		t.Errorf("the same fact again: created %v, head %d → %d", again.Created, head, k.head())
	}
	rows := int64(7)
	merged := must[*facts.RecordDatasetVersionPayload](k)(record(facts.RecordDatasetVersionInput{Rows: &rows}))
	if merged.Created || *merged.DatasetVersion.Rows != 7 || merged.DatasetVersion.Description != "first" {
		t.Errorf("%+v", merged.DatasetVersion)
	}
	must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: "r", Name: "n", RunKind: registry.RunETL}))
	_, err := k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: "r", Name: "n", RunKind: registry.RunTraining})
	k.wantCode(registry.Conflict, err)
}

func TestARunThatWritesWhatItReadLeavesItUnchanged(t *testing.T) {
	k := newKit(t)
	a, b := k.data("a", nil), k.data("b", nil)
	p := must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: "r", Name: "n", Inputs: []registry.ID{a}, Outputs: []registry.ID{a, b}}))
	if !slices.Equal(p.Unchanged, []registry.ID{a}) {
		t.Errorf("unchanged: %v", p.Unchanged)
	}
	_, err := k.LinkLineage(k.admin, facts.LinkLineageInput{From: a, To: p.Run.ID, Kind: registry.EdgeGeneratedBy})
	k.wantCode(registry.FailedPrecondition, err)
	if err.(*registry.Error).Details["path"] == nil {
		t.Error("a refused cycle does not name its path")
	}
}

func TestAMovedTagEndsAndTheReleaseStaysWithTheOldOne(t *testing.T) {
	k := newKit(t)
	repo := facts.RepositoryInput{URL: "git@Example.com:team/repo.git"}
	sha := []string{strings.Repeat("a", 40), strings.Repeat("b", 40)}
	must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: repo, Commits: []facts.CommitInput{{SHA: sha[0]}, {SHA: sha[1], Parents: sha[:1]}}}))
	tag := func(i int) *registry.Tag {
		return must[*facts.RecordTagPayload](k)(k.RecordTag(k.as("root", registry.RoleAdmin), facts.RecordTagInput{Repository: repo, Name: "v1", SHA: sha[i], TaggedAt: k.now})).Tag
	}
	first := tag(0)
	k.model("churn")
	v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), ReleasedFrom: &first.ID})).ModelVersion
	k.now = k.now.Add(time.Hour)
	second := tag(1)
	old, err := k.Node(k.as("root", registry.RoleAdmin), first.ID)
	if err != nil || old.(*registry.Tag).MovedAt.IsZero() || old.NodeMeta().ValidTo.IsZero() || second.ID == first.ID || !second.MovedAt.IsZero() {
		t.Errorf("old %+v, new %+v, %v", old, second, err)
	}
	g := must[*provenance.LineageGraph](k)(k.Lineage(k.as("root", registry.RoleAdmin), provenance.LineageInput{Of: v.ID}))
	if names := kinds(g); names != "MODEL_VERSION TAG COMMIT" || g.Nodes[1].ID != first.ID {
		t.Errorf("the release moved: %s", names)
	}
	k.now = k.now.Add(time.Hour)
	if back := tag(0); back.ID != first.ID || !back.MovedAt.IsZero() {
		t.Errorf("moved back: %+v", back)
	}
	head := k.head()
	tag(0)
	if k.head() != head {
		t.Error("the same tag again wrote")
	}
}

func kinds(g *provenance.LineageGraph) string {
	var out []string
	for _, n := range g.Nodes {
		out = append(out, string(n.Kind))
	}
	return strings.Join(out, " ")
}

func TestCommitsJoinInWhateverOrderTheyCome(t *testing.T) {
	k := newKit(t)
	repo := facts.RepositoryInput{Name: "r"}
	sha := func(i int) string { return fmt.Sprintf("%040x", i) }
	for _, i := range []int{3, 1, 2} {
		c := facts.CommitInput{SHA: sha(i)}
		if i > 1 {
			c.Parents = []string{sha(i - 1)}
		}
		must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.as("root", registry.RoleAdmin), facts.RecordCommitsInput{Repository: repo, Commits: []facts.CommitInput{c}}))
	}
	g := must[*provenance.LineageGraph](k)(k.Lineage(k.admin, provenance.LineageInput{Of: registry.CommitID(sha(3)), MaxDepth: ptr(0)}))
	if len(g.Nodes) != 3 || len(g.Edges) != 2 || g.Truncation.Truncated {
		t.Errorf("%d nodes, %d edges, %+v", len(g.Nodes), len(g.Edges), g.Truncation)
	}
	g = must[*provenance.LineageGraph](k)(k.Lineage(k.admin, provenance.LineageInput{Of: registry.CommitID(sha(3)), History: ptr(1)}))
	if len(g.Nodes) != 2 || !g.HistoryCut || g.Truncation.Truncated {
		t.Errorf("history 1: %d nodes, cut %v, %+v", len(g.Nodes), g.HistoryCut, g.Truncation)
	}
}

// TestMergingDoesNotChangeTheInput checks that merging a fact with the stored one leaves the
// input unchanged: batches and retried transactions use the input again.
func TestMergingDoesNotChangeTheInput(t *testing.T) {
	k := newKit(t)
	sha := func(c string) string { return strings.Repeat(c, 40) }
	commits := func(parent string) facts.RecordCommitsInput {
		return facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "r"}, Commits: []facts.CommitInput{{SHA: sha("7"), Parents: []string{sha(parent)}}}}
	}
	first := commits("5")
	first.Commits[0].Parents = nil
	must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, first))
	in := commits("5")
	must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, in))
	if p := in.Commits[0].Parents[0]; p != sha("5") {
		t.Errorf("the input says %s now", p)
	}
	must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: in.Repository, Commits: []facts.CommitInput{{SHA: sha("5")}}}))
	g := must[*provenance.LineageGraph](k)(k.Lineage(k.admin, provenance.LineageInput{Of: registry.CommitID(sha("7"))}))
	if len(g.Nodes) != 2 || g.Nodes[1].ID != registry.CommitID(sha("5")) {
		t.Errorf("the parent was not joined: %s", kinds(g))
	}
	run := facts.RecordRunInput{Producer: "p", RunID: "r", Name: "n", Metrics: []registry.Metric{{Name: "a", Value: 1}}}
	must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, run))
	again := run
	again.Metrics = []registry.Metric{{Name: "b", Value: 2}}
	must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, again))
	if m := again.Metrics[0]; m.Name != "b" {
		t.Errorf("the input says %+v now", m)
	}
}

func TestCommitRolesAreReadWithTheirEvidence(t *testing.T) {
	for message, want := range map[string]string{
		"feat(x): y\n\nModel-Role: Feature-Engineering": "feature-engineering",
		"tune: depth":                        "tune",
		"fix(train)!: z":                     "fix",
		"Merge branch main":                  "",
		"Model-Role: alone":                  "",
		"subject\n\nbody\nModel-Role: x\n\n": "x",
		"http://example.com: no type":        "",
	} {
		if role, evidence := facts.CommitRole(message); role != want || (evidence == "") != (want == "") {
			t.Errorf("%q: %q by %q, want %q", message, role, evidence, want)
		}
	}
}

func TestOriginsAreNormalised(t *testing.T) {
	const want = "https://example.com/team/repo"
	for _, raw := range []string{"git@example.com:team/repo.git", "https://user:secret@Example.com/team/repo.git/", "ssh://git@example.com:22/team/repo", want} {
		if got := facts.NormaliseURL(raw); got != want {
			t.Errorf("%s: %s", raw, got)
		}
	}
}

func TestLateFactsHaveValidTimeAndTransactionTime(t *testing.T) {
	k := newKit(t)
	start := k.now
	raw := k.data("raw", nil)
	k.now = start.Add(24 * time.Hour)
	// Recorded a day later, but valid since before the registry existed.
	late := must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "older", Version: "1", CreatedAt: start.Add(-48 * time.Hour)})).DatasetVersion.ID
	must[*facts.LinkLineagePayload](k)(k.LinkLineage(k.admin, facts.LinkLineageInput{From: raw, To: late, Kind: registry.EdgeDerivedFrom}))
	k.now = start.Add(48 * time.Hour)
	count := func(asOf, knownAt time.Time) int {
		g, err := k.Lineage(k.as("root", registry.RoleAdmin), provenance.LineageInput{Of: raw, AsOf: asOf, KnownAt: knownAt})
		if registry.CodeOf(err) == registry.NotFound {
			return 0
		}
		return len(must[*provenance.LineageGraph](k)(g, err).Nodes)
	}
	if n := count(time.Time{}, time.Time{}); n != 2 {
		t.Errorf("now: %d nodes", n)
	}
	if n := count(start.Add(time.Minute), time.Time{}); n != 2 {
		t.Errorf("as of the first day, known today: %d nodes, want 2: the fact was late, not new", n)
	}
	if n := count(time.Time{}, start.Add(time.Hour)); n != 1 {
		t.Errorf("known on the first day: %d nodes, want 1", n)
	}
	if n := count(start.Add(-time.Hour), time.Time{}); n != 0 {
		t.Errorf("as of before it was made: %d nodes, want none", n)
	}
	must[*facts.RetractLineagePayload](k)(k.RetractLineage(k.admin, facts.RetractLineageInput{From: raw, To: late, Kind: registry.EdgeDerivedFrom}))
	if n := count(time.Time{}, time.Time{}); n != 1 {
		t.Errorf("after the retraction: %d nodes", n)
	}
	if n := count(time.Time{}, k.now.Add(-time.Hour)); n != 2 {
		t.Errorf("known before the retraction: %d nodes, want 2", n)
	}
}

func TestPastStagesAreVisibleByTheCurrentStage(t *testing.T) {
	k := newKit(t)
	k.model("churn")
	v := k.version("churn", "1.0.0")
	k.now = k.now.Add(time.Second) // The version began a moment after the entry before it.
	start := k.now
	k.now = start.Add(time.Hour)
	k.move("churn", "1.0.0", registry.Staging, registry.Production)
	dep := must[*facts.RecordDeploymentPayload](k)(k.RecordDeployment(k.as("root", registry.RoleAdmin), facts.RecordDeploymentInput{ID: &v.ID, Environment: "prod", StartedAt: start})).Deployment.ID
	stage := func(asOf time.Time) registry.Stage {
		g := must[*provenance.LineageGraph](k)(k.Lineage(k.as("vera", registry.RoleViewer), provenance.LineageInput{Of: dep, AsOf: asOf}))
		for _, n := range g.Nodes {
			if x, ok := noun(t, n).(*registry.ModelVersion); ok {
				return x.Stage
			}
		}
		return "hidden"
	}
	if s := stage(time.Time{}); s != registry.Production {
		t.Errorf("now %s", s)
	}
	if s := stage(start.Add(time.Minute)); s != registry.Development {
		t.Errorf("as of before the promotion %s, want DEVELOPMENT, shown because today it is in PRODUCTION", s)
	}
	k.move("churn", "1.0.0", registry.Canary)
	_, err := k.Lineage(k.as("vera", registry.RoleViewer), provenance.LineageInput{Of: dep, AsOf: k.now})
	k.wantCode(registry.NotFound, err) // A viewer does not see it now, so not at any asOf.
}

func TestDataScientistsRetractTheirOwnFactsAlone(t *testing.T) {
	k := newKit(t)
	a, b := k.data("a", nil), k.data("b", nil)
	link := facts.LinkLineageInput{From: a, To: b, Kind: registry.EdgeDerivedFrom}
	out := facts.RetractLineageInput{From: a, To: b, Kind: registry.EdgeDerivedFrom}
	must[*facts.LinkLineagePayload](k)(k.LinkLineage(k.as("ada", registry.RoleDataScientist), link))
	_, err := k.RetractLineage(k.as("bob", registry.RoleDataScientist), out)
	k.wantCode(registry.Forbidden, err)
	if p := must[*facts.RetractLineagePayload](k)(k.RetractLineage(k.as("ada", registry.RoleDataScientist), out)); !p.Retracted {
		t.Error("her own was not retracted")
	}
	if p := must[*facts.RetractLineagePayload](k)(k.RetractLineage(k.as("ada", registry.RoleDataScientist), out)); p.Retracted {
		t.Error("it was retracted twice")
	}
	must[*facts.LinkLineagePayload](k)(k.LinkLineage(k.as("ada", registry.RoleDataScientist), link))
	if p := must[*facts.RetractLineagePayload](k)(k.RetractLineage(k.admin, out)); !p.Retracted {
		t.Error("an administrator may not")
	}
}

// TestARetractionNeedsAGrantThatCoversTheEdge checks that a wide grant on one model does not
// widen a grant on the caller's own facts elsewhere.
func TestARetractionNeedsAGrantThatCoversTheEdge(t *testing.T) {
	k := newKit(t)
	a, b := k.data("a", nil), k.data("b", nil)
	k.model("mine")
	k.model("yours")
	mine, yours := k.version("mine", "1.0.0").ID, k.version("yours", "1.0.0").ID
	link := func(as context.Context, from, to registry.ID) facts.RetractLineageInput {
		must[*facts.LinkLineagePayload](k)(k.LinkLineage(as, facts.LinkLineageInput{From: from, To: to, Kind: registry.EdgeDerivedFrom}))
		return facts.RetractLineageInput{From: from, To: to, Kind: registry.EdgeDerivedFrom}
	}
	everywhere := registry.Grant{Role: registry.RoleDataScientist, Scope: registry.ScopeAll}
	adminOfMine := registry.Grant{Role: registry.RoleAdmin, Scope: "model:mine"}
	ada := func() context.Context { return k.with("ada", everywhere, adminOfMine) }
	for _, in := range []facts.RetractLineageInput{link(k.admin, b, a), link(k.admin, yours, a)} {
		_, err := k.RetractLineage(ada(), in)
		k.wantCode(registry.Forbidden, err)
	}
	for _, in := range []facts.RetractLineageInput{link(k.admin, mine, a), link(ada(), yours, b)} {
		if p := must[*facts.RetractLineagePayload](k)(k.RetractLineage(ada(), in)); !p.Retracted {
			t.Error("an edge that a grant covers was not retracted")
		}
	}
	k.move("yours", "1.0.0", registry.Staging, registry.Production)
	seen := link(k.as("eve", registry.RoleAdmin), yours, b) // A viewer sees both ends.
	_, err := k.RetractLineage(k.with("eve", adminOfMine, registry.Grant{Role: registry.RoleViewer, Scope: registry.ScopeAll}), seen)
	k.wantCode(registry.Forbidden, err)
}

func TestAScopedGrantReachesItsModelAlone(t *testing.T) {
	k := newKit(t)
	k.model("mine")
	k.model("yours")
	grant := registry.Grant{Role: registry.RoleDataScientist, Scope: "model:mine"}
	mine := k.with("ada", grant)
	_, err := k.RegisterModelVersion(mine, catalog.RegisterModelVersionInput{Model: "mine", Version: ptr("1.0.0")})
	k.wantCode("", err)
	_, err = k.RegisterModelVersion(k.with("ada", grant), catalog.RegisterModelVersionInput{Model: "yours", Version: ptr("1.0.0")})
	k.wantCode(registry.NotFound, err)
	_, err = k.RecordDatasetVersion(k.with("ada", grant), facts.RecordDatasetVersionInput{Dataset: "d"})
	k.wantCode(registry.Forbidden, err)
	c := must[*catalog.ModelConnection](k)(k.Models(k.with("ada", grant), core.Paging{}, nil, nil))
	if len(c.Edges) != 1 || c.Edges[0].Node.Name != "mine" {
		t.Errorf("sees %d models", len(c.Edges))
	}
}

func TestLineagePagesAppendToTheWhole(t *testing.T) {
	k := newKit(t)
	var parts []registry.ID
	for i := range 30 {
		parts = append(parts, k.data(fmt.Sprintf("part-%02d", i), nil))
	}
	run := k.run("join", parts...)
	out := k.data("joined", &run)
	whole := must[*provenance.LineageGraph](k)(k.Lineage(k.admin, provenance.LineageInput{Of: out}))
	var nodes, edges []registry.ID
	in := provenance.LineageInput{Of: out, First: ptr(7)}
	for pages := 0; ; pages++ {
		g := must[*provenance.LineageGraph](k)(k.Lineage(k.as("root", registry.RoleAdmin), in))
		for _, n := range g.Nodes {
			nodes = append(nodes, n.ID)
		}
		for _, e := range g.Edges {
			edges = append(edges, e.ID)
		}
		if !g.PageInfo.HasNextPage {
			break
		}
		in.After = &g.PageInfo.EndCursor
		k.now = k.now.Add(time.Minute)
		must[*facts.LinkLineagePayload](k)(k.LinkLineage(k.admin, facts.LinkLineageInput{From: run, To: k.data(fmt.Sprintf("new-%d", pages), nil), Kind: registry.EdgeUsed}))
	}
	if len(nodes) != len(whole.Nodes) || len(edges) != len(whole.Edges) {
		t.Fatalf("pages: %d nodes, %d edges; whole: %d, %d", len(nodes), len(edges), len(whole.Nodes), len(whole.Edges))
	}
	for i, n := range whole.Nodes {
		if nodes[i] != n.ID {
			t.Errorf("node %d differs", i)
		}
	}
	_, err := k.Lineage(k.as("eve", registry.RoleAdmin), in)
	k.wantCode(registry.InvalidArgument, err) // A cursor is bound to its caller.
	_, err = k.Lineage(k.admin, provenance.LineageInput{Of: out, Direction: lineage.Both, After: in.After})
	k.wantCode(registry.InvalidArgument, err) // A cursor is bound to its query.
}

// noun returns the noun of a node of an answer.
func noun(t *testing.T, n *provenance.LineageNode) registry.ProvenanceNode {
	t.Helper()
	out, err := n.Node()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
