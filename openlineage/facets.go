package openlineage

import (
	"encoding/json"
	"strings"
	"time"

	"pedigree/registry"
)

// The facets that become facts, by the object that has them. Every other facet is kept and
// given back as it was told.
type (
	documentationFacet struct {
		Description string `json:"description"`
	}
	ownershipFacet struct {
		Owners []struct {
			Name string `json:"name"`
			Type string `json:"type"`
		} `json:"owners"`
	}
	tagsFacet struct {
		Tags []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
			Field string `json:"field"`
		} `json:"tags"`
	}
	jobTypeFacet struct {
		ProcessingType string `json:"processingType"`
		Integration    string `json:"integration"`
		JobType        string `json:"jobType"`
	}
	sqlFacet struct {
		Query string `json:"query"`
	}
	sourceCodeLocationFacet struct {
		Type    string `json:"type"`
		URL     string `json:"url"`
		RepoURL string `json:"repoUrl"`
		Path    string `json:"path"`
		Version string `json:"version"`
		Tag     string `json:"tag"`
		Branch  string `json:"branch"`
	}
	nominalTimeFacet struct {
		NominalStartTime string `json:"nominalStartTime"`
		NominalEndTime   string `json:"nominalEndTime"`
	}
	errorMessageFacet struct {
		Message             string `json:"message"`
		ProgrammingLanguage string `json:"programmingLanguage"`
	}
	executionParametersFacet struct {
		Parameters []struct {
			Key   string          `json:"key"`
			Value json.RawMessage `json:"value"`
		} `json:"parameters"`
	}
	parentFacet struct {
		Run struct {
			RunID string `json:"runId"`
		} `json:"run"`
		Job  Name `json:"job"`
		Root *struct {
			Run struct {
				RunID string `json:"runId"`
			} `json:"run"`
			Job Name `json:"job"`
		} `json:"root"`
	}
	processingEngineFacet struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	dataSourceFacet struct {
		Name string `json:"name"`
		URI  string `json:"uri"`
	}
	schemaFacet struct {
		Fields []schemaField `json:"fields"`
	}
	schemaField struct {
		Name        string        `json:"name"`
		Type        string        `json:"type"`
		Description string        `json:"description"`
		Fields      []schemaField `json:"fields"`
	}
	versionFacet struct {
		DatasetVersion string `json:"datasetVersion"`
	}
	datasetTypeFacet struct {
		DatasetType string `json:"datasetType"`
	}
	statisticsFacet struct {
		RowCount *float64 `json:"rowCount"`
		Size     *float64 `json:"size"`
		Bytes    *float64 `json:"bytes"`
	}
	symlinksFacet struct {
		Identifiers []struct {
			Name
			Type string `json:"type"`
		} `json:"identifiers"`
	}
	lifecycleFacet struct {
		LifecycleStateChange string `json:"lifecycleStateChange"`
		PreviousIdentifier   *Name  `json:"previousIdentifier"`
	}
	columnLineageFacet struct {
		Fields map[string]struct {
			InputFields               []columnInput `json:"inputFields"`
			TransformationType        string        `json:"transformationType"`
			TransformationDescription string        `json:"transformationDescription"`
		} `json:"fields"`
		Dataset []columnInput `json:"dataset"`
	}
	columnInput struct {
		Name
		Field           string `json:"field"`
		Transformations []struct {
			Type        string `json:"type"`
			Subtype     string `json:"subtype"`
			Description string `json:"description"`
			Masking     bool   `json:"masking"`
		} `json:"transformations"`
	}
	modelVersionFacet struct {
		Model       string `json:"model"`
		Version     string `json:"version"`
		Description string `json:"description"`
	}
	deploymentFacet struct {
		Model       string `json:"model"`
		Version     string `json:"version"`
		Environment string `json:"environment"`
		Endpoint    string `json:"endpoint"`
	}
)

// The names of the facets that become facts.
const (
	documentation       = "documentation"
	ownership           = "ownership"
	tags                = "tags"
	jobType             = "jobType"
	sql                 = "sql"
	sourceCodeLocation  = "sourceCodeLocation"
	nominalTime         = "nominalTime"
	errorMessage        = "errorMessage"
	executionParameters = "executionParameters"
	parent              = "parent"
	processingEngine    = "processing_engine"
	dataSource          = "dataSource"
	schema              = "schema"
	version             = "version"
	datasetType         = "datasetType"
	outputStatistics    = "outputStatistics"
	inputStatistics     = "inputStatistics"
	dataQualityMetrics  = "dataQualityMetrics"
	symlinks            = "symlinks"
	lifecycle           = "lifecycleStateChange"
	columnLineage       = "columnLineage"
	// These two are this registry's own facets: see docs/openlineage.md.
	modelVersionProduced = "pedigree_modelVersion"
	deploymentMade       = "pedigree_deployment"
)

// facetForms are the forms of the facets that become facts.
var facetForms = map[string]func() any{
	documentation:        func() any { return &documentationFacet{} },
	ownership:            func() any { return &ownershipFacet{} },
	tags:                 func() any { return &tagsFacet{} },
	jobType:              func() any { return &jobTypeFacet{} },
	sql:                  func() any { return &sqlFacet{} },
	sourceCodeLocation:   func() any { return &sourceCodeLocationFacet{} },
	nominalTime:          func() any { return &nominalTimeFacet{} },
	errorMessage:         func() any { return &errorMessageFacet{} },
	executionParameters:  func() any { return &executionParametersFacet{} },
	parent:               func() any { return &parentFacet{} },
	processingEngine:     func() any { return &processingEngineFacet{} },
	dataSource:           func() any { return &dataSourceFacet{} },
	schema:               func() any { return &schemaFacet{} },
	version:              func() any { return &versionFacet{} },
	datasetType:          func() any { return &datasetTypeFacet{} },
	outputStatistics:     func() any { return &statisticsFacet{} },
	inputStatistics:      func() any { return &statisticsFacet{} },
	dataQualityMetrics:   func() any { return &statisticsFacet{} },
	symlinks:             func() any { return &symlinksFacet{} },
	lifecycle:            func() any { return &lifecycleFacet{} },
	columnLineage:        func() any { return &columnLineageFacet{} },
	explicitLineage:      func() any { return &lineageFacet{} },
	modelVersionProduced: func() any { return &modelVersionFacet{} },
	deploymentMade:       func() any { return &deploymentFacet{} },
}

// MappedFacets lists the facets that become facts, in no order. Others are kept.
func MappedFacets() (out []string) {
	for name := range facetForms {
		out = append(out, name)
	}
	return out
}

// IsMapped reports whether a facet becomes facts.
func IsMapped(name string) bool { return facetForms[name] != nil || name == FactsFacet }

// embedded leaves the names of embedded structs out of a path: they are no members of the JSON.
var embedded = strings.NewReplacer("flow.", "", "columnInput.", "", "Name.", "")

// checkFacet refuses a facet that becomes a fact and has a member of a wrong type.
func checkFacet(name, field string, raw json.RawMessage) error {
	form := facetForms[name]
	if form == nil {
		return nil
	}
	into := form()
	err := json.Unmarshal(raw, into)
	if own, ok := into.(interface{ check(field string) error }); ok && err == nil {
		return own.check(field)
	}
	if t, ok := err.(*json.UnmarshalTypeError); ok && t.Field != "" {
		t.Field = field + "." + embedded.Replace(t.Field)
	} else if ok {
		t.Field = field
	}
	if err != nil {
		return decodeError(err)
	}
	return nil
}

// check refuses a version of a model that cannot be registered.
func (f *modelVersionFacet) check(field string) error {
	if err := registry.CheckName(field+".model", f.Model); err != nil {
		return err
	}
	if _, err := registry.ParseVersion(f.Version); err != nil {
		return registry.Invalid(field+".version", "%q is not a version such as 1.2.0", registry.Shorten(f.Version, 60))
	}
	return nil
}

// check refuses a deployment that cannot be recorded.
func (f *deploymentFacet) check(field string) error {
	if err := (&modelVersionFacet{Model: f.Model, Version: f.Version}).check(field); err != nil {
		return err
	}
	return registry.CheckName(field+".environment", f.Environment)
}

// Entry is a value as it was told by the last event by time; of two values of one instant the
// one that is greater as text stands, so that no order of arrival matters.
type Entry struct {
	At    time.Time       `json:"at"`
	Value json.RawMessage `json:"value"`
}

// later reports whether o stands instead of e.
func (e Entry) later(o Entry) bool {
	if e.Value == nil {
		return true
	}
	if !e.At.Equal(o.At) {
		return o.At.After(e.At)
	}
	return string(o.Value) > string(e.Value)
}

// Facets are facets with the times of the events that told them.
type Facets map[string]Entry

// merge adds the facets of an event. It reports whether anything changed.
func (f *Facets) merge(at time.Time, told FacetSet) (changed bool) {
	for name, value := range told {
		changed = f.mergeEntry(name, Entry{at, value}) || changed
	}
	return changed
}

func (f *Facets) mergeEntry(name string, e Entry) bool {
	if !(*f)[name].later(e) {
		return false
	}
	if *f == nil {
		*f = Facets{}
	}
	(*f)[name] = e
	return true
}

// of reads one facet into its form. It reports false when the facet was not told, or was taken
// back.
func (f Facets) of(name string, into any) bool {
	e, ok := f[name]
	return ok && !e.takenBack() && json.Unmarshal(e.Value, into) == nil
}

// takenBack reports whether the value is a facet that says of itself that it is deleted.
func (e Entry) takenBack() (deleted bool) {
	_ = registry.EachMember(e.Value, func(name string, value json.RawMessage) {
		deleted = deleted || name == deletedMember && string(value) == "true"
	})
	return deleted
}

// Told returns the facets as they were told, without those that were taken back.
func (f Facets) Told() FacetSet {
	out := FacetSet{}
	for name, e := range f {
		if !strings.Contains(string(e.Value), `"`+deletedMember+`":true`) {
			out[name] = e.Value
		}
	}
	return out
}
