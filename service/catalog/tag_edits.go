package catalog

import (
	"slices"

	"pedigree/registry"
	"pedigree/service/core"
)

// TagEdits changes single tags of a thing and leaves the others as they are, so that two clients
// who each set one lose neither.
type TagEdits struct {
	SetTags    []registry.KeyValue
	RemoveTags []string
}

// any reports whether an edit is given.
func (e *TagEdits) any() bool { return e.SetTags != nil || e.RemoveTags != nil }

// check normalizes and checks the edits. all are the tags that the same input puts in place of
// those that stand.
func (e *TagEdits) check(all []registry.KeyValue) error {
	if all != nil && e.any() {
		return registry.Invalid("tags", "replaces all tags; leave out setTags and removeTags")
	}
	if len(e.RemoveTags) > core.MaxTags {
		return registry.Invalid("removeTags", "has more than %d entries", core.MaxTags)
	}
	for i := range e.RemoveTags {
		if err := core.CheckRequiredKey("removeTags", &e.RemoveTags[i]); err != nil {
			return err
		}
		if slices.ContainsFunc(e.SetTags, func(t registry.KeyValue) bool { return t.Key == e.RemoveTags[i] }) {
			return registry.Invalid("removeTags", "%q is set by the same input", registry.Shorten(e.RemoveTags[i], 60))
		}
	}
	return core.CheckTags("setTags", e.SetTags)
}

// apply returns the tags of a thing after the edits; all replaces them first, unless it is nil.
// A key keeps its place.
func (e *TagEdits) apply(tags, all []registry.KeyValue) ([]registry.KeyValue, error) {
	if all != nil {
		return all, nil
	}
	out := slices.DeleteFunc(slices.Clone(tags), func(t registry.KeyValue) bool { return slices.Contains(e.RemoveTags, t.Key) })
	for _, t := range e.SetTags {
		if i := slices.IndexFunc(out, func(old registry.KeyValue) bool { return old.Key == t.Key }); i >= 0 {
			out[i] = t
		} else {
			out = append(out, t)
		}
	}
	return out, core.CheckTags("tags", out)
}

// tagsLogged is what the log says of a change of tags: the keys of those that were set and removed,
// nil when none was. Their values are not in the log.
func tagsLogged(before, after []registry.KeyValue) any {
	detail := map[string][]string{}
	for _, t := range after {
		if !slices.Contains(before, t) {
			detail["set"] = append(detail["set"], t.Key)
		}
	}
	for _, t := range before {
		if !slices.ContainsFunc(after, func(now registry.KeyValue) bool { return now.Key == t.Key }) {
			detail["removed"] = append(detail["removed"], t.Key)
		}
	}
	if len(detail) == 0 {
		return nil
	}
	return detail
}
