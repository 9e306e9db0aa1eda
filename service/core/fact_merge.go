package core

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// ToldFact is a fact as it was told, and the node that was recorded for it before.
type ToldFact struct {
	// Old is the stored node with the same key, nil when the fact is new.
	Old *graph.Node
	// Noun has the fields that were told, and no others.
	Noun registry.Node
	// At is the time that was told. SetTime writes the final time into the noun.
	At      time.Time
	SetTime func(time.Time)
	// Defaults are the values of text fields that were not told. A new fact gets them. In a
	// known fact, a told value replaces a default.
	Defaults map[string]string
}

// Written says what became of a told fact.
type Written struct {
	// Created is true for a new fact, Changed also when something was added to a known one.
	Created, Changed bool
	// NotTaken are the told fields that contradict what is recorded and were not taken, such
	// as description or metrics.loss.
	NotTaken []string
}

// PutFact writes a told fact, or merges it into the stored fact with the same key. What is
// left out changes nothing, what is new is added, lists merge by key and objects by member.
// A different digest, sha, start or kind is CONFLICT. Any other difference keeps the stored
// value and is named in NotTaken.
func PutFact(ctx context.Context, tx *policies.Tx, f ToldFact) (Written, error) {
	m := f.Noun.NodeMeta()
	if f.Old == nil {
		if err := setDefaults(f.Noun, f.Defaults); err != nil {
			return Written{}, err
		}
		m.ValidFrom = StoredTime(f.At, tx.Now())
		f.SetTime(m.ValidFrom)
		return Written{Created: true, Changed: true}, PutNoun(ctx, tx, f.Noun, m.ValidFrom)
	}
	mask, err := visibleMask(ctx, tx, f.Old.ID)
	if err != nil {
		return Written{}, err
	}
	if f.Old.Deleted {
		return Written{}, registry.Errorf(registry.FailedPrecondition, "%s was deleted; it is not recorded again", f.Old.ID)
	}
	if !f.At.IsZero() {
		f.SetTime(StoredTime(f.At, f.At))
	}
	m.ValidFrom, m.ValidTo = f.Old.ValidFrom, f.Old.ValidTo
	merged, notTaken, err := mergeFact(f, mask)
	if err != nil {
		return Written{}, err
	}
	written := Written{NotTaken: VisibleNames(f.Old.Kind, mask, notTaken)}
	ClearFields(f.Noun)
	if err := json.Unmarshal(merged, f.Noun); err != nil {
		return Written{}, err
	}
	if bytes.Equal(merged, f.Old.Doc) {
		return written, nil
	}
	since, err := mergedSince(f.Old, f.Noun, tx.Now())
	if err != nil {
		return Written{}, err
	}
	written.Changed = true
	return written, PutNoun(ctx, tx, f.Noun, since, f.Old.Slots...)
}

// setDefaults sets the fields of a new noun that were not told.
func setDefaults(noun registry.Node, defaults map[string]string) error {
	if len(defaults) == 0 {
		return nil
	}
	told, err := documentOf(noun)
	if err != nil {
		return err
	}
	left := map[string]string{}
	for field, value := range defaults {
		if told[field] == nil && value != "" {
			left[field] = value
		}
	}
	raw, err := json.Marshal(left)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, noun)
}

// VisibleNames keeps the names of fields that the caller may see. A name may go on after the
// field, as in metrics.loss.
func VisibleNames(kind registry.Kind, mask registry.Mask, names []string) (out []string) {
	noun := registry.NounOf(kind)
	for _, name := range names {
		field, _, _ := strings.Cut(name, ".")
		if noun != nil && mask.Has(registry.Bit(noun.Name, field)) {
			out = append(out, name)
		}
	}
	return out
}

// ClearFields clears the fields of a noun that its document has. json.Unmarshal would
// write into arrays that the noun shares with the input, and an input may be written
// again when a transaction is repeated.
func ClearFields(noun registry.Node) {
	meta := *noun.NodeMeta()
	reflect.ValueOf(noun).Elem().SetZero()
	*noun.NodeMeta() = meta
}

// mergedSince returns since when a merged fact is true. An added field was true all
// along and only becomes known later. A run whose status or end changed is in its new
// state since it ended, or since now.
func mergedSince(old *graph.Node, noun registry.Node, now time.Time) (time.Time, error) {
	run, ok := noun.(*registry.Run)
	if !ok {
		return old.Since, nil
	}
	was := &registry.Run{}
	if err := DecodeDoc(old, was); err != nil {
		return now, err
	}
	switch {
	case (was.Status == run.Status || was.Status == "") && was.EndedAt.Equal(run.EndedAt):
		return old.Since, nil
	case !run.EndedAt.IsZero() && run.EndedAt.Before(now):
		return LaterTime(old.Since, run.EndedAt), nil
	}
	return LaterTime(old.Since, now), nil
}

// BackdateContainer moves the start of a model, dataset or repository back to the start of
// its oldest member, when that is recorded later. Nothing else changes, and earlier
// knowledge (knownAt) stays as it was.
func BackdateContainer(ctx context.Context, tx *policies.Tx, id registry.ID, to time.Time) error {
	found, err := tx.NodesUnfiltered(ctx, id)
	if err != nil || found[0] == nil || found[0].Deleted || !to.Before(found[0].ValidFrom) {
		return err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(found[0].Doc, &doc); err != nil {
		return err
	}
	if doc["createdAt"] != nil {
		if doc["createdAt"], err = json.Marshal(to); err != nil {
			return err
		}
	}
	then, now := *found[0], *found[0]
	if then.Doc, err = registry.Canonical(doc); err != nil {
		return err
	}
	then.ValidFrom, then.Since = to, to
	now.ValidFrom, now.Doc = to, then.Doc
	return FirstError(tx.Put(ctx, &then), tx.Put(ctx, &now))
}

// CheckVisible returns FORBIDDEN when a node exists and the caller may not see it.
func CheckVisible(ctx context.Context, tx *policies.Tx, id registry.ID) error {
	_, err := visibleMask(ctx, tx, id)
	return err
}

// visibleMask returns the fields of a node that the caller may see; FORBIDDEN when there are
// none.
func visibleMask(ctx context.Context, tx *policies.Tx, id registry.ID) (registry.Mask, error) {
	mask, err := tx.Mask(ctx, id)
	if err == nil && mask == 0 {
		return 0, registry.Errorf(registry.Forbidden, "this is recorded already, outside of what your grants cover; ask an administrator")
	}
	return mask, err
}

// PutNoun encodes a noun and writes its node. since is when this state became true.
func PutNoun(ctx context.Context, tx *policies.Tx, noun registry.Node, since time.Time, slots ...string) error {
	n, err := EncodeNode(noun, nodeName(noun), since, slots...)
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// EncodedNoun returns the node of a noun whose canonical document is known.
func EncodedNoun(noun registry.Node, doc []byte, since time.Time, slots ...string) (*graph.Node, error) {
	return encodeDoc(noun, doc, nodeName(noun), since, slots...)
}

// nodeName returns the name of a noun, which a node keeps beside its document.
func nodeName(noun registry.Node) string {
	if a, ok := noun.(*registry.Actor); ok {
		return a.Subject
	}
	v := reflect.ValueOf(noun).Elem().FieldByName("Name")
	if !v.IsValid() {
		return ""
	}
	return v.String()
}

// LinkAndLog writes the edges of a fact, and its log entry when anything was new.
func LinkAndLog(ctx context.Context, tx *policies.Tx, w Written, id registry.ID, edges []*graph.Edge, entry registry.LogEntry) (WriteResult, error) {
	if err := tx.Link(ctx, edges...); err != nil {
		return WriteResult{}, err
	}
	for _, e := range edges {
		w.Changed = w.Changed || e.Created
	}
	r := WriteResult{IDs: []registry.ID{id}, Created: w.Created, Changed: w.Changed, NotTaken: w.NotTaken}
	if !w.Changed {
		return r, nil
	}
	return r, tx.Log(ctx, entry)
}
