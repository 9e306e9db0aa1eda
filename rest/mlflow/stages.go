package mlflow

import (
	"context"
	"slices"
	"strings"

	"pedigree/registry"
)

// stages are MLflow's stages, in its order.
var stages = []string{"None", "Staging", "Production", "Archived"}

// stageNames are the stages that MLflow has a name for.
var stageNames = map[registry.Stage]string{registry.Development: "None", registry.Staging: "Staging", registry.Production: "Production", registry.Archived: "Archived"}

// stageName returns the stage that MLflow shows. What is deprecated shows as archived, so that
// nobody who asks for Production loads it.
func stageName(s registry.Stage) string {
	switch s {
	case registry.Canary:
		return "Staging"
	case registry.Deprecated:
		return "Archived"
	}
	return stageNames[s]
}

// parseStage reads a stage in any case.
func parseStage(text string) (name string, stage registry.Stage, err error) {
	for s, known := range stageNames {
		if strings.EqualFold(known, text) {
			return known, s, nil
		}
	}
	return "", "", registry.Errorf(registry.InvalidArgument, "Invalid Model Version stage: %s. Value must be one of %s.", registry.Shorten(text, 60), strings.Join(stages, ", "))
}

// newest returns the version with the highest number in each of some of MLflow's stages, in the
// order of stages.
func (c *call) newest(ctx context.Context, m *registry.Model, wanted []string) (out []*registry.ModelVersion, err error) {
	byStage, err := c.NewestByStage(ctx, m)
	if err != nil {
		return nil, err
	}
	for _, name := range stages {
		var newest *registry.ModelVersion
		for stage, v := range byStage {
			if stageName(stage) == name && (newest == nil || v.Number > newest.Number) {
				newest = v
			}
		}
		if newest != nil && slices.Contains(wanted, name) {
			out = append(out, newest)
		}
	}
	return out, nil
}
