package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// stored returns the context of a subject with the grants that the store has for it.
func (k *kit) stored(subject string) context.Context {
	k.Helper()
	nodes, err := k.store.Nodes(k.Context(), graph.Instant{}, registry.ActorID(subject))
	if err != nil || nodes[0] == nil {
		k.Fatal(subject, err)
	}
	var a registry.Actor
	if err := json.Unmarshal(nodes[0].Doc, &a); err != nil {
		k.Fatal(err)
	}
	return service.As(k.Context(), a, "r")
}

// assign gives a subject a role and returns its context.
func (k *kit) assign(subject, role, scope string) context.Context {
	k.Helper()
	p := must[*access.RoleAssignmentPayload](k)(k.AssignRole(k.admin, access.AssignRoleInput{Subject: subject, Role: role, Scope: scope}))
	if !p.Changed {
		k.Errorf("%s held %s already", subject, role)
	}
	return k.stored(subject)
}

// put adds a rule as the administrator.
func (k *kit) put(role, object string, act access.Act, conditions ...access.PolicyCondition) *access.PolicyPayload {
	k.Helper()
	return must[*access.PolicyPayload](k)(k.PutPolicyRule(k.admin, access.PutPolicyRuleInput{Role: role, Object: object, Act: act, Conditions: conditions}))
}

// lastLog returns the newest log entry as the administrator sees it.
func (k *kit) lastLog() registry.LogEntry {
	k.Helper()
	return *must[*access.LogEntryConnection](k)(k.AuditLog(k.admin, core.Paging{First: new(1)}, nil)).Edges[0].Node
}

func (k *kit) names(ctx context.Context) (out []string) {
	k.Helper()
	for _, e := range must[*catalog.ModelConnection](k)(k.Models(ctx, core.Paging{}, nil, nil)).Edges {
		out = append(out, e.Node.Name)
	}
	return out
}

func (k *kit) wantNames(ctx context.Context, want ...string) {
	k.Helper()
	if got := k.names(ctx); !slices.Equal(got, want) {
		k.Errorf("models %v, want %v", got, want)
	}
}

func (k *kit) ownedModel(name, owner string, tags ...registry.KeyValue) {
	k.Helper()
	must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: name, Owner: owner, Tags: tags}))
	v := "1.0.0"
	must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: name, Version: &v}))
}

func move(model string, to registry.Stage) catalog.TransitionModelVersionInput {
	return catalog.TransitionModelVersionInput{Model: &model, Version: new("1.0.0"), To: to, Reason: "r"}
}

var risk, fraud = registry.KeyValue{Key: "team", Value: "risk"}, registry.KeyValue{Key: "team", Value: "fraud"}

func TestRolesAreAssignedAndRevoked(t *testing.T) { rolesAreAssigned(t, newKit(t)) }

func rolesAreAssigned(t *testing.T, k *kit) {
	k.ownedModel("churn", "ann")
	id := registry.ModelID("churn", 1)
	ada := k.assign("ada", registry.RoleDataScientist, "model:"+string(id))
	k.wantNames(ada, "churn")
	e := k.lastLog()
	if want := `{"after":["data_scientist model:churn"],"before":[],"role":"data_scientist","scope":"model:churn","subject":"ada"}`; e.Action != registry.LogRoleAssigned || string(e.Detail) != want || e.Objects[0] != registry.ActorID("ada") {
		t.Errorf("%s %s", e.Action, e.Detail)
	}
	again := must[*access.RoleAssignmentPayload](k)(k.AssignRole(k.admin, access.AssignRoleInput{Subject: "ada", Role: registry.RoleDataScientist, Scope: "model:churn"}))
	if again.Changed || len(again.Subject.Grants) != 1 || k.lastLog().Seq != e.Seq {
		t.Errorf("%+v", again)
	}
	k.assign("bob", registry.RoleViewer, "")
	page := must[*access.ActorConnection](k)(k.Subjects(k.admin, core.Paging{First: new(1)}, nil))
	next := must[*access.ActorConnection](k)(k.Subjects(k.admin, core.Paging{After: &page.PageInfo.EndCursor}, nil))
	if page.Edges[0].Node.Subject != "ada" || !page.PageInfo.HasNextPage || len(next.Edges) != 1 || next.Edges[0].Node.Subject != "bob" {
		t.Errorf("%+v %+v", page.Edges, next.Edges)
	}
	viewers := must[*access.ActorConnection](k)(k.Subjects(k.admin, core.Paging{}, &access.SubjectFilter{Role: registry.RoleViewer, Scope: "*"}))
	if len(viewers.Edges) != 1 || viewers.Edges[0].Node.Subject != "bob" {
		t.Errorf("%+v", viewers.Edges)
	}
	gone := must[*access.RoleAssignmentPayload](k)(k.RevokeRole(k.admin, access.AssignRoleInput{Subject: "ada", Role: registry.RoleDataScientist, Scope: "model:churn", Reason: "left"}))
	if e := k.lastLog(); !gone.Changed || len(gone.Subject.Grants) != 0 || e.Action != registry.LogRoleRevoked || e.Reason != "left" {
		t.Errorf("%+v %+v", gone, e)
	}
	_, err := k.Models(k.stored("ada"), core.Paging{}, nil, nil)
	k.wantCode(registry.Forbidden, err)
	for _, in := range []access.AssignRoleInput{{Subject: "x", Role: "nobody"}, {Subject: "x", Role: "viewer", Scope: "models"}, {Subject: "x", Role: "viewer", Scope: "model:"},
		{Subject: "x", Role: "viewer", Scope: "tag:team"}, {Subject: "", Role: "viewer"}, {Subject: "x", Role: "viewer", Scope: "model:a/b"}} {
		_, err := k.AssignRole(k.admin, in)
		k.wantCode(registry.InvalidArgument, err)
	}
	_, err = k.AssignRole(k.admin, access.AssignRoleInput{Subject: "x", Role: "viewer", Scope: "model:" + string(registry.ModelID("none", 1))})
	k.wantCode(registry.NotFound, err)
}

// TestTheLastAdministratorStays tries every way to lock everybody out.
func TestTheLastAdministratorStays(t *testing.T) { theLastAdministratorStays(t, newKit(t)) }

func theLastAdministratorStays(t *testing.T, k *kit) {
	k.assign("root", registry.RoleAdmin, "")
	revoke := func(subject string) error {
		_, err := k.RevokeRole(k.admin, access.AssignRoleInput{Subject: subject, Role: registry.RoleAdmin})
		return err
	}
	k.assign("limited", registry.RoleAdmin, "model:churn") // Is no administrator of everything.
	k.wantCode(registry.FailedPrecondition, revoke("root"))
	k.assign("second", registry.RoleAdmin, "")
	k.wantCode("", revoke("root"))
	k.wantCode(registry.FailedPrecondition, revoke("second"))
	withdraw := func(text string) error {
		_, err := k.WithdrawPolicyRule(k.admin, access.WithdrawPolicyRuleInput{ID: registry.HashID("rule", text)})
		return err
	}
	k.wantCode(registry.FailedPrecondition, withdraw("p, role:admin, action:any, do, all, allow"))
	k.put("ops", "access.manage", "DO")
	k.wantCode(registry.FailedPrecondition, withdraw("p, role:admin, action:any, do, all, allow"))
	k.assign("third", "ops", "")
	k.wantCode("", withdraw("p, role:admin, action:any, do, all, allow")) // third is left.
	k.admin = k.stored("third")
	_, err := k.RevokeRole(k.admin, access.AssignRoleInput{Subject: "third", Role: "ops"})
	k.wantCode(registry.FailedPrecondition, err)
	_, err = k.WithdrawPolicyRule(k.admin, access.WithdrawPolicyRuleInput{ID: registry.HashID("rule", "p, role:ops, access.manage, do, all, allow")})
	k.wantCode(registry.FailedPrecondition, err)
}

// TestNobodyGrantsWhatTheyDoNotHold tries to get rights by giving them: to others, to oneself,
// by tokens, by rules, by a revert.
func TestNobodyGrantsWhatTheyDoNotHold(t *testing.T) {
	k := newKit(t)
	k.ownedModel("churn", "ann")
	k.put("clerk", "access.manage", "DO")
	clerk, local := k.assign("clerk", "clerk", ""), k.assign("local", registry.RoleAdmin, "model:churn")
	k.assign("ann", registry.RoleAdmin, "")
	friends := 0
	assign := func(ctx context.Context, role, scope string) error {
		friends++
		_, err := k.AssignRole(ctx, access.AssignRoleInput{Subject: fmt.Sprint("friend ", friends), Role: role, Scope: scope})
		return err
	}
	k.wantCode("", assign(clerk, "clerk", "*"))
	k.wantCode("", assign(clerk, "clerk", "tag:team=risk"))
	k.wantCode("", assign(local, registry.RoleAdmin, "model:churn"))
	k.wantCode("", assign(local, registry.RoleViewer, "model:churn"))
	for _, role := range []string{registry.RoleAdmin, registry.RoleViewer} {
		k.wantCode(registry.Forbidden, assign(clerk, role, "*"))
		k.wantCode(registry.Forbidden, assign(clerk, role, "model:churn"))
		k.wantCode(registry.Forbidden, assign(local, role, "*"))
		k.wantCode(registry.Forbidden, assign(local, role, "model:other"))
		k.wantCode(registry.Forbidden, assign(local, role, "tag:team=risk"))
	}
	k.wantCode(registry.Forbidden, assign(k.as("sue", registry.RoleDataScientist), registry.RoleViewer, "*"))
	_, err := k.CreateToken(clerk, access.CreateTokenInput{Subject: "clerk", Role: registry.RoleAdmin})
	k.wantCode(registry.Forbidden, err)
	_, err = k.RevokeRole(clerk, access.AssignRoleInput{Subject: "ann", Role: registry.RoleAdmin})
	k.wantCode(registry.Forbidden, err)
	rule := func(ctx context.Context, role, object string, act access.Act) error {
		_, err := k.PutPolicyRule(ctx, access.PutPolicyRuleInput{Role: role, Object: object, Act: act})
		return err
	}
	k.wantCode("", rule(clerk, "deputy", "access.manage", "DO"))
	k.wantCode(registry.Forbidden, rule(clerk, "clerk", "model.delete", "DO"))
	k.wantCode(registry.Forbidden, rule(clerk, "deputy", "class:secret", "READ"))
	k.wantCode(registry.Forbidden, rule(local, "deputy", "model.delete", "DO")) // Over one model only.
	must[*access.PolicyPayload](k)(k.WithdrawPolicyRule(k.admin, access.WithdrawPolicyRuleInput{ID: registry.HashID("rule", "p, role:viewer, lineage.read, do, all, allow")}))
	_, err = k.RevertPolicy(clerk, access.RevertPolicyInput{To: 1}) // It would give viewers lineage.read again.
	k.wantCode(registry.Forbidden, err)
	_, err = k.RevertPolicy(k.admin, access.RevertPolicyInput{To: 1})
	k.wantCode("", err)
}

func TestATagScopeCoversTheModelsWithTheTag(t *testing.T) { aTagScopeCovers(t, newKit(t)) }

func aTagScopeCovers(t *testing.T, k *kit) {
	k.ownedModel("credit", "ann", risk)
	k.ownedModel("scam", "ann", fraud)
	k.ownedModel("plain", "ann")
	ctx := k.assign("ada", registry.RoleDataScientist, "tag:team=risk")
	again := func() context.Context { return k.stored("ada") } // Another request.
	k.wantNames(ctx, "credit")
	m := must[*catalog.ModelPayload](k)(k.RegisterModel(again(), catalog.RegisterModelInput{Name: "new", Tags: []registry.KeyValue{risk}})).Model
	if m == nil || m.Name != "new" {
		t.Errorf("what was registered is not seen: %+v", m)
	}
	_, err := k.RegisterModel(again(), catalog.RegisterModelInput{Name: "other", Tags: []registry.KeyValue{fraud}})
	k.wantCode(registry.Forbidden, err)
	_, err = k.RecordFacts(again(), bulk.RecordFactsInput{Facts: []bulk.FactInput{{Model: &catalog.RegisterModelInput{Name: "batch", Tags: []registry.KeyValue{risk}}},
		{ModelVersion: &catalog.RegisterModelVersionInput{Model: "batch", Version: new("1.0.0"), CreatedDate: k.now}}}})
	k.wantCode("", err)
	k.wantNames(again(), "batch", "credit", "new")
	update := func(ctx context.Context, model string, tags ...registry.KeyValue) error {
		_, err := k.UpdateModel(ctx, catalog.UpdateModelInput{Model: &model, Tags: tags})
		return err
	}
	k.wantCode(registry.NotFound, update(again(), "scam", risk)) // Nobody takes in a model by tagging it.
	k.wantCode("", update(k.admin, "scam", risk))
	k.wantNames(again(), "batch", "credit", "new", "scam")
	k.wantCode("", update(k.admin, "credit", fraud))
	k.wantNames(again(), "batch", "new", "scam")
	if v, err := k.ModelVersion(again(), "credit", "1.0.0"); v != nil || err != nil {
		t.Errorf("%+v %v", v, err)
	}
	if v, err := k.ModelVersion(again(), "scam", "1.0.0"); v == nil || err != nil {
		t.Errorf("%+v %v", v, err)
	}
	for _, e := range must[*access.LogEntryConnection](k)(k.AuditLog(again(), core.Paging{}, nil)).Edges {
		if name := e.Node.Model; name == registry.ModelID("credit", 1) || name == registry.ModelID("plain", 1) {
			t.Errorf("the log tells %+v", e.Node)
		}
	}
	nobody := k.assign("bob", registry.RoleDataScientist, "tag:team=none")
	k.wantNames(nobody)
	if log := must[*access.LogEntryConnection](k)(k.AuditLog(nobody, core.Paging{}, nil)).Edges; len(log) > 0 {
		t.Errorf("the log tells %+v", log[0].Node)
	}
}

// TestConditionsOfRules: each condition allows what it says and nothing else.
func TestConditionsOfRules(t *testing.T) { conditionsOfRules(t, newKit(t)) }

func conditionsOfRules(t *testing.T, k *kit) {
	k.ownedModel("credit", "ann", risk)
	k.ownedModel("scam", "bob", fraud)
	k.put("release", "field:any", "READ", access.PolicyCondition{Key: "OWNER", Values: []string{"ann"}}, access.PolicyCondition{Key: "TAG", Values: []string{"team=risk", "team=none"}})
	k.put("release", "catalog.read", "DO")
	k.put("release", "transition", "DO", access.PolicyCondition{Key: "TO", Values: []string{"STAGING", "CANARY"}})
	k.put("release", "alias.set", "DO", access.PolicyCondition{Key: "ALIAS", Values: []string{"candidate"}})
	k.put("release", "alias.set.protected", "DO", access.PolicyCondition{Key: "ALIAS", Values: []string{"champion"}})
	ctx := k.assign("rel", "release", "")
	k.wantNames(ctx, "credit")
	transition := func(model string, to registry.Stage) error {
		_, err := k.TransitionModelVersion(ctx, move(model, to))
		return err
	}
	k.wantCode("", transition("credit", registry.Staging))
	k.wantCode(registry.Forbidden, transition("credit", registry.Production))
	k.wantCode(registry.NotFound, transition("scam", registry.Staging))
	at := move("credit", registry.Production)
	at.At = k.now
	_, err := k.RecordFacts(ctx, bulk.RecordFactsInput{Facts: []bulk.FactInput{{Transition: &at}}})
	k.wantCode(registry.Forbidden, err)
	k.put("release", "facts.record", "DO")
	_, err = k.RecordFacts(k.stored("rel"), bulk.RecordFactsInput{Facts: []bulk.FactInput{{Transition: &at}}})
	k.wantCode(registry.Forbidden, err)
	alias := func(name string) error {
		_, err := k.SetAlias(k.stored("rel"), catalog.SetAliasInput{Model: "credit", Alias: name, Version: "1.0.0"})
		return err
	}
	k.wantCode("", alias("candidate"))
	for _, name := range []string{"other", "champion", "production"} { // champion needs alias.set too.
		k.wantCode(registry.Forbidden, alias(name))
	}
	k.put("release", "alias.set", "DO", access.PolicyCondition{Key: "ALIAS", Values: []string{"champion"}})
	k.wantCode("", alias("champion"))
	k.wantCode(registry.Forbidden, alias("production"))

	k.put("kinds", "class:catalog", "READ", access.PolicyCondition{Key: "KIND", Values: []string{"MODEL"}})
	k.put("kinds", "catalog.read", "DO")
	kinds := k.assign("kin", "kinds", "")
	k.wantNames(kinds, "credit", "scam")
	if v, err := k.ModelVersion(kinds, "credit", "1.0.0"); v != nil || err != nil {
		t.Errorf("%+v %v", v, err)
	}
}

func TestThePolicyHasVersions(t *testing.T) { thePolicyHasVersions(t, newKit(t)) }

func thePolicyHasVersions(t *testing.T, k *kit) {
	viewer := func() error { _, err := k.AuditLog(k.as("vic", registry.RoleViewer), core.Paging{}, nil); return err }
	k.wantCode(registry.Forbidden, viewer())
	one := k.put(registry.RoleViewer, "log.read", "DO")
	k.wantCode("", viewer()) // At once.
	if one.Rule == nil || one.Rule.Origin != "API" || one.Policy.Version != 1 || one.Rule.Text != "p, role:viewer, log.read, do, all, allow" {
		t.Errorf("%+v", one)
	}
	if e := k.lastLog(); e.Action != registry.LogPolicyRulePut || !strings.Contains(string(e.Detail), one.Rule.Text) || !strings.Contains(string(e.Detail), one.Policy.Hash) {
		t.Errorf("%+v", e)
	}
	if again := k.put(registry.RoleViewer, "log.read", "DO"); again.Changed || again.Policy.Version != 1 {
		t.Errorf("%+v", again)
	}
	_, err := k.WithdrawPolicyRule(k.admin, access.WithdrawPolicyRuleInput{ID: one.Rule.ID, IfVersion: new(0)})
	k.wantCode(registry.Conflict, err)
	must[*access.PolicyPayload](k)(k.WithdrawPolicyRule(k.admin, access.WithdrawPolicyRuleInput{ID: one.Rule.ID, IfVersion: new(1), Reason: "no"}))
	k.wantCode(registry.Forbidden, viewer())
	of := func(text string) access.WithdrawPolicyRuleInput {
		return access.WithdrawPolicyRuleInput{ID: registry.HashID("rule", text)}
	}
	three := must[*access.PolicyPayload](k)(k.WithdrawPolicyRule(k.admin, of("p, role:viewer, catalog.read, do, all, allow"))) // A rule of the file.
	_, err = k.Models(k.as("vic", registry.RoleViewer), core.Paging{}, nil, nil)
	if k.wantCode(registry.Forbidden, err); three.Policy.Version != 3 {
		t.Errorf("%+v", three.Policy)
	}
	back := must[*access.PolicyPayload](k)(k.RevertPolicy(k.admin, access.RevertPolicyInput{To: 1, Reason: "mistake"}))
	if k.wantCode("", viewer()); back.Policy.Version != 4 || back.Policy.Hash != one.Policy.Hash || back.Policy.Text != one.Policy.Text {
		t.Errorf("%+v", back.Policy)
	}
	must[*access.PolicyPayload](k)(k.RevertPolicy(k.admin, access.RevertPolicyInput{To: 0}))
	file, err := policies.Load("")
	if p := must[*access.Policy](k)(k.Policy(k.admin)); err != nil || p.Text != file.Text || p.Hash != file.Version || p.Version != 5 {
		t.Errorf("%+v", p)
	}
	page := must[*access.PolicyVersionConnection](k)(k.PolicyVersions(k.admin, core.Paging{First: new(2)}))
	if v := page.Edges[1].Node; v.Number != 4 || v.Reason != "mistake" || v.By != "root" || v.Change != registry.PolicyReverted || v.Text != one.Policy.Text || !page.PageInfo.HasNextPage {
		t.Errorf("%+v", v)
	}
	k.wantCode(registry.NotFound, errOfPolicy(k.WithdrawPolicyRule(k.admin, of("p, role:viewer, nothing, do, all, allow"))))
	k.wantCode(registry.InvalidArgument, errOfPolicy(k.RevertPolicy(k.admin, access.RevertPolicyInput{To: 6})))
	for _, in := range []access.PutPolicyRuleInput{{Role: "a", Object: "Model.nmae", Act: "READ"}, {Role: "a", Object: "Model.name", Act: "DO"}, {Role: "a, x", Object: "Model.name", Act: "READ"},
		{Role: "", Object: "Model.name", Act: "READ"}, {Role: "a:b", Object: "Model.name", Act: "READ"}, {Role: "a", Object: "Model.name\np", Act: "READ"}, {Role: "a", Object: "Model.name", Act: "READ", Rows: "SOME"},
		{Role: "a", Object: "Model.name", Act: "READ", Conditions: []access.PolicyCondition{{Key: "TO", Values: []string{"STAGING"}}}},
		{Role: "a", Object: "Model.name", Act: "READ", Conditions: []access.PolicyCondition{{Key: "OWNER"}}}} {
		k.wantCode(registry.InvalidArgument, errOfPolicy(k.PutPolicyRule(k.admin, in)))
	}
}

func errOfPolicy(_ *access.PolicyPayload, err error) error { return err }

func TestAnotherServerTakesUpTheChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.db")
	anotherServer(t, func() (graph.Store, error) { return sqlite.Open(t.Context(), file) })
}

// TestAccessOnNeo4j runs the tests of this file on the other store.
func TestAccessOnNeo4j(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *kit){"roles": rolesAreAssigned, "the last administrator": theLastAdministratorStays, "a tag": aTagScopeCovers,
		"conditions": conditionsOfRules, "versions": thePolicyHasVersions} {
		t.Run(name, func(t *testing.T) {
			k, _ := neo4jKit(t)
			run(t, k)
		})
	}
	t.Run("another server", func(t *testing.T) {
		url, namespace := neo4jtest.URL(t), neo4jtest.Namespace()
		anotherServer(t, func() (graph.Store, error) { return neo4j.Open(t.Context(), url, neo4j.WithNamespace(namespace)) })
	})
}

// anotherServer has two servers on one store, one with another file.
func anotherServer(t *testing.T, openStore func() (graph.Store, error)) {
	open := func(extra string) *kit {
		store, err := openStore()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		table, err := policies.Compile(policies.DefaultPolicy() + extra)
		if err != nil {
			t.Fatal(err)
		}
		k := &kit{T: t, store: store, now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
		gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return k.now })
		if err != nil {
			t.Fatal(err)
		}
		k.Service = service.New(gate)
		k.admin = k.as("root", registry.RoleAdmin)
		return k
	}
	a, b := open(""), open("\ng2, Model.owner, mine\n")
	a.ownedModel("credit", "ann", risk)
	may := func(k *kit) bool {
		_, err := k.AuditLog(k.as("vic", registry.RoleViewer), core.Paging{}, nil)
		return err == nil
	}
	wait := func(k *kit, want bool) time.Duration {
		t.Helper()
		start := time.Now()
		for may(k) != want {
			if time.Since(start) > 30*time.Second {
				t.Fatal("it never takes it up")
			}
			time.Sleep(5 * time.Millisecond)
		}
		return time.Since(start)
	}
	one := a.put(registry.RoleViewer, "log.read", "DO")
	t.Logf("PROOF a rule that one server added is in force on another after %v", wait(b, true))
	must[*access.PolicyPayload](a)(a.WithdrawPolicyRule(a.admin, access.WithdrawPolicyRuleInput{ID: one.Rule.ID}))
	t.Logf("PROOF a rule that one server withdrew is out of force on another after %v", wait(b, false))
	if may(a) {
		t.Error("it is in force where it was withdrawn")
	}
	// A group of one file is unknown to the other, which leaves the rule out.
	b.put("own", "mine", "READ")
	a.put(registry.RoleViewer, "log.read", "DO")
	wait(b, true)
	pa, pb := must[*access.Policy](a)(a.Policy(a.as("root", registry.RoleAdmin))), must[*access.Policy](b)(b.Policy(b.as("root", registry.RoleAdmin)))
	if len(pa.Unused) != 1 || len(pb.Unused) != 0 || pa.Version != 4 || pb.Version != 4 {
		t.Errorf("%v %v, versions %d %d", pa.Unused, pb.Unused, pa.Version, pb.Version)
	}
	// The tags of a model that the other server changed are seen by the next request.
	ctx := b.assign("ada", registry.RoleDataScientist, "tag:team=risk")
	b.wantNames(ctx, "credit")
	must[*catalog.ModelPayload](a)(a.UpdateModel(a.admin, catalog.UpdateModelInput{Model: new("credit"), Tags: []registry.KeyValue{fraud}}))
	b.wantNames(b.stored("ada"))
}

func TestExplainSaysWhatTheGateDoes(t *testing.T) {
	k := newKit(t)
	k.ownedModel("credit", "ann", risk)
	k.ownedModel("scam", "bob", fraud)
	k.put("release", "class:catalog", "READ", access.PolicyCondition{Key: "TAG", Values: []string{"team=risk"}})
	k.put("release", "transition", "DO", access.PolicyCondition{Key: "TO", Values: []string{"STAGING"}})
	id := func(name string) *registry.ID { return new(registry.ModelID(name, 1)) }
	production, staging := registry.Production, registry.Staging
	for i, c := range []struct {
		in   access.ExplainInput
		want string
	}{
		{access.ExplainInput{Role: "release", Field: new("Model.name"), On: id("credit")}, "true p, role:release, class:catalog, read, all, allow, tag=team=risk API"},
		{access.ExplainInput{Role: "release", Field: new("Model.name"), On: id("scam")}, "false p, role:release, class:catalog, read, all, allow, tag=team=risk API"},
		{access.ExplainInput{Role: "release", Field: new("Model.tags"), On: id("credit")}, "false none"},
		{access.ExplainInput{Role: "release", Action: new("transition"), To: &staging}, "true p, role:release, transition, do, all, allow, to=STAGING API"},
		{access.ExplainInput{Role: "release", Action: new("transition"), To: &production}, "false p, role:release, transition, do, all, allow, to=STAGING API"},
		{access.ExplainInput{Role: "viewer", Field: new("Model.name"), On: id("credit")}, "false p, role:viewer, class:catalog, read, served, allow FILE"},
		{access.ExplainInput{Role: "admin", Field: new("Model.name"), On: id("credit")}, "true p, role:admin, field:any, read, all, allow FILE"},
		{access.ExplainInput{Role: "viewer", Action: new("model.delete")}, "false none"},
	} {
		x := must[*access.Explanation](k)(k.Explain(k.admin, c.in))
		got := fmt.Sprint(x.Allowed, " none")
		if x.Rule != nil {
			got = fmt.Sprint(x.Allowed, " ", x.Rule.Text, " ", x.Rule.Origin)
		}
		if got != c.want || x.Why == "" || x.Version != 2 {
			t.Errorf("%d: %s (%s), want %s", i, got, x.Why, c.want)
		}
	}
	for code, in := range map[registry.Code]access.ExplainInput{registry.InvalidArgument: {Role: "nobody", Field: new("Model.name")},
		registry.NotFound: {Role: "viewer", Field: new("Model.name"), On: id("none")}} {
		_, err := k.Explain(k.admin, in)
		k.wantCode(code, err)
	}
}
