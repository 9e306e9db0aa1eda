package catalog

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// ModelFilter selects models; empty fields match all. Stage matches models that have a version
// in that stage.
type ModelFilter struct {
	Stage      *registry.Stage
	Owner      string
	NamePrefix string
	Tag        *registry.KeyValue
	// CreatedFrom (inclusive) and CreatedBefore (exclusive) bound the creation time.
	CreatedFrom, CreatedBefore *time.Time
}

// ModelEdge is a model in a page.
type ModelEdge struct {
	Cursor string
	Node   *registry.Model
}

// ModelConnection is a page of models.
type ModelConnection struct{ core.Connection[*ModelEdge] }

// NewModelEdge makes an edge of a page.
func NewModelEdge(cursor string, m *registry.Model) *ModelEdge { return &ModelEdge{cursor, m} }

// Models returns one page of the models that the caller sees, by name unless o gives another
// order.
func (c *Catalog) Models(ctx context.Context, p core.Paging, f *ModelFilter, o *core.ModelOrder) (*ModelConnection, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexName}
	if f != nil {
		tagged, err := core.TaggedWith(f.Tag)
		if err != nil {
			return nil, err
		}
		q.Where = slices.Concat(tagged, core.EqualTo("owner", f.Owner), core.NameStartsWith(f.NamePrefix), core.BeganWithin(core.TimeRange{From: f.CreatedFrom, Before: f.CreatedBefore}))
		if f.Stage != nil {
			if !scope.SeesStage(*f.Stage) {
				return &ModelConnection{core.Connection[*ModelEdge]{Edges: []*ModelEdge{}}}, nil
			}
			q.Where = append(q.Where, graph.Predicate{Child: registry.KindModelVersion, Column: registry.IndexStage, Op: graph.In, Values: []any{string(*f.Stage)}})
		}
	}
	if o != nil {
		core.SortBy(&q, o.Field, o.Direction)
	}
	conn, err := core.FindPage(ctx, c.core, scope, q, []any{"models", f}, p, NewModelEdge)
	if err != nil {
		return nil, err
	}
	return &ModelConnection{*conn}, nil
}

// Model returns a model by name, optionally at a point in time; nil when there is none that
// the caller sees.
func (c *Catalog) Model(ctx context.Context, byName string, past ...core.PointInTime) (*registry.Model, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	core.ToNFC(&byName)
	at, known, err := c.core.ResolvePointInTime(ctx, past)
	if err != nil || !known {
		return nil, err
	}
	if !at.Today() {
		return c.modelByNameAt(ctx, scope, byName, at)
	}
	n, err := core.FindModel(ctx, scope, byName)
	if err != nil || n == nil {
		return nil, err
	}
	return core.NounAs[*registry.Model](c.core.Decode(n, registry.Instant{}))
}

// modelByNameAt returns the model that had a name at an instant. It reads the model that has the
// name now, and the incarnations of the name in batches, up to the first that never existed; at
// most one had the name at a time. One that had the name only between two others is not found.
func (c *Catalog) modelByNameAt(ctx context.Context, scope *policies.Scope, name string, at registry.Instant) (*registry.Model, error) {
	const batchSize = 10
	var found *registry.Model
	holder, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Slots: []string{registry.ModelNameSlot(name)}, Limit: 1, Bare: true})
	if err != nil {
		return nil, err
	}
	for from := 1; ; from += batchSize {
		var ids []registry.ID
		for i := range batchSize {
			ids = append(ids, registry.ModelID(name, from+i))
		}
		if from == 1 && len(holder.Nodes) > 0 && !slices.Contains(ids, holder.Nodes[0].ID) {
			ids = append([]registry.ID{holder.Nodes[0].ID}, ids...)
		}
		now, err := scope.Nodes(ctx, graph.Instant{}, ids...)
		if err != nil {
			return nil, err
		}
		then, err := c.core.NodesAt(ctx, at, ids)
		if err != nil {
			return nil, err
		}
		for i := range ids {
			if m, ok := then[i].(*registry.Model); ok && m != nil && !core.IsTombstone(m) && m.Name == name {
				found = m
			}
			if now[i] == nil {
				return found, nil
			}
		}
	}
}
