package kubeflow

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"pedigree/registry"
	"pedigree/service/kubeflow"
)

// errBody is the refusal of a body that is no JSON object. It does not repeat the body.
var errBody = registry.Errorf(registry.InvalidArgument, "the body is not one JSON object in UTF-8")

// membersOf returns the members of a JSON object. A member that is given twice is refused, one that
// is null is left out.
func membersOf(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errBody
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errBody
	}
	out, seen := map[string]json.RawMessage{}, map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, errBody
		}
		if seen[name] {
			return nil, registry.Errorf(registry.InvalidArgument, "the field %q is given twice", registry.Shorten(name, 60))
		}
		if seen[name] = true; string(value) != "null" {
			out[name] = value
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errBody
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errBody
	}
	return out, nil
}

// unknown is the refusal of a field that the type does not have, in the words of Kubeflow's server.
func unknown(name string) error {
	return registry.Errorf(registry.InvalidArgument, "json: unknown field %q", registry.Shorten(name, 60))
}

func wrongType(name, want string) error {
	return registry.Errorf(registry.InvalidArgument, "the field %q must be %s", registry.Shorten(name, 60), want)
}

// input decodes a body into what it says of an object of a type. In an update, the fields of which
// an object never changes are unknown.
func (c *call) input(t kubeflow.Type, members map[string]json.RawMessage, update bool) (in kubeflow.Input, err error) {
	in = kubeflow.Input{Type: t, Fields: map[string]any{}}
	artifact := t.IsArtifact()
	for name, raw := range members {
		switch {
		case name == "description":
			in.Description, err = textMember(name, raw)
		case name == "externalId":
			in.ExternalID, err = textMember(name, raw)
		case name == "name" && !update:
			in.Name, err = textMember(name, raw)
		case name == "customProperties":
			in.Properties, err = properties(raw)
		case name == "artifactType" && artifact:
		case (name == "id" || name == "createTimeSinceEpoch" || name == "lastUpdateTimeSinceEpoch" || name == "name" || name == "experimentId" || name == "experimentRunId") && artifact:
		default:
			i := slices.IndexFunc(kubeflow.FieldsOf(t), func(f kubeflow.Field) bool { return f.Name == name })
			if i < 0 {
				return in, unknown(name)
			}
			f := kubeflow.FieldsOf(t)[i]
			if f.ReadOnly || update && f.Once {
				return in, unknown(name)
			}
			in.Fields[name], err = fieldValue(f, raw)
		}
		if err != nil {
			return in, err
		}
	}
	return in, nil
}

// required answers with the first field that a new object needs and has not.
func required(in *kubeflow.Input) error {
	if in.Type.HasName() && (in.Name == nil || *in.Name == "") {
		return missing{"name"}
	}
	for _, f := range kubeflow.FieldsOf(in.Type) {
		if _, given := in.Fields[f.Name]; f.Required && !given {
			return missing{f.Name}
		}
	}
	return nil
}

func textMember(name string, raw json.RawMessage) (*string, error) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil, wrongType(name, "a string")
	}
	return &s, nil
}

// fieldValue decodes the value of a field.
func fieldValue(f kubeflow.Field, raw json.RawMessage) (any, error) {
	switch f.Kind {
	case kubeflow.TextList:
		var list []string
		if json.Unmarshal(raw, &list) != nil {
			return nil, wrongType(f.Name, "a list of strings")
		}
		return list, nil
	case kubeflow.Number:
		var n float64
		if json.Unmarshal(raw, &n) != nil || math.IsInf(n, 0) {
			return nil, wrongType(f.Name, "a number")
		}
		return n, nil
	case kubeflow.Integer:
		var n int64
		if json.Unmarshal(raw, &n) != nil || n > 1<<53 || n < -1<<53 {
			return nil, wrongType(f.Name, "an integer")
		}
		return n, nil
	}
	text, err := textMember(f.Name, raw)
	if err != nil {
		return nil, err
	}
	if f.Kind == kubeflow.Reference {
		return reference(f.Name, *text)
	}
	if len(f.Values) > 0 && !slices.Contains(f.Values, *text) {
		return nil, badRequest("invalid value '%s' for %s: valid values are %v", registry.Shorten(*text, 60), f.Name, f.Values)
	}
	return *text, registry.CheckText(f.Name, *text)
}

// maxID is the highest id: it has nine digits.
const maxID = 999_999_999

// reference reads the id of another object.
func reference(field, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badRequest("invalid %s: %s", field, numberError(err))
	}
	return n, nil
}

// numberError is the error of a number, with its text shortened.
func numberError(err error) string {
	n := err.(*strconv.NumError)
	return (&strconv.NumError{Func: n.Func, Num: registry.Shorten(n.Num, 60), Err: n.Err}).Error()
}

// maxProperties is the most custom properties of an object.
const maxProperties = 1000

// properties decodes custom properties.
func properties(raw json.RawMessage) (map[string]kubeflow.Property, error) {
	members, err := membersOf(raw)
	if err != nil {
		return nil, wrongType("customProperties", "an object whose keys differ")
	}
	if len(members) > maxProperties {
		return nil, registry.Errorf(registry.InvalidArgument, "customProperties has more than %d entries", maxProperties)
	}
	out := make(map[string]kubeflow.Property, len(members))
	for key, value := range members {
		if out[key], err = property(key, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// property decodes one custom property.
func property(key string, raw json.RawMessage) (p kubeflow.Property, err error) {
	var in struct {
		Type   kubeflow.PropertyType `json:"metadataType"`
		Int    *string               `json:"int_value"`
		Double *float64              `json:"double_value"`
		String *string               `json:"string_value"`
		Bool   *bool                 `json:"bool_value"`
		Struct *string               `json:"struct_value"`
		Proto  *string               `json:"proto_value"`
		Of     string                `json:"type"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil {
		return p, wrongProperty(key)
	}
	p.Type, p.Proto = in.Type, in.Of
	switch {
	case in.Type == kubeflow.IntProperty && in.Int != nil:
		p.Value = *in.Int
		_, err = strconv.ParseInt(*in.Int, 10, 64)
	case in.Type == kubeflow.DoubleProperty && in.Double != nil:
		p.Value = *in.Double
	case in.Type == kubeflow.StringProperty && in.String != nil:
		p.Value = *in.String
	case in.Type == kubeflow.BoolProperty && in.Bool != nil:
		p.Value = *in.Bool
	case in.Type == kubeflow.StructProperty && in.Struct != nil:
		p.Value, err = structValue(*in.Struct)
	case in.Type == kubeflow.ProtoProperty && in.Proto != nil:
		p.Value = *in.Proto
	default:
		err = errBody
	}
	if err != nil {
		return p, wrongProperty(key)
	}
	return p, nil
}

func wrongProperty(key string) error {
	return badRequest("the custom property %q needs a metadataType and a value of it, such as {\"metadataType\":\"MetadataIntValue\",\"int_value\":\"1\"}", registry.Shorten(key, 60))
}

// structValue returns the JSON of a struct, which comes in base64. That which an answer had, plain,
// is taken too.
func structValue(text string) (string, error) {
	if b, err := base64.StdEncoding.DecodeString(text); err == nil && json.Valid(b) {
		return string(b), nil
	}
	if json.Valid([]byte(text)) {
		return text, nil
	}
	return "", errBody
}
