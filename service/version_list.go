package service

import (
	"context"
	"pedigree/graph"
	"pedigree/registry"
	"strings"
	"time"
)

// ModelVersionEdge is a version in a page.
type ModelVersionEdge struct {
	Cursor string
	Node   *registry.ModelVersion
}

// ModelVersionConnection is a page of versions.
type ModelVersionConnection struct{ Connection[*ModelVersionEdge] }

func versionEdge(cursor string, v *registry.ModelVersion) *ModelVersionEdge {
	return &ModelVersionEdge{cursor, v}
}

// ModelVersionFilter says which versions to keep; empty fields keep all.
type ModelVersionFilter struct {
	Stages []registry.Stage
	Owner  string
	// The version was created at CreatedFrom or later, before CreatedBefore.
	CreatedFrom, CreatedBefore *time.Time
}

// narrow puts a filter into a query of children.
func (f *ModelVersionFilter) narrow(q *childQuery) {
	if f == nil {
		return
	}
	var stages []string
	for _, st := range f.Stages {
		stages = append(stages, string(st))
	}
	q.stages, q.owner = strings.Join(stages, ","), f.Owner
	if f.CreatedFrom != nil {
		q.from, q.hasFrom = ceilMicroseconds(f.CreatedFrom), true
	}
	if f.CreatedBefore != nil {
		q.before, q.hasBefore = ceilMicroseconds(f.CreatedBefore), true
	}
}

// VersionsOf lists the versions of a model, highest semver first if not said
// otherwise.
func (s *Service) VersionsOf(ctx context.Context, m *registry.Model, p Paging, f *ModelVersionFilter, o *ModelVersionOrder) (*ModelVersionConnection, error) {
	q := childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, at: m.ReadAt}
	f.narrow(&q)
	if o != nil {
		q.order, q.desc = orderColumns[string(o.Field)], o.Direction == "DESC"
	}
	c, err := listChildren(ctx, s, m.ID, q, p, versionEdge)
	if err != nil {
		return nil, err
	}
	return &ModelVersionConnection{*c}, nil
}

// VersionsInStage lists the versions of a model in a stage, highest first, at
// most MaxPage.
func (s *Service) VersionsInStage(ctx context.Context, m *registry.Model, stage registry.Stage) ([]*registry.ModelVersion, error) {
	return s.versions(ctx, m.ID, childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, stages: string(stage), limit: MaxPage, at: m.ReadAt})
}

func (s *Service) versions(ctx context.Context, model registry.ID, q childQuery) ([]*registry.ModelVersion, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	nodes, err := loadChildren(ctx, scope, childKey{model, q})
	if err != nil {
		return nil, err
	}
	out := make([]*registry.ModelVersion, 0, len(nodes))
	for _, n := range nodes {
		v, err := nounAs[*registry.ModelVersion](s.decode(n, q.at))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// ProductionVersion returns the version of a model in PRODUCTION, nil for none.
func (s *Service) ProductionVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	vs, err := s.versions(ctx, m.ID, childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, stages: string(registry.Production), limit: 1, at: m.ReadAt})
	if err != nil || len(vs) == 0 {
		return nil, err
	}
	return vs[0], nil
}

// LatestVersion returns the highest semver of a model that is no pre-release and
// that the caller sees; nil for none.
func (s *Service) LatestVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	const few = 20 // Pre-releases seldom run ahead further than that.
	for limit := few; ; limit = 1000 {
		vs, err := s.versions(ctx, m.ID, childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, limit: limit, at: m.ReadAt})
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			if semver, err := versionNumberOf(m, v); err == nil && !semver.IsPrerelease() {
				return v, nil
			}
		}
		if len(vs) < limit || limit > few {
			return nil, nil
		}
	}
}

// ModelVersion returns a version by model name and semver, label, alias or
// "latest", as of a past when one is given; nil when there is none that the caller
// sees.
func (s *Service) ModelVersion(ctx context.Context, model, version string, past ...PointInTime) (*registry.ModelVersion, error) {
	m, err := s.Model(ctx, model, past...)
	if err != nil || m == nil {
		return nil, err
	}
	if version == "latest" {
		return s.LatestVersion(ctx, m)
	}
	if semver, err := registry.ParseVersion(version); err == nil {
		return s.versionAt(ctx, m.ReadAt, registry.ModelVersionID(m.ID, semver.String()))
	}
	toNFC(&version)
	a, err := nounAs[*registry.Alias](s.nodeAt(ctx, m.ReadAt, registry.AliasID(m.ID, version)))
	if err != nil {
		return nil, err
	}
	if a != nil && aliasStands(a) {
		return s.versionAt(ctx, m.ReadAt, a.VersionID)
	}
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	page, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Slots: []string{registry.LabelSlot(m.ID, version)}, Limit: 1})
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return s.versionAt(ctx, m.ReadAt, page.Nodes[0].ID)
}

// versionAt returns a version by its id at an instant; nil for one that is not
// seen or was a tombstone by then.
func (s *Service) versionAt(ctx context.Context, at registry.Instant, id registry.ID) (*registry.ModelVersion, error) {
	v, err := nounAs[*registry.ModelVersion](s.nodeAt(ctx, at, id))
	if err != nil || v == nil || isTombstone(v) {
		return nil, err
	}
	return v, nil
}

// ModelOf returns the model of a version; nil when the caller may not see it.
func (s *Service) ModelOf(ctx context.Context, v *registry.ModelVersion) (*registry.Model, error) {
	return nounAs[*registry.Model](s.nodeAt(ctx, v.ReadAt, v.Parent))
}

// versionNumberOf is the semver of a version; that of a tombstone is read from its name.
func versionNumberOf(m *registry.Model, v *registry.ModelVersion) (registry.Version, error) {
	if v.Version != "" || !v.Deleted {
		return registry.ParseVersion(v.Version)
	}
	return registry.ParseVersion(strings.TrimPrefix(v.Name, "model-"+m.Name+"-v"))
}
