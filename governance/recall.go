package governance

import "pedigree/registry"

// CheckRecallOpen returns FAILED_PRECONDITION for a recall that was cleared.
func CheckRecallOpen(r *registry.Recall) error {
	if r.State == registry.RecallOpen {
		return nil
	}
	return registry.Errorf(registry.FailedPrecondition, "recall %d was cleared by %s", r.Number, registry.Shorten(r.ClearedBy, 100))
}

// CheckClearingAskable returns FAILED_PRECONDITION when the clearing of a recall cannot be asked for:
// it is cleared, or somebody has asked.
func CheckClearingAskable(r *registry.Recall) error {
	if err := CheckRecallOpen(r); err != nil || r.Clearing == nil {
		return err
	}
	return registry.Errorf(registry.FailedPrecondition, "%s asked for this already; decide with decideRecallClearing", registry.Shorten(r.Clearing.AskedBy, 100))
}

// CheckClearingDecider returns the refusal of a subject as the second person of a clearing: whoever
// asked does not decide. Who recalled may.
func CheckClearingDecider(r *registry.Recall, subject string) error {
	if err := CheckRecallOpen(r); err != nil {
		return err
	}
	if r.Clearing == nil {
		return registry.Errorf(registry.FailedPrecondition, "nobody has asked to clear recall %d; ask with clearRecall", r.Number)
	}
	if r.Clearing.AskedBy == subject {
		return registry.Errorf(registry.Forbidden, "you asked for this; clearing a recall takes two people")
	}
	return nil
}

// CheckHandling returns FAILED_PRECONDITION for a way of handling that does not fit the deployment:
// what was replaced or rolled back has ended. Accepting needs a reason.
func CheckHandling(h registry.RecallHandling, live bool, reason string) error {
	switch h {
	case registry.HandledReplaced, registry.HandledRolledBack:
		if live {
			return registry.Errorf(registry.FailedPrecondition, "the deployment is live; end it first with endDeployment, or accept the risk with a reason")
		}
		return nil
	case registry.HandledAccepted:
		if reason == "" {
			return registry.Invalid("reason", "must say why the risk is accepted")
		}
		return nil
	}
	return registry.Invalid("handling", "%q is not one of %v", h, registry.RecallHandlings())
}
