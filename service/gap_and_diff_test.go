package service_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// TestACardThatContradictsTheGraphIsAGap changes one field of a correct card at a time.
func TestACardThatContradictsTheGraphIsAGap(t *testing.T) {
	k := newKit(t)
	k.model("m")
	day := func(d int) time.Time { return time.Date(2025, 6, d, 9, 0, 0, 0, time.UTC) }
	data := must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "train", Version: "7",
		Role: registry.RawData, Rows: ptr(int64(100))})).DatasetVersion.ID
	digested := must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "digested",
		Role: registry.RawData, Digest: "md5:0123456789abcdef0123456789abcdef"})).DatasetVersion.ID
	run := func(id string, in registry.ID) registry.ID {
		return must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: id, Name: id, RunKind: registry.RunTraining,
			Inputs: []registry.ID{in}, StartedAt: day(2), EndedAt: day(3), Parameters: registry.JSON(`{"rate":0.10,"depth":6}`)})).Run.ID
	}
	feature := must[*facts.RecordFeaturePayload](k)(k.RecordFeature(k.admin, facts.RecordFeatureInput{Model: "m", Name: "age"})).Feature.ID
	runs := map[string]registry.ID{"7": run("a", data), "digest": run("b", digested)}
	n := 0
	gaps := func(on string, card catalog.ModelCardInput, role string) (fields []string) {
		t.Helper()
		n++
		by := runs[on]
		version := fmt.Sprintf("%d.0.0", n)
		v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.as("root", registry.RoleAdmin), catalog.RegisterModelVersionInput{Model: "m",
			Version: &version, Run: &by, Features: []registry.ID{feature}, Card: &card})).ModelVersion
		k.move("m", version, registry.Staging, registry.Production)
		p := must[*provenance.Provenance](k)(k.Service.Provenance(k.as("x", role), v.ID, time.Time{}, time.Time{}))
		for _, g := range p.Gaps {
			if g.Code == lineage.CardContradictsGraph {
				fields = append(fields, g.Field)
				if g.Node.NodeMeta().ID != v.ID || g.Message == "" {
					t.Errorf("%+v", g)
				}
			}
		}
		return fields
	}
	training := func(v string, date time.Time, samples int64) catalog.ModelCardInput {
		return catalog.ModelCardInput{Training: &registry.TrainingInfo{TrainingDataVersion: v, TrainingDate: date, SamplesUsed: &samples}}
	}
	for what, c := range map[string]struct {
		on   string
		card catalog.ModelCardInput
		want []string
	}{
		"right":                       {"7", training("7", day(2), 100), nil},
		"named with its dataset":      {"7", training("train@7", day(3), 0), nil},
		"another version":             {"7", training("8", day(2), 100), []string{"training.trainingDataVersion"}},
		"a day before":                {"7", training("7", day(1), 100), []string{"training.trainingDate"}},
		"a day after":                 {"7", training("7", day(4), 100), []string{"training.trainingDate"}},
		"more than there is":          {"7", training("7", day(2), 101), []string{"training.samplesUsed"}},
		"the digest":                  {"digest", training("md5:0123456789abcdef0123456789abcdef", day(2), 1), nil},
		"its beginning":               {"digest", training("0123456", day(2), 1), nil},
		"another digest":              {"digest", training("md5:ffffffffffffffffffffffffffffffff", day(2), 1), []string{"training.trainingDataVersion"}},
		"a name where a digest is":    {"digest", training("spring export", day(2), 1), nil}, // It cannot be compared.
		"a parameter":                 {"7", catalog.ModelCardInput{ModelDetails: &registry.ModelDetails{Hyperparameters: registry.JSON(`{"rate":0.2,"depth":6}`)}}, []string{"modelDetails.hyperparameters"}},
		"the same, written otherwise": {"7", catalog.ModelCardInput{ModelDetails: &registry.ModelDetails{Hyperparameters: registry.JSON(`{"rate":0.1,"more":1}`)}}, nil},
		"a feature":                   {"7", catalog.ModelCardInput{Features: []string{"age"}}, nil},
		"an unknown feature":          {"7", catalog.ModelCardInput{Features: []string{"age", "income"}}, []string{"features"}},
		"nothing":                     {"7", catalog.ModelCardInput{}, nil},
	} {
		if fields := gaps(c.on, c.card, registry.RoleAdmin); !slices.Equal(fields, c.want) {
			t.Errorf("%s: %v, want %v", what, fields, c.want)
		}
	}
	// Callers who do not see both sides get no gap.
	wrong := training("8", day(1), 101)
	wrong.Features = []string{"income"}
	if fields := gaps("7", wrong, registry.RoleViewer); fields != nil {
		t.Errorf("a viewer is told of %v", fields)
	}
	if fields := gaps("7", wrong, registry.RoleDeveloper); len(fields) != 4 {
		t.Errorf("a developer is told of %v", fields)
	}
}

// TestADiffHonoursVisibility compares two versions as a developer who sees one of the two
// inputs of the second.
func TestADiffHonoursVisibility(t *testing.T) {
	k := newKit(t)
	k.model("m")
	version := func(v string, run registry.ID, from ...registry.ID) registry.ID {
		return must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.as("root", registry.RoleAdmin), catalog.RegisterModelVersionInput{Model: "m",
			Version: &v, Run: &run, DerivedFrom: from})).ModelVersion.ID
	}
	secret := k.data("secret", nil)
	base := version("0.1.0", k.run("base", secret))
	a := version("1.0.0", k.run("r1", k.data("open", nil)))
	b := version("1.1.0", k.run("r2", k.data("other", nil)), base)
	k.move("m", "1.0.0", registry.Staging, registry.Production)
	k.move("m", "1.1.0", registry.Staging, registry.Production)
	diff := func(role string) *provenance.LineageDiff {
		return must[*provenance.LineageDiff](k)(k.LineageDiff(k.as("d", role), provenance.LineageDiffInput{A: a, B: b}))
	}
	all, some := diff(registry.RoleAdmin), diff(registry.RoleDeveloper)
	if len(all.Datasets.Added) != 2 || len(all.Versions.Added) != 1 || all.TruncationB.Redacted != 0 {
		t.Errorf("admin: %+v", all)
	}
	// The base version is in DEVELOPMENT, so it is hidden. Its dataset is upstream of a version
	// in PRODUCTION, so it is visible.
	if len(some.Versions.Added) != 0 || some.TruncationB.Redacted != 1 || some.Identical || len(some.Datasets.Added) != 2 {
		t.Errorf("developer: versions %v, %+v, datasets %v", some.Versions.Added, some.TruncationB, some.Datasets.Added)
	}
	if none := diff(registry.RoleViewer); none.Parameters != nil || none.Metrics != nil || none.Approvals != nil || none.Card == nil {
		t.Errorf("viewer: %+v", none)
	}
	_, err := k.LineageDiff(k.as("d", registry.RoleAdmin), provenance.LineageDiffInput{A: a, B: secret})
	k.wantCode(registry.InvalidArgument, err)
	_, err = k.LineageDiff(k.as("d", registry.RoleDeveloper), provenance.LineageDiffInput{A: a, B: base})
	k.wantCode(registry.NotFound, err)
}

// TestADiffIsAsOfAnInstant compares the diffs before and after a fact that is recorded late.
func TestADiffIsAsOfAnInstant(t *testing.T) {
	k := newKit(t)
	a, b := k.run("a", k.data("x", nil)), k.run("b", k.data("x", nil))
	before := k.now.Add(time.Second)
	k.now = k.now.Add(time.Hour)
	late := k.data("y", nil)
	must[*facts.LinkLineagePayload](k)(k.LinkLineage(k.as("root", registry.RoleAdmin), facts.LinkLineageInput{From: b, To: late, Kind: registry.EdgeUsed}))
	k.now = k.now.Add(time.Hour)
	now := must[*provenance.LineageDiff](k)(k.LineageDiff(k.as("d", registry.RoleAdmin), provenance.LineageDiffInput{A: a, B: b}))
	then := must[*provenance.LineageDiff](k)(k.LineageDiff(k.as("d", registry.RoleAdmin), provenance.LineageDiffInput{A: a, B: b, KnownAt: before}))
	if len(now.Datasets.Added) != 1 || now.Identical || len(then.Datasets.Added) != 0 || !then.Identical {
		t.Errorf("now %+v, then %+v, identical %v", now.Datasets, then.Datasets, then.Identical)
	}
}

// TestUndecidedIsNoGap: 70 versions, each made from the one before, the first from data. A
// walk of any depth finds the data, and a walk that is cut before it claims no gap.
func TestUndecidedIsNoGap(t *testing.T) {
	k := newKit(t)
	k.model("m")
	version := func(n int, from registry.ID) registry.ID {
		v := fmt.Sprintf("%d.0.0", n)
		return must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &v, DerivedFrom: []registry.ID{from}})).ModelVersion.ID
	}
	raw := must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "raw", Version: "1", Role: registry.RawData})).DatasetVersion.ID
	last := raw
	for n := range 70 {
		last = version(n+1, last)
	}
	p := must[*provenance.Provenance](k)(k.Service.Provenance(k.as("x", registry.RoleAdmin), last, time.Time{}, time.Time{}))
	if len(p.Gaps) != 0 || p.Truncation.Truncated || len(p.RawSources) != 1 || p.RawSources[0].NodeMeta().ID != raw {
		t.Errorf("%d gaps, sources %v, %+v", len(p.Gaps), p.RawSources, p.Truncation)
	}
	g, err := lineage.Walk(t.Context(), k.store, last, lineage.Options{Direction: lineage.Upstream, MaxDepth: 50, Fanout: 9})
	if err != nil || len(g.Frontier) != 1 || len(g.Gaps()) != 0 {
		t.Errorf("%v, frontier %v, gaps %v", err, g.Frontier, g.Gaps())
	}
	alone := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("99.0.0")})).ModelVersion.ID
	p = must[*provenance.Provenance](k)(k.Service.Provenance(k.as("x", registry.RoleAdmin), alone, time.Time{}, time.Time{}))
	if len(p.Gaps) != 2 || p.Gaps[0].Code != lineage.VersionWithoutTraining || p.Gaps[1].Code != lineage.VersionWithoutData {
		t.Errorf("a version of nothing: %+v", p.Gaps)
	}
}

// TestAnObjectIsIdenticalWithItself compares one node of every kind with itself.
func TestAnObjectIsIdenticalWithItself(t *testing.T) {
	k := newKit(t)
	k.model("m")
	data := k.data("d", nil)
	run := k.run("r", data)
	v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("1.0.0"), Run: &run})).ModelVersion.ID
	feature := must[*facts.RecordFeaturePayload](k)(k.RecordFeature(k.admin, facts.RecordFeatureInput{Model: "m", Name: "age"})).Feature.ID
	sha := "0123456789012345678901234567890123456789"
	commit := must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "code"}, Commits: []facts.CommitInput{{SHA: sha, AuthoredAt: k.now}}})).Commits[0].ID
	tag := must[*facts.RecordTagPayload](k)(k.RecordTag(k.admin, facts.RecordTagInput{Repository: facts.RepositoryInput{Name: "code"}, Name: "v1", SHA: sha})).Tag.ID
	k.move("m", "1.0.0", registry.Staging, registry.Production)
	deployment := must[*facts.RecordDeploymentPayload](k)(k.RecordDeployment(k.admin, facts.RecordDeploymentInput{Model: ptr("m"), Version: ptr("1.0.0"), Environment: "prod"})).Deployment.ID
	for _, id := range []registry.ID{data, run, v, feature, commit, tag, deployment} {
		for _, direction := range []lineage.Direction{lineage.Upstream, lineage.Downstream, lineage.Both} {
			d := must[*provenance.LineageDiff](k)(k.LineageDiff(k.as("x", registry.RoleAdmin), provenance.LineageDiffInput{A: id, B: id, Direction: direction}))
			if !d.Identical || d.Parameters == nil || d.Metrics == nil {
				t.Errorf("%s, %s: identical %v, parameters %v, metrics %v", id, direction, d.Identical, d.Parameters, d.Metrics)
			}
		}
	}
}

// TestADiffToldByEdges: the roots are not among what differs, and two versions with equal
// nodes and other edges are not identical.
func TestADiffToldByEdges(t *testing.T) {
	k := newKit(t)
	k.model("m")
	version := func(v string, from ...registry.ID) registry.ID {
		return must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &v, DerivedFrom: from})).ModelVersion.ID
	}
	diff := func(a, b registry.ID, depth *int) *provenance.LineageDiff {
		return must[*provenance.LineageDiff](k)(k.LineageDiff(k.as("x", registry.RoleAdmin), provenance.LineageDiffInput{A: a, B: b, MaxDepth: depth}))
	}
	raw := k.data("raw", nil)
	clean := must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "clean", Version: "1", Role: registry.TrainingData, DerivedFrom: []registry.ID{raw}})).DatasetVersion.ID
	a := version("1.0.0", clean)
	b := version("2.0.0", clean, raw)
	if d := diff(a, b, nil); d.Identical || len(d.Datasets.Added)+len(d.Datasets.Removed)+len(d.Versions.Added) != 0 {
		t.Errorf("other edges: identical %v, %+v", d.Identical, d.Datasets)
	}
	if d := diff(a, version("3.0.0", clean), nil); !d.Identical {
		t.Errorf("equal edges: %+v", d)
	}
	c := version("4.0.0", a)
	if d := diff(a, c, nil); d.Identical || len(d.Versions.Added) != 0 {
		t.Errorf("b comes of a: identical %v, versions %v", d.Identical, d.Versions.Added)
	}
	// raw stands behind both: one hop from b, and further from deep than one walk goes.
	deep := clean
	for n := range 55 {
		deep = must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: fmt.Sprint("step", n), Version: "1",
			Role: registry.TrainingData, DerivedFrom: []registry.ID{deep}})).DatasetVersion.ID
	}
	near, other := version("5.0.0", raw), k.data("other", nil)
	far := version("6.0.0", deep)
	for _, sides := range [][2]registry.ID{{near, far}, {far, near}} {
		d := diff(sides[0], sides[1], nil)
		if named := append(d.Datasets.Added, d.Datasets.Removed...); d.Identical || slices.ContainsFunc(named, func(n registry.ProvenanceNode) bool { return n.NodeMeta().ID == raw }) {
			t.Errorf("cut: identical %v, %d differ", d.Identical, len(named))
		}
	}
	if d := diff(far, version("7.0.0", raw, other), nil); len(d.Datasets.Added) != 1 || d.Datasets.Added[0].NodeMeta().ID != other {
		t.Errorf("what only b has is told at a cut too: %+v", d.Datasets)
	}
	if d := diff(a, near, ptr(1)); len(d.Datasets.Added) != 1 || d.Datasets.Added[0].NodeMeta().ID != raw {
		t.Errorf("within one hop only b has raw: %+v", d.Datasets)
	}
}

// TestAnErasedModelHasNoNumbers: what a deleted model was, as of before its deletion, is
// erased, and its numbers are not told as 0.
func TestAnErasedModelHasNoNumbers(t *testing.T) {
	k := newKit(t)
	m := k.model("m")
	if n := m.KnownIncarnation(); n == nil || *n != 1 || m.KnownLastNumber() == nil {
		t.Fatalf("%+v", m)
	}
	before := k.now
	k.now = k.now.Add(time.Hour)
	must[*core.DeletePayload](k)(k.DeleteModel(k.admin, catalog.DeleteModelInput{Model: ptr("m")}))
	k.now = k.now.Add(time.Hour)
	n := must[registry.Node](k)(k.Service.Node(k.admin, m.ID, core.PointInTime{AsOf: before}))
	erased, ok := n.(*registry.Model)
	if !ok || erased.KnownIncarnation() != nil || erased.KnownLastNumber() != nil {
		t.Errorf("%#v", n)
	}
}

// TestADiffMatchesByName: two versions of one dataset and two runs of one name are
// changed, not added and removed.
func TestADiffMatchesByName(t *testing.T) {
	k := newKit(t)
	k.model("m")
	version := func(n string) registry.ID {
		data := must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "d", Version: n})).DatasetVersion.ID
		run := must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: n, Name: "train", Inputs: []registry.ID{data}, Parameters: registry.JSON(`{"n":` + n[:1] + `}`)})).Run.ID
		return must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &n, Run: &run})).ModelVersion.ID
	}
	a, b := version("1.0.0"), version("2.0.0")
	for _, depth := range []*int{nil, ptr(2)} {
		d := must[*provenance.LineageDiff](k)(k.LineageDiff(k.admin, provenance.LineageDiffInput{A: a, B: b, MaxDepth: depth}))
		if len(d.Datasets.Changed) != 1 || len(d.Runs.Changed) != 1 || len(d.Runs.Changed[0].Parameters) != 1 || len(d.Parameters) != 1 || d.Identical ||
			len(d.Datasets.Added)+len(d.Datasets.Removed)+len(d.Runs.Added)+len(d.Runs.Removed) != 0 {
			t.Errorf("datasets %+v, runs %+v", d.Datasets, d.Runs)
		}
	}
}
