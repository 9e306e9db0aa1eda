package kfp

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// producer is the producer of every run of Kubeflow Pipelines. Kubeflow's model registry names the
// run of a version by the same id.
const producer = "kfp"

// namespace is that of data whose place no document says.
const namespace = "kfp"

// tagPrefix begins the tags that this importer sets.
const tagPrefix = "kfp."

func stepOf(iteration int) string { return "#" + strconv.Itoa(iteration) }

// runID is the id of the run that stands for an instance.
func (i *instance) runID() string {
	if i.task == nil {
		return i.run.id
	}
	id := i.run.id + "/" + i.path()
	if len(id) > 250 {
		sum := sha256.Sum256([]byte(id))
		id = i.run.id + "/" + hex.EncodeToString(sum[:16])
	}
	return id
}

// kind is what the run of an instance is for.
func (i *instance) kind() registry.RunKind {
	if i.task == nil || i.isDag() || i.task.Trigger.Strategy == exitStrategy {
		return registry.RunOther
	}
	writes, reads := map[string]bool{}, map[string]bool{}
	for _, a := range i.comp.Outputs.Artifacts {
		writes[a.Type.Title] = true
	}
	for _, a := range i.comp.Inputs.Artifacts {
		reads[a.Type.Title] = true
	}
	if writes[typeModel] {
		return registry.RunTraining
	}
	for _, name := range []string{i.key, i.task.Info.Name, strings.TrimPrefix(i.task.Ref.Name, "comp-")} {
		if k, ok := registry.RunKindOfName(name); ok {
			return k
		}
	}
	switch {
	case writes[typeDataset]:
		return registry.RunETL
	case reads[typeModel] && (writes[typeMetrics] || writes[typeClassMetrics] || writes[typeSlicedMetrics]):
		return registry.RunEvaluation
	}
	return registry.RunOther
}

// exitStrategy is the trigger of a task that runs however the others ended.
const exitStrategy = "ALL_UPSTREAM_TASKS_COMPLETED"

// runFact returns the run of an instance, without what it read and wrote.
func (r *pipelineRun) runFact(i *instance, left func(string)) *facts.RecordRunInput {
	clean := &git.TextCleaner{}
	in := &facts.RecordRunInput{Producer: producer, RunID: i.runID(), RunKind: i.kind(), Status: i.status()}
	tags := &tagList{}
	tags.add("pipeline", r.plan.Info.Name)
	if i.task == nil {
		in.Name = clean.Line(cmp.Or(r.name, r.id), 250)
		in.Description = clean.Text(strings.TrimSpace(cmp.Or(r.description, r.plan.Info.Description)+"\n"+r.message), registry.MaxText)
		in.StartedAt, in.EndedAt = r.created, r.finished
		in.Parameters = parametersOf(r.root.rootParameters(), left)
		tags.add("sdk", r.plan.SDKVersion)
		tags.add("experiment", r.experiment)
		tags.add("pipelineVersion", r.version)
	} else {
		in.Name = clean.Line(i.name(), 250)
		if i.seen != nil {
			in.StartedAt, in.EndedAt, in.Description = i.seen.started, i.seen.ended, clean.Text(i.seen.message, registry.MaxText)
		}
		in.Parameters = parametersOf(i.params, left)
		tags.add("task", i.path())
		tags.add("run", r.id)
		tags.add("parent", i.parent.runID())
		i.addExecutor(tags)
	}
	if !in.Status.Ended() || in.EndedAt.Before(in.StartedAt) {
		in.EndedAt = time.Time{}
	}
	in.Tags = tags.list
	return in
}

// name is the name of the run of an instance.
func (i *instance) name() string {
	name := cmp.Or(i.task.Info.Name, i.key)
	if i.iteration >= 0 {
		name += " " + stepOf(i.iteration)
	}
	return name
}

// rootParameters are the parameters of a run with their defaults.
func (i *instance) rootParameters() map[string]any {
	out := map[string]any{}
	for _, name := range sortedKeys(i.comp.Inputs.Parameters) {
		if v, ok := i.parameter(name, 0); ok {
			out[name] = v
		}
	}
	return out
}

// addExecutor adds what the task ran. The code of a component is in its command: its digest is
// kept, without the lines that install KFP.
func (i *instance) addExecutor(tags *tagList) {
	if i.task.Trigger.Strategy == exitStrategy {
		tags.add("exitHandler", "true")
	}
	tags.add("condition", strings.Join(strings.Fields(i.task.Trigger.Condition), " "))
	c := i.run.plan.executorOf(i.comp).Container
	if c == nil {
		return
	}
	tags.add("image", c.Image)
	sum := sha256.New()
	for _, part := range append(slices.Clone(c.Command), c.Args...) {
		if !strings.Contains(part, "pip install") {
			sum.Write([]byte(part + "\x00"))
		}
	}
	tags.add("code", "sha256:"+hex.EncodeToString(sum.Sum(nil)))
}

// tagList collects tags that the registry takes.
type tagList struct{ list []registry.KeyValue }

func (t *tagList) add(key, value string) {
	value = (&git.TextCleaner{}).Line(value, 1000)
	if value != "" && registry.CheckKey("key", tagPrefix+key) == nil && len(t.list) < core.MaxTags {
		t.list = append(t.list, registry.KeyValue{Key: tagPrefix + key, Value: value})
	}
}

// parametersOf returns parameters as JSON, without those that make it too large and without those
// that KFP makes itself.
func parametersOf(all map[string]any, left func(string)) registry.JSON {
	kept, size := map[string]any{}, 2
	for _, name := range sortedKeys(all) {
		value := all[name]
		if text, ok := value.(string); ok {
			value = registry.WithoutCredentials(text)
		}
		doc, err := registry.Canonical(map[string]any{name: value})
		switch {
		case strings.HasPrefix(name, "pipelinechannel--"):
		case err != nil || size+len(doc) > registry.MaxJSON:
			left("the parameter " + registry.Shorten(name, 60))
		default:
			size += len(doc)
			kept[name] = value
		}
	}
	if len(kept) == 0 {
		return nil
	}
	doc, err := registry.Canonical(kept)
	if err != nil {
		left("the parameters")
		return nil
	}
	return doc
}

// datasetFact returns the fact of data that a task wrote or imported.
func (a *artifact) datasetFact(role registry.DataRole) *facts.RecordDatasetVersionInput {
	in := &facts.RecordDatasetVersionInput{Role: role, Version: a.origin}
	if a.uri == "" {
		in.Namespace, in.Dataset = namespace, a.by.run.plan.Info.Name+"/"+a.by.path()+"/"+a.key
	} else {
		in.Namespace, in.Dataset = source.DatasetName(a.uri)
		in.URI = registry.WithoutCredentials(a.uri)
	}
	if core.CheckLabel("uri", in.URI) != nil {
		in.URI = ""
	}
	if a.imported {
		in.CreatedAt = a.by.run.created
	} else if !a.cached() && a.by.seen != nil {
		in.CreatedAt = a.by.seen.started
	}
	tags := &tagList{}
	tags.add("type", a.typ)
	for _, key := range sortedKeys(a.metadata) {
		if key != "store_session_info" {
			tags.add("metadata."+key, textOf(a.metadata[key]))
		}
	}
	in.Tags = tags.list
	return in
}

// identity returns the id of the node that a fact of data is about.
func identity(in *facts.RecordDatasetVersionInput) registry.ID {
	return registry.DatasetVersionID(registry.DatasetID(in.Namespace, in.Dataset), cmp.Or(in.Version, registry.Unversioned))
}

// versionFact returns the fact of a model that a task wrote.
func (a *artifact) versionFact(run *facts.RecordRunInput) *catalog.RegisterModelVersionInput {
	in := &catalog.RegisterModelVersionInput{Model: a.model, CreateModel: true}
	if _, err := registry.ParseVersion(a.version); err == nil {
		in.Version = &a.version
	} else {
		in.Label = a.version
	}
	if uri := registry.WithoutCredentials(a.uri); uri != "" && core.CheckLabel("uri", uri) == nil {
		in.Artifacts = []catalog.ArtifactInput{{Name: a.key, URI: uri}}
	}
	tags := &tagList{}
	tags.add("run", a.origin)
	tags.add("task", a.by.path())
	for _, key := range sortedKeys(a.metadata) {
		if key != "store_session_info" {
			tags.add("metadata."+key, textOf(a.metadata[key]))
		}
	}
	in.Tags = tags.list
	if a.cached() || !run.Status.Ended() {
		return in
	}
	in.CreatedDate = run.EndedAt
	card := &catalog.ModelCardInput{Performance: registry.PerformanceOf(run.Metrics)}
	details := registry.ModelDetails{Hyperparameters: run.Parameters}
	details.Framework, _ = a.metadata["framework"].(string)
	if registry.CheckText("framework", details.Framework) != nil {
		details.Framework = ""
	}
	card.ModelDetails = &details
	if !run.StartedAt.IsZero() {
		card.Training = &registry.TrainingInfo{TrainingDate: run.StartedAt}
		if !run.EndedAt.IsZero() {
			hours := run.EndedAt.Sub(run.StartedAt).Hours()
			card.Training.TrainingTimeHours = &hours
		}
	}
	in.Card = card
	return in
}

// factOf returns a fact in the field of its type.
func datasetInput(in *facts.RecordDatasetVersionInput) bulk.FactInput {
	return bulk.FactInput{DatasetVersion: in}
}
