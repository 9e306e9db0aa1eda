package core

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// identityFields are the fields that may not differ between two facts with one key.
var identityFields = []string{"digest", "sha", "startedAt", "runKind", "environment", "versionId", "parentShas"}

// ownFields are written by the registry and not told by a caller. The first telling decides.
var ownFields = []string{"recordedAt", "actor", "roleEvidence"}

// mergeFact adds a told fact to the stored document. notTaken names the told fields that
// contradict the stored ones. mask has the fields that an error may show.
func mergeFact(f ToldFact, mask registry.Mask) (merged []byte, notTaken []string, err error) {
	told, err := documentOf(f.Noun)
	if err != nil {
		return nil, nil, err
	}
	have := map[string]json.RawMessage{}
	if err := json.Unmarshal(f.Old.Doc, &have); err != nil {
		return nil, nil, err
	}
	dropDefaults(have, told, f.Defaults)
	if err := checkIdentity(f.Old.Kind, have, told, mask); err != nil {
		return nil, nil, err
	}
	if f.Old.Kind == registry.KindRun {
		if notTaken, err = mergeStatus(have, told); err != nil {
			return nil, nil, err
		}
	}
	fields := make([]string, 0, len(told))
	for field := range told {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	for _, field := range fields {
		contradicted, err := mergeField(have, field, told[field])
		if err != nil {
			return nil, nil, err
		}
		notTaken = append(notTaken, contradicted...)
	}
	slices.Sort(notTaken)
	merged, err = registry.Canonical(have)
	return merged, notTaken, err
}

// NotTakenOf names the told fields of a noun that differ from a stored node which is not
// changed, as far as the caller may see them.
func NotTakenOf(ctx context.Context, tx *policies.Tx, stored *graph.Node, told registry.Node) ([]string, error) {
	mask, err := visibleMask(ctx, tx, stored.ID)
	if err != nil {
		return nil, err
	}
	fields, err := documentOf(told)
	if err != nil {
		return nil, err
	}
	have := map[string]json.RawMessage{}
	if err := json.Unmarshal(stored.Doc, &have); err != nil {
		return nil, err
	}
	var out []string
	for field, value := range fields {
		if have[field] == nil || !equalJSON(have[field], value) {
			out = append(out, field)
		}
	}
	slices.Sort(out)
	return VisibleNames(stored.Kind, mask, out), nil
}

// documentOf returns the fields of a noun's document.
func documentOf(noun registry.Node) (map[string]json.RawMessage, error) {
	raw, err := registry.Canonical(noun)
	if err != nil {
		return nil, err
	}
	var out map[string]json.RawMessage
	return out, json.Unmarshal(raw, &out)
}

// dropDefaults removes a stored default that was told otherwise.
func dropDefaults(have, told map[string]json.RawMessage, defaults map[string]string) {
	for field, value := range defaults {
		encoded, _ := json.Marshal(value)
		if have[field] != nil && told[field] != nil && equalJSON(have[field], encoded) {
			delete(have, field)
		}
	}
}

// checkIdentity answers CONFLICT when an identity field was told otherwise.
func checkIdentity(kind registry.Kind, have, told map[string]json.RawMessage, mask registry.Mask) error {
	for _, field := range identityFields {
		if have[field] == nil || told[field] == nil || bytes.Equal(have[field], told[field]) {
			continue
		}
		e := registry.Errorf(registry.Conflict, "it is recorded with another %s", field)
		if noun := registry.NounOf(kind); noun != nil && mask.Has(registry.Bit(noun.Name, field)) {
			e.Message += fmt.Sprintf(": %s, not %s", registry.Shorten(string(have[field]), 200), registry.Shorten(string(told[field]), 200))
		}
		e.Field = field
		return e
	}
	return nil
}

// mergeField adds one told field to the stored document and returns the names of what was
// not taken.
func mergeField(have map[string]json.RawMessage, field string, told json.RawMessage) (notTaken []string, err error) {
	stored := have[field]
	switch {
	case stored == nil || field == "columns": // The caller has merged the columns.
		have[field] = told
	case equalJSON(stored, told) || slices.Contains(ownFields, field):
	case field == "tags":
		have[field], notTaken, err = mergeList(stored, told, field, MaxTags, func(t registry.KeyValue) string { return t.Key })
	case field == "metrics":
		have[field], notTaken, err = mergeList(stored, told, field, registry.MaxMetrics, func(m registry.Metric) string { return m.Name })
	case field == "parameters":
		have[field], notTaken, err = mergeParameters(stored, told)
	default:
		notTaken = []string{field}
	}
	return notTaken, err
}

// mergeList adds the entries of a list whose keys are not stored yet, up to limit
// entries in all.
func mergeList[T comparable](stored, told json.RawMessage, field string, limit int, key func(T) string) (merged json.RawMessage, notTaken []string, err error) {
	var have, add []T
	if err := FirstError(json.Unmarshal(stored, &have), json.Unmarshal(told, &add)); err != nil {
		return nil, nil, err
	}
	byKey := map[string]T{}
	for _, t := range have {
		byKey[key(t)] = t
	}
	for _, t := range add {
		known, ok := byKey[key(t)]
		switch {
		case !ok:
			have = append(have, t)
		case known != t:
			notTaken = append(notTaken, field+"."+key(t))
		}
	}
	if len(have) > limit {
		return nil, nil, registry.Invalid(field, "more than %d with those that are recorded", limit)
	}
	merged, err = registry.Canonical(have)
	return merged, notTaken, err
}

// mergeParameters adds the members of a JSON object that are not stored yet, also of the
// objects in it. A value that is no object stays as it is.
func mergeParameters(stored, told json.RawMessage) (merged json.RawMessage, notTaken []string, err error) {
	have, haveObject := objectOf(stored)
	add, addObject := objectOf(told)
	if !haveObject || !addObject {
		return stored, []string{"parameters"}, nil
	}
	for _, name := range mergeMembers(have, add) {
		notTaken = append(notTaken, "parameters."+name)
	}
	if merged, err = registry.Canonical(have); err == nil && len(merged) > registry.MaxJSON {
		err = registry.Invalid("parameters", "is larger than %d bytes with the parameters that are recorded", registry.MaxJSON)
	}
	return merged, notTaken, err
}

// mergeMembers adds the members of one object to another and returns the names of those that
// contradict, in order.
func mergeMembers(have, add map[string]json.RawMessage) (contradicted []string) {
	for name, value := range add {
		stored, known := have[name]
		if !known || string(stored) == "null" {
			have[name] = value
			continue
		}
		if string(value) == "null" || equalJSON(stored, value) {
			continue
		}
		below, isObject := objectOf(stored)
		more, areObjects := objectOf(value)
		if !isObject || !areObjects {
			contradicted = append(contradicted, name)
			continue
		}
		if len(mergeMembers(below, more)) > 0 {
			contradicted = append(contradicted, name)
		}
		have[name], _ = json.Marshal(below)
	}
	slices.Sort(contradicted)
	return contradicted
}

// objectOf decodes a JSON object; false for any other value.
func objectOf(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, false
	}
	var out map[string]json.RawMessage
	return out, json.Unmarshal(raw, &out) == nil
}

// equalJSON compares two canonical values. Short numbers are equal when their values are,
// such as 0.1 and 0.10.
func equalJSON(a, b json.RawMessage) bool {
	const exactDigits = 15 // float64 keeps so many digits of every number.
	if bytes.Equal(a, b) || len(a) > exactDigits || len(b) > exactDigits {
		return bytes.Equal(a, b)
	}
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	return errX == nil && errY == nil && x == y
}

// mergeStatus merges the status of a run, which only goes forward: an end stays, and a run
// whose end is told does not run any more.
func mergeStatus(have, told map[string]json.RawMessage) (notTaken []string, err error) {
	var was, now registry.Run
	if err := FirstError(decodeFields(have, &was, "status", "endedAt"), decodeFields(told, &now, "status", "endedAt")); err != nil {
		return nil, err
	}
	delete(told, "status")
	ended := was.Status.Ended() || !was.EndedAt.IsZero() || !now.EndedAt.IsZero()
	switch {
	case now.Status == registry.RunRunning && ended, was.Status.Ended() && was.Status != registry.RunUnknown && now.Status != was.Status && now.Status != "":
		notTaken = []string{"status"}
	case now.Status != "":
		have["status"], err = json.Marshal(now.Status)
		was.Status = now.Status
	}
	if ended && was.Status == registry.RunRunning {
		delete(have, "status")
	}
	return notTaken, err
}

// decodeFields decodes some fields of a document.
func decodeFields(doc map[string]json.RawMessage, into any, fields ...string) error {
	some := map[string]json.RawMessage{}
	for _, f := range fields {
		if doc[f] != nil {
			some[f] = doc[f]
		}
	}
	raw, err := json.Marshal(some)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
