package facts

import (
	"context"
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// checkSources checks the sources of all columns and their number.
func (in *RecordDatasetVersionInput) checkSources() error {
	all := 0
	for i := range in.Columns {
		sources := in.Columns[i].DerivedFrom
		if all += len(sources); len(sources) > registry.MaxColumnSources || all > registry.MaxAllSources {
			return registry.Invalid("columns.derivedFrom", "more than %d sources of one column or %d in all", registry.MaxColumnSources, registry.MaxAllSources)
		}
		for j := range sources {
			if err := checkSource(&sources[j], fmt.Sprintf("columns[%d].derivedFrom[%d]", i, j)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkSource(s *registry.ColumnSource, field string) error {
	core.ToNFC(&s.Column)
	if err := core.FirstError(core.CheckKey(field+".dataset", &s.Dataset), core.CheckKey(field+".namespace", &s.Namespace), registry.CheckKey(field+".column", s.Column)); err != nil {
		return err
	}
	if (s.DatasetVersion == "") == (s.Dataset == "") || s.DatasetVersion != "" && s.Namespace != "" {
		return registry.Invalid(field, "give datasetVersion, or dataset and its namespace")
	}
	if len(s.Transformations) > registry.MaxTransformations {
		return registry.Invalid(field+".transformations", "more than %d", registry.MaxTransformations)
	}
	for i := range s.Transformations {
		t := &s.Transformations[i]
		if t.Type == "" {
			t.Type = registry.DirectTransformation
		}
		if err := core.FirstError(core.CheckKey(field+".transformations.subtype", &t.Subtype), core.CheckText(field+".transformations.description", &t.Description)); err != nil {
			return err
		}
	}
	return nil
}

// resolveColumnSources replaces the name in every column source by the id of a dataset version.
// It refuses a source that the caller does not see, that is the version itself, or that has
// no such column. It returns the source versions to which the version has no lineage yet, so
// that the caller can add DERIVED_FROM edges.
func resolveColumnSources(ctx context.Context, tx *policies.Tx, v *registry.DatasetVersion, in RecordDatasetVersionInput) ([]registry.ID, error) {
	if !slices.ContainsFunc(v.Columns, func(c registry.Column) bool { return len(c.DerivedFrom) > 0 }) {
		return nil, nil
	}
	causes, err := causesOfVersion(ctx, tx, v.ID, in)
	if err != nil {
		return nil, err
	}
	resolver := &columnSourceResolver{ctx: ctx, tx: tx, v: v, causes: causes, columnsRead: map[registry.ID]map[string]bool{}}
	var added []registry.ID
	for i := range v.Columns {
		c := &v.Columns[i]
		c.DerivedFrom = slices.Clone(c.DerivedFrom)
		for j := range c.DerivedFrom {
			source := &c.DerivedFrom[j]
			if err := resolver.resolve(source, fmt.Sprintf("columns[%d].derivedFrom[%d]", i, j)); err != nil {
				return nil, err
			}
			if id := source.DatasetVersion; !causes[id] {
				causes[id], added = true, append(added, id)
			}
		}
	}
	return added, nil
}

// causesOfVersion returns the dataset versions that a version was derived from, by an edge or
// through the run that wrote it, according to the store and to the input.
func causesOfVersion(ctx context.Context, tx *policies.Tx, v registry.ID, in RecordDatasetVersionInput) (map[registry.ID]bool, error) {
	causes := map[registry.ID]bool{}
	var runs []registry.ID
	addCause := func(id registry.ID) {
		if id.Kind() == registry.KindRun {
			runs = append(runs, id)
		} else if id.Kind() == registry.KindDatasetVersion {
			causes[id] = true
		}
	}
	for _, id := range in.DerivedFrom {
		addCause(id)
	}
	if in.GeneratedBy != nil {
		addCause(*in.GeneratedBy)
	}
	addUpstream := func(ids []registry.ID, kinds ...registry.EdgeKind) error {
		hops, err := tx.Neighbors(ctx, graph.NeighborQuery{IDs: ids, Direction: graph.Upstream, Edges: kinds, LimitPerNode: 10000, Bare: true})
		for _, h := range hops {
			for _, n := range h.Nodes {
				addCause(n.ID)
			}
		}
		return err
	}
	if err := addUpstream([]registry.ID{v}, registry.EdgeDerivedFrom, registry.EdgeGeneratedBy); err != nil {
		return nil, err
	}
	return causes, addUpstream(slices.Clone(runs), registry.EdgeUsed)
}

// columnSourceResolver finds the dataset versions of column sources.
type columnSourceResolver struct {
	ctx    context.Context
	tx     *policies.Tx
	v      *registry.DatasetVersion
	causes map[registry.ID]bool
	// columnsRead has the columns of the dataset versions that were read, nil for a version
	// that lists no columns.
	columnsRead map[registry.ID]map[string]bool
}

func (r *columnSourceResolver) resolve(s *registry.ColumnSource, field string) error {
	if s.Dataset != "" {
		id, err := r.byName(s, field)
		if err != nil {
			return err
		}
		s.DatasetVersion, s.Dataset, s.Namespace = id, "", ""
	}
	if s.DatasetVersion == r.v.ID {
		return registry.Invalid(field, "a column is derived from columns of other dataset versions, not of its own")
	}
	columns, ok := r.columnsRead[s.DatasetVersion]
	if !ok {
		var err error
		if columns, err = r.read(s.DatasetVersion); err != nil {
			return err
		}
		r.columnsRead[s.DatasetVersion] = columns
	}
	if columns != nil && !columns[s.Column] {
		return registry.Invalid(field+".column", "the dataset version %s has no column %q", s.DatasetVersion, registry.Shorten(s.Column, 100))
	}
	return nil
}

// read returns the columns of a dataset version that the caller sees, nil when it lists none.
func (r *columnSourceResolver) read(id registry.ID) (map[string]bool, error) {
	nodes, err := r.tx.Nodes(r.ctx, id)
	if err != nil {
		return nil, err
	}
	if nodes[0] == nil || nodes[0].Deleted || nodes[0].Kind != registry.KindDatasetVersion {
		return nil, registry.Errorf(registry.NotFound, "there is no dataset version %s; record it first", registry.Shorten(string(id), 60))
	}
	dv, err := core.DecodeWhole(nodes[0], &registry.DatasetVersion{})
	if err != nil || len(dv.Columns) == 0 {
		return nil, err
	}
	columns := map[string]bool{}
	for _, c := range dv.Columns {
		columns[c.Name] = true
	}
	return columns, nil
}

// byName finds the version of a dataset among the causes. It answers INVALID_ARGUMENT unless
// there is exactly one.
func (r *columnSourceResolver) byName(s *registry.ColumnSource, field string) (registry.ID, error) {
	namespace := s.Namespace
	if namespace == "" {
		namespace = registry.DefaultNamespace
	}
	dataset := registry.DatasetID(namespace, s.Dataset)
	var ids, found []registry.ID
	for id := range r.causes {
		ids = append(ids, id)
	}
	nodes, err := r.tx.Nodes(r.ctx, ids...)
	if err != nil {
		return "", err
	}
	for _, n := range nodes {
		if n != nil && n.Parent == dataset {
			found = append(found, n.ID)
		}
	}
	if len(found) != 1 {
		return "", registry.Invalid(field+".dataset", "%d versions of %s in %s are sources of this one; give datasetVersion, or name the one source in derivedFrom or as an input of the run in generatedBy",
			len(found), registry.Shorten(s.Dataset, 100), registry.Shorten(namespace, 100))
	}
	return found[0], nil
}

// mergeKnownColumns merges the columns of v into the stored columns of the version. It returns
// the names of what was not taken, as far as the caller may see them.
func mergeKnownColumns(ctx context.Context, tx *policies.Tx, old *graph.Node, v *registry.DatasetVersion) ([]string, error) {
	if old == nil || old.Deleted || len(v.Columns) == 0 {
		return nil, nil
	}
	known, err := core.DecodeWhole(old, &registry.DatasetVersion{})
	if err != nil {
		return nil, err
	}
	var notTaken []string
	if v.Columns, notTaken = registry.MergeColumns(known.Columns, v.Columns); len(v.Columns) > MaxColumns {
		return nil, registry.Invalid("columns", "more than %d columns with those that are known", MaxColumns)
	}
	if len(notTaken) == 0 {
		return nil, nil
	}
	mask, err := tx.Mask(ctx, old.ID)
	return core.VisibleNames(old.Kind, mask, notTaken), err
}

// MaxColumns is the largest number of columns of a dataset version.
const MaxColumns = 5000

// columnsField and sourcesField are the fields of the columns of a dataset version, and of the
// sources of a column.
type columnsField struct{}
type sourcesField struct{}

// ColumnsOf returns the columns of a dataset version; nil when the caller does not see them. Those
// of all its siblings are siblings.
func (r *Recorder) ColumnsOf(ctx context.Context, v *registry.DatasetVersion) ([]*registry.Column, error) {
	if _, err := r.core.Gate.Read(ctx, registry.CatalogRead); err != nil {
		return nil, err
	}
	return core.Batch(ctx, v, columnsField{}, func(ctx context.Context, all []*registry.DatasetVersion) ([][]*registry.Column, error) {
		out := make([][]*registry.Column, len(all))
		for i, v := range all {
			if v.Columns != nil {
				out[i] = make([]*registry.Column, len(v.Columns))
			}
			for j := range v.Columns {
				out[i][j] = &v.Columns[j]
			}
		}
		core.Siblings(ctx, out...)
		return out, nil
	})
}

// SourcesOf lists the columns that a column was derived from, as far as the caller sees their
// dataset versions.
func (r *Recorder) SourcesOf(ctx context.Context, c *registry.Column) ([]*registry.ColumnSource, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	return core.Batch(ctx, c, sourcesField{}, func(ctx context.Context, all []*registry.Column) ([][]*registry.ColumnSource, error) {
		return r.visibleSources(ctx, scope, all)
	})
}

// visibleSources returns the sources that the caller sees of each column, and makes them siblings.
func (r *Recorder) visibleSources(ctx context.Context, scope *policies.Scope, columns []*registry.Column) ([][]*registry.ColumnSource, error) {
	var refs []core.NodeRef
	for _, c := range columns {
		for _, source := range c.DerivedFrom {
			refs = append(refs, core.NodeRef{ID: source.DatasetVersion})
		}
	}
	seen, err := r.core.ReadNodes(ctx, scope, refs)
	if err != nil {
		return nil, err
	}
	out := make([][]*registry.ColumnSource, len(columns))
	for i, c := range columns {
		out[i] = []*registry.ColumnSource{}
		for k, source := range c.DerivedFrom {
			if of, ok := seen[k].(*registry.DatasetVersion); ok && of.Mask.Has(registry.Bit("DatasetVersion", "columns")) {
				source.ReadAt = c.ReadAt
				out[i] = append(out[i], &source)
			}
		}
		seen = seen[len(c.DerivedFrom):]
	}
	core.Siblings(ctx, out...)
	return out, nil
}

// SourceVersion returns the dataset version of a source.
func (r *Recorder) SourceVersion(ctx context.Context, source *registry.ColumnSource) (*registry.DatasetVersion, error) {
	return core.Related[*registry.DatasetVersion](ctx, r.core, source, "version", func(s *registry.ColumnSource) core.NodeRef {
		return core.NodeRef{ID: s.DatasetVersion, At: s.ReadAt}
	})
}
