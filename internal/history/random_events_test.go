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

// simulation changes a registry with random mutations.
type simulation struct {
	*rand.Rand
	r        *testRegistry
	step     int
	data     []registry.ID
	columns  map[registry.ID][]string
	runs     []facts.RecordRunInput
	features []registry.ID
	versions []registry.ID
	labels   []string // model@version, parallel to versions
	deployed []registry.ID
	edges    []facts.LinkLineageInput
	commits  []string
	ids      []registry.ID
	// succeeded counts the events by kind; refused counts those that a rule forbids.
	succeeded map[string]int
	refused   int
}

var models = []string{"churn", "fraud"}

func newSimulation(r *testRegistry, seed uint64) *simulation {
	sim := &simulation{Rand: rand.New(rand.NewPCG(seed, 7)), r: r, columns: map[registry.ID][]string{}, succeeded: map[string]int{}}
	for _, m := range models {
		must[*catalog.ModelPayload](r)(r.service.RegisterModel(r.adminContext, catalog.RegisterModelInput{Name: m}))
	}
	return sim
}

func pick[T any](sim *simulation, list []T) T { return list[sim.IntN(len(list))] }

// earlier returns a time up to a day before now, or the zero time: many facts are
// recorded late.
func (sim *simulation) earlier() time.Time {
	if sim.IntN(2) == 0 {
		return time.Time{}
	}
	return sim.r.now.Add(-time.Duration(1+sim.IntN(86400)) * time.Second)
}

// sample picks up to n different elements of a list that is not empty.
func sample[T comparable](sim *simulation, list []T, n int) (out []T) {
	for range sim.IntN(n + 1) {
		if x := pick(sim, list); len(list) > 0 && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// randomEvent tries random events until one succeeds, and returns its kind.
func (sim *simulation) randomEvent() string {
	kinds := []struct {
		name   string
		weight int
		do     func() error
	}{{"dataset", 4, sim.dataset}, {"extend dataset", 2, sim.extendDataset}, {"run", 3, sim.run}, {"end run", 2, sim.endRun}, {"feature", 2, sim.feature},
		{"version", 6, sim.version}, {"card", 3, sim.card}, {"model", 1, sim.model}, {"transition", 24, sim.transition}, {"deploy", 4, sim.startDeployment}, {"end", 5, sim.endDeployment},
		{"link", 3, sim.link}, {"retract", 2, sim.retract}, {"alias", 3, sim.alias}, {"delete alias", 1, sim.deleteAlias}, {"commit", 2, sim.commit}, {"tag", 2, sim.tag}}
	total := 0
	for _, kind := range kinds {
		total += kind.weight
	}
	for range 1000 {
		at := sim.IntN(total)
		for _, kind := range kinds {
			if at -= kind.weight; at >= 0 {
				continue
			}
			sim.step++
			switch err := kind.do(); registry.CodeOf(err) {
			case "":
				sim.succeeded[kind.name]++
				return kind.name
			case registry.FailedPrecondition, registry.InvalidArgument, registry.Conflict, registry.AlreadyExists, errNoSubject.Code:
				sim.refused++
			default:
				sim.r.Fatalf("%s: %v", kind.name, err)
			}
			break
		}
	}
	sim.r.Fatal("no event succeeds any more")
	return ""
}

// errNoSubject is the error of an event that has nothing to act on yet, or changes
// nothing.
var errNoSubject = registry.Errorf(registry.NotFound, "nothing to act on")

func (sim *simulation) dataset() error {
	in := facts.RecordDatasetVersionInput{Dataset: pick(sim, []string{"raw", "clean", "training"}), Version: fmt.Sprint(sim.step), CreatedAt: sim.earlier(),
		DerivedFrom: sampleIDs(sim, sim.data, 2)}
	for _, name := range []string{"a", "b"} {
		c := registry.Column{Name: name}
		for _, from := range in.DerivedFrom {
			if sim.IntN(2) == 0 {
				c.DerivedFrom = append(c.DerivedFrom, registry.ColumnSource{DatasetVersion: from, Column: pick(sim, sim.columns[from])})
			}
		}
		in.Columns = append(in.Columns, c)
	}
	if len(sim.runs) > 0 && sim.IntN(2) == 0 {
		run := pick(sim, sim.runs)
		in.GeneratedBy = ptr(registry.NewRunID(run.Producer, run.RunID))
	}
	p, err := sim.r.service.RecordDatasetVersion(sim.r.adminContext, in)
	if err == nil {
		id := p.DatasetVersion.ID
		sim.data, sim.ids, sim.columns[id] = append(sim.data, id), append(sim.ids, id), []string{"a", "b"}
		for _, from := range in.DerivedFrom {
			sim.edges = append(sim.edges, facts.LinkLineageInput{From: id, To: from, Kind: registry.EdgeDerivedFrom})
		}
	}
	return err
}

func sampleIDs(sim *simulation, list []registry.ID, n int) []registry.ID {
	if len(list) == 0 {
		return nil
	}
	return sample(sim, list, n)
}

// extendDataset records a dataset version again with more fields.
func (sim *simulation) extendDataset() error {
	if len(sim.data) == 0 {
		return errNoSubject
	}
	dv, ok := must[registry.Node](sim.r)(sim.r.service.Node(sim.r.adminContext, pick(sim, sim.data))).(*registry.DatasetVersion)
	if !ok {
		sim.r.Fatal("a dataset version is gone")
	}
	p, err := sim.r.service.RecordDatasetVersion(sim.r.adminContext, facts.RecordDatasetVersionInput{Dataset: dv.Name, Version: dv.Version, Rows: ptr(int64(sim.step)),
		Description: fmt.Sprint("told later ", sim.step), Columns: []registry.Column{{Name: "late", Type: "text"}}})
	if err == nil && p.Created {
		sim.r.Fatal("a dataset version was created twice")
	}
	if err == nil && dv.Description != "" {
		return errNoSubject // Nothing was new.
	}
	return err
}

func (sim *simulation) run() error {
	in := facts.RecordRunInput{Producer: "airflow", RunID: fmt.Sprint(sim.step), Name: "job", Status: registry.RunRunning, StartedAt: sim.earlier(), Inputs: sampleIDs(sim, append(sim.data, sim.features...), 3)}
	if len(sim.commits) > 0 {
		in.Commits = []string{pick(sim, sim.commits)}
	}
	p, err := sim.r.service.RecordRun(sim.r.adminContext, in)
	if err == nil {
		sim.runs, sim.ids = append(sim.runs, in), append(sim.ids, p.Run.ID)
	}
	return err
}

// endRun records a run again with its end and a metric.
func (sim *simulation) endRun() error {
	if len(sim.runs) == 0 {
		return errNoSubject
	}
	i := sim.IntN(len(sim.runs))
	in := sim.runs[i]
	if in.Status == registry.RunComplete {
		return errNoSubject
	}
	in.Status, in.StartedAt, in.Metrics = registry.RunComplete, time.Time{}, []registry.Metric{{Name: "f1", Value: sim.Float64()}}
	if sim.IntN(2) == 0 {
		in.EndedAt = sim.r.now.Add(-time.Second)
	}
	in.Inputs, in.Commits = nil, nil
	_, err := sim.r.service.RecordRun(sim.r.adminContext, in)
	if err == nil {
		sim.runs[i].Status = in.Status
	}
	return err
}

func (sim *simulation) feature() error {
	if len(sim.data) == 0 {
		return errNoSubject
	}
	before := len(sim.features)
	p, err := sim.r.service.RecordFeature(sim.r.adminContext, facts.RecordFeatureInput{DefinedOn: ptr(pick(sim, sim.data)), Column: pick(sim, []string{"a", "b"}), CreatedAt: sim.earlier()})
	if err == nil && p.Created {
		sim.features, sim.ids = append(sim.features, p.Feature.ID), append(sim.ids, p.Feature.ID)
	}
	if err == nil && before == len(sim.features) {
		return errNoSubject
	}
	return err
}

func (sim *simulation) version() error {
	model := pick(sim, models)
	semver := fmt.Sprintf("%d.%d.0", sim.IntN(4), sim.step)
	in := catalog.RegisterModelVersionInput{Model: model, Version: &semver, CreatedDate: sim.earlier(), Features: sampleIDs(sim, sim.features, 2), DerivedFrom: sampleIDs(sim, sim.versions, 1)}
	if len(sim.runs) > 0 {
		run := pick(sim, sim.runs)
		in.Run = ptr(registry.NewRunID(run.Producer, run.RunID))
	}
	p, err := sim.r.service.RegisterModelVersion(sim.r.adminContext, in)
	if err == nil {
		id := p.ModelVersion.ID
		sim.versions, sim.ids, sim.labels = append(sim.versions, id), append(sim.ids, id), append(sim.labels, model+"@"+semver)
	}
	return err
}

func (sim *simulation) card() error {
	if len(sim.versions) == 0 {
		return errNoSubject
	}
	_, err := sim.r.service.UpdateModelCard(sim.r.adminContext, catalog.UpdateModelCardInput{ID: ptr(pick(sim, sim.versions)), Card: &catalog.ModelCardInput{
		Description: ptr(fmt.Sprint("card ", sim.step)), Limitations: []string{fmt.Sprint(sim.step)}}})
	return err
}

func (sim *simulation) model() error {
	_, err := sim.r.service.UpdateModel(sim.r.adminContext, catalog.UpdateModelInput{Model: ptr(pick(sim, models)), Description: ptr(fmt.Sprint("about ", sim.step))})
	return err
}

func (sim *simulation) transition() error {
	if len(sim.versions) == 0 {
		return errNoSubject
	}
	in := catalog.TransitionModelVersionInput{ID: ptr(pick(sim, sim.versions)), Reason: fmt.Sprint(sim.step),
		To: pick(sim, []registry.Stage{registry.Staging, registry.Canary, registry.Production, registry.Production, registry.Archived, registry.Development})}
	if sim.IntN(3) == 0 {
		in.At = sim.r.now.Add(-time.Duration(sim.IntN(600)) * time.Second)
	}
	_, err := sim.r.service.TransitionModelVersion(sim.r.adminContext, in)
	return err
}

func (sim *simulation) startDeployment() error {
	if len(sim.versions) == 0 {
		return errNoSubject
	}
	p, err := sim.r.service.RecordDeployment(sim.r.adminContext, facts.RecordDeploymentInput{ID: ptr(pick(sim, sim.versions)), Environment: pick(sim, []string{"prod", "test"}), Endpoint: fmt.Sprint(sim.step),
		StartedAt: sim.earlier()})
	if err == nil {
		sim.deployed, sim.ids = append(sim.deployed, p.Deployment.ID), append(sim.ids, p.Deployment.ID)
	}
	return err
}

func (sim *simulation) endDeployment() error {
	if len(sim.deployed) == 0 {
		return errNoSubject
	}
	i := sim.IntN(len(sim.deployed))
	_, err := sim.r.service.EndDeployment(sim.r.adminContext, facts.EndDeploymentInput{ID: sim.deployed[i], EndedAt: sim.r.now.Add(-time.Duration(sim.IntN(3600)) * time.Second)})
	if err == nil {
		sim.deployed = slices.Delete(sim.deployed, i, i+1)
	}
	return err
}

func (sim *simulation) link() error {
	if len(sim.data) < 2 {
		return errNoSubject
	}
	in := facts.LinkLineageInput{From: pick(sim, sim.data), To: pick(sim, sim.data), Kind: registry.EdgeDerivedFrom, ValidFrom: sim.earlier()}
	p, err := sim.r.service.LinkLineage(sim.r.adminContext, in)
	if err == nil && !p.Created {
		return errNoSubject
	}
	if err == nil {
		sim.edges = append(sim.edges, in)
	}
	return err
}

func (sim *simulation) retract() error {
	if len(sim.edges) == 0 {
		return errNoSubject
	}
	e := pick(sim, sim.edges)
	p, err := sim.r.service.RetractLineage(sim.r.adminContext, facts.RetractLineageInput{From: e.From, To: e.To, Kind: e.Kind})
	if err == nil && !p.Retracted {
		return errNoSubject
	}
	return err
}

func (sim *simulation) alias() error {
	if len(sim.labels) == 0 {
		return errNoSubject
	}
	label := pick(sim, sim.labels)
	_, err := sim.r.service.SetAlias(sim.r.adminContext, catalog.SetAliasInput{Model: label[:5], Version: label[6:], Alias: pick(sim, []string{"champion", "challenger"})})
	return err
}

func (sim *simulation) deleteAlias() error {
	p, err := sim.r.service.DeleteAlias(sim.r.adminContext, catalog.DeleteAliasInput{Model: pick(sim, models), Alias: pick(sim, []string{"champion", "challenger"})})
	if err == nil && p.DeletedID == nil {
		return errNoSubject
	}
	return err
}

var repository = facts.RepositoryInput{Name: "repo"}

func (sim *simulation) commit() error {
	c := facts.CommitInput{SHA: fmt.Sprintf("%040x", sim.step), Message: fmt.Sprint("commit ", sim.step), CommittedAt: sim.earlier()}
	if len(sim.commits) > 0 {
		c.Parents = []string{sim.commits[len(sim.commits)-1]}
	}
	p, err := sim.r.service.RecordCommits(sim.r.adminContext, facts.RecordCommitsInput{Repository: repository, Commits: []facts.CommitInput{c}})
	if err == nil {
		sim.commits, sim.ids = append(sim.commits, c.SHA), append(sim.ids, p.Commits[0].ID)
	}
	return err
}

// tag points one of two tags at a commit. Mostly the tag exists and moves.
func (sim *simulation) tag() error {
	if len(sim.commits) == 0 {
		return errNoSubject
	}
	p, err := sim.r.service.RecordTag(sim.r.adminContext, facts.RecordTagInput{Repository: repository, Name: pick(sim, []string{"v1", "v2"}), SHA: pick(sim, sim.commits), TaggedAt: sim.r.now.Add(-time.Second)})
	if err == nil && !slices.Contains(sim.ids, p.Tag.ID) {
		sim.ids = append(sim.ids, p.Tag.ID)
	}
	return err
}
