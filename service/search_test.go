package service_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

func titles[E any](c []E, title func(E) string) string {
	out := []string{}
	for _, e := range c {
		out = append(out, title(e))
	}
	return strings.Join(out, " ")
}

func (k *kit) search(in catalog.SearchInput, p core.Paging) *catalog.SearchConnection {
	k.Helper()
	return must[*catalog.SearchConnection](k)(k.Search(k.as("root", registry.RoleAdmin), in, p))
}

func hitTitle(e *catalog.SearchEdge) string {
	switch n := e.Node.(type) {
	case *registry.Model:
		return n.Name
	case *registry.ModelVersion:
		return n.Name
	case *registry.Run:
		return "run:" + n.Name
	case *registry.DatasetVersion:
		return "state:" + n.Name
	case *registry.Dataset:
		return "dataset:" + n.Name
	case *registry.ModelCard:
		return "card:" + n.ModelID
	}
	return fmt.Sprintf("%T", e.Node)
}

func (k *kit) seedModels() {
	for _, m := range []catalog.RegisterModelInput{{Name: "zeta", Description: "Predicts credit risk"}, {Name: "credit-approval", Owner: "ann"}, {Name: "credit-limit"},
		{Name: "other", Tags: []registry.KeyValue{{Key: "about", Value: "Credit"}}}} {
		must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, m))
	}
	k.version("credit-approval", "1.0.0")
	k.version("credit-approval", "1.1.0")
	k.move("credit-approval", "1.0.0", registry.Staging, registry.Production)
	k.data("credit/raw_data.csv", nil)
	k.run("clean-credit")
}

func TestSearchPutsNamesFirstThenKindNameAndID(t *testing.T) {
	k := newKit(t)
	k.seedModels()
	c := k.search(catalog.SearchInput{Text: "CREDIT"}, core.Paging{})
	want := "dataset:credit/raw_data.csv state:credit/raw_data.csv credit-approval credit-limit model-credit-approval-v1.0.0 model-credit-approval-v1.1.0 run:clean-credit other zeta"
	if got := titles(c.Edges, hitTitle); got != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
	if n := must[*int](k)(c.TotalCount(t.Context())); *n != 9 {
		t.Errorf("total %d", *n)
	}
	f := must[*catalog.SearchFacets](k)(c.Facets(t.Context()))
	counts := titles(f.Kinds, func(x *catalog.SearchKindCount) string { return fmt.Sprint(x.Kind, x.Count) }) + " " +
		titles(f.Stages, func(x *catalog.SearchStageCount) string { return fmt.Sprint(x.Stage, x.Count) })
	if counts != "DATASET1 DATASET_VERSION1 MODEL4 MODEL_VERSION2 RUN1 DEVELOPMENT1 PRODUCTION1" || !f.Complete {
		t.Errorf("facets %s", counts)
	}
	var paged []string
	p := core.Paging{First: ptr(2)}
	for {
		c := k.search(catalog.SearchInput{Text: "CREDIT"}, p)
		paged = append(paged, titles(c.Edges, hitTitle))
		if p.After = &c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
			break
		}
	}
	if strings.Join(paged, " ") != want || len(paged) != 5 {
		t.Errorf("pages %q", paged)
	}
}

func TestSearchFiltersByKindAndStageAndReturnsMatchedFields(t *testing.T) {
	k := newKit(t)
	k.seedModels()
	for in, want := range map[*catalog.SearchInput]string{
		{Text: "credit", Kinds: []registry.Kind{registry.KindRun, registry.KindModel, registry.KindRun}}:          "credit-approval credit-limit run:clean-credit other zeta",
		{Text: "credit", Stages: []registry.Stage{registry.Production, registry.Staging}}:                         "model-credit-approval-v1.0.0",
		{Text: "credit", Stages: []registry.Stage{registry.Production}, Kinds: []registry.Kind{registry.KindRun}}: "",
		{Text: "credit app"}: "credit-approval model-credit-approval-v1.0.0 model-credit-approval-v1.1.0", {Text: "1.0.0"}: "model-credit-approval-v1.0.0",
		{Text: "credit v1"}: "model-credit-approval-v1.0.0 model-credit-approval-v1.1.0 state:credit/raw_data.csv", {Text: "ann"}: "credit-approval model-credit-approval-v1.0.0 model-credit-approval-v1.1.0", {Text: "nothing"}: "",
	} {
		if got := titles(k.search(*in, core.Paging{}).Edges, hitTitle); got != want {
			t.Errorf("%+v: %s, want %s", *in, got, want)
		}
	}
	for text, want := range map[string]string{"predicts credit": "[description]", "zet": "[name]", "zeta cred": "[name description]", "about": "[tags]"} {
		if e := k.search(catalog.SearchInput{Text: text}, core.Paging{}).Edges; len(e) != 1 || fmt.Sprint(e[0].Matched) != want {
			t.Errorf("%s: %d hits, matched %v", text, len(e), e[0].Matched)
		}
	}
}

func TestSearchRefusesInvalidInput(t *testing.T) {
	k := newKit(t)
	for _, text := range []string{"", "  ", "-/_.", "\x00", strings.Repeat("a", catalog.MaxSearchText+1), "a b c d e f g h i j k l m n o p q"} {
		_, err := k.Search(k.admin, catalog.SearchInput{Text: text}, core.Paging{})
		k.wantCode(registry.InvalidArgument, err)
	}
	_, err := k.Search(k.admin, catalog.SearchInput{Text: "a", Kinds: []registry.Kind{registry.KindToken}}, core.Paging{})
	k.wantCode(registry.InvalidArgument, err)
	_, err = k.Search(k.admin, catalog.SearchInput{Text: "a"}, core.Paging{First: ptr(201)})
	k.wantCode(registry.InvalidArgument, err)
	k.seedModels()
	end := k.search(catalog.SearchInput{Text: "credit"}, core.Paging{First: ptr(1)}).PageInfo.EndCursor
	_, err = k.Search(k.as("somebody else", registry.RoleAdmin), catalog.SearchInput{Text: "credit"}, core.Paging{After: &end})
	k.wantCode(registry.InvalidArgument, err)
}

func TestSearchReflectsDeletesAndUpdates(t *testing.T) {
	k := newKit(t)
	k.seedModels()
	must[*catalog.ModelPayload](k)(k.UpdateModel(k.admin, catalog.UpdateModelInput{Model: ptr("zeta"), Description: ptr("Predicts churn")}))
	must[*core.DeletePayload](k)(k.DeleteModel(k.admin, catalog.DeleteModelInput{Model: ptr("credit-approval")}))
	if s := titles(k.search(catalog.SearchInput{Text: "credit"}, core.Paging{}).Edges, hitTitle); s != "dataset:credit/raw_data.csv state:credit/raw_data.csv credit-limit run:clean-credit other" {
		t.Error(s)
	}
	if s := titles(k.search(catalog.SearchInput{Text: "churn"}, core.Paging{}).Edges, hitTitle); s != "zeta" {
		t.Error(s)
	}
}

// TestSearchCountsAreBounded checks that counting stops at a bound and reports it when
// visibility depends on the graph. The page itself is complete.
func TestSearchCountsAreBounded(t *testing.T) {
	k := newKit(t)
	run := k.run("train")
	k.model("m")
	must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("1.0.0"), Run: &run}))
	k.move("m", "1.0.0", registry.Staging, registry.Production)
	in := facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "r"}}
	for i := range 2100 {
		in.Commits = append(in.Commits, facts.CommitInput{SHA: fmt.Sprintf("%040x", i), Message: "train", CommittedAt: k.now})
		if len(in.Commits) == 300 {
			must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, in))
			in.Commits = nil
		}
	}
	for role, want := range map[string]string{registry.RoleAdmin: "2101 true", registry.RoleDeveloper: "<nil> false"} {
		c := must[*catalog.SearchConnection](k)(k.Search(k.as("x", role), catalog.SearchInput{Text: "train"}, core.Paging{}))
		n, f := must[*int](k)(c.TotalCount(t.Context())), must[*catalog.SearchFacets](k)(c.Facets(t.Context()))
		total := "<nil>"
		if n != nil {
			total = fmt.Sprint(*n)
		}
		if s := fmt.Sprint(total, " ", f.Complete); s != want {
			t.Errorf("as %s: %s, want %s", role, s, want)
		}
		if role == registry.RoleDeveloper && titles(c.Edges, hitTitle) != "run:train" {
			t.Errorf("a developer finds %s", titles(c.Edges, hitTitle))
		}
	}
}

func TestListsAreFilteredAndSorted(t *testing.T) {
	k := newKit(t)
	at := func(n int) time.Time { return k.now.Add(time.Duration(n) * time.Hour) }
	start := k.now
	k.now = at(0)
	for i, m := range []string{"b", "a", "c"} {
		must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: m, Owner: []string{"y", "x", "y"}[i]}))
		must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: m, Name: m, RunKind: []registry.RunKind{registry.RunTraining, registry.RunETL, registry.RunOther}[i], StartedAt: k.now}))
		must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: m, Namespace: []string{"n2", "n1", "n3"}[i], Version: "1", Owner: []string{"y", "x", "y"}[i], CreatedAt: k.now}))
		must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "r"}, Commits: []facts.CommitInput{
			{SHA: strings.Repeat(m, 40), Message: "x", Role: []string{"two", "three", "one"}[i], CommittedAt: k.now}}}))
		k.now = k.now.Add(time.Hour)
	}
	from, before := start.Add(time.Hour), start.Add(2*time.Hour)
	page := core.Paging{}
	models := func(f *catalog.ModelFilter, o *core.ModelOrder) string {
		return titles(must[*catalog.ModelConnection](k)(k.Models(k.admin, page, f, o)).Edges, func(e *catalog.ModelEdge) string { return e.Node.Name })
	}
	datasets := func(f *facts.DatasetFilter, o *core.DatasetOrder) string {
		return titles(must[*facts.DatasetConnection](k)(k.Datasets(k.admin, page, f, o)).Edges, func(e *facts.DatasetEdge) string { return e.Node.Name })
	}
	runs := func(f *facts.RunFilter, o *core.RunOrder) string {
		return titles(must[*facts.RunConnection](k)(k.Runs(k.admin, page, f, o)).Edges, func(e *facts.RunEdge) string { return e.Node.Name })
	}
	commits := func(f *facts.CommitFilter, o *core.CommitOrder) string {
		return titles(must[*facts.CommitConnection](k)(k.Commits(k.admin, page, f, o)).Edges, func(e *facts.CommitEdge) string { return e.Node.SHA[:1] })
	}
	for what, c := range map[string][2]string{
		"models from":          {models(&catalog.ModelFilter{CreatedFrom: &from}, nil), "a c"},
		"models before":        {models(&catalog.ModelFilter{CreatedBefore: &before}, nil), "a b"},
		"models by time":       {models(&catalog.ModelFilter{Owner: "y"}, &core.ModelOrder{Field: "CREATED_AT", Direction: "DESC"}), "c b"},
		"models by owner":      {models(nil, &core.ModelOrder{Field: "OWNER", Direction: "ASC"})[:1], "a"},
		"models by name":       {models(nil, &core.ModelOrder{Field: "NAME", Direction: "DESC"}), "c b a"},
		"datasets between":     {datasets(&facts.DatasetFilter{CreatedFrom: &from, CreatedBefore: &before}, nil), "a"},
		"datasets by space":    {datasets(nil, &core.DatasetOrder{Field: "NAMESPACE", Direction: "ASC"}), "a b c"},
		"datasets by time":     {datasets(nil, &core.DatasetOrder{Field: "CREATED_AT", Direction: "ASC"}), "b a c"},
		"datasets by default":  {datasets(nil, nil), "a b c"},
		"runs by kind":         {runs(nil, &core.RunOrder{Field: "RUN_KIND", Direction: "ASC"}), "a c b"},
		"runs by time":         {runs(&facts.RunFilter{StartedBefore: &before}, &core.RunOrder{Field: "STARTED_AT", Direction: "DESC"}), "a b"},
		"runs by default":      {runs(nil, nil), "a b c"},
		"commits by default":   {commits(nil, nil), "c a b"},
		"commits by sha":       {commits(nil, &core.CommitOrder{Field: "SHA", Direction: "ASC"}), "a b c"},
		"commits by role":      {commits(&facts.CommitFilter{CommittedFrom: &from}, &core.CommitOrder{Field: "ROLE", Direction: "ASC"}), "c a"},
		"commits in the order": {commits(nil, &core.CommitOrder{Field: "COMMITTED_AT", Direction: "ASC"}), "b a c"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %s, want %s", what, c[0], c[1])
		}
	}
	first := must[*facts.RunConnection](k)(k.Runs(k.admin, core.Paging{First: ptr(1)}, nil, &core.RunOrder{Field: "STARTED_AT", Direction: "ASC"}))
	_, err := k.Runs(k.admin, core.Paging{After: &first.PageInfo.EndCursor}, nil, &core.RunOrder{Field: "STARTED_AT", Direction: "DESC"})
	k.wantCode(registry.InvalidArgument, err)
}

func TestVersionsAreFilteredAndSorted(t *testing.T) {
	k := newKit(t)
	m := k.model("m")
	start := k.now
	for i, v := range []string{"2.0.0", "10.0.0", "1.0.0"} {
		must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &v, Owner: []string{"ann", "bob", "ann"}[i]}))
		k.now = k.now.Add(time.Hour)
	}
	k.move("m", "10.0.0", registry.Staging, registry.Production)
	from := start.Add(time.Hour)
	list := func(f *catalog.ModelVersionFilter, o *core.ModelVersionOrder) string {
		ctx := k.WithLoaders(k.as("root", registry.RoleAdmin))
		c := must[*catalog.ModelVersionConnection](k)(k.VersionsOf(ctx, m, core.Paging{First: ptr(2)}, f, o))
		out := titles(c.Edges, func(e *catalog.ModelVersionEdge) string { return e.Node.Version })
		if c.PageInfo.HasNextPage {
			c = must[*catalog.ModelVersionConnection](k)(k.VersionsOf(ctx, m, core.Paging{After: &c.PageInfo.EndCursor}, f, o))
			out += " | " + titles(c.Edges, func(e *catalog.ModelVersionEdge) string { return e.Node.Version })
		}
		return out
	}
	for what, c := range map[string][2]string{
		"by default":  {list(nil, nil), "10.0.0 2.0.0 | 1.0.0"},
		"by semver":   {list(nil, &core.ModelVersionOrder{Field: "VERSION", Direction: "ASC"}), "1.0.0 2.0.0 | 10.0.0"},
		"by number":   {list(nil, &core.ModelVersionOrder{Field: "NUMBER", Direction: "ASC"}), "2.0.0 10.0.0 | 1.0.0"},
		"by time":     {list(nil, &core.ModelVersionOrder{Field: "CREATED_DATE", Direction: "DESC"}), "1.0.0 10.0.0 | 2.0.0"},
		"of an owner": {list(&catalog.ModelVersionFilter{Owner: "ann"}, nil), "2.0.0 1.0.0"},
		"from":        {list(&catalog.ModelVersionFilter{CreatedFrom: &from}, nil), "10.0.0 1.0.0"},
		"before":      {list(&catalog.ModelVersionFilter{CreatedBefore: &from}, nil), "2.0.0"},
		// The filter excludes the version in PRODUCTION; that must not be taken for a promotion in
		// progress.
		"production of another owner": {list(&catalog.ModelVersionFilter{Owner: "ann", Stages: []registry.Stage{registry.Production}}, nil), ""},
		"production of the owner":     {list(&catalog.ModelVersionFilter{Owner: "bob", Stages: []registry.Stage{registry.Production}}, nil), "10.0.0"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %s, want %s", what, c[0], c[1])
		}
	}
}
