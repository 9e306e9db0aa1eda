package kubeflow

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
)

// Condition is a condition on objects: AND or OR of others, or a comparison of a key with values.
type Condition struct {
	// All and Any are the parts of an AND and of an OR.
	All, Any []*Condition
	// Key is an attribute, or the name of a custom property. Of forces the type of the property.
	Key string
	Of  PropertyType
	// Compare is one of = != < <= > >= LIKE ILIKE IN.
	Compare string
	Values  []FilterValue

	pattern *regexp.Regexp
}

// FilterValue is a value in a condition: a text, a number or a truth.
type FilterValue struct {
	Text   string
	Number *float64
	Bool   *bool
}

// maxConditions and maxValues bound a filter.
const maxConditions, maxValues = 100, 1000

// prepare checks a condition, compiles its patterns and returns how many comparisons it has.
func (c *Condition) prepare() (n int, err error) {
	for _, part := range slices.Concat(c.All, c.Any) {
		m, err := part.prepare()
		if err != nil {
			return 0, err
		}
		n += m
	}
	if c.Key != "" {
		n++
	}
	if n > maxConditions || len(c.Values) > maxValues {
		return n, registry.Invalid("filterQuery", "has more than %d conditions, or more than %d values", maxConditions, maxValues)
	}
	if c.Compare == "LIKE" || c.Compare == "ILIKE" {
		c.pattern = catalog.LikePattern(c.Values[0].Text, c.Compare == "ILIKE")
	}
	return n, nil
}

// keys calls a function with each key of a condition.
func (c *Condition) keys(each func(*Condition)) {
	if c == nil {
		return
	}
	for _, part := range slices.Concat(c.All, c.Any) {
		part.keys(each)
	}
	if c.Key != "" {
		each(c)
	}
}

// check answers FORBIDDEN for a filter on what the caller cannot see.
func (c *Condition) check(t Type, scope *policies.Scope) error {
	noun := map[Type]string{RegisteredModel: "Model", ModelVersion: "ModelVersion"}[t]
	if c == nil || noun == "" || scope.Sees(noun, "tags") {
		return nil
	}
	var err error
	c.keys(func(x *Condition) {
		if x.Of != "" || !slices.Contains([]string{"id", "name", "description", "owner", "author", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch", "registeredModelId"}, x.Key) {
			err = registry.Errorf(registry.Forbidden, "you may not filter by %s, which you cannot see", registry.Shorten(x.Key, 60))
		}
	})
	return err
}

// holds reports whether an object meets the condition; nil always holds.
func (c *Condition) holds(o *Object) bool {
	switch {
	case c == nil:
		return true
	case c.All != nil:
		return !slices.ContainsFunc(c.All, func(p *Condition) bool { return !p.holds(o) })
	case c.Any != nil:
		return slices.ContainsFunc(c.Any, func(p *Condition) bool { return p.holds(o) })
	}
	value, ok := c.valueIn(o)
	return ok && c.compares(value)
}

// valueIn returns the value of the key in an object.
func (c *Condition) valueIn(o *Object) (any, bool) {
	if c.Of == "" {
		switch c.Key {
		case "id":
			return float64(o.Number), true
		case "name":
			return o.Name, true
		case "description":
			return o.Description, o.Description != ""
		case "externalId":
			return o.ExternalID, o.ExternalID != ""
		case "createTimeSinceEpoch":
			return float64(o.Created.UnixMilli()), true
		case "lastUpdateTimeSinceEpoch":
			return float64(o.Updated.UnixMilli()), true
		case "artifactType":
			return string(o.Type), true
		}
		if v, ok := o.Fields[c.Key]; ok {
			if n, isInt := v.(int64); isInt {
				return float64(n), true
			}
			return v, true
		}
	}
	p, ok := o.Properties[c.Key]
	if !ok || c.Of != "" && p.Type != c.Of {
		return nil, false
	}
	if n, isNumber := p.number(); isNumber {
		return n, true
	}
	return p.Value, true
}

// compares compares a value of an object with those of the condition.
func (c *Condition) compares(value any) bool {
	if list, ok := value.([]string); ok {
		return slices.ContainsFunc(list, func(s string) bool { return c.compares(s) })
	}
	if c.pattern != nil {
		text, ok := value.(string)
		return ok && c.pattern.MatchString(text)
	}
	if c.Compare == "IN" {
		return slices.ContainsFunc(c.Values, func(v FilterValue) bool { n, ok := compare(value, v); return ok && n == 0 })
	}
	n, ok := compare(value, c.Values[0])
	if !ok {
		return false
	}
	switch c.Compare {
	case "=":
		return n == 0
	case "!=":
		return n != 0
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	}
	return n >= 0
}

// compare compares a value of an object with one of a condition; false when they are of different
// kinds. A text of digits is a number where a number is meant.
func compare(value any, with FilterValue) (int, bool) {
	switch v := value.(type) {
	case string:
		if with.Number != nil {
			n, err := strconv.ParseFloat(v, 64)
			return cmp.Compare(n, *with.Number), err == nil
		}
		return strings.Compare(v, with.Text), with.Bool == nil
	case float64:
		if with.Number != nil {
			return cmp.Compare(v, *with.Number), true
		}
		n, err := strconv.ParseFloat(with.Text, 64)
		return cmp.Compare(v, n), err == nil && with.Bool == nil
	case bool:
		if with.Bool == nil {
			return 0, false
		}
		if v == *with.Bool {
			return 0, true
		}
		return 1, true
	}
	return 0, false
}

// exactNames returns the only names that can match, false when the condition does not name them.
func (c *Condition) exactNames() ([]string, bool) {
	if c == nil {
		return nil, false
	}
	for _, part := range c.All {
		if names, ok := part.exactNames(); ok {
			return names, true
		}
	}
	if c.Key != "name" || c.Of != "" || c.Compare != "=" && c.Compare != "IN" {
		return nil, false
	}
	var out []string
	for _, v := range c.Values {
		if v.Number != nil || v.Bool != nil {
			return nil, false
		}
		out = append(out, v.Text)
	}
	return out, true
}
