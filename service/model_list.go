package service

import (
	"context"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"slices"
	"time"
)

// ModelFilter says which models to keep; empty fields keep all.
type ModelFilter struct {
	Stage      *registry.Stage
	Owner      string
	NamePrefix string
	// The model was registered at CreatedFrom or later, before CreatedBefore.
	CreatedFrom, CreatedBefore *time.Time
}

// ModelEdge is a model in a page.
type ModelEdge struct {
	Cursor string
	Node   *registry.Model
}

// ModelConnection is a page of models.
type ModelConnection struct{ Connection[*ModelEdge] }

func modelEdge(cursor string, m *registry.Model) *ModelEdge { return &ModelEdge{cursor, m} }

// Models lists the models that the caller sees.
func (s *Service) Models(ctx context.Context, p Paging, f *ModelFilter, o *ModelOrder) (*ModelConnection, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(equalTo("owner", f.Owner), nameStartsWith(f.NamePrefix), beganWithin(timeRange{f.CreatedFrom, f.CreatedBefore}))
		if f.Stage != nil {
			if !scope.SeesStage(*f.Stage) {
				return &ModelConnection{Connection[*ModelEdge]{Edges: []*ModelEdge{}}}, nil
			}
			q.Where = append(q.Where, graph.Predicate{Child: registry.KindModelVersion, Column: registry.IndexStage, Op: graph.In, Values: []any{string(*f.Stage)}})
		}
	}
	if o != nil {
		sortBy(&q, o.Field, o.Direction)
	}
	c, err := findPage(ctx, s, scope, q, []any{"models", f}, p, modelEdge)
	if err != nil {
		return nil, err
	}
	return &ModelConnection{*c}, nil
}

// Model returns a model by name, as of a past when one is given; nil when there is
// none that the caller sees.
func (s *Service) Model(ctx context.Context, byName string, past ...PointInTime) (*registry.Model, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	toNFC(&byName)
	at, known, err := s.resolvePointInTime(ctx, past)
	if err != nil || !known {
		return nil, err
	}
	if !at.Today() {
		return s.modelNamedAt(ctx, scope, byName, at)
	}
	page, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Slots: []string{registry.ModelNameSlot(byName)}, Limit: 1})
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return nounAs[*registry.Model](s.decode(page.Nodes[0], registry.Instant{}))
}

// modelNamedAt returns the model that had a name at an instant: one of the
// incarnations of the name, of which one stands at a time.
func (s *Service) modelNamedAt(ctx context.Context, scope *policies.Scope, name string, at registry.Instant) (*registry.Model, error) {
	const few = 10
	var found *registry.Model
	for from := 1; ; from += few {
		var ids []registry.ID
		for i := range few {
			ids = append(ids, registry.ModelID(name, from+i))
		}
		now, err := scope.Nodes(ctx, graph.Instant{}, ids...)
		if err != nil {
			return nil, err
		}
		then, err := s.nodesAt(ctx, at, ids)
		if err != nil {
			return nil, err
		}
		for i := range ids {
			if m, ok := then[i].(*registry.Model); ok && m != nil && !isTombstone(m) {
				found = m
			}
			if now[i] == nil {
				return found, nil
			}
		}
	}
}
