package service_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// sunsetHouse is a kit whose model churn has 1.0.0 replaced by 2.0.0 in PRODUCTION. Its clock
// stands on the first of March: three calendar months later is 92 days later.
type sunsetHouse struct {
	*kit
	old *registry.ModelVersion
}

func newSunsetHouse(t *testing.T, store graph.Store) *sunsetHouse {
	t.Helper()
	h := &sunsetHouse{kit: kitOn(t, store)}
	h.now = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	must[*catalog.ModelPayload](h.kit)(h.RegisterModel(h.admin, catalog.RegisterModelInput{Name: "churn", Owner: "olga"}))
	must[*catalog.RegisterModelVersionPayload](h.kit)(h.RegisterModelVersion(h.admin, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"),
		Artifacts: []catalog.ArtifactInput{{Name: "weights", URI: "s3://b/w"}, {Name: "tokenizer", URI: "s3://b/t"}}}))
	h.move("churn", "1.0.0", registry.Staging, registry.Production)
	h.version("churn", "2.0.0")
	h.move("churn", "2.0.0", registry.Staging, registry.Production)
	h.old = h.read("1.0.0")
	return h
}

func sqliteStore(t *testing.T) graph.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// read reads a version as an administrator, which is no use of it that counts for others.
func (h *sunsetHouse) read(version string) *registry.ModelVersion {
	h.Helper()
	nodes := must[*catalog.ModelVersionConnection](h.kit)(h.VersionsOf(h.as("root", registry.RoleAdmin), must[*registry.Model](h.kit)(h.Model(h.as("root", registry.RoleAdmin), "churn")), core.Paging{}, nil, nil))
	for _, e := range nodes.Edges {
		if e.Node.Version == version {
			return e.Node
		}
	}
	h.Fatalf("no version %s", version)
	return nil
}

func (h *sunsetHouse) deprecation() *registry.Deprecation {
	h.Helper()
	d := must[*registry.Deprecation](h.kit)(h.DeprecationOf(h.as("root", registry.RoleAdmin), h.read("1.0.0")))
	if d == nil {
		h.Fatal("no deprecation")
	}
	return d
}

func (h *sunsetHouse) announce(days int) (*governance.DeprecationsPayload, error) {
	return h.AnnounceDeprecation(h.admin, governance.AnnounceDeprecationInput{Model: "churn", Versions: []string{"1.0.0"}, Guide: "https://wiki.example.com/churn-2", Sunset: h.now.AddDate(0, 0, days)})
}

func (h *sunsetHouse) retire(change ...func(*governance.RetireModelVersionInput)) (*governance.RetirementPayload, error) {
	in := governance.RetireModelVersionInput{Model: ptr("churn"), Version: ptr("1.0.0")}
	for _, c := range change {
		c(&in)
	}
	return h.RetireModelVersion(h.admin, in)
}

func (h *sunsetHouse) consumers() map[string]*registry.Consumer {
	h.Helper()
	page := must[*governance.ConsumerConnection](h.kit)(h.ConsumersOf(h.as("root", registry.RoleAdmin), h.deprecation(), core.Paging{}))
	out := map[string]*registry.Consumer{}
	for _, e := range page.Edges {
		out[e.Node.Subject] = e.Node
	}
	return out
}

func (h *sunsetHouse) wantRefusal(code registry.Code, text string, err error) {
	h.Helper()
	h.wantCode(code, err)
	if err != nil && !strings.Contains(err.Error(), text) {
		h.Errorf("%q does not say %q", err, text)
	}
	h.Logf("%s: %v", code, err)
}

func (h *sunsetHouse) use(subject string) {
	h.Helper()
	must[*registry.ModelVersion](h.kit)(h.ModelVersion(h.as(subject, registry.RoleDeveloper), "churn", "1.0.0"))
}

// TestTheStoryOfADeprecation goes through all steps: planned by a supersession, announced with a
// sunset, used, retired and cleaned up, with what is refused between.
func TestTheStoryOfADeprecation(t *testing.T) {
	for name, open := range map[string]func(*testing.T) graph.Store{
		"SQLite": sqliteStore,
		"Neo4j": func(t *testing.T) graph.Store {
			store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
	} {
		t.Run(name, func(t *testing.T) { newSunsetHouse(t, open(t)).story() })
	}
}

func (h *sunsetHouse) story() {
	if d := h.deprecation(); d.Step != registry.DeprecationPlanned || !d.Superseded || d.ReplacementID != h.read("2.0.0").ID {
		h.Fatalf("the supersession opened %+v", d)
	}
	h.use("eve") // Uses are counted from the plan on.
	if err := h.FlushUsage(h.Context()); err != nil {
		h.Fatal(err)
	}
	deployed := must[*facts.RecordDeploymentPayload](h.kit)(h.RecordDeployment(h.admin, facts.RecordDeploymentInput{ID: &h.old.ID, Environment: "prod", Endpoint: "eu", Owner: "dora"})).Deployment
	_, err := h.announce(80)
	h.wantRefusal(registry.InvalidArgument, "on 2027-06-01 or later", err)
	d := must[*governance.DeprecationsPayload](h.kit)(h.announce(92)).Deprecations[0]
	want := []registry.DeprecationNotice{{To: "olga", Because: registry.NoticeOwner}, {To: "dora", Because: registry.NoticeDeployment, Where: "prod eu"}, {To: "eve", Because: registry.NoticeUsage}}
	if d.Step != registry.DeprecationAnnounced || !slices.Equal(d.Notices, want) {
		h.Errorf("%s, notices %+v, want %+v", d.Step, d.Notices, want)
	}
	notes := must[[]governance.DeprecationNote](h.kit)(h.DeprecationNotes(h.as("eve", registry.RoleDeveloper), []*registry.ModelVersion{h.read("2.0.0"), h.read("1.0.0")}))
	if len(notes) != 1 || notes[0].Version != "1.0.0" || notes[0].Replacement != "2.0.0" || notes[0].Sunset.Format(time.DateOnly) != "2027-06-01" {
		h.Errorf("the notes are %+v", notes)
	}
	for _, subject := range []string{"eve", "fay"} {
		h.use(subject)
	}
	must[[]registry.Node](h.kit)(h.Nodes(h.as("fay", registry.RoleDeveloper), []registry.ID{h.old.ID}))
	_, err = h.TransitionModelVersion(h.admin, catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: ptr("1.0.0"), To: registry.Archived})
	h.wantRefusal(registry.FailedPrecondition, "only by retireModelVersion", err)

	h.now = h.now.AddDate(0, 0, 50)
	if err := h.FlushUsage(h.Context()); err != nil {
		h.Fatal(err)
	}
	_, err = h.retire()
	h.wantRefusal(registry.FailedPrecondition, "its sunset is on 2027-06-01", err)
	must[*governance.ConfirmMigrationPayload](h.kit)(h.ConfirmMigration(h.as("eve", registry.RoleDeveloper), governance.ConfirmMigrationInput{ID: &h.old.ID, Comment: "on 2.0.0"}))
	must[*governance.ConfirmMigrationPayload](h.kit)(h.ConfirmMigration(h.as("olga", registry.RoleDeveloper), governance.ConfirmMigrationInput{ID: &h.old.ID, Consumer: ptr("dora")}))
	_, err = h.ConfirmMigration(h.as("eve", registry.RoleDeveloper), governance.ConfirmMigrationInput{ID: &h.old.ID, Consumer: ptr("fay")})
	h.wantRefusal(registry.Forbidden, "you answer for yourself", err)
	var remaining []string
	all := h.consumers()
	for subject, c := range all {
		if !c.Migrated() {
			remaining = append(remaining, subject)
		}
	}
	if len(all) != 3 || !slices.Equal(remaining, []string{"fay"}) || all["fay"].Uses != 2 || all["fay"].Days[0] != (registry.UsageDay{Day: "2027-03-01", Gets: 2}) {
		h.Errorf("%v use it of %+v", remaining, all)
	}

	h.now = h.now.AddDate(0, 0, 42) // The day of the sunset.
	_, err = h.retire()
	h.wantRefusal(registry.FailedPrecondition, "has a live deployment", err)
	_, err = h.retire(func(in *governance.RetireModelVersionInput) { in.Force, in.Reason = true, "now" })
	h.wantRefusal(registry.FailedPrecondition, "has a live deployment", err)
	must[*facts.EndDeploymentPayload](h.kit)(h.EndDeployment(h.admin, facts.EndDeploymentInput{ID: deployed.ID}))
	p := must[*governance.RetirementPayload](h.kit)(h.retire(func(in *governance.RetireModelVersionInput) { in.RetentionDays = ptr(30) }))
	if p.Version.Stage != registry.Archived || p.Deprecation.Step != registry.DeprecationRetired || p.Deprecation.Forced || p.Transition == nil {
		h.Errorf("%+v", p)
	}
	h.cleanUp()
}

// cleanUp is the end of the story.
func (h *sunsetHouse) cleanUp() {
	h.Helper()
	in := governance.CleanupModelVersionInput{Model: ptr("churn"), Version: ptr("1.0.0")}
	_, err := h.CleanupModelVersion(h.admin, in)
	h.wantRefusal(registry.FailedPrecondition, "are kept until", err)
	h.now = h.now.AddDate(0, 0, 30)
	p := must[*governance.CleanupPayload](h.kit)(h.CleanupModelVersion(h.admin, in))
	if p.Deprecation.Step != registry.DeprecationCleanedUp || p.Deprecation.ArtifactsRemoved != 2 || p.Log == nil {
		h.Fatalf("%+v", p)
	}
	digest := sha256.Sum256([]byte(*p.Log))
	if got := "sha256:" + hex.EncodeToString(digest[:]); got != p.Deprecation.LogDigest || strings.Count(*p.Log, "\n") != p.Deprecation.LogEntries || !strings.Contains(*p.Log, string(registry.LogVersionRetired)) {
		h.Errorf("the export has the digest %s of %d entries, the deprecation says %+v", got, strings.Count(*p.Log, "\n"), p.Deprecation)
	}
	log := must[*access.LogEntryConnection](h.kit)(h.AuditLog(h.as("root", registry.RoleAdmin), core.Paging{First: ptr(1)}, nil))
	if e := log.Edges[0].Node; e.Action != registry.LogVersionCleanedUp || !strings.Contains(string(e.Detail), p.Deprecation.LogDigest) {
		h.Errorf("the log says %+v", e)
	}
	left := must[*catalog.ArtifactConnection](h.kit)(h.ArtifactsOf(h.as("root", registry.RoleAdmin), h.read("1.0.0"), core.Paging{}))
	history := must[*catalog.TransitionConnection](h.kit)(h.TransitionsOf(h.as("root", registry.RoleAdmin), h.read("1.0.0"), core.Paging{}))
	if len(left.Edges) != 0 || len(history.Edges) != 4 {
		h.Errorf("%d artifacts and %d transitions are left", len(left.Edges), len(history.Edges))
	}
	_, err = h.CleanupModelVersion(h.admin, in)
	h.wantRefusal(registry.FailedPrecondition, "the deprecation is CLEANED_UP", err)
}

func TestOnlyVersionsWithAnOpenDeprecationHaveCounters(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	head := h.head()
	for range 3 {
		must[*registry.ModelVersion](h.kit)(h.ModelVersion(h.as("eve", registry.RoleDeveloper), "churn", "2.0.0"))
	}
	must[*provenance.LineageGraph](h.kit)(h.Lineage(h.as("eve", registry.RoleDeveloper), provenance.LineageInput{Of: h.read("2.0.0").ID}))
	if err := h.FlushUsage(h.Context()); err != nil || h.head() != head {
		t.Fatalf("%v; the log went from %d to %d", err, head, h.head())
	}
	h.use("eve")
	if h.head() != head {
		t.Error("a read wrote to the store")
	}
	if err := h.FlushUsage(h.Context()); err != nil || h.head() != head+1 {
		t.Fatalf("%v; the log went from %d to %d", err, head, h.head())
	}
	e := must[*access.LogEntryConnection](h.kit)(h.AuditLog(h.admin, core.Paging{First: ptr(1)}, nil)).Edges[0].Node
	if e.Action != registry.LogConsumersKnown || strings.Contains(string(e.Detail)+e.Actor, "eve") || len(e.Objects) > 0 {
		t.Errorf("the log tells who used it: %+v", e)
	}
	if err := h.FlushUsage(h.Context()); err != nil || h.head() != head+1 {
		t.Error("nothing was counted, and something was written")
	}
	h.now = h.now.AddDate(0, 0, 1)
	h.use("eve")
	if err := h.FlushUsage(h.Context()); err != nil {
		t.Fatal(err)
	}
	if h.head() != head+1 {
		t.Error("the uses of a known consumer are in the log")
	}
	if c := h.consumers()["eve"]; c == nil || c.Revision != 1 || c.Uses != 2 || len(c.Days) != 2 || c.Since.Format(time.DateOnly) != "2027-03-01" {
		t.Errorf("%+v", c)
	}
}

func TestAPlanIsWithdrawnWithItsReason(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	h.move("churn", "1.0.0", registry.Production) // It is promoted again, and 2.0.0 is replaced.
	if d := h.deprecation(); d.Step != registry.DeprecationWithdrawn || d.Reason == "" {
		t.Errorf("%+v", d)
	}
	first := h.deprecation().ID
	log := must[*access.LogEntryConnection](h.kit)(h.AuditLog(h.admin, core.Paging{}, &access.LogFilter{Object: &first}))
	if len(log.Edges) != 2 || log.Edges[0].Node.Action != registry.LogModelDeployed || log.Edges[1].Node.Action != registry.LogModelDeprecated {
		t.Errorf("%d log entries tell of the plan", len(log.Edges))
	}
	h.move("churn", "2.0.0", registry.Production)
	if d := h.deprecation(); d.Step != registry.DeprecationPlanned || d.Ordinal != 2 {
		t.Errorf("%+v", d)
	}
	withdraw := governance.WithdrawDeprecationInput{ID: &h.old.ID, Reason: "we keep it"}
	must[*governance.DeprecationsPayload](h.kit)(h.announce(92))
	_, err := h.WithdrawDeprecation(h.as("sam", registry.RoleDataScientist), withdraw)
	h.wantRefusal(registry.Forbidden, "deprecation.announce", err)
	p := must[*governance.DeprecationPayload](h.kit)(h.WithdrawDeprecation(h.admin, withdraw))
	if p.Deprecation.Step != registry.DeprecationWithdrawn || p.Deprecation.Reason != "we keep it" || p.Deprecation.ClosedBy != "root" {
		t.Errorf("%+v", p.Deprecation)
	}
	h.move("churn", "1.0.0", registry.Archived) // Nothing is announced any more.
	_, err = h.PlanDeprecation(h.admin, governance.PlanDeprecationInput{Model: "churn", Versions: []string{"1.0.0"}})
	h.wantRefusal(registry.FailedPrecondition, "is in ARCHIVED already", err)
}

func TestADeletedVersionHasNoOpenDeprecation(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	d := h.deprecation()
	must[*core.DeletePayload](h.kit)(h.DeleteModelVersion(h.admin, catalog.DeleteModelVersionInput{ID: &h.old.ID}))
	open := registry.DeprecationPlanned
	page := must[*governance.DeprecationConnection](h.kit)(h.Deprecations(h.admin, core.Paging{}, &governance.DeprecationFilter{Step: &open}))
	if len(page.Edges) != 0 {
		t.Errorf("%s is open", page.Edges[0].Node.ID)
	}
	if again, _ := must[registry.Node](h.kit)(h.Node(h.as("root", registry.RoleAdmin), d.ID)).(*registry.Deprecation); again == nil || again.Reason != "the version was deleted" {
		t.Errorf("%+v", again)
	}
}

func TestAPlanOfSeveralVersions(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	h.version("churn", "0.8.0")
	h.version("churn", "0.9.0")
	plan := governance.PlanDeprecationInput{Model: "churn", Versions: []string{"0.8.0", "0.9.0"}, Replacement: ptr("2.0.0"), Plan: "nobody needs them"}
	both := must[*governance.DeprecationsPayload](h.kit)(h.PlanDeprecation(h.as("sam", registry.RoleDataScientist), plan)).Deprecations
	if len(both) != 2 || both[1].Version != "0.9.0" || both[1].PlannedBy != "sam" || both[1].Plan != plan.Plan || both[1].Superseded {
		t.Fatalf("%+v", both)
	}
	_, err := h.PlanDeprecation(h.admin, plan)
	h.wantRefusal(registry.FailedPrecondition, "is PLANNED already", err)
	plan.Versions = []string{"2.0.0"}
	_, err = h.PlanDeprecation(h.admin, plan)
	h.wantRefusal(registry.InvalidArgument, "does not replace itself", err)
	_, err = h.AnnounceDeprecation(h.as("sam", registry.RoleDataScientist), governance.AnnounceDeprecationInput{Model: "churn", Versions: []string{"0.8.0"}, Guide: "g", Sunset: h.now.AddDate(1, 0, 0)})
	h.wantRefusal(registry.Forbidden, "deprecation.announce", err)
	_, err = h.AnnounceDeprecation(h.admin, governance.AnnounceDeprecationInput{Model: "churn", Versions: []string{"0.8.0", "2.0.0"}, Guide: "g", Sunset: h.now.AddDate(1, 0, 0)})
	h.wantRefusal(registry.FailedPrecondition, "no deprecation of this version is planned", err)
	announced := registry.DeprecationAnnounced
	if page := must[*governance.DeprecationConnection](h.kit)(h.Deprecations(h.admin, core.Paging{}, &governance.DeprecationFilter{Step: &announced})); len(page.Edges) != 0 {
		t.Error("half of a refused announcement was written")
	}
	must[*governance.DeprecationsPayload](h.kit)(h.announce(92))
	for by, want := range map[time.Time]int{h.now.AddDate(0, 0, 91): 0, h.now.AddDate(0, 0, 92): 1} {
		page := must[*governance.DeprecationConnection](h.kit)(h.Deprecations(h.admin, core.Paging{}, &governance.DeprecationFilter{SunsetBy: by, Model: ptr("churn")}))
		if len(page.Edges) != want {
			t.Errorf("%d sunsets by %s, want %d", len(page.Edges), by, want)
		}
	}
}

func TestAForcedRetirementNeedsAReason(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	_, err := h.retire()
	h.wantRefusal(registry.FailedPrecondition, "is announced; announce one", err)
	must[*governance.DeprecationsPayload](h.kit)(h.announce(92))
	_, err = h.retire(func(in *governance.RetireModelVersionInput) { in.Force = true })
	h.wantRefusal(registry.InvalidArgument, "needs a reason", err)
	_, err = h.RetireModelVersion(h.as("sam", registry.RoleDataScientist), governance.RetireModelVersionInput{ID: &h.old.ID})
	h.wantRefusal(registry.Forbidden, "transition", err)
	p := must[*governance.RetirementPayload](h.kit)(h.retire(func(in *governance.RetireModelVersionInput) { in.Force, in.Reason = true, "it leaks" }))
	if !p.Deprecation.Forced || p.Deprecation.Reason != "it leaks" || p.Version.Stage != registry.Archived {
		t.Errorf("%+v", p.Deprecation)
	}
}

// TestUnderAGuardArchivedIsReachedOnlyByRetirement: a version that never served is retired at once,
// facts do not archive, and a guarded ARCHIVED needs an approved request.
func TestUnderAGuardArchivedIsReachedOnlyByRetirement(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	h.version("churn", "3.0.0")
	h.version("churn", "3.1.0")
	archive := func(version string) catalog.TransitionModelVersionInput {
		return catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: &version, To: registry.Archived}
	}
	must[*governance.GuardPayload](h.kit)(h.PutTransitionGuard(h.admin, governance.PutTransitionGuardInput{Profile: registry.ProfileGuarded}))
	_, err := h.TransitionModelVersion(h.admin, archive("3.0.0"))
	h.wantRefusal(registry.FailedPrecondition, "only by retireModelVersion", err)
	check := must[*governance.TransitionCheck](h.kit)(h.CheckTransition(h.admin, governance.CheckTransitionInput{Model: ptr("churn"), Version: ptr("3.0.0"), To: registry.Archived}))
	if check.Allowed || len(check.Blockers) != 1 || !strings.Contains(check.Blockers[0].Text, "retireModelVersion") {
		t.Errorf("%+v", check)
	}
	fact := archive("3.0.0")
	fact.At = h.now
	got := must[*bulk.RecordFactsPayload](h.kit)(h.RecordFacts(h.admin, bulk.RecordFactsInput{Facts: []bulk.FactInput{{Transition: &fact}}}))
	if len(got.Facts) != 1 || !slices.Equal(got.Facts[0].NotTaken, []string{"to"}) {
		t.Errorf("%+v", got)
	}
	p := must[*governance.RetirementPayload](h.kit)(h.RetireModelVersion(h.admin, governance.RetireModelVersionInput{Model: ptr("churn"), Version: ptr("3.0.0")}))
	if p.Version.Stage != registry.Archived || p.Deprecation.Step != registry.DeprecationRetired || p.Deprecation.Forced {
		t.Errorf("%+v", p)
	}

	must[*governance.GuardPayload](h.kit)(h.PutTransitionGuard(h.admin, governance.PutTransitionGuardInput{Profile: registry.ProfileGuarded, Stages: []registry.Stage{registry.Archived}}))
	_, err = h.RetireModelVersion(h.admin, governance.RetireModelVersionInput{Model: ptr("churn"), Version: ptr("3.1.0")})
	h.wantRefusal(registry.FailedPrecondition, "need an approval", err)
	ada := h.as("ada", registry.RoleAdmin)
	_, err = h.TransitionModelVersion(ada, archive("3.1.0"))
	h.wantRefusal(registry.FailedPrecondition, "execute LATER", err)
	later := archive("3.1.0")
	later.Execute = registry.ExecuteLater
	r := must[*catalog.TransitionModelVersionPayload](h.kit)(h.TransitionModelVersion(ada, later)).Request
	retire := governance.RetireModelVersionInput{Model: ptr("churn"), Version: ptr("3.1.0"), Approval: &r.ID}
	_, err = h.RetireModelVersion(ada, retire)
	h.wantRefusal(registry.FailedPrecondition, "0 of 1 approvals", err)
	must[*governance.RequestPayload](h.kit)(h.ApproveTransition(h.as("bob", registry.RoleAdmin), governance.DecideInput{ID: r.ID}))
	_, err = h.TransitionModelVersion(ada, catalog.TransitionModelVersionInput{To: registry.Archived, Approval: &r.ID})
	h.wantRefusal(registry.FailedPrecondition, "only by retireModelVersion", err)
	p = must[*governance.RetirementPayload](h.kit)(h.RetireModelVersion(ada, retire))
	if p.Version.Stage != registry.Archived || p.Transition.Approval != r.ID {
		t.Errorf("%+v", p)
	}
	_, err = h.RetireModelVersion(ada, retire)
	h.wantCode(registry.FailedPrecondition, err)
}

// TestASupersessionCostsOneMoreNode counts what a promotion writes that replaces a version.
func TestASupersessionCostsOneMoreNode(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	h.version("churn", "3.0.0")
	h.move("churn", "3.0.0", registry.Staging)
	counted := &putCounter{Store: h.store}
	k := kitOver(t, counted)
	k.now = h.now
	must[*catalog.TransitionModelVersionPayload](h.kit)(k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{Model: ptr("churn"), Version: ptr("3.0.0"), To: registry.Production}))
	kinds := slices.Clone(counted.kinds)
	slices.Sort(kinds)
	// The third transition gives up the slot of the last end of PRODUCTION.
	want := []registry.Kind{registry.KindDeprecation, registry.KindModelVersion, registry.KindModelVersion, registry.KindTransition, registry.KindTransition, registry.KindTransition}
	if !slices.Equal(kinds, want) || counted.entries != 2 {
		t.Errorf("it writes %v and %d log entries, want %v and 2", kinds, counted.entries, want)
	}
}

// putCounter notes the kinds of the nodes that are put, and counts log entries.
type putCounter struct {
	graph.Store
	kinds   []registry.Kind
	entries int
}

type puttingTx struct {
	graph.Tx
	c *putCounter
}

func (c *putCounter) Update(ctx context.Context, fn func(graph.Tx) error) error {
	return c.Store.Update(ctx, func(tx graph.Tx) error {
		c.kinds, c.entries = nil, 0
		return fn(puttingTx{tx, c})
	})
}

func (t puttingTx) Put(ctx context.Context, nodes ...*graph.Node) error {
	for _, n := range nodes {
		t.c.kinds = append(t.c.kinds, n.Kind)
	}
	return t.Tx.Put(ctx, nodes...)
}

func (t puttingTx) Append(ctx context.Context, entries ...*registry.LogEntry) error {
	t.c.entries += len(entries)
	return t.Tx.Append(ctx, entries...)
}

// failingStore fails updates while it is told to.
type failingStore struct {
	graph.Store
	fails bool
}

func (f *failingStore) Update(ctx context.Context, fn func(graph.Tx) error) error {
	if f.fails {
		return registry.Errorf(registry.Unavailable, "the store does not answer")
	}
	return f.Store.Update(ctx, fn)
}

// AddCounts fails as Update does.
func (f *failingStore) AddCounts(ctx context.Context, counts ...graph.Count) error {
	if f.fails {
		return registry.Errorf(registry.Unavailable, "the store does not answer")
	}
	return graph.CountersOf(f.Store).AddCounts(ctx, counts...)
}

func (f *failingStore) DumpCounts(ctx context.Context, after graph.Count, limit int) ([]graph.Count, error) {
	return graph.CountersOf(f.Store).DumpCounts(ctx, after, limit)
}

func (f *failingStore) SetCounts(ctx context.Context, counts ...graph.Count) error {
	return graph.CountersOf(f.Store).SetCounts(ctx, counts...)
}

func (f *failingStore) Counts(ctx context.Context, since string, keys ...graph.CountKey) ([][]graph.Count, error) {
	return graph.CountersOf(f.Store).Counts(ctx, since, keys...)
}

// TestUsesThatCannotBeWrittenAreKept counts with many callers at once, while the store fails and
// after.
func TestUsesThatCannotBeWrittenAreKept(t *testing.T) {
	f := &failingStore{Store: sqliteStore(t)}
	h := newSunsetHouse(t, f)
	f.fails = true
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if _, err := h.ModelVersion(h.as("eve", registry.RoleDeveloper), "churn", "1.0.0"); err != nil {
					t.Error(err)
				}
				if err := h.FlushUsage(h.Context()); err != nil && registry.CodeOf(err) != registry.Unavailable {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	f.fails = false
	must[*provenance.LineageGraph](h.kit)(h.Lineage(h.as("eve", registry.RoleDeveloper), provenance.LineageInput{Of: h.old.ID}))
	if err := h.FlushUsage(h.Context()); err != nil {
		t.Fatal(err)
	}
	if c := h.consumers()["eve"]; c == nil || c.Uses != 81 || c.Days[0].Gets != 80 || c.Days[0].Lineage != 1 {
		t.Errorf("%+v", c)
	}
}
