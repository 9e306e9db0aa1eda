package bulk

import (
	"bytes"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
)

// columnSources exports which columns the columns of dataset versions were derived from. These
// facts come last, because recording them reads lineage edges that other facts write. Sources
// that the caller does not see are left out.
func (e *factExport) columnSources(ctx context.Context) error {
	return e.eachWithSources(ctx, func(n *graph.Node, v *registry.DatasetVersion, joined map[registry.ID]bool) error {
		return e.writeSources(v, func(id registry.ID) bool { return joined[id] })
	})
}

// withdrawnColumnSources exports the column sources that no lineage connects to their dataset
// version any more. Recording such a source records an edge too, which is then retracted. These
// facts come when there are no other edges between data, so that no edge closes a cycle.
func (e *factExport) withdrawnColumnSources(ctx context.Context) error {
	return e.eachWithSources(ctx, func(n *graph.Node, v *registry.DatasetVersion, joined map[registry.ID]bool) error {
		var ids []registry.ID
		for _, c := range v.Columns {
			for _, s := range c.DerivedFrom {
				if _, known := joined[s.DatasetVersion]; !known && !slices.Contains(ids, s.DatasetVersion) {
					ids = append(ids, s.DatasetVersion)
				}
			}
		}
		if len(ids) == 0 {
			return nil
		}
		visible, err := e.existing(ctx, slices.Clone(ids))
		if err != nil {
			return err
		}
		if err := e.writeSources(v, func(id registry.ID) bool { return visible[id] != nil && slices.Contains(ids, id) }); err != nil {
			return err
		}
		edges := make([]graph.Edge, len(ids))
		for i, id := range ids {
			edges[i] = graph.Edge{Kind: registry.EdgeDerivedFrom, From: n.ID, To: id}
		}
		return e.retract(ctx, edges)
	})
}

// eachWithSources passes each dataset version that has column sources to fn, with the dataset
// versions that lineage connects it to.
func (e *factExport) eachWithSources(ctx context.Context, fn func(*graph.Node, *registry.DatasetVersion, map[registry.ID]bool) error) error {
	return e.pages(ctx, childrenByAge(registry.KindDatasetVersion), func(nodes []*graph.Node) error {
		for _, n := range nodes {
			if !e.exportable(n) || !n.Mask.Has(registry.Bit("DatasetVersion", "columns")) || !bytes.Contains(n.Doc, []byte(`"derivedFrom"`)) {
				continue
			}
			v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
			if err != nil {
				return err
			}
			joined, err := e.joinedTo(ctx, n.ID)
			if err != nil {
				return err
			}
			if err := fn(n, v, joined); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeSources writes the chosen sources of a version's columns, if there are any.
func (e *factExport) writeSources(v *registry.DatasetVersion, chosen func(registry.ID) bool) error {
	var columns []registry.Column
	for _, c := range v.Columns {
		var sources []registry.ColumnSource
		for _, s := range c.DerivedFrom {
			if chosen(s.DatasetVersion) {
				sources = append(sources, s)
			}
		}
		if len(sources) > 0 {
			columns = append(columns, registry.Column{Name: c.Name, DerivedFrom: sources})
		}
	}
	return e.writeColumns(*datasetVersionKey(v), columns)
}

// joinedTo returns the dataset versions that lineage connects to a version: by a DERIVED_FROM
// edge, or through a run that read them and wrote the version. The value is false for those
// that the caller does not see.
func (e *factExport) joinedTo(ctx context.Context, id registry.ID) (map[registry.ID]bool, error) {
	out := map[registry.ID]bool{}
	causes, err := e.causes(ctx, id, registry.EdgeDerivedFrom, registry.EdgeGeneratedBy)
	if err != nil {
		return nil, err
	}
	for _, cause := range causes {
		if cause.Kind == registry.KindDatasetVersion {
			out[cause.ID] = e.exportable(cause)
			continue
		}
		inputs, err := e.causes(ctx, cause.ID, registry.EdgeUsed)
		if err != nil {
			return nil, err
		}
		for _, input := range inputs {
			out[input.ID] = out[input.ID] || e.exportable(input)
		}
	}
	return out, nil
}

// causes reads all causes of a node over some kinds of edges, page by page.
func (e *factExport) causes(ctx context.Context, id registry.ID, kinds ...registry.EdgeKind) (out []*graph.Node, err error) {
	q := graph.NeighborQuery{IDs: []registry.ID{id}, Direction: graph.Upstream, Edges: kinds, At: e.at, LimitPerNode: 1000, Bare: true}
	for {
		hops, err := e.scope.Neighbors(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, hops[0].Nodes...)
		if !hops[0].More {
			return out, nil
		}
		q.After = out[len(out)-1].Number
	}
}
