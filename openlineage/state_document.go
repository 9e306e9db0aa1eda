package openlineage

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"pedigree/registry"
)

// What the events of a run have told is read and written anew for every event, and may hold facets of
// many kilobytes. So it is written and read here without reflection: facets are canonical when they come, and are
// copied. The form is that of encoding/json and registry.Canonical; a test of package events compares them.

// WriteMembers writes the members of the state's document into an object that has begun.
func (s *RunState) WriteMembers(w *registry.DocumentWriter) {
	if !s.Completed.IsZero() {
		w.Key("completed")
		w.Time(s.Completed)
	}
	if !s.End.isZero() {
		w.Key("end")
		s.End.write(w)
	}
	w.Key("first")
	w.Time(s.First)
	writeUses(w, "inputs", s.Inputs)
	w.Key("job")
	s.Job.write(w)
	s.JobFacets.write(w, "jobFacets")
	writeUses(w, "outputs", s.Outputs)
	if len(s.Producers) > 0 {
		w.Key("producers")
		w.BeginList()
		for _, p := range s.Producers {
			w.Text(p)
		}
		w.EndList()
	}
	s.RunFacets.write(w, "runFacets")
	w.Key("runId")
	w.Text(s.RunID)
}

func (e Entry) isZero() bool { return e.At.IsZero() && e.Value == nil }

func (e Entry) write(w *registry.DocumentWriter) {
	w.Begin()
	w.Key("at")
	w.Time(e.At)
	w.Key("value")
	w.Canonical(e.Value)
	w.End()
}

func (f Facets) write(w *registry.DocumentWriter, key string) {
	if len(f) == 0 {
		return
	}
	w.Key(key)
	w.Begin()
	for _, name := range sortedKeys(f) {
		w.Key(name)
		f[name].write(w)
	}
	w.End()
}

func writeUses(w *registry.DocumentWriter, key string, uses map[string]*Use) {
	if len(uses) == 0 {
		return
	}
	w.Key(key)
	w.Begin()
	for _, name := range sortedKeys(uses) {
		w.Key(name)
		uses[name].write(w)
	}
	w.End()
}

func (u *Use) write(w *registry.DocumentWriter) {
	w.Begin()
	u.Facets.write(w, "facets")
	w.Key("name")
	w.Text(u.Name.Name)
	w.Key("namespace")
	w.Text(u.Namespace)
	if u.Unnamed {
		w.Key("unnamed")
		w.True()
	}
	u.UseFacets.write(w, "useFacets")
	if len(u.Versions) > 0 {
		w.Key("versions")
		w.Begin()
		for _, name := range sortedKeys(u.Versions) {
			v := u.Versions[name]
			w.Key(name)
			w.Begin()
			if v.Complete {
				w.Key("complete")
				w.True()
			}
			v.Facets.write(w, "facets")
			w.End()
		}
		w.End()
	}
	w.End()
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string {
	switch len(m) {
	case 0:
		return nil
	case 1:
		for k := range m {
			return []string{k}
		}
	}
	return slices.Sorted(maps.Keys(m))
}

// ReadMember reads one member of the state's document. It ignores a member that the state
// does not have.
func (s *RunState) ReadMember(name string, value json.RawMessage) (err error) {
	switch name {
	case "completed":
		err = readTime(value, &s.Completed)
	case "end":
		err = s.End.read(value)
	case "first":
		err = readTime(value, &s.First)
	case "inputs":
		s.Inputs, err = readMap(value, readUse)
	case "job":
		err = s.Job.read(value)
	case "jobFacets":
		s.JobFacets, err = readMap(value, readEntry)
	case "outputs":
		s.Outputs, err = readMap(value, readUse)
	case "producers":
		err = json.Unmarshal(value, &s.Producers)
	case "runFacets":
		s.RunFacets, err = readMap(value, readEntry)
	case "runId":
		s.RunID, err = registry.TextOf(value)
	}
	return err
}

// ReadMember reads one member of the state's document. It ignores a member that the state
// does not have.
func (s *DatasetState) ReadMember(name string, value json.RawMessage) (err error) {
	switch name {
	case "facets":
		s.Facets, err = readMap(value, readEntry)
	case "first":
		err = readTime(value, &s.First)
	case "name":
		s.Name.Name, err = registry.TextOf(value)
	case "namespace":
		s.Namespace, err = registry.TextOf(value)
	case "read":
		err = readTime(value, &s.Read)
	}
	return err
}

// ReadMember reads one member of the state's document. It ignores a member that the state
// does not have.
func (s *VersionState) ReadMember(name string, value json.RawMessage) (err error) {
	switch name {
	case "facets":
		s.Facets, err = readMap(value, readEntry)
	case "first":
		err = readTime(value, &s.First)
	case "writtenBy":
		err = s.WrittenBy.read(value)
	}
	return err
}

// WriteMembers writes the members of the state's document into an object that has begun.
func (s *VersionState) WriteMembers(w *registry.DocumentWriter) {
	s.Facets.write(w, "facets")
	w.Key("first")
	w.Time(s.First)
	if !s.WrittenBy.isZero() {
		w.Key("writtenBy")
		s.WrittenBy.write(w)
	}
}

func readMap[V any](object json.RawMessage, read func(json.RawMessage) (V, error)) (map[string]V, error) {
	out := map[string]V{}
	return out, registry.ReadMembers(object, func(name string, value json.RawMessage) (err error) {
		out[name], err = read(value)
		return err
	})
}

func readEntry(value json.RawMessage) (e Entry, err error) { return e, e.read(value) }

func (e *Entry) read(object json.RawMessage) error {
	return registry.ReadMembers(object, func(name string, value json.RawMessage) error {
		switch name {
		case "at":
			return readTime(value, &e.At)
		case "value":
			e.Value = value
		}
		return nil
	})
}

func readUse(object json.RawMessage) (*Use, error) {
	u := &Use{}
	return u, registry.ReadMembers(object, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "facets":
			u.Facets, err = readMap(value, readEntry)
		case "name":
			u.Name.Name, err = registry.TextOf(value)
		case "namespace":
			u.Namespace, err = registry.TextOf(value)
		case "unnamed":
			err = json.Unmarshal(value, &u.Unnamed)
		case "useFacets":
			u.UseFacets, err = readMap(value, readEntry)
		case "versions":
			u.Versions, err = readMap(value, readNamedVersion)
		}
		return err
	})
}

func readNamedVersion(object json.RawMessage) (*NamedVersion, error) {
	v := &NamedVersion{}
	return v, registry.ReadMembers(object, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "complete":
			err = json.Unmarshal(value, &v.Complete)
		case "facets":
			v.Facets, err = readMap(value, readEntry)
		}
		return err
	})
}

func readTime(value json.RawMessage, t *time.Time) error {
	text, err := registry.TextOf(value)
	if err != nil {
		return err
	}
	return t.UnmarshalText([]byte(text))
}
