package kubeflow

import (
	"strconv"
	"time"

	"pedigree/service/kubeflow"
)

// wire returns an object as its message. What it has not is left out.
func wire(o *kubeflow.Object) map[string]any {
	out := map[string]any{"customProperties": wireProperties(o.Properties), "createTimeSinceEpoch": milliseconds(o.Created), "lastUpdateTimeSinceEpoch": milliseconds(o.Updated)}
	if o.Number > 0 {
		out["id"] = strconv.FormatInt(o.Number, 10)
	}
	for name, value := range map[string]string{"name": o.Name, "description": o.Description, "externalId": o.ExternalID} {
		if value != "" {
			out[name] = value
		}
	}
	switch {
	case o.Type == kubeflow.MetricPoint:
		out["artifactType"] = string(kubeflow.MetricArtifact)
	case o.Type.IsArtifact():
		out["artifactType"] = string(o.Type)
	}
	for _, f := range kubeflow.FieldsOf(o.Type) {
		value, ok := o.Fields[f.Name]
		if !ok {
			continue
		}
		if n, isID := value.(int64); isID && f.Kind == kubeflow.Reference {
			value = strconv.FormatInt(n, 10)
		}
		out[f.Name] = value
	}
	return out
}

func milliseconds(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// valueNames are the members that have the values of properties.
var valueNames = map[kubeflow.PropertyType]string{kubeflow.IntProperty: "int_value", kubeflow.DoubleProperty: "double_value", kubeflow.StringProperty: "string_value",
	kubeflow.BoolProperty: "bool_value", kubeflow.StructProperty: "struct_value", kubeflow.ProtoProperty: "proto_value"}

func wireProperties(properties map[string]kubeflow.Property) map[string]any {
	out := make(map[string]any, len(properties))
	for key, p := range properties {
		one := map[string]any{"metadataType": string(p.Type), valueNames[p.Type]: p.Value}
		if p.Type == kubeflow.ProtoProperty {
			one["type"] = p.Proto
		}
		out[key] = one
	}
	return out
}

// listBody is a list. PageSize is what the client asked for.
type listBody struct {
	Items []map[string]any `json:"items"`
	Next  string           `json:"nextPageToken"`
	Page  int              `json:"pageSize"`
	Size  int              `json:"size"`
}
