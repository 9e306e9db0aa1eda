package events

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
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
	Facts json.RawMessage `json:"facts,omitempty"`
}

func datasetID(n openlineage.Name) registry.ID { return registry.DatasetID(n.Namespace, n.Name) }

// stateID is the id of the record of what events have told of a node.
func stateID(id registry.ID) registry.ID { return registry.NewID(registry.KindEventState, string(id)) }

// noteDataset merges what an event told of a dataset as a whole.
func (r *recording) noteDataset(e *openlineage.Event, p openlineage.Port) error {
	return r.mergeDataset(p.Name, func(s *openlineage.DatasetState) bool {
		changed := s.MergeFirst(e.Time)
		return s.Merge(e.Time, p.Facets) || changed
	})
}

// mergeDataset merges what was told of a dataset under a name, and writes the dataset when that
// is new.
func (r *recording) mergeDataset(n openlineage.Name, merge func(*openlineage.DatasetState) bool) error {
	id := stateID(datasetID(n))
	s := r.unchanged[id]
	if s == nil {
		var err error
		if s, err = r.datasetState(n); err != nil {
			return err
		}
	}
	if !merge(&s.DatasetState) {
		r.unchanged[id] = s
		return nil
	}
	if err := r.store(id, "", nodeName(n), s); err != nil {
		return err
	}
	if err := r.joinNames(n, s.Symlinks()); err != nil {
		return err
	}
	best, err := r.canonical(n)
	if err != nil {
		return err
	}
	if best != n {
		if err := r.writeDataset(n, []openlineage.Name{n}); err != nil {
			return err
		}
	}
	members, err := r.members(best)
	if err != nil {
		return err
	}
	return r.writeDataset(best, members)
}

func (r *recording) datasetState(n openlineage.Name) (*datasetRecord, error) {
	s := &datasetRecord{DatasetState: openlineage.DatasetState{Name: n}}
	return s, r.read(stateID(datasetID(n)), s)
}

// readMember reads one member of the record's document.
func (r *datasetRecord) readMember(name string, value json.RawMessage) error {
	if name == "facts" {
		r.Facts = value
		return nil
	}
	return r.DatasetState.ReadMember(name, value)
}

// writeDataset writes a dataset, and its unversioned state if anything read that, from what was
// told of it under some names.
func (r *recording) writeDataset(n openlineage.Name, names []openlineage.Name) error {
	own, err := r.datasetState(n)
	if err != nil {
		return err
	}
	all := own.DatasetState
	for _, other := range names {
		if other == n {
			continue
		}
		s, err := r.datasetState(other)
		if err != nil {
			return err
		}
		all.MergeState(s.DatasetState)
	}
	d := &registry.Dataset{}
	d.ID = datasetID(n)
	all.Facts(d)
	facts, err := r.put(d, own.Facts, d.CreatedAt, d.CreatedAt, func(at time.Time) { d.CreatedAt = at })
	if err != nil {
		return err
	}
	if string(facts) != string(own.Facts) {
		own.Facts = facts
		if err := r.store(stateID(d.ID), "", nodeName(n), own); err != nil {
			return err
		}
	}
	if best, err := r.canonical(n); err != nil || best != n || all.Read.IsZero() {
		return err
	}
	v, err := r.findVersion(n, registry.Unversioned)
	if err != nil {
		return err
	}
	v.record.VersionState = all.Unversioned()
	return r.writeVersion(v)
}

// versionRecord is what events have told of a dataset version, and what was made of it.
type versionRecord struct {
	openlineage.VersionState
	// Sources are the columns that its columns were made from, by the run that says so and by
	// the name of the column.
	Sources map[string]columnSources `json:"sources,omitempty"`
	Facts   json.RawMessage          `json:"facts,omitempty"`
}

// columnSources are the columns that columns were made from, by the names of these.
type columnSources map[string][]registry.ColumnSource

// version is a version of a dataset that a run read or wrote.
type version struct {
	id      registry.ID
	dataset openlineage.Name
	name    string // what tells it apart from the other versions
	record  versionRecord
	stored  *graph.Node // the record as it is stored, nil when it is not
}

// findVersion reads what is known of a version.
func (r *recording) findVersion(dataset openlineage.Name, name string) (*version, error) {
	v := &version{id: registry.DatasetVersionID(datasetID(dataset), name), dataset: dataset, name: name}
	var err error
	if v.stored, err = r.node(stateID(v.id)); err != nil || v.stored == nil {
		return v, err
	}
	return v, readRecord(v.stored, &v.record)
}

// readMember reads one member of the record's document.
func (r *versionRecord) readMember(name string, value json.RawMessage) (err error) {
	switch name {
	case "facts":
		r.Facts = value
	case "sources":
		err = json.Unmarshal(value, &r.Sources)
	default:
		err = r.VersionState.ReadMember(name, value)
	}
	return err
}

// document returns the record as it is stored.
func (r *versionRecord) document() ([]byte, error) {
	var w registry.DocumentWriter
	w.Begin()
	r.VersionState.WriteMembers(&w)
	if len(r.Facts) > 0 {
		w.Key("facts")
		w.Canonical(r.Facts)
	}
	if len(r.Sources) > 0 {
		sources, err := registry.Canonical(r.Sources)
		if err != nil {
			return nil, err
		}
		w.Key("sources")
		w.Canonical(sources)
	}
	w.End()
	return w.Bytes()
}

// setSources sets what a run says of the sources of columns. It reports whether that is new.
func (v *version) setSources(run string, told columnSources) bool {
	if len(told) == 0 && v.record.Sources[run] == nil {
		return false
	}
	if v.record.Sources == nil {
		v.record.Sources = map[string]columnSources{}
	}
	changed := !reflect.DeepEqual(v.record.Sources[run], told)
	v.record.Sources[run] = told
	return changed
}

// sourcesOf returns the sources of a column by all runs, without those that two of them name.
func (v *version) sourcesOf(column string) (out []registry.ColumnSource) {
	for _, run := range slices.Sorted(maps.Keys(v.record.Sources)) {
		for _, s := range v.record.Sources[run][column] {
			known := slices.ContainsFunc(out, func(o registry.ColumnSource) bool {
				return o.DatasetVersion == s.DatasetVersion && o.Column == s.Column
			})
			if !known && len(out) < registry.MaxColumnSources {
				out = append(out, s)
			}
		}
	}
	return out
}

// writeVersion writes a version from what is known of it.
func (r *recording) writeVersion(v *version) error {
	noun := &registry.DatasetVersion{Name: v.dataset.Name, Namespace: v.dataset.Namespace, Version: v.name, RecordedAt: r.tx.Now()}
	noun.ID, noun.Parent = v.id, datasetID(v.dataset)
	if core.CheckDigest("version", v.name) == nil {
		noun.Digest = v.name
	}
	v.record.VersionState.Facts(noun)
	if core.CheckLabel("uri", noun.URI) != nil {
		noun.URI = ""
	}
	for i := range noun.Columns {
		noun.Columns[i].DerivedFrom = v.sourcesOf(noun.Columns[i].Name)
	}
	var err error
	if v.record.Facts, err = r.put(noun, v.record.Facts, noun.CreatedAt, noun.CreatedAt, func(at time.Time) { noun.CreatedAt = at }); err != nil {
		return err
	}
	now, err := v.record.document()
	if err != nil || v.stored != nil && bytes.Equal(now, v.stored.Doc) {
		return err
	}
	return r.storeDoc(stateID(v.id), "", nodeName(v.dataset), now)
}

// dropMoved deletes a version of a dataset that is known under another name now, if only events
// have told of it and nothing reads or writes it any more.
func (r *recording) dropMoved(id registry.ID) error {
	found, err := r.node(id)
	if err != nil || found == nil || found.Deleted {
		return err
	}
	noun, err := core.DecodeWhole(found, &registry.DatasetVersion{})
	if err != nil {
		return err
	}
	own := openlineage.Name{Namespace: noun.Namespace, Name: noun.Name}
	best, err := r.canonical(own)
	if err != nil || best == own {
		return err
	}
	for _, direction := range []graph.Direction{graph.Upstream, graph.Downstream} {
		hops, err := r.tx.Neighbors(r.ctx, graph.NeighborQuery{IDs: []registry.ID{id}, Direction: direction, LimitPerNode: 1, Bare: true})
		if err != nil || len(hops[0].Nodes) > 0 {
			return err
		}
	}
	v, err := r.findVersion(own, noun.Version)
	if err != nil {
		return err
	}
	made, err := isMadeOfEvents(found, v.record.Facts)
	if err != nil || !made {
		return err
	}
	doc, err := registry.Canonical(map[string]string{"name": found.Name})
	if err != nil {
		return err
	}
	gone := *found
	gone.Doc, gone.Slots, gone.Columns, gone.Since = doc, nil, nil, r.tx.Now()
	r.changed = true
	delete(r.nodes, id)
	return r.tx.Delete(r.ctx, &gone)
}
