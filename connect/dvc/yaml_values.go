package dvc

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// values converts YAML to values that JSON can represent, as DVC reads it: by YAML 1.2,
// where a date is a text and a leading zero makes no octal number.
type values struct {
	// left is how many more nodes are converted. Aliases of aliases can multiply without end.
	left int
}

// maxValues is the most values of one file. DVC has no limit; the largest known file of
// parameters has some ten thousand.
const maxValues = 200_000

// valueOf converts one node and all below it.
func valueOf(n *yaml.Node) any {
	v := &values{left: maxValues}
	return v.of(n, 0)
}

const maxValueDepth = 50

func (v *values) of(n *yaml.Node, depth int) any {
	if v.left--; v.left < 0 || depth > maxValueDepth {
		return "…"
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) > 0 {
			return v.of(n.Content[0], depth)
		}
	case yaml.AliasNode:
		return v.of(n.Alias, depth+1)
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			out = append(out, v.of(item, depth+1))
		}
		return out
	case yaml.MappingNode:
		return v.mapping(n, depth)
	case yaml.ScalarNode:
		return scalarValue(n)
	}
	return nil
}

// mapping converts a mapping. The members of a merge key (<<) stand behind its own.
func (v *values) mapping(n *yaml.Node, depth int) map[string]any {
	out := map[string]any{}
	var merged []any
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], v.of(n.Content[i+1], depth+1)
		if key.Tag == "!!merge" {
			if list, ok := value.([]any); ok {
				merged = append(merged, list...)
			} else {
				merged = append(merged, value)
			}
			continue
		}
		if key.Kind == yaml.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		out[key.Value] = value
	}
	for _, m := range merged {
		members, _ := m.(map[string]any)
		for k, x := range members {
			if _, ok := out[k]; !ok {
				out[k] = x
			}
		}
	}
	return out
}

var (
	decimalForm = regexp.MustCompile(`^[-+]?[0-9][0-9_]*$`)
	floatForm   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// scalarValue converts a scalar. A number keeps all its digits.
func scalarValue(n *yaml.Node) any {
	text := n.Value
	plain := strings.ReplaceAll(text, "_", "")
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(text, "true")
	case "!!int", "!!float":
		digits := strings.TrimPrefix(plain, "+")
		switch {
		case decimalForm.MatchString(text):
			sign := ""
			if strings.HasPrefix(digits, "-") {
				sign, digits = "-", digits[1:]
			}
			if digits = strings.TrimLeft(digits, "0"); digits == "" {
				return json.Number("0")
			}
			return json.Number(sign + digits)
		case floatForm.MatchString(text):
			if f, err := strconv.ParseFloat(digits, 64); err == nil && !math.IsInf(f, 0) {
				return f
			}
			return text
		}
		if i, err := strconv.ParseInt(digits, 0, 64); err == nil { // 0x1f and 0o17
			return json.Number(strconv.FormatInt(i, 10))
		}
		var f float64
		if n.Decode(&f) == nil && (math.IsInf(f, 0) || math.IsNaN(f)) {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return text
}
