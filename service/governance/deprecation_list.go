package governance

import (
	"context"
	"time"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
)

// DeprecationFilter selects deprecations. Model is the name of a model; SunsetBy keeps announced
// ones whose sunset is on that day or before.
type DeprecationFilter struct {
	Step     *registry.DeprecationStep
	Model    *string
	SunsetBy time.Time
}

// DeprecationEdge is a deprecation in a page.
type DeprecationEdge struct {
	Cursor string
	Node   *registry.Deprecation
}

// DeprecationConnection is a page of deprecations.
type DeprecationConnection struct {
	core.Connection[*DeprecationEdge]
}

// Deprecations returns one page of the deprecations that the caller sees. Those of one step are
// sorted by their sunset, the first first; others by when they were planned, the newest first.
func (g *Governance) Deprecations(ctx context.Context, p core.Paging, f *DeprecationFilter) (*DeprecationConnection, error) {
	if f == nil {
		f = &DeprecationFilter{}
	}
	scope, err := g.core.Gate.Read(ctx, registry.DeprecationRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindDeprecation}, Order: registry.IndexValidFrom, Desc: true}
	if f.Model != nil {
		m, err := g.modelNamed(ctx, *f.Model)
		if err != nil || m == nil {
			return &DeprecationConnection{core.Connection[*DeprecationEdge]{Edges: []*DeprecationEdge{}}}, err
		}
		q.Where = append(q.Where, core.EqualTo(string(registry.IndexNamespace), string(m.ID))...)
	}
	where, err := f.steps()
	if err != nil {
		return nil, err
	}
	if len(where) > 0 {
		q.Order, q.Desc, q.Where = registry.IndexEnded, false, append(q.Where, where...)
	}
	page, err := core.FindPage(ctx, g.core, scope, q, []any{"deprecations", f}, p, func(cursor string, d *registry.Deprecation) *DeprecationEdge { return &DeprecationEdge{cursor, d} })
	if err != nil {
		return nil, err
	}
	return &DeprecationConnection{*page}, nil
}

// steps returns the predicates of step and sunset.
func (f *DeprecationFilter) steps() ([]graph.Predicate, error) {
	step := f.Step
	if !f.SunsetBy.IsZero() {
		if err := core.CheckTime("filter.sunsetBy", f.SunsetBy); err != nil {
			return nil, err
		}
		announced := registry.DeprecationAnnounced
		if step != nil && *step != announced {
			return nil, registry.Invalid("filter.sunsetBy", "is of announced deprecations; leave out step")
		}
		step = &announced
	}
	if step == nil {
		return nil, nil
	}
	out := []graph.Predicate{{Column: registry.IndexStage, Op: graph.In, Values: []any{string(*step)}}}
	if !f.SunsetBy.IsZero() {
		out = append(out, graph.Predicate{Column: registry.IndexEnded, Op: graph.AtMost, Values: []any{governance.SunsetDay(f.SunsetBy).UnixMicro()}})
	}
	return out, nil
}

// ModelOfDeprecation returns the model of a deprecation.
func (g *Governance) ModelOfDeprecation(ctx context.Context, d *registry.Deprecation) (*registry.Model, error) {
	return core.Related[*registry.Model](ctx, g.core, d, "model", func(d *registry.Deprecation) core.NodeRef { return core.NodeRef{ID: d.OfModel, At: d.ReadAt} })
}

// VersionOfDeprecation returns the version of a deprecation.
func (g *Governance) VersionOfDeprecation(ctx context.Context, d *registry.Deprecation) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, g.core, d, "version", func(d *registry.Deprecation) core.NodeRef { return core.NodeRef{ID: d.VersionID, At: d.ReadAt} })
}

// ReplacementOfDeprecation returns the version to go to, nil when there is none that the caller
// sees.
func (g *Governance) ReplacementOfDeprecation(ctx context.Context, d *registry.Deprecation) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, g.core, d, "replacement", func(d *registry.Deprecation) core.NodeRef { return core.NodeRef{ID: d.ReplacementID, At: d.ReadAt} })
}

// ReplacementIDOf returns the id of the version to go to, nil when there is none that the caller
// sees.
func (g *Governance) ReplacementIDOf(ctx context.Context, d *registry.Deprecation) (*registry.ID, error) {
	return core.VisibleID(ctx, g.core, d, "replacementId", func(d *registry.Deprecation) registry.ID { return d.ReplacementID })
}

// DeprecationNote tells the reader of a version of its announced deprecation.
type DeprecationNote struct {
	VersionID   registry.ID `json:"id"`
	Model       string      `json:"model,omitempty"`
	Version     string      `json:"version,omitempty"`
	Deprecation registry.ID `json:"deprecation"`
	AnnouncedAt time.Time   `json:"announcedAt"`
	Sunset      time.Time   `json:"sunset"`
	Guide       string      `json:"guide,omitempty"`
	// Replacement and ReplacementID are the version to go to, "" when there is none that the
	// caller sees.
	Replacement   string      `json:"replacement,omitempty"`
	ReplacementID registry.ID `json:"replacementId,omitempty"`
}

// DeprecationNotes returns the notes of those versions whose deprecation is announced, in their
// order. The versions are as the caller sees them; all versions to go to take one read.
func (g *Governance) DeprecationNotes(ctx context.Context, versions []*registry.ModelVersion) ([]DeprecationNote, error) {
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	var out []DeprecationNote
	var refs []core.NodeRef
	for _, v := range versions {
		if v.DeprecationStep() != registry.DeprecationAnnounced {
			continue
		}
		d := v.Deprecation
		out = append(out, DeprecationNote{VersionID: v.ID, Model: v.ModelName, Version: v.Version, Deprecation: d.ID, AnnouncedAt: d.AnnouncedAt, Sunset: d.Sunset, Guide: d.Guide})
		refs = append(refs, core.NodeRef{ID: d.ReplacementID})
	}
	nouns, err := g.core.ReadNodes(ctx, scope, refs)
	if err != nil {
		return nil, err
	}
	for i, n := range nouns {
		if to, ok := n.(*registry.ModelVersion); ok && to != nil && !to.Deleted {
			out[i].Replacement, out[i].ReplacementID = to.Version, to.ID
		}
	}
	return out, nil
}

// FlushUsage writes the counts of uses of versions with an open deprecation. The server calls it
// each minute, when UsageFull says so, and when it ends.
func (g *Governance) FlushUsage(ctx context.Context) error { return g.core.Gate.FlushUsage(ctx) }

// UsageFull tells that so many uses wait in memory that FlushUsage should not wait for its time.
func (g *Governance) UsageFull() <-chan struct{} { return g.core.Gate.UsageFull() }
