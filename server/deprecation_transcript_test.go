package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
)

// waits lets days pass until nine o'clock, and tells it.
func (s *story) waits(days int) {
	s.now = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC).AddDate(0, 0, days)
	s.text += fmt.Sprintf("      (it is %s)\n", s.now.Format(time.DateOnly))
}

// counts writes the counters of use, as the server does every ten minutes.
func (s *story) counts() {
	s.Helper()
	if err := s.service.FlushUsage(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// TestAVersionGoesOutOfUse plays the transcript of docs/deprecation.md.
func TestAVersionGoesOutOfUse(t *testing.T) {
	s := newStory(t, map[string]string{"root": registry.RoleAdmin, "eve": registry.RoleDeveloper, "fay": registry.RoleDeveloper})
	s.says(false, "root", `mutation { registerModel(input: {name: "credit", owner: "olga"}) { model { id } } }`)
	for _, version := range []string{"1.0.0", "2.0.0"} {
		s.says(false, "root", fmt.Sprintf(`mutation { registerModelVersion(input: {model: "credit", version: %q, artifacts: [{name: "weights", uri: "s3://models/credit"}]}) { modelVersion { id } } }`, version))
		for _, to := range []string{"STAGING", "PRODUCTION"} {
			s.says(false, "root", fmt.Sprintf(`mutation { transitionModelVersion(input: {model: "credit", version: %q, to: %s}) { version { stage } } }`, version, to))
		}
	}
	deployed := s.says(false, "root", `mutation { recordDeployment(input: {model: "credit", version: "1.0.0", environment: "prod", endpoint: "eu", owner: "dora"}) { deployment { id } } }`)
	const one = `model: "credit", version: "1.0.0"`

	s.says(true, "root", `{ deprecations { edges { node { version step superseded replacement { version } } } } }`)
	s.says(true, "root", `mutation { announceDeprecation(input: {model: "credit", versions: ["1.0.0"], guide: "https://wiki.example.com/credit-2", sunset: "2027-05-20"}) { deprecations { step } } }`)
	s.says(true, "root", `mutation { announceDeprecation(input: {model: "credit", versions: ["1.0.0"], guide: "https://wiki.example.com/credit-2", sunset: "2027-06-01"}) { deprecations { step notices { to because where } } } }`)
	s.says(true, "eve", `{ modelVersion(`+one+`) { stage } }`)
	s.says(true, "fay", `{ modelVersion(`+one+`) { artifacts { edges { node { uri } } } } }`)
	s.waits(50)
	s.counts()
	s.says(true, "root", `mutation { retireModelVersion(input: {`+one+`}) { version { stage } } }`)
	s.says(true, "eve", `mutation { confirmMigration(input: {`+one+`, comment: "we call 2.0.0"}) { __typename } }`)
	s.says(true, "root", `{ modelVersion(`+one+`) { deprecation { consumers { edges { node { subject since lastUsedAt uses migrated environments } } } } } }`)
	s.waits(92)
	s.says(true, "root", `mutation { retireModelVersion(input: {`+one+`}) { version { stage } } }`)
	id := deployed["recordDeployment"].(map[string]any)["deployment"].(map[string]any)["id"]
	s.says(true, "root", fmt.Sprintf(`mutation { endDeployment(input: {id: %q}) { deployment { live } } }`, id))
	s.says(true, "root", `mutation { retireModelVersion(input: {`+one+`, retentionDays: 90}) { version { stage } deprecation { step keepUntil } } }`)
	s.says(true, "root", `mutation { cleanupModelVersion(input: {`+one+`}) { deprecation { step } } }`)
	s.waits(182)
	s.says(true, "root", `mutation { cleanupModelVersion(input: {`+one+`}) { deprecation { step artifactsRemoved logEntries } } }`)
	s.says(true, "root", `{ auditLog(first: 1) { edges { node { action actor } } } }`)

	for _, want := range []string{"on 2027-06-01 or later", `extensions: {"deprecations":[`, "its sunset is on 2027-06-01", `"subject":"fay"`, "has a live deployment", `"stage":"ARCHIVED"`, "are kept until 2027-08-30",
		`"step":"CLEANED_UP","artifactsRemoved":1`, `"action":"version_cleaned_up"`} {
		if !strings.Contains(s.text, want) {
			t.Errorf("the transcript has no %s", want)
		}
	}
	s.compareWithDocs("../docs/deprecation.md")
}
