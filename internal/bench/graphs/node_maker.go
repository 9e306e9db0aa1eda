package graphs

import (
	"fmt"
	"math/rand/v2"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// actor is recorded as the author of every node, edge and log entry.
const actor = "bench"

// epoch is the time of the oldest nodes.
var epoch = time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC)

// columns holds the indexed fields of a node.
type columns = map[registry.Index]any

// addNode adds a noun as a registry stores it: document, columns and slots. Kind,
// id, parent and times come from its Meta.
func (b *Batch) addNode(noun registry.Node, name string, cols columns, slots ...string) registry.ID {
	m := noun.NodeMeta()
	doc, err := registry.Canonical(noun)
	if err != nil {
		panic(err) // The nouns of this package can always be encoded.
	}
	b.Nodes = append(b.Nodes, &graph.Node{ID: m.ID, Kind: m.ID.Kind(), Parent: m.Parent, Name: name, Slots: slots, Columns: cols,
		ValidFrom: m.ValidFrom, ValidTo: m.ValidTo, Doc: doc})
	return m.ID
}

// addEdges adds edges of a kind from an effect to its causes.
func (b *Batch) addEdges(kind registry.EdgeKind, at time.Time, from registry.ID, to ...registry.ID) {
	for _, id := range to {
		b.Edges = append(b.Edges, &graph.Edge{Kind: kind, From: from, To: id, ValidFrom: at, By: actor})
	}
}

func meta(id, parent registry.ID, at time.Time) registry.Meta {
	return registry.Meta{ID: id, Kind: id.Kind(), Parent: parent, ValidFrom: at}
}

// nodeMaker makes the nodes of one part of a graph.
type nodeMaker struct {
	batch *Batch
	rng   *rand.Rand
	// name is unique to the part, owner owns its nodes, at is its start.
	name, owner string
	at          time.Time
}

func (m *nodeMaker) digest(n int) string {
	out := make([]byte, 0, n)
	for len(out) < n {
		out = fmt.Appendf(out, "%016x", m.rng.Uint64())
	}
	return string(out[:n])
}

// dataset adds a dataset without versions.
func (m *nodeMaker) dataset(name string) registry.ID {
	d := &registry.Dataset{Name: name, Namespace: m.namespace(), Owner: m.owner, Description: "Made for the bench", CreatedAt: m.at}
	d.Meta = meta(registry.DatasetID(d.Namespace, name), "", m.at)
	return m.batch.addNode(d, name, columns{registry.IndexNamespace: d.Namespace, registry.IndexOwner: m.owner})
}

func (m *nodeMaker) namespace() string { return "s3://lake-" + m.owner }

// datasetVersion adds a version of a dataset.
func (m *nodeMaker) datasetVersion(dataset registry.ID, name string, role registry.DataRole, at time.Time) registry.ID {
	size, rows := int64(m.rng.IntN(1<<30)), int64(m.rng.IntN(1<<22))
	v := &registry.DatasetVersion{Name: name, Namespace: m.namespace(), Digest: "md5:" + m.digest(32), SizeBytes: &size, Rows: &rows, Role: role,
		URI: m.namespace() + "/" + name + "/" + at.Format("2006-01-02"), CreatedAt: at, RecordedAt: at,
		Columns: []registry.Column{{Name: "customer_id", Type: "string"}, {Name: "amount", Type: "double"}, {Name: "opened_at", Type: "timestamp"}}}
	v.Version = v.Digest
	v.Meta = meta(registry.DatasetVersionID(dataset, v.Version), dataset, at)
	return m.batch.addNode(v, name, columns{registry.IndexNamespace: v.Namespace, registry.IndexRole: string(role)})
}

// run adds a run with the dataset versions that it used and the commits that it ran.
func (m *nodeMaker) run(name string, kind registry.RunKind, at time.Time, used []registry.ID, commits ...registry.ID) registry.ID {
	r := &registry.Run{Name: name, Producer: "airflow://" + m.owner, RunID: m.name + "/" + name + "/" + m.digest(16), RunKind: kind,
		Status: registry.RunComplete, Command: "python -m pipelines." + m.owner + " --step " + name, Actor: actor, StartedAt: at,
		EndedAt: at.Add(time.Duration(1+m.rng.IntN(90)) * time.Minute), RecordedAt: at}
	if kind == registry.RunTraining {
		r.Parameters = fmt.Appendf(nil, `{"epochs":%d,"learning_rate":0.0%d}`, 1+m.rng.IntN(40), 1+m.rng.IntN(9))
		r.Metrics = []registry.Metric{{Name: "auc", Value: float64(700+m.rng.IntN(299)) / 1000}, {Name: "logloss", Value: float64(m.rng.IntN(999)) / 1000}}
	}
	r.Meta = meta(registry.NewRunID(r.Producer, r.RunID), "", at)
	id := m.batch.addNode(r, name, columns{registry.IndexRunKind: string(kind)})
	m.batch.addEdges(registry.EdgeUsed, at, id, used...)
	m.batch.addEdges(registry.EdgeRanCode, at, id, commits...)
	return id
}

// commit adds a commit with edges to its parents.
func (m *nodeMaker) commit(repository, message string, at time.Time, parents ...registry.ID) registry.ID {
	c := &registry.Commit{SHA: m.digest(40), Message: message, Author: m.owner, Email: m.owner + "@example.com", Committer: m.owner,
		Repository: repository, AuthoredAt: at, CommittedAt: at, RecordedAt: at}
	c.Name = c.SHA[:12]
	c.Meta = meta(registry.CommitID(c.SHA), registry.RepositoryID(repository), at)
	id := m.batch.addNode(c, c.Name, columns{registry.IndexRole: ""})
	m.batch.addEdges(registry.EdgeParent, at, id, parents...)
	return id
}

// model adds a model whose last version number is versions. It adds no version.
func (m *nodeMaker) model(name string, versions int) registry.ID {
	mo := &registry.Model{Name: name, Description: "Made for the bench", Owner: m.owner, CreatedAt: m.at, UpdatedAt: m.at, Incarnation: 1, LastNumber: versions,
		Tags: []registry.KeyValue{{Key: "domain", Value: m.owner}}}
	mo.Meta = meta(registry.ModelID(name, 1), "", m.at)
	return m.batch.addNode(mo, name, columns{registry.IndexOwner: m.owner}, registry.ModelNameSlot(name))
}

// version adds the nth version of a model; n starts at 1.
func (m *nodeMaker) version(model string, n int, stage registry.Stage, at time.Time) registry.ID {
	semver, err := registry.ParseVersion(fmt.Sprintf("%d.%d.0", 1+n/10, n%10))
	if err != nil {
		panic(err) // Always of the form 1.2.0.
	}
	parent := registry.ModelID(model, 1)
	v := &registry.ModelVersion{Name: registry.VersionName(model, semver), ModelID: registry.VersionModelID(model, semver), ModelName: model,
		Version: semver.String(), Number: n, Description: "Trained by the nightly pipeline", Owner: m.owner, Stage: stage, Creator: actor,
		CreatedDate: at, RecordedAt: at, UpdatedAt: at, Tags: []registry.KeyValue{{Key: "pipeline", Value: m.name}}}
	v.Meta = meta(registry.ModelVersionID(parent, v.Version), parent, at)
	var slots []string
	if stage == registry.Production {
		slots = append(slots, registry.ProductionSlot(parent))
	}
	return m.batch.addNode(v, v.Name, columns{registry.IndexVersion: semver.SortKey(), registry.IndexNumber: int64(n), registry.IndexOwner: m.owner,
		registry.IndexStage: string(stage)}, slots...)
}

// deployment adds a live deployment that takes all traffic.
func (m *nodeMaker) deployment(version registry.ID, model, semver, environment, endpoint string, at time.Time) {
	share := 100.0
	d := &registry.Deployment{Name: environment + "/" + model + " " + semver, Environment: environment, Endpoint: endpoint, TrafficPercent: &share,
		VersionID: version, ModelName: model, Version: semver, Owner: m.owner, StartedAt: at, RecordedAt: at}
	d.Meta = meta(registry.DeploymentID(environment, d.Endpoint, version, at), "", at)
	id := m.batch.addNode(d, d.Name, columns{registry.IndexEnvironment: environment, registry.IndexOwner: m.owner})
	m.batch.addEdges(registry.EdgeDeploys, at, id, version)
}
