package service_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/governance"
)

// office is a kit with people whose roles the registry keeps: root registered the version 1.0.0
// of the model churn, which stands in STAGING and needs approvals for PRODUCTION; ada requests,
// bob and cleo approve.
type office struct{ *kit }

func newOffice(t *testing.T, in governance.PutTransitionGuardInput) *office {
	t.Helper()
	return officeOn(newKit(t), in)
}

func officeOn(k *kit, in governance.PutTransitionGuardInput) *office {
	k.Helper()
	o := &office{k}
	for subject, role := range map[string]string{"ada": registry.RoleDataScientist, "bob": registry.RoleAdmin, "cleo": registry.RoleAdmin, "root": registry.RoleAdmin} {
		must[string](k)(k.CreateToken(k.admin, access.CreateTokenInput{Subject: subject, Role: role}))
	}
	k.model("churn")
	k.version("churn", "1.0.0")
	k.move("churn", "1.0.0", registry.Staging)
	in.Profile = registry.ProfileGuarded
	must[*governance.GuardPayload](k)(k.PutTransitionGuard(k.admin, in))
	return o
}

func (o *office) ada() context.Context  { return o.as("ada", registry.RoleDataScientist) }
func (o *office) bob() context.Context  { return o.as("bob", registry.RoleAdmin) }
func (o *office) cleo() context.Context { return o.as("cleo", registry.RoleAdmin) }

func promotion() catalog.TransitionModelVersionInput {
	return catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: ptr("1.0.0"), To: registry.Production, Reason: "it is better"}
}

// request makes ada request the promotion.
func (o *office) request() *registry.TransitionRequest {
	o.Helper()
	p := must[*catalog.TransitionModelVersionPayload](o.kit)(o.TransitionModelVersion(o.ada(), promotion()))
	if p.Request == nil || p.Transition != nil {
		o.Fatalf("request %v and transition %v, want the request alone", p.Request, p.Transition)
	}
	return p.Request
}

func (o *office) stage() registry.Stage {
	o.Helper()
	return must[*registry.ModelVersion](o.kit)(o.ModelVersion(o.as("reader", registry.RoleAdmin), "churn", "1.0.0")).Stage
}

func (o *office) reread(id registry.ID) *registry.TransitionRequest {
	o.Helper()
	r, _ := must[registry.Node](o.kit)(o.Node(o.as("reader", registry.RoleAdmin), id)).(*registry.TransitionRequest)
	if r == nil {
		o.Fatalf("no request %s", id)
	}
	return r
}

// wantRefusal fails the test unless an error has the code and says so.
func (o *office) wantRefusal(code registry.Code, text string, err error) {
	o.Helper()
	o.wantCode(code, err)
	if err != nil && !strings.Contains(err.Error(), text) {
		o.Errorf("%q does not say %q", err, text)
	}
	o.Logf("%s: %v", code, err)
}

func TestAGuardedPromotionNeedsASecondPerson(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	r := o.request()
	if o.stage() != registry.Staging || r.Status != registry.RequestPending || r.RequestedBy != "ada" || r.Registrant != "root" || r.Needed != 1 {
		t.Errorf("stage %s after %+v", o.stage(), r)
	}
	_, err := o.ApproveTransition(o.ada(), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.Forbidden, "transition.approve", err) // A data scientist does not decide.
	_, err = o.ApproveTransition(o.as("ada", registry.RoleAdmin), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.Forbidden, "you requested this transition", err)
	_, err = o.ApproveTransition(o.admin, governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.Forbidden, "you registered this version", err)
	p := must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID, Comment: "the numbers hold"}))
	if o.stage() != registry.Production || p.Request.Status != registry.RequestExecuted || p.Transition == nil || p.Transition.Approval != r.ID || p.Version.Stage != registry.Production {
		t.Errorf("stage %s, request %+v, transition %+v", o.stage(), p.Request, p.Transition)
	}
	log := must[*access.LogEntryConnection](o.kit)(o.AuditLog(o.admin, core.Paging{First: ptr(2)}, nil))
	if e := log.Edges[0].Node; e.Action != registry.LogModelDeployed || e.Approval != "bob" || e.Reason != "it is better" {
		t.Errorf("the log says %+v", e)
	}
	if e := log.Edges[1].Node; e.Action != registry.LogApproved || e.Actor != "bob" || e.Reason != "the numbers hold" {
		t.Errorf("the log says %+v", e)
	}
	_, err = o.ApproveTransition(o.cleo(), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.FailedPrecondition, "executed already", err)
}

// TestAnOpenRegistryMovesAtOnce is the twin: without the guard nothing waits.
func TestAnOpenRegistryMovesAtOnce(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	must[*core.DeletePayload](o.kit)(o.DeleteTransitionGuard(o.admin, governance.DeleteTransitionGuardInput{}))
	_, err := o.TransitionModelVersion(o.ada(), promotion())
	o.wantRefusal(registry.Forbidden, "you may not do transition", err)
	in := promotion()
	in.Execute = registry.ExecuteLater
	_, err = o.TransitionModelVersion(o.admin, in)
	o.wantRefusal(registry.InvalidArgument, "need no approval", err)
	p := must[*catalog.TransitionModelVersionPayload](o.kit)(o.TransitionModelVersion(o.admin, promotion()))
	if p.Request != nil || p.Transition == nil || p.Version.Stage != registry.Production {
		t.Errorf("%+v", p)
	}
}

func TestOneRequestStandsForAVersionAndStage(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	r := o.request()
	_, err := o.TransitionModelVersion(o.ada(), promotion())
	o.wantRefusal(registry.AlreadyExists, string(r.ID), err)
	_, err = o.WithdrawTransition(o.as("dan", registry.RoleDataScientist), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.Forbidden, "somebody else requested", err)
	p := must[*governance.RequestPayload](o.kit)(o.WithdrawTransition(o.ada(), governance.DecideInput{ID: r.ID, Comment: "not yet"}))
	if p.Request.Status != registry.RequestWithdrawn || p.Request.Comment != "not yet" || p.Request.ClosedBy != "ada" {
		t.Errorf("%+v", p.Request)
	}
	second := o.request()
	if second.ID == r.ID || second.Ordinal != 2 {
		t.Errorf("the second request is %+v", second)
	}
	_, err = o.RejectTransition(o.as("ada", registry.RoleAdmin), governance.DecideInput{ID: second.ID})
	o.wantRefusal(registry.Forbidden, "you requested", err)
	rejected := must[*governance.RequestPayload](o.kit)(o.RejectTransition(o.bob(), governance.DecideInput{ID: second.ID, Comment: "no audit"}))
	if rejected.Request.Status != registry.RequestRejected || rejected.Version != nil {
		t.Errorf("%+v", rejected)
	}
	_, err = o.ApproveTransition(o.cleo(), governance.DecideInput{ID: second.ID})
	o.wantRefusal(registry.FailedPrecondition, "rejected already", err)
}

func TestOneSubjectCountsOnce(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{Needed: 2})
	r := o.request()
	must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID}))
	_, err := o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.FailedPrecondition, "one subject counts once", err)
	if o.stage() != registry.Staging {
		t.Fatal("one approval of two moved the version")
	}
	p := must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.cleo(), governance.DecideInput{ID: r.ID}))
	if o.stage() != registry.Production || len(p.Request.Approvals) != 2 {
		t.Errorf("stage %s after %+v", o.stage(), p.Request)
	}
	log := must[*access.LogEntryConnection](o.kit)(o.AuditLog(o.admin, core.Paging{First: ptr(1)}, nil))
	if e := log.Edges[0].Node; e.Approval != "bob, cleo" {
		t.Errorf("the log says %+v", e)
	}
}

func TestOnlyNamedApproversCount(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{Approvers: []string{"cleo"}})
	r := o.request()
	_, err := o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.Forbidden, "only these decide here: cleo", err)
	must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.cleo(), governance.DecideInput{ID: r.ID}))
	if o.stage() != registry.Production {
		t.Error("the named approver did not move it")
	}
}

// setGrants changes what the registry holds of a subject, as an administrator of access would.
func (o *office) setGrants(subject string, grants ...registry.Grant) {
	o.Helper()
	err := o.store.Update(o.Context(), func(tx graph.Tx) error {
		nodes, err := tx.Nodes(o.Context(), graph.Instant{}, registry.ActorID(subject))
		if err != nil {
			return err
		}
		a, err := core.DecodeWhole(nodes[0], &registry.Actor{})
		if err != nil {
			return err
		}
		a.Grants = grants
		n, err := core.EncodeNode(a, nodes[0].Name, o.now, nodes[0].Slots...)
		if err != nil {
			return err
		}
		if err := tx.Put(o.Context(), n); err != nil {
			return err
		}
		return tx.Append(o.Context(), &registry.LogEntry{At: o.now, Actor: "root", Action: registry.LogTokenCreated, Objects: []registry.ID{n.ID}})
	})
	if err != nil {
		o.Fatal(err)
	}
}

func TestARevokedRoleDoesNotCount(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{Needed: 2})
	r := o.request()
	must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID}))
	o.setGrants("bob", registry.Grant{Role: registry.RoleDeveloper, Scope: registry.ScopeAll})
	p := must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.cleo(), governance.DecideInput{ID: r.ID}))
	if o.stage() != registry.Staging || p.Request.Status != registry.RequestPending {
		t.Errorf("stage %s, request %s: the approval of a revoked role counted", o.stage(), p.Request.Status)
	}
	check := must[*governance.TransitionCheck](o.kit)(o.CheckTransition(o.ada(), governance.CheckTransitionInput{Model: ptr("churn"), Version: ptr("1.0.0"), To: registry.Production}))
	if check.Counted != 1 || check.Needed != 2 || check.Allowed {
		t.Errorf("%+v", check)
	}
}

func TestARoleRevokedBeforeTheExecutionDoesNotCount(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	in := promotion()
	in.Execute = registry.ExecuteLater
	r := must[*catalog.TransitionModelVersionPayload](o.kit)(o.TransitionModelVersion(o.ada(), in)).Request
	execute := catalog.TransitionModelVersionInput{To: registry.Production, Approval: &r.ID}
	_, err := o.TransitionModelVersion(o.ada(), execute)
	o.wantRefusal(registry.FailedPrecondition, "0 of 1 approvals", err)
	p := must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID}))
	if p.Request.Status != registry.RequestApproved || p.Transition != nil || o.stage() != registry.Staging {
		t.Errorf("%+v", p.Request)
	}
	o.setGrants("bob", registry.Grant{Role: registry.RoleDeveloper, Scope: registry.ScopeAll})
	_, err = o.TransitionModelVersion(o.ada(), execute)
	o.wantRefusal(registry.FailedPrecondition, "bob may no longer approve", err)
	must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.cleo(), governance.DecideInput{ID: r.ID}))
	_, err = o.TransitionModelVersion(o.as("dan", registry.RoleDataScientist), execute)
	o.wantRefusal(registry.Forbidden, "you may not execute this request", err)
	moved := must[*catalog.TransitionModelVersionPayload](o.kit)(o.TransitionModelVersion(o.ada(), execute))
	if moved.Transition == nil || moved.Transition.Approval != r.ID || moved.Transition.By != "ada" || o.stage() != registry.Production {
		t.Errorf("%+v", moved)
	}
	log := must[*access.LogEntryConnection](o.kit)(o.AuditLog(o.admin, core.Paging{First: ptr(1)}, nil))
	if e := log.Edges[0].Node; e.Approval != "cleo" {
		t.Errorf("the log says %+v", e)
	}
	_, err = o.TransitionModelVersion(o.ada(), execute)
	o.wantRefusal(registry.FailedPrecondition, "executed already", err)
}

func TestARequestExpires(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{ExpiryDays: 3})
	r := o.request()
	if want := r.RequestedAt.AddDate(0, 0, 3); !r.ExpiresAt.Equal(want) {
		t.Errorf("it expires at %s, want %s", r.ExpiresAt, want)
	}
	o.now = r.ExpiresAt.Add(-time.Microsecond)
	if s := o.reread(r.ID).Status; s != registry.RequestPending {
		t.Errorf("%s before its time", s)
	}
	o.now = r.ExpiresAt
	if s := o.reread(r.ID).Status; s != registry.RequestExpired {
		t.Errorf("%s after its time", s)
	}
	_, err := o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.FailedPrecondition, "expired", err)
	if second := o.request(); second.Ordinal != 2 || o.reread(r.ID).Status != registry.RequestExpired {
		t.Error("a new request did not take the place of the expired one")
	}
}

// TestAChangedVersionVoidsItsRequest changes one thing after another that a request is bound to.
func TestAChangedVersionVoidsItsRequest(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*office) error
		says   string
	}{
		"the version": {func(o *office) error {
			_, err := o.TransitionModelVersion(o.admin, catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: ptr("1.0.0"), To: registry.Canary})
			return err
		}, "the version changed since"},
		"the card": {func(o *office) error {
			_, err := o.UpdateModelCard(o.admin, catalog.UpdateModelCardInput{Model: ptr("churn"), Version: ptr("1.0.0"), Card: &catalog.ModelCardInput{Limitations: []string{"new"}}})
			return err
		}, "its card changed since"},
		"a new cause": {func(o *office) error {
			data := o.data("late", nil)
			v := must[*registry.ModelVersion](o.kit)(o.ModelVersion(o.admin, "churn", "1.0.0"))
			_, err := o.LinkLineage(o.admin, facts.LinkLineageInput{From: v.ID, To: data, Kind: registry.EdgeDerivedFrom})
			return err
		}, "1 DATASET_VERSION new"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, governance.PutTransitionGuardInput{})
			r := o.request()
			if err := c.change(o); err != nil {
				t.Fatal(err)
			}
			stage := o.stage()
			check := must[*governance.TransitionCheck](o.kit)(o.CheckTransition(o.ada(), governance.CheckTransitionInput{Model: ptr("churn"), Version: ptr("1.0.0"), To: registry.Production}))
			if !slices.ContainsFunc(check.Blockers, func(b *governance.TransitionBlocker) bool {
				return b.Kind == governance.BlockedByVoid && strings.Contains(b.Text, c.says)
			}) {
				t.Errorf("checkTransition says %+v", check.Blockers)
			}
			_, err := o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID, IdempotencyKey: ptr("once")})
			o.wantRefusal(registry.FailedPrecondition, c.says, err)
			_, err = o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID, IdempotencyKey: ptr("once")})
			o.wantRefusal(registry.FailedPrecondition, c.says, err) // The same call again answers the same.
			if got := o.reread(r.ID); got.Status != registry.RequestVoid || len(got.VoidBecause) != 1 || o.stage() != stage {
				t.Errorf("%s, %v; stage %s", got.Status, got.VoidBecause, o.stage())
			}
			_, err = o.ApproveTransition(o.cleo(), governance.DecideInput{ID: r.ID})
			o.wantRefusal(registry.FailedPrecondition, c.says, err)
			if second := o.request(); second.Ordinal != 2 {
				t.Errorf("%+v", second)
			}
		})
	}
}

// TestWhatDoesNotConcernAVersionVoidsNothing is the twin of the test above.
func TestWhatDoesNotConcernAVersionVoidsNothing(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	r := o.request()
	o.version("churn", "2.0.0")
	o.data("elsewhere", nil)
	v := must[*registry.ModelVersion](o.kit)(o.ModelVersion(o.admin, "churn", "1.0.0"))
	must[*facts.RecordDeploymentPayload](o.kit)(o.RecordDeployment(o.admin, facts.RecordDeploymentInput{ID: &v.ID, Environment: "trial"}))
	must[*governance.RequestPayload](o.kit)(o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID}))
	if o.stage() != registry.Production {
		t.Error("the request did not stand")
	}
}

// TestEvidenceHidesWhatItsReaderMayNotSee withdraws the edge to a cause after it was requested
// with it. Somebody with a grant on the model alone then sees the cause no more.
func TestEvidenceHidesWhatItsReaderMayNotSee(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	v := must[*registry.ModelVersion](o.kit)(o.ModelVersion(o.admin, "churn", "1.0.0"))
	data := must[*facts.RecordDatasetVersionPayload](o.kit)(o.RecordDatasetVersion(o.admin, facts.RecordDatasetVersionInput{Dataset: "raw", Digest: "md5:0123456789"})).DatasetVersion.ID
	must[*facts.LinkLineagePayload](o.kit)(o.LinkLineage(o.admin, facts.LinkLineageInput{From: v.ID, To: data, Kind: registry.EdgeDerivedFrom}))
	r := o.request()
	must[*facts.RetractLineagePayload](o.kit)(o.RetractLineage(o.admin, facts.RetractLineageInput{From: v.ID, To: data, Kind: registry.EdgeDerivedFrom, Reason: "wrong"}))
	upstream := func(scope string) *registry.UpstreamNode {
		ctx := o.with("reader", registry.Grant{Role: registry.RoleDataScientist, Scope: scope})
		seen := must[*registry.TransitionRequest](o.kit)(o.TransitionRequest(ctx, r.ID))
		nodes := must[[]*registry.UpstreamNode](o.kit)(o.EvidenceUpstream(ctx, seen.Evidence))
		if len(nodes) != 1 {
			t.Fatalf("%d nodes upstream, want 1", len(nodes))
		}
		return nodes[0]
	}
	if n := upstream(registry.ScopeAll); n.ID != data || n.Digest != "md5:0123456789" {
		t.Errorf("who sees all sees %+v", n)
	}
	if n := upstream("model:churn"); n.ID == data || n.Digest != "" || n.Kind != registry.KindDatasetVersion {
		t.Errorf("who sees the model sees %+v of what is hidden", n)
	}
	_, err := o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID})
	o.wantRefusal(registry.FailedPrecondition, "1 DATASET_VERSION gone", err)
}

func TestADeletedVersionVoidsItsRequest(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	r := o.request()
	must[*core.DeletePayload](o.kit)(o.DeleteModelVersion(o.admin, catalog.DeleteModelVersionInput{Model: ptr("churn"), Version: ptr("1.0.0"), Reason: "no use"}))
	if got := o.reread(r.ID); got.Status != registry.RequestVoid || !slices.Equal(got.VoidBecause, []string{"the version was deleted"}) {
		t.Errorf("%s, %v", got.Status, got.VoidBecause)
	}
	_, err := o.ApproveTransition(o.bob(), governance.DecideInput{ID: r.ID})
	o.wantCode(registry.NotFound, err)
}

func TestForceDoesNotReplaceAnApproval(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	in := promotion()
	in.Force = true
	_, err := o.TransitionModelVersion(o.admin, in)
	o.wantRefusal(registry.FailedPrecondition, "force does not replace it", err)
	in.Force, in.At = false, o.now.Add(-time.Hour)
	_, err = o.TransitionModelVersion(o.admin, in)
	o.wantRefusal(registry.InvalidArgument, "leave out at", err)
	if o.stage() != registry.Staging {
		t.Fatal("it was moved")
	}
	// What is not guarded stays free: back, and away, which under a guard is a retirement.
	o.move("churn", "1.0.0", registry.Development)
	must[*governance.RetirementPayload](o.kit)(o.RetireModelVersion(o.admin, governance.RetireModelVersionInput{Model: ptr("churn"), Version: ptr("1.0.0")}))
}

func TestTheMostSpecialGuardDecides(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	needed := func() int {
		return must[*governance.TransitionCheck](o.kit)(o.CheckTransition(o.as("dan", registry.RoleDataScientist), governance.CheckTransitionInput{Model: ptr("churn"), Version: ptr("1.0.0"), To: registry.Production})).Needed
	}
	put := func(in governance.PutTransitionGuardInput) {
		t.Helper()
		must[*governance.GuardPayload](o.kit)(o.PutTransitionGuard(o.admin, in))
	}
	if n := needed(); n != 1 {
		t.Fatalf("%d, want the registry's 1", n)
	}
	tag := registry.KeyValue{Key: "risk", Value: "high"}
	put(governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Tag: &tag}, Profile: registry.ProfileGuarded, Needed: 3})
	must[*catalog.ModelPayload](o.kit)(o.UpdateModel(o.admin, catalog.UpdateModelInput{Model: ptr("churn"), Tags: []registry.KeyValue{tag}}))
	if n := needed(); n != 3 {
		t.Errorf("%d, want the tag's 3", n)
	}
	_, err := o.UpdateModel(o.ada(), catalog.UpdateModelInput{Model: ptr("churn"), Tags: []registry.KeyValue{}})
	o.wantRefusal(registry.Forbidden, "change which approvals", err)
	must[*catalog.ModelPayload](o.kit)(o.UpdateModel(o.ada(), catalog.UpdateModelInput{Model: ptr("churn"), Tags: []registry.KeyValue{tag, {Key: "team", Value: "a"}}}))
	open := registry.KeyValue{Key: "team", Value: "a"}
	put(governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Tag: &open}, Profile: registry.ProfileOpen})
	if n := needed(); n != 3 {
		t.Errorf("%d: an open tag opened a guarded model", n)
	}
	put(governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: ptr("churn")}, Profile: registry.ProfileOpen})
	if n := needed(); n != 0 {
		t.Errorf("%d, want the model's 0", n)
	}
	_, err = o.PutTransitionGuard(o.ada(), governance.PutTransitionGuardInput{Profile: registry.ProfileOpen})
	o.wantRefusal(registry.Forbidden, "governance.configure", err)
	_, err = o.PutTransitionGuard(o.admin, governance.PutTransitionGuardInput{Profile: registry.ProfileOpen, IfRevision: ptr(9)})
	o.wantCode(registry.Conflict, err)
}

func TestAFactDoesNotPassAGuard(t *testing.T) {
	o := newOffice(t, governance.PutTransitionGuardInput{})
	in := promotion()
	o.now = o.now.Add(time.Hour)
	in.Force, in.At = true, o.now
	p := must[*bulk.RecordFactsPayload](o.kit)(o.RecordFacts(o.admin, bulk.RecordFactsInput{Facts: []bulk.FactInput{{Transition: &in}}}))
	if len(p.Facts) != 1 || !slices.Equal(p.Facts[0].NotTaken, []string{"to"}) || p.Unchanged != 1 || o.stage() != registry.Staging {
		t.Errorf("%+v; stage %s", p.Facts[0], o.stage())
	}
	must[*core.DeletePayload](o.kit)(o.DeleteTransitionGuard(o.admin, governance.DeleteTransitionGuardInput{}))
	must[*bulk.RecordFactsPayload](o.kit)(o.RecordFacts(o.admin, bulk.RecordFactsInput{Facts: []bulk.FactInput{{Transition: &in}}}))
	if o.stage() != registry.Production {
		t.Error("without the guard the fact is not taken either")
	}
}
