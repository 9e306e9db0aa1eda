package catalog

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// ModelSelection is a page of selected models. Next is the start of the next page, "" on the
// last.
type ModelSelection struct {
	Models []*registry.Model
	Next   string
}

// SelectModels returns one page of the models that meet conditions. Names that are given are
// looked up; a pattern with a fixed start, a tag with a value, and the order by name, are read from
// an index, up to the end of the page. Another order looks through all models that match these.
func (c *Catalog) SelectModels(ctx context.Context, s Selection) (*ModelSelection, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	if err := s.check("Model", MaxSelectedModels, scope); err != nil {
		return nil, err
	}
	for _, cond := range s.Where {
		if cond.Of != OfName && cond.Of != OfTag {
			return nil, registry.Invalid("filter", "models are not selected by %s", cond.Of)
		}
	}
	binding := []any{"selected models", s.Where, s.Orders}
	var after *selected[*registry.Model]
	if s.After != "" {
		after = &selected[*registry.Model]{}
		if err := c.core.OpenCursor(scope.Actor().Subject, binding, s.After, after); err != nil {
			return nil, err
		}
	}
	found, err := c.matchingModels(ctx, scope, &s, after)
	if err != nil {
		return nil, err
	}
	page, last := pageOf(s.Orders, found, after, s.Size)
	out := &ModelSelection{Models: make([]*registry.Model, len(page))}
	for i := range page {
		out.Models[i] = page[i].noun
	}
	if last != nil {
		out.Next = c.core.SealCursor(scope.Actor().Subject, binding, last)
	}
	core.Siblings(ctx, out.Models)
	return out, nil
}

// byName returns whether a selection is in the order of names, which an index has, and which
// way.
func (s *Selection) byName() (indexed, desc bool) {
	if len(s.Orders) == 0 {
		return true, false
	}
	return s.Orders[0].By == OfName, s.Orders[0].Desc
}

// matchingModels returns the models that match. In the order of names it returns those of one
// page after a key, and one more.
func (c *Catalog) matchingModels(ctx context.Context, scope *policies.Scope, s *Selection, after *selected[*registry.Model]) ([]selected[*registry.Model], error) {
	q := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexName, Limit: selectionBatch}
	indexed, desc := s.byName()
	if names, ok := s.names(); ok {
		for _, name := range names {
			core.ToNFC(&name)
			q.Slots = append(q.Slots, registry.ModelNameSlot(name))
		}
		if indexed = false; len(q.Slots) == 0 {
			return nil, nil
		}
	}
	for _, cond := range s.of(OfName) {
		if q.Slots == nil {
			q.Where = append(q.Where, core.NameStartsWith(cond.prefix())...)
		}
	}
	for _, cond := range s.of(OfTag) {
		q.Where = append(q.Where, cond.labelled()...)
	}
	if q.Desc = desc; indexed {
		if q.Limit = min(s.Size+1, selectionBatch); after != nil {
			q.After = &graph.Key{Value: after.Name, ID: after.ID}
		}
	}
	var out []selected[*registry.Model]
	for looked := 0; ; {
		page, err := scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, n := range page.Nodes {
			m, err := core.NounAs[*registry.Model](c.core.Decode(n, registry.Instant{}))
			if err != nil {
				return nil, err
			}
			if m != nil && s.matchesModel(m) {
				out = append(out, selected[*registry.Model]{Name: m.Name, Created: m.CreatedAt.UnixMicro(), Updated: m.UpdatedAt.UnixMicro(), ID: m.ID, noun: m})
			}
		}
		if !page.More || indexed && len(out) > s.Size {
			return out, nil
		}
		if looked += len(page.Nodes); looked > maxLookedThrough {
			return nil, tooMany("models")
		}
		q.After, q.Limit = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order), selectionBatch
	}
}

// matchesModel reports whether a model meets all conditions.
func (s *Selection) matchesModel(m *registry.Model) bool {
	return !slices.ContainsFunc(s.Where, func(c Condition) bool {
		if c.Of == OfName {
			return !c.matchesText(m.Name)
		}
		return !c.matchesTags(m.Tags)
	})
}
