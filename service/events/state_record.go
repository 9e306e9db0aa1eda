package events

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// maxState is the most bytes of what events have told of one thing.
const maxState = 8 << 20

// load reads a record that no API shows into v; v stays as it is when there is none.
func (r *recording) load(id registry.ID, v any) error {
	found, err := r.node(id)
	if err != nil || found == nil {
		return err
	}
	return core.DecodeDoc(found, v)
}

// record is what is kept beside a node of what events have told of it. It is read for every event, so without
// reflection.
type record interface {
	// readMember reads one member of the stored document. It ignores members that it does not know.
	readMember(name string, value json.RawMessage) error
}

// read reads a record; it stays as it is when there is none.
func (r *recording) read(id registry.ID, into record) error {
	found, err := r.node(id)
	if err != nil || found == nil {
		return err
	}
	return readRecord(found, into)
}

// readRecord reads a record from its node.
func readRecord(n *graph.Node, into record) error {
	if err := registry.ReadMembers(n.Doc, into.readMember); err != nil {
		return core.BrokenDoc(n, err)
	}
	return nil
}

// documented is a record that writes its own document, because it is written for every event.
type documented interface{ document() ([]byte, error) }

// store writes a record that no API shows.
func (r *recording) store(id, parent registry.ID, name string, v any) error {
	write := func() ([]byte, error) { return registry.Canonical(v) }
	if d, ok := v.(documented); ok {
		write = d.document
	}
	doc, err := write()
	if err != nil {
		return err
	}
	return r.storeDoc(id, parent, name, doc)
}

// storeDoc is store for a record whose document is known.
func (r *recording) storeDoc(id, parent registry.ID, name string, doc []byte) error {
	if len(doc) > maxState {
		return registry.Errorf(registry.ResourceExhausted, "events have told more than %d MiB of %s", maxState>>20, registry.Shorten(name, 100))
	}
	old, err := r.node(id)
	if err != nil {
		return err
	}
	n := &graph.Node{ID: id, Kind: id.Kind(), Parent: parent, Name: name, ValidFrom: r.tx.Now(), Since: r.tx.Now(), Doc: doc}
	if old != nil {
		n.ValidFrom = old.ValidFrom // So that a store need not write any index anew.
	}
	r.changed = true
	delete(r.unchanged, id)
	return r.putNode(n)
}

// put writes a noun that is made of events and is there from a time on, which setTime writes into
// it; this state of it is true since another time. last are the fields that events gave it the
// time before, and are replaced: a field with another value came from somebody else, and stays.
// It returns the fields for the next time.
func (r *recording) put(noun registry.Node, last []byte, at, since time.Time, setTime func(time.Time)) (told []byte, err error) {
	m := noun.NodeMeta()
	old, err := r.node(m.ID)
	if err != nil {
		return nil, err
	}
	m.ValidFrom = at
	if told, err = registry.Canonical(noun); err != nil {
		return nil, err
	}
	if old == nil {
		r.note(m.ID)
		return told, r.putNoun(noun, told, since)
	}
	if old.Deleted {
		m.Deleted = true
		return told, nil // Somebody deleted it: events do not bring it back.
	}
	if err := core.CheckVisible(r.ctx, r.tx, m.ID); err != nil {
		return nil, err
	}
	if err := keepForeignFields(noun, old.Doc, last, told); err != nil {
		return nil, err
	}
	if !at.Before(old.ValidFrom) {
		m.ValidFrom, since = old.ValidFrom, core.LaterTime(since, old.Since)
	}
	setTime(m.ValidFrom)
	now, err := registry.Canonical(noun)
	if err != nil || bytes.Equal(now, old.Doc) && m.ValidFrom.Equal(old.ValidFrom) {
		return told, err
	}
	r.note(m.ID)
	return told, r.putNoun(noun, now, since, old.Slots...)
}

// note notes that a node was written, or an edge from it.
func (r *recording) note(id registry.ID) {
	if r.changed = true; len(r.objects) < maxObjects && !slices.Contains(r.objects, id) {
		r.objects = append(r.objects, id)
	}
}

// isMadeOfEvents reports whether a node has no field but those that events gave it.
func isMadeOfEvents(n *graph.Node, facts []byte) (bool, error) {
	var have, told map[string]json.RawMessage
	if err := json.Unmarshal(n.Doc, &have); err != nil {
		return false, err
	}
	if len(facts) > 0 {
		if err := json.Unmarshal(facts, &told); err != nil {
			return false, err
		}
	}
	for field, value := range have {
		if field != "createdAt" && !slices.Contains(ownFields, field) && !bytes.Equal(value, told[field]) {
			return false, nil
		}
	}
	return true, nil
}

// ownFields are the fields that the registry writes itself, when a fact is first recorded.
var ownFields = []string{"recordedAt", "actor"}

// keepForeignFields sets the fields of a noun that somebody else than events has given, and those
// that are set only once.
func keepForeignFields(noun registry.Node, old, last, told []byte) error {
	if bytes.Equal(old, last) { // All of it is of events, but for what is set only once.
		return keepOwnFields(noun, old)
	}
	var have, before, now map[string]json.RawMessage
	for _, doc := range []struct {
		raw  []byte
		into *map[string]json.RawMessage
	}{{old, &have}, {last, &before}, {told, &now}} {
		if len(doc.raw) > 0 {
			if err := json.Unmarshal(doc.raw, doc.into); err != nil {
				return err
			}
		}
	}
	merged := maps.Clone(now)
	for field, value := range have {
		if field != "createdAt" && (slices.Contains(ownFields, field) || !bytes.Equal(value, before[field])) {
			merged[field] = value
		}
	}
	raw, err := json.Marshal(merged)
	if err != nil {
		return err
	}
	core.ClearFields(noun)
	return json.Unmarshal(raw, noun)
}

// keepOwnFields sets the fields of a noun that are set only once.
func keepOwnFields(noun registry.Node, old []byte) error {
	var own registry.DocumentWriter
	own.Begin()
	err := registry.EachMember(old, func(name string, value json.RawMessage) {
		if slices.Contains(ownFields, name) {
			own.Key(name)
			own.Canonical(value)
		}
	})
	if err != nil {
		return err
	}
	own.End()
	doc, err := own.Bytes()
	if err != nil {
		return err
	}
	return json.Unmarshal(doc, noun)
}

// edgeKey is an edge that events told of. At is since when it holds, in microseconds since 1970.
type edgeKey struct {
	Kind registry.EdgeKind `json:"kind"`
	From registry.ID       `json:"from"`
	To   registry.ID       `json:"to"`
	At   int64             `json:"at"`
}

func (e edgeKey) write(w *registry.DocumentWriter) {
	w.Begin()
	w.Key("at")
	w.Int(e.At)
	w.Key("from")
	w.Text(string(e.From))
	w.Key("kind")
	w.Text(string(e.Kind))
	w.Key("to")
	w.Text(string(e.To))
	w.End()
}

// sameEnds reports whether two keys are of one edge, whatever their times.
func (e edgeKey) sameEnds(o edgeKey) bool {
	return e.Kind == o.Kind && e.From == o.From && e.To == o.To
}

// setEdges retracts the edges of the time before that do not hold any more, and links the new
// ones. It returns the edges that events made: one that somebody else recorded is not retracted.
func (r *recording) setEdges(before, wanted []edgeKey) (made []edgeKey, err error) {
	for _, e := range before {
		if slices.Contains(wanted, e) {
			made = append(made, e)
			continue
		}
		live, err := r.tx.LiveEdge(r.ctx, e.Kind, e.From, e.To)
		if err != nil {
			return nil, err
		}
		if live != nil {
			r.note(e.From)
			if err := r.tx.Unlink(r.ctx, live); err != nil {
				return nil, err
			}
		}
	}
	var added []*graph.Edge
	var keys []edgeKey
	for _, e := range wanted {
		if !slices.Contains(before, e) {
			added = append(added, &graph.Edge{Kind: e.Kind, From: e.From, To: e.To, ValidFrom: time.UnixMicro(e.At).UTC()})
			keys = append(keys, e)
		}
	}
	if len(added) == 0 {
		return made, nil
	}
	if err := r.tx.Link(r.ctx, added...); err != nil {
		return nil, err
	}
	for i, e := range added {
		if e.Created {
			r.note(e.From)
			made = append(made, keys[i])
		}
	}
	return made, nil
}

// checkCommit answers FORBIDDEN for callers who may not record commits.
func checkCommit(tx *policies.Tx) error {
	if tx.May(registry.CommitRecord, "") {
		return nil
	}
	return registry.Errorf(registry.Forbidden, "the event names a commit, and you may not record commits; ask an administrator for %s", registry.CommitRecord)
}

// nodeName is a name as a node keeps it.
func nodeName(n openlineage.Name) string { return registry.Shorten(n.Name, 254) }
