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

// measurements are the parameters and metrics of one side. hidden says of each whether the
// caller does not see those of a card or a run.
type measurements struct {
	parameters                      map[string]registry.JSON
	metrics                         map[string]float64
	seesParameters, seesMetrics     bool
	hiddenParameters, hiddenMetrics bool
}

// measurementsOf collects the parameters and metrics of a card and of runs. Values of runs
// override those of the card, because they record what was done.
func (d *graphDiff) measurementsOf(card *registry.ModelCard, runs ...*graph.Node) measurements {
	f := measurements{parameters: map[string]registry.JSON{}, metrics: map[string]float64{}}
	param, metric := func(key string, v registry.JSON) { f.parameters[key] = v }, func(name string, v float64) { f.metrics[name] = v }
	sees := func(n registry.Node, noun, parameters, metrics string) (bool, bool) {
		p, m := seesField(n, noun, parameters), seesField(n, noun, metrics)
		f.seesParameters, f.seesMetrics = f.seesParameters || p, f.seesMetrics || m
		f.hiddenParameters, f.hiddenMetrics = f.hiddenParameters || !p, f.hiddenMetrics || !m
		return p, m
	}
	if card != nil {
		p, m := sees(card, "ModelCard", "modelDetails", "performance")
		if p && card.ModelDetails != nil {
			flatten("", card.ModelDetails.Hyperparameters, param)
		}
		if m {
			cardMetrics(card.Performance, metric)
		}
	}
	for _, n := range runs {
		noun, _ := d.noun(n).(*registry.Run)
		if noun == nil {
			continue
		}
		p, m := sees(noun, "Run", "parameters", "metrics")
		if p {
			flatten("", noun.Parameters, param)
		}
		if m {
			for _, x := range noun.Metrics {
				metric(x.Name, x.Value)
			}
		}
	}
	d.hiddenValues = d.hiddenValues || f.hiddenParameters || f.hiddenMetrics
	return f
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

// parameterChanges lists the parameters that differ; nil when the caller sees none of them.
func (f measurements) parameterChanges(to measurements) []*ParameterChange {
	if (f.hiddenParameters || to.hiddenParameters) && !f.seesParameters && !to.seesParameters {
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

// metricChanges lists the metrics that differ; nil when the caller sees none of them.
func (f measurements) metricChanges(to measurements) []*MetricChange {
	if (f.hiddenMetrics || to.hiddenMetrics) && !f.seesMetrics && !to.seesMetrics {
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
	if hidden := d.hiddenValues || d.hidesRun(d.a, va) || d.hidesRun(d.b, vb); hidden {
		before.hiddenParameters, before.hiddenMetrics = true, true
	}
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

// hidesRun reports whether a run that generated the root, or the version that the root
// deploys, is hidden.
func (d *graphDiff) hidesRun(g *lineage.Graph, version *graph.Node) bool {
	of := g.Root
	if version != nil {
		of = version.ID
	}
	return slices.ContainsFunc(g.Edges, func(e graph.Edge) bool {
		return e.Kind == registry.EdgeGeneratedBy && e.From == of && d.visibleID(e.To) != e.To
	})
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
		d.hiddenValues = d.hiddenValues || nodes[0].Hidden
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
