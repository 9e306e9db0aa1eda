package compliance

import "pedigree/registry"

// derive makes the files that follow from the facts alone: what people read, and the parts of the
// facts that tools ask for by themselves.
func derive(f *Facts) ([]File, error) {
	list := checklistOf(f)
	card, check := cardDocument(f), checklistDocument(f, list)
	svg := picture(&f.Lineage)
	out := []File{
		{"lineage.svg", svg},
		{"model-card.md", card.markdown()},
		{"checklist.md", check.markdown()},
	}
	for name, d := range map[string]*document{"model-card.html": card, "checklist.html": check} {
		drawing := svg
		if d == check {
			drawing = nil
		}
		page, err := d.html(drawing)
		if err != nil {
			return nil, err
		}
		out = append(out, File{name, page})
	}
	for name, part := range map[string]any{
		"model-card.json": cardPart{f.Version, f.Model, f.Card, f.Missing}, "checklist.json": list, "gaps.json": f.Gaps, "transitions.json": f.Transitions,
		"approvals.json": f.Requests, "reviews.json": f.Reviews, "recalls.json": f.Recalls, "deployments.json": f.Deployments, "deprecations.json": f.Deprecations,
	} {
		body, err := marshal(part)
		if err != nil {
			return nil, err
		}
		out = append(out, File{name, body})
	}
	sortFiles(out)
	return out, nil
}

// cardPart is the model card as JSON.
type cardPart struct {
	Version Version             `json:"version"`
	Model   Model               `json:"model"`
	Card    *registry.ModelCard `json:"card"`
	Missing []string            `json:"cardMissing,omitempty"`
}
