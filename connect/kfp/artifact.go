package kfp

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"pedigree/connect/source"
	"pedigree/registry"
)

// artifact is what a task of a run wrote or imported.
type artifact struct {
	key, typ, uri string
	metadata      map[string]any
	by            *instance
	imported      bool
	// trainedOn is true for data that a training task of the run reads.
	trainedOn bool
	// origin is the run that wrote it: another than that of by when KFP took it from its cache.
	origin string
	// model and version name the version that a Model is registered as, "" when nothing says it.
	model, version string
	// id is its node, once it is recorded. ref stands for it in the batch that records it.
	id registry.ID
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// isMetrics reports whether the artifact holds metrics, and no data.
func (a *artifact) isMetrics() bool {
	return a.typ == typeMetrics || a.typ == typeClassMetrics || a.typ == typeSlicedMetrics
}

// isReport reports whether the artifact is a page for people.
func (a *artifact) isReport() bool { return a.typ == typeHTML || a.typ == typeMarkdown }

// isModel reports whether the artifact is a model that the run, or the run that its cache names, made.
func (a *artifact) isModel() bool { return a.typ == typeModel && !a.imported }

// cached reports whether another run wrote the artifact.
func (a *artifact) cached() bool { return !a.imported && a.origin != a.by.run.id }

// resolve finds what each task read and wrote.
func (r *pipelineRun) resolve() {
	all := r.root.instances()
	for _, i := range all {
		if !i.isDag() {
			i.findOutputs()
		}
	}
	for _, i := range all {
		if i.task == nil || i.isDag() {
			continue
		}
		i.params = map[string]any{}
		for _, name := range sortedKeys(i.comp.Inputs.Parameters) {
			if v, ok := i.parameter(name, 0); ok {
				i.params[name] = v
			}
		}
	}
	for _, i := range all {
		if i.task == nil || i.isDag() {
			continue
		}
		i.read = i.readArtifacts()
		i.nameModels()
		if i.kind() == registry.RunTraining {
			for _, a := range i.read {
				a.trainedOn = true
			}
		}
	}
}

// findOutputs finds the artifacts that an instance wrote or imported.
func (i *instance) findOutputs() {
	i.outputs = map[string][]*artifact{}
	if i.isImporter() {
		i.findImported()
		return
	}
	for _, key := range sortedKeys(i.comp.Outputs.Artifacts) {
		typ := i.comp.Outputs.Artifacts[key].Type.Title
		var seen []observedArtifact
		if i.seen != nil {
			seen = i.seen.artifacts[key]
		}
		for _, s := range seen {
			a := &artifact{key: key, typ: typ, uri: s.uri, metadata: s.metadata, by: i, origin: i.run.id}
			if s.typ != "" {
				a.typ = s.typ
			}
			if s.number != nil { // A metric of KFP 3.
				a.metadata = map[string]any{cmp.Or(s.name, key): *s.number}
			}
			if other := runIn(s.uri); other != "" && runInPath.MatchString(i.run.id) {
				a.origin = other
			}
			i.outputs[key] = append(i.outputs[key], a)
		}
		wrote := i.status() == registry.RunComplete
		if len(seen) == 0 && wrote && (i.seen == nil || !i.seen.listed) {
			i.outputs[key] = append(i.outputs[key], &artifact{key: key, typ: typ, by: i, origin: i.run.id})
			i.run.nameless = true
		}
	}
}

// findImported finds the artifact of an importer, by its URI.
func (i *instance) findImported() {
	imp := i.run.plan.executorOf(i.comp).Importer
	uri, _ := imp.URI.Constant.(string)
	if imp.URI.Parameter != "" {
		if v, ok := i.parameter(imp.URI.Parameter, 0); ok {
			uri, _ = v.(string)
		}
	}
	for _, key := range sortedKeys(i.comp.Outputs.Artifacts) {
		if uri == "" && i.seen != nil && len(i.seen.artifacts[key]) > 0 {
			uri = i.seen.artifacts[key][0].uri
		}
		if uri == "" {
			continue
		}
		a := &artifact{key: key, typ: imp.Type.Title, uri: i.fillURI(uri), metadata: imp.Metadata, by: i, imported: true, origin: runIn(uri)}
		i.outputs[key] = append(i.outputs[key], a)
		i.run.imported = append(i.run.imported, a)
	}
}

func (i *instance) fillURI(uri string) string {
	filled, _ := i.fill(uri, 0).(string)
	return filled
}

// status is the state of an instance, "" when nothing says it.
func (i *instance) status() registry.RunStatus {
	switch {
	case i.seen != nil && i.seen.status != "":
		return i.seen.status
	case i.task == nil || i.seen == nil && i.run.allRan():
		return i.run.status
	}
	var worst registry.RunStatus // Of a graph that no document speaks of: that of its tasks.
	for _, c := range append(slices.Collect(maps.Values(i.children)), i.loops...) {
		if c.isImporter() {
			continue
		}
		if s := c.status(); worst == "" || rank[s] > rank[worst] {
			worst = s
		}
	}
	return worst
}

var rank = map[registry.RunStatus]int{registry.RunComplete: 1, registry.RunRunning: 2, registry.RunAborted: 3, registry.RunFailed: 4}

// nameModels finds the names of the models that an instance reads and registers: it says so in an
// output parameter models:/NAME/VERSION, or has the parameters model_name and version.
func (i *instance) nameModels() {
	model, version := "", ""
	if i.seen != nil {
		for _, key := range sortedKeys(i.seen.parameters) {
			if text, ok := i.seen.parameters[key].(string); ok && model == "" {
				model, version, _ = source.ModelURI(text)
			}
		}
	}
	if model == "" {
		model, _ = i.params["model_name"].(string)
		for _, key := range []string{"model_version", "version"} {
			if v, ok := i.params[key]; ok && version == "" {
				version = textOf(v)
			}
		}
	}
	if model == "" || version == "" || registry.CheckName("model", model) != nil || registry.CheckKey("version", version) != nil {
		return
	}
	var models []*artifact
	for _, a := range i.read {
		if a.isModel() && a.by.run == i.run {
			models = append(models, a)
		}
	}
	if len(models) == 1 && models[0].model == "" { // Of several, nothing says which one it registers.
		models[0].model, models[0].version = model, version
	}
}

// names returns the model and the label of the version that stands for a Model without a name.
func (a *artifact) defaultNames() (model, label string) {
	model = a.by.run.plan.Info.Name + "." + a.by.key
	if a.key != "model" {
		model += "." + a.key
	}
	label = a.origin
	for _, s := range a.by.steps {
		if strings.HasPrefix(s, "#") {
			label += "/" + strings.TrimPrefix(s, "#")
		}
	}
	if list := a.by.outputs[a.key]; len(list) > 1 {
		label += "/" + a.key + strconv.Itoa(slices.Index(list, a))
	}
	return registry.Shorten(model, 250), label
}

// metricsOf returns the metrics of an artifact, and the names of the values that are none.
func (a *artifact) metricsOf() (out []registry.Metric, left []string) {
	add := func(name string, v any) {
		f, ok := number(v)
		if !ok || registry.CheckKey("name", name) != nil || len(out) >= maxMetrics {
			left = append(left, registry.Shorten(name, 60))
			return
		}
		out = append(out, registry.Metric{Name: name, Value: f})
	}
	for _, key := range sortedKeys(a.metadata) {
		switch v := a.metadata[key].(type) {
		case map[string]any:
			flatten(key, v, add)
		case []any:
			for n, item := range v {
				flatten(key+"["+strconv.Itoa(n)+"]", item, add)
			}
		case string:
			if key != "display_name" && key != "store_session_info" {
				left = append(left, registry.Shorten(key, 60))
			}
		default:
			add(key, v)
		}
	}
	return out, left
}

// maxMetrics is the most metrics that are taken from one artifact.
const maxMetrics = 200

// flatten passes the numbers of the metrics of a classification to add: a confusion matrix with
// the names of its rows and columns, and the points of a curve.
func flatten(name string, v any, add func(string, any)) {
	m, ok := v.(map[string]any)
	if !ok {
		if _, isNumber := number(v); isNumber {
			add(name, v)
		}
		return
	}
	if inner, ok := m["struct"].(map[string]any); ok {
		m = inner
	}
	if list, ok := m["list"].([]any); ok {
		for n, item := range list {
			flatten(name+"["+strconv.Itoa(n)+"]", item, add)
		}
		return
	}
	specs, isMatrix := m["annotationSpecs"].([]any)
	rows, hasRows := m["rows"].([]any)
	if !isMatrix || !hasRows {
		for _, key := range sortedKeys(m) {
			flatten(name+"."+key, m[key], add)
		}
		return
	}
	label := func(n int) string {
		if n < len(specs) {
			if s, ok := specs[n].(map[string]any); ok {
				return textOf(s["displayName"])
			}
		}
		return strconv.Itoa(n)
	}
	for r, row := range rows {
		cells, _ := row.(map[string]any)
		list, _ := cells["row"].([]any)
		for c, cell := range list {
			add(name+"."+label(r)+"."+label(c), cell)
		}
	}
}

// number returns a finite number.
func number(v any) (float64, bool) {
	var f float64
	switch v := v.(type) {
	case float64:
		f = v
	case int:
		f = float64(v)
	case int64:
		f = float64(v)
	case bool:
		return 0, false
	default:
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}
