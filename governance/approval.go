// Package governance holds the rules of approvals, reviews and deprecations that need no store: which
// guard applies, who counts as an approver, when a request is void, when a review is due, when a
// version may be retired, and the calendar of all that.
package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pedigree/registry"
)

// CheckApprover returns FORBIDDEN with the reason when a subject never counts as an approver
// of a request, whatever their role. approvers are those who may approve; empty means all.
func CheckApprover(r *registry.TransitionRequest, subject string, approvers []string) error {
	switch {
	case subject == r.RequestedBy:
		return registry.Errorf(registry.Forbidden, "you requested this transition; somebody else decides on it (you can withdraw it)")
	case subject == r.Registrant:
		return registry.Errorf(registry.Forbidden, "you registered this version; somebody else decides on its transitions")
	case len(approvers) > 0 && !slices.Contains(approvers, subject):
		return registry.Errorf(registry.Forbidden, "only these decide here: %s", strings.Join(approvers, ", "))
	}
	return nil
}

// CheckDecidable returns FAILED_PRECONDITION when a request takes no decision any more.
func CheckDecidable(r *registry.TransitionRequest, now time.Time) error {
	if status := r.StatusAt(now); status != registry.RequestPending && status != registry.RequestApproved {
		return closedError(r, status)
	}
	return nil
}

// CheckExecutable returns FAILED_PRECONDITION when a request is not approved, or not any more.
func CheckExecutable(r *registry.TransitionRequest, now time.Time) error {
	switch status := r.StatusAt(now); status {
	case registry.RequestApproved:
		return nil
	case registry.RequestPending:
		return registry.Errorf(registry.FailedPrecondition, "the request is not approved yet: it has %d of %d approvals", len(r.Approvals), r.Needed)
	default:
		return closedError(r, status)
	}
}

func closedError(r *registry.TransitionRequest, status registry.RequestStatus) error {
	switch status {
	case registry.RequestVoid:
		return VoidError(r)
	case registry.RequestExpired:
		return registry.Errorf(registry.FailedPrecondition, "the request expired at %s; make a new one with transitionModelVersion", r.ExpiresAt.Format(time.RFC3339))
	case registry.RequestExecuted:
		return registry.Errorf(registry.FailedPrecondition, "the request was executed already, at %s", r.ClosedAt.Format(time.RFC3339))
	}
	return registry.Errorf(registry.FailedPrecondition, "the request was %s already; make a new one with transitionModelVersion", strings.ToLower(string(status)))
}

// VoidError returns the error for a request that is void: it says what changed.
func VoidError(r *registry.TransitionRequest) error {
	return &registry.Error{Code: registry.FailedPrecondition, Message: "the request is void: " + strings.Join(r.VoidBecause, "; ") + "; make a new one with transitionModelVersion",
		Details: map[string]any{"voidBecause": r.VoidBecause}}
}

// Tally says which approvals of a request count.
type Tally struct {
	// Counted are the subjects whose approvals count, in order of approval.
	Counted []string
	// NotCounted says of the others why not.
	NotCounted []string
}

// Count counts the approvals of a request. approvers are those who may approve; empty means
// all. holds reports whether the subject of an approval still may approve.
func Count(r *registry.TransitionRequest, approvers []string, holds func(registry.TransitionApproval) (bool, error)) (Tally, error) {
	var t Tally
	for _, a := range r.Approvals {
		if slices.Contains(t.Counted, a.By) {
			continue
		}
		if err := CheckApprover(r, a.By, approvers); err != nil {
			t.NotCounted = append(t.NotCounted, fmt.Sprintf("the approval by %s does not count", a.By))
			continue
		}
		ok, err := holds(a)
		if err != nil {
			return t, err
		}
		if !ok {
			t.NotCounted = append(t.NotCounted, fmt.Sprintf("%s may no longer approve", a.By))
			continue
		}
		t.Counted = append(t.Counted, a.By)
	}
	return t, nil
}

// Check returns FAILED_PRECONDITION when fewer approvals count than are needed.
func (t Tally) Check(needed int) error {
	if len(t.Counted) >= needed {
		return nil
	}
	text := fmt.Sprintf("%d of %d approvals count", len(t.Counted), needed)
	if len(t.NotCounted) > 0 {
		text += ": " + strings.Join(t.NotCounted, "; ")
	}
	return registry.Errorf(registry.FailedPrecondition, "%s; somebody else must approve", text)
}
