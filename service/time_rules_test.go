package service_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// TestEveryTimeOfAnInputIsChecked puts a time that lies ahead into every time field of every
// kind of fact and of every other input of a mutation, at any depth.
func TestEveryTimeOfAnInputIsChecked(t *testing.T) {
	now, checked := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), 0
	inputs := []any{bulk.FactInput{}, catalog.UpdateModelCardInput{}, catalog.UpdateModelInput{}, catalog.DeleteAliasInput{}, catalog.DeleteModelInput{}}
	var visit func(root, v reflect.Value, path string)
	visit = func(root, v reflect.Value, path string) {
		switch {
		case v.Type() == reflect.TypeFor[time.Time]():
			for ahead, refused := range map[time.Duration]bool{core.MaxAhead: false, core.MaxAhead + time.Microsecond: true} {
				v.Set(reflect.ValueOf(now.Add(ahead)))
				if err := core.CheckTimesNotAhead(root.Interface(), now); (registry.CodeOf(err) == registry.InvalidArgument) != refused {
					t.Errorf("%s, %s ahead: %v", path, ahead, err)
				}
			}
			v.SetZero()
			checked++
		case v.Kind() == reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			visit(root, v.Elem(), path)
			v.SetZero()
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			visit(root, v.Index(1), path+"[1]")
			v.SetZero()
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					visit(root, v.Field(i), path+"."+f.Name)
				}
			}
		}
	}
	for _, in := range inputs {
		v := reflect.New(reflect.TypeOf(in)).Elem()
		visit(v, v, v.Type().Name())
	}
	if checked < 20 {
		t.Errorf("only %d times were found", checked)
	}
}

// TestTimesThatHaveNotComeAreRefused sends a time an hour ahead with every mutation and every
// query of the past, and one a minute ahead, which may be a difference of clocks.
func TestTimesThatHaveNotComeAreRefused(t *testing.T) {
	k := newKit(t)
	model, version, sha := "churn", "1.0.0", strings.Repeat("a", 40)
	k.model(model)
	v := k.version(model, version)
	raw := k.data("raw", nil)
	i := 0
	calls := map[string]func(at time.Time) error{
		"registerModel": func(at time.Time) error {
			_, err := k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: fmt.Sprint("m", i), CreatedAt: at})
			return err
		},
		"registerModelVersion": func(at time.Time) error {
			_, err := k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: model, Version: ptr(fmt.Sprintf("2.%d.0", i)), CreatedDate: at})
			return err
		},
		"transitionModelVersion": func(at time.Time) error {
			_, err := k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{ID: &v.ID, To: registry.Staging, At: at})
			return err
		},
		"setAlias": func(at time.Time) error {
			_, err := k.SetAlias(k.admin, catalog.SetAliasInput{Model: model, Version: version, Alias: "best", At: at})
			return err
		},
		"recordDatasetVersion": func(at time.Time) error {
			_, err := k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "d", Version: fmt.Sprint(i), CreatedAt: at})
			return err
		},
		"recordRun started": func(at time.Time) error {
			_, err := k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: fmt.Sprint(i), Name: "r", StartedAt: at})
			return err
		},
		"recordRun ended": func(at time.Time) error {
			_, err := k.RecordRun(k.admin, facts.RecordRunInput{Producer: "q", RunID: fmt.Sprint(i), Name: "r", EndedAt: at})
			return err
		},
		"recordCommits": func(at time.Time) error {
			_, err := k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "repo"}, Commits: []facts.CommitInput{{SHA: sha, CommittedAt: at}}})
			return err
		},
		"recordFeature": func(at time.Time) error {
			_, err := k.RecordFeature(k.admin, facts.RecordFeatureInput{DefinedOn: &raw, Column: fmt.Sprint("c", i), CreatedAt: at})
			return err
		},
		"recordDeployment": func(at time.Time) error {
			_, err := k.RecordDeployment(k.admin, facts.RecordDeploymentInput{ID: &v.ID, Environment: fmt.Sprint("e", i), StartedAt: at})
			return err
		},
		"linkLineage": func(at time.Time) error {
			_, err := k.LinkLineage(k.admin, facts.LinkLineageInput{From: v.ID, To: raw, Kind: registry.EdgeDerivedFrom, ValidFrom: at})
			return err
		},
		"recordFacts": func(at time.Time) error {
			_, err := k.RecordFacts(k.admin, bulk.RecordFactsInput{Facts: []bulk.FactInput{{DatasetVersion: &facts.RecordDatasetVersionInput{Dataset: "f", Version: fmt.Sprint(i), CreatedAt: at}}}})
			return err
		},
		"asOf": func(at time.Time) error {
			_, err := k.Model(k.admin, model, core.PointInTime{AsOf: at})
			return err
		},
		"knownAt": func(at time.Time) error {
			_, err := k.Lineage(k.admin, provenance.LineageInput{Of: raw, KnownAt: at})
			return err
		},
	}
	for name, call := range calls {
		i++
		if err := call(k.now.Add(time.Hour)); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%s an hour ahead: %v", name, err)
		}
		if err := call(k.now.Add(time.Minute)); err != nil {
			t.Errorf("%s a minute ahead: %v", name, err)
		}
	}
}

// TestNowHasOneMeaning records what begins and ends some minutes ahead, within the difference
// of clocks that is accepted. Gets, lists, hops and walks agree on it, and so do the same
// queries at the instant that an answer names.
func TestNowHasOneMeaning(t *testing.T) {
	k := newKit(t)
	v := k.version(k.model("churn").Name, "1.0.0")
	ahead := k.now.Add(4 * time.Minute)
	data := must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "d", Version: "1", CreatedAt: ahead})).DatasetVersion
	must[*facts.LinkLineagePayload](k)(k.LinkLineage(k.admin, facts.LinkLineageInput{From: v.ID, To: data.ID, Kind: registry.EdgeDerivedFrom, ValidFrom: ahead}))
	deploy := func(environment string, end time.Time) registry.ID {
		d := must[*facts.RecordDeploymentPayload](k)(k.RecordDeployment(k.admin, facts.RecordDeploymentInput{ID: &v.ID, Environment: environment, StartedAt: k.now.Add(2 * time.Minute)})).Deployment
		if !end.IsZero() {
			must[*facts.EndDeploymentPayload](k)(k.EndDeployment(k.admin, facts.EndDeploymentInput{ID: d.ID, EndedAt: end}))
		}
		return d.ID
	}
	live, ended := deploy("live", time.Time{}), deploy("ended", ahead)
	g := must[*provenance.LineageGraph](k)(k.Lineage(k.as("a", registry.RoleAdmin), provenance.LineageInput{Of: data.ID, Direction: lineage.Downstream}))
	for _, past := range [][]core.PointInTime{nil, {{AsOf: g.AsOf, KnownAt: g.KnownAt}}} {
		for id, want := range map[registry.ID]bool{live: true, ended: false} {
			if d := must[registry.Node](k)(k.Node(k.admin, id, past...)).(*registry.Deployment); d == nil || d.Live != want {
				t.Errorf("%v: %+v, live must be %v", past, d, want)
			}
		}
		in := provenance.LineageInput{Of: data.ID, Direction: lineage.Downstream}
		if past != nil {
			in.AsOf, in.KnownAt = past[0].AsOf, past[0].KnownAt
		}
		if g := must[*provenance.LineageGraph](k)(k.Lineage(k.as("a", registry.RoleAdmin), in)); len(g.Nodes) != 4 || len(g.Edges) != 3 {
			t.Errorf("%v: the walk has %d nodes and %d edges", past, len(g.Nodes), len(g.Edges))
		}
		at := must[*registry.ModelVersion](k)(k.ModelVersion(k.admin, "churn", "1.0.0", past...))
		if up := must[*provenance.ProvenanceNodeConnection](k)(k.Upstream(k.admin, at, core.Paging{})); len(up.Edges) != 1 {
			t.Errorf("%v: the hop has %d causes", past, len(up.Edges))
		}
		if on := must[*facts.DeploymentConnection](k)(k.DeploymentsOf(k.admin, at, core.Paging{})); len(on.Edges) != 2 {
			t.Errorf("%v: the hop has %d deployments", past, len(on.Edges))
		}
	}
	for want, filter := range map[registry.ID]bool{live: true, ended: false} {
		page := must[*facts.DeploymentConnection](k)(k.Deployments(k.admin, core.Paging{}, &facts.DeploymentFilter{Live: &filter}, nil))
		if len(page.Edges) != 1 || page.Edges[0].Node.ID != want || page.Edges[0].Node.Live != filter {
			t.Errorf("live %v: %+v", filter, page.Edges)
		}
	}
	if impact := must[*provenance.ImpactConnection](k)(k.Impact(k.as("a", registry.RoleAdmin), provenance.ImpactInput{Of: []registry.ID{data.ID}, Live: true})); len(impact.Edges) != 1 {
		t.Errorf("the impact has %d live deployments", len(impact.Edges))
	}
}

// TestABackdatedPromotionIsRefused: a version was in PRODUCTION until 20 January, so no other
// was promoted on 10 January. That holds too when the version was deleted in PRODUCTION.
func TestABackdatedPromotionIsRefused(t *testing.T) {
	k := newKit(t)
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	k.now = day(1)
	k.model("churn")
	for _, v := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		k.version("churn", v)
	}
	k.now = day(30)
	move := func(version string, to registry.Stage, at time.Time) error {
		_, err := k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: &version, To: to, At: at, Force: true, Reason: "test"})
		return err
	}
	for _, c := range []struct {
		version string
		to      registry.Stage
		at      time.Time
		code    registry.Code
	}{
		{"1.0.0", registry.Production, day(3), ""},
		{"1.0.0", registry.Archived, day(20), ""},
		{"2.0.0", registry.Production, day(10), registry.InvalidArgument},
		{"2.0.0", registry.Production, day(20), ""},
		{"3.0.0", registry.Production, day(19), registry.InvalidArgument},
		{"3.0.0", registry.Production, day(22), ""}, // It ends the one of 2.0.0.
		{"3.0.0", registry.Archived, day(25), ""},
		{"2.0.0", registry.Production, day(24), registry.InvalidArgument},
		{"2.0.0", registry.Production, time.Time{}, ""},
	} {
		k.wantCode(c.code, move(c.version, c.to, c.at))
	}
	must[*core.DeletePayload](k)(k.DeleteModelVersion(k.admin, catalog.DeleteModelVersionInput{Model: ptr("churn"), Version: ptr("2.0.0")}))
	k.now = day(31)
	k.wantCode(registry.InvalidArgument, move("1.0.0", registry.Production, day(29)))
	k.wantCode("", move("1.0.0", registry.Production, day(31)))
}

// TestInvariantsHoldAtEveryInstant moves versions, aliases and deployments at random times of
// the past. At every instant at which something begins or ends, a model has at most one version
// in PRODUCTION, an alias one target that existed, and a deployment a version that existed.
func TestInvariantsHoldAtEveryInstant(t *testing.T) {
	accepted, refused := 0, 0
	for seed := range uint64(graphtest.Rounds()) {
		r := rand.New(rand.NewPCG(seed, 12))
		k := newKit(t)
		start := k.now
		k.model("churn")
		k.now = start.AddDate(0, 0, 100)
		instants := []time.Time{start}
		somewhen := func() time.Time {
			at := start.Add(time.Duration(r.IntN(100*24)) * time.Hour)
			instants = append(instants, at, at.Add(-time.Microsecond))
			return at
		}
		var versions []string
		for i := range 5 {
			v := fmt.Sprintf("1.%d.0", i)
			created := start.Add(time.Duration(r.IntN(20*24)) * time.Hour)
			must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: &v, CreatedDate: created}))
			versions = append(versions, v)
		}
		for range 60 {
			v, at := versions[r.IntN(len(versions))], somewhen()
			var err error
			switch r.IntN(6) {
			case 0:
				_, err = k.SetAlias(k.admin, catalog.SetAliasInput{Model: "churn", Version: v, Alias: []string{"champion", "challenger"}[r.IntN(2)], At: at})
			case 1:
				_, err = k.RecordDeployment(k.admin, facts.RecordDeploymentInput{Model: ptr("churn"), Version: &v, Environment: "prod", StartedAt: at})
			default:
				to := []registry.Stage{registry.Production, registry.Archived, registry.Deprecated, registry.Staging}[r.IntN(4)]
				_, err = k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: &v, To: to, At: at, Force: true, Reason: "test"})
			}
			if err != nil {
				refused++
				if c := registry.CodeOf(err); c != registry.InvalidArgument && c != registry.FailedPrecondition {
					t.Fatal(err)
				}
				continue
			}
			accepted++
		}
		slices.SortFunc(instants, time.Time.Compare)
		for _, at := range instants {
			if msg := brokenInvariant(k, versions, at); msg != "" {
				t.Fatalf("seed %d, as of %s: %s", seed, at, msg)
			}
		}
	}
	if accepted < 10 || refused < 10 {
		t.Errorf("%d steps were accepted and %d refused: too few to show anything", accepted, refused)
	}
}

// brokenInvariant says which invariant does not hold at an instant, "" when all do.
func brokenInvariant(k *kit, versions []string, at time.Time) string {
	k.Helper()
	past, ctx := core.PointInTime{AsOf: at}, k.as("root", registry.RoleAdmin)
	m := must[*registry.Model](k)(k.Model(ctx, "churn", past))
	if m == nil {
		return ""
	}
	var there []string
	inProduction := 0
	for _, v := range versions {
		n := must[*registry.ModelVersion](k)(k.ModelVersion(ctx, "churn", v, past))
		if n == nil {
			continue
		}
		there = append(there, v)
		if n.Stage == registry.Production {
			inProduction++
		}
	}
	if inProduction > 1 {
		return fmt.Sprintf("%d versions in PRODUCTION", inProduction)
	}
	targets := map[string]bool{}
	for _, a := range must[[]*registry.Alias](k)(k.AliasesOf(ctx, m)) {
		if targets[a.Name] || !slices.Contains(there, a.Version) {
			return fmt.Sprintf("alias %s of %s among %v", a.Name, a.Version, there)
		}
		targets[a.Name] = true
	}
	page, err := k.store.Find(k.Context(), graph.Query{Kinds: []registry.Kind{registry.KindDeployment}, Limit: 1000})
	if err != nil {
		k.Fatal(err)
	}
	for _, n := range page.Nodes {
		d, _ := must[registry.Node](k)(k.Node(ctx, n.ID, past)).(*registry.Deployment)
		if d != nil && d.Live && !slices.Contains(there, d.Version) {
			return fmt.Sprintf("a live deployment of %s among %v", d.Version, there)
		}
	}
	return ""
}

// TestADeploymentDoesNotStartBeforeItsVersion also checks aliases, and that what was recorded
// can be told again.
func TestADeploymentDoesNotStartBeforeItsVersion(t *testing.T) {
	k := newKit(t)
	k.model("churn")
	created := k.now.AddDate(0, 0, -10)
	v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), CreatedDate: created})).ModelVersion
	for days, code := range map[int]registry.Code{-1: registry.InvalidArgument, 0: "", 1: ""} {
		at := created.AddDate(0, 0, days)
		_, err := k.RecordDeployment(k.admin, facts.RecordDeploymentInput{ID: &v.ID, Environment: "prod", StartedAt: at})
		k.wantCode(code, err)
		_, err = k.SetAlias(k.admin, catalog.SetAliasInput{Model: "churn", Version: "1.0.0", Alias: fmt.Sprint("a", days+1), At: at})
		k.wantCode(code, err)
	}
}
