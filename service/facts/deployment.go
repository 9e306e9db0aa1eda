package facts

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// RecordDeploymentInput describes a deployment of a version, which Model and Version or ID
// select. A zero StartedAt means now.
type RecordDeploymentInput struct {
	Model          *string      `json:"model,omitzero"`
	Version        *string      `json:"version,omitzero"`
	ID             *registry.ID `json:"id,omitzero"`
	Environment    string       `json:"environment,omitzero"`
	Endpoint       string       `json:"endpoint,omitzero"`
	TrafficPercent *float64     `json:"trafficPercent,omitzero"`
	Owner          string       `json:"owner,omitzero"`
	Description    string       `json:"description,omitzero"`
	StartedAt      time.Time    `json:"startedAt,omitzero"`
	IdempotencyKey *string      `json:"-"`
}

// RecordDeploymentPayload has the deployment, whether it is new, and the names of told fields
// that were not taken; see core.Written.
type RecordDeploymentPayload struct {
	Deployment *registry.Deployment
	Created    bool
	NotTaken   []string
}

// checkTraffic checks that a share lies in 0..100 percent.
func checkTraffic(p *float64) error {
	if p != nil && !(*p >= 0 && *p <= 100) {
		return registry.Invalid("trafficPercent", "must be 0..100, not %v", *p)
	}
	return nil
}

func (in *RecordDeploymentInput) check() error {
	return core.FirstError(core.CheckName("environment", &in.Environment), core.CheckLabel("endpoint", in.Endpoint), checkTraffic(in.TrafficPercent), core.CheckKey("owner", &in.Owner),
		core.CheckText("description", &in.Description), core.CheckTime("startedAt", in.StartedAt))
}

// RecordDeployment records that a version was deployed.
func (r *Recorder) RecordDeployment(ctx context.Context, in RecordDeploymentInput) (*RecordDeploymentPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.DeploymentRecord, core.Idempotent("recordDeployment", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeDeployment(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	d, err := core.NounAs[*registry.Deployment](r.core.ReadBack(ctx, result, result.IDs[0]))
	return &RecordDeploymentPayload{d, result.Created, result.NotTaken}, err
}

func writeDeployment(ctx context.Context, tx *policies.Tx, in RecordDeploymentInput) (core.WriteResult, error) {
	start := core.StoredTime(in.StartedAt, tx.Now())
	v, _, err := catalog.FindVersion(ctx, tx, in.Model, in.Version, in.ID)
	if registry.CodeOf(err) == registry.NotFound {
		v, err = deletedVersion(ctx, tx, in, start, err)
	}
	if err != nil {
		return core.WriteResult{}, err
	}
	d := &registry.Deployment{Name: in.Environment + "/" + v.ModelName + " " + v.Version, Environment: in.Environment, Endpoint: in.Endpoint,
		TrafficPercent: in.TrafficPercent, VersionID: v.ID, ModelName: v.ModelName, Version: v.Version, Owner: in.Owner,
		Description: in.Description, RecordedAt: tx.Now()}
	d.ID = registry.DeploymentID(in.Environment, in.Endpoint, v.ID, start)
	found, err := tx.NodesUnfiltered(ctx, d.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	if found[0] == nil && start.Before(v.ValidFrom) {
		return core.WriteResult{}, registry.Invalid("startedAt", "lies before %s, when version %s came to be", v.ValidFrom.Format(time.RFC3339Nano), v.Version)
	}
	written, err := core.PutFact(ctx, tx, core.ToldFact{Old: found[0], Noun: d, At: start, SetTime: func(at time.Time) { d.StartedAt = at },
		Defaults: map[string]string{"owner": v.Owner}})
	if err != nil {
		return core.WriteResult{}, err
	}
	return core.LinkAndLog(ctx, tx, written, d.ID, []*graph.Edge{{Kind: registry.EdgeDeploys, From: d.ID, To: v.ID}},
		registry.LogEntry{Action: registry.LogDeploymentRecorded, Objects: []registry.ID{d.ID, v.ID}, Model: v.Parent,
			Detail: core.LogDetail("environment", d.Environment, "version", v.Version, "endpoint", d.Endpoint)})
}

// deletedVersion returns what a recorded deployment says of its version, when that was
// deleted. It returns notFound when the deployment is not recorded.
func deletedVersion(ctx context.Context, tx *policies.Tx, in RecordDeploymentInput, start time.Time, notFound error) (*registry.ModelVersion, error) {
	id, err := catalog.VersionID(ctx, tx, in.Model, in.Version, in.ID)
	if err != nil {
		return nil, err
	}
	nodes, err := tx.Nodes(ctx, id, registry.DeploymentID(in.Environment, in.Endpoint, id, start))
	if err != nil {
		return nil, err
	}
	if nodes[0] == nil || nodes[1] == nil || !nodes[0].Deleted || nodes[0].Kind != registry.KindModelVersion {
		return nil, notFound
	}
	d, err := core.DecodeWhole(nodes[1], &registry.Deployment{})
	if err != nil {
		return nil, err
	}
	v := &registry.ModelVersion{ModelName: d.ModelName, Version: d.Version}
	v.ID, v.Parent = id, nodes[0].Parent
	return v, nil
}

// EndDeploymentInput says which deployment ended, and when. A zero EndedAt means now.
type EndDeploymentInput struct {
	ID             registry.ID `json:"id,omitzero"`
	EndedAt        time.Time   `json:"endedAt,omitzero"`
	Reason         string      `json:"reason,omitzero"`
	IdempotencyKey *string     `json:"-"`
}

// EndDeploymentPayload has the deployment after its end.
type EndDeploymentPayload struct{ Deployment *registry.Deployment }

func (in *EndDeploymentInput) check() error {
	return core.FirstError(core.CheckText("reason", &in.Reason), core.CheckTime("endedAt", in.EndedAt))
}

// EndDeployment ends a deployment. The same end again changes nothing; another end is CONFLICT.
func (r *Recorder) EndDeployment(ctx context.Context, in EndDeploymentInput) (*EndDeploymentPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.DeploymentEnd, core.Idempotent("endDeployment", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeDeploymentEnd(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	d, err := core.NounAs[*registry.Deployment](r.core.ReadBack(ctx, result, result.IDs[0]))
	return &EndDeploymentPayload{d}, err
}

func writeDeploymentEnd(ctx context.Context, tx *policies.Tx, in EndDeploymentInput) (core.WriteResult, error) {
	nodes, err := tx.Nodes(ctx, in.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	if nodes[0] == nil || nodes[0].Kind != registry.KindDeployment {
		return core.WriteResult{}, registry.Errorf(registry.NotFound, "there is no deployment %s", registry.Shorten(string(in.ID), 60))
	}
	d, err := core.DecodeWhole(nodes[0], &registry.Deployment{})
	if err != nil {
		return core.WriteResult{}, err
	}
	unchanged := core.WriteResult{IDs: []registry.ID{d.ID}}
	end := core.StoredTime(in.EndedAt, tx.Now())
	switch {
	case !d.EndedAt.IsZero() && (in.EndedAt.IsZero() || end.Equal(d.EndedAt)):
		return unchanged, nil
	case !d.EndedAt.IsZero():
		return unchanged, registry.Errorf(registry.Conflict, "it ended at %s already", d.EndedAt.Format(time.RFC3339))
	case end.Before(d.StartedAt):
		return unchanged, registry.Invalid("endedAt", "lies before its start, %s", d.StartedAt.Format(time.RFC3339))
	}
	d.EndedAt, d.ValidTo = end, end
	if err := core.PutNoun(ctx, tx, d, end); err != nil {
		return unchanged, err
	}
	versions, err := tx.NodesUnfiltered(ctx, d.VersionID)
	if err != nil {
		return unchanged, err
	}
	entry := registry.LogEntry{Action: registry.LogDeploymentEnded, Objects: []registry.ID{d.ID, d.VersionID}, Reason: in.Reason,
		Detail: core.LogDetail("environment", d.Environment, "version", d.Version)}
	if versions[0] != nil {
		entry.Model = versions[0].Parent
	}
	return core.WriteResult{IDs: unchanged.IDs, Created: true, Changed: true}, tx.Log(ctx, entry)
}

// DeploymentEdge is a deployment in a page.
type DeploymentEdge struct {
	Cursor string
	Node   *registry.Deployment
}

// DeploymentConnection is a page of deployments.
type DeploymentConnection struct {
	core.Connection[*DeploymentEdge]
}

// DeploymentFilter selects deployments; empty fields match all.
type DeploymentFilter struct {
	Environment string
	Live        *bool
	Owner       string
	NamePrefix  string
	// StartedFrom (inclusive) and StartedBefore (exclusive) bound the start time.
	StartedFrom, StartedBefore *time.Time
}

// NewDeploymentEdge makes an edge of a page.
func NewDeploymentEdge(cursor string, d *registry.Deployment) *DeploymentEdge {
	return &DeploymentEdge{cursor, d}
}

// Deployments returns one page of the deployments that the caller sees, by name unless o gives
// another order.
func (r *Recorder) Deployments(ctx context.Context, p core.Paging, f *DeploymentFilter, o *core.DeploymentOrder) (*DeploymentConnection, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindDeployment}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(core.EqualTo("environment", f.Environment, "owner", f.Owner), core.NameStartsWith(f.NamePrefix), core.BeganWithin(core.TimeRange{From: f.StartedFrom, Before: f.StartedBefore}))
		if f.Live != nil {
			op := graph.NotIn
			if *f.Live {
				op = graph.In
			}
			q.Where = append(q.Where, graph.Predicate{Column: registry.IndexEnded, Op: op, Values: []any{int64(0)}})
		}
	}
	if o != nil {
		core.SortBy(&q, o.Field, o.Direction)
	}
	conn, err := core.FindPage(ctx, r.core, scope, q, []any{"deployments", f}, p, NewDeploymentEdge)
	if err != nil {
		return nil, err
	}
	return &DeploymentConnection{*conn}, nil
}

// DeploymentsOf returns one page of the deployments of a version, in the order of recording.
func (r *Recorder) DeploymentsOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*DeploymentConnection, error) {
	conn, err := core.ListNeighbors(ctx, r.core, v, core.HopQuery{Direction: graph.Downstream, Edge: registry.EdgeDeploys, At: v.ReadAt}, p,
		func(cursor string, _ registry.EdgeKind, d *registry.Deployment) *DeploymentEdge {
			return &DeploymentEdge{cursor, d}
		})
	if err != nil {
		return nil, err
	}
	return &DeploymentConnection{*conn}, nil
}

// VersionOfDeployment returns the deployed version.
func (r *Recorder) VersionOfDeployment(ctx context.Context, d *registry.Deployment) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, r.core, d, "version", func(d *registry.Deployment) core.NodeRef { return core.NodeRef{ID: d.VersionID, At: d.ReadAt} })
}

// FactKind returns registry.FactDeployment.
func (*RecordDeploymentInput) FactKind() registry.FactKind { return registry.FactDeployment }

// FactAction returns the action that recording needs permission for.
func (*RecordDeploymentInput) FactAction() registry.Action { return registry.DeploymentRecord }

// CheckFact checks the input as one fact of a batch.
func (in *RecordDeploymentInput) CheckFact() error {
	if in.StartedAt.IsZero() {
		return registry.Invalid("startedAt", "a fact says when it was: give the start of the deployment")
	}
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RecordDeploymentInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.ID = r.Optional(in.ID)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RecordDeploymentInput) FactReads() (ids, effects []registry.ID) {
	return core.IDsOf(in.ID), nil
}

// WriteFact writes the fact in a transaction.
func (in *RecordDeploymentInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeDeployment(ctx, tx, *in)
}

// FactKind returns registry.FactEndDeployment.
func (*EndDeploymentInput) FactKind() registry.FactKind { return registry.FactEndDeployment }

// FactAction returns the action that recording needs permission for.
func (*EndDeploymentInput) FactAction() registry.Action { return registry.DeploymentEnd }

// CheckFact checks the input as one fact of a batch.
func (in *EndDeploymentInput) CheckFact() error {
	if in.EndedAt.IsZero() {
		return registry.Invalid("endedAt", "a fact says when it was: give the end of the deployment")
	}
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *EndDeploymentInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.ID = r.One(in.ID)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *EndDeploymentInput) FactReads() (ids, effects []registry.ID) {
	return []registry.ID{in.ID}, nil
}

// WriteFact writes the fact in a transaction.
func (in *EndDeploymentInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeDeploymentEnd(ctx, tx, *in)
}
