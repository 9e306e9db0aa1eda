package dvc

import (
	"regexp"
	"slices"
	"strings"

	"pedigree/registry"
)

// runKind returns the kind of a run. In this order it considers meta.role of dvc.yaml,
// whether the stage writes a model, the name of the stage, and whether the stage reads
// tracked data.
func (b *builder) runKind(st *stage) registry.RunKind {
	if k, ok := kindOfRole(st.metaRole); ok {
		return k
	}
	for _, o := range st.outs {
		if o.model {
			return registry.RunTraining
		}
	}
	_, name, _ := strings.Cut(st.name, ":")
	if name == "" {
		name = st.name
	}
	if k, ok := kindOfName(name); ok {
		return k
	}
	for _, d := range st.deps {
		for _, t := range b.out.tracked {
			if contains(t.path, d.path) || contains(d.path, t.path) {
				return registry.RunETL
			}
		}
	}
	return registry.RunOther
}

func kindOfRole(role string) (registry.RunKind, bool) {
	switch strings.ToLower(strings.ReplaceAll(strings.TrimSpace(role), "_", "-")) {
	case "etl", "cleaning", "data-cleaning", "preparation", "data-preparation":
		return registry.RunETL, true
	case "feature-engineering", "features":
		return registry.RunFeatureEngineering, true
	case "training", "train":
		return registry.RunTraining, true
	case "evaluation", "evaluate", "validation":
		return registry.RunEvaluation, true
	case "other", "report", "reporting":
		return registry.RunOther, true
	}
	return "", false
}

// nameKinds maps the words of stage names to kinds of runs, in the order in which they
// decide: who prepares or splits training data does not train.
var nameKinds = []struct {
	kind  registry.RunKind
	words string
}{
	{registry.RunOther, "report reports reporting plot plots plotting"},
	{registry.RunFeatureEngineering, "feature features featurize featurise featurization featurisation feat feats"},
	{registry.RunETL, "split splits splitting prepare prepares prepared preparation prep preprocess preprocessing preprocessed clean cleans cleaning cleaned cleanup etl ingest ingests ingestion extract extracts extraction"},
}

// Who trains and evaluates is what the name says first: train_and_evaluate trains.
const (
	trainingWords   = " train trains training trainer retrain finetune finetuning fit fits fitting "
	evaluationWords = " eval evaluate evaluates evaluation evaluating evaluator validate validates validation validating "
)

// nameWords matches the words of a stage name: TrainModel, train_model and train-model have
// the same.
var nameWords = regexp.MustCompile(`[A-Z]+[a-z]*|[a-z]+`)

func kindOfName(name string) (registry.RunKind, bool) {
	words := nameWords.FindAllString(name, -1)
	for i := range words {
		words[i] = strings.ToLower(words[i])
	}
	has := func(list string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(" "+list+" ", " "+w+" ") })
	}
	for _, k := range nameKinds {
		if has(k.words) {
			return k.kind, true
		}
	}
	if slices.Contains(words, "data") && has("validate validation validates") {
		return registry.RunOther, true // It checks data, not a model.
	}
	for _, w := range words {
		switch {
		case strings.Contains(trainingWords, " "+w+" "):
			return registry.RunTraining, true
		case strings.Contains(evaluationWords, " "+w+" "):
			return registry.RunEvaluation, true
		}
	}
	if slices.Contains(words, "model") && has("build builds create creates make makes") {
		return registry.RunTraining, true
	}
	return "", false
}

// dataRole returns the role of an output: training data when a training stage reads it,
// cleaned data when an ETL stage wrote it, and otherwise OTHER.
func (p *project) dataRole(maker *stage, out item) registry.DataRole {
	if out.model || out.metric {
		return registry.OtherData
	}
	for _, st := range p.stages {
		if st.kind != registry.RunTraining {
			continue
		}
		for _, d := range st.deps {
			if contains(out.path, d.path) || contains(d.path, out.path) {
				return registry.TrainingData
			}
		}
	}
	if maker != nil && maker.kind == registry.RunETL {
		return registry.CleanedData
	}
	return registry.OtherData
}
