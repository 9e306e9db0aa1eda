package bulk

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// columnSources exports which columns the columns of dataset versions were derived from. These
// facts come last, because recording them reads lineage edges that other facts write. Sources
// are left out if the caller does not see them, or if no lineage connects them to the version.
func (e *factExport) columnSources(ctx context.Context) error {
	q := graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Order: registry.IndexValidFrom}
	return e.pages(ctx, q, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			if n.Mask.Has(registry.Bit("DatasetVersion", "columns")) && n.Mask.Has(registry.Bit("DatasetVersion", "digest")) {
				if err := e.sourcesOf(ctx, n); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// sourcesOf exports the sources of one version's columns, if it has any.
func (e *factExport) sourcesOf(ctx context.Context, n *graph.Node) error {
	v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
	if err != nil {
		return err
	}
	var joined map[registry.ID]bool
	out := &facts.RecordDatasetVersionInput{Dataset: v.Name, Namespace: v.Namespace, Digest: v.Digest, Version: v.Version}
	if out.Version == out.Digest {
		out.Version = ""
	}
	for _, c := range v.Columns {
		var sources []registry.ColumnSource
		for _, s := range c.DerivedFrom {
			if joined == nil {
				if joined, err = e.joinedTo(ctx, n.ID); err != nil {
					return err
				}
			}
			if joined[s.DatasetVersion] {
				sources = append(sources, s)
			}
		}
		if len(sources) > 0 {
			out.Columns = append(out.Columns, registry.Column{Name: c.Name, DerivedFrom: sources})
		}
	}
	if len(out.Columns) == 0 {
		return nil
	}
	return e.write(FactInput{DatasetVersion: out})
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
			out[cause.ID] = !cause.Hidden
			continue
		}
		inputs, err := e.causes(ctx, cause.ID, registry.EdgeUsed)
		if err != nil {
			return nil, err
		}
		for _, input := range inputs {
			out[input.ID] = out[input.ID] || !input.Hidden
		}
	}
	return out, nil
}

// causes reads all causes of a node over some kinds of edges, page by page.
func (e *factExport) causes(ctx context.Context, id registry.ID, kinds ...registry.EdgeKind) (out []*graph.Node, err error) {
	q := graph.NeighborQuery{IDs: []registry.ID{id}, Direction: graph.Upstream, Edges: kinds, LimitPerNode: 1000, Bare: true}
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
