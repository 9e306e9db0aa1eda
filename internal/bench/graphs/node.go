package graphs

import (
	"fmt"
	"math/rand/v2"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// by is the subject of every fact.
const by = "bench"

// epoch is when the oldest things came to be.
var epoch = time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC)

// columns are the indexed fields of a node.
type columns = map[registry.Index]any

// add puts a noun into a batch as a registry stores it. Kind, id, parent and
// times are in its Meta.
func (b *Batch) add(noun registry.Node, name string, cols columns, slots ...string) registry.ID {
	m := noun.NodeMeta()
	doc, err := registry.Canonical(noun)
	if err != nil {
		panic(err) // Nouns of this package are values that always have a JSON form.
	}
	b.Nodes = append(b.Nodes, &graph.Node{ID: m.ID, Kind: m.ID.Kind(), Parent: m.Parent, Name: name, Slots: slots, Columns: cols,
		ValidFrom: m.ValidFrom, ValidTo: m.ValidTo, Doc: doc})
	return m.ID
}

// link adds edges of a kind from an effect to its causes.
func (b *Batch) link(kind registry.EdgeKind, at time.Time, from registry.ID, to ...registry.ID) {
	for _, id := range to {
		b.Edges = append(b.Edges, &graph.Edge{Kind: kind, From: from, To: id, ValidFrom: at, By: by})
	}
}

func meta(id, parent registry.ID, at time.Time) registry.Meta {
	return registry.Meta{ID: id, Kind: id.Kind(), Parent: parent, ValidFrom: at}
}

// maker makes nodes of one part of a graph.
type maker struct {
	b   *Batch
	rnd *rand.Rand
	// name is the part's own, at when it began, owner who has it.
	name, owner string
	at          time.Time
}

func (m *maker) digest(n int) string {
	out := make([]byte, 0, n)
	for len(out) < n {
		out = fmt.Appendf(out, "%016x", m.rnd.Uint64())
	}
	return string(out[:n])
}

// dataset adds a container of versions.
func (m *maker) dataset(name string) registry.ID {
	d := &registry.Dataset{Name: name, Namespace: m.namespace(), Owner: m.owner, Description: "Made for the bench", CreatedAt: m.at}
	d.Meta = meta(registry.DatasetID(d.Namespace, name), "", m.at)
	return m.b.add(d, name, columns{registry.IndexNamespace: d.Namespace, registry.IndexOwner: m.owner})
}

func (m *maker) namespace() string { return "s3://lake-" + m.owner }

// state adds a version of a dataset.
func (m *maker) state(dataset registry.ID, name string, role registry.DataRole, at time.Time) registry.ID {
	size, rows := int64(m.rnd.IntN(1<<30)), int64(m.rnd.IntN(1<<22))
	v := &registry.DatasetVersion{Name: name, Namespace: m.namespace(), Digest: "md5:" + m.digest(32), SizeBytes: &size, Rows: &rows, Role: role,
		URI: m.namespace() + "/" + name + "/" + at.Format("2006-01-02"), CreatedAt: at, RecordedAt: at,
		Columns: []registry.Column{{Name: "customer_id", Type: "string"}, {Name: "amount", Type: "double"}, {Name: "opened_at", Type: "timestamp"}}}
	v.Version = v.Digest
	v.Meta = meta(registry.DatasetVersionID(dataset, v.Version), dataset, at)
	return m.b.add(v, name, columns{registry.IndexNamespace: v.Namespace, registry.IndexRole: string(role)})
}

// run adds a run that read, ran and wrote.
func (m *maker) run(name string, kind registry.RunKind, at time.Time, used []registry.ID, commits ...registry.ID) registry.ID {
	r := &registry.Run{Name: name, Producer: "airflow://" + m.owner, RunID: m.name + "/" + name + "/" + m.digest(16), RunKind: kind,
		Status: registry.RunComplete, Command: "python -m pipelines." + m.owner + " --step " + name, Actor: by, StartedAt: at,
		EndedAt: at.Add(time.Duration(1+m.rnd.IntN(90)) * time.Minute), RecordedAt: at}
	if kind == registry.RunTraining {
		r.Parameters = fmt.Appendf(nil, `{"epochs":%d,"learning_rate":0.0%d}`, 1+m.rnd.IntN(40), 1+m.rnd.IntN(9))
		r.Metrics = []registry.Metric{{Name: "auc", Value: float64(700+m.rnd.IntN(299)) / 1000}, {Name: "logloss", Value: float64(m.rnd.IntN(999)) / 1000}}
	}
	r.Meta = meta(registry.NewRunID(r.Producer, r.RunID), "", at)
	id := m.b.add(r, name, columns{registry.IndexRunKind: string(kind)})
	m.b.link(registry.EdgeUsed, at, id, used...)
	m.b.link(registry.EdgeRanCode, at, id, commits...)
	return id
}

// commit adds a commit after its parents.
func (m *maker) commit(repository, message string, at time.Time, parents ...registry.ID) registry.ID {
	c := &registry.Commit{SHA: m.digest(40), Message: message, Author: m.owner, Email: m.owner + "@example.com", Committer: m.owner,
		Repository: repository, AuthoredAt: at, CommittedAt: at, RecordedAt: at}
	c.Name = c.SHA[:12]
	c.Meta = meta(registry.CommitID(c.SHA), registry.RepositoryID(repository), at)
	id := m.b.add(c, c.Name, columns{registry.IndexRole: ""})
	m.b.link(registry.EdgeParent, at, id, parents...)
	return id
}

// model adds a model of so many versions.
func (m *maker) model(name string, versions int) registry.ID {
	mo := &registry.Model{Name: name, Description: "Made for the bench", Owner: m.owner, CreatedAt: m.at, UpdatedAt: m.at, Incarnation: 1, LastNumber: versions,
		Tags: []registry.KeyValue{{Key: "domain", Value: m.owner}}}
	mo.Meta = meta(registry.ModelID(name, 1), "", m.at)
	return m.b.add(mo, name, columns{registry.IndexOwner: m.owner}, registry.ModelNameSlot(name))
}

// version adds the nth version of a model, counted from 1.
func (m *maker) version(model string, n int, stage registry.Stage, at time.Time) registry.ID {
	semver, err := registry.ParseVersion(fmt.Sprintf("%d.%d.0", 1+n/10, n%10))
	if err != nil {
		panic(err) // Always of the form 1.2.0.
	}
	parent := registry.ModelID(model, 1)
	v := &registry.ModelVersion{Name: registry.VersionName(model, semver), ModelID: registry.VersionModelID(model, semver), ModelName: model,
		Version: semver.String(), Number: n, Description: "Trained by the nightly pipeline", Owner: m.owner, Stage: stage, Creator: by,
		CreatedDate: at, RecordedAt: at, UpdatedAt: at, Tags: []registry.KeyValue{{Key: "pipeline", Value: m.name}}}
	v.Meta = meta(registry.ModelVersionID(parent, v.Version), parent, at)
	var slots []string
	if stage == registry.Production {
		slots = append(slots, registry.ProductionSlot(parent))
	}
	return m.b.add(v, v.Name, columns{registry.IndexVersion: semver.SortKey(), registry.IndexNumber: int64(n), registry.IndexOwner: m.owner,
		registry.IndexStage: string(stage)}, slots...)
}

// deploy adds a deployment that stands.
func (m *maker) deploy(version registry.ID, model, semver, environment, endpoint string, at time.Time) {
	share := 100.0
	d := &registry.Deployment{Name: environment + "/" + model + " " + semver, Environment: environment, Endpoint: endpoint, TrafficPercent: &share,
		VersionID: version, ModelName: model, Version: semver, Owner: m.owner, StartedAt: at, RecordedAt: at}
	d.Meta = meta(registry.DeploymentID(environment, d.Endpoint, version, at), "", at)
	id := m.b.add(d, d.Name, columns{registry.IndexEnvironment: environment, registry.IndexOwner: m.owner})
	m.b.link(registry.EdgeDeploys, at, id, version)
}
