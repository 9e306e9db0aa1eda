package registry

import "time"

// GateMode says what a gate does with a version that does not pass.
type GateMode string

// The modes.
const (
	// GateEnforce refuses the transition.
	GateEnforce GateMode = "ENFORCE"
	// GateWarn lets it through, and the transition says so.
	GateWarn GateMode = "WARN"
)

// GateAnswer is what a gate says of a version.
type GateAnswer string

// The answers. Only PASS lets a version through.
const (
	GatePass    GateAnswer = "PASS"
	GateFail    GateAnswer = "FAIL"
	GateUnknown GateAnswer = "UNKNOWN"
)

// GateScope says which models a gate is for.
type GateScope string

// The scopes of gates.
const (
	GateAllModels GateScope = "ALL"
	GateModels    GateScope = "MODELS"
	GateTag       GateScope = "TAG"
)

// The bounds of gates: how many stand, and how many models one names.
const MaxGates, MaxGateModels = 100, 100

// Gate is a condition on transitions into some stages.
type Gate struct {
	Meta
	Name string `json:"name,omitempty"`
	// Expression is the condition, in CEL. Message says what to do where it does not hold.
	Expression string  `json:"expression,omitempty"`
	Message    string  `json:"message,omitempty"`
	Stages     []Stage `json:"stages,omitempty"`
	// Models are the names of the models of scope MODELS, Tag that of scope TAG.
	AppliesTo GateScope `json:"appliesTo,omitempty"`
	Models    []string  `json:"models,omitempty"`
	Tag       *KeyValue `json:"tag,omitempty"`
	Mode      GateMode  `json:"mode,omitempty"`
	// Forcible lets a forced transition through, as WARN does.
	Forcible bool      `json:"forcible,omitempty"`
	SetBy    string    `json:"setBy,omitempty"`
	SetAt    time.Time `json:"setAt,omitzero"`
}

// GateID is the id of the gate with a name.
func GateID(name string) ID { return NewID(KindGate, name) }

// GateIndex lists the gates that stand, so that a transition learns from one document which of them
// hold for it.
type GateIndex struct {
	Gates []GateEntry `json:"gates,omitempty"`
}

// GateEntry is a gate in the index.
type GateEntry struct {
	ID     ID        `json:"id"`
	Stages []Stage   `json:"stages"`
	Models []ID      `json:"models,omitempty"`
	Tag    *KeyValue `json:"tag,omitempty"`
}

// GateIndexID is the id of the one index of gates.
func GateIndexID() ID { return NewID(KindGateIndex, "gates") }

// TransitionGate is what a gate said when a version was moved.
type TransitionGate struct {
	Name     string     `json:"name"`
	Revision int        `json:"revision"`
	Mode     GateMode   `json:"mode"`
	Answer   GateAnswer `json:"answer"`
	// Message is that of a gate that did not pass.
	Message string `json:"message,omitempty"`
}
