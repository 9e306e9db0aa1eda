package dvc

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// parameters joins the parameters of all files into one JSON object. Those of
// params.yaml keep their names; others are FILE:NAME, as DVC writes them. What is
// kept is bounded, full is not: it tells runs apart.
func parameters(files map[string]any) (kept, full registry.JSON) {
	all := map[string]any{}
	for _, file := range sortedKeys(files) {
		values, ok := files[file].(map[string]any)
		if !ok {
			continue
		}
		for k, v := range values {
			if file != "params.yaml" {
				k = file + ":" + k
			}
			all[k] = toJSONValue(v, 0)
		}
	}
	full, err := registry.Canonical(all)
	switch {
	case err != nil || len(all) == 0:
		return nil, nil // plain leaves nothing that JSON cannot say.
	case len(full) > registry.MaxJSON:
		return nil, full
	}
	return full, full
}

// toJSONValue brings a YAML value to what JSON can say.
func toJSONValue(v any, depth int) any {
	if depth > 50 {
		return "…"
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = toJSONValue(x, depth+1)
		}
		return out
	case map[any]any:
		out := map[string]any{}
		for k, x := range v {
			out[fmt.Sprint(k)] = toJSONValue(x, depth+1)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = toJSONValue(x, depth+1)
		}
		return out
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
		return v
	case nil, bool, int, int64, uint64, string:
		return v
	}
	return fmt.Sprint(v)
}

// parseMetrics reads a metrics file, JSON or YAML, into its numbers; nested names are
// joined by dots. false when it is neither.
func parseMetrics(raw []byte) ([]registry.Metric, bool) {
	if !utf8.Valid(raw) {
		return nil, false
	}
	var tree any
	if json.Unmarshal(raw, &tree) != nil && yaml.Unmarshal(raw, &tree) != nil {
		return nil, false
	}
	found := map[string]float64{}
	collectNumbers("", tree, found, 0)
	var out []registry.Metric
	for _, name := range sortedKeys(found) {
		out = append(out, registry.Metric{Name: name, Value: found[name]})
	}
	return out, len(out) > 0
}

func collectNumbers(at string, v any, found map[string]float64, depth int) {
	name := func(k string) string { return strings.TrimPrefix(at+"."+k, ".") }
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if depth < 20 {
				collectNumbers(name(k), x, found, depth+1)
			}
		}
	case []any:
		for i, x := range v {
			if depth < 20 && i < 100 {
				collectNumbers(name(strconv.Itoa(i)), x, found, depth+1)
			}
		}
	case float64:
		addMetric(at, v, found)
	case int:
		addMetric(at, float64(v), found)
	}
}

// addMetric takes a number under a name that the registry takes.
func addMetric(name string, v float64, found map[string]float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) && len(found) < 500 && registry.CheckKey("name", name) == nil {
		found[name] = v
	}
}

// performance puts metrics into a card: the four that it knows where they are
// fractions, the others by name. test.accuracy stays test.accuracy: of several
// accuracies nobody says here which is the model's.
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
