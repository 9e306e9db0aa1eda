package graphs

import (
	"fmt"
	"math/rand/v2"
	"time"

	"pedigree/registry"
)

// projectNodes is the approximate number of nodes of a project.
const projectNodes = 45 + VersionsPerProject*3 + VersionsPerProject/2

// rawDatasets is the number of raw datasets that a project reads.
const rawDatasets = 4

// project is a model with its pipeline: raw data, ETL, cleaned data, a feature
// table, training data, training runs, versions, deployments and commits.
type project struct {
	name   string
	number int
	seed   uint64
	// featureCount differs between projects, so that the answers differ too.
	featureCount int
}

func (p Plan) project(name string, number int) project {
	return project{name, number, p.Seed, 2 + number%3}
}

func (p project) nodeMaker(b *Batch) *nodeMaker {
	h := uint64(14695981039346656037)
	for _, c := range []byte(p.name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return &nodeMaker{batch: b, rng: rand.New(rand.NewPCG(p.seed, h)), name: p.name, owner: fmt.Sprintf("team%02d", p.number%40),
		at: epoch.Add(time.Duration(p.number%8000) * time.Hour)}
}

func (p project) model() string { return "churn-" + p.name }

// questions returns the questions for the lineage of every version.
func (p project) questions() (out []Question) {
	for n := 1; n <= VersionsPerProject; n++ {
		semver := fmt.Sprintf("%d.%d.0", 1+n/10, n%10)
		out = append(out, Question{registry.ModelVersionID(registry.ModelID(p.model(), 1), semver), 29 + p.featureCount, 32 + 2*p.featureCount})
	}
	return out
}

func (p project) addTo(b *Batch) {
	m := p.nodeMaker(b)
	commits := p.addCommits(m)
	table := p.addFeatureTable(m, commits)
	features := p.addFeatures(m, table)
	at := m.at.Add(48 * time.Hour)
	split := m.run("split", registry.RunOther, at, []registry.ID{table}, commits[2])
	training := m.dataset(p.name + ".training")
	m.model(p.model(), VersionsPerProject)
	for n := 1; n <= VersionsPerProject; n++ {
		at = at.Add(6 * time.Hour)
		p.addVersion(m, n, at, training, split, commits[2], features)
	}
}

func (p project) addVersion(m *nodeMaker, n int, at time.Time, training, split, commit registry.ID, features []registry.ID) {
	stage := registry.Archived
	switch n {
	case VersionsPerProject:
		stage = registry.Production
	case VersionsPerProject - 1:
		stage = registry.Staging
	}
	data := m.datasetVersion(training, p.name+".training", registry.TrainingData, at)
	m.batch.addEdges(registry.EdgeGeneratedBy, at, data, split)
	run := m.run("train", registry.RunTraining, at, []registry.ID{data}, commit)
	v := m.version(p.model(), n, stage, at)
	m.batch.addEdges(registry.EdgeGeneratedBy, at, v, run)
	m.batch.addEdges(registry.EdgeUsesFeature, at, v, features...)
	if n%4 != 0 {
		return
	}
	semver := fmt.Sprintf("%d.%d.0", 1+n/10, n%10)
	p.addCard(m, v, semver, stage, at)
	m.deployment(v, p.model(), semver, []string{"staging", "production"}[n/4%2], "https://"+p.name+".example.com/v"+semver, at.Add(time.Hour))
}

func (p project) addCard(m *nodeMaker, v registry.ID, semver string, stage registry.Stage, at time.Time) {
	share := float64(700+m.rng.IntN(299)) / 1000
	c := &registry.ModelCard{ModelID: p.model() + "-v" + semver, Name: "model-" + p.model() + "-v" + semver, Version: semver, CreatedDate: at, Creator: actor,
		Status: stage, Description: "Predicts churn", Features: []string{"tenure", "balance"}, Limitations: []string{"European customers only"},
		Performance: &registry.Performance{Accuracy: &share}}
	c.Meta = meta(registry.CardID(v), v, at)
	m.batch.addNode(c, c.Name, nil)
}

// addCommits adds a repository and three commits. It returns the oldest first.
func (p project) addCommits(m *nodeMaker) (out []registry.ID) {
	key := "github.com/" + m.owner + "/" + p.name
	r := &registry.Repository{Name: key, URL: "https://" + key, DefaultBranch: "main", RecordedAt: m.at}
	r.Meta = meta(registry.RepositoryID(key), "", m.at)
	m.batch.addNode(r, key, nil)
	var parents []registry.ID
	for i, message := range []string{"etl: read the lake", "features: join the sources", "train: early stopping"} {
		c := m.commit(key, message, m.at.Add(time.Duration(i)*time.Hour), parents...)
		out, parents = append(out, c), []registry.ID{c}
	}
	return out
}

// addFeatureTable adds the pipeline from the raw data to the feature table.
func (p project) addFeatureTable(m *nodeMaker, commits []registry.ID) registry.ID {
	var cleaned []registry.ID
	for i := range rawDatasets {
		at := m.at.Add(time.Duration(4+i) * time.Hour)
		step := func(kind string) (registry.ID, string) {
			name := fmt.Sprintf("%s.%s%d", p.name, kind, i)
			return m.dataset(name), name
		}
		var code []registry.ID
		if i == 0 {
			code = commits[:1]
		}
		ds, name := step("raw")
		raw := m.datasetVersion(ds, name, registry.RawData, at)
		etl := m.run(fmt.Sprintf("etl%d", i), registry.RunETL, at.Add(time.Hour), []registry.ID{raw}, code...)
		ds, name = step("staged")
		staged := m.datasetVersion(ds, name, registry.OtherData, at.Add(2*time.Hour))
		clean := m.run(fmt.Sprintf("clean%d", i), registry.RunETL, at.Add(3*time.Hour), []registry.ID{staged}, code...)
		ds, name = step("clean")
		done := m.datasetVersion(ds, name, registry.CleanedData, at.Add(4*time.Hour))
		m.batch.addEdges(registry.EdgeGeneratedBy, at, staged, etl)
		m.batch.addEdges(registry.EdgeGeneratedBy, at, done, clean)
		cleaned = append(cleaned, done)
	}
	at := m.at.Add(24 * time.Hour)
	join := m.run("join", registry.RunFeatureEngineering, at, cleaned, commits[1])
	table := m.datasetVersion(m.dataset(p.name+".features"), p.name+".features", registry.OtherData, at)
	m.batch.addEdges(registry.EdgeGeneratedBy, at, table, join)
	return table
}

func (p project) addFeatures(m *nodeMaker, table registry.ID) (out []registry.ID) {
	at := m.at.Add(30 * time.Hour)
	for _, name := range []string{"tenure", "balance", "late_payments", "region"}[:p.featureCount] {
		f := &registry.Feature{Name: name, Type: "double", Description: "A feature of " + p.name, Owner: m.owner, Column: name,
			Of: m.namespace() + "/" + p.name + ".features", CreatedAt: at, RecordedAt: at}
		f.Meta = meta(registry.FeatureID(registry.DatasetID(m.namespace(), p.name+".features"), name), "", at)
		id := m.batch.addNode(f, name, columns{registry.IndexOwner: m.owner})
		m.batch.addEdges(registry.EdgeDefinedOn, at, id, table)
		out = append(out, id)
	}
	return out
}
