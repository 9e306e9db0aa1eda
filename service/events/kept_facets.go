package events

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// keptFacetsField is the field of the facets of nodes.
type keptFacetsField struct{}

// FacetsOf lists what OpenLineage events told of a run, a dataset or a dataset version and what
// nothing was made of, as it was told last. It reads that of siblings with it. More than
// registry.MaxKeptFacets are RESOURCE_EXHAUSTED.
func (r *EventRecorder) FacetsOf(ctx context.Context, n registry.Node) ([]*registry.KeptFacet, error) {
	if _, err := r.core.Gate.Read(ctx, registry.CatalogRead); err != nil {
		return nil, err
	}
	m := n.NodeMeta()
	noun := registry.NounOf(m.Kind)
	if noun == nil || !m.Mask.Has(registry.Bit(noun.Name, "facets")) || m.Deleted {
		return nil, nil
	}
	found, err := core.Batch(ctx, n, keptFacetsField{}, r.readKept)
	if err == nil && len(found) > registry.MaxKeptFacets {
		err = registry.Errorf(registry.ResourceExhausted, "there are more than %d facets", registry.MaxKeptFacets)
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// readKept reads the facets of nodes.
func (r *EventRecorder) readKept(ctx context.Context, all []registry.Node) ([][]*registry.KeptFacet, error) {
	ids := make([]registry.ID, len(all))
	for i, n := range all {
		ids[i] = stateID(n.NodeMeta().ID)
	}
	var states []*graph.Node
	err := r.core.Gate.Inspect(ctx, registry.CatalogRead, func(ctx context.Context, tx *policies.Tx) (err error) {
		states, err = tx.NodesUnfiltered(ctx, ids...)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([][]*registry.KeptFacet, len(all))
	for i, n := range states {
		if n == nil {
			continue
		}
		if out[i], err = keptOf(all[i].NodeMeta().Kind, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keptOf returns the facets of one record of what events have told.
func keptOf(kind registry.Kind, n *graph.Node) ([]*registry.KeptFacet, error) {
	l := &keptList{out: []*registry.KeptFacet{}}
	switch kind {
	case registry.KindRun:
		var rec runRecord
		if err := readRecord(n, &rec); err != nil {
			return nil, err
		}
		l.add(registry.FacetOfRun, openlineage.Name{}, rec.RunFacets)
		l.add(registry.FacetOfJob, openlineage.Name{}, rec.JobFacets)
		for _, u := range openlineage.SortedUses(rec.Inputs) {
			l.add(registry.FacetOfInput, u.Name, u.UseFacets)
		}
		for _, u := range openlineage.SortedUses(rec.Outputs) {
			l.add(registry.FacetOfOutput, u.Name, u.UseFacets)
		}
	case registry.KindDataset:
		var rec datasetRecord
		if err := readRecord(n, &rec); err != nil {
			return nil, err
		}
		l.add(registry.FacetOfDataset, openlineage.Name{}, rec.Facets)
	case registry.KindDatasetVersion:
		var rec versionRecord
		if err := readRecord(n, &rec); err != nil {
			return nil, err
		}
		l.add(registry.FacetOfDataset, openlineage.Name{}, rec.VersionState.Facets)
	}
	return l.out, nil
}

// keptList collects facets, with their values as long as these are small enough together.
type keptList struct {
	out  []*registry.KeptFacet
	size int
}

func (l *keptList) add(of registry.FacetHolder, dataset openlineage.Name, told openlineage.Facets) {
	var found []*registry.KeptFacet
	for name := range told.Told() {
		if !openlineage.IsMapped(name) {
			e := told[name]
			found = append(found, &registry.KeptFacet{Holder: of, Namespace: dataset.Namespace, Dataset: dataset.Name, Name: name, Value: registry.JSON(e.Value), SizeBytes: len(e.Value), ToldAt: e.At})
		}
	}
	slices.SortFunc(found, func(a, b *registry.KeptFacet) int { return cmp.Compare(a.Name, b.Name) })
	for _, f := range found {
		if l.size += f.SizeBytes; l.size > registry.MaxKeptFacetBytes {
			f.Value = nil
		}
		l.out = append(l.out, f)
	}
}
