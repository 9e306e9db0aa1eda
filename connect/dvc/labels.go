package dvc

import (
	"fmt"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/core"
)

// maxLine is the most characters of an owner or a label.
const maxLine = 255

// labelTags returns labels as tags, each once. It cuts labels and leaves out labels beyond
// what the registry holds.
func labelTags(clean *git.TextCleaner, labels []string) (out []registry.KeyValue) {
	const most = core.MaxTags - 1 // One tag is for the commit that data was imported at.
	seen := map[string]bool{"": true}
	for _, l := range labels {
		if l = clean.Line(l, maxLine); seen[l] {
			continue
		}
		seen[l] = true
		if len(out) == most {
			clean.AddChange(fmt.Sprintf("labels beyond the first %d were left out", most))
			break
		}
		out = append(out, registry.KeyValue{Key: l})
	}
	return out
}

// reportChanges reports what was changed so that the registry takes it.
func (r *recorder) reportChanges(clean *git.TextCleaner, where string) {
	for _, change := range clean.Changes() {
		r.report.AddProblem(git.Changed, where, "%s", change)
	}
}
