package dvc

import (
	"encoding/json"
	"errors"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// parameters merges the parameters of all files into one JSON object. Names of params.yaml
// stay as they are; others become FILE:NAME, as in DVC. stored is nil when the object is
// larger than registry.MaxJSON; full, which identifies the run, has no size limit.
func parameters(files map[string]yaml.Node) (stored, full registry.JSON) {
	all := map[string]any{}
	for _, file := range sortedKeys(files) {
		node := files[file]
		members, ok := valueOf(&node).(map[string]any)
		if !ok {
			continue
		}
		for k, v := range members {
			if file != "params.yaml" {
				k = file + ":" + k
			}
			all[k] = withoutCredentials(v)
		}
	}
	full, err := registry.Canonical(all)
	switch {
	case err != nil || len(all) == 0:
		return nil, nil // valueOf returns only what JSON can represent.
	case len(full) > registry.MaxJSON:
		return nil, full
	}
	return full, full
}

// withoutCredentials removes the credentials of URLs in the texts of a value.
func withoutCredentials(v any) any {
	switch v := v.(type) {
	case string:
		return registry.WithoutCredentials(v)
	case []any:
		for i := range v {
			v[i] = withoutCredentials(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = withoutCredentials(v[k])
		}
	}
	return v
}

// valuesParser returns the parser of a file of parameters in YAML, JSON or TOML.
func valuesParser(file string) func([]byte) (*map[string]any, []string, error) {
	return func(raw []byte) (*map[string]any, []string, error) {
		tree, err := parseTree(file, raw)
		values, _ := tree.(map[string]any)
		return &values, nil, err
	}
}

// parseTree decodes JSON, YAML or TOML.
func parseTree(file string, raw []byte) (tree any, err error) {
	if path.Ext(file) == ".toml" {
		var table map[string]any
		err = toml.Unmarshal(raw, &table)
		return table, err
	}
	var node yaml.Node // JSON is YAML too.
	if err = yaml.Unmarshal(raw, &node); err != nil {
		if json.Unmarshal(raw, &tree) == nil {
			return tree, nil
		}
		return nil, errors.New("it cannot be read: " + oneLine(err.Error()))
	}
	return valueOf(&node), nil
}

// parseMetrics reads the numbers of a metrics file in JSON, YAML or TOML. Nested names are joined
// by dots. leftOut counts the numbers and lists that the registry would refuse or that are
// too many. parseMetrics returns false when there are no numbers.
func parseMetrics(file string, raw []byte) (out []registry.Metric, leftOut int, ok bool) {
	if !utf8.Valid(raw) {
		return nil, 0, false
	}
	tree, err := parseTree(file, raw)
	if err != nil {
		return nil, 0, false
	}
	found := &numbers{values: map[string]float64{}}
	collectNumbers("", tree, found, 0)
	for _, name := range sortedKeys(found.values) {
		out = append(out, registry.Metric{Name: name, Value: found.values[name]})
	}
	return out, found.leftOut, len(out) > 0
}

// numbers are the numbers of a metrics file by name, and how many were left out.
type numbers struct {
	values  map[string]float64
	leftOut int
}

func collectNumbers(at string, v any, found *numbers, depth int) {
	name := func(k string) string { return strings.TrimPrefix(at+"."+k, ".") }
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if depth < 20 {
				collectNumbers(name(k), x, found, depth+1)
			} else {
				found.leftOut++
			}
		}
	case []any:
		for i, x := range v {
			if depth < 20 && i < 100 {
				collectNumbers(name(strconv.Itoa(i)), x, found, depth+1)
			} else {
				found.leftOut++
			}
		}
	case float64:
		addMetric(at, v, found)
	case int64:
		addMetric(at, float64(v), found)
	case json.Number:
		if f, err := v.Float64(); err == nil {
			addMetric(at, f, found)
		}
	}
}

// maxFileMetrics is the most metrics that are taken from one file.
const maxFileMetrics = 500

// addMetric adds a number unless the registry would refuse it or its name.
func addMetric(name string, v float64, found *numbers) {
	if math.IsNaN(v) || math.IsInf(v, 0) || len(found.values) >= maxFileMetrics || registry.CheckKey("name", name) != nil {
		found.leftOut++
		return
	}
	found.values[name] = v
}

// performance converts metrics to the performance section of a model card. It sets the four
// standard metrics when their values are fractions, and lists the others by name.
// test.accuracy stays a named metric: when there are several accuracies, nothing says which
// one is the model's.
func performance(ms []registry.Metric) *registry.Performance {
	if len(ms) == 0 {
		return nil
	}
	p := &registry.Performance{}
	for _, m := range ms {
		slot := map[string]**float64{"accuracy": &p.Accuracy, "acc": &p.Accuracy, "precision": &p.Precision, "recall": &p.Recall,
			"f1": &p.F1Score, "f1_score": &p.F1Score, "f1score": &p.F1Score}[strings.ToLower(m.Name)]
		if slot != nil && *slot == nil && m.Value >= 0 && m.Value <= 1 {
			value := m.Value
			*slot = &value
			continue
		}
		p.Metrics = append(p.Metrics, m)
	}
	return p
}

// mergeMetrics adds the metrics whose names are new.
func mergeMetrics(have, more []registry.Metric) []registry.Metric {
	for _, m := range more {
		if !slices.ContainsFunc(have, func(h registry.Metric) bool { return h.Name == m.Name }) {
			have = append(have, m)
		}
	}
	return have
}
