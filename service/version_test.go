package service_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

func TestVersionsAreNamedNumberedAndBumped(t *testing.T) {
	k := newKit(t)
	k.model("churn")
	v := k.version("churn", "v1.9.0")
	if v.Name != "model-churn-v1.9.0" || v.ModelID != "churn-v1.9.0" || v.Version != "1.9.0" || v.Number != 1 || v.Stage != registry.Development {
		t.Errorf("%+v", v)
	}
	bumped := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Bump: ptr(registry.BumpMinor)})).ModelVersion
	if bumped.Version != "1.10.0" || bumped.Number != 2 {
		t.Errorf("a minor bump of 1.9.0 is %s, number %d", bumped.Version, bumped.Number)
	}
	_, err := k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.9.0")})
	k.wantCode(registry.AlreadyExists, err)
	_, err = k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "nobody", Version: ptr("1.0.0")})
	k.wantCode(registry.NotFound, err)
	_, err = k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn"})
	k.wantCode(registry.InvalidArgument, err)
	m := must[*registry.Model](k)(k.Model(k.admin, "churn"))
	if latest := must[*registry.ModelVersion](k)(k.LatestVersion(k.admin, m)); latest.Version != "1.10.0" {
		t.Errorf("latest is %s: compared as text?", latest.Version)
	}
	k.version("churn", "2.0.0-rc.1")
	if latest := must[*registry.ModelVersion](k)(k.LatestVersion(k.admin, m)); latest.Version != "1.10.0" {
		t.Errorf("latest is the pre-release %s", latest.Version)
	}
}

func TestPromotionReplacesTheIncumbentInOneTransaction(t *testing.T) {
	k := newKit(t)
	m := k.model("churn")
	for _, v := range []string{"1.0.0", "1.1.0"} {
		k.version("churn", v)
		k.move("churn", v, registry.Staging)
	}
	k.move("churn", "1.0.0", registry.Production)
	before := k.head()
	k.move("churn", "1.1.0", registry.Production)
	if n := k.head() - before; n != 2 {
		t.Errorf("a promotion over an incumbent wrote %d log entries, want 2", n)
	}
	old := must[*registry.ModelVersion](k)(k.ModelVersion(k.admin, "churn", "1.0.0"))
	now := must[*registry.ModelVersion](k)(k.ProductionVersion(k.admin, m))
	if old.Stage != registry.Deprecated || old.ReplacedBy != now.ID || now.Version != "1.1.0" {
		t.Errorf("incumbent %s replaced by %s; production %s", old.Stage, old.ReplacedBy, now.Version)
	}
	records := must[*catalog.TransitionConnection](k)(k.TransitionsOf(k.admin, old, core.Paging{}))
	last := records.Edges[len(records.Edges)-1].Node
	if last.From != registry.Production || last.To != registry.Deprecated || last.ReplacedBy != now.ID || last.By != "root" {
		t.Errorf("the demotion's record: %+v", last)
	}
	k.move("churn", "1.0.0", registry.Production) // Promote the first version again.
	if v := must[*registry.ModelVersion](k)(k.ProductionVersion(k.as("root", registry.RoleAdmin), m)); v.Version != "1.0.0" || v.ReplacedBy != "" {
		t.Errorf("after the second promotion: %s, replaced by %q", v.Version, v.ReplacedBy)
	}
}

func TestTransitionsOutsideTheTableNeedForceAndAReason(t *testing.T) {
	k := newKit(t)
	k.model("churn")
	k.version("churn", "1.0.0")
	to := func(in catalog.TransitionModelVersionInput) error {
		in.Model, in.Version = ptr("churn"), ptr("1.0.0")
		_, err := k.TransitionModelVersion(k.admin, in)
		return err
	}
	head := k.head()
	k.wantCode(registry.FailedPrecondition, to(catalog.TransitionModelVersionInput{To: registry.Production}))
	k.wantCode(registry.InvalidArgument, to(catalog.TransitionModelVersionInput{To: registry.Production, Force: true}))
	k.wantCode(registry.Conflict, to(catalog.TransitionModelVersionInput{To: registry.Staging, IfRevision: ptr(99)}))
	k.wantCode(registry.InvalidArgument, to(catalog.TransitionModelVersionInput{To: registry.Staging, Approval: ptr(registry.ID("x"))}))
	if k.head() != head {
		t.Error("a refused transition wrote to the log")
	}
	k.wantCode("", to(catalog.TransitionModelVersionInput{To: registry.Production, Force: true, Reason: "hotfix"}))
}

func TestADeletedVersionLeavesATombstoneAndIsNeverGivenAgain(t *testing.T) {
	k := newKit(t)
	m := k.model("churn")
	raw := k.data("raw", nil)
	run := k.run("train", raw)
	v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), Run: &run,
		Card: &catalog.ModelCardInput{Description: ptr("secret sauce")}, Artifacts: []catalog.ArtifactInput{{Name: "a", URI: "s3://b/a"}}})).ModelVersion
	must[*catalog.SetAliasPayload](k)(k.SetAlias(k.admin, catalog.SetAliasInput{Model: "churn", Alias: "best", Version: "1.0.0"}))
	dep := must[*facts.RecordDeploymentPayload](k)(k.RecordDeployment(k.admin, facts.RecordDeploymentInput{Model: ptr("churn"), Version: ptr("1.0.0"), Environment: "prod"})).Deployment
	_, err := k.DeleteModelVersion(k.admin, catalog.DeleteModelVersionInput{ID: &v.ID})
	k.wantCode(registry.FailedPrecondition, err)
	k.now = k.now.Add(time.Hour)
	must[*facts.EndDeploymentPayload](k)(k.EndDeployment(k.admin, facts.EndDeploymentInput{ID: dep.ID}))
	must[*core.DeletePayload](k)(k.DeleteModelVersion(k.admin, catalog.DeleteModelVersionInput{ID: &v.ID}))

	ctx := k.as("root", registry.RoleAdmin)
	if gone := must[*registry.ModelVersion](k)(k.ModelVersion(ctx, "churn", "1.0.0")); gone != nil {
		t.Errorf("it is still returned: %+v", gone)
	}
	if c := must[*catalog.ModelVersionConnection](k)(k.VersionsOf(ctx, m, core.Paging{}, nil, nil)); len(c.Edges) != 0 {
		t.Error("it is still listed")
	}
	if a := must[[]*registry.Alias](k)(k.AliasesOf(ctx, m)); len(a) != 0 {
		t.Errorf("its alias stands: %+v", a)
	}
	g := must[*provenance.LineageGraph](k)(k.Lineage(ctx, provenance.LineageInput{Of: dep.ID}))
	i := slices.IndexFunc(g.Nodes, func(n *provenance.LineageNode) bool { return n.ID == v.ID })
	if i < 0 || !noun(t, g.Nodes[i]).NodeMeta().Deleted || len(g.Nodes) != 4 {
		t.Errorf("lineage lost it: %d nodes", len(g.Nodes))
	}
	_, err = k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0")})
	k.wantCode(registry.AlreadyExists, err)
	next := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "churn", Bump: ptr(registry.BumpPatch)})).ModelVersion
	if next.Version != "1.0.1" || next.Number != 2 {
		t.Errorf("after the deleted 1.0.0 comes %s, number %d", next.Version, next.Number)
	}
}

func TestADeletedModelsNameIsFreeForANewIncarnation(t *testing.T) {
	k := newKit(t)
	old := k.model("churn")
	k.version("churn", "1.0.0")
	must[*core.DeletePayload](k)(k.DeleteModel(k.admin, catalog.DeleteModelInput{Model: ptr("churn")}))
	if m := must[*registry.Model](k)(k.Model(k.admin, "churn")); m != nil {
		t.Error("the deleted model is still returned")
	}
	fresh := k.model("churn")
	if fresh.ID == old.ID || fresh.Incarnation != 2 {
		t.Errorf("the new one is %s, incarnation %d", fresh.ID, fresh.Incarnation)
	}
	if v := k.version("churn", "1.0.0"); v.Number != 1 {
		t.Errorf("its first version has number %d", v.Number)
	}
}

func TestAnIdempotencyKeyMakesARetrySafe(t *testing.T) {
	k := newKit(t)
	in := catalog.RegisterModelInput{Name: "churn", IdempotencyKey: ptr("k1")}
	first := must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, in)).Model
	head := k.head()
	again := must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, in)).Model
	if again.ID != first.ID || k.head() != head {
		t.Error("the retry was not a replay")
	}
	in.Description = "other"
	_, err := k.RegisterModel(k.admin, in)
	k.wantCode(registry.Conflict, err)
	_, err = k.RegisterModel(k.as("another", registry.RoleAdmin), catalog.RegisterModelInput{Name: "churn", IdempotencyKey: ptr("k1")})
	k.wantCode(registry.AlreadyExists, err) // A key belongs to a subject.
	k.now = k.now.Add(25 * time.Hour)
	_, err = k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "churn", IdempotencyKey: ptr("k1")})
	k.wantCode(registry.AlreadyExists, err) // A key is stored for 24 hours.
}

// TestASectionOfACardKeepsWhatIsLeftOut fills every field of every section of a card, and then
// sets each field alone: the others stay. Clear empties exactly its field.
func TestASectionOfACardKeepsWhatIsLeftOut(t *testing.T) {
	k := newKit(t)
	k.model("churn")
	v := k.version("churn", "1.0.0")
	card := func() map[string]any {
		c := must[*registry.ModelCard](k)(k.CardOf(k.as("root", registry.RoleAdmin), v))
		raw, err := json.Marshal(c)
		var out map[string]any
		if err := errors.Join(err, json.Unmarshal(raw, &out)); err != nil {
			t.Fatal(err)
		}
		return out
	}
	update := func(in map[string]any, clear ...string) error {
		raw, _ := json.Marshal(in)
		var c catalog.ModelCardInput
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		_, err := k.UpdateModelCard(k.as("root", registry.RoleAdmin), catalog.UpdateModelCardInput{ID: &v.ID, Card: &c, Clear: clear})
		return err
	}
	sections := map[string]map[string][2]any{
		"modelDetails": {"algorithm": {"trees", "linear"}, "framework": {"a", "b"}, "hyperparameters": {map[string]any{"lr": 0.1}, map[string]any{"lr": 0.2}}},
		"training": {"trainingDataVersion": {"1", "2"}, "trainingDate": {"2025-12-01T00:00:00Z", "2025-12-02T00:00:00Z"}, "trainingTimeHours": {1.5, 2.5},
			"samplesUsed": {1.0, 2.0}},
		"performance": {"accuracy": {0.1, 0.2}, "precision": {0.1, 0.2}, "recall": {0.1, 0.2}, "f1Score": {0.1, 0.2},
			"metrics": {[]any{map[string]any{"name": "auc", "value": 0.5}}, []any{map[string]any{"name": "loss", "value": 1.5}}}},
		"ethicalConsiderations": {"fairnessChecked": {true, false}, "biasAuditDone": {false, true}, "protectedGroups": {[]any{"age"}, []any{"sex"}}},
	}
	want := card()
	for section, fields := range sections {
		all := map[string]any{}
		for field, values := range fields {
			all[field] = values[0]
		}
		want[section] = all
		k.wantCode("", update(map[string]any{section: all}))
	}
	for _, typed := range []any{registry.ModelDetails{}, registry.TrainingInfo{}, registry.Performance{}, registry.Ethics{}} {
		found := false
		for _, fields := range sections {
			found = found || len(fields) == reflect.TypeOf(typed).NumField()
		}
		if !found {
			t.Errorf("the test does not fill every field of %T", typed)
		}
	}
	check := func(what string) {
		t.Helper()
		if got := card(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", what, got, want)
		}
	}
	check("filled")
	for section, fields := range sections {
		for field, values := range fields {
			k.wantCode("", update(map[string]any{section: map[string]any{field: values[1]}}))
			want[section].(map[string]any)[field] = values[1]
			check("set " + section + "." + field)
		}
	}
	for section, fields := range sections {
		for field := range fields {
			k.wantCode("", update(nil, section+"."+field))
			if delete(want[section].(map[string]any), field); len(want[section].(map[string]any)) == 0 {
				delete(want, section)
			}
			check("clear " + section + "." + field)
		}
	}
	for _, path := range []string{"", "name", "status", "performance.", "performance.speed", "limitations.x", "createdDate.x", "a.b.c"} {
		k.wantCode(registry.InvalidArgument, update(nil, path))
	}
	k.wantCode("", update(map[string]any{"limitations": []string{"old"}, "performance": map[string]any{"metrics": []any{map[string]any{"name": "auc", "value": 0.5}}}}))
	k.wantCode("", update(map[string]any{"performance": map[string]any{"metrics": []any{}}}, "limitations"))
	if c := card(); c["limitations"] != nil || c["performance"].(map[string]any)["metrics"] != nil {
		t.Errorf("%v", c)
	}
}

func TestCardsMergeAndKeepDerivedFields(t *testing.T) {
	k := newKit(t)
	k.model("churn")
	k.version("churn", "1.0.0")
	update := func(c catalog.ModelCardInput, rev *int) (*registry.ModelCard, error) {
		p, err := k.UpdateModelCard(k.admin, catalog.UpdateModelCardInput{Model: ptr("churn"), Version: ptr("v1.0.0"), Card: &c, IfRevision: rev})
		if err != nil {
			return nil, err
		}
		return p.Card, nil
	}
	must[*registry.ModelCard](k)(update(catalog.ModelCardInput{Limitations: []string{"not for minors"}}, ptr(1)))
	c := must[*registry.ModelCard](k)(update(catalog.ModelCardInput{Performance: &registry.Performance{F1Score: ptr(0.5)}, Version: ptr("1.0.0")}, nil))
	if len(c.Limitations) != 1 || *c.Performance.F1Score != 0.5 || c.Name != "model-churn-v1.0.0" || c.Status != registry.Development || c.Creator != "root" || c.Revision != 3 {
		t.Errorf("%+v", c)
	}
	_, err := update(catalog.ModelCardInput{Status: ptr(registry.Production)}, nil)
	k.wantCode(registry.InvalidArgument, err)
	_, err = update(catalog.ModelCardInput{Performance: &registry.Performance{F1Score: ptr(1.5)}}, nil)
	k.wantCode(registry.InvalidArgument, err)
	_, err = update(catalog.ModelCardInput{}, ptr(1))
	k.wantCode(registry.Conflict, err)
	k.move("churn", "1.0.0", registry.Staging)
	v := must[*registry.ModelVersion](k)(k.ModelVersion(k.as("root", registry.RoleAdmin), "churn", "1.0.0"))
	if c := must[*registry.ModelCard](k)(k.CardOf(k.as("root", registry.RoleAdmin), v)); c.Status != registry.Staging || c.Revision != 3 {
		t.Errorf("after a transition the card says %s at revision %d", c.Status, c.Revision)
	}
}

// TestCreateModelNeedsPermissionForModelRegister checks that registering a version with
// CreateModel needs permission for model.register, not only for version.register.
func TestCreateModelNeedsPermissionForModelRegister(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.csv")
	more := "\np, role:filer, class:catalog, read, all, allow\np, role:filer, catalog.read, do, all, allow\np, role:filer, version.register, do, all, allow\n"
	if err := os.WriteFile(file, []byte(policies.DefaultPolicy()+more), 0o600); err != nil {
		t.Fatal(err)
	}
	k := newKit(t)
	table, err := policies.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), k.store, table, func() time.Time { return k.now })
	if err != nil {
		t.Fatal(err)
	}
	k.Service = service.New(gate)
	in := catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), CreateModel: true}
	head := k.head()
	_, err = k.RegisterModelVersion(k.as("fay", "filer"), in)
	k.wantCode(registry.Forbidden, err)
	if k.head() != head {
		t.Error("the refused version left its model behind")
	}
	_, err = k.RegisterModelVersion(k.with("sue", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:other"}), in)
	k.wantCode(registry.Forbidden, err)
	_, err = k.RegisterModelVersion(k.with("sue", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:churn"}), in)
	k.wantCode("", err)
	in.Version = ptr("1.0.1")
	_, err = k.RegisterModelVersion(k.as("fay", "filer"), in)
	k.wantCode("", err) // The model exists now, so that none is created.
}
