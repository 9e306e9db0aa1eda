package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// life makes random events of a registry, all of them through its mutations.
type life struct {
	*rand.Rand
	k        *site
	n        int
	data     []registry.ID
	columns  map[registry.ID][]string
	runs     []facts.RecordRunInput
	features []registry.ID
	versions []registry.ID
	labels   []string // model@version, as versions
	deployed []registry.ID
	edges    []facts.LinkLineageInput
	commits  []string
	ids      []registry.ID
	// done counts the events by kind, refused those that a rule forbade.
	done    map[string]int
	refused int
}

var models = []string{"churn", "fraud"}

func newLife(k *site, seed uint64) *life {
	l := &life{Rand: rand.New(rand.NewPCG(seed, 7)), k: k, columns: map[registry.ID][]string{}, done: map[string]int{}}
	for _, m := range models {
		must[*catalog.ModelPayload](k)(k.s.RegisterModel(k.root, catalog.RegisterModelInput{Name: m}))
	}
	return l
}

func pick[T any](l *life, list []T) T { return list[l.IntN(len(list))] }

// earlier is a time up to a day before now, or none: many facts come late.
func (l *life) earlier() time.Time {
	if l.IntN(2) == 0 {
		return time.Time{}
	}
	return l.k.now.Add(-time.Duration(1+l.IntN(86400)) * time.Second)
}

// some picks up to n of a list.
func some[T comparable](l *life, list []T, n int) (out []T) {
	for range l.IntN(n + 1) {
		if x := pick(l, list); len(list) > 0 && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// event makes one thing happen, and tries again until one did.
func (l *life) event() string {
	kinds := []struct {
		name   string
		weight int
		do     func() error
	}{{"dataset", 4, l.dataset}, {"dataset again", 2, l.datasetAgain}, {"run", 3, l.run}, {"run goes on", 2, l.runGoesOn}, {"feature", 2, l.feature},
		{"version", 6, l.version}, {"card", 3, l.card}, {"model", 1, l.model}, {"transition", 24, l.transition}, {"deploy", 4, l.deploy}, {"end", 5, l.end},
		{"link", 3, l.link}, {"retract", 2, l.retract}, {"alias", 3, l.alias}, {"no alias", 1, l.noAlias}, {"commit", 2, l.commit}, {"tag", 2, l.tag}}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	for range 1000 {
		at := l.IntN(total)
		for _, k := range kinds {
			if at -= k.weight; at >= 0 {
				continue
			}
			l.n++
			switch err := k.do(); registry.CodeOf(err) {
			case "":
				l.done[k.name]++
				return k.name
			case registry.FailedPrecondition, registry.InvalidArgument, registry.Conflict, registry.AlreadyExists, errNothing.Code:
				l.refused++
			default:
				l.k.Fatalf("%s: %v", k.name, err)
			}
			break
		}
	}
	l.k.Fatal("nothing happens any more")
	return ""
}

// errNothing says that there is nothing yet to do it to.
var errNothing = registry.Errorf(registry.NotFound, "nothing to do it to")

func (l *life) dataset() error {
	in := facts.RecordDatasetVersionInput{Dataset: pick(l, []string{"raw", "clean", "training"}), Version: fmt.Sprint(l.n), CreatedAt: l.earlier(),
		DerivedFrom: someOf(l, l.data, 2)}
	for _, name := range []string{"a", "b"} {
		c := registry.Column{Name: name}
		for _, from := range in.DerivedFrom {
			if l.IntN(2) == 0 {
				c.DerivedFrom = append(c.DerivedFrom, registry.ColumnSource{DatasetVersion: from, Column: pick(l, l.columns[from])})
			}
		}
		in.Columns = append(in.Columns, c)
	}
	if len(l.runs) > 0 && l.IntN(2) == 0 {
		run := pick(l, l.runs)
		in.GeneratedBy = ptr(registry.NewRunID(run.Producer, run.RunID))
	}
	p, err := l.k.s.RecordDatasetVersion(l.k.root, in)
	if err == nil {
		id := p.DatasetVersion.ID
		l.data, l.ids, l.columns[id] = append(l.data, id), append(l.ids, id), []string{"a", "b"}
		for _, from := range in.DerivedFrom {
			l.edges = append(l.edges, facts.LinkLineageInput{From: id, To: from, Kind: registry.EdgeDerivedFrom})
		}
	}
	return err
}

func someOf(l *life, list []registry.ID, n int) []registry.ID {
	if len(list) == 0 {
		return nil
	}
	return some(l, list, n)
}

// datasetAgain adds to a fact what was not told at first.
func (l *life) datasetAgain() error {
	if len(l.data) == 0 {
		return errNothing
	}
	dv, ok := must[registry.Node](l.k)(l.k.s.Node(l.k.root, pick(l, l.data))).(*registry.DatasetVersion)
	if !ok {
		l.k.Fatal("a dataset version is gone")
	}
	p, err := l.k.s.RecordDatasetVersion(l.k.root, facts.RecordDatasetVersionInput{Dataset: dv.Name, Version: dv.Version, Rows: ptr(int64(l.n)),
		Description: fmt.Sprint("told later ", l.n), Columns: []registry.Column{{Name: "late", Type: "text"}}})
	if err == nil && p.Created {
		l.k.Fatal("it was there already")
	}
	if err == nil && dv.Description != "" {
		return errNothing // Nothing was new.
	}
	return err
}

func (l *life) run() error {
	in := facts.RecordRunInput{Producer: "airflow", RunID: fmt.Sprint(l.n), Name: "job", Status: registry.RunRunning, StartedAt: l.earlier(), Inputs: someOf(l, append(l.data, l.features...), 3)}
	if len(l.commits) > 0 {
		in.Commits = []string{pick(l, l.commits)}
	}
	p, err := l.k.s.RecordRun(l.k.root, in)
	if err == nil {
		l.runs, l.ids = append(l.runs, in), append(l.ids, p.Run.ID)
	}
	return err
}

// runGoesOn ends a run, or adds to it.
func (l *life) runGoesOn() error {
	if len(l.runs) == 0 {
		return errNothing
	}
	i := l.IntN(len(l.runs))
	in := l.runs[i]
	if in.Status == registry.RunComplete {
		return errNothing
	}
	in.Status, in.StartedAt, in.Metrics = registry.RunComplete, time.Time{}, []registry.Metric{{Name: "f1", Value: l.Float64()}}
	if l.IntN(2) == 0 {
		in.EndedAt = l.k.now.Add(-time.Second)
	}
	in.Inputs, in.Commits = nil, nil
	_, err := l.k.s.RecordRun(l.k.root, in)
	if err == nil {
		l.runs[i].Status = in.Status
	}
	return err
}

func (l *life) feature() error {
	if len(l.data) == 0 {
		return errNothing
	}
	before := len(l.features)
	p, err := l.k.s.RecordFeature(l.k.root, facts.RecordFeatureInput{DefinedOn: ptr(pick(l, l.data)), Column: pick(l, []string{"a", "b"}), CreatedAt: l.earlier()})
	if err == nil && p.Created {
		l.features, l.ids = append(l.features, p.Feature.ID), append(l.ids, p.Feature.ID)
	}
	if err == nil && before == len(l.features) {
		return errNothing
	}
	return err
}

func (l *life) version() error {
	model := pick(l, models)
	semver := fmt.Sprintf("%d.%d.0", l.IntN(4), l.n)
	in := catalog.RegisterModelVersionInput{Model: model, Version: &semver, CreatedDate: l.earlier(), Features: someOf(l, l.features, 2), DerivedFrom: someOf(l, l.versions, 1)}
	if len(l.runs) > 0 {
		run := pick(l, l.runs)
		in.Run = ptr(registry.NewRunID(run.Producer, run.RunID))
	}
	p, err := l.k.s.RegisterModelVersion(l.k.root, in)
	if err == nil {
		id := p.ModelVersion.ID
		l.versions, l.ids, l.labels = append(l.versions, id), append(l.ids, id), append(l.labels, model+"@"+semver)
	}
	return err
}

func (l *life) card() error {
	if len(l.versions) == 0 {
		return errNothing
	}
	_, err := l.k.s.UpdateModelCard(l.k.root, catalog.UpdateModelCardInput{ID: ptr(pick(l, l.versions)), Card: &catalog.ModelCardInput{
		Description: ptr(fmt.Sprint("card ", l.n)), Limitations: []string{fmt.Sprint(l.n)}}})
	return err
}

func (l *life) model() error {
	_, err := l.k.s.UpdateModel(l.k.root, catalog.UpdateModelInput{Model: ptr(pick(l, models)), Description: ptr(fmt.Sprint("about ", l.n))})
	return err
}

func (l *life) transition() error {
	if len(l.versions) == 0 {
		return errNothing
	}
	in := catalog.TransitionModelVersionInput{ID: ptr(pick(l, l.versions)), Reason: fmt.Sprint(l.n),
		To: pick(l, []registry.Stage{registry.Staging, registry.Canary, registry.Production, registry.Production, registry.Archived, registry.Development})}
	if l.IntN(3) == 0 {
		in.At = l.k.now.Add(-time.Duration(l.IntN(600)) * time.Second)
	}
	_, err := l.k.s.TransitionModelVersion(l.k.root, in)
	return err
}

func (l *life) deploy() error {
	if len(l.versions) == 0 {
		return errNothing
	}
	p, err := l.k.s.RecordDeployment(l.k.root, facts.RecordDeploymentInput{ID: ptr(pick(l, l.versions)), Environment: pick(l, []string{"prod", "test"}), Endpoint: fmt.Sprint(l.n),
		StartedAt: l.earlier()})
	if err == nil {
		l.deployed, l.ids = append(l.deployed, p.Deployment.ID), append(l.ids, p.Deployment.ID)
	}
	return err
}

func (l *life) end() error {
	if len(l.deployed) == 0 {
		return errNothing
	}
	i := l.IntN(len(l.deployed))
	_, err := l.k.s.EndDeployment(l.k.root, facts.EndDeploymentInput{ID: l.deployed[i], EndedAt: l.k.now.Add(-time.Duration(l.IntN(3600)) * time.Second)})
	if err == nil {
		l.deployed = slices.Delete(l.deployed, i, i+1)
	}
	return err
}

func (l *life) link() error {
	if len(l.data) < 2 {
		return errNothing
	}
	in := facts.LinkLineageInput{From: pick(l, l.data), To: pick(l, l.data), Kind: registry.EdgeDerivedFrom, ValidFrom: l.earlier()}
	p, err := l.k.s.LinkLineage(l.k.root, in)
	if err == nil && !p.Created {
		return errNothing
	}
	if err == nil {
		l.edges = append(l.edges, in)
	}
	return err
}

func (l *life) retract() error {
	if len(l.edges) == 0 {
		return errNothing
	}
	e := pick(l, l.edges)
	p, err := l.k.s.RetractLineage(l.k.root, facts.RetractLineageInput{From: e.From, To: e.To, Kind: e.Kind})
	if err == nil && !p.Retracted {
		return errNothing
	}
	return err
}

func (l *life) alias() error {
	if len(l.labels) == 0 {
		return errNothing
	}
	label := pick(l, l.labels)
	_, err := l.k.s.SetAlias(l.k.root, catalog.SetAliasInput{Model: label[:5], Version: label[6:], Alias: pick(l, []string{"champion", "challenger"})})
	return err
}

func (l *life) noAlias() error {
	p, err := l.k.s.DeleteAlias(l.k.root, catalog.DeleteAliasInput{Model: pick(l, models), Alias: pick(l, []string{"champion", "challenger"})})
	if err == nil && p.DeletedID == nil {
		return errNothing
	}
	return err
}

var repository = facts.RepositoryInput{Name: "repo"}

func (l *life) commit() error {
	c := facts.CommitInput{SHA: fmt.Sprintf("%040x", l.n), Message: fmt.Sprint("commit ", l.n), CommittedAt: l.earlier()}
	if len(l.commits) > 0 {
		c.Parents = []string{l.commits[len(l.commits)-1]}
	}
	p, err := l.k.s.RecordCommits(l.k.root, facts.RecordCommitsInput{Repository: repository, Commits: []facts.CommitInput{c}})
	if err == nil {
		l.commits, l.ids = append(l.commits, c.SHA), append(l.ids, p.Commits[0].ID)
	}
	return err
}

// tag points one of two names at a commit; mostly it moves.
func (l *life) tag() error {
	if len(l.commits) == 0 {
		return errNothing
	}
	p, err := l.k.s.RecordTag(l.k.root, facts.RecordTagInput{Repository: repository, Name: pick(l, []string{"v1", "v2"}), SHA: pick(l, l.commits), TaggedAt: l.k.now.Add(-time.Second)})
	if err == nil && !slices.Contains(l.ids, p.Tag.ID) {
		l.ids = append(l.ids, p.Tag.ID)
	}
	return err
}
