package openlineage

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"pedigree/registry"
)

// RunState is everything that the events of one run have told.
type RunState struct {
	RunID string `json:"runId"`
	// Job is the name of the job, as the last event told it.
	Job Entry `json:"job"`
	// First is the time of the earliest event, Completed that of the earliest COMPLETE.
	First     time.Time `json:"first"`
	Completed time.Time `json:"completed,omitzero"`
	// End is the type of the last event that ended the run, with its time.
	End Entry `json:"end,omitzero"`
	// Producers are all that sent an event of the run, sorted.
	Producers []string        `json:"producers,omitempty"`
	RunFacets Facets          `json:"runFacets,omitempty"`
	JobFacets Facets          `json:"jobFacets,omitempty"`
	Inputs    map[string]*Use `json:"inputs,omitempty"`
	Outputs   map[string]*Use `json:"outputs,omitempty"`
}

// Use is a dataset as an input or as an output of a run, by all its events.
type Use struct {
	Name
	Facets    Facets `json:"facets,omitempty"`
	UseFacets Facets `json:"useFacets,omitempty"`
	// Versions are the versions that events named, Unnamed says that an event named none.
	Versions map[string]*NamedVersion `json:"versions,omitempty"`
	Unnamed  bool                     `json:"unnamed,omitempty"`
}

// NamedVersion is what the events told that named one version of a used dataset.
type NamedVersion struct {
	Facets Facets `json:"facets,omitempty"`
	// Complete says that the event which ended the run well named it.
	Complete bool `json:"complete,omitempty"`
}

// maxProducers is how many producers of one run are kept.
const maxProducers = 20

// Merge adds an event of the run. It reports whether the state changed; RESOURCE_EXHAUSTED when
// the run would have more than MaxPorts inputs or outputs.
func (s *RunState) Merge(e *Event) (changed bool, err error) {
	s.RunID = e.RunID
	job, err := registry.Canonical(e.Job)
	if err != nil {
		return false, err
	}
	if told := (Entry{e.Time, job}); s.Job.later(told) {
		s.Job, changed = told, true
	}
	if s.First.IsZero() || e.Time.Before(s.First) {
		s.First, changed = e.Time, true
	}
	if e.Type == Complete && (s.Completed.IsZero() || e.Time.Before(s.Completed)) {
		s.Completed, changed = e.Time, true
	}
	if e.Type == Complete || e.Type == Abort || e.Type == Fail {
		end, err := json.Marshal(e.Type)
		if err != nil {
			return false, err
		}
		if told := (Entry{e.Time, end}); s.End.later(told) {
			s.End, changed = told, true
		}
	}
	if i, known := slices.BinarySearch(s.Producers, e.Producer); !known {
		grown := slices.Insert(slices.Clone(s.Producers), i, e.Producer)
		grown = grown[:min(len(grown), maxProducers)]
		changed = changed || !slices.Equal(grown, s.Producers)
		s.Producers = grown
	}
	changed = s.RunFacets.merge(e.Time, e.RunFacets) || changed
	changed = s.JobFacets.merge(e.Time, e.JobFacets) || changed
	for _, side := range []struct {
		uses  *map[string]*Use
		ports []Port
		name  string
	}{{&s.Inputs, e.Inputs, "inputs"}, {&s.Outputs, e.Outputs, "outputs"}} {
		merged, err := mergeUses(side.uses, e, side.ports, side.name)
		if err != nil {
			return false, err
		}
		changed = merged || changed
	}
	return changed, nil
}

func mergeUses(uses *map[string]*Use, e *Event, ports []Port, side string) (changed bool, err error) {
	for _, p := range ports {
		key := p.Key()
		u := (*uses)[key]
		if u == nil {
			if len(*uses) >= MaxPorts {
				return false, registry.Errorf(registry.ResourceExhausted, "the run has more than %d %s", MaxPorts, side)
			}
			if *uses == nil {
				*uses = map[string]*Use{}
			}
			u = &Use{Name: p.Name}
			(*uses)[key], changed = u, true
		}
		changed = u.merge(e, p) || changed
	}
	return changed, nil
}

// maxVersions is how many versions of one dataset a run can name.
const maxVersions = 100

// merge adds how one event told the dataset. It reports whether anything changed.
func (u *Use) merge(e *Event, p Port) (changed bool) {
	changed = u.Facets.merge(e.Time, p.Facets)
	changed = u.UseFacets.merge(e.Time, p.UseFacets) || changed
	name := p.Version()
	if name == "" {
		changed, u.Unnamed = changed || !u.Unnamed, true
		return changed
	}
	v := u.Versions[name]
	if v == nil {
		if len(u.Versions) >= maxVersions {
			return changed
		}
		if u.Versions == nil {
			u.Versions = map[string]*NamedVersion{}
		}
		v = &NamedVersion{}
		u.Versions[name], changed = v, true
	}
	if e.Type == Complete && !v.Complete {
		v.Complete, changed = true, true
	}
	changed = v.Facets.merge(e.Time, p.Facets) || changed
	return v.Facets.merge(e.Time, p.UseFacets) || changed
}

// Version is the version of the dataset that an event names, "" when it names none.
func (p Port) Version() string { return p.version }

// versionIn returns the version that facets of a dataset name, "" when they name none.
func versionIn(facets FacetSet) string {
	var v versionFacet
	raw := facets[version]
	if raw == nil || json.Unmarshal(raw, &v) != nil || registry.CheckKey("version", v.DatasetVersion) != nil {
		return ""
	}
	return v.DatasetVersion
}

// Key is the key of a name in a map. No name has a control character.
func (n Name) Key() string { return n.Namespace + "\n" + n.Name }

// EndType is the type of the event that ended the run, "" while it runs.
func (s *RunState) EndType() (t string) {
	if s.End.Value != nil {
		_ = json.Unmarshal(s.End.Value, &t) // It was marshalled from a string.
	}
	return t
}

// EndedAt is when the run ended, zero while it runs.
func (s *RunState) EndedAt() time.Time { return s.End.At }

// JobName is the name of the job.
func (s *RunState) JobName() (n Name) {
	_ = registry.ReadMembers(s.Job.Value, func(name string, value json.RawMessage) (err error) { // It was written from a Name.
		switch name {
		case "namespace":
			n.Namespace, err = registry.TextOf(value)
		case "name":
			n.Name, err = registry.TextOf(value)
		}
		return err
	})
	return n
}

// Streams reports whether the run is of a job that goes on writing until it is stopped.
func (s *RunState) Streams() bool {
	var t jobTypeFacet
	return s.JobFacets.of(jobType, &t) && strings.EqualFold(t.ProcessingType, "STREAMING")
}

// Wrote reports whether the run wrote its outputs: it was once complete, or it streams and did
// not fail. That a run was complete stays so, whatever is told of it later.
func (s *RunState) Wrote() bool { return !s.WroteAt().IsZero() }

// WroteAt is when the outputs of the run came to be: when it was complete, or when it began if
// it streams. It is zero when the run did not write.
func (s *RunState) WroteAt() time.Time {
	if s.Streams() && s.EndType() != Fail {
		return s.First
	}
	return s.Completed
}

// Read are the names of the versions that were read, sorted; empty when no event named one.
func (u *Use) Read() []string { return slices.Sorted(maps.Keys(u.Versions)) }

// Written are the names of the versions that were written, sorted: those that the event named
// which ended the run well, because an earlier one may name what the run is about to replace.
// Of a run that streams it is every one.
func (u *Use) Written(streams bool) (out []string) {
	for _, name := range u.Read() {
		if streams || u.Versions[name].Complete {
			out = append(out, name)
		}
	}
	return out
}

// SortedUses returns uses by name, so that what is made of them does not depend on an order.
func SortedUses(uses map[string]*Use) (out []*Use) {
	keys := make([]string, 0, len(uses))
	for k := range uses {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		out = append(out, uses[k])
	}
	return out
}
