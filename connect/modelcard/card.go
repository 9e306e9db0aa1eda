package modelcard

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/catalog"
)

// tagPrefix stands before the keys of tags that hold fields of the front matter.
const tagPrefix = "card."

// The fields of the front matter that have a place of their own.
const (
	fieldDatasets = "datasets"
	fieldBase     = "base_model"
	fieldIndex    = "model-index"
	fieldLibrary  = "library_name"
)

// maxTag is the longest value of a tag that holds a field, in characters.
const maxTag = 4000

// contents are what a card becomes.
type contents struct {
	card     *catalog.ModelCardInput
	tags     []registry.KeyValue
	datasets []string
	bases    []string
}

// read makes the contents of a document. What has no place is told.
func read(d *document, where string, report *git.Report) *contents {
	c, clean := &contents{card: &catalog.ModelCardInput{}}, &git.TextCleaner{}
	leave := func(what string) { report.AddProblem(git.NotRecorded, where, "%s has no place here", what) }
	for _, key := range slices.Sorted(maps.Keys(d.fields)) {
		list, plain := texts(d.fields[key])
		switch {
		case key == fieldIndex:
			c.card.Performance = performance(d.fields[key], leave)
			continue
		case !plain:
			leave("the field " + registry.Shorten(key, 60))
			continue
		case len(list) == 0:
			continue
		case key == fieldDatasets:
			c.datasets = list
		case key == fieldBase:
			c.bases = list
		case key == fieldLibrary:
			c.card.ModelDetails = &registry.ModelDetails{Framework: clean.Line(list[0], 255)}
			continue
		}
		if tag := (registry.KeyValue{Key: tagPrefix + clean.Line(key, 200), Value: clean.Text(strings.Join(list, ", "), maxTag)}); registry.CheckKey("key", tag.Key) == nil {
			c.tags = append(c.tags, tag)
		} else {
			leave("a field of the front matter")
		}
	}
	c.addText(d, clean)
	for _, change := range clean.Changes() {
		report.AddProblem(git.Changed, where, "%s", change)
	}
	return c
}

var (
	limitations     = regexp.MustCompile(`(?i)limitation`)
	hyperparameters = regexp.MustCompile(`(?i)hyperparameter`)
)

// addText adds what the text says: the description, the limitations, and hyperparameters that are
// a list, as the Trainer of Transformers writes them.
func (c *contents) addText(d *document, clean *git.TextCleaner) {
	if text := clean.Text(d.text, registry.MaxText); strings.TrimSpace(text) != "" {
		c.card.Description = &text
	}
	if text := strings.TrimSpace(clean.Text(d.section(limitations), registry.MaxText)); text != "" {
		c.card.Limitations = []string{text}
	}
	found := map[string]any{}
	for line := range strings.SplitSeq(d.section(hyperparameters), "\n") {
		if m := listItem.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			if n, ok := number(m[2]); ok {
				found[m[1]] = n
			} else {
				found[m[1]] = clean.Line(m[2], 1000)
			}
		}
	}
	if raw, err := json.Marshal(found); err == nil && len(found) > 0 && len(raw) <= registry.MaxJSON {
		if c.card.ModelDetails == nil {
			c.card.ModelDetails = &registry.ModelDetails{}
		}
		c.card.ModelDetails.Hyperparameters = raw
	}
}

// performance returns the metrics of a model-index. The first of a name has the name of its kind;
// a later one has its data behind it.
func performance(index any, leave func(string)) *registry.Performance {
	var metrics []registry.Metric
	for _, entry := range listOf(index) {
		for _, result := range listOf(entry["results"]) {
			data, _ := result["dataset"].(map[string]any)
			for _, m := range listOf(result["metrics"]) {
				kind, name := first(m["type"]), first(m["name"])
				if kind == "" {
					kind = name
				}
				value, ok := number(m["value"])
				metric := registry.Metric{Name: kind, Value: value}
				for _, longer := range []string{name, kind + " (" + first(data["name"]) + ")", kind + " (" + first(data["name"]) + ", " + first(data["config"]) + ", " + first(data["split"]) + ")"} {
					if taken(metrics, metric.Name) && longer != "" {
						metric.Name = longer
					}
				}
				if !ok || registry.CheckKey("name", metric.Name) != nil || taken(metrics, metric.Name) || len(metrics) == registry.MaxMetrics {
					leave("the metric " + registry.Shorten(metric.Name, 60))
					continue
				}
				metrics = append(metrics, metric)
			}
		}
	}
	return registry.PerformanceOf(metrics)
}

func taken(list []registry.Metric, name string) bool {
	return slices.ContainsFunc(list, func(m registry.Metric) bool { return m.Name == name })
}

func listOf(v any) (out []map[string]any) {
	list, _ := v.([]any)
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func first(v any) string {
	if list, ok := texts(v); ok && len(list) > 0 {
		return list[0]
	}
	return ""
}
