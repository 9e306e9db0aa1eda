package kubeflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"pedigree/registry"
	"pedigree/service/core"
)

// Property is a custom property. Its Value is a string, but for a double, which is a float64, and
// a bool. An int is a string of digits, as on the wire, and a struct its JSON.
type Property struct {
	Type  PropertyType `json:"type"`
	Value any          `json:"value"`
	// Proto is the type of a value of ProtoProperty.
	Proto string `json:"proto,omitempty"`
}

// PropertyType is the type of a custom property, by its name on the wire.
type PropertyType string

// The types of custom properties.
const (
	IntProperty    PropertyType = "MetadataIntValue"
	DoubleProperty PropertyType = "MetadataDoubleValue"
	StringProperty PropertyType = "MetadataStringValue"
	BoolProperty   PropertyType = "MetadataBoolValue"
	StructProperty PropertyType = "MetadataStructValue"
	ProtoProperty  PropertyType = "MetadataProtoValue"
)

// ownTags is the start of the keys of tags that are no custom properties.
const ownTags = "pedigree."

// The tags that keep what is no tag: the properties that are no plain text, and the external id.
const (
	propertiesTag = registry.KubeflowTags + "properties"
	externalTag   = registry.KubeflowTags + "externalId"
)

// isTag reports whether a property can be a tag that comes back as it is.
func isTag(key string, p Property) bool {
	value, ok := p.Value.(string)
	if !ok || p.Type != StringProperty || strings.HasPrefix(key, ownTags) {
		return false
	}
	tags := []registry.KeyValue{{Key: key, Value: value}}
	return core.CheckTags("customProperties", tags) == nil && tags[0].Key == key && tags[0].Value == value
}

// propertiesOf returns the custom properties that tags are.
func propertiesOf(tags []registry.KeyValue) map[string]Property {
	out := map[string]Property{}
	for _, t := range tags {
		switch {
		case t.Key == propertiesTag:
			var odd map[string]Property
			if json.Unmarshal([]byte(t.Value), &odd) == nil {
				maps.Copy(out, odd)
			}
		case !strings.HasPrefix(t.Key, ownTags):
			out[t.Key] = Property{Type: StringProperty, Value: t.Value}
		}
	}
	return out
}

// tagOf returns the value of a tag, "" without one.
func tagOf(tags []registry.KeyValue, key string) (string, bool) {
	for _, t := range tags {
		if t.Key == key {
			return t.Value, true
		}
	}
	return "", false
}

// tagsWith returns tags with what an input says: its custom properties, its external id and those
// of its fields that are kept. Tags of other doors stay.
func (in *Input) tagsWith(old []registry.KeyValue, native ...string) ([]registry.KeyValue, error) {
	out := slices.DeleteFunc(slices.Clone(old), func(t registry.KeyValue) bool {
		isProperty := t.Key == propertiesTag || !strings.HasPrefix(t.Key, ownTags)
		return isProperty && in.Properties != nil
	})
	set := func(key, value string) {
		if i := slices.IndexFunc(out, func(t registry.KeyValue) bool { return t.Key == key }); i >= 0 {
			out[i].Value = value
		} else {
			out = append(out, registry.KeyValue{Key: key, Value: value})
		}
	}
	odd := map[string]Property{}
	for _, key := range slices.Sorted(maps.Keys(in.Properties)) {
		if p := in.Properties[key]; isTag(key, p) {
			set(key, p.Value.(string))
		} else {
			odd[key] = p
		}
	}
	if len(odd) > 0 {
		text, err := asciiJSON(odd)
		if err != nil {
			return nil, err
		}
		set(propertiesTag, text)
	}
	if in.ExternalID != nil {
		set(externalTag, *in.ExternalID)
	}
	for _, f := range fieldTable[in.Type] {
		value, given := in.Fields[f.Name]
		if !given || slices.Contains(native, f.Name) {
			continue
		}
		text, isText := value.(string)
		if !isText {
			b, err := asciiJSON(value)
			if err != nil {
				return nil, err
			}
			text = b
		}
		set(registry.KubeflowTags+f.Name, text)
	}
	if out == nil {
		out = []registry.KeyValue{}
	}
	return out, core.CheckTags("customProperties", out)
}

// keptFields adds the fields of an object that tags keep.
func (o *Object) keptFields(tags []registry.KeyValue) {
	for _, f := range fieldTable[o.Type] {
		text, ok := tagOf(tags, registry.KubeflowTags+f.Name)
		if !ok {
			continue
		}
		if f.Kind != TextList {
			o.Fields[f.Name] = text
			continue
		}
		var list []string
		if json.Unmarshal([]byte(text), &list) == nil {
			o.Fields[f.Name] = list
		}
	}
	o.ExternalID, _ = tagOf(tags, externalTag)
	o.Properties = propertiesOf(tags)
}

// asciiJSON returns a value as JSON in ASCII, so that no normalization changes a text in it.
func asciiJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String(), nil
}

// number returns the number that a property is.
func (p Property) number() (float64, bool) {
	switch v := p.Value.(type) {
	case float64:
		return v, true
	case string:
		if p.Type == IntProperty {
			n, err := strconv.ParseFloat(v, 64)
			return n, err == nil
		}
	}
	return 0, false
}
