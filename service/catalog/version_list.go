package catalog

import (
	"context"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// ModelVersionEdge is a version in a page.
type ModelVersionEdge struct {
	Cursor string
	Node   *registry.ModelVersion
}

// ModelVersionConnection is a page of versions.
type ModelVersionConnection struct {
	core.Connection[*ModelVersionEdge]
}

// NewVersionEdge makes an edge of a page.
func NewVersionEdge(cursor string, v *registry.ModelVersion) *ModelVersionEdge {
	return &ModelVersionEdge{cursor, v}
}

// ModelVersionFilter selects versions; empty fields match all.
type ModelVersionFilter struct {
	Stages []registry.Stage
	Owner  string
	// Number is the number of the one version that is wanted.
	Number int
	Tag    *registry.KeyValue
	// CreatedFrom (inclusive) and CreatedBefore (exclusive) bound the creation time.
	CreatedFrom, CreatedBefore *time.Time
}

// applyTo adds the filter to a query of children.
func (f *ModelVersionFilter) applyTo(q *core.ChildQuery) (err error) {
	if f == nil {
		return nil
	}
	if q.Label, err = core.TagLabel(f.Tag); err != nil {
		return err
	}
	var stages []string
	for _, st := range f.Stages {
		stages = append(stages, string(st))
	}
	q.Stages, q.Owner, q.Number = strings.Join(stages, ","), f.Owner, f.Number
	if f.CreatedFrom != nil {
		q.From, q.HasFrom = core.CeilMicroseconds(f.CreatedFrom), true
	}
	if f.CreatedBefore != nil {
		q.Before, q.HasBefore = core.CeilMicroseconds(f.CreatedBefore), true
	}
	return nil
}

// VersionsOf returns one page of the versions of a model, highest semver first unless o gives
// another order.
func (c *Catalog) VersionsOf(ctx context.Context, m *registry.Model, p core.Paging, f *ModelVersionFilter, o *core.ModelVersionOrder) (*ModelVersionConnection, error) {
	q := core.ChildQuery{Kind: registry.KindModelVersion, Order: registry.IndexVersion, Desc: true, At: m.ReadAt}
	if err := f.applyTo(&q); err != nil {
		return nil, err
	}
	if o != nil {
		q.Order, q.Desc = core.OrderColumns[string(o.Field)], o.Direction == "DESC"
	}
	conn, err := core.ListChildren(ctx, c.core, m, q, p, NewVersionEdge)
	if err != nil {
		return nil, err
	}
	return &ModelVersionConnection{*conn}, nil
}

// VersionsInStage lists at most core.MaxPage versions of a model in a stage, highest semver
// first.
func (c *Catalog) VersionsInStage(ctx context.Context, m *registry.Model, stage registry.Stage) ([]*registry.ModelVersion, error) {
	return c.versions(ctx, m, core.ChildQuery{Kind: registry.KindModelVersion, Order: registry.IndexVersion, Desc: true, Stages: string(stage), Limit: core.MaxPage, At: m.ReadAt})
}

func (c *Catalog) versions(ctx context.Context, m *registry.Model, q core.ChildQuery) ([]*registry.ModelVersion, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	return core.LoadChildren[*registry.ModelVersion](ctx, c.core, scope, m, q)
}

// ProductionVersion returns the version of a model in PRODUCTION, nil when there is none.
func (c *Catalog) ProductionVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	vs, err := c.versions(ctx, m, core.ChildQuery{Kind: registry.KindModelVersion, Order: registry.IndexVersion, Desc: true, Stages: string(registry.Production), Limit: 1, At: m.ReadAt})
	if err != nil || len(vs) == 0 {
		return nil, err
	}
	return vs[0], nil
}

// LatestVersion returns the version of a model with the highest semver that is no pre-release
// and that the caller sees; nil when there is none.
func (c *Catalog) LatestVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	return core.Batch(ctx, m, latestField{}, func(ctx context.Context, all []*registry.Model) ([]*registry.ModelVersion, error) {
		return c.latestVersions(ctx, scope, all)
	})
}

// latestField is the field of the latest version of a model.
type latestField struct{}

// latestVersions returns the latest version of each model, and makes them siblings.
func (c *Catalog) latestVersions(ctx context.Context, scope *policies.Scope, models []*registry.Model) ([]*registry.ModelVersion, error) {
	latest, pending := map[registry.ID]*registry.ModelVersion{}, models
	for _, limit := range []int{1, 20} { // Most versions are releases, and few have many pre-releases above them.
		if len(pending) == 0 {
			break
		}
		q := core.ChildQuery{Kind: registry.KindModelVersion, Order: registry.IndexVersion, Desc: true, Limit: limit, At: models[0].ReadAt}
		versions, err := core.ChildrenOf[*registry.ModelVersion](ctx, c.core, scope, pending, q)
		if err != nil {
			return nil, err
		}
		var behind []*registry.Model
		for _, m := range pending {
			if latest[m.ID] = firstRelease(m, versions[m.ID]); latest[m.ID] == nil && len(versions[m.ID]) == limit {
				behind = append(behind, m)
			}
		}
		pending = behind
	}
	for _, m := range pending {
		var err error
		if latest[m.ID], err = c.latestBehindPrereleases(ctx, m); err != nil {
			return nil, err
		}
	}
	out := make([]*registry.ModelVersion, len(models))
	for i, m := range models {
		out[i] = latest[m.ID]
	}
	core.Siblings(ctx, out)
	return out, nil
}

// LeadingVersions are the versions of a model that people ask for first; each is nil when there
// is none that the caller sees.
type LeadingVersions struct{ Latest, Production *registry.ModelVersion }

// LeadingVersions returns the latest version of each model and the one in PRODUCTION, for all
// models together.
func (c *Catalog) LeadingVersions(ctx context.Context, models []*registry.Model) ([]LeadingVersions, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil || len(models) == 0 {
		return nil, err
	}
	latest, err := c.latestVersions(ctx, scope, models)
	if err != nil {
		return nil, err
	}
	q := core.ChildQuery{Kind: registry.KindModelVersion, Order: registry.IndexVersion, Desc: true, Stages: string(registry.Production), Limit: 1, At: models[0].ReadAt}
	production, err := core.ChildrenOf[*registry.ModelVersion](ctx, c.core, scope, models, q)
	if err != nil {
		return nil, err
	}
	out := make([]LeadingVersions, len(models))
	for i, m := range models {
		out[i].Latest = latest[i]
		if vs := production[m.ID]; len(vs) > 0 {
			out[i].Production = vs[0]
		}
	}
	return out, nil
}

// latestBehindPrereleases reads the versions of a model in pages, until it meets a release.
func (c *Catalog) latestBehindPrereleases(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	size, after := core.MaxPage, ""
	for {
		page, err := c.VersionsOf(ctx, m, core.Paging{First: &size, After: &after}, nil, nil)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Edges {
			if v := firstRelease(m, []*registry.ModelVersion{e.Node}); v != nil {
				return v, nil
			}
		}
		if !page.PageInfo.HasNextPage {
			return nil, nil
		}
		after = page.PageInfo.EndCursor
	}
}

// firstRelease returns the first version that is no pre-release, nil when there is none.
func firstRelease(m *registry.Model, vs []*registry.ModelVersion) *registry.ModelVersion {
	for _, v := range vs {
		if semver, err := semverOf(m, v); err == nil && !semver.IsPrerelease() {
			return v
		}
	}
	return nil
}

// ModelVersion returns a version by model name and semver, label, alias or "latest",
// optionally at a point in time; nil when there is none that the caller sees.
func (c *Catalog) ModelVersion(ctx context.Context, model, version string, past ...core.PointInTime) (*registry.ModelVersion, error) {
	v, err := c.versionNamed(ctx, model, version, past)
	if err == nil && v != nil {
		c.countGet(ctx, v)
	}
	return v, err
}

func (c *Catalog) versionNamed(ctx context.Context, model, version string, past []core.PointInTime) (*registry.ModelVersion, error) {
	m, err := c.Model(ctx, model, past...)
	if err != nil || m == nil {
		return nil, err
	}
	if version == "latest" {
		return c.LatestVersion(ctx, m)
	}
	if semver, err := registry.ParseVersion(version); err == nil {
		return c.versionAt(ctx, m.ReadAt, registry.ModelVersionID(m.ID, semver.String()))
	}
	core.ToNFC(&version)
	a, err := core.NounAs[*registry.Alias](c.core.NodeAt(ctx, m.ReadAt, registry.AliasID(m.ID, version)))
	if err != nil {
		return nil, err
	}
	if a != nil && isActiveAlias(a) {
		return c.versionAt(ctx, m.ReadAt, a.VersionID)
	}
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	page, err := scope.Find(ctx, graph.SlotQuery(registry.LabelSlot(m.ID, version), registry.KindModelVersion))
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return c.versionAt(ctx, m.ReadAt, page.Nodes[0].ID)
}

// versionAt returns a version by its id at an instant; nil when the caller does not see it or
// it was a tombstone by then.
func (c *Catalog) versionAt(ctx context.Context, at registry.Instant, id registry.ID) (*registry.ModelVersion, error) {
	v, err := core.NounAs[*registry.ModelVersion](c.core.NodeAt(ctx, at, id))
	if err != nil || v == nil || core.IsTombstone(v) {
		return nil, err
	}
	return v, nil
}

// ModelOf returns the model of a version; nil when the caller may not see it.
func (c *Catalog) ModelOf(ctx context.Context, v *registry.ModelVersion) (*registry.Model, error) {
	return core.Related[*registry.Model](ctx, c.core, v, "model", parentOf)
}

func parentOf[N registry.Node](n N) core.NodeRef {
	return core.NodeRef{ID: n.NodeMeta().Parent, At: n.NodeMeta().ReadAt}
}

// semverOf returns the semver of a version; that of a tombstone is read from its name.
func semverOf(m *registry.Model, v *registry.ModelVersion) (registry.Version, error) {
	if v.Version != "" || !v.Deleted {
		return registry.ParseVersion(v.Version)
	}
	return registry.ParseVersion(strings.TrimPrefix(v.Name, "model-"+m.Name+"-v"))
}
