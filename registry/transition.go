package registry

import "time"

// Transition records one change of a version's stage.
type Transition struct {
	Meta
	From Stage `json:"from,omitempty"`
	To   Stage `json:"to,omitempty"`
	// At is when it happened, By the subject that did it.
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	// Approval is the id of the approved request, "" when there is none.
	Approval ID   `json:"approval,omitempty"`
	Forced   bool `json:"forced,omitempty"`
	// Ordinal is 1, 2, 3… within the version.
	Ordinal int `json:"ordinal,omitempty"`
	// ReplacedBy is the version whose promotion to PRODUCTION demoted this one.
	ReplacedBy ID `json:"replacedBy,omitempty"`
	// Gates are what the gates said that held for it.
	Gates []TransitionGate `json:"gates,omitempty"`
}

// TransitionID is the id of a version's nth transition.
func TransitionID(version ID, ordinal int) ID {
	return NewID(KindTransition, string(version), itoa(ordinal))
}
