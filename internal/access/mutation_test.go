package access

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pedigree/registry"
)

// builtinRule is the id of a rule of the built-in policy.
var builtinRule = registry.HashID("rule", "p, role:viewer, lineage.read, do, all, allow")

// mutationInputs returns a valid input on the seed for every mutation.
func (seed *seedData) mutationInputs() map[string]string {
	id := func(label string) string { return fmt.Sprintf("%q", seed.id[label]) }
	q := func(label string) string { return fmt.Sprintf("%q", seed.name[label]) }
	return map[string]string{
		"registerModel":              `{name: "gamma", description: "new", owner: "ada"}`,
		"registerModelVersion":       `{model: ` + q("alpha") + `, version: "9.0.0", card: {description: "new"}, artifacts: [{name: "m", uri: "s3://b/m"}]}`,
		"updateModel":                `{model: ` + q("alpha") + `, description: "changed"}`,
		"renameModel":                `{model: ` + q("alpha") + `, name: "renamed", reason: "clearer"}`,
		"updateModelVersion":         `{id: ` + id("a3") + `, setTags: [{key: "new", value: "tag"}], removeTags: ["none"]}`,
		"updateModelCard":            `{id: ` + id("a2") + `, card: {limitations: ["changed"]}}`,
		"transitionModelVersion":     `{id: ` + id("a3") + `, to: STAGING, reason: "try it"}`,
		"deleteModelVersion":         `{id: ` + id("a3") + `, reason: "no use"}`,
		"deleteModel":                `{id: ` + id("beta") + `, reason: "no use"}`,
		"setAlias":                   `{model: ` + q("alpha") + `, alias: "candidate", version: ` + q("a3") + `}`,
		"deleteAlias":                `{model: ` + q("alpha") + `, alias: ` + q("visible-alias") + `}`,
		"recordDatasetVersion":       `{dataset: "new", version: "1"}`,
		"recordRun":                  `{producer: "p", runId: "1", name: "r", inputs: [` + id("raw") + `]}`,
		"recordCommits":              `{repository: {name: "new"}, commits: [{sha: "` + strings.Repeat("ab", 20) + `"}]}`,
		"recordTag":                  `{repository: {name: "new"}, name: "v9", sha: "` + seed.commitSHA["c2"] + `"}`,
		"recordDeployment":           `{id: ` + id("a2") + `, environment: "new"}`,
		"endDeployment":              `{id: ` + id("deployed-a2") + `}`,
		"recordFeature":              `{model: ` + q("alpha") + `, name: "new"}`,
		"linkLineage":                `{from: ` + id("train-a1") + `, to: ` + id("clean") + `, kind: USED}`,
		"recordFacts":                `{facts: [{ref: "d", datasetVersion: {dataset: "new", version: "1"}}, {run: {producer: "p", runId: "1", name: "r", inputs: ["@d"]}}]}`,
		"createApiToken":             `{name: "new"}`,
		"revokeApiToken":             `{id: "{own token}"}`,
		"createWebhook":              `{name: "new", address: "https://example.com/hook", events: [TRANSITIONS, LOG_ENTRIES]}`,
		"updateWebhook":              `{id: "{own webhook}", paused: true}`,
		"deleteWebhook":              `{id: "{own webhook}"}`,
		"rotateWebhookSecret":        `{id: "{own webhook}", overlap: 60}`,
		"testWebhook":                `{id: "{own webhook}"}`,
		"replayWebhook":              `{id: "{own webhook}", after: 0}`,
		"updateNotificationSettings": `{events: [RECALLS], address: "new@example.com", timing: DAILY}`,
		"assignRole":                 `{subject: "eve", role: "viewer", scope: "model:x"}`,
		"revokeRole":                 `{subject: "user-viewer", role: "viewer", reason: "left"}`,
		"putPolicyRule":              `{role: "auditor", object: "class:catalog", act: READ, conditions: [{key: TAG, values: ["team=risk"]}]}`,
		"withdrawPolicyRule":         `{id: "` + string(builtinRule) + `"}`,
		"revertPolicy":               `{to: 0}`,
		"approveTransition":          `{id: ` + id("hidden request") + `, comment: "yes"}`,
		"rejectTransition":           `{id: ` + id("hidden request") + `, comment: "no"}`,
		"withdrawTransition":         fmt.Sprintf(`{id: %q}`, registry.TransitionRequestID(seed.id["a6"], 1)),
		"putTransitionGuard":         `{profile: GUARDED}`,
		"deleteTransitionGuard":      `{model: ` + q("alpha") + `}`,
		"putGate":                    `{name: "new", expression: "version.owner != ''", stages: [ARCHIVED]}`,
		"withdrawGate":               `{name: ` + q("alpha gate") + `}`,
		"setReviewPlan":              `{model: ` + q("alpha") + `, intervalDays: 30}`,
		"recordReview":               `{model: ` + q("alpha") + `, decision: APPROVED}`,
		"planDeprecation":            `{model: ` + q("alpha") + `, versions: [` + q("a2") + `], plan: "soon"}`,
		"announceDeprecation":        `{model: ` + q("alpha") + `, versions: [` + q("a3") + `], guide: "g", sunset: "1990-01-01"}`,
		"withdrawDeprecation":        `{id: ` + id("a3") + `, reason: "we keep it"}`,
		"confirmMigration":           `{id: ` + id("a1") + `, comment: "done"}`,
		"recall":                     `{nodes: [` + id("raw") + `], reason: "wrong", severity: LOW}`,
		"clearRecall":                `{id: ` + id("recall") + `, reason: "over"}`,
		"decideRecallClearing":       `{id: ` + id("asked recall") + `, comment: "yes"}`,
		"resolveRecallDeployment":    `{recall: ` + id("recall") + `, deployment: ` + id("deployed-a2") + `, handling: ACCEPTED, reason: "known"}`,
		"retireModelVersion":         `{id: ` + id("a3") + `, reason: "no use"}`,
		"cleanupModelVersion":        `{id: ` + id("a3") + `}`,
		"deleteArtifact":             `{id: ` + id("a3") + `, path: ` + q("a3/file") + `}`,
		"sweepArtifacts":             `{}`,
		"verifyArtifact":             `{id: ` + id("a2/artifact0") + `}`,
		"detachSignature":            `{id: ` + id("a3") + `, digest: ` + q("a3/signature") + `}`,
		"attachSignature":            `{id: ` + id("a3") + `, bundle: "` + newSignedBundle + `"}`,
		"retractLineage":             `{from: ` + id("train-a1") + `, to: ` + id("raw2") + `, kind: USED}`,
	}
}

// TestMutations executes every mutation as every role on a fresh copy of the seed,
// with all fields of its payload. It succeeds, or it is refused and writes nothing.
func TestMutations(t *testing.T) {
	want, schema := readMatrix(t), loadSchema(t)
	inputs := loadSeed(t).mutationInputs()
	finder := pathFinder{schema, loadSeed(t)}
	paths := finder.find()
	hidden, ids := map[string]map[string]string{}, map[string]map[string]bool{}
	for _, column := range columns {
		hidden[column], ids[column] = loadSeed(t).hiddenFrom(want, column)
	}
	var cells atomic.Int64
	t.Cleanup(func() { t.Logf("%d cells executed", cells.Load()) })
	for _, f := range schema.Mutation.Fields {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			payload := schema.Types[f.Type.Name()]
			var selection []string
			for _, p := range payload.Fields {
				sel := p.Name
				if finder.isObject(p.Type.Name()) {
					sel += " { __typename " + finder.scalars(p.Type.Name()) + " }"
				}
				selection = append(selection, sel)
			}
			if inputs[f.Name] == "" {
				t.Fatal("it has no input: add one to seedData.mutationInputs")
			}
			s := open(t, "")
			s.prepareMutation(t, f.Name)
			for _, column := range columns {
				before := s.logHead()
				input := strings.ReplaceAll(inputs[f.Name], "{own token}", string(s.seed.id["spare token "+column]))
				q := "mutation { " + f.Name + "(input: " + input + ") { " + strings.Join(selection, " ") + " } }"
				a := s.query(column, q)
				scanned := crawler{s: s, who: column, hidden: hidden[column], ids: ids[column], found: map[string]string{}, leaks: map[string]string{}, tokensByWord: map[string][]string{}, codes: map[string]int{}}
				if scanned.scan(q, a); len(scanned.leaks) > 0 {
					t.Errorf("as %s it leaks %v", column, scanned.leaks)
				}
				got := rootOutcome(a, f.Name)
				cells.Add(1)
				if expected := want["Mutation."+f.Name][column]; got != expected {
					t.Errorf("as %s: %s, the matrix says %s: %s", column, got, expected, a.raw)
				}
				for _, p := range payload.Fields {
					cell := got
					if got == "yes" && objectsOf(a.Data[f.Name])[0][p.Name] == nil {
						cell = "null"
					}
					cells.Add(1)
					if expected := want[payload.Name+"."+p.Name][column]; cell != expected {
						t.Errorf("%s.%s as %s: %s, the matrix says %s: %s", payload.Name, p.Name, column, cell, expected, a.raw)
					}
				}
				for _, p := range payload.Fields {
					nested := p.Type.Name()
					if !finder.isObject(nested) || len(paths[nested]) > 0 {
						continue
					}
					var objects []map[string]any
					if got == "yes" {
						objects = objectsOf(objectsOf(a.Data[f.Name])[0][p.Name])
					}
					for _, nf := range schema.Types[nested].Fields {
						cell := got
						if got == "yes" && !slices.ContainsFunc(objects, func(o map[string]any) bool { return o[nf.Name] != nil }) {
							cell = "null"
						}
						cells.Add(1)
						if expected := want[nested+"."+nf.Name][column]; cell != expected {
							t.Errorf("%s.%s as %s: %s, the matrix says %s: %s", nested, nf.Name, column, cell, expected, a.raw)
						}
					}
				}
				if wrote := s.logHead() != before; wrote != (got == "yes") {
					t.Errorf("as %s: %s, and the log went from %d to %d", column, got, before, s.logHead())
				}
				if got == "yes" && column != admin { // The next role needs an unchanged copy.
					s = open(t, "")
					s.prepareMutation(t, f.Name)
				}
			}
		})
	}
}

// prepareMutation records what a mutation needs: a data scientist may retract only a
// fact, and withdraw only a request, of their own. What is cleaned up is retired first.
func (s *testServer) prepareMutation(t *testing.T, mutation string) {
	t.Helper()
	if mutation == "withdrawTransition" {
		ask := fmt.Sprintf(`mutation { transitionModelVersion(input: {id: %q, to: DEVELOPMENT}) { request { id } } }`, s.seed.id["a6"])
		if a := s.query(dataScientist, ask); a.code() != "" {
			t.Fatalf("%s", a.raw)
		}
	}
	if mutation == "cleanupModelVersion" {
		retire := fmt.Sprintf(`mutation { retireModelVersion(input: {id: %q, retentionDays: 0}) { version { id } } }`, s.seed.id["a3"])
		if a := s.query(admin, retire); a.code() != "" {
			t.Fatalf("%s", a.raw)
		}
	}
	if mutation != "retractLineage" {
		return
	}
	link := fmt.Sprintf(`mutation { linkLineage(input: {from: %q, to: %q, kind: USED}) { created } }`, s.seed.id["train-a1"], s.seed.id["raw2"])
	if a := s.query(dataScientist, link); a.code() != "" {
		t.Fatalf("%s", a.raw)
	}
}

// TestDataScientistLimits checks the inputs that data scientists may not use in
// mutations which they may call.
func TestDataScientistLimits(t *testing.T) {
	s := open(t, "")
	seed := s.seed
	for name, mutation := range map[string]string{
		"set a protected alias":       fmt.Sprintf(`setAlias(input: {model: %q, alias: "champion", version: %q}) { alias { id } }`, seed.name["alpha"], seed.name["a2"]),
		"set the alias production":    fmt.Sprintf(`setAlias(input: {model: %q, alias: "production", version: %q}) { alias { id } }`, seed.name["alpha"], seed.name["a2"]),
		"delete a protected alias":    fmt.Sprintf(`deleteAlias(input: {model: %q, alias: "champion"}) { deletedId }`, seed.name["alpha"]),
		"retract the fact of another": fmt.Sprintf(`retractLineage(input: {from: %q, to: %q, kind: USED}) { retracted }`, seed.id["train-a1"], seed.id["training"]),
	} {
		t.Run(name, func(t *testing.T) {
			before := s.logHead()
			if a := s.query(dataScientist, "mutation { "+mutation+" }"); a.code() != "FORBIDDEN" {
				t.Errorf("%s", a.raw)
			}
			if s.logHead() != before {
				t.Error("it was written")
			}
		})
	}
}

// TestAGrantOnOneModel checks that a data scientist with a grant on one model neither
// reads nor writes anything else, and that errors do not reveal it.
func TestAGrantOnOneModel(t *testing.T) {
	s := open(t, "")
	seed := s.seed
	hidden, _ := seed.hiddenFrom(readMatrix(t), scopedScientist)
	id := func(label string) registry.ID { return seed.id[label] }
	for name, c := range map[string]struct{ mutation, code string }{
		"a version of another model":   {fmt.Sprintf(`registerModelVersion(input: {model: %q, version: "9.0.0"}) { modelVersion { id } }`, seed.name["alpha"]), "NOT_FOUND"},
		"the card of another model":    {fmt.Sprintf(`updateModelCard(input: {id: %q, card: {description: "x"}}) { card { id } }`, id("a2")), "NOT_FOUND"},
		"another model":                {fmt.Sprintf(`updateModel(input: {id: %q, description: "x"}) { model { id } }`, id("alpha")), "NOT_FOUND"},
		"the end of a deployment":      {fmt.Sprintf(`endDeployment(input: {id: %q}) { deployment { id } }`, id("deployed-a2")), "NOT_FOUND"},
		"a hidden source":              {fmt.Sprintf(`registerModelVersion(input: {model: %q, version: "9.0.0", run: %q}) { modelVersion { id } }`, seed.name["beta"], id("train-a2")), "NOT_FOUND"},
		"a link to a hidden run":       {fmt.Sprintf(`linkLineage(input: {from: %q, to: %q, kind: GENERATED_BY}) { created }`, id("b1"), id("train-a2")), "NOT_FOUND"},
		"the known digest of a secret": {fmt.Sprintf(`recordDatasetVersion(input: {dataset: %q, namespace: %q, version: %q, digest: "md5:00000000"}) { created }`, seed.name["raw-set"], seed.name["raw-set/namespace"], seed.name["raw"]), "FORBIDDEN"},
		"a run under a known key": {fmt.Sprintf(`recordRun(input: {producer: %q, runId: %q, name: "x", startedAt: "1971-01-01"}) { created }`,
			seed.name["train-a2/producer"], seed.name["train-a2/id"]), "FORBIDDEN"},
		"a commit under a known sha": {fmt.Sprintf(`recordCommits(input: {repository: {name: "x"}, commits: [{sha: %q, committedAt: "1971-01-01"}]}) { created }`, seed.commitSHA["c2"]), "FORBIDDEN"},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.logHead()
			q := "mutation { " + c.mutation + " }"
			a := s.query(scopedScientist, q)
			if c.code != "" && a.code() != c.code {
				t.Errorf("wanted %s: %s", c.code, a.raw)
			}
			for _, found := range canaryPattern.FindAllString(string(a.readable()), -1) {
				if hidden[found] != "" && !strings.Contains(q, found) {
					t.Errorf("it reveals %s: %s", hidden[found], a.raw)
				}
			}
			if s.logHead() != before {
				t.Errorf("it was written: %s", a.raw)
			}
		})
	}
}
