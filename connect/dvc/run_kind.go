package dvc

import (
	"strings"

	"pedigree/registry"
)

// runKind decides what a run was for: what dvc.yaml says in meta.role, else whether
// it wrote a model, else its name, else whether it read raw data.
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
	if k, ok := kindOfName(strings.ToLower(name)); ok {
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

// nameKinds are what people call stages; the first that a name holds decides.
var nameKinds = []struct {
	word string
	kind registry.RunKind
}{
	{"report", registry.RunOther}, {"plot", registry.RunOther}, {"eval", registry.RunEvaluation}, {"validat", registry.RunEvaluation},
	{"feat", registry.RunFeatureEngineering}, {"train", registry.RunTraining}, {"clean", registry.RunETL}, {"etl", registry.RunETL},
	{"prepare", registry.RunETL}, {"preprocess", registry.RunETL}, {"ingest", registry.RunETL}, {"extract", registry.RunETL},
}

func kindOfName(name string) (registry.RunKind, bool) {
	for _, w := range nameKinds {
		if strings.Contains(name, w.word) {
			return w.kind, true
		}
	}
	return "", false
}

// dataRole says where in the pipeline an output stands: what a training run reads is
// training data, what an ETL wrote is cleaned.
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
