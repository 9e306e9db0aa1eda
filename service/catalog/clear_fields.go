package catalog

import (
	"slices"
	"strings"

	"pedigree/registry"
)

// Clearing returns the input with fields of the model to clear. Other names are left out.
func (in UpdateModelInput) Clearing(fields []string) UpdateModelInput {
	clearDetails(fields, &in.Description, &in.Owner, &in.Tags)
	return in
}

// Clearing returns the input with fields of the card to clear, given by paths such as
// card.training.samplesUsed. Paths of other things, and of derived fields, are left out.
func (in UpdateModelCardInput) Clearing(fields []string) UpdateModelCardInput {
	for _, f := range fields {
		if path, ok := strings.CutPrefix(f, "card."); ok && new(registry.ModelCard).Clear(path) == nil {
			in.Clear = append(in.Clear, path)
		}
	}
	return in
}

// apply sets and clears fields of a card. It returns the names of the fields, or of their
// sections.
func (in *UpdateModelCardInput) apply(card *registry.ModelCard) ([]string, error) {
	changed := in.Card.Apply(card)
	for _, path := range in.Clear {
		if err := card.Clear(path); err != nil {
			return nil, err
		}
		if field, _, _ := strings.Cut(path, "."); !slices.Contains(changed, field) {
			changed = append(changed, field)
		}
	}
	return changed, nil
}
