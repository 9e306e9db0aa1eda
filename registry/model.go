package registry

import (
	"cmp"
	"time"
)

// Model is a named series of versions that solve one task.
type Model struct {
	Meta
	Name        string     `json:"name,omitempty"`
	Description string     `json:"description,omitempty"`
	Owner       string     `json:"owner,omitempty"`
	Tags        []KeyValue `json:"tags,omitempty"`
	CreatedAt   time.Time  `json:"createdAt,omitzero"`
	UpdatedAt   time.Time  `json:"updatedAt,omitzero"`
	// Incarnation counts how often a model of this name was created: 1, 2, ….
	Incarnation int `json:"incarnation,omitempty"`
	// LastNumber is the highest number of a version, including deleted ones.
	LastNumber int `json:"lastNumber,omitempty"`
	// ReviewIntervalDays is how often the model is to be reviewed, 0 for never; Reviewers are
	// the subjects who do it, and NextReview is when the next review is due.
	ReviewIntervalDays int       `json:"reviewIntervalDays,omitempty"`
	Reviewers          []string  `json:"reviewers,omitempty"`
	NextReview         time.Time `json:"nextReview,omitzero"`
	// FirstName is the name that the model was registered under, if it was renamed since. Its id
	// comes from it.
	FirstName string `json:"firstName,omitempty"`
	// Used lists the semvers of deleted versions, which are never used again.
	Used []string `json:"used,omitempty"`
}

// KnownIncarnation is Incarnation, nil when it was erased with the rest of a deleted
// model.
func (m *Model) KnownIncarnation() *int { return m.knownNumber(m.Incarnation) }

// KnownLastNumber is LastNumber, nil when it was erased.
func (m *Model) KnownLastNumber() *int { return m.knownNumber(m.LastNumber) }

func (m *Model) knownNumber(n int) *int {
	if m.Incarnation == 0 { // A stored model has 1 or more.
		return nil
	}
	return &n
}

// RegisteredAs returns the name that the model was registered under.
func (m *Model) RegisteredAs() string { return cmp.Or(m.FirstName, m.Name) }

// ModelID is the id of a model by its name at creation and its incarnation.
func ModelID(name string, incarnation int) ID {
	return NewID(KindModel, name, itoa(incarnation))
}

// ModelNameSlot is the unique key that the current model of a name holds.
func ModelNameSlot(name string) string { return "model-name/" + name }

// ProductionSlot is the unique key that the one PRODUCTION version of a model holds.
func ProductionSlot(model ID) string { return "production/" + string(model) }

// ProductionEndSlot is the slot of the transition at which a version of a model last left
// PRODUCTION.
func ProductionEndSlot(model ID) string { return "production-end/" + string(model) }
