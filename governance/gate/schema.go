// Package gate evaluates the conditions of gates, which are written in CEL, over facts that it is
// given. It knows three values: a condition passes, fails, or is unknown, and what is unknown
// never passes. It reads no store, no clock and no policy.
package gate

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/cel"

	"pedigree/registry"
)

// Field is a field of an object, or a variable. Noun and NounField name the stored field that it is
// read from; who may not see that field may not see it in an answer.
type Field struct {
	Name            string
	Type            string
	Noun, NounField string
	Doc             string
}

// Type is a type of objects.
type Type struct {
	Name   string
	Fields []Field
}

// Types lists the types of objects.
func Types() []Type { return slices.Clone(objectTypes) }

// Variables lists the variables of a condition.
func Variables() []Field { return slices.Clone(variables) }

// FieldOf returns a field of a type.
func FieldOf(typeName, name string) (Field, bool) {
	for _, t := range objectTypes {
		if t.Name != typeName {
			continue
		}
		for _, f := range t.Fields {
			if f.Name == name {
				return f, true
			}
		}
	}
	return Field{}, false
}

// sets are the variables that are bounded lists of objects.
var sets = func() (out []string) {
	for _, v := range variables {
		if _, ok := itemType(v.Type); ok {
			out = append(out, v.Name)
		}
	}
	return out
}()

// itemType returns the type of the objects of a set.
func itemType(name string) (string, bool) {
	for _, t := range objectTypes {
		if name == "list("+t.Name+")" {
			return t.Name, true
		}
	}
	return "", false
}

var variables = []Field{
	{"version", "Version", "ModelVersion", "", "the version that would move"},
	{"to", "string", "", "", "the stage that it would enter, such as PRODUCTION"},
	{"card", "Card", "ModelCard", "", "its card"},
	{"model", "Model", "Model", "", "its model"},
	{"hasIncumbent", "bool", "ModelVersion", "stage", "whether another version of the model is in PRODUCTION"},
	{"incumbent", "Incumbent", "ModelVersion", "", "that version; all of it is unknown when there is none"},
	{"sources", "list(Dataset)", "DatasetVersion", "", "the dataset versions upstream that nothing upstream made: the raw data"},
	{"datasets", "list(Dataset)", "DatasetVersion", "", "all dataset versions upstream, the sources too"},
	{"runs", "list(Run)", "Run", "", "the runs upstream"},
	{"commits", "list(Commit)", "Commit", "", "the commits that they ran, and that the version was released from"},
	{"gitTags", "list(Tag)", "Tag", "", "the git tags that the version was released from"},
	{"features", "list(Feature)", "Feature", "", "the features upstream"},
	{"ancestors", "list(Ancestor)", "", "", "everything upstream, of all kinds"},
	{"gaps", "list(string)", "ModelVersion", "name", "the codes of the gaps of its provenance, such as RUN_WITHOUT_COMMIT"},
	{"artifacts", "list(Artifact)", "Artifact", "", "the artifacts of the version"},
	{"signature", "Signature", "Signature", "", "what its signatures prove"},
	{"review", "Review", "Review", "", "the last review of the model"},
	{"approvals", "int", "TransitionRequest", "approvals", "how many approvals count; 0 without a request"},
	{"now", "timestamp", "", "", "the time of the transition"},
}

var objectTypes = []Type{
	{"Version", versionFields},
	{"Incumbent", append(slices.Clone(versionFields), Field{"card", "Card", "ModelCard", "", "its card"})},
	{"Card", []Field{
		{"description", "string", "ModelCard", "description", "what the model is for"},
		{"algorithm", "string", "ModelCard", "modelDetails", "the algorithm"},
		{"framework", "string", "ModelCard", "modelDetails", "the framework"},
		{"metrics", "map(string, double)", "ModelCard", "performance", "all metrics by name: accuracy, precision, recall and f1Score too"},
		{"accuracy", "double", "ModelCard", "performance", "the accuracy"},
		{"precision", "double", "ModelCard", "performance", "the precision"},
		{"recall", "double", "ModelCard", "performance", "the recall"},
		{"f1Score", "double", "ModelCard", "performance", "the F1 score"},
		{"fairnessChecked", "bool", "ModelCard", "ethicalConsiderations", "whether fairness was checked"},
		{"biasAuditDone", "bool", "ModelCard", "ethicalConsiderations", "whether a bias audit was done"},
		{"protectedGroups", "list(string)", "ModelCard", "ethicalConsiderations", "the protected groups"},
		{"trainingDataVersion", "string", "ModelCard", "training", "the training data that it names"},
		{"trainingDate", "timestamp", "ModelCard", "training", "when it was trained"},
		{"samplesUsed", "int", "ModelCard", "training", "how many rows it was trained on"},
		{"features", "list(string)", "ModelCard", "features", "the features that it names"},
		{"limitations", "list(string)", "ModelCard", "limitations", "its limitations"},
		{"complete", "bool", "ModelCard", "description", "whether nothing is left out"},
		{"missing", "list(string)", "ModelCard", "description", "the paths of what is left out"},
	}},
	{"Model", []Field{
		{"name", "string", "Model", "name", "the name"},
		{"description", "string", "Model", "description", "what it is for"},
		{"owner", "string", "Model", "owner", "the owner; empty when there is none"},
		{"tags", "map(string, string)", "Model", "tags", "the tags"},
		{"created", "timestamp", "Model", "createdAt", "when it was registered"},
		{"nextReview", "timestamp", "Model", "nextReview", "when the next review is due"},
	}},
	{"Dataset", []Field{
		{"id", "string", "DatasetVersion", "id", "the id"},
		{"name", "string", "DatasetVersion", "name", "the name of the dataset"},
		{"namespace", "string", "DatasetVersion", "namespace", "its namespace"},
		{"version", "string", "DatasetVersion", "version", "the version"},
		{"digest", "string", "DatasetVersion", "digest", "the digest; empty when it is not recorded"},
		{"role", "string", "DatasetVersion", "role", "RAW, CLEANED, TRAINING or OTHER; empty when nobody said"},
		{"licence", "string", "DatasetVersion", "tags", "the tag licence, or license, of the version, else of the dataset; empty when there is none"},
		{"tags", "map(string, string)", "DatasetVersion", "tags", "the tags of the dataset, and over them those of the version"},
		{"rows", "int", "DatasetVersion", "rows", "how many rows"},
		{"sizeBytes", "int", "DatasetVersion", "sizeBytes", "how many bytes"},
		{"created", "timestamp", "DatasetVersion", "createdAt", "when it was made"},
		recalledField,
	}},
	{"Run", []Field{
		{"id", "string", "Run", "id", "the id"},
		{"name", "string", "Run", "name", "the name"},
		{"kind", "string", "Run", "runKind", "ETL, FEATURE_ENGINEERING, TRAINING, EVALUATION or OTHER"},
		{"status", "string", "Run", "status", "RUNNING, COMPLETE, FAILED or ABORTED"},
		{"producer", "string", "Run", "producer", "the system that ran it"},
		{"actor", "string", "Run", "actor", "who ran it"},
		{"metrics", "map(string, double)", "Run", "metrics", "its metrics by name"},
		{"tags", "map(string, string)", "Run", "tags", "its tags"},
		{"started", "timestamp", "Run", "startedAt", "when it began"},
		{"ended", "timestamp", "Run", "endedAt", "when it ended"},
		{"hasCommit", "bool", "Run", "name", "whether it is known whose code it ran"},
		recalledField,
	}},
	{"Commit", []Field{
		{"id", "string", "Commit", "id", "the id"},
		{"sha", "string", "Commit", "sha", "the sha"},
		{"author", "string", "Commit", "author", "the author"},
		{"email", "string", "Commit", "email", "the address of the author"},
		{"message", "string", "Commit", "message", "the message"},
		{"repository", "string", "Commit", "repository", "the repository"},
		{"authored", "timestamp", "Commit", "authoredAt", "when it was made"},
		{"signed", "bool", "Commit", "signature", "whether it carries a signature; nobody verified it"},
		recalledField,
	}},
	{"Tag", []Field{
		{"id", "string", "Tag", "id", "the id"},
		{"name", "string", "Tag", "name", "the name"},
		{"repository", "string", "Tag", "repository", "the repository"},
		{"sha", "string", "Tag", "sha", "the commit that it points at"},
		{"annotated", "bool", "Tag", "annotated", "whether it is annotated"},
		{"tagger", "string", "Tag", "tagger", "who made it"},
		recalledField,
	}},
	{"Feature", []Field{
		{"id", "string", "Feature", "id", "the id"},
		{"name", "string", "Feature", "name", "the name"},
		{"type", "string", "Feature", "type", "the type"},
		{"owner", "string", "Feature", "owner", "the owner; empty when there is none"},
		{"column", "string", "Feature", "column", "the column that it is defined on"},
		recalledField,
	}},
	{"Ancestor", []Field{
		{"id", "string", "", "id", "the id"},
		{"kind", "string", "", "kind", "the kind, such as DATASET_VERSION"},
		{"name", "string", "", "name", "the name"},
		recalledField,
	}},
	{"Artifact", []Field{
		{"id", "string", "Artifact", "id", "the id"},
		{"name", "string", "Artifact", "name", "the path"},
		{"digest", "string", "Artifact", "digest", "the digest; empty when it is not recorded"},
		{"format", "string", "Artifact", "format", "the format"},
		{"sizeBytes", "int", "Artifact", "sizeBytes", "how many bytes"},
		{"stored", "bool", "Artifact", "stored", "whether its bytes are kept here, which verifies the digest"},
	}},
	{"Signature", []Field{
		{"verified", "bool", "Signature", "verification", "whether somebody whom the server trusts signed the files as they are stored"},
		{"by", "string", "Signature", "verification", "who; empty when nobody did"},
	}},
	{"Review", []Field{
		{"exists", "bool", "Review", "decision", "whether the model was ever reviewed"},
		{"decision", "string", "Review", "decision", "APPROVED, APPROVED_WITH_CONDITIONS or REJECTED"},
		{"by", "string", "Review", "by", "who reviewed it"},
		{"at", "timestamp", "Review", "at", "when"},
	}},
}

var versionFields = []Field{
	{"id", "string", "ModelVersion", "id", "the id"},
	{"model", "string", "ModelVersion", "modelName", "the name of the model when it was registered"},
	{"version", "string", "ModelVersion", "version", "the version, such as 1.0.0"},
	{"stage", "string", "ModelVersion", "stage", "the stage that it is in"},
	{"label", "string", "ModelVersion", "label", "its name in another system; empty when it has none"},
	{"description", "string", "ModelVersion", "description", "what is new"},
	{"owner", "string", "ModelVersion", "owner", "the owner; empty when there is none"},
	{"creator", "string", "ModelVersion", "creator", "who made it"},
	{"tags", "map(string, string)", "ModelVersion", "tags", "the tags"},
	{"created", "timestamp", "ModelVersion", "createdDate", "when it was made"},
	{"recorded", "timestamp", "ModelVersion", "recordedAt", "when it was registered"},
}

var recalledField = Field{"recalled", "bool", "", "id", "whether it was recalled"}

// scalarTypes are the types that are no objects.
var scalarTypes = map[string]*cel.Type{
	"bool": cel.BoolType, "int": cel.IntType, "double": cel.DoubleType, "string": cel.StringType, "timestamp": cel.TimestampType,
	"list(string)": cel.ListType(cel.StringType), "map(string, string)": cel.MapType(cel.StringType, cel.StringType),
	"map(string, double)": cel.MapType(cel.StringType, cel.DoubleType),
}

// celType returns the CEL type with a name of the tables.
func celType(name string) *cel.Type {
	if t := scalarTypes[name]; t != nil {
		return t
	}
	if item, ok := itemType(name); ok {
		return cel.ListType(cel.ObjectType(item))
	}
	return cel.ObjectType(name)
}

// CheckFacts returns an error for facts that the tables do not have: it is for tests of who makes
// facts.
func CheckFacts(f Facts) error {
	for name, v := range f {
		i := slices.IndexFunc(variables, func(v Field) bool { return v.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no variable %s", name)
		}
		if err := checkValue(variables[i].Type, v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkValue(typeName string, v any) error {
	switch v := v.(type) {
	case *Object:
		if v.Type != typeName {
			return fmt.Errorf("has the type %s, not %s", v.Type, typeName)
		}
		for name, value := range v.Fields {
			f, ok := FieldOf(v.Type, name)
			if !ok {
				return fmt.Errorf("%s has no field %s", v.Type, name)
			}
			if err := checkValue(f.Type, value); err != nil {
				return fmt.Errorf("%s.%s: %w", v.Type, name, err)
			}
		}
		return nil
	case *Set:
		item, _ := itemType(typeName)
		for _, o := range v.Items {
			if err := checkValue(item, o); err != nil {
				return err
			}
		}
		return nil
	}
	if goTypes[typeName] != fmt.Sprintf("%T", v) {
		return fmt.Errorf("is a %T, not a %s", v, typeName)
	}
	return nil
}

// goTypes are the Go types of scalars.
var goTypes = map[string]string{"bool": "bool", "int": "int64", "double": "float64", "string": "string", "timestamp": "time.Time",
	"list(string)": "[]string", "map(string, string)": "map[string]string", "map(string, double)": "map[string]float64"}

// Facts are what a condition is evaluated over, by the names of variables. What is left out is
// unknown. A value is an *Object, a *Set, or of the Go type of a scalar.
type Facts map[string]any

// Object is a thing of one of the types. A field that is left out is unknown.
type Object struct {
	Type string
	// ID is the node that the object was read from, and Name what people call it.
	ID     registry.ID
	Name   string
	Fields map[string]any
}

// Set is a bounded list of objects. A truncated one has more of them, which are not known.
type Set struct {
	Items     []*Object
	Truncated bool
}
