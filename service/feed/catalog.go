package feed

import (
	"context"
	"encoding/json"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// CatalogEvent tells that a model or a version was registered, that an alias was set or removed, or
// that a tag was set or removed.
type CatalogEvent struct {
	Seq int64
	// Place numbers the events of one entry of the log: a change of tags may be several.
	Place int
	// Action is the action of the log entry. Removed says of a tag that it is gone.
	Action registry.LogAction
	Model  *registry.Model
	// Version is nil for what is of the model alone.
	Version *registry.ModelVersion
	Alias   string
	Tag     *registry.KeyValue
	Removed bool
}

// catalogActions are the log actions that catalog events are of.
var catalogActions = []registry.LogAction{registry.LogModelRegistered, registry.LogModelUpdated, registry.LogVersionRegistered, registry.LogVersionUpdated,
	registry.LogAliasSet, registry.LogAliasDeleted}

func (f *Feed) catalog() source[*CatalogEvent] {
	return source[*CatalogEvent]{action: registry.CatalogRead, noun: "Model", field: "name", actions: catalogActions, read: f.readCatalog}
}

// readCatalog reads the entries that a query selects, with all that they are about in one read. What
// is told is how things are now: of a tag that was set and is gone nothing is told but that it is
// gone.
func (f *Feed) readCatalog(ctx context.Context, q graph.LogQuery) (events []*CatalogEvent, last int64, full bool, err error) {
	var entries []registry.LogEntry
	err = f.core.Gate.Inspect(ctx, registry.CatalogRead, func(ctx context.Context, tx *policies.Tx) error {
		entries, err = tx.LogUnfiltered(ctx, q)
		return err
	})
	if err != nil || len(entries) == 0 {
		return nil, 0, false, err
	}
	scope, err := f.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, 0, false, err
	}
	var refs []core.NodeRef
	for _, e := range entries {
		refs = append(refs, core.NodeRef{ID: e.Model}, core.NodeRef{ID: objectOf(e, registry.KindModelVersion)}, core.NodeRef{ID: objectOf(e, registry.KindAlias)})
	}
	nodes, err := f.core.ReadNodes(ctx, scope, refs)
	if err != nil {
		return nil, 0, false, err
	}
	for i, e := range entries {
		m, _ := nodes[3*i].(*registry.Model)
		v, _ := nodes[3*i+1].(*registry.ModelVersion)
		a, _ := nodes[3*i+2].(*registry.Alias)
		hidden := refs[3*i+1].ID != "" && v == nil || refs[3*i+2].ID != "" && a == nil
		if m == nil || core.IsTombstone(m) || hidden || v != nil && core.IsTombstone(v) {
			continue
		}
		events = append(events, catalogEvents(e, m, v, a)...)
	}
	return events, entries[len(entries)-1].Seq, len(entries) == q.Limit, nil
}

// objectOf returns the id of a kind that an entry is about, "" when there is none.
func objectOf(e registry.LogEntry, kind registry.Kind) registry.ID {
	if i := slices.IndexFunc(e.Objects, func(id registry.ID) bool { return id.Kind() == kind }); i >= 0 {
		return e.Objects[i]
	}
	return ""
}

// catalogEvents returns the events of an entry, as far as the caller sees the fields that they tell.
func catalogEvents(e registry.LogEntry, m *registry.Model, v *registry.ModelVersion, a *registry.Alias) (out []*CatalogEvent) {
	event := CatalogEvent{Seq: e.Seq, Action: e.Action, Model: m, Version: v}
	switch e.Action {
	case registry.LogModelRegistered, registry.LogVersionRegistered:
		return []*CatalogEvent{&event}
	case registry.LogAliasSet, registry.LogAliasDeleted:
		if a == nil || a.Name == "" || !m.Mask.Has(registry.Bit("Model", "aliases")) {
			return nil
		}
		event.Alias = a.Name
		return []*CatalogEvent{&event}
	}
	tags, shown := m.Tags, m.Mask.Has(registry.Bit("Model", "tags"))
	if e.Action == registry.LogVersionUpdated {
		if v == nil {
			return nil
		}
		tags, shown = v.Tags, v.Mask.Has(registry.Bit("ModelVersion", "tags"))
	}
	var detail struct {
		Tags struct{ Set, Removed []string }
	}
	if !shown || json.Unmarshal([]byte(e.Detail), &detail) != nil {
		return nil
	}
	add := func(tag registry.KeyValue, removed bool) {
		one := event
		one.Place, one.Tag, one.Removed = len(out), &tag, removed
		out = append(out, &one)
	}
	for _, key := range detail.Tags.Set {
		if i := slices.IndexFunc(tags, func(t registry.KeyValue) bool { return t.Key == key }); i >= 0 {
			add(tags[i], false)
		}
	}
	for _, key := range detail.Tags.Removed {
		add(registry.KeyValue{Key: key}, true)
	}
	return out
}
