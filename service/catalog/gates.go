package catalog

import (
	"context"

	"pedigree/governance"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/gates"
)

// AskGates returns what the gates that hold for a transition say of it. approvals is how many count;
// nil when that is not known yet.
func AskGates(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, to registry.Stage, rule governance.Rule, approvals *int, forced bool) ([]*gates.GateResult, error) {
	return gates.Ask(ctx, tx, gates.Question{Version: v, To: to, Gates: rule.GatesInto(to), Approvals: approvals, Forced: forced, Signed: signedBy})
}

// CheckGatesOfRequest answers FAILED_PRECONDITION when a gate refuses a transition whatever its
// approvals will be. What is not known yet may be known when it is executed.
func CheckGatesOfRequest(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, to registry.Stage, rule governance.Rule) error {
	found, err := AskGates(ctx, tx, v, to, rule, nil, false)
	if err != nil {
		return err
	}
	for _, r := range found {
		r.Refuses = r.Refuses && r.Answer == registry.GateFail
	}
	return gates.Refusal(v, to, found)
}
