package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cardFile writes a file with every field of a card that can be told.
func cardFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "card.yaml")
	card := `description: decides on credit
modelDetails: {algorithm: gradient boosting, framework: xgboost, hyperparameters: {depth: 6, eta: 0.25}}
training: {trainingDataVersion: v3, trainingDate: 2026-01-01T00:00:00Z, trainingTimeHours: 1.5, samplesUsed: 12000}
performance: {accuracy: 0.9, f1Score: 0.8, metrics: [{name: auc, value: 0.95}]}
features: [income, age]
dataPreprocessing: [scaled]
limitations: [adults only]
ethicalConsiderations: {fairnessChecked: true, protectedGroups: [age]}
`
	if err := os.WriteFile(file, []byte(card), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// dailyWrites are commands that write, in an order in which they succeed, and refusals in between.
func dailyWrites(t *testing.T) [][]string {
	return [][]string{
		{"model", "register", "credit", "--owner", "risk", "--description", "decides", "--tag", "domain=lending", "--tag", "draft=yes"},
		{"model", "register", "churn", "--owner", "crm"},
		{"model", "register", "credit"},
		{"model", "register", "a/b"},
		{"model", "update", "credit", "--owner", "", "--tag", "tier=1", "--remove-tag", "draft"},
		{"model", "update", "credit", "--owner", "risk", "--description", "decides on credit"},
		{"model", "update", "credit", "--owner", "x", "--if-revision", "1"},
		{"model", "update", "nothing", "--tag", "a=b"},
		{"model", "update", "credit", "--tag", "a"},
		{"model", "update", "credit"},
		{"version", "register", "credit", "1.0.0", "--card", cardFile(t), "--created", "2026-01-02", "--artifact", "model=s3://models/credit.onnx", "--tag", "gpu=no", "--owner", "risk"},
		{"version", "register", "credit", "--bump", "minor", "--created", "2026-02-03", "--label", "feb"},
		{"version", "register", "credit", "1.0.0"},
		{"version", "register", "credit", "one"},
		{"version", "register", "nothing", "1.0.0"},
		{"version", "register", "fresh", "--bump", "major", "--create-model", "--created", "2026-02-03", "--owner", "crm"},
		{"version", "register", "credit", "1.2.0", "--run", "no-id"},
		{"version", "transition", "credit@1.0.0", "--to", "staging", "--reason", "looks good"},
		{"version", "transition", "credit@1.0.0", "--to", "deprecated"},
		{"version", "transition", "credit@1.0.0", "--to", "nowhere"},
		{"version", "transition", "credit@1.0.0", "--to", "PRODUCTION", "--force"},
		{"version", "transition", "credit@1.0.0", "--to", "PRODUCTION", "--if-revision", "99"},
		{"version", "transition", "credit@7.0.0", "--to", "staging"},
		{"version", "transition", "credit", "--to", "staging"},
		{"version", "transition", "credit@1.0.0", "--to", "production", "--evidence", "https://ci.example.com/1", "--metric", "auc=0.9"},
		{"version", "transition", "credit@1.0.0", "--to", "production"},
		{"version", "transition", "credit@1.1.0", "--to", "staging", "--metric", "auc"},
		{"version", "alias", "set", "credit@1.0.0", "champion"},
		{"version", "alias", "set", "credit@1.1.0", "challenger"},
		{"version", "alias", "set", "credit@1.1.0", "latest"},
		{"version", "alias", "set", "credit@7.0.0", "champion"},
		{"version", "alias", "delete", "credit", "challenger"},
		{"version", "alias", "delete", "credit", "challenger"},
		{"deploy", "record", "credit@1.0.0", "--environment", "eu", "--endpoint", "https://eu.example.com", "--traffic", "12.5", "--started", "2026-03-01", "--owner", "ops"},
		{"deploy", "record", "credit@1.0.0", "--environment", "eu", "--endpoint", "https://eu.example.com", "--traffic", "13", "--started", "2026-03-01", "--owner", "ops"},
		{"deploy", "record", "credit@1.1.0", "--environment", "us", "--started", "2026-03-01", "--owner", "ops"},
		{"deploy", "record", "credit@1.1.0", "--environment", "us", "--traffic", "101"},
		{"deploy", "record", "credit@7.0.0", "--environment", "us"},
		{"deploy", "end", "DEPLOYED", "--at", "2026-03-05", "--reason", "moved"},
		{"deploy", "end", "dep_00000000000000000000000000"},
		{"deploy", "end", "no-id"},
		{"review", "plan", "credit", "--interval", "90", "--reviewer", "ada,ben", "--next", "2125-03-31"},
		{"review", "plan", "credit", "--reviewer", ""},
		{"review", "plan", "credit"},
		{"review", "plan", "nothing", "--interval", "30"},
		{"review", "plan", "credit", "--interval", "99999"},
		{"model", "delete", "credit", "--yes"},
		{"version", "delete", "credit@1.1.0"},
		{"version", "delete", "credit@7.0.0", "--yes"},
		{"model", "delete", "churn"},
		{"model", "delete", "churn", "--yes", "--reason", "an experiment"},
		{"model", "delete", "churn", "--yes"},
		{"version", "delete", "fresh@1.0.0", "--yes", "--reason", "wrong data"},
	}
}

// dailyReads are commands that read what dailyWrites wrote.
func dailyReads() [][]string {
	return [][]string{
		{"model", "list"}, {"model", "list", "--owner", "risk"}, {"model", "list", "--prefix", "fr"}, {"model", "list", "--stage", "production"}, {"model", "list", "--tag", "team=risk"}, {"model", "list", "--tag", "team"}, {"model", "list", "--stage", "nowhere"},
		{"model", "get", "credit"}, {"model", "get", "churn"}, {"model", "get", "nothing"},
		{"version", "list", "credit"}, {"version", "list", "credit", "--stage", "production,staging"}, {"version", "list", "fresh"}, {"version", "list", "nothing"},
		{"version", "get", "credit@1.0.0"}, {"version", "get", "credit@champion"}, {"version", "get", "credit"}, {"version", "get", "credit@feb"}, {"version", "get", "credit@latest"},
		{"version", "get", "credit@7.0.0"}, {"version", "get", "nothing"}, {"version", "get", "fresh"}, {"version", "get", "mv_00000000000000000000000000"},
		{"version", "alias", "list", "credit"}, {"version", "alias", "list", "nothing"},
		{"review", "list", "--by", "2125-04-01"},
		{"deploy", "list"}, {"deploy", "list", "--live"}, {"deploy", "list", "--ended"}, {"deploy", "list", "--environment", "us", "--owner", "ops"}, {"deploy", "list", "--live", "--ended"},
		{"log"}, {"log", "-n", "3"}, {"log", "--limit", "0", "--model", "credit"}, {"log", "--action", "stage_changed,model_deployed"}, {"log", "--actor", "nobody"},
		{"log", "--since", "2020-01-01", "--before", "2021-01-01"}, {"log", "--model", "nothing"}, {"log", "--object", "no-id"}, {"log", "--since", "yesterday"}, {"log", "-n", "-1"},
	}
}

// times matches the times in an answer, whoSigns the two subjects that write.
var (
	times    = regexp.MustCompile(`20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`)
	whoSigns = regexp.MustCompile(`"(cli:[^"]*|admin)"`)
)

// TestDailyWorkIsTheSameOverAStoreAndThroughAServer runs the commands that write on two empty
// registries, one of which is a server's, and compares what they print, refusals included, but for
// who wrote and when. Then it runs the commands that read on one registry in both ways and in each
// form, and compares all bytes.
func TestDailyWorkIsTheSameOverAStoreAndThroughAServer(t *testing.T) {
	url, data := startServer(t)
	ways := map[string][]string{"store": {"--data", t.TempDir()}, "server": {"--server", url}}
	deployed, seen := map[string]string{}, map[string]bool{}
	for _, args := range dailyWrites(t) {
		seen[commandOf(args)] = true
		var outs []string
		for _, way := range []string{"store", "server"} {
			all := slices.Concat(args, []string{"-o", "json"}, ways[way])
			if i := slices.Index(all, "DEPLOYED"); i >= 0 {
				all[i] = deployed[way]
			}
			code, out, stderr := run(t, all...)
			if id := regexp.MustCompile(`dep_[a-z0-9]{26}`).FindString(out); id != "" && deployed[way] == "" {
				deployed[way] = id
			}
			outs = append(outs, whoSigns.ReplaceAllString(times.ReplaceAllString(out, "TIME"), `"WHO"`)+stderr+string(rune('0'+code)))
		}
		if outs[0] != outs[1] {
			t.Errorf("%v: over the store\n%s\nthrough the server\n%s", args, outs[0], outs[1])
		}
	}
	inYAML := map[string]bool{}
	for _, args := range dailyReads() {
		name := commandOf(args)
		forms := []string{"table", "json", "yaml"}
		if inYAML[name] { // Once for each command is enough: YAML is made from JSON.
			forms = forms[:2]
		}
		seen[name], inYAML[name] = true, true
		for _, form := range forms {
			all := append(slices.Clone(args), "-o", form)
			code, here, stderr := run(t, append(all, "--data", data)...)
			code2, there, stderr2 := run(t, append(all, "--server", url)...)
			if code != code2 || here != there || stderr != stderr2 {
				t.Errorf("%v: over the store exit %d\n%s%s\nthrough the server exit %d\n%s%s", all, code, here, stderr, code2, there, stderr2)
			}
			if code == 0 && here == "" {
				t.Errorf("%v prints nothing", all)
			}
		}
	}
	if _, out, _ := run(t, "model", "get", "credit", "-o", "json", "--server", url); !strings.Contains(out, `"reviewIntervalDays": 90`) || strings.Contains(out, `"reviewers"`) {
		t.Errorf("the review plan is not the one that was given: %s", out)
	}
	for _, cmd := range commandsOf(newRoot()) {
		name := commandName(cmd)
		if noun, _, _ := strings.Cut(name, " "); slices.Contains([]string{"model", "version", "deploy", "log"}, noun) && !seen[name] {
			t.Errorf("%q is not run over a store and through a server here", name)
		}
	}
}

// commandOf returns the name of the command that arguments run.
func commandOf(args []string) string {
	cmd, _, err := newRoot().Find(args)
	if err != nil {
		return ""
	}
	return commandName(cmd)
}

// TestDailyWorkPrintsWhatIsThere reads the fields that people come for.
func TestDailyWorkPrintsWhatIsThere(t *testing.T) {
	data := t.TempDir()
	at := func(want int, args ...string) string {
		t.Helper()
		code, out, stderr := run(t, append(args, "--data", data)...)
		if code != want {
			t.Fatalf("%v: exit %d %s%s", args, code, out, stderr)
		}
		return out + stderr
	}
	for _, args := range dailyWrites(t)[:27] {
		run(t, append(args, "--data", data)...)
	}
	at(0, "version", "alias", "set", "credit@1.0.0", "champion")
	for want, args := range map[string][]string{
		"credit  risk   1.1.0   1.0.0":             {"model", "list"},
		`"productionVersion": "1.0.0"`:             {"model", "get", "credit", "-o", "json"},
		"champion: 1.0.0":                          {"model", "get", "credit"},
		"- key: tier\n      value: \"1\"":          {"model", "get", "credit", "-o", "yaml"},
		"credit@1.0.0  PRODUCTION   champion":      {"version", "list", "credit"},
		"credit@1.1.0  DEVELOPMENT            202": {"version", "list", "credit"},
		"protectedGroups:\n            - age":      {"version", "get", "credit@champion"},
		"label: feb":                               {"version", "get", "credit@latest"},
		"looks good":                               {"log", "--action", "stage_changed"},
		`"objects": [`:                             {"log", "-n", "1", "-o", "json"},
	} {
		if out := at(0, args...); !strings.Contains(out, want) {
			t.Errorf("%v prints\n%s\nwant %q in it", args, out, want)
		}
	}
	if out := at(0, "model", "get", "credit", "-o", "yaml"); strings.Contains(out, "draft") || !strings.Contains(out, "domain") {
		t.Errorf("tags are not changed one by one:\n%s", out)
	}
	if out := at(0, "log", "-n", "3", "-o", "json"); strings.Count(out, `"seq"`) != 3 {
		t.Errorf("the limit is not kept: %s", out)
	}
	if out := at(1, "model", "delete", "credit"); !strings.Contains(out, "give --yes") {
		t.Error(out)
	}
	if out := at(0, "model", "get", "credit"); !strings.Contains(out, "risk") {
		t.Error("a model was deleted without --yes")
	}
}

// refusals are commands that are refused, with the same request in GraphQL.
var refusals = []struct {
	args  []string
	query string
}{
	{[]string{"model", "register", "credit"}, `mutation { registerModel(input: {name: "credit"}) { model { id } } }`},
	{[]string{"model", "register", "a/b"}, `mutation { registerModel(input: {name: "a/b"}) { model { id } } }`},
	{[]string{"model", "update", "nothing", "--owner", "x"}, `mutation { updateModel(input: {model: "nothing", owner: "x"}) { model { id } } }`},
	{[]string{"model", "update", "credit", "--owner", "x", "--if-revision", "77"}, `mutation { updateModel(input: {model: "credit", owner: "x", ifRevision: 77}) { model { id } } }`},
	{[]string{"model", "delete", "nothing", "--yes"}, `mutation { deleteModel(input: {model: "nothing"}) { deletedId } }`},
	{[]string{"model", "delete", "credit", "--yes"}, `mutation { deleteModel(input: {model: "credit"}) { deletedId } }`},
	{[]string{"version", "register", "credit", "1.0.0"}, `mutation { registerModelVersion(input: {model: "credit", version: "1.0.0"}) { modelVersion { id } } }`},
	{[]string{"version", "register", "credit", "one"}, `mutation { registerModelVersion(input: {model: "credit", version: "one"}) { modelVersion { id } } }`},
	{[]string{"version", "transition", "credit@1.0.0", "--to", "PRODUCTION"}, `mutation { transitionModelVersion(input: {model: "credit", version: "1.0.0", to: PRODUCTION}) { version { id } } }`},
	{[]string{"version", "transition", "credit@1.0.0", "--to", "PRODUCTION", "--force"}, `mutation { transitionModelVersion(input: {model: "credit", version: "1.0.0", to: PRODUCTION, force: true}) { version { id } } }`},
	{[]string{"version", "delete", "credit@1.0.0", "--yes"}, `mutation { deleteModelVersion(input: {model: "credit", version: "1.0.0"}) { deletedId } }`},
	{[]string{"version", "alias", "set", "credit@1.0.0", "latest"}, `mutation { setAlias(input: {model: "credit", version: "1.0.0", alias: "latest"}) { alias { id } } }`},
	{[]string{"version", "alias", "delete", "nothing", "x"}, `mutation { deleteAlias(input: {model: "nothing", alias: "x"}) { deletedId } }`},
	{[]string{"deploy", "record", "credit@7.0.0", "--environment", "eu"}, `mutation { recordDeployment(input: {model: "credit", version: "7.0.0", environment: "eu"}) { created } }`},
	{[]string{"deploy", "end", "dep_00000000000000000000000000"}, `mutation { endDeployment(input: {id: "dep_00000000000000000000000000"}) { deployment { id } } }`},
}

// TestDailyWorkIsRefusedAsOverGraphQL compares the code and the message of refusals.
func TestDailyWorkIsRefusedAsOverGraphQL(t *testing.T) {
	url, data := startServer(t)
	for _, args := range [][]string{{"model", "register", "credit"}, {"version", "register", "credit", "1.0.0"}, {"deploy", "record", "credit@1.0.0", "--environment", "eu"}} {
		if code, _, stderr := run(t, append(args, "--server", url)...); code != 0 {
			t.Fatal(stderr)
		}
	}
	_, out, _ := run(t, "token", "create", "--subject", "vic", "--role", "viewer", "--data", data)
	viewer := strings.TrimSpace(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:])
	for name, token := range map[string]string{"administrator": adminToken, "viewer": viewer} {
		t.Setenv("PEDIGREE_TOKEN", token)
		codes := map[string]bool{}
		for _, r := range refusals {
			code, message := refusalOf(t, url, token, r.query)
			codes[code] = true
			want := "pedigree: " + code + ": " + message + "\n"
			if exit, out, stderr := run(t, append(r.args, "--server", url)...); exit != 1 || out != "" || stderr != want {
				t.Errorf("%s: %v: exit %d %s%s, GraphQL says %s", name, r.args, exit, out, stderr, want)
			}
			if exit, _, stderr := run(t, append(r.args, "--data", data)...); name == "administrator" && (exit != 1 || stderr != want) {
				t.Errorf("over the store: %v: exit %d %s, GraphQL says %s", r.args, exit, stderr, want)
			}
		}
		if want := map[string]int{"administrator": 5, "viewer": 1}[name]; len(codes) < want {
			t.Errorf("%s: only %v", name, codes)
		}
	}
}

// refusalOf returns the code and message of the first error of a GraphQL request.
func refusalOf(t *testing.T, url, token, query string) (code, message string) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	r, _ := http.NewRequest(http.MethodPost, url+"/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Errors) == 0 {
		t.Fatalf("%s is not refused: %v", query, err)
	}
	return answer.Errors[0].Extensions.Code, answer.Errors[0].Message
}
