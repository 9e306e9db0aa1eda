package openlineage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
)

// EventKind is what an event is about.
type EventKind string

// The kinds of events.
const (
	RunEvent     EventKind = "RunEvent"
	JobEvent     EventKind = "JobEvent"
	DatasetEvent EventKind = "DatasetEvent"
)

// The types of run events, which say how a run stands. A run event without a type, and one of
// type OTHER, only add facts.
const (
	Start    = "START"
	Running  = "RUNNING"
	Complete = "COMPLETE"
	Abort    = "ABORT"
	Fail     = "FAIL"
	Other    = "OTHER"
)

var eventTypes = []string{"", Start, Running, Complete, Abort, Fail, Other}

// The limits of one event.
const (
	// MaxPorts is the most inputs, and the most outputs, of one event and of one run.
	MaxPorts = 1000
	// MaxFacets is the most facets of one object, and MaxFacet the most bytes of one facet.
	MaxFacets, MaxFacet = 200, 1 << 20
	// maxFacts is the most bytes of the facet with facts.
	maxFacts = 4 << 20
)

// FactsFacet is the facet with the facts that an event of another registry tells.
const FactsFacet = "pedigree_facts"

// FacetSet is the facets of one object by their names, each as canonical JSON.
type FacetSet map[string]json.RawMessage

// Event is one event. Times are UTC with microseconds.
type Event struct {
	Kind EventKind
	// Type is one of the types of run events, "" when it was not told.
	Type     string
	Time     time.Time
	Producer string
	// RunID is a UUID in lower case, of a run event only.
	RunID     string
	RunFacets FacetSet
	// Job is set for run and job events.
	Job       Name
	JobFacets FacetSet
	// Dataset is set for dataset events only.
	Dataset         Port
	Inputs, Outputs []Port
}

// Facts returns the facet with facts of what the event is about, nil when it has none.
func (e *Event) Facts() json.RawMessage {
	switch e.Kind {
	case RunEvent:
		return e.RunFacets[FactsFacet]
	case JobEvent:
		return e.JobFacets[FactsFacet]
	}
	return e.Dataset.Facets[FactsFacet]
}

// Name is a namespace and a name in it: of a job or of a dataset.
type Name struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Port is a dataset as an event tells it: as an input, as an output, or by itself.
type Port struct {
	Name
	// Facets are those of the dataset; UseFacets are its inputFacets or outputFacets.
	Facets, UseFacets FacetSet
	// version is what the facets name as the version of the dataset.
	version string
}

// The wire form of an event. Unknown members are allowed by the specification, and not kept:
// facets are the place for them.
type (
	wireEvent struct {
		EventTime *string       `json:"eventTime"`
		EventType *string       `json:"eventType"`
		Producer  *string       `json:"producer"`
		SchemaURL *string       `json:"schemaURL"`
		Run       *wireRun      `json:"run"`
		Job       *wireJob      `json:"job"`
		Dataset   *wireDataset  `json:"dataset"`
		Inputs    []wireDataset `json:"inputs"`
		Outputs   []wireDataset `json:"outputs"`
	}
	wireRun struct {
		RunID  *string         `json:"runId"`
		Facets json.RawMessage `json:"facets"`
	}
	wireJob struct {
		Namespace *string         `json:"namespace"`
		Name      *string         `json:"name"`
		Facets    json.RawMessage `json:"facets"`
	}
	wireDataset struct {
		Namespace    *string         `json:"namespace"`
		Name         *string         `json:"name"`
		Facets       json.RawMessage `json:"facets"`
		InputFacets  json.RawMessage `json:"inputFacets"`
		OutputFacets json.RawMessage `json:"outputFacets"`
	}
)

// Parse reads one event. An error is INVALID_ARGUMENT and names the wrong member by its path.
func Parse(raw []byte) (*Event, error) {
	var w wireEvent
	if !utf8.Valid(raw) {
		return nil, registry.Invalid("event", "is not valid UTF-8")
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, decodeError(err)
	}
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, registry.Invalid("event", "must be one JSON object")
	}
	e := &Event{Kind: w.kind()}
	at, err := parseTime("eventTime", w.EventTime)
	if err != nil {
		return nil, err
	}
	e.Time = at
	if w.Producer == nil || *w.Producer == "" {
		return nil, registry.Invalid("producer", "must be a URI")
	}
	if e.Producer = *w.Producer; w.EventType != nil {
		e.Type = *w.EventType
	}
	if err := registry.CheckText("producer", e.Producer); err != nil {
		return nil, err
	}
	if !slices.Contains(eventTypes, e.Type) {
		return nil, registry.Invalid("eventType", "%q is not one of %s", registry.Shorten(e.Type, 60), strings.Join(eventTypes[1:], ", "))
	}
	if e.Kind == DatasetEvent {
		if w.Dataset == nil {
			return nil, registry.Invalid("dataset", "a DatasetEvent has a dataset")
		}
		e.Dataset, err = w.Dataset.port("dataset")
		return e, err
	}
	return e, e.readJob(w)
}

// readJob reads the run, the job and the ports of a run or job event.
func (e *Event) readJob(w wireEvent) (err error) {
	if e.Kind == RunEvent {
		if w.Run == nil || w.Run.RunID == nil {
			return registry.Invalid("run.runId", "must be a UUID")
		}
		if e.RunID, err = CheckRunID("run.runId", *w.Run.RunID); err != nil {
			return err
		}
		if e.RunFacets, err = readFacets("run.facets", w.Run.Facets); err != nil {
			return err
		}
	}
	if w.Job == nil {
		return registry.Invalid("job", "a %s has a job", e.Kind)
	}
	if e.Job, err = readName("job", w.Job.Namespace, w.Job.Name); err != nil {
		return err
	}
	if e.JobFacets, err = readFacets("job.facets", w.Job.Facets); err != nil {
		return err
	}
	if e.Inputs, err = readPorts("inputs", w.Inputs); err != nil {
		return err
	}
	if e.Outputs, err = readPorts("outputs", w.Outputs); err != nil || e.Kind != RunEvent {
		return err
	}
	return e.readExplicitLineage()
}

// kind says what an event is about: by the last segment of schemaURL, or else by its members.
func (w *wireEvent) kind() EventKind {
	if w.SchemaURL != nil {
		url := *w.SchemaURL
		switch k := EventKind(url[strings.LastIndexByte(url, '/')+1:]); k {
		case RunEvent, JobEvent, DatasetEvent:
			return k
		}
	}
	switch {
	case w.Run == nil && w.Dataset != nil:
		return DatasetEvent
	case w.Run == nil && w.Job != nil:
		return JobEvent
	}
	return RunEvent
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// CheckRunID returns a run id in lower case; INVALID_ARGUMENT when it is no UUID.
func CheckRunID(field, id string) (string, error) {
	lower := strings.ToLower(id)
	if !uuid.MatchString(lower) {
		return "", registry.Invalid(field, "%q is not a UUID", registry.Shorten(id, 60))
	}
	return lower, nil
}

// timeForms are the forms of times that producers send: RFC 3339, with up to nanoseconds, and
// the same without a zone, which is read as UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00"}

func parseTime(field string, text *string) (time.Time, error) {
	if text == nil || *text == "" {
		return time.Time{}, registry.Invalid(field, "must be a time such as 2026-11-23T04:04:00Z")
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, *text); err == nil && t.Year() >= 1970 && t.Year() <= 9999 {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, registry.Invalid(field, "%q is not a time such as 2026-11-23T04:04:00Z", registry.Shorten(*text, 60))
}

func readName(field string, namespace, name *string) (Name, error) {
	if namespace == nil || name == nil {
		return Name{}, registry.Invalid(field, "needs a namespace and a name")
	}
	n := Name{norm.NFC.String(*namespace), norm.NFC.String(*name)}
	for _, part := range []struct{ field, text string }{{"namespace", n.Namespace}, {"dataset", n.Name}} {
		if err := registry.CheckKey(part.field, part.text); err != nil {
			member := field + ".namespace"
			if part.field == "dataset" {
				member = field + ".name"
			}
			return Name{}, registry.Invalid(member, "%s", strings.TrimPrefix(err.Error(), part.field+": "))
		}
	}
	return n, nil
}

func readPorts(field string, in []wireDataset) ([]Port, error) {
	if len(in) > MaxPorts {
		return nil, registry.Invalid(field, "more than %d datasets", MaxPorts)
	}
	out := make([]Port, len(in))
	for i := range in {
		var err error
		if out[i], err = in[i].port(fmt.Sprintf("%s[%d]", field, i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (w *wireDataset) port(field string) (p Port, err error) {
	if p.Name, err = readName(field, w.Namespace, w.Name); err != nil {
		return p, err
	}
	p.Name = Normalise(p.Name)
	if p.Facets, err = readFacets(field+".facets", w.Facets); err != nil {
		return p, err
	}
	p.version = versionIn(p.Facets)
	use, member := w.InputFacets, "inputFacets"
	if len(w.OutputFacets) > 0 {
		use, member = w.OutputFacets, "outputFacets"
	}
	p.UseFacets, err = readFacets(field+"."+member, use)
	return p, err
}

// readFacets reads an object of facets. A facet without any content is left out: clients send
// empty objects and lists for what they do not know.
func readFacets(field string, raw json.RawMessage) (FacetSet, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, registry.Invalid(field, "must be an object of facets")
	}
	if len(members) > MaxFacets {
		return nil, registry.Invalid(field, "more than %d facets", MaxFacets)
	}
	out := FacetSet{}
	for name, value := range members {
		at := field + "." + registry.Shorten(name, 60)
		if err := registry.CheckKey("facet", name); err != nil {
			return nil, registry.Invalid(field, "the name of a facet %s", strings.TrimPrefix(err.Error(), "facet: "))
		}
		most := MaxFacet
		if name == FactsFacet {
			most = maxFacts
		}
		if len(value) > most {
			return nil, registry.Invalid(at, "is larger than %d bytes", most)
		}
		if c := value[0]; c != '{' && c != 'n' {
			return nil, registry.Invalid(at, "must be an object")
		}
		canonical, err := registry.Canonical(value)
		if err != nil {
			return nil, registry.Invalid(at, "%s", err.Error())
		}
		var content map[string]json.RawMessage
		if err := json.Unmarshal(canonical, &content); err != nil {
			return nil, registry.Invalid(at, "must be an object")
		}
		if isEmpty(content) {
			continue
		}
		if err := checkFacet(name, at, canonical); err != nil {
			return nil, err
		}
		out[name] = canonical
	}
	return out, nil
}

// isEmpty reports whether a facet, in canonical form, says nothing: all its members are empty but those
// of the specification, which begin with _. That a facet is deleted says something.
func isEmpty(content map[string]json.RawMessage) bool {
	for name, v := range content {
		if name == deletedMember && string(v) == "true" {
			return false
		}
		if strings.HasPrefix(name, "_") {
			continue
		}
		if !slices.Contains(emptyValues, string(v)) {
			return false
		}
	}
	return true
}

// emptyValues are the values that clients send for what they do not know, in canonical form.
var emptyValues = []string{"null", `""`, "[]", "{}"}

// deletedMember is the member of a facet that takes the facet back.
const deletedMember = "_deleted"

// decodeError names the member that has the wrong type.
func decodeError(err error) error {
	if t, ok := err.(*json.UnmarshalTypeError); ok {
		field := t.Field
		if field == "" {
			field = "event"
		}
		return registry.Invalid(field, "must not be a JSON %s", t.Value)
	}
	return registry.Invalid("event", "is not valid JSON: %s", registry.Shorten(err.Error(), 200))
}
