package registry

import "slices"

// Stage is the lifecycle stage of a model version.
type Stage string

// The stages.
const (
	Development Stage = "DEVELOPMENT"
	Staging     Stage = "STAGING"
	Canary      Stage = "CANARY"
	Production  Stage = "PRODUCTION"
	Deprecated  Stage = "DEPRECATED"
	Archived    Stage = "ARCHIVED"
)

// Stages lists every stage in lifecycle order.
func Stages() []Stage {
	return []Stage{Development, Staging, Canary, Production, Deprecated, Archived}
}

var transitions = map[Stage][]Stage{
	Development: {Staging, Archived},
	Staging:     {Canary, Production, Development, Archived},
	Canary:      {Production, Staging, Archived},
	Production:  {Deprecated, Canary},
	Deprecated:  {Production, Archived},
	Archived:    {Development},
}

// AllowedFrom lists the stages that a version may move to without force.
func AllowedFrom(from Stage) []Stage { return slices.Clone(transitions[from]) }

// CheckTransition returns FAILED_PRECONDITION, with the allowed targets, for a
// transition that is not in the lifecycle. Force allows any transition but one to the
// same stage.
func CheckTransition(from, to Stage, force bool) error {
	if !slices.Contains(Stages(), to) {
		return Invalid("to", "%q is no stage; use one of %v", to, Stages())
	}
	if from == to {
		return &Error{Code: FailedPrecondition, Message: "the version is in " + string(to) + " already",
			Details: map[string]any{"allowed": transitions[from]}}
	}
	if force || slices.Contains(transitions[from], to) {
		return nil
	}
	e := Errorf(FailedPrecondition, "a version in %s can go to %v, not to %s; pass force with a reason to do it all the same", from, transitions[from], to)
	e.Details = map[string]any{"allowed": transitions[from]}
	return e
}
