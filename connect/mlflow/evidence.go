package mlflow

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// The names that are given where MLflow has none.
const (
	// namespace is that of the datasets of runs.
	namespace = "mlflow"
	// unknownRepository holds the commits of runs that name no repository.
	unknownRepository = "unknown (MLflow)"
)

// maxFeatures is the most features of a version that are recorded with it.
const maxFeatures = 500

// evidence is what a run says, as facts. Left lists what cannot be a fact.
type evidence struct {
	commits  *facts.RecordCommitsInput
	datasets []facts.RecordDatasetVersionInput
	run      facts.RecordRunInput
	features []facts.RecordFeatureInput
	card     *registry.ModelCard
	tags     []registry.KeyValue
	ended    bool
	left     []string
}

// evidenceOf maps a run, and the file of the model that it logged, to facts. model is the name of
// the registered model. It reads no clock and no network, so that the same run gives the same
// facts wherever it was read.
func evidenceOf(r *run, file *modelFile, model string) *evidence {
	e := &evidence{}
	e.addRun(r)
	e.addCommit(r)
	inputs := slices.Clone(r.Inputs.Datasets) // A source lists them in an order of its own.
	slices.SortStableFunc(inputs, func(a, b datasetInput) int {
		return cmp.Or(strings.Compare(a.Dataset.Name, b.Dataset.Name), strings.Compare(a.Dataset.Digest, b.Dataset.Digest), strings.Compare(textOf(a.Tags, contextTag), textOf(b.Tags, contextTag)))
	})
	for _, in := range inputs {
		e.addDataset(in, e.run.StartedAt)
	}
	e.addFeatures(file, model)
	e.addCard(r, file)
	e.tags = []registry.KeyValue{{Key: registry.MLflowRunTag, Value: r.Info.RunID}}
	e.addModelTags(file)
	return e
}

func (e *evidence) leave(what string) { e.left = append(e.left, what) }

// statuses are the states of runs by MLflow's names.
var statuses = map[string]registry.RunStatus{"RUNNING": registry.RunRunning, "SCHEDULED": registry.RunRunning, "FINISHED": registry.RunComplete,
	"FAILED": registry.RunFailed, "KILLED": registry.RunAborted}

func (e *evidence) addRun(r *run) {
	in := &e.run
	*in = facts.RecordRunInput{Producer: registry.MLflowProducer, RunID: r.Info.RunID, Name: r.Info.RunName, RunKind: registry.RunTraining, Status: statuses[r.Info.Status]}
	if in.Name = norm.NFC.String(in.Name); registry.CheckKey("name", in.Name) != nil {
		in.Name = r.Info.RunID
	}
	e.ended = in.Status.Ended()
	in.StartedAt = timeOf(r.Info.StartTime)
	if ended := timeOf(r.Info.EndTime); e.ended && !ended.Before(in.StartedAt) {
		in.EndedAt = ended
	}
	tags := slices.Clone(r.Data.Tags)
	if note := textOf(tags, noteTag); note != "" && registry.CheckText("description", note) == nil {
		in.Description = note
	}
	if textOf(tags, userTag) == "" && r.Info.UserID != "" {
		tags = append(tags, keyText{userTag, r.Info.UserID})
	}
	in.Tags = e.tagsOf("run tag ", tags)
	in.Parameters = e.parameters(r.Data.Params)
	if e.ended { // What goes on may still change, and what is recorded first stays.
		in.Metrics = e.metrics(r.Data.Metrics)
	}
}

// MLflow's tags of runs that this package reads.
const (
	noteTag       = "mlflow.note.content"
	sourceTags    = "mlflow.source."
	userTag       = "mlflow.user"
	commitTag     = "mlflow.source.git.commit"
	repositoryTag = "mlflow.source.git.repoURL"
	historyTag    = "mlflow.log-model.history"
	contextTag    = "mlflow.data.context"
)

func timeOf(ms integer) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// tagsOf returns the tags that this registry can hold, by key. The history of logged models is
// left out: it is what is read here in other forms.
func (e *evidence) tagsOf(what string, in []keyText) (out []registry.KeyValue) {
	size := 0
	for _, t := range in {
		kv := registry.KeyValue{Key: norm.NFC.String(t.Key), Value: norm.NFC.String(t.Value)}
		if strings.HasPrefix(kv.Key, sourceTags) { // It may hold the password of a repository.
			kv.Value = registry.WithoutCredentials(kv.Value)
		}
		switch {
		case kv.Key == historyTag:
			continue
		case len(out) == core.MaxTags, registry.CheckKey("key", kv.Key) != nil, registry.CheckTagValue("value", kv.Value) != nil,
			size+len(kv.Key)+len(kv.Value) > registry.MaxTagBytes,
			slices.ContainsFunc(out, func(o registry.KeyValue) bool { return o.Key == kv.Key }):
			e.leave(what + registry.Shorten(kv.Key, 60))
			continue
		}
		size += len(kv.Key) + len(kv.Value)
		out = append(out, kv)
	}
	slices.SortFunc(out, func(a, b registry.KeyValue) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// parameters returns parameters as one JSON object, without those that make it too large.
func (e *evidence) parameters(in []keyText) registry.JSON {
	all, size := map[string]string{}, 2
	for _, p := range in {
		encoded, _ := json.Marshal(map[string]string{p.Key: p.Value})
		if size += len(encoded); size > registry.MaxJSON {
			e.leave("parameter " + registry.Shorten(p.Key, 60))
			size -= len(encoded)
			continue
		}
		all[p.Key] = p.Value
	}
	if len(all) == 0 {
		return nil
	}
	doc, err := registry.Canonical(all)
	if err != nil {
		return nil
	}
	return doc
}

func (e *evidence) metrics(in []metric) (out []registry.Metric) {
	seen := map[string]bool{}
	for _, m := range in {
		name := norm.NFC.String(m.Key)
		if m.Value.value == nil || math.IsNaN(*m.Value.value) || math.Abs(*m.Value.value) >= math.MaxFloat64 || // MLflow writes infinity so.
			registry.CheckKey("name", name) != nil || seen[name] || len(out) == registry.MaxMetrics {
			e.leave("metric " + registry.Shorten(m.Key, 60))
			continue
		}
		seen[name] = true
		out = append(out, registry.Metric{Name: name, Value: *m.Value.value})
	}
	slices.SortFunc(out, func(a, b registry.Metric) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// addCommit records the commit that a run ran. MLflow does not know when it was made: no later
// than the run began.
func (e *evidence) addCommit(r *run) {
	sha := textOf(r.Data.Tags, commitTag)
	if sha == "" {
		return
	}
	if core.CheckSHA("sha", &sha) != nil {
		e.leave("commit " + registry.Shorten(sha, 60))
		return
	}
	repository := facts.RepositoryInput{URL: registry.WithoutCredentials(textOf(r.Data.Tags, repositoryTag))}
	if url := facts.NormaliseURL(repository.URL); url == "" || core.CheckLabel("url", url) != nil {
		repository = facts.RepositoryInput{Name: unknownRepository}
	}
	e.commits = &facts.RecordCommitsInput{Repository: repository, Commits: []facts.CommitInput{{SHA: sha, CommittedAt: e.run.StartedAt}}}
	e.run.Commits = []string{sha}
}

// roles are the roles of data by the context that a run read it in.
var roles = map[string]registry.DataRole{"train": registry.TrainingData, "training": registry.TrainingData, "": registry.TrainingData}

func (e *evidence) addDataset(in datasetInput, at time.Time) {
	d := in.Dataset
	out := facts.RecordDatasetVersionInput{Dataset: norm.NFC.String(d.Name), Namespace: namespace, Version: norm.NFC.String(d.Digest), CreatedAt: at, Role: registry.OtherData}
	if core.CheckRequiredKey("dataset", &out.Dataset) != nil || core.CheckKey("version", &out.Version) != nil {
		e.leave("dataset " + registry.Shorten(d.Name, 60))
		return
	}
	context := strings.ToLower(textOf(in.Tags, contextTag))
	if role := roles[context]; role != "" {
		out.Role = role
	}
	out.URI = sourceOf(d.Source)
	if out.URI != "" && core.CheckLabel("uri", out.URI) != nil {
		e.leave("source of dataset " + registry.Shorten(d.Name, 60))
		out.URI = ""
	}
	out.Rows = rowsOf(d.Profile)
	for i, c := range columnsOf(d.Schema) {
		name := norm.NFC.String(c.Name)
		if i >= facts.MaxColumns || registry.CheckKey("column", name) != nil || slices.ContainsFunc(out.Columns, func(o registry.Column) bool { return o.Name == name }) {
			e.leave("column of dataset " + registry.Shorten(d.Name, 60))
			continue
		}
		out.Columns = append(out.Columns, registry.Column{Name: name, Type: c.typeText()})
	}
	id := datasetVersionID(&out)
	if i := slices.Index(e.run.Inputs, id); i >= 0 { // It was read in two contexts.
		known := &e.datasets[i]
		if out.Role == registry.TrainingData {
			known.Role = out.Role
		}
		known.URI, known.Rows = cmp.Or(known.URI, out.URI), cmp.Or(known.Rows, out.Rows)
		if known.Columns == nil {
			known.Columns = out.Columns
		}
		return
	}
	e.run.Inputs, e.datasets = append(e.run.Inputs, id), append(e.datasets, out)
}

func datasetVersionID(in *facts.RecordDatasetVersionInput) registry.ID {
	version := in.Version
	if version == "" {
		version = registry.Unversioned
	}
	return registry.DatasetVersionID(registry.DatasetID(in.Namespace, in.Dataset), version)
}

// sourceOf returns where the data of a dataset lies, by the JSON of its source.
func sourceOf(text string) string {
	var source map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &source) != nil {
		return ""
	}
	for _, key := range []string{"uri", "url", "path", "table_name"} {
		var value string
		if json.Unmarshal(source[key], &value) == nil && value != "" {
			return registry.WithoutCredentials(value)
		}
	}
	return ""
}

func rowsOf(profile string) *int64 {
	var p struct {
		Rows *float64 `json:"num_rows"`
	}
	if json.Unmarshal([]byte(profile), &p) != nil || p.Rows == nil || *p.Rows < 0 || *p.Rows > 1<<53 {
		return nil
	}
	rows := int64(*p.Rows)
	return &rows
}

// addFeatures records the inputs of the model's signature as features: of the column of the
// training data that has the name, else of the model.
func (e *evidence) addFeatures(file *modelFile, model string) {
	for i, in := range inputsOf(file.Signature.Inputs) {
		f := facts.RecordFeatureInput{Name: norm.NFC.String(in.Name), Type: in.typeText(), CreatedAt: e.run.StartedAt}
		switch {
		case in.Name == "": // A tensor without a name is no feature.
			continue
		case i >= maxFeatures || registry.CheckKey("name", f.Name) != nil || slices.ContainsFunc(e.features, func(o facts.RecordFeatureInput) bool { return o.Name == f.Name }):
			e.leave("feature " + registry.Shorten(in.Name, 60))
			continue
		}
		if id, ok := e.columnOf(f.Name); ok {
			f.DefinedOn, f.Column = &id, f.Name
		} else {
			f.Model = model
		}
		e.features = append(e.features, f)
	}
}

// columnOf returns the version of the training data with a column.
func (e *evidence) columnOf(name string) (registry.ID, bool) {
	for i := range e.datasets {
		d := &e.datasets[i]
		if d.Role == registry.TrainingData && slices.ContainsFunc(d.Columns, func(c registry.Column) bool { return c.Name == name }) {
			return datasetVersionID(d), true
		}
	}
	return "", false
}

func (e *evidence) addCard(r *run, file *modelFile) {
	if !e.ended { // Its parameters may not be complete, and a card keeps what it has.
		return
	}
	card := &registry.ModelCard{}
	details := registry.ModelDetails{Framework: file.framework(), Hyperparameters: e.run.Parameters}
	if details.Framework != "" || details.Hyperparameters != nil {
		card.ModelDetails = &details
	}
	training := &registry.TrainingInfo{TrainingDate: e.run.StartedAt}
	if !e.run.EndedAt.IsZero() && !e.run.StartedAt.IsZero() {
		hours := e.run.EndedAt.Sub(e.run.StartedAt).Hours()
		training.TrainingTimeHours = &hours
	}
	for i := range e.datasets {
		if d := &e.datasets[i]; d.Role == registry.TrainingData {
			training.TrainingDataVersion = d.Dataset + "@" + d.Version
			training.SamplesUsed = d.Rows
			break
		}
	}
	card.Training = training
	card.Performance = registry.PerformanceOf(e.run.Metrics)
	for _, f := range e.features {
		card.Features = append(card.Features, f.Name)
	}
	e.card = card
}

// addModelTags keeps the signature, input example and flavors of a model as tags of its version.
func (e *evidence) addModelTags(file *modelFile) {
	add := func(key string, value any) {
		text, err := registry.Canonical(value)
		if s := string(text); err == nil && s != "{}" && s != "null" {
			e.tags = append(e.tags, e.tagsOf("", []keyText{{key, s}})...)
		}
	}
	add(registry.MLflowSignatureTag, file.Signature)
	add(registry.MLflowExampleTag, file.Example)
	if names := file.flavorNames(); len(names) > 0 {
		e.tags = append(e.tags, e.tagsOf("", []keyText{{registry.MLflowFlavorsTag, strings.Join(names, ",")}})...)
	}
}

// evidence returns the facts for a version that is registered by itself.
func (e *evidence) toCore() *core.RunEvidence {
	out := &core.RunEvidence{Run: registry.NewRunID(e.run.Producer, e.run.RunID), Card: e.card, Tags: e.tags, Ended: e.ended}
	if e.commits != nil {
		out.Facts = append(out.Facts, e.commits)
	}
	for i := range e.datasets {
		out.Facts = append(out.Facts, &e.datasets[i])
	}
	out.Facts = append(out.Facts, &e.run)
	for i := range e.features {
		out.Facts = append(out.Facts, &e.features[i])
	}
	return out
}
