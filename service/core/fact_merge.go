package core

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// PutFact writes a recorded fact, or merges it into the stored fact with the same key:
// fields that are new are added, a different digest, sha, start or kind is CONFLICT, and
// any other difference keeps the stored value. at is the time that the caller gave;
// setTime writes the final time into the noun. It reports whether anything was written.
func PutFact(ctx context.Context, tx *policies.Tx, old *graph.Node, noun registry.Node, at time.Time, setTime func(time.Time)) (bool, error) {
	m := noun.NodeMeta()
	if old == nil {
		m.ValidFrom = StoredTime(at, tx.Now())
		setTime(m.ValidFrom)
		return true, PutNoun(ctx, tx, noun, m.ValidFrom)
	}
	if err := CheckVisible(ctx, tx, old.ID); err != nil {
		return false, err
	}
	if old.Deleted {
		return false, registry.Errorf(registry.FailedPrecondition, "%s was deleted; it is not recorded again", old.ID)
	}
	if !at.IsZero() {
		setTime(StoredTime(at, at))
	}
	m.ValidFrom, m.ValidTo = old.ValidFrom, old.ValidTo
	merged, err := mergeFact(old.Doc, noun)
	if err != nil {
		return false, err
	}
	clearFields(noun)
	if err := json.Unmarshal(merged, noun); err != nil {
		return false, err
	}
	if bytes.Equal(merged, old.Doc) {
		return false, nil
	}
	since, err := mergedSince(old, noun, tx.Now())
	if err != nil {
		return false, err
	}
	return true, PutNoun(ctx, tx, noun, since, old.Slots...)
}

// clearFields clears the fields of a noun that its document has. json.Unmarshal would
// write into arrays that the noun shares with the input, and an input may be written
// again when a transaction is repeated.
func clearFields(noun registry.Node) {
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
	case was.Status == run.Status && was.EndedAt.Equal(run.EndedAt):
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
	nodes, err := tx.Nodes(ctx, id)
	if err == nil && nodes[0] == nil {
		return registry.Errorf(registry.Forbidden, "this is recorded already, outside of what your grants cover; ask an administrator")
	}
	return err
}

// PutNoun encodes a noun and writes its node. since is when this state became true.
func PutNoun(ctx context.Context, tx *policies.Tx, noun registry.Node, since time.Time, slots ...string) error {
	n, err := EncodeNode(noun, nodeName(noun), since, slots...)
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// nodeName returns the name of a noun, which a node keeps beside its document.
func nodeName(noun registry.Node) string {
	v := reflect.ValueOf(noun).Elem().FieldByName("Name")
	if !v.IsValid() {
		return ""
	}
	return v.String()
}

// identityFields are the fields that may not differ between two facts with one key.
var identityFields = []string{"digest", "sha", "startedAt", "runKind", "environment", "versionId"}

// mergeFact adds the fields of a repeated fact that the stored document lacks.
func mergeFact(doc []byte, noun registry.Node) ([]byte, error) {
	raw, err := registry.Canonical(noun)
	if err != nil {
		return nil, err
	}
	var have, add map[string]json.RawMessage
	if err := FirstError(json.Unmarshal(doc, &have), json.Unmarshal(raw, &add)); err != nil {
		return nil, err
	}
	for _, f := range identityFields {
		if contradicts(f, have[f], add[f]) {
			e := registry.Errorf(registry.Conflict, "it is recorded with another %s: %s, not %s", f, have[f], add[f])
			e.Field = f
			return nil, e
		}
	}
	for k, v := range add {
		if _, known := have[k]; !known || k == "status" || k == "columns" { // columns were merged one by one
			have[k] = v
		}
	}
	return registry.Canonical(have)
}

// contradicts reports whether two values of an identity field exclude each other. The
// run kind OTHER excludes nothing.
func contradicts(field string, a, b json.RawMessage) bool {
	if a == nil || b == nil || bytes.Equal(a, b) {
		return false
	}
	other := fmt.Sprintf("%q", registry.RunOther)
	return field != "runKind" || string(a) != other && string(b) != other
}

// LinkAndLog writes the edges of a fact, and its log entry when anything was new.
func LinkAndLog(ctx context.Context, tx *policies.Tx, created, changed bool, id registry.ID, edges []*graph.Edge, entry registry.LogEntry) (WriteResult, error) {
	if err := tx.Link(ctx, edges...); err != nil {
		return WriteResult{}, err
	}
	for _, e := range edges {
		changed = changed || e.Created
	}
	r := WriteResult{IDs: []registry.ID{id}, Created: created, Changed: changed}
	if !changed {
		return r, nil
	}
	return r, tx.Log(ctx, entry)
}
