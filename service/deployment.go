package service

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// RecordDeploymentInput are the facts of a deployment.
type RecordDeploymentInput struct {
	Model          *string
	Version        *string
	ID             *registry.ID
	Environment    string
	Endpoint       string
	TrafficPercent *float64
	Owner          string
	Description    string
	StartedAt      time.Time
	IdempotencyKey *string `json:"-"`
}

// RecordDeploymentPayload carries the deployment and whether it is new.
type RecordDeploymentPayload struct {
	Deployment *registry.Deployment
	Created    bool
}

// checkTraffic holds a share to 0 to 100 percent.
func checkTraffic(p *float64) error {
	if p != nil && !(*p >= 0 && *p <= 100) {
		return registry.Invalid("trafficPercent", "must be 0..100, not %v", *p)
	}
	return nil
}

// RecordDeployment records that a version was put to work.
func (s *Service) RecordDeployment(ctx context.Context, in RecordDeploymentInput) (*RecordDeploymentPayload, error) {
	if err := first(name("environment", &in.Environment), checkLabel("endpoint", in.Endpoint), checkTraffic(in.TrafficPercent), key("owner", &in.Owner),
		text("description", &in.Description), checkTime("startedAt", in.StartedAt)); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.DeploymentRecord, idempotent{"recordDeployment", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		v, _, err := s.versionIn(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return result{}, err
		}
		start := when(in.StartedAt, tx.Now())
		d := &registry.Deployment{Name: in.Environment + "/" + v.ModelName + " " + v.Version, Environment: in.Environment, Endpoint: in.Endpoint,
			TrafficPercent: in.TrafficPercent, VersionID: v.ID, ModelName: v.ModelName, Version: v.Version, Owner: in.Owner,
			Description: in.Description, RecordedAt: tx.Now()}
		if d.Owner == "" {
			d.Owner = v.Owner
		}
		d.ID = registry.DeploymentID(in.Environment, in.Endpoint, v.ID, start)
		found, err := tx.House(ctx, d.ID)
		if err != nil {
			return result{}, err
		}
		changed, err := putFact(ctx, tx, found[0], d, start, func(at time.Time) { d.StartedAt = at })
		if err != nil {
			return result{}, err
		}
		return finishFact(ctx, tx, found[0] == nil, changed, d.ID, []*graph.Edge{{Kind: registry.EdgeDeploys, From: d.ID, To: v.ID}},
			registry.LogEntry{Action: registry.LogDeploymentRecorded, Objects: []registry.ID{d.ID, v.ID}, Model: v.Parent,
				Detail: detail("environment", d.Environment, "version", v.Version, "endpoint", d.Endpoint)})
	})
	if err != nil {
		return nil, err
	}
	d, err := one[*registry.Deployment](s.after(ctx, r.IDs[0]))
	return &RecordDeploymentPayload{d, r.Created}, err
}

// EndDeploymentInput says which deployment ended, and when.
type EndDeploymentInput struct {
	ID             registry.ID
	EndedAt        time.Time
	Reason         string
	IdempotencyKey *string `json:"-"`
}

// EndDeploymentPayload carries the ended deployment.
type EndDeploymentPayload struct{ Deployment *registry.Deployment }

// EndDeployment ends a deployment. The same end again changes nothing; another
// one is CONFLICT.
func (s *Service) EndDeployment(ctx context.Context, in EndDeploymentInput) (*EndDeploymentPayload, error) {
	if err := first(text("reason", &in.Reason), checkTime("endedAt", in.EndedAt)); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.DeploymentEnd, idempotent{"endDeployment", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		nodes, err := tx.Nodes(ctx, in.ID)
		if err != nil {
			return result{}, err
		}
		if nodes[0] == nil || nodes[0].Kind != registry.KindDeployment {
			return result{}, registry.Errorf(registry.NotFound, "there is no deployment %s", registry.Shorten(string(in.ID), 60))
		}
		d, err := load(nodes[0], &registry.Deployment{})
		if err != nil {
			return result{}, err
		}
		done := result{IDs: []registry.ID{d.ID}}
		end := when(in.EndedAt, tx.Now())
		switch {
		case !d.EndedAt.IsZero() && (in.EndedAt.IsZero() || end.Equal(d.EndedAt)):
			return done, nil
		case !d.EndedAt.IsZero():
			return done, registry.Errorf(registry.Conflict, "it ended at %s already", d.EndedAt.Format(time.RFC3339))
		case end.Before(d.StartedAt):
			return done, registry.Invalid("endedAt", "lies before its start, %s", d.StartedAt.Format(time.RFC3339))
		}
		d.EndedAt, d.ValidTo = end, end
		if err := putNoun(ctx, tx, d, end); err != nil {
			return done, err
		}
		vs, err := tx.House(ctx, d.VersionID)
		if err != nil {
			return done, err
		}
		entry := registry.LogEntry{Action: registry.LogDeploymentEnded, Objects: []registry.ID{d.ID, d.VersionID}, Reason: in.Reason,
			Detail: detail("environment", d.Environment, "version", d.Version)}
		if vs[0] != nil {
			entry.Model = vs[0].Parent
		}
		return result{IDs: done.IDs, Created: true}, tx.Log(ctx, entry)
	})
	if err != nil {
		return nil, err
	}
	d, err := one[*registry.Deployment](s.after(ctx, r.IDs[0]))
	return &EndDeploymentPayload{d}, err
}

// DeploymentEdge is a deployment in a page.
type DeploymentEdge struct {
	Cursor string
	Node   *registry.Deployment
}

// DeploymentConnection is a page of deployments.
type DeploymentConnection struct{ Connection[*DeploymentEdge] }

// DeploymentFilter says which deployments to keep; empty fields keep all.
type DeploymentFilter struct {
	Environment string
	Live        *bool
	Owner       string
	NamePrefix  string
	// The deployment started at StartedFrom or later, before StartedBefore.
	StartedFrom, StartedBefore *time.Time
}

func deploymentEdge(cursor string, d *registry.Deployment) *DeploymentEdge {
	return &DeploymentEdge{cursor, d}
}

// Deployments lists the deployments that the caller sees, by name if not said
// otherwise.
func (s *Service) Deployments(ctx context.Context, p Paging, f *DeploymentFilter, o *DeploymentOrder) (*DeploymentConnection, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindDeployment}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(where("environment", f.Environment, "owner", f.Owner), prefixed(f.NamePrefix), within(span{f.StartedFrom, f.StartedBefore}))
		if f.Live != nil {
			op := graph.NotIn
			if *f.Live {
				op = graph.In
			}
			q.Where = append(q.Where, graph.Predicate{Column: registry.IndexEnded, Op: op, Values: []any{int64(0)}})
		}
	}
	if o != nil {
		sortBy(&q, o.Field, o.Direction)
	}
	c, err := find(ctx, s, scope, q, []any{"deployments", f}, p, deploymentEdge)
	if err != nil {
		return nil, err
	}
	return &DeploymentConnection{*c}, nil
}

// DeploymentsOf lists where a version is or was at work, in order of recording.
func (s *Service) DeploymentsOf(ctx context.Context, v *registry.ModelVersion, p Paging) (*DeploymentConnection, error) {
	c, err := hops(ctx, s, v.ID, hopQuery{direction: graph.Downstream, edge: registry.EdgeDeploys, at: v.ReadAt}, p,
		func(cursor string, _ registry.EdgeKind, d *registry.Deployment) *DeploymentEdge {
			return &DeploymentEdge{cursor, d}
		})
	if err != nil {
		return nil, err
	}
	return &DeploymentConnection{*c}, nil
}

// VersionOfDeployment returns the version at work.
func (s *Service) VersionOfDeployment(ctx context.Context, d *registry.Deployment) (*registry.ModelVersion, error) {
	return one[*registry.ModelVersion](s.nodeAt(ctx, d.ReadAt, d.VersionID))
}
