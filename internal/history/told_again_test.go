package history

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// mutate sends a mutation as an administrator and returns its payload. It wants an error with
// a code, none for "".
func (r *testRegistry) mutate(code registry.Code, mutation, inputType, selection string, input map[string]any) map[string]any {
	r.Helper()
	var a struct {
		Data   map[string]map[string]any
		Errors []struct {
			Message    string
			Extensions struct{ Code registry.Code }
		}
	}
	raw := r.ask(registry.RoleAdmin, "mutation($input: "+inputType+"!) { m: "+mutation+"(input: $input) { "+selection+" } }", map[string]any{"input": input})
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		r.Fatal(err)
	}
	var got registry.Code
	if len(a.Errors) > 0 {
		got = a.Errors[0].Extensions.Code
	}
	if got != code {
		r.Errorf("%s %v: code %q, want %q: %s", mutation, input, got, code, raw)
	}
	return a.Data["m"]
}

// wantJSON fails the test unless a value is the JSON text want.
func (r *testRegistry) wantJSON(what string, v any, want string) {
	r.Helper()
	got, err := json.Marshal(v)
	if err != nil || string(got) != want {
		r.Errorf("%s:\n got %s (%v)\nwant %s", what, got, err, want)
	}
}

func TestARunIsToldInParts(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		const answer = `created notTaken run { runKind status metrics { name value } parameters tags { key value } endedAt }`
		tell := func(more map[string]any) map[string]any {
			in := map[string]any{"producer": "p", "runId": "1", "name": "train"}
			for k, v := range more {
				in[k] = v
			}
			return r.mutate("", "recordRun", "RecordRunInput", answer, in)
		}
		tell(map[string]any{"status": "RUNNING"})
		tell(map[string]any{"metrics": []any{map[string]any{"name": "loss", "value": 0.9}}, "parameters": map[string]any{"lr": 0.1}})
		last := tell(map[string]any{"status": "COMPLETE", "runKind": "TRAINING", "tags": []any{map[string]any{"key": "team", "value": "risk"}},
			"metrics": []any{map[string]any{"name": "loss", "value": 0.2}, map[string]any{"name": "accuracy", "value": 0.8}}, "parameters": map[string]any{"lr": 0.1, "depth": 3}})
		r.wantJSON("told in parts", last, `{"created":false,"notTaken":["metrics.loss"],"run":{"endedAt":null,"metrics":[{"name":"loss","value":0.9},{"name":"accuracy","value":0.8}],`+
			`"parameters":{"depth":3,"lr":0.1},"runKind":"TRAINING","status":"COMPLETE","tags":[{"key":"team","value":"risk"}]}}`)
		again := tell(map[string]any{"status": "RUNNING", "runKind": "OTHER", "tags": []any{map[string]any{"key": "team", "value": "web"}}, "parameters": map[string]any{"lr": 0.2}})
		r.wantJSON("an end stays", again["run"], mustJSON(last["run"]))
		r.wantJSON("an end stays", again["notTaken"], `["parameters.lr","status","tags.team"]`)
		r.mutate(registry.Conflict, "recordRun", "RecordRunInput", answer, map[string]any{"producer": "p", "runId": "1", "name": "train", "runKind": "ETL"})
	})
}

func mustJSON(v any) string { b, _ := json.Marshal(v); return string(b) }

func TestAStatusThatIsNotToldChangesNothing(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		status := func(id string, more map[string]any) any {
			in := map[string]any{"producer": "p", "runId": id, "name": "n"}
			for k, v := range more {
				in[k] = v
			}
			return r.mutate("", "recordRun", "RecordRunInput", "run { status } notTaken", in)["run"].(map[string]any)["status"]
		}
		for _, c := range []struct {
			name string
			told []map[string]any
			want string
		}{
			{"none", []map[string]any{{}}, "COMPLETE"},
			{"failed, then none", []map[string]any{{"status": "FAILED"}, {"description": "d"}}, "FAILED"},
			{"none, then running", []map[string]any{{}, {"status": "RUNNING"}}, "RUNNING"},
			{"running, then none", []map[string]any{{"status": "RUNNING"}, {"description": "d"}}, "RUNNING"},
			{"running, then aborted", []map[string]any{{"status": "RUNNING"}, {"status": "ABORTED"}}, "ABORTED"},
			{"complete, then failed", []map[string]any{{"status": "COMPLETE"}, {"status": "FAILED"}}, "COMPLETE"},
			{"ended, then running", []map[string]any{{"endedAt": "2026-03-01T12:00:00Z"}, {"status": "RUNNING"}}, "COMPLETE"},
			{"running with an end", []map[string]any{{"status": "RUNNING", "endedAt": "2026-03-01T12:00:00Z"}}, "COMPLETE"},
			{"running, then running with an end", []map[string]any{{"status": "RUNNING"}, {"status": "RUNNING", "endedAt": "2026-03-01T12:00:00Z"}}, "COMPLETE"},
			{"running, then ended", []map[string]any{{"status": "RUNNING"}, {"endedAt": "2026-03-01T12:00:00Z"}}, "COMPLETE"},
		} {
			var got any
			for range 2 { // Told again, it says the same.
				for _, told := range c.told {
					got = status(c.name, told)
				}
				if got != c.want {
					r.Errorf("%s: %v, want %s", c.name, got, c.want)
				}
			}
		}
	})
}

// TestARepositoryBeginsWithItsFirstCommit records commits of another repository under a new
// name: it stands only once it has a commit or a tag of its own.
func TestARepositoryBeginsWithItsFirstCommit(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		tell := func(name, sha, at string) string {
			return mustJSON(r.mutate("", "recordCommits", "RecordCommitsInput", `created repository { name } commits { repository }`, map[string]any{
				"repository": map[string]any{"name": name}, "commits": []any{map[string]any{"sha": strings.Repeat(sha, 20), "committedAt": at}}})["repository"])
		}
		for _, c := range []struct{ name, sha, want string }{{"one", "0a", `{"name":"one"}`}, {"fork", "0a", "null"}, {"fork", "0b", `{"name":"fork"}`}, {"fork", "0a", `{"name":"fork"}`}} {
			if got := tell(c.name, c.sha, "2026-01-01T00:00:00Z"); got != c.want {
				r.Errorf("%s %s: %s, want %s", c.name, c.sha, got, c.want)
			}
		}
	})
}

func TestADatasetIsToldInParts(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		const answer = `created notTaken datasetVersion { role description tags { key value } columns { name type } dataset { owner } }`
		tell := func(more map[string]any) map[string]any {
			in := map[string]any{"dataset": "raw", "version": "1"}
			for k, v := range more {
				in[k] = v
			}
			return r.mutate("", "recordDatasetVersion", "RecordDatasetVersionInput", answer, in)
		}
		tell(map[string]any{"role": "OTHER", "tags": []any{map[string]any{"key": "a", "value": "1"}}, "columns": []any{map[string]any{"name": "age", "type": "int"}}})
		p := tell(map[string]any{"role": "RAW", "owner": "ada", "description": "d", "tags": []any{map[string]any{"key": "b", "value": "2"}}, "columns": []any{map[string]any{"name": "sex"}}})
		const whole = `{"columns":[{"name":"age","type":"int"},{"name":"sex","type":null}],"dataset":{"owner":"ada"},"description":"d","role":"RAW","tags":[{"key":"a","value":"1"},{"key":"b","value":"2"}]}`
		r.wantJSON("told in parts", p, `{"created":false,"datasetVersion":`+whole+`,"notTaken":[]}`)
		p = tell(map[string]any{"role": "TRAINING", "owner": "bob", "description": "e", "tags": []any{map[string]any{"key": "b", "value": "3"}}, "columns": []any{map[string]any{"name": "age", "type": "text"}}})
		r.wantJSON("told otherwise", p, `{"created":false,"datasetVersion":`+whole+`,"notTaken":["owner","description","role","tags.b","columns.age.type"]}`)
	})
}

func TestACommitIsToldInParts(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		sha := func(c string) string { return strings.Repeat(c, 40) }
		tell := func(code registry.Code, commits ...map[string]any) map[string]any {
			var list []any
			for _, c := range commits {
				list = append(list, c)
			}
			return r.mutate(code, "recordCommits", "RecordCommitsInput", `created notTaken commits { parentShas message role roleEvidence }`,
				map[string]any{"repository": map[string]any{"name": "r"}, "commits": list})
		}
		tell("", map[string]any{"sha": sha("a")}, map[string]any{"sha": sha("b")})
		p := tell("", map[string]any{"sha": sha("c"), "message": "feat: x"}, map[string]any{"sha": sha("c"), "parents": []string{sha("a")}, "author": "ada"})
		r.wantJSON("a commit that stands twice in an input", p["created"], "1")
		r.wantJSON("a commit that stands twice in an input", p["commits"].([]any)[1], `{"message":"feat: x","parentShas":["`+sha("a")+`"],"role":"feat","roleEvidence":"type of feat: x"}`)
		tell(registry.Conflict, map[string]any{"sha": sha("c"), "parents": []string{sha("b")}})
		tell(registry.Conflict, map[string]any{"sha": sha("c"), "parents": []string{sha("a"), sha("b")}})
		r.wantJSON("its edges", r.getPath(registry.RoleAdmin, `{commit(sha: "`+sha("c")+`") {upstream {edges {node {id}}}}}`, "commit", "upstream", "edges"),
			`[{"node":{"id":"`+string(registry.CommitID(sha("a")))+`"}}]`)
		p = tell("", map[string]any{"sha": sha("c"), "role": "tuning", "message": "fix: y"})
		r.wantJSON("a given role", p, `{"commits":[{"message":"feat: x","parentShas":["`+sha("a")+`"],"role":"tuning","roleEvidence":"given by a admin"}],"created":0,"notTaken":["commits[0].message"]}`)
		p = tell("", map[string]any{"sha": sha("c"), "role": "other"})
		r.wantJSON("another role", p["notTaken"], `["commits[0].role"]`)
	})
}

func TestWhatFeaturesAndDeploymentsLeaveOutIsSetLater(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		data := r.recordDataset("raw", "1", r.now)
		feature := func(more map[string]any) map[string]any {
			in := map[string]any{"definedOn": data, "column": "age"}
			for k, v := range more {
				in[k] = v
			}
			return r.mutate("", "recordFeature", "RecordFeatureInput", "notTaken feature { name owner }", in)
		}
		r.wantJSON("new", feature(nil), `{"feature":{"name":"age","owner":null},"notTaken":[]}`)
		r.wantJSON("named later", feature(map[string]any{"name": "Age", "owner": "ada"}), `{"feature":{"name":"Age","owner":"ada"},"notTaken":[]}`)
		r.wantJSON("again", feature(nil), `{"feature":{"name":"Age","owner":"ada"},"notTaken":[]}`)
		r.wantJSON("otherwise", feature(map[string]any{"name": "years"}), `{"feature":{"name":"Age","owner":"ada"},"notTaken":["name"]}`)

		id := must[*catalog.RegisterModelVersionPayload](r)(r.service.RegisterModelVersion(r.adminContext, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), Owner: "eve", CreateModel: true})).ModelVersion.ID
		r.advance(time.Second) // A version never begins at the very time of the entry before it.
		deploy := func(more map[string]any) map[string]any {
			in := map[string]any{"id": id, "environment": "prod", "startedAt": r.now.Format(time.RFC3339)}
			for k, v := range more {
				in[k] = v
			}
			return r.mutate("", "recordDeployment", "RecordDeploymentInput", "notTaken deployment { owner trafficPercent }", in)
		}
		r.wantJSON("new", deploy(nil), `{"deployment":{"owner":"eve","trafficPercent":null},"notTaken":[]}`)
		r.wantJSON("owned later", deploy(map[string]any{"owner": "ops", "trafficPercent": 10.0}), `{"deployment":{"owner":"ops","trafficPercent":10},"notTaken":[]}`)
		r.wantJSON("again", deploy(nil), `{"deployment":{"owner":"ops","trafficPercent":10},"notTaken":[]}`)
		r.wantJSON("otherwise", deploy(map[string]any{"trafficPercent": 20.0}), `{"deployment":{"owner":"ops","trafficPercent":10},"notTaken":["trafficPercent"]}`)
	})
}

func TestAnEdgeThatStandsIsLeftWhenItsEndWasDeleted(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		base, made, other := r.registerVersion("base", "1.0.0"), r.registerVersion("made", "1.0.0"), r.registerVersion("other", "1.0.0")
		run := map[string]any{"producer": "p", "runId": "1", "name": "n", "inputs": []registry.ID{base}, "outputs": []registry.ID{made}}
		link := map[string]any{"from": made, "to": base, "kind": "DERIVED_FROM"}
		r.advance(time.Second)
		deployment := map[string]any{"model": "other", "version": "1.0.0", "environment": "prod", "startedAt": r.now.Format(time.RFC3339)}
		r.mutate("", "recordRun", "RecordRunInput", "created", run)
		first := r.mutate("", "linkLineage", "LinkLineageInput", "created edge { id validFrom }", link)
		id := r.mutate("", "recordDeployment", "RecordDeploymentInput", "deployment { id }", deployment)["deployment"].(map[string]any)["id"]
		r.advance(time.Hour)
		r.mutate("", "endDeployment", "EndDeploymentInput", "deployment { id }", map[string]any{"id": id})
		for _, m := range []string{"base", "made", "other"} {
			r.mutate("", "deleteModelVersion", "DeleteModelVersionInput", "deletedId", map[string]any{"model": m, "version": "1.0.0"})
		}
		r.wantJSON("the run again", r.mutate("", "recordRun", "RecordRunInput", "created notTaken", run), `{"created":false,"notTaken":[]}`)
		again := r.mutate("", "linkLineage", "LinkLineageInput", "created edge { id validFrom }", link)
		r.wantJSON("the edge again", again["edge"], mustJSON(first["edge"]))
		r.wantJSON("the edge again", again["created"], "false")
		p := r.mutate("", "recordDeployment", "RecordDeploymentInput", "created deployment { id }", deployment)
		r.wantJSON("the deployment again", p["created"], "false")
		r.mutate("", "recordFacts", "RecordFactsInput", "unchanged", map[string]any{"facts": []any{map[string]any{"run": run}, map[string]any{"link": link}, map[string]any{"deployment": deployment}}})

		// An edge that does not stand still needs ends that stand.
		run["inputs"] = []registry.ID{base, other}
		r.mutate(registry.NotFound, "recordRun", "RecordRunInput", "created", run)
		r.mutate(registry.NotFound, "linkLineage", "LinkLineageInput", "created", map[string]any{"from": made, "to": other, "kind": "DERIVED_FROM"})
		deployment["environment"] = "staging"
		r.mutate(registry.NotFound, "recordDeployment", "RecordDeploymentInput", "created", deployment)
	})
}

func TestAKnownEdgeKeepsItsStartAndItsID(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		a, b := r.recordDataset("a", "1", r.now), r.recordDataset("b", "1", r.now)
		const answer = "created edge { id from to kind validFrom validTo }"
		in := map[string]any{"from": b, "to": a, "kind": "DERIVED_FROM", "validFrom": "2026-02-01T00:00:00Z", "idempotencyKey": "k"}
		first := r.mutate("", "linkLineage", "LinkLineageInput", answer, in)
		r.wantJSON("the retry", r.mutate("", "linkLineage", "LinkLineageInput", answer, in), mustJSON(first))
		delete(in, "idempotencyKey")
		again := r.mutate("", "linkLineage", "LinkLineageInput", answer, in)
		r.wantJSON("again", again["edge"], mustJSON(first["edge"]))
		in["validFrom"] = "2026-02-02T00:00:00Z"
		r.mutate(registry.Conflict, "linkLineage", "LinkLineageInput", answer, in)
		r.mutate(registry.Conflict, "recordFacts", "RecordFactsInput", "created", map[string]any{"facts": []any{map[string]any{"link": in}}})
		delete(in, "validFrom")
		again = r.mutate("", "linkLineage", "LinkLineageInput", answer, in)
		r.wantJSON("without a start", again["edge"], mustJSON(first["edge"]))

		c, d := r.recordDataset("c", "1", r.now), r.recordDataset("d", "1", r.now)
		link := map[string]any{"link": map[string]any{"from": d, "to": c, "kind": "DERIVED_FROM"}}
		told := map[string]any{"datasetVersion": map[string]any{"dataset": "d", "version": "1", "derivedFrom": []registry.ID{c}}}
		p := r.mutate("", "recordFacts", "RecordFactsInput", "created merged unchanged facts { id }", map[string]any{"facts": []any{told, link, link}})
		edge := r.mutate("", "linkLineage", "LinkLineageInput", answer, link["link"].(map[string]any))["edge"].(map[string]any)["id"]
		r.wantJSON("links that are known in their batch", p, `{"created":0,"facts":[{"id":"`+string(d)+`"},{"id":"`+edge.(string)+`"},{"id":"`+edge.(string)+`"}],"merged":1,"unchanged":2}`)
	})
}

func TestAReplayedKeyAnswersTheFirstAnswer(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		const answer = "created notTaken run { revision status description endedAt upstream { edges { node { id } } } }"
		run := func(more map[string]any) map[string]any {
			in := map[string]any{"producer": "p", "runId": "1", "name": "n"}
			for k, v := range more {
				in[k] = v
			}
			return in
		}
		a, b := r.recordDataset("a", "1", r.now), r.recordDataset("b", "1", r.now)
		first := run(map[string]any{"status": "RUNNING", "inputs": []registry.ID{a}, "idempotencyKey": "1"})
		second := run(map[string]any{"description": "d", "status": "COMPLETE", "idempotencyKey": "2"})
		one := r.mutate("", "recordRun", "RecordRunInput", answer, first)
		r.advance(time.Minute)
		two := r.mutate("", "recordRun", "RecordRunInput", answer, second)
		r.wantJSON("it merged", two["created"], "false")
		r.advance(time.Minute)
		r.mutate("", "recordRun", "RecordRunInput", answer, run(map[string]any{"command": "c", "inputs": []registry.ID{a, b}}))
		r.advance(time.Minute)
		r.wantJSON("the first again", r.mutate("", "recordRun", "RecordRunInput", answer, first), mustJSON(one))
		r.wantJSON("the merge again", r.mutate("", "recordRun", "RecordRunInput", answer, second), mustJSON(two))
		second["description"] = "e"
		r.mutate(registry.Conflict, "recordRun", "RecordRunInput", answer, second)

		sha := strings.Repeat("a", 40)
		commits := map[string]any{"repository": map[string]any{"name": "r"}, "commits": []any{map[string]any{"sha": sha}}, "idempotencyKey": "3"}
		const told = "created commits { revision message }"
		three := r.mutate("", "recordCommits", "RecordCommitsInput", told, commits)
		r.advance(time.Minute)
		r.mutate("", "recordCommits", "RecordCommitsInput", told, map[string]any{"repository": map[string]any{"name": "r"}, "commits": []any{map[string]any{"sha": sha, "message": "m"}}})
		r.wantJSON("commits again", r.mutate("", "recordCommits", "RecordCommitsInput", told, commits), mustJSON(three))

		r.registerVersion("churn", "1.0.0")
		card := map[string]any{"model": "churn", "version": "1.0.0", "card": map[string]any{"description": "d"}, "idempotencyKey": "4"}
		const cardAnswer = "card { revision description status }"
		four := r.mutate("", "updateModelCard", "UpdateModelCardInput", cardAnswer, card)
		r.advance(time.Minute)
		r.mutate("", "updateModelCard", "UpdateModelCardInput", cardAnswer, map[string]any{"model": "churn", "version": "1.0.0", "card": map[string]any{"description": "e"}})
		r.wantJSON("the card again", r.mutate("", "updateModelCard", "UpdateModelCardInput", cardAnswer, card), mustJSON(four))

		move := map[string]any{"model": "churn", "version": "1.0.0", "to": "STAGING", "idempotencyKey": "5"}
		const moveAnswer = "version { stage revision } transition { ordinal to }"
		five := r.mutate("", "transitionModelVersion", "TransitionModelVersionInput", moveAnswer, move)
		r.advance(time.Minute)
		r.mutate("", "transitionModelVersion", "TransitionModelVersionInput", moveAnswer, map[string]any{"model": "churn", "version": "1.0.0", "to": "PRODUCTION"})
		r.wantJSON("the transition again", r.mutate("", "transitionModelVersion", "TransitionModelVersionInput", moveAnswer, move), mustJSON(five))
	})
}

func TestAKnownModelTellsWhatWasNotTaken(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		tell := func(description, owner string) any {
			facts := []any{map[string]any{"model": map[string]any{"name": "churn", "description": description, "owner": owner}},
				map[string]any{"modelVersion": map[string]any{"model": "churn", "version": "1.0.0", "description": description, "label": "first"}}}
			return r.mutate("", "recordFacts", "RecordFactsInput", "facts { created merged notTaken }", map[string]any{"facts": facts})["facts"]
		}
		r.wantJSON("new", tell("d", "ada"), `[{"created":true,"merged":false,"notTaken":[]},{"created":true,"merged":false,"notTaken":[]}]`)
		r.wantJSON("again", tell("d", ""), `[{"created":false,"merged":false,"notTaken":[]},{"created":false,"merged":false,"notTaken":[]}]`)
		r.wantJSON("otherwise", tell("e", "bob"), `[{"created":false,"merged":false,"notTaken":["description","owner"]},{"created":false,"merged":false,"notTaken":["description"]}]`)
	})
}

func TestReferencesAndCreateModelInFacts(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		source := map[string]any{"datasetVersion": "@raw", "column": "age"}
		batch := []any{
			map[string]any{"ref": "raw", "datasetVersion": map[string]any{"dataset": "raw", "version": "1", "columns": []any{map[string]any{"name": "age"}}}},
			map[string]any{"ref": "clean", "datasetVersion": map[string]any{"dataset": "clean", "version": "1", "columns": []any{map[string]any{"name": "years", "derivedFrom": []any{source}}}}},
			map[string]any{"modelVersion": map[string]any{"model": "churn", "version": "1.0.0", "createModel": true, "derivedFrom": []string{"@clean"}}},
		}
		const answer = "created merged unchanged facts { notTaken }"
		p := r.mutate("", "recordFacts", "RecordFactsInput", answer, map[string]any{"facts": batch})
		r.wantJSON("new", p, `{"created":3,"facts":[{"notTaken":[]},{"notTaken":[]},{"notTaken":[]}],"merged":0,"unchanged":0}`)
		r.wantJSON("the source", r.getPath(registry.RoleAdmin, `{datasetVersion(dataset: "clean", version: "1") {columns {derivedFrom {column node {name}}}}}`, "datasetVersion", "columns"),
			`[{"derivedFrom":[{"column":"age","node":{"name":"raw"}}]}]`)
		p = r.mutate("", "recordFacts", "RecordFactsInput", answer, map[string]any{"facts": batch})
		r.wantJSON("again", p["unchanged"], "3")
		source["datasetVersion"] = "@later"
		r.mutate(registry.InvalidArgument, "recordFacts", "RecordFactsInput", answer, map[string]any{"facts": batch})
		r.mutate(registry.NotFound, "recordFacts", "RecordFactsInput", answer, map[string]any{"facts": []any{map[string]any{"modelVersion": map[string]any{"model": "other", "version": "1.0.0"}}}})
	})
}
