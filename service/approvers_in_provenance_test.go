package service_test

import (
	"slices"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// TestWhoApprovedAMoveHasAHandInIt: an approver is among the people of a provenance once the move was
// made, and at an instant before it is not. Who may not see approvals does not see them there.
func TestWhoApprovedAMoveHasAHandInIt(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{Needed: 2})
	id := must[*registry.ModelVersion](o.kit)(o.ModelVersion(o.bob(), "churn", "1.0.0")).ID
	people := func(role string, asOf time.Time) []string {
		t.Helper()
		return must[*provenance.Provenance](o.kit)(o.Provenance(o.as("reader", role), id, asOf, time.Time{})).People
	}
	r := o.request()
	must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID}))
	if got := people(registry.RoleAdmin, time.Time{}); slices.Contains(got, "bob") {
		t.Errorf("before the move is made: %v", got)
	}
	done := must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.cleo(), governance.DecideInput{ID: r.ID}))
	for _, role := range []string{registry.RoleAdmin, registry.RoleDataScientist} {
		if got := people(role, time.Time{}); !slices.Contains(got, "bob") || !slices.Contains(got, "cleo") {
			t.Errorf("%s: %v", role, got)
		}
	}
	for _, role := range []string{registry.RoleDeveloper, registry.RoleViewer} {
		if got := people(role, time.Time{}); slices.Contains(got, "bob") || slices.Contains(got, "cleo") {
			t.Errorf("%s: %v", role, got)
		}
	}
	if got := people(registry.RoleAdmin, done.Transition.At.Add(-time.Microsecond)); slices.Contains(got, "cleo") {
		t.Errorf("before: %v", got)
	}
}
