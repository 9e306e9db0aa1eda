package catalog

import (
	"slices"
	"strings"

	"pedigree/registry"
)

// Clearing returns the input with fields of the model to clear. Other names are left out.
func (in UpdateModelInput) Clearing(fields []string) UpdateModelInput {
	for _, f := range fields {
		switch f {
		case "description":
			in.Description = new(string)
		case "owner":
			in.Owner = new(string)
		case "tags":
			in.Tags = []registry.KeyValue{}
		}
	}
	return in
}

// Clearing returns the input with fields of the card to clear, given by paths such as
// card.training.samplesUsed. Other paths are left out.
func (in UpdateModelCardInput) Clearing(fields []string) UpdateModelCardInput {
	for _, f := range fields {
		if path, ok := strings.CutPrefix(f, "card."); ok && clearCardField[path] != nil {
			in.Clear = append(in.Clear, path)
		}
	}
	return in
}

// clearCardField holds, by path, a function that clears a field of a card. Derived fields
// have none. The function of a field of a section needs the section.
var clearCardField = map[string]func(*registry.ModelCard){
	"description":           func(c *registry.ModelCard) { c.Description = "" },
	"createdDate":           func(c *registry.ModelCard) { c.CreatedDate = registry.ModelCard{}.CreatedDate },
	"features":              func(c *registry.ModelCard) { c.Features = nil },
	"dataPreprocessing":     func(c *registry.ModelCard) { c.DataPreprocessing = nil },
	"limitations":           func(c *registry.ModelCard) { c.Limitations = nil },
	"modelDetails":          func(c *registry.ModelCard) { c.ModelDetails = nil },
	"training":              func(c *registry.ModelCard) { c.Training = nil },
	"performance":           func(c *registry.ModelCard) { c.Performance = nil },
	"ethicalConsiderations": func(c *registry.ModelCard) { c.EthicalConsiderations = nil },

	"modelDetails.algorithm":                func(c *registry.ModelCard) { c.ModelDetails.Algorithm = "" },
	"modelDetails.framework":                func(c *registry.ModelCard) { c.ModelDetails.Framework = "" },
	"modelDetails.hyperparameters":          func(c *registry.ModelCard) { c.ModelDetails.Hyperparameters = nil },
	"training.trainingDataVersion":          func(c *registry.ModelCard) { c.Training.TrainingDataVersion = "" },
	"training.trainingDate":                 func(c *registry.ModelCard) { c.Training.TrainingDate = registry.TrainingInfo{}.TrainingDate },
	"training.trainingTimeHours":            func(c *registry.ModelCard) { c.Training.TrainingTimeHours = nil },
	"training.samplesUsed":                  func(c *registry.ModelCard) { c.Training.SamplesUsed = nil },
	"performance.accuracy":                  func(c *registry.ModelCard) { c.Performance.Accuracy = nil },
	"performance.precision":                 func(c *registry.ModelCard) { c.Performance.Precision = nil },
	"performance.recall":                    func(c *registry.ModelCard) { c.Performance.Recall = nil },
	"performance.f1Score":                   func(c *registry.ModelCard) { c.Performance.F1Score = nil },
	"performance.metrics":                   func(c *registry.ModelCard) { c.Performance.Metrics = nil },
	"ethicalConsiderations.fairnessChecked": func(c *registry.ModelCard) { c.EthicalConsiderations.FairnessChecked = nil },
	"ethicalConsiderations.biasAuditDone":   func(c *registry.ModelCard) { c.EthicalConsiderations.BiasAuditDone = nil },
	"ethicalConsiderations.protectedGroups": func(c *registry.ModelCard) { c.EthicalConsiderations.ProtectedGroups = nil },
}

// clearCardFields clears fields of a card and adds them to the names of changed fields. A
// field of a section that the card lacks is empty already.
func clearCardFields(card *registry.ModelCard, paths, changed []string) []string {
	sections := map[string]bool{"modelDetails": card.ModelDetails != nil, "training": card.Training != nil, "performance": card.Performance != nil,
		"ethicalConsiderations": card.EthicalConsiderations != nil}
	for _, path := range paths {
		field, _, nested := strings.Cut(path, ".")
		if !nested || sections[field] {
			clearCardField[path](card)
		}
		if !slices.Contains(changed, field) {
			changed = append(changed, field)
		}
	}
	return changed
}
