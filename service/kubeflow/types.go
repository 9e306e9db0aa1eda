package kubeflow

import "slices"

// Type is a type of objects. That of an artifact is also its artifactType on the wire.
type Type string

// The types.
const (
	RegisteredModel    Type = "registered model"
	ModelVersion       Type = "model version"
	ModelArtifact      Type = "model-artifact"
	DocArtifact        Type = "doc-artifact"
	DatasetArtifact    Type = "dataset-artifact"
	MetricArtifact     Type = "metric"
	ParameterArtifact  Type = "parameter"
	ServingEnvironment Type = "serving environment"
	InferenceService   Type = "inference service"
	ServeModel         Type = "serve model"
	Experiment         Type = "experiment"
	ExperimentRun      Type = "experiment run"
	// MetricPoint is one value that a metric of an experiment run had. It looks like a metric.
	MetricPoint Type = "metric point"
	// AnyArtifact stands for all types of artifacts in reads.
	AnyArtifact Type = "artifact"
)

// ArtifactTypes lists the types of artifacts.
func ArtifactTypes() []Type {
	return []Type{ModelArtifact, DocArtifact, DatasetArtifact, MetricArtifact, ParameterArtifact}
}

// IsArtifact reports whether objects of the type are artifacts.
func (t Type) IsArtifact() bool { return slices.Contains(ArtifactTypes(), t) }

// FieldKind is how the value of a field is written.
type FieldKind int

// The kinds of fields. A Reference is the id of another object, an Integer a JSON number.
const (
	Text FieldKind = iota
	TextList
	Number
	Integer
	Reference
)

// Field is an own field of a type.
type Field struct {
	Name     string
	Kind     FieldKind
	Required bool
	// Values are the only texts that it can have. Default is its value in a new object.
	Values  []string
	Default string
	// Once is true for a field that does not change after it was created.
	Once bool
	// ReadOnly is true for a field that no client gives.
	ReadOnly bool
}

// The values of states.
const (
	Live       = "LIVE"
	Archived   = "ARCHIVED"
	Deployed   = "DEPLOYED"
	Undeployed = "UNDEPLOYED"
)

var (
	states         = Field{Name: "state", Values: []string{Live, Archived}, Default: Live}
	artifactStates = Field{Name: "state", Values: []string{"UNKNOWN", "PENDING", Live, "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"}, Default: "UNKNOWN"}
	ofExperiment   = []Field{{Name: "experimentId", Kind: Reference, ReadOnly: true}, {Name: "experimentRunId", Kind: Reference, ReadOnly: true}}
)

func texts(names ...string) (out []Field) {
	for _, n := range names {
		out = append(out, Field{Name: n})
	}
	return out
}

var metricFields = slices.Concat([]Field{{Name: "value", Kind: Number}, {Name: "timestamp"}, {Name: "step", Kind: Integer}, artifactStates}, ofExperiment)

// fieldTable has the own fields of each type.
var fieldTable = map[Type][]Field{
	RegisteredModel: slices.Concat(texts("owner"), []Field{states}, texts("readme", "maturity"), []Field{{Name: "language", Kind: TextList}, {Name: "tasks", Kind: TextList}},
		texts("provider", "logo", "license", "licenseLink", "libraryName")),
	ModelVersion: {{Name: "registeredModelId", Kind: Reference, Required: true, Once: true}, {Name: "author"}, states},
	ModelArtifact: slices.Concat(texts("uri", "modelFormatName", "modelFormatVersion", "storageKey", "storagePath", "serviceAccountName", "modelSourceKind", "modelSourceClass",
		"modelSourceGroup", "modelSourceId", "modelSourceName"), []Field{artifactStates}, ofExperiment),
	DocArtifact:        slices.Concat(texts("uri"), []Field{artifactStates}, ofExperiment),
	DatasetArtifact:    slices.Concat(texts("digest", "sourceType", "source", "schema", "profile", "uri"), []Field{artifactStates}, ofExperiment),
	MetricArtifact:     metricFields,
	MetricPoint:        metricFields,
	ParameterArtifact:  slices.Concat(texts("value"), []Field{{Name: "parameterType", Values: []string{"string", "number", "boolean", "object"}}, artifactStates}, ofExperiment),
	ServingEnvironment: {},
	InferenceService: {{Name: "registeredModelId", Kind: Reference, Required: true, Once: true}, {Name: "servingEnvironmentId", Kind: Reference, Required: true, Once: true},
		{Name: "modelVersionId", Kind: Reference}, {Name: "runtime"}, {Name: "desiredState", Values: []string{Deployed, Undeployed}, Default: Deployed}},
	ServeModel: {{Name: "modelVersionId", Kind: Reference, Required: true, Once: true},
		{Name: "lastKnownState", Values: []string{"UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"}, Default: "UNKNOWN"}},
	Experiment: {{Name: "owner"}, states},
	ExperimentRun: {{Name: "experimentId", Kind: Reference, Required: true, Once: true}, {Name: "startTimeSinceEpoch", Once: true}, {Name: "endTimeSinceEpoch"},
		{Name: "status", Values: []string{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}, Default: "RUNNING"}, states, {Name: "owner"}},
}

// FieldsOf returns the own fields of a type.
func FieldsOf(t Type) []Field { return fieldTable[t] }

// HasName reports whether a new object of the type needs a name.
func (t Type) HasName() bool {
	return t == RegisteredModel || t == ModelVersion || t == ServingEnvironment || t == Experiment
}

// fieldOf returns a field of a type.
func fieldOf(t Type, name string) (Field, bool) {
	i := slices.IndexFunc(fieldTable[t], func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return fieldTable[t][i], true
}
