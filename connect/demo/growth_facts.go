package demo

import (
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// growth collects the facts of the growth in their order. A ref names a node of an earlier fact.
type growth struct {
	now   time.Time
	facts []bulk.FactInput
	// heads has the newest commit of each repository.
	heads map[string]string
	// recalled is the id of recalledTable once it is recorded.
	recalled registry.ID
}

// ago returns nine o'clock, so many days ago.
func (g *growth) ago(days int) time.Time {
	d := g.now.AddDate(0, 0, -days)
	return time.Date(d.Year(), d.Month(), d.Day(), 9, 0, 0, 0, time.UTC)
}

func (g *growth) add(ref string, f bulk.FactInput) {
	f.Ref = refName(ref)
	g.facts = append(g.facts, f)
}

// ref returns the id of the node of an earlier fact.
func ref(name string) registry.ID { return registry.ID("@" + refName(name)) }

// refName makes a ref of a path: a ref has no slashes.
func refName(path string) string { return strings.ReplaceAll(path, "/", "_") }

func digestOf(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

func repositoryOf(name string) facts.RepositoryInput {
	return facts.RepositoryInput{Name: name, URL: "https://git.example.com/ml/" + name, DefaultBranch: "main"}
}

// commit records a commit on top of the repository's newest, and returns its SHA.
func (g *growth) commit(repository, author, message string, days int) string {
	sha := fmt.Sprintf("%x", sha1.Sum([]byte(repository+message)))
	c := facts.CommitInput{SHA: sha, Message: message, Author: author, Email: author + "@example.com", Committer: author, AuthoredAt: g.ago(days), CommittedAt: g.ago(days)}
	if head := g.heads[repository]; head != "" {
		c.Parents = []string{head}
	}
	if g.heads == nil {
		g.heads = map[string]string{}
	}
	g.heads[repository] = sha
	g.add("", bulk.FactInput{Commits: &facts.RecordCommitsInput{Repository: repositoryOf(repository), Commits: []facts.CommitInput{c}}})
	return sha
}

// table is a dataset of the pipelines: what it is made from, and its columns.
type table struct {
	name, namespace, owner string
	role                   registry.DataRole
	rows                   int64
	from                   []string
	columns                []registry.Column
	// features are the columns that models learn from.
	features []string
}

// from returns a column that is computed from columns of other tables, named TABLE.COLUMN.
func from(name, kind, how string, sources ...[2]string) registry.Column {
	c := registry.Column{Name: name, Type: kind}
	for _, s := range sources {
		subtype := "TRANSFORMATION"
		if how == "" {
			subtype = "IDENTITY"
		}
		c.DerivedFrom = append(c.DerivedFrom, columnSource(registry.ID(s[0]), s[1], subtype, how))
	}
	return c
}

// quarters are how many days ago each round of data came in, the oldest first.
var quarters = [...]int{540, 360, 180, 40}

// versionRef is the ref of a table's state of one quarter.
func versionRef(name string, quarter int) string { return fmt.Sprintf("%s/%d", name, quarter) }

// pipelines records four rounds of data, from the sources to what models learn from.
func (g *growth) pipelines() {
	etl := g.commit("data-pipelines", "lena", "feat(etl): one cleaning of payments for both teams\n\nModel-Role: data-preparation", 545)
	features := g.commit("data-pipelines", "omar", "feat(features): windows over 30 days\n\nModel-Role: feature-engineering", 542)
	for q, days := range quarters {
		for i, t := range tables() {
			commit, kind, name := features, registry.RunFeatureEngineering, "features of "+t.name
			if t.role == registry.CleanedData {
				commit, kind, name = etl, registry.RunETL, "clean "+t.name
			}
			g.tableState(t, q, days-i/3, commit, kind, name)
		}
	}
}

// tableState records one state of a table, with the run that wrote it.
func (g *growth) tableState(t table, quarter, days int, commit string, kind registry.RunKind, name string) {
	in := &facts.RecordDatasetVersionInput{Dataset: t.name, Namespace: t.namespace, Digest: digestOf(versionRef(t.name, quarter)), Role: t.role, Owner: t.owner,
		Rows: ptr(t.rows * int64(10+quarter) / 10), SizeBytes: ptr(t.rows * 57), URI: t.namespace + "/" + t.name, CreatedAt: g.ago(days)}
	for _, c := range t.columns {
		sources := make([]registry.ColumnSource, len(c.DerivedFrom))
		for i, s := range c.DerivedFrom {
			s.DatasetVersion = ref(versionRef(string(s.DatasetVersion), quarter))
			sources[i] = s
		}
		c.DerivedFrom = sources
		in.Columns = append(in.Columns, c)
	}
	if len(t.from) > 0 {
		run := &facts.RecordRunInput{Producer: "airflow", RunID: versionRef(t.name, quarter), Name: name, RunKind: kind, Status: registry.RunComplete, Commits: []string{commit},
			StartedAt: g.ago(days), EndedAt: g.ago(days).Add(95 * time.Minute)}
		for _, f := range t.from {
			run.Inputs = append(run.Inputs, ref(versionRef(f, quarter)))
		}
		g.add("run/"+versionRef(t.name, quarter), bulk.FactInput{Run: run})
		in.GeneratedBy = ptr(ref("run/" + versionRef(t.name, quarter)))
	}
	g.add(versionRef(t.name, quarter), bulk.FactInput{DatasetVersion: in})
	if quarter > 0 {
		return // A feature belongs to the dataset; it is defined once.
	}
	for _, f := range t.features {
		g.add("feature/"+t.name+"/"+f, bulk.FactInput{Feature: &facts.RecordFeatureInput{DefinedOn: ptr(ref(versionRef(t.name, 0))), Column: f, Type: "float", Owner: t.owner, CreatedAt: g.ago(days)}})
	}
}

// release records a version: its commits, its training, its card, its moves and where it runs.
func (g *growth) release(r release) {
	m := r.model
	if r.first {
		g.add("", bulk.FactInput{Model: &catalog.RegisterModelInput{Name: m.name, Owner: m.team, Description: m.about, CreatedAt: g.ago(r.days + 5), Tags: m.tags}})
	}
	key := m.name + "/" + r.version
	in := &catalog.RegisterModelVersionInput{Model: m.name, Version: &r.version, Description: r.about, CreatedDate: g.ago(r.days)}
	if !r.bare {
		g.training(r, key, in)
	}
	g.add(key, bulk.FactInput{ModelVersion: in})
	for _, s := range r.moves {
		g.add("", bulk.FactInput{Transition: &catalog.TransitionModelVersionInput{Model: &m.name, Version: &r.version, To: s.to, At: g.ago(s.days), Reason: s.reason}})
	}
	for i, d := range r.runs {
		at := fmt.Sprintf("deployment/%s/%d", key, i)
		g.add(at, bulk.FactInput{Deployment: &facts.RecordDeploymentInput{Model: &m.name, Version: &r.version, Environment: d.environment, Endpoint: "https://" + d.endpoint,
			TrafficPercent: &d.traffic, Owner: d.owner, StartedAt: g.ago(d.days)}})
		if d.until > 0 {
			g.add("", bulk.FactInput{EndDeployment: &facts.EndDeploymentInput{ID: ref(at), EndedAt: g.ago(d.until), Reason: "replaced"}})
		}
	}
}

// training records the commit, the tag and the run of a version, and describes the version.
func (g *growth) training(r release, key string, in *catalog.RegisterModelVersionInput) {
	m := r.model
	sha := g.commit(m.repository, m.author, r.commit+"\n\nModel-Role: hyperparameter-tuning", r.days+4)
	g.add("tag/"+key, bulk.FactInput{Tag: &facts.RecordTagInput{Repository: repositoryOf(m.repository), Name: m.name + "-v" + r.version, SHA: sha, Annotated: true,
		Message: r.about, Tagger: m.author, TaggedAt: g.ago(r.days + 1)}})
	run := &facts.RecordRunInput{Producer: "airflow", RunID: "train/" + key, Name: "train " + m.name, RunKind: registry.RunTraining, Status: registry.RunComplete, Commits: []string{sha},
		StartedAt: g.ago(r.days + 2), EndedAt: g.ago(r.days + 2).Add(4 * time.Hour), Inputs: ids(ref(versionRef(m.trains, r.quarter))), Parameters: registry.JSON(r.parameters),
		Metrics: []registry.Metric{{Name: "f1", Value: r.f1}, {Name: "auc", Value: r.f1 + 0.06}}}
	if r.learnsFrom != "" {
		run.Inputs = append(run.Inputs, ref(r.learnsFrom))
	}
	g.add("run/"+key, bulk.FactInput{Run: run})
	in.Run, in.ReleasedFrom = ptr(ref("run/"+key)), ptr(ref("tag/"+key))
	for _, f := range m.features {
		in.Features = append(in.Features, ref("feature/"+m.trains+"/"+f))
	}
	in.Artifacts = []catalog.ArtifactInput{{Name: "model.onnx", URI: "s3://models/" + key + "/model.onnx", Digest: digestOf(key), Format: "onnx", SizeBytes: ptr(int64(4_200_000 + 1000*r.days))}}
	yes, hours := true, 4.0
	in.Card = &catalog.ModelCardInput{Description: &m.about, ModelDetails: &registry.ModelDetails{Algorithm: m.algorithm, Framework: m.framework, Hyperparameters: registry.JSON(r.parameters)},
		Training:    &registry.TrainingInfo{TrainingDataVersion: digestOf(versionRef(m.trains, r.quarter)), TrainingDate: g.ago(r.days + 2), TrainingTimeHours: &hours},
		Performance: &registry.Performance{Accuracy: ptr(r.f1 + 0.05), Precision: ptr(r.f1 + 0.02), Recall: ptr(r.f1 - 0.03), F1Score: &r.f1, Metrics: []registry.Metric{{Name: "auc", Value: r.f1 + 0.06}}},
		Features:    m.features, DataPreprocessing: []string{"duplicates dropped", "amounts in euros at the rate of the day"}, Limitations: m.limits,
		EthicalConsiderations: &registry.Ethics{FairnessChecked: &yes, BiasAuditDone: &yes, ProtectedGroups: []string{"age", "gender", "nationality"}}}
}

// aliases names the versions that callers ask for by purpose.
func (g *growth) aliases() {
	for _, a := range [][3]string{{fraud, "champion", "2.1.0"}, {fraud, "challenger", "3.0.0"}, {income, "champion", "2.0.0"}, {merchant, "champion", "1.2.0"}, {collections, "champion", "1.1.0"}} {
		g.add("", bulk.FactInput{Alias: &catalog.SetAliasInput{Model: a[0], Alias: a[1], Version: a[2]}})
	}
}
