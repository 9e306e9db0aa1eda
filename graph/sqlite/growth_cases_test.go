package sqlite_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// firstFive is the page of all lists: the small store has as many rows.
var firstFive = core.Paging{First: ptr(5)}

func ptr[T any](v T) *T { return &v }

// get is a use case that reads; run returns how many items it got, which must be want.
func get(name string, want int, run func(context.Context, *grown) (int, error)) useCase {
	return useCase{name: name, count: run, run: func(ctx context.Context, g *grown, _ int) error {
		n, err := run(ctx, g)
		if err == nil && n != want {
			err = fmt.Errorf("%d items, want %d", n, want)
		}
		return err
	}}
}

// one counts an item that is there.
func one[T comparable](v T, err error) (int, error) {
	var none T
	if v == none {
		return 0, err
	}
	return 1, err
}

func (g *grown) modelNamed(ctx context.Context, name string, past ...core.PointInTime) *registry.Model {
	m, err := g.Model(ctx, name, past...)
	if err != nil || m == nil {
		g.missing(name, err)
	}
	return m
}

func (g *grown) version(ctx context.Context, model, version string) *registry.ModelVersion {
	v, err := g.ModelVersion(ctx, model, version)
	if err != nil || v == nil {
		g.missing(model+" "+version, err)
	}
	return v
}

func gets() []useCase {
	early := core.PointInTime{AsOf: minute(7)}
	return []useCase{
		get("viewer", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.Viewer(ctx)) }),
		get("model", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.Model(ctx, "big")) }),
		get("model that is not there", 0, func(ctx context.Context, g *grown) (int, error) { return one(g.Model(ctx, "nobody")) }),
		get("model as of early", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.Model(ctx, "big", early)) }),
		get("latestVersion", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.LatestVersion(ctx, g.modelNamed(ctx, "quiet")))
		}),
		get("productionVersion", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.ProductionVersion(ctx, g.modelNamed(ctx, "big")))
		}),
		get("productionVersion, none", 0, func(ctx context.Context, g *grown) (int, error) {
			return one(g.ProductionVersion(ctx, g.modelNamed(ctx, "quiet")))
		}),
		get("modelVersion by number", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.VersionByNumber(ctx, "big", 3)) }),
		get("modelVersion by number that is not there", 0, func(ctx context.Context, g *grown) (int, error) {
			return one(g.VersionByNumber(ctx, "big", 99_000_000))
		}),
		get("newest version by stage", 1, func(ctx context.Context, g *grown) (int, error) {
			newest, err := g.NewestByStage(ctx, g.modelNamed(ctx, "big"))
			return min(len(newest), 1), err
		}),
		selectedModels("selected by name", 1, catalog.Selection{Where: []catalog.Condition{{Of: catalog.OfName, Compare: catalog.Equal, Values: []string{"big"}}}}),
		selectedModels("selected by the start of the name", 1, catalog.Selection{Where: []catalog.Condition{{Of: catalog.OfName, Compare: catalog.Like, Values: []string{"bi%"}}}}),
		selectedModels("selected in the order of names", 5, catalog.Selection{Orders: []catalog.SelectionOrder{{By: catalog.OfName, Desc: true}}}),
		get("selected versions by number", 1, func(ctx context.Context, g *grown) (int, error) {
			p, err := g.SelectVersions(ctx, catalog.Selection{Size: 5, Where: []catalog.Condition{{Of: catalog.OfName, Compare: catalog.Equal, Values: []string{"big"}}, {Of: catalog.OfNumber, Compare: catalog.Equal, Number: 3}}})
			if err != nil {
				return 0, err
			}
			return len(p.Versions), nil
		}),
		get("modelVersion", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.ModelVersion(ctx, "big", "1.0.3")) }),
		get("modelVersion latest", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.ModelVersion(ctx, "quiet", "latest")) }),
		get("modelVersion by alias", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.ModelVersion(ctx, "big", "alias-000003"))
		}),
		get("modelVersion by unknown label", 0, func(ctx context.Context, g *grown) (int, error) { return one(g.ModelVersion(ctx, "big", "nobody")) }),
		get("modelVersion as of early", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.ModelVersion(ctx, "big", "1.0.3", early))
		}),
		get("modelVersion known at an early time", 0, func(ctx context.Context, g *grown) (int, error) {
			return one(g.ModelVersion(ctx, "big", "1.0.3", core.PointInTime{KnownAt: minute(7)}))
		}),
		get("card", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.CardOf(ctx, g.version(ctx, "big", "1.0.3")))
		}),
		get("model of a version", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.ModelOf(ctx, g.version(ctx, "big", "1.0.3")))
		}),
		get("aliases of a version", 1, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.AliasesOfVersion(ctx, g.version(ctx, "big", "1.0.3"))
			return len(all), err
		}),
		get("aliases of a model", 3, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.AliasesOf(ctx, g.modelNamed(ctx, "quiet"))
			return len(all), err
		}),
		get("features of a version", 0, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.FeaturesOf(ctx, g.version(ctx, "big", "1.0.3"))
			return len(all), err
		}),
		get("node", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.Node(ctx, g.model)) }),
		get("dataset", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.Dataset(ctx, "big", "ns")) }),
		get("datasetVersion", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.DatasetVersion(ctx, "big", "n000003", "ns"))
		}),
		get("run", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.Service.Run(ctx, nil, ptr("p"), ptr("n000003")))
		}),
		get("commit", 1, func(ctx context.Context, g *grown) (int, error) { return one(g.Commit(ctx, fmt.Sprintf("%040x", 3))) }),
		get("lineage", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.Lineage(ctx, provenance.LineageInput{Of: registry.ModelVersionID(g.model, "1.0.3")}))
		}),
		get("provenance", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.Provenance(ctx, registry.ModelVersionID(g.model, "1.0.3"), time.Time{}, time.Time{}))
		}),
	}
}

// selectedModels is a use case that selects models.
func selectedModels(name string, want int, s catalog.Selection) useCase {
	return get(name, want, func(ctx context.Context, g *grown) (int, error) {
		s.Size, s.Where = 5, slices.Clone(s.Where)
		p, err := g.SelectModels(ctx, s)
		if err != nil {
			return 0, err
		}
		return len(p.Models), nil
	})
}

func versionList(name string, want int, f *catalog.ModelVersionFilter, o *core.ModelVersionOrder, past ...core.PointInTime) useCase {
	return get(name, want, func(ctx context.Context, g *grown) (int, error) {
		c, err := g.VersionsOf(ctx, g.modelNamed(ctx, "big", past...), firstFive, f, o)
		if err != nil {
			return 0, err
		}
		return len(c.Edges), nil
	})
}

func modelList(name string, want int, f *catalog.ModelFilter, o *core.ModelOrder) useCase {
	return get(name, want, func(ctx context.Context, g *grown) (int, error) {
		c, err := g.Models(ctx, firstFive, f, o)
		if err != nil {
			return 0, err
		}
		return len(c.Edges), nil
	})
}

func lists() []useCase {
	return append(slicesOf(catalogLists(), factLists(), accessLists()), slicesOf(logLists(), tokenLists(), governanceLists())...)
}

func slicesOf(all ...[]useCase) (out []useCase) {
	for _, part := range all {
		out = append(out, part...)
	}
	return out
}

func catalogLists() (out []useCase) {
	for _, field := range []core.ModelVersionOrderField{"VERSION", "NUMBER", "CREATED_DATE", "OWNER"} {
		o := &core.ModelVersionOrder{Field: field, Direction: "DESC"}
		out = append(out, versionList("versions by "+string(field), 5, nil, o),
			versionList("versions in a stage by "+string(field), 5, &catalog.ModelVersionFilter{Stages: []registry.Stage{registry.Staging}}, o),
			versionList("versions in stages, few, by "+string(field), 1, &catalog.ModelVersionFilter{Stages: []registry.Stage{registry.Canary, registry.Production}}, o),
			versionList("versions of no owner by "+string(field), 0, &catalog.ModelVersionFilter{Owner: "nobody"}, o),
			versionList("versions of an owner by "+string(field), 5, &catalog.ModelVersionFilter{Owner: "ada"}, o),
			versionList("versions created at no time by "+string(field), 0, &catalog.ModelVersionFilter{CreatedFrom: ptr(minute(-9)), CreatedBefore: ptr(minute(-3))}, o),
			versionList("versions created early by "+string(field), 5, &catalog.ModelVersionFilter{CreatedBefore: ptr(minute(5))}, o))
	}
	for _, field := range []core.ModelOrderField{"NAME", "CREATED_AT", "OWNER"} {
		o := &core.ModelOrder{Field: field}
		out = append(out, modelList("models by "+string(field), 5, nil, o),
			modelList("models of no owner by "+string(field), 0, &catalog.ModelFilter{Owner: "nobody"}, o),
			modelList("models of an owner by "+string(field), 2, &catalog.ModelFilter{Owner: "ada"}, o),
			modelList("models with a stage, none, by "+string(field), 0, &catalog.ModelFilter{Stage: ptr(registry.Canary)}, o),
			modelList("models with a stage by "+string(field), 2, &catalog.ModelFilter{Stage: ptr(registry.Production)}, o),
			modelList("models with a stage and an owner by "+string(field), 1, &catalog.ModelFilter{Stage: ptr(registry.Production), Owner: "ada"}, o),
			modelList("models with a prefix by "+string(field), 1, &catalog.ModelFilter{NamePrefix: "qui"}, o),
			modelList("models of no time by "+string(field), 0, &catalog.ModelFilter{CreatedBefore: ptr(minute(-1))}, o))
	}
	past := core.PointInTime{AsOf: minute(7)}
	return append(out,
		get("models with a stage of many and an owner", 4, func(ctx context.Context, g *grown) (int, error) {
			f := &catalog.ModelFilter{Stage: ptr(registry.Deprecated), Owner: "bob"}
			c, err := g.Models(ctx, core.Paging{First: ptr(4)}, f, &core.ModelOrder{Field: "CREATED_AT"})
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
		get("versionsByStage", 5, func(ctx context.Context, g *grown) (int, error) {
			vs, err := g.VersionsInStage(ctx, g.modelNamed(ctx, "big"), registry.Staging)
			return len(vs), err
		}),
		versionList("versions as of early", 5, nil, nil, past),
		get("latestVersion as of early", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.LatestVersion(ctx, g.modelNamed(ctx, "big", past)))
		}),
		get("productionVersion as of early", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.ProductionVersion(ctx, g.modelNamed(ctx, "big", past)))
		}),
		get("transitions", 5, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.TransitionsOf(ctx, g.version(ctx, "big", "1.0.0"), firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
		get("artifacts", 0, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.ArtifactsOf(ctx, g.version(ctx, "big", "1.0.0"), firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
		get("signatures", 3, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.SignaturesOf(ctx, g.version(ctx, "big", "1.0.0"), firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
		get("a verified signature", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.VerificationOf(ctx, &registry.Signature{Meta: registry.Meta{ID: registry.SignatureID(registry.ModelVersionID(g.model, "1.0.0"), "0"), Parent: registry.ModelVersionID(g.model, "1.0.0")}}))
		}),
		get("search of a common word", 5, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.Search(ctx, catalog.SearchInput{Text: "bob"}, firstFive)
			if err != nil {
				return 0, err
			}
			for i, e := range c.Edges {
				if m, ok := e.Node.(*registry.Model); !ok || m.Name != fmt.Sprintf("m%06d", i) {
					return 0, fmt.Errorf("hit %d is %+v", i, e.Node)
				}
			}
			return len(c.Edges), nil
		}),
		get("search of a rare word", 1, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.Search(ctx, catalog.SearchInput{Text: "quiet", Kinds: []registry.Kind{registry.KindModel}}, firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}))
}

func factLists() (out []useCase) {
	add := func(name string, want int, run func(ctx context.Context, g *grown) (int, error)) {
		out = append(out, get(name, want, run))
	}
	for _, field := range []core.RunOrderField{"NAME", "STARTED_AT", "RUN_KIND"} {
		for name, f := range map[string]*facts.RunFilter{"": nil, " of a kind": {RunKind: "ETL"}, " of no kind": {RunKind: "EVALUATION"}, " of no name": {NamePrefix: "x", RunKind: "ETL"}, " of no time": {StartedBefore: ptr(minute(-1))}} {
			want := 5
			if len(name) > 5 && name[:7] == " of no " {
				want = 0
			}
			add("runs"+name+" by "+string(field), want, func(ctx context.Context, g *grown) (int, error) {
				c, err := g.Runs(ctx, firstFive, f, &core.RunOrder{Field: field, Direction: "DESC"})
				if err != nil {
					return 0, err
				}
				return len(c.Edges), nil
			})
		}
	}
	for _, field := range []core.DatasetOrderField{"NAME", "CREATED_AT", "OWNER", "NAMESPACE"} {
		for name, f := range map[string]*facts.DatasetFilter{"5": nil, "5 of a namespace": {Namespace: "others"}, "5 of an owner": {Owner: "ada"}, "1 of a rare namespace": {Namespace: "ns"},
			"0 of no owner": {Owner: "nobody"}, "0 of a namespace and no owner": {Namespace: "others", Owner: "nobody"}} {
			want, _ := strconv.Atoi(name[:1])
			add("datasets, "+name+" by "+string(field), want, func(ctx context.Context, g *grown) (int, error) {
				c, err := g.Datasets(ctx, firstFive, f, &core.DatasetOrder{Field: field})
				if err != nil {
					return 0, err
				}
				return len(c.Edges), nil
			})
		}
	}
	for _, field := range []core.CommitOrderField{"COMMITTED_AT", "SHA", "ROLE"} {
		for name, role := range map[string]string{"5": "", "5 of a role": "feat", "0 of no role": "nobody"} {
			for _, within := range []bool{false, true} {
				want, _ := strconv.Atoi(name[:1])
				add(fmt.Sprintf("commits, %s by %s, of a repository %v", name, field, within), want, func(ctx context.Context, g *grown) (int, error) {
					f := &facts.CommitFilter{Role: role}
					if within {
						f.Repository = &g.repository
					}
					c, err := g.Commits(ctx, firstFive, f, &core.CommitOrder{Field: field, Direction: "DESC"})
					if err != nil {
						return 0, err
					}
					return len(c.Edges), nil
				})
			}
		}
	}
	for _, field := range []core.DeploymentOrderField{"NAME", "STARTED_AT", "ENDED_AT", "ENVIRONMENT", "OWNER"} {
		for name, f := range map[string]*facts.DeploymentFilter{"5": nil, "5 of an environment": {Environment: "old"}, "0 of no environment": {Environment: "new"}, "0 of no owner": {Owner: "nobody"},
			"5 of an owner": {Owner: "ada"}, "5 that stand": {Live: ptr(true)}, "5 that have ended": {Live: ptr(false)}} {
			want, _ := strconv.Atoi(name[:1])
			add("deployments, "+name+" by "+string(field), want, func(ctx context.Context, g *grown) (int, error) {
				c, err := g.Deployments(ctx, firstFive, f, &core.DeploymentOrder{Field: field})
				if err != nil {
					return 0, err
				}
				return len(c.Edges), nil
			})
		}
	}
	add("features, newest first", 5, func(ctx context.Context, g *grown) (int, error) {
		c, err := g.Features(ctx, firstFive)
		if err != nil {
			return 0, err
		}
		return len(c.Edges), nil
	})
	add("deployments of a version", 5, func(ctx context.Context, g *grown) (int, error) {
		c, err := g.DeploymentsOf(ctx, g.version(ctx, "big", "1.0.0"), firstFive)
		if err != nil {
			return 0, err
		}
		return len(c.Edges), nil
	})
	versionsOf := func(name, namespace string, past ...core.PointInTime) func(context.Context, *grown) (int, error) {
		return func(ctx context.Context, g *grown) (int, error) {
			d, err := g.Dataset(ctx, name, namespace, past...)
			if err != nil || d == nil {
				return 0, err
			}
			c, err := g.VersionsOfDataset(ctx, d, firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}
	}
	add("versions of a dataset", 5, versionsOf("big", "ns"))
	add("versions of a dataset as of early", 5, versionsOf("big", "ns", core.PointInTime{AsOf: minute(7)}))
	add("versions of a dataset that everyone sees", 5, versionsOf("zserved", "zns"))
	add("commits and tags of a repository", 10, func(ctx context.Context, g *grown) (int, error) {
		repo := &registry.Repository{Meta: registry.Meta{ID: g.repository, Kind: registry.KindRepository}}
		c, err := g.CommitsOf(ctx, repo, firstFive)
		if err != nil {
			return 0, err
		}
		tags, err := g.TagsOf(ctx, repo, firstFive)
		if err != nil {
			return 0, err
		}
		return len(c.Edges) + len(tags.Edges), nil
	})
	return out
}

func tokenLists() (out []useCase) {
	for name, subject := range map[string]string{"tokens, 5 of a subject": "root", "tokens, 5 of everybody": ""} {
		out = append(out, get(name, 5, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.APITokens(ctx, subject, firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}))
	}
	return out
}

// accessLists are the lists of administrators.
func accessLists() []useCase {
	return []useCase{
		get("subjects", 5, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.Subjects(ctx, firstFive, nil)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
		get("policyVersions", 5, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.PolicyVersions(ctx, firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
	}
}

func governanceLists() (out []useCase) {
	pending, executed, expired := registry.RequestPending, registry.RequestExecuted, registry.RequestExpired
	for name, f := range map[string]governance.RequestFilter{"5": {}, "3 that are pending": {Status: &pending}, "5 that were executed": {Status: &executed}, "2 that have expired": {Status: &expired},
		"1 of mine": {Scope: governance.MyRequests}, "1 of mine, executed": {Scope: governance.MyRequests, Status: &executed}, "0 of mine, pending": {Scope: governance.MyRequests, Status: &pending},
		"3 that wait for me": {Scope: governance.WaitingForMe}, "5 of a model": {Model: ptr("big")}, "0 of another model": {Model: ptr("quiet")}, "0 of another model, executed": {Model: ptr("quiet"), Status: &executed}} {
		want, _ := strconv.Atoi(name[:1])
		out = append(out, get("requests, "+name, want, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.TransitionRequests(ctx, firstFive, &f)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}))
	}
	announced, planned, withdrawn := registry.DeprecationAnnounced, registry.DeprecationPlanned, registry.DeprecationWithdrawn
	for name, f := range map[string]governance.DeprecationFilter{"5": {}, "3 that are announced": {Step: &announced}, "0 that are planned": {Step: &planned}, "5 that were withdrawn": {Step: &withdrawn},
		"2 with a sunset by a day": {SunsetBy: time.Date(9000, 1, 2, 0, 0, 0, 0, time.UTC)}, "5 of a model": {Model: ptr("big")}, "0 of another model": {Model: ptr("quiet")},
		"0 of another model, withdrawn": {Model: ptr("quiet"), Step: &withdrawn}} {
		want, _ := strconv.Atoi(name[:1])
		out = append(out, get("deprecations, "+name, want, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.Deprecations(ctx, firstFive, &f)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}))
	}
	out = append(out, get("recalls that name a node", 5, func(ctx context.Context, g *grown) (int, error) {
		all, _, err := g.RecallsNaming(ctx, registry.Instant{}, 10, []registry.ID{registry.ModelVersionID(g.model, "1.0.9"), registry.ModelVersionID(g.model, "1.0.7")}, nil)
		return len(all), err
	}))
	for name, f := range map[string]governance.RecallFilter{"5": {}} {
		want, _ := strconv.Atoi(name[:1])
		out = append(out, get("recalls, "+name, want, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.Recalls(ctx, firstFive, &f)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}))
	}
	for name, at := range map[string]time.Time{"5": minute(9), "0 at an early time": minute(-1)} {
		want, _ := strconv.Atoi(name[:1])
		out = append(out, get("reviews due, "+name, want, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.ReviewsDue(ctx, firstFive, at)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}))
	}
	return append(out,
		get("requests of a version", 5, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.RequestsOfVersion(ctx, g.version(ctx, "big", "1.0.0"), firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
		get("consumers of a deprecation", 5, func(ctx context.Context, g *grown) (int, error) {
			v := registry.ModelVersionID(g.model, "1.0.0")
			c, err := g.ConsumersOf(ctx, &registry.Deprecation{Meta: registry.Meta{ID: registry.DeprecationID(v, 1)}, VersionID: v}, firstFive)
			if err != nil {
				return 0, err
			}
			if n := c.Edges[0].Node; n.Uses != 1 || len(n.Days) != 1 {
				return 0, fmt.Errorf("%d uses on %v", n.Uses, n.Days)
			}
			return len(c.Edges), nil
		}),
		get("reviews of a model", 5, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.ReviewsOf(ctx, g.modelNamed(ctx, "big"), firstFive)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}),
		get("guards", 1, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.TransitionGuards(ctx)
			return len(all), err
		}),
		get("gates", 1, func(ctx context.Context, g *grown) (int, error) {
			all, err := g.Gates(ctx)
			return len(all), err
		}),
		get("gate", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.Gate(ctx, "owned"))
		}),
		get("testGate", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.TestGate(ctx, gates.GateInput{Name: "owned", Expression: "version.owner != ''"}, 5))
		}),
		get("checkTransition", 1, func(ctx context.Context, g *grown) (int, error) {
			return one(g.CheckTransition(ctx, governance.CheckTransitionInput{Model: ptr("quiet"), Version: ptr("1.0.0"), To: registry.Staging}))
		}))
}

func logLists() (out []useCase) {
	first := registry.ModelVersionID(registry.ModelID("big", 1), "1.0.0")
	for name, f := range map[string]*access.LogFilter{"5": nil, "5 of an actor": {Actor: "tester"}, "0 of no actor": {Actor: "nobody"}, "1 of a rare action": {Actions: []string{"token_created"}},
		"0 of no action": {Actions: []string{"alias_deleted"}}, "5 of actions": {Actions: []string{"imported", "token_created"}}, "1 of a rare actor and an action": {Actor: "rare", Actions: []string{"token_created"}},
		"0 of an actor and no action": {Actor: "tester", Actions: []string{"alias_deleted"}}, "1 of an object": {Object: &first}, "5 of a model": {Model: ptr(registry.ModelID("big", 1))},
		"0 of a model and no action": {Model: ptr(registry.ModelID("big", 1)), Actions: []string{"alias_deleted"}}} {
		want, _ := strconv.Atoi(name[:1])
		out = append(out, get("log, "+name, want, func(ctx context.Context, g *grown) (int, error) {
			c, err := g.AuditLog(ctx, firstFive, f)
			if err != nil {
				return 0, err
			}
			return len(c.Edges), nil
		}))
	}
	return out
}
