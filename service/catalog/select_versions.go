package catalog

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// VersionSelection is a page of selected versions. Next is the start of the next page, "" on the
// last.
type VersionSelection struct {
	Versions []*registry.ModelVersion
	Next     string
}

// keptMatches is how many matches a selection keeps while it looks through versions. Beyond it,
// it keeps what they are sorted by, and reads those of the page again.
const keptMatches = 1000

// SelectVersions returns one page of the versions that meet conditions. Where the conditions name
// models, only the versions of these are read; of a stage, an index has them; otherwise it looks
// through all versions.
func (c *Catalog) SelectVersions(ctx context.Context, s Selection) (*VersionSelection, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	if err := s.check("ModelVersion", MaxSelectedVersions, scope); err != nil {
		return nil, err
	}
	binding := []any{"selected versions", s.Where, s.Orders}
	var after *selected[*registry.ModelVersion]
	if s.After != "" {
		after = &selected[*registry.ModelVersion]{}
		if err := c.core.OpenCursor(scope.Actor().Subject, binding, s.After, after); err != nil {
			return nil, err
		}
	}
	w := versionSelector{catalog: c, scope: scope, selection: &s, names: map[registry.ID]string{}}
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	page, last := pageOf(s.Orders, w.found, after, s.Size)
	out := &VersionSelection{}
	if out.Versions, err = w.versionsOf(ctx, page); err != nil {
		return nil, err
	}
	if last != nil {
		out.Next = c.core.SealCursor(scope.Actor().Subject, binding, last)
	}
	core.Siblings(ctx, out.Versions)
	return out, nil
}

// versionSelector looks through versions.
type versionSelector struct {
	catalog   *Catalog
	scope     *policies.Scope
	selection *Selection
	// names are the names of the models that were met.
	names  map[registry.ID]string
	found  []selected[*registry.ModelVersion]
	looked int
}

// run looks through the versions that can match.
func (w *versionSelector) run(ctx context.Context) error {
	q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Order: registry.IndexValidFrom, Limit: selectionBatch}
	for _, cond := range w.selection.of(OfStage) {
		if cond.Compare == Equal || cond.Compare == OneOf {
			q.Where = append(q.Where, graph.Predicate{Column: registry.IndexStage, Op: graph.In, Values: anyOf(cond.Values)})
		}
	}
	names, ok := w.selection.names()
	if !ok {
		return w.lookThrough(ctx, q)
	}
	q.Order = registry.IndexNumber
	for _, cond := range w.selection.of(OfNumber) {
		if op, ok := numberOps[cond.Compare]; ok {
			q.Where = append(q.Where, graph.Predicate{Column: registry.IndexNumber, Op: op, Values: []any{cond.Number}})
		}
	}
	for _, name := range names {
		m, err := w.catalog.Model(ctx, name)
		if err != nil {
			return err
		}
		if m != nil {
			w.names[m.ID], q.Parents = m.Name, []registry.ID{m.ID}
			if err := w.lookThrough(ctx, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// numberOps are the comparisons of numbers that a store makes.
var numberOps = map[Comparison]graph.Op{Equal: graph.In, Less: graph.Less, AtMost: graph.AtMost, Greater: graph.Greater, AtLeast: graph.AtLeast}

func anyOf(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// lookThrough reads all pages of a query and collects what matches.
func (w *versionSelector) lookThrough(ctx context.Context, q graph.Query) error {
	q.After = nil
	for {
		page, err := w.scope.Find(ctx, q)
		if err != nil {
			return err
		}
		if err := w.collect(ctx, page.Nodes); err != nil || !page.More {
			return err
		}
		if w.looked += len(page.Nodes); w.looked > maxLookedThrough {
			return tooMany("versions")
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

// collect adds the matches among nodes.
func (w *versionSelector) collect(ctx context.Context, nodes []*graph.Node) error {
	var versions []*registry.ModelVersion
	for _, n := range nodes {
		v, err := core.NounAs[*registry.ModelVersion](w.catalog.core.Decode(n, registry.Instant{}))
		if err != nil {
			return err
		}
		if v != nil && w.matchesItself(v) {
			versions = append(versions, v)
		}
	}
	if err := w.readNames(ctx, versions); err != nil {
		return err
	}
	versions = slices.DeleteFunc(versions, func(v *registry.ModelVersion) bool {
		return slices.ContainsFunc(w.selection.of(OfName), func(c *Condition) bool { return !c.matchesText(w.names[v.Parent]) })
	})
	versions, err := w.withSources(ctx, versions)
	if err != nil {
		return err
	}
	for _, v := range versions {
		s := selected[*registry.ModelVersion]{Name: w.names[v.Parent], Number: v.Number, Created: v.CreatedDate.UnixMicro(), Updated: v.UpdatedAt.UnixMicro(), ID: v.ID}
		if len(w.found) < keptMatches {
			s.noun = v
		}
		w.found = append(w.found, s)
	}
	return nil
}

// matchesItself reports whether a version meets the conditions on its own fields.
func (w *versionSelector) matchesItself(v *registry.ModelVersion) bool {
	return !slices.ContainsFunc(w.selection.Where, func(c Condition) bool {
		switch c.Of {
		case OfTag:
			return !c.matchesTags(v.Tags)
		case OfStage:
			return !c.matchesText(string(v.Stage))
		case OfNumber:
			return !c.matchesNumber(int64(v.Number))
		}
		return false
	})
}

// readNames reads the names of the models of versions.
func (w *versionSelector) readNames(ctx context.Context, versions []*registry.ModelVersion) error {
	var refs []core.NodeRef
	for _, v := range versions {
		if _, known := w.names[v.Parent]; !known {
			w.names[v.Parent] = ""
			refs = append(refs, core.NodeRef{ID: v.Parent})
		}
	}
	models, err := w.catalog.core.ReadNodes(ctx, w.scope, refs)
	if err != nil {
		return err
	}
	for _, n := range models {
		if m, ok := n.(*registry.Model); ok {
			w.names[m.ID] = m.Name
		}
	}
	return nil
}

// withSources keeps the versions that meet the conditions on their sources.
func (w *versionSelector) withSources(ctx context.Context, versions []*registry.ModelVersion) ([]*registry.ModelVersion, error) {
	conditions := w.selection.of(OfSource)
	if len(conditions) == 0 || len(versions) == 0 {
		return versions, nil
	}
	artifacts, err := core.ChildrenOf[*registry.Artifact](ctx, w.catalog.core, w.scope, versions, core.ChildQuery{Kind: registry.KindArtifact, Order: registry.IndexName, Limit: core.MaxPage})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(versions, func(v *registry.ModelVersion) bool {
		return slices.ContainsFunc(conditions, func(c *Condition) bool {
			return !slices.ContainsFunc(artifacts[v.ID], func(a *registry.Artifact) bool { return c.matchesText(a.URI) })
		})
	}), nil
}

// versionsOf returns the versions of a page, and reads those that were not kept. One that was
// deleted or hidden meanwhile is left out.
func (w *versionSelector) versionsOf(ctx context.Context, page []selected[*registry.ModelVersion]) ([]*registry.ModelVersion, error) {
	var refs []core.NodeRef
	for _, s := range page {
		if s.noun == nil {
			refs = append(refs, core.NodeRef{ID: s.ID})
		}
	}
	read, err := w.catalog.core.ReadNodes(ctx, w.scope, refs)
	if err != nil {
		return nil, err
	}
	out := make([]*registry.ModelVersion, 0, len(page))
	for _, s := range page {
		v := s.noun
		if v == nil {
			v, _ = read[0].(*registry.ModelVersion)
			read = read[1:]
		}
		if v != nil && !core.IsTombstone(v) {
			out = append(out, v)
		}
	}
	return out, nil
}
