package provenance

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// ParameterChange is a parameter that differs; nil means no value.
type ParameterChange struct {
	Key           string
	Before, After registry.JSON
}

// MetricChange is a metric that differs; nil means no value.
type MetricChange struct {
	Key           string
	Before, After *float64
}

// FieldChange is a field of a card that differs; nil means no value.
type FieldChange struct {
	Path          string
	Before, After registry.JSON
}

// measurements are the parameters and metrics of one side. A map is nil when the caller sees
// no field that has such values.
type measurements struct {
	parameters map[string]registry.JSON
	metrics    map[string]float64
}

// measurementsOf collects the parameters and metrics of a card and of runs. Values of runs
// override those of the card, because they record what was done.
func (d *graphDiff) measurementsOf(card *registry.ModelCard, runs ...*graph.Node) (f measurements) {
	param, metric := f.add, func(name string, v float64) { f.metrics[name] = v }
	if card != nil && seesField(card, "ModelCard", "modelDetails") {
		f.allocate(true, false)
		if card.ModelDetails != nil {
			flatten("", card.ModelDetails.Hyperparameters, param)
		}
	}
	if card != nil && seesField(card, "ModelCard", "performance") {
		f.allocate(false, true)
		cardMetrics(card.Performance, metric)
	}
	for _, n := range runs {
		noun, _ := d.noun(n).(*registry.Run)
		if noun == nil {
			continue
		}
		if seesField(noun, "Run", "parameters") {
			f.allocate(true, false)
			flatten("", noun.Parameters, param)
		}
		if seesField(noun, "Run", "metrics") {
			f.allocate(false, true)
			for _, m := range noun.Metrics {
				metric(m.Name, m.Value)
			}
		}
	}
	return f
}

func (f *measurements) add(key string, v registry.JSON) { f.parameters[key] = v }

// allocate creates the maps of values that the caller sees.
func (f *measurements) allocate(parameters, metrics bool) {
	if parameters && f.parameters == nil {
		f.parameters = map[string]registry.JSON{}
	}
	if metrics && f.metrics == nil {
		f.metrics = map[string]float64{}
	}
}

// cardMetrics calls emit for each metric of a card.
func cardMetrics(p *registry.Performance, emit func(string, float64)) {
	if p == nil {
		return
	}
	for _, m := range []struct {
		name  string
		value *float64
	}{{"accuracy", p.Accuracy}, {"precision", p.Precision}, {"recall", p.Recall}, {"f1Score", p.F1Score}} {
		if m.value != nil {
			emit(m.name, *m.value)
		}
	}
	for _, m := range p.Metrics {
		emit(m.Name, m.Value)
	}
}

// flatten calls emit for each leaf of a JSON object, with its path. Lists are leaves.
func flatten(path string, v registry.JSON, emit func(string, registry.JSON)) {
	var object map[string]registry.JSON
	if json.Unmarshal(v, &object) != nil || object == nil {
		if len(v) > 0 && path != "" {
			emit(path, v)
		}
		return
	}
	for k, child := range object {
		if path != "" {
			k = path + "." + k
		}
		flatten(k, child, emit)
	}
}

// equalJSON compares canonical JSON values; numbers are compared by value.
func equalJSON(a, b registry.JSON) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	return errX == nil && errY == nil && x == y
}

// unionOfKeys returns the keys of two maps, sorted.
func unionOfKeys[V any](a, b map[string]V) []string {
	keys := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (f measurements) parameterChanges(to measurements) []*ParameterChange {
	if f.parameters == nil && to.parameters == nil {
		return nil
	}
	out := []*ParameterChange{}
	for _, k := range unionOfKeys(f.parameters, to.parameters) {
		if before, after := f.parameters[k], to.parameters[k]; !equalJSON(before, after) {
			out = append(out, &ParameterChange{k, before, after})
		}
	}
	return out
}

func (f measurements) metricChanges(to measurements) []*MetricChange {
	if f.metrics == nil && to.metrics == nil {
		return nil
	}
	value := func(m map[string]float64, k string) *float64 {
		if v, ok := m[k]; ok {
			return &v
		}
		return nil
	}
	out := []*MetricChange{}
	for _, k := range unionOfKeys(f.metrics, to.metrics) {
		before, after := value(f.metrics, k), value(to.metrics, k)
		if before == nil || after == nil || *before != *after {
			out = append(out, &MetricChange{k, before, after})
		}
	}
	return out
}

// compareValues compares the parameters and metrics of both sides, and for model versions also
// the cards.
func (d *graphDiff) compareValues(out *LineageDiff) {
	va, runsA := d.a.TrainingRuns()
	vb, runsB := d.b.TrainingRuns()
	ca, cb := d.cards(va, vb)
	before, after := d.measurementsOf(ca, runsA...), d.measurementsOf(cb, runsB...)
	out.Parameters, out.Metrics = before.parameterChanges(after), before.metricChanges(after)
	if va == nil || vb == nil || va.ID != d.a.Root || vb.ID != d.b.Root {
		return
	}
	out.Card = []*FieldChange{}
	fa, fb := cardFields(ca), cardFields(cb)
	for _, path := range unionOfKeys(fa, fb) {
		if !equalJSON(fa[path], fb[path]) {
			out.Card = append(out.Card, &FieldChange{path, fa[path], fb[path]})
		}
	}
}

// cards reads the cards of two versions, nil when there is none that the caller sees.
func (d *graphDiff) cards(a, b *graph.Node) (ca, cb *registry.ModelCard) {
	read := func(version *graph.Node) *registry.ModelCard {
		if version == nil {
			return nil
		}
		nodes, err := lineage.Nodes(d.walkCtx, d.scope, d.readAt, registry.CardID(version.ID))
		d.err = core.FirstError(d.err, err)
		if err != nil || nodes[0] == nil {
			return nil
		}
		c, err := core.NounAs[*registry.ModelCard](d.explorer.core.Decode(nodes[0], d.at.NounInstant()))
		d.err = core.FirstError(d.err, err)
		return c
	}
	return read(a), read(b)
}

// cardFields returns the values of a card by path, without the fields that identify the
// version, which always differ. Metrics have paths with their names.
func cardFields(c *registry.ModelCard) map[string]registry.JSON {
	out := map[string]registry.JSON{}
	if c == nil {
		return out
	}
	raw, err := registry.Canonical(c)
	if err != nil {
		return out
	}
	flatten("", raw, func(path string, v registry.JSON) { out[path] = v })
	for _, path := range []string{"modelId", "name", "version", "status", "creator", "createdDate", "performance.metrics"} {
		delete(out, path)
	}
	if c.Performance != nil {
		for _, m := range c.Performance.Metrics {
			out["performance.metrics."+m.Name] = registry.JSON(strconv.FormatFloat(m.Value, 'g', -1, 64))
		}
	}
	return out
}
