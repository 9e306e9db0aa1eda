package events

import (
	"time"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// datasetRecord is what events have told of a dataset under one of its names, and what was made
// of it.
type datasetRecord struct {
	openlineage.DatasetState
	Facts registry.JSON `json:"facts,omitempty"`
}

func datasetID(n openlineage.Name) registry.ID { return registry.DatasetID(n.Namespace, n.Name) }

// stateID is the id of the record of what events have told of a node.
func stateID(id registry.ID) registry.ID { return registry.NewID(registry.KindEventState, string(id)) }

// noteDataset merges what an event told of a dataset as a whole.
func (r *recording) noteDataset(e *openlineage.Event, p openlineage.Port) error {
	return r.mergeDataset(p.Name, e.Time, p.Facets)
}

// mergeDataset merges facets that were told at a time, and writes the dataset when that is new.
func (r *recording) mergeDataset(n openlineage.Name, at time.Time, told openlineage.FacetSet) error {
	id := datasetID(n)
	var s datasetRecord
	if err := r.load(stateID(id), &s); err != nil {
		return err
	}
	if !s.Merge(n, at, told) {
		return nil
	}
	if links := s.Symlinks(); len(links) > 0 {
		if err := r.joinNames(n, links); err != nil {
			return err
		}
	}
	d := &registry.Dataset{}
	d.ID = id
	s.DatasetState.Facts(d)
	facts, err := r.put(d, s.Facts, d.CreatedAt, d.CreatedAt, func(at time.Time) { d.CreatedAt = at })
	if err != nil {
		return err
	}
	s.Facts = facts
	return r.store(stateID(id), "", nodeName(n), &s)
}

// versionRecord is what events have told of a dataset version, and what was made of it.
type versionRecord struct {
	openlineage.VersionState
	Facts registry.JSON `json:"facts,omitempty"`
	// Incarnation is how often the version was recorded anew after nothing used it any more.
	Incarnation int `json:"incarnation,omitempty"`
}

// version is a version of a dataset that a run read or wrote.
type version struct {
	dataset openlineage.Name
	name    string // what tells it apart from the other versions
	record  versionRecord
}

// recordID is the id of the record of a version, which stays the same when the version is
// recorded anew.
func (v *version) recordID() registry.ID {
	return stateID(registry.DatasetVersionID(datasetID(v.dataset), v.name))
}

// id is the id of the version itself.
func (v *version) id() registry.ID {
	if v.record.Incarnation > 0 {
		return registry.NewID(registry.KindDatasetVersion, string(datasetID(v.dataset)), v.name, string(rune('0'+v.record.Incarnation%10)))
	}
	return registry.DatasetVersionID(datasetID(v.dataset), v.name)
}

// findVersion reads what is known of a version.
func (r *recording) findVersion(dataset openlineage.Name, name string) (*version, error) {
	v := &version{dataset: dataset, name: name}
	return v, r.load(v.recordID(), &v.record)
}

// noteVersion merges what a use told of a version, and writes the version when that is new.
// merge adds to what is known; it reports whether that changed anything. sources are the
// columns that its columns were made from, by name.
func (r *recording) noteVersion(v *version, merge func(*openlineage.VersionState) bool, sources map[string][]registry.ColumnSource) error {
	changed := merge(&v.record.VersionState)
	if !changed && sources == nil {
		return nil
	}
	noun := &registry.DatasetVersion{Name: v.dataset.Name, Namespace: v.dataset.Namespace, Version: v.name, RecordedAt: r.tx.Now()}
	noun.ID, noun.Parent = v.id(), datasetID(v.dataset)
	if core.CheckDigest("version", v.name) == nil {
		noun.Digest = v.name
	}
	v.record.VersionState.Facts(noun)
	if core.CheckLabel("uri", noun.URI) != nil {
		noun.URI = ""
	}
	for i := range noun.Columns {
		noun.Columns[i].DerivedFrom = sources[noun.Columns[i].Name]
	}
	if err := r.mergeDataset(v.dataset, noun.CreatedAt, nil); err != nil {
		return err
	}
	facts, err := r.put(noun, v.record.Facts, noun.CreatedAt, noun.CreatedAt, func(at time.Time) { noun.CreatedAt = at })
	if err != nil || !changed && string(facts) == string(v.record.Facts) {
		return err
	}
	v.record.Facts = facts
	return r.store(v.recordID(), "", nodeName(v.dataset), &v.record)
}

// dropUnused deletes a version that only events have told of and that no run reads or writes any
// more: the run turned out to have used another one.
func (r *recording) dropUnused(id registry.ID) error {
	for _, direction := range []graph.Direction{graph.Upstream, graph.Downstream} {
		hops, err := r.tx.Neighbors(r.ctx, graph.NeighborQuery{IDs: []registry.ID{id}, Direction: direction, LimitPerNode: 1, Bare: true})
		if err != nil || len(hops[0].Nodes) > 0 {
			return err
		}
	}
	found, err := r.tx.NodesUnfiltered(r.ctx, id)
	if err != nil || found[0] == nil || found[0].Deleted {
		return err
	}
	noun, err := core.DecodeWhole(found[0], &registry.DatasetVersion{})
	if err != nil {
		return err
	}
	v, err := r.findVersion(openlineage.Name{Namespace: noun.Namespace, Name: noun.Name}, noun.Version)
	if err != nil || v.id() != id {
		return err
	}
	made, err := r.isMadeOfEvents(found[0], v.record.Facts)
	if err != nil || !made {
		return err
	}
	doc, err := registry.Canonical(map[string]string{"name": found[0].Name})
	if err != nil {
		return err
	}
	gone := *found[0]
	gone.Doc, gone.Slots, gone.Columns, gone.Since = doc, nil, nil, r.tx.Now()
	if err := r.tx.Delete(r.ctx, &gone); err != nil {
		return err
	}
	v.record = versionRecord{Incarnation: v.record.Incarnation + 1}
	return r.store(v.recordID(), "", nodeName(v.dataset), &v.record)
}
