package catalog

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// ModelCardInput has the fields of a card to set; nil fields stay, also those of a section
// that is given. ModelID, Name, Version, Creator and Status are derived from the version: they
// may be given, but must be equal to it.
type ModelCardInput struct {
	ModelID               *string                `json:"modelId,omitzero"`
	Name                  *string                `json:"name,omitzero"`
	Description           *string                `json:"description,omitzero"`
	Version               *string                `json:"version,omitzero"`
	CreatedDate           time.Time              `json:"createdDate,omitzero"`
	Creator               *string                `json:"creator,omitzero"`
	Status                *registry.Stage        `json:"status,omitzero"`
	ModelDetails          *registry.ModelDetails `json:"modelDetails,omitzero"`
	Training              *registry.TrainingInfo `json:"training,omitzero"`
	Performance           *registry.Performance  `json:"performance,omitzero"`
	Features              []string               `json:"features,omitzero"`
	DataPreprocessing     []string               `json:"dataPreprocessing,omitzero"`
	Limitations           []string               `json:"limitations,omitzero"`
	EthicalConsiderations *registry.Ethics       `json:"ethicalConsiderations,omitzero"`
}

// Apply sets the given fields of a card and returns their names.
func (in *ModelCardInput) Apply(card *registry.ModelCard) (changed []string) {
	set := func(field string, given bool, do func()) {
		if given {
			do()
			changed = append(changed, field)
		}
	}
	set("description", in.Description != nil, func() { card.Description = *in.Description; core.ToNFC(&card.Description) })
	set("createdDate", !in.CreatedDate.IsZero(), func() { card.CreatedDate = core.StoredTime(in.CreatedDate, in.CreatedDate) })
	set("modelDetails", in.ModelDetails != nil, func() { card.ModelDetails = registry.MergeSection(card.ModelDetails, in.ModelDetails) })
	set("training", in.Training != nil, func() { card.Training = registry.MergeSection(card.Training, in.Training) })
	set("performance", in.Performance != nil, func() { card.Performance = registry.MergeSection(card.Performance, in.Performance) })
	set("features", in.Features != nil, func() { card.Features = in.Features })
	set("dataPreprocessing", in.DataPreprocessing != nil, func() { card.DataPreprocessing = in.DataPreprocessing })
	set("limitations", in.Limitations != nil, func() { card.Limitations = in.Limitations })
	set("ethicalConsiderations", in.EthicalConsiderations != nil, func() {
		card.EthicalConsiderations = registry.MergeSection(card.EthicalConsiderations, in.EthicalConsiderations)
	})
	return changed
}

// checkDerivedFields answers INVALID_ARGUMENT for a derived field that is given and differs
// from the version.
func (in *ModelCardInput) checkDerivedFields(v *registry.ModelVersion) error {
	checkEqual := func(field string, sent *string, is string) error {
		if sent != nil && *sent != is {
			return registry.Invalid("card."+field, "is derived and is %q; leave it out", is)
		}
		return nil
	}
	version := in.Version
	if version != nil {
		if semver, err := registry.ParseVersion(*version); err == nil {
			text := semver.String()
			version = &text
		}
	}
	if in.Status != nil && *in.Status != v.Stage {
		return registry.Invalid("card.status", "is derived and is %s; move the version with transitionModelVersion", v.Stage)
	}
	return core.FirstError(checkEqual("modelId", in.ModelID, v.ModelID), checkEqual("name", in.Name, v.Name), checkEqual("version", version, v.Version),
		checkEqual("creator", in.Creator, v.Creator))
}

// checkCard checks the fields of a card.
func checkCard(card *registry.ModelCard) error {
	if err := core.FirstError(card.Check(), core.CheckTime("createdDate", card.CreatedDate)); err != nil {
		return err
	}
	if d := card.ModelDetails; d != nil {
		if len(d.Hyperparameters) > registry.MaxJSON {
			return registry.Invalid("modelDetails.hyperparameters", "is larger than %d bytes", registry.MaxJSON)
		}
		if err := core.FirstError(core.CheckText("modelDetails.algorithm", &d.Algorithm), core.CheckText("modelDetails.framework", &d.Framework)); err != nil {
			return err
		}
	}
	if t := card.Training; t != nil {
		return core.FirstError(core.CheckTime("training.trainingDate", t.TrainingDate), core.CheckText("training.trainingDataVersion", &t.TrainingDataVersion))
	}
	return nil
}

// newCard makes the card of a new version, an empty one when in is nil.
func newCard(v *registry.ModelVersion, in *ModelCardInput) (*graph.Node, error) {
	card := &registry.ModelCard{CreatedDate: v.CreatedDate}
	if in != nil {
		if err := in.checkDerivedFields(v); err != nil {
			return nil, err
		}
		in.Apply(card)
	}
	return cardNode(v, card, v.CreatedDate)
}

func putCard(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, card *registry.ModelCard, since time.Time) error {
	n, err := cardNode(v, card, since)
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// cardNode checks and encodes the card of a version.
func cardNode(v *registry.ModelVersion, card *registry.ModelCard, since time.Time) (*graph.Node, error) {
	if err := checkCard(card); err != nil {
		return nil, err
	}
	card.ID, card.Parent, card.ValidFrom = registry.CardID(v.ID), v.ID, v.CreatedDate
	// Derived fields are not stored; reads take them from the version.
	card.ModelID, card.Name, card.Version, card.Creator, card.Status = "", "", "", "", ""
	return core.EncodeNode(card, v.Name, since)
}

// UpdateModelCardInput changes a version's card: first it sets the fields in Card, then it
// empties those in Clear.
type UpdateModelCardInput struct {
	Model          *string
	Version        *string
	ID             *registry.ID
	Card           *ModelCardInput
	Clear          []string `json:",omitempty"` // the fields to clear, as paths such as training.samplesUsed
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// UpdateModelCardPayload carries the changed card.
type UpdateModelCardPayload struct{ Card *registry.ModelCard }

// UpdateModelCard changes the given fields of a card and clears others. It answers CONFLICT
// when ifRevision is not the revision of the card.
func (c *Catalog) UpdateModelCard(ctx context.Context, in UpdateModelCardInput) (*UpdateModelCardPayload, error) {
	result, err := c.core.Write(ctx, registry.CardUpdate, core.Idempotent("updateModelCard", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return ChangeCard(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	v, err := core.NounAs[*registry.ModelVersion](c.core.ReadBack(ctx, result, result.IDs[0]))
	if err != nil || v == nil {
		return &UpdateModelCardPayload{}, err
	}
	card, err := c.CardOf(ctx, v)
	return &UpdateModelCardPayload{card}, err
}

// ChangeCard is UpdateModelCard inside a transaction of registry.CardUpdate.
func ChangeCard(ctx context.Context, tx *policies.Tx, in UpdateModelCardInput) (core.WriteResult, error) {
	v, _, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	nodes, err := tx.NodesUnfiltered(ctx, registry.CardID(v.ID))
	if err != nil {
		return core.WriteResult{}, err
	}
	if nodes[0] == nil {
		return core.WriteResult{}, registry.Errorf(registry.NotFound, "%s %s has no card", v.ModelName, v.Version)
	}
	if err := core.CheckRevision(in.IfRevision, nodes[0].Revision); err != nil {
		return core.WriteResult{}, err
	}
	card, err := core.DecodeWhole(nodes[0], &registry.ModelCard{})
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := in.Card.checkDerivedFields(v); err != nil {
		return core.WriteResult{}, err
	}
	changed, err := in.apply(card)
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := putCard(ctx, tx, v, card, core.LaterTime(tx.Now(), nodes[0].Since)); err != nil {
		return core.WriteResult{}, err
	}
	return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogCardUpdated,
		Objects: []registry.ID{card.ID, v.ID}, Model: v.Parent, Detail: core.LogDetail("changed", changed)})
}

// CardOf returns the card of a version with its derived fields, nil when there is none that
// the caller sees.
func (c *Catalog) CardOf(ctx context.Context, v *registry.ModelVersion) (*registry.ModelCard, error) {
	card, err := core.Related[*registry.ModelCard](ctx, c.core, v, "card", func(v *registry.ModelVersion) core.NodeRef {
		return core.NodeRef{ID: registry.CardID(v.ID), At: v.ReadAt}
	})
	if err != nil {
		return nil, err
	}
	return derivedCard(card, v), nil
}

// derivedCard returns a copy of a card with its derived fields; nil when there is none.
func derivedCard(card *registry.ModelCard, v *registry.ModelVersion) *registry.ModelCard {
	if card == nil || card.Deleted {
		return nil
	}
	out := *card
	out.ModelID, out.Name, out.Version, out.Creator, out.Status = v.ModelID, v.Name, v.Version, v.Creator, v.Stage
	hideDerived(&out)
	return &out
}

// hideDerived clears the derived fields that the mask of the card hides.
func hideDerived(card *registry.ModelCard) {
	for _, f := range []struct {
		name  string
		clear func()
	}{{"modelId", func() { card.ModelID = "" }}, {"name", func() { card.Name = "" }}, {"version", func() { card.Version = "" }},
		{"creator", func() { card.Creator = "" }}, {"status", func() { card.Status = "" }}} {
		if !card.Mask.Has(registry.Bit("ModelCard", f.name)) {
			f.clear()
		}
	}
}
