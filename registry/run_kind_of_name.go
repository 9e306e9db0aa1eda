package registry

import (
	"slices"
	"strings"
)

// nameKinds maps the words of stage names to kinds of runs, in the order in which they
// decide: who prepares or splits training data does not train.
var nameKinds = []struct {
	kind  RunKind
	words string
}{
	{RunOther, "report reports reporting plot plots plotting"},
	{RunFeatureEngineering, "feature features featurize featurise featurization featurisation feat feats"},
	{RunETL, "split splits splitting prepare prepares prepared preparation prep preprocess preprocessing preprocessed clean cleans cleaning cleaned cleanup etl ingest ingests ingestion extract extracts extraction"},
}

// Who trains and evaluates is what the name says first: train_and_evaluate trains.
const (
	trainingWords   = " train trains training trainer retrain finetune finetuning fit fits fitting "
	evaluationWords = " eval evaluate evaluates evaluation evaluating evaluator validate validates validation validating "
)

// nameWords returns the words of a stage name in lower case: TrainModel, train_model and train-model
// have the same. A word is of letters of ASCII, and begins anew with a capital after a small one.
func nameWords(name string) (out []string) {
	small := func(c byte) bool { return 'a' <= c && c <= 'z' }
	capital := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	for at := 0; at < len(name); {
		first := at
		for at < len(name) && capital(name[at]) {
			at++
		}
		for at < len(name) && small(name[at]) {
			at++
		}
		if at == first {
			at++
			continue
		}
		out = append(out, strings.ToLower(name[first:at]))
	}
	return out
}

// RunKindOfName guesses the kind of a run from the words of its name, such as train_model. It
// reports false when no word decides.
func RunKindOfName(name string) (RunKind, bool) {
	words := nameWords(name)
	has := func(list string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(" "+list+" ", " "+w+" ") })
	}
	for _, k := range nameKinds {
		if has(k.words) {
			return k.kind, true
		}
	}
	if slices.Contains(words, "data") && has("validate validation validates") {
		return RunOther, true // It checks data, not a model.
	}
	for _, w := range words {
		switch {
		case strings.Contains(trainingWords, " "+w+" "):
			return RunTraining, true
		case strings.Contains(evaluationWords, " "+w+" "):
			return RunEvaluation, true
		}
	}
	if slices.Contains(words, "model") && has("build builds create creates make makes") {
		return RunTraining, true
	}
	return "", false
}
