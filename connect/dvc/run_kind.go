package dvc

import (
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
	if k, ok := registry.RunKindOfName(name); ok {
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
