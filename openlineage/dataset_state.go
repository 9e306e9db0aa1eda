package openlineage

import (
	"slices"
	"strings"
	"time"
)

// DatasetState is what events have told of a dataset as a whole.
type DatasetState struct {
	Name
	// First is the time of the earliest event that names the dataset.
	First  time.Time `json:"first"`
	Facets Facets    `json:"facets,omitempty"`
}

// versionFacets are the facets that say something of one version of a dataset and not of the
// dataset.
var versionFacets = []string{schema, version, columnLineage, dataQualityMetrics, "dataQualityAssertions"}

// Merge adds what an event told of the dataset. It reports whether the state changed.
func (s *DatasetState) Merge(n Name, at time.Time, told FacetSet) (changed bool) {
	s.Name = n
	if s.First.IsZero() || at.Before(s.First) {
		s.First, changed = at, true
	}
	for name, value := range told {
		if !slices.Contains(versionFacets, name) {
			changed = s.Facets.mergeEntry(name, Entry{at, value}) || changed
		}
	}
	return changed
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

// Merge adds the facets of one use of the version, which was there at a time. It reports
// whether the state changed.
func (s *VersionState) Merge(u *Use, at time.Time) (changed bool) {
	if s.First.IsZero() || at.Before(s.First) {
		s.First, changed = at, true
	}
	for _, set := range []Facets{u.Facets, u.UseFacets} {
		for name, e := range set {
			changed = s.Facets.mergeEntry(name, e) || changed
		}
	}
	return changed
}

// MergeWriter adds that a run of a kind wrote the version.
func (s *VersionState) MergeWriter(kind string, at time.Time) bool {
	told := Entry{at, []byte(`"` + kind + `"`)}
	if !s.WrittenBy.later(told) {
		return false
	}
	s.WrittenBy = told
	return true
}
