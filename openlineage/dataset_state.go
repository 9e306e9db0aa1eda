package openlineage

import (
	"slices"
	"strings"
	"time"

	"pedigree/registry"
)

// DatasetState is what events have told of a dataset under one name.
type DatasetState struct {
	Name
	// First is when the dataset is first known to have been there. Read is the earliest read
	// that named no version; zero when there was none.
	First  time.Time `json:"first,omitzero"`
	Read   time.Time `json:"read,omitzero"`
	Facets Facets    `json:"facets,omitempty"`
}

// Merge adds facets that an event told of the dataset. It reports whether the state changed.
func (s *DatasetState) Merge(at time.Time, told FacetSet) (changed bool) {
	for name, value := range told {
		if name != version { // It says which version the other facets are of, and nothing of the dataset.
			changed = s.Facets.mergeEntry(name, Entry{at, value}) || changed
		}
	}
	return changed
}

// MergeFirst adds a time when the dataset was there. It reports whether the state changed.
func (s *DatasetState) MergeFirst(at time.Time) bool { return earlier(&s.First, at) }

// MergeRead adds a read that named no version. It reports whether the state changed.
func (s *DatasetState) MergeRead(at time.Time) bool { return earlier(&s.Read, at) }

// MergeState adds what events told of the dataset under another name.
func (s *DatasetState) MergeState(o DatasetState) {
	earlier(&s.First, o.First)
	earlier(&s.Read, o.Read)
	for name, e := range o.Facets {
		s.Facets.mergeEntry(name, e)
	}
}

// earlier sets a time to another one that is earlier. It reports whether it did.
func earlier(t *time.Time, at time.Time) bool {
	if at.IsZero() || !t.IsZero() && !at.Before(*t) {
		return false
	}
	*t = at
	return true
}

// Unversioned is what is known of the dataset's unversioned state: that of reads which named no
// version and before which nothing was written.
func (s *DatasetState) Unversioned() VersionState {
	return VersionState{First: s.Read, Facets: s.Facets}
}

// Symlinks are the other names of the dataset, normalised and sorted.
func (s *DatasetState) Symlinks() (out []Name) {
	var f symlinksFacet
	s.Facets.of(symlinks, &f)
	for _, id := range f.Identifiers {
		if n := Normalise(id.Name); n.Namespace != "" && n.Name != "" && n != s.Name && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b Name) int { return strings.Compare(a.Key(), b.Key()) })
	return out[:min(len(out), MaxSymlinks)]
}

// MaxSymlinks is how many other names of a dataset count.
const MaxSymlinks = 20

// VersionState is what events have told of one version of a dataset: as an output of the run
// that wrote it, and as an input of runs that named it.
type VersionState struct {
	// First is when the version is first known to have been there.
	First  time.Time `json:"first"`
	Facets Facets    `json:"facets,omitempty"`
	// WrittenBy is the kind of the run that wrote it last.
	WrittenBy Entry `json:"writtenBy,omitzero"`
}

// Merge adds facets of the version, which was there at a time. It reports whether the state
// changed.
func (s *VersionState) Merge(at time.Time, told ...Facets) (changed bool) {
	changed = earlier(&s.First, at)
	for _, set := range told {
		for name, e := range set {
			if name != version { // It is what tells the version apart, and the same in every event.
				changed = s.Facets.mergeEntry(name, e) || changed
			}
		}
	}
	return changed
}

// MergeWriter adds that a run of a kind wrote the version.
func (s *VersionState) MergeWriter(kind registry.RunKind, at time.Time) bool {
	told := Entry{at, []byte(`"` + string(kind) + `"`)}
	if !s.WrittenBy.later(told) {
		return false
	}
	s.WrittenBy = told
	return true
}
