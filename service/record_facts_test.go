package service_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// factsOfEveryKind returns a batch with every kind of fact except retract, connected by
// references.
func factsOfEveryKind(at time.Time) []bulk.FactInput {
	repo := facts.RepositoryInput{Name: "r"}
	sha := strings.Repeat("ab", 20)
	run, tag, feature := registry.ID("@train"), registry.ID("@tag"), registry.ID("@age")
	return []bulk.FactInput{
		{Ref: "c", Commits: &facts.RecordCommitsInput{Repository: repo, Commits: []facts.CommitInput{{SHA: sha, Message: "feat: train", CommittedAt: at}}}},
		{Ref: "tag", Tag: &facts.RecordTagInput{Repository: repo, Name: "v1", SHA: sha, TaggedAt: at}},
		{Ref: "raw", DatasetVersion: &facts.RecordDatasetVersionInput{Dataset: "raw", Version: "1", CreatedAt: at, Columns: []registry.Column{{Name: "age"}}}},
		{Ref: "age", Feature: &facts.RecordFeatureInput{DefinedOn: ptr(registry.ID("@raw")), Column: "age", CreatedAt: at}},
		{Ref: "train", Run: &facts.RecordRunInput{Producer: "p", RunID: "1", Name: "train", RunKind: registry.RunTraining, StartedAt: at, Inputs: []registry.ID{"@raw"}, Commits: []string{sha}}},
		{Model: &catalog.RegisterModelInput{Name: "churn", Owner: "ada", CreatedAt: at}},
		{Ref: "v", ModelVersion: &catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), CreatedDate: at, Run: &run, ReleasedFrom: &tag, Features: []registry.ID{feature}}},
		{Transition: &catalog.TransitionModelVersionInput{ID: ptr(registry.ID("@v")), To: registry.Production, At: at.Add(time.Hour), Force: true, Reason: "it was so"}},
		{Alias: &catalog.SetAliasInput{Model: "churn", Alias: "champion", Version: "1.0.0", At: at}},
		{Ref: "dep", Deployment: &facts.RecordDeploymentInput{ID: ptr(registry.ID("@v")), Environment: "prod", StartedAt: at}},
		{EndDeployment: &facts.EndDeploymentInput{ID: "@dep", EndedAt: at.Add(time.Hour)}},
		{Link: &facts.LinkLineageInput{From: "@train", To: "@age", Kind: registry.EdgeUsed}},
	}
}

func TestABatchRecordsEveryKindAndRepeatingItChangesNothing(t *testing.T) {
	k := newKit(t)
	at := k.now.Add(-24 * time.Hour)
	before := k.head()
	first := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: factsOfEveryKind(at)}))
	if first.Created != 12 || first.Merged+first.Unchanged != 0 || len(first.Facts) != 12 {
		t.Errorf("%+v", first)
	}
	if wrote := k.head() - before; wrote != 12 {
		t.Errorf("%d entries for 12 facts", wrote)
	}
	g := must[*provenance.LineageGraph](k)(k.Lineage(k.as("root", registry.RoleAdmin), provenance.LineageInput{Of: *first.Facts[9].ID}))
	if len(g.Nodes) != 7 || len(g.Edges) != 9 {
		t.Errorf("%d nodes, %d edges: %s", len(g.Nodes), len(g.Edges), kinds(g))
	}
	head := k.head()
	k.now = k.now.Add(time.Hour)
	again := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: factsOfEveryKind(at)}))
	if again.Unchanged != 12 || k.head() != head {
		t.Errorf("again: %+v, head %d → %d", again, head, k.head())
	}
	for i, f := range first.Facts {
		if f.ID == nil || again.Facts[i].ID == nil || *again.Facts[i].ID != *f.ID {
			t.Errorf("fact %d is about %v, then %v", i, f.ID, again.Facts[i].ID)
		}
	}
	retract := bulk.FactInput{Retract: &facts.RetractLineageInput{From: registry.NewRunID("p", "1"), To: *first.Facts[3].ID, Kind: registry.EdgeUsed}}
	p := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: []bulk.FactInput{retract, retract}}))
	if p.Created != 1 || p.Unchanged != 1 || p.Facts[1].ID != nil {
		t.Errorf("%+v", p)
	}
}

func data(name string) bulk.FactInput {
	return bulk.FactInput{DatasetVersion: &facts.RecordDatasetVersionInput{Dataset: name, Version: "1"}}
}

func TestOneBadFactRefusesTheBatchAndIsNamed(t *testing.T) {
	k := newKit(t)
	link := func(from, to registry.ID) bulk.FactInput {
		return bulk.FactInput{Link: &facts.LinkLineageInput{From: from, To: to, Kind: registry.EdgeDerivedFrom}}
	}
	named := func(ref string, f bulk.FactInput) bulk.FactInput { f.Ref = ref; return f }
	many := make([]bulk.FactInput, 501)
	for i := range many {
		many[i] = data(fmt.Sprint("d", i))
	}
	for name, c := range map[string]struct {
		batch []bulk.FactInput
		code  registry.Code
		field string
	}{
		"none":               {nil, registry.InvalidArgument, "facts"},
		"501":                {many, registry.InvalidArgument, "facts"},
		"nothing set":        {[]bulk.FactInput{data("a"), {}}, registry.InvalidArgument, "input.facts[1]"},
		"two set":            {[]bulk.FactInput{data("a"), {DatasetVersion: data("b").DatasetVersion, Model: &catalog.RegisterModelInput{Name: "m"}}}, registry.InvalidArgument, "input.facts[1]"},
		"a bad name":         {[]bulk.FactInput{data("a"), {Model: &catalog.RegisterModelInput{Name: "a/b"}}}, registry.InvalidArgument, "input.facts[1].name"},
		"an unknown ref":     {[]bulk.FactInput{data("a"), link("@x", "@y")}, registry.InvalidArgument, "input.facts[1]"},
		"a forward ref":      {[]bulk.FactInput{link("@a", "@b"), named("a", data("a")), named("b", data("b"))}, registry.InvalidArgument, "input.facts[0]"},
		"a ref to itself":    {[]bulk.FactInput{named("a", bulk.FactInput{DatasetVersion: &facts.RecordDatasetVersionInput{Dataset: "a", Version: "1", DerivedFrom: []registry.ID{"@a"}}})}, registry.InvalidArgument, "input.facts[0]"},
		"a ref given twice":  {[]bulk.FactInput{named("a", data("a")), named("a", data("b"))}, registry.InvalidArgument, "input.facts[1].ref"},
		"a ref on a link":    {[]bulk.FactInput{named("a", data("a")), named("b", data("b")), named("l", link("@a", "@b"))}, registry.InvalidArgument, "input.facts[2].ref"},
		"a bad ref":          {[]bulk.FactInput{named("a b", data("a"))}, registry.InvalidArgument, "input.facts[0].ref"},
		"an unknown node":    {[]bulk.FactInput{named("a", data("a")), link("@a", "dv_00000000000000000000000000")}, registry.NotFound, "input.facts[1]"},
		"a bump":             {[]bulk.FactInput{{Model: &catalog.RegisterModelInput{Name: "m"}}, {ModelVersion: &catalog.RegisterModelVersionInput{Model: "m", Bump: ptr(registry.BumpMajor)}}}, registry.InvalidArgument, "input.facts[1].bump"},
		"no time":            {[]bulk.FactInput{{Transition: &catalog.TransitionModelVersionInput{Model: ptr("m"), Version: ptr("1.0.0"), To: registry.Staging}}}, registry.InvalidArgument, "input.facts[0].at"},
		"its own key":        {[]bulk.FactInput{{Model: &catalog.RegisterModelInput{Name: "m", IdempotencyKey: ptr("k")}}}, registry.InvalidArgument, "input.facts[0].idempotencyKey"},
		"a contradiction":    {[]bulk.FactInput{{Run: &facts.RecordRunInput{Producer: "p", RunID: "1", Name: "n", RunKind: registry.RunETL}}, {Run: &facts.RecordRunInput{Producer: "p", RunID: "1", Name: "n", RunKind: registry.RunTraining}}}, registry.Conflict, "input.facts[1].runKind"},
		"an unknown kind":    {[]bulk.FactInput{{Run: &facts.RecordRunInput{Producer: "p", RunID: "1", Name: "n", RunKind: "COOKING"}}}, registry.InvalidArgument, "input.facts[0].runKind"},
		"a cycle, the third": {[]bulk.FactInput{named("a", data("a")), named("b", data("b")), named("c", data("c")), link("@b", "@a"), link("@c", "@b"), link("@a", "@c"), data("d")}, registry.FailedPrecondition, "input.facts[5]"},
		"a run that eats its own": {[]bulk.FactInput{named("a", data("a")), {Ref: "r", Run: &facts.RecordRunInput{Producer: "p", RunID: "1", Name: "n", Inputs: []registry.ID{"@a"}}},
			{Link: &facts.LinkLineageInput{From: "@a", To: "@r", Kind: registry.EdgeGeneratedBy}}}, registry.FailedPrecondition, "input.facts[2]"},
	} {
		t.Run(name, func(t *testing.T) {
			before := k.head()
			_, err := k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: c.batch})
			e, _ := err.(*registry.Error)
			if e == nil || e.Code != c.code || e.Field != c.field {
				t.Fatalf("%v (%+v), want %s at %s", err, e, c.code, c.field)
			}
			if strings.HasPrefix(c.field, "input.facts[") && !strings.HasPrefix(e.Message, c.field[:14]+":") {
				t.Errorf("the message does not name the fact: %s", e.Message)
			}
			if k.head() != before {
				t.Error("something was written")
			}
		})
	}
}

func TestACycleWithStoredEdgesIsRefusedAndItsFactNamed(t *testing.T) {
	k := newKit(t)
	a, b := k.data("a", nil), k.data("b", nil)
	must[*facts.LinkLineagePayload](k)(k.LinkLineage(k.admin, facts.LinkLineageInput{From: b, To: a, Kind: registry.EdgeDerivedFrom}))
	head := k.head()
	batch := []bulk.FactInput{data("c"), data("d"), {Link: &facts.LinkLineageInput{From: a, To: b, Kind: registry.EdgeDerivedFrom}}, data("e")}
	_, err := k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: batch})
	k.wantCode(registry.FailedPrecondition, err)
	if e := err.(*registry.Error); e.Field != "input.facts[2]" || e.Details["fact"] != 2 || e.Details["path"] == nil || k.head() != head {
		t.Errorf("%+v, head %d → %d", e, head, k.head())
	}
	p := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: []bulk.FactInput{
		{Retract: &facts.RetractLineageInput{From: b, To: a, Kind: registry.EdgeDerivedFrom}}, batch[2]}}))
	if p.Created != 2 {
		t.Errorf("an edge that the batch retracted still closes a cycle: %+v", p)
	}
}

func TestAnIdempotencyKeyHoldsForABatch(t *testing.T) {
	k := newKit(t)
	in := bulk.RecordFactsInput{Facts: []bulk.FactInput{data("a"), data("b")}, IdempotencyKey: ptr("key")}
	first := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), in))
	head := k.head()
	again := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), in))
	if again.Created != 2 || *again.Facts[1].ID != *first.Facts[1].ID || k.head() != head {
		t.Errorf("%+v", again)
	}
	in.Facts = in.Facts[:1]
	_, err := k.RecordFacts(k.as("root", registry.RoleAdmin), in)
	k.wantCode(registry.Conflict, err)
}

func TestEveryFactNeedsItsOwnPermission(t *testing.T) {
	k := newKit(t)
	at := k.now
	k.now = at.Add(2 * time.Hour) // One of the facts is of an hour later.
	scientist := k.as("sam", registry.RoleDataScientist)
	before := k.head()
	_, err := k.RecordFacts(scientist, bulk.RecordFactsInput{Facts: factsOfEveryKind(at)})
	k.wantCode(registry.Forbidden, err)
	if e := err.(*registry.Error); e.Field != "input.facts[7]" || !strings.Contains(e.Message, "transition") || k.head() != before {
		t.Errorf("%+v", e)
	}
	must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("sam", registry.RoleDataScientist), bulk.RecordFactsInput{Facts: factsOfEveryKind(at)[:7]}))
	for _, role := range []string{registry.RoleDeveloper, registry.RoleViewer} {
		_, err := k.RecordFacts(k.as("vera", role), bulk.RecordFactsInput{Facts: factsOfEveryKind(at)[:1]})
		k.wantCode(registry.Forbidden, err)
	}
	_, err = k.RecordFacts(k.with("mia", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:other"}), bulk.RecordFactsInput{Facts: factsOfEveryKind(at)[6:7]})
	if code := registry.CodeOf(err); code != registry.InvalidArgument { // The facts that it references are missing.
		t.Error(err)
	}
	_, err = k.RecordFacts(k.with("mia", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:other"}), bulk.RecordFactsInput{Facts: []bulk.FactInput{
		{ModelVersion: &catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("2.0.0")}}}})
	k.wantCode(registry.NotFound, err)
}

func TestATagThatMovedKeepsItsTimes(t *testing.T) {
	k := newKit(t)
	repo := facts.RepositoryInput{Name: "r"}
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	at := k.now.Add(-time.Hour)
	facts := []bulk.FactInput{
		{Commits: &facts.RecordCommitsInput{Repository: repo, Commits: []facts.CommitInput{{SHA: a}, {SHA: b}}}},
		{Tag: &facts.RecordTagInput{Repository: repo, Name: "v1", SHA: a, Message: "first", TaggedAt: at, MovedAt: at.Add(time.Minute)}},
		{Tag: &facts.RecordTagInput{Repository: repo, Name: "v1", SHA: b, TaggedAt: at.Add(time.Minute)}},
	}
	p := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: facts}))
	old := must[registry.Node](k)(k.Node(k.as("root", registry.RoleAdmin), *p.Facts[1].ID)).(*registry.Tag)
	now := must[registry.Node](k)(k.Node(k.as("root", registry.RoleAdmin), *p.Facts[2].ID)).(*registry.Tag)
	if !old.MovedAt.Equal(at.Add(time.Minute)) || !old.ValidTo.Equal(old.MovedAt) || old.Message != "first" || !now.MovedAt.IsZero() {
		t.Errorf("%+v, then %+v", old, now)
	}
	if again := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: facts})); again.Unchanged != 3 {
		t.Errorf("%+v", again)
	}
	// Record late that the current tag was moved.
	facts[2].Tag.MovedAt = at.Add(2 * time.Minute)
	if p := must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.as("root", registry.RoleAdmin), bulk.RecordFactsInput{Facts: facts[2:]})); p.Merged != 1 {
		t.Errorf("%+v", p)
	}
}
