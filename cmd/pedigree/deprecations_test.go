package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDeprecationsByCommand goes through the steps of a deprecation by commands. They print the same
// through a server as over its store.
func TestDeprecationsByCommand(t *testing.T) {
	url, data := startServer(t)
	graphQL(t, url, `mutation {
		registerModel(input: {name: "churn", owner: "olga"}) { model { id } }
		registerModelVersion(input: {model: "churn", version: "1.0.0", artifacts: [{name: "w", uri: "s3://b/w"}]}) { modelVersion { id } }
		setReviewPlan(input: {model: "churn", intervalDays: 30, nextReview: "2026-01-01"}) { model { nextReview } }
	}`)
	ok := func(want string, args ...string) string {
		t.Helper()
		code, out, stderr := run(t, args...)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit %d %s, prints %q, want %q in it", args, code, stderr, out, want)
		}
		return out
	}
	alike := func(want string, args ...string) {
		t.Helper()
		if there, here := ok(want, append(args, "--server", url)...), ok(want, append(args, "--data", data)...); there != here {
			t.Errorf("%v: through the server\n%s\nover the store\n%s", args, there, here)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, _, stderr := run(t, args...); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d %s, want %q in it", args, code, stderr, want)
		}
	}
	ok("churn@1.0.0  PLANNED", "deprecations", "plan", "churn", "1.0.0", "--plan", "nobody needs it", "--server", url)
	alike("plan: nobody needs it", "deprecations", "--step", "planned", "-o", "yaml")
	early, sunset := time.Now().AddDate(0, 0, 80).Format(time.DateOnly), time.Now().AddDate(0, 4, 0).Format(time.DateOnly)
	refused("at least 3 calendar months", "deprecations", "announce", "churn", "1.0.0", "--guide", "see the wiki", "--sunset", early, "--data", data)
	ok("ANNOUNCED  "+sunset, "deprecations", "announce", "churn", "1.0.0", "--guide", "see the wiki", "--sunset", sunset, "--data", data)
	alike("see the wiki", "deprecations", "--model", "churn")
	alike("ANNOUNCED", "deprecations", "--sunset-by", sunset, "-o", "json")
	answer := graphQL(t, url, `{ modelVersion(model: "churn", version: "1.0.0") { stage } }`)
	if !strings.Contains(answer, `"extensions":{"deprecations":[{"id":"mv_`) || !strings.Contains(answer, `"guide":"see the wiki"`) {
		t.Errorf("the answer does not tell of the deprecation: %s", answer)
	}
	calendar := ok("DTSTART;VALUE=DATE:"+strings.ReplaceAll(sunset, "-", "")+"\r\n", "deprecations", "--ics", "--server", url)
	if !strings.HasPrefix(calendar, "BEGIN:VCALENDAR\r\n") || strings.Count(calendar, "BEGIN:VEVENT") != 1 {
		t.Errorf("%q", calendar)
	}
	ok("SUMMARY:Review of churn is due\r\n", "review", "due", "--ics", "--data", data)
	alike("churn", "review", "due")
	ok("olga", "deprecations", "migrated", "churn", "1.0.0", "--consumer", "olga", "--comment", "done", "--server", url)
	alike("olga", "deprecations", "usage", "churn", "1.0.0")
	if out := ok("CONSUMER", "deprecations", "usage", "churn", "1.0.0", "--remaining", "--data", data); strings.Contains(out, "olga") {
		t.Errorf("who has migrated remains: %s", out)
	}
	refused("its sunset is on "+sunset, "deprecations", "retire", "churn", "1.0.0", "--server", url)
	ok("RETIRED", "deprecations", "retire", "churn", "1.0.0", "--force", "--reason", "it leaks", "--retention-days", "0", "--server", url)
	file := filepath.Join(t.TempDir(), "log.jsonl")
	ok("CLEANED_UP", "deprecations", "cleanup", "churn", "1.0.0", "--log", file, "--server", url)
	raw, err := os.ReadFile(file)
	digest := sha256.Sum256(raw)
	if err != nil {
		t.Fatal(err)
	}
	alike("sha256:"+hex.EncodeToString(digest[:]), "deprecations", "-o", "json")
	refused("file exists", "deprecations", "cleanup", "churn", "1.0.0", "--log", file, "--data", data)
	refused("from there it can go to", "deprecations", "withdraw", "churn", "1.0.0", "--data", data)
	if code, _, _ := run(t, "deprecations", "--ics", "-o", "json", "--data", data); code != 2 {
		t.Errorf("a calendar as JSON ends with %d", code)
	}
}

// TestUsesAreWrittenWhenTheServerEnds reads a version through a server, and asks its store for the
// consumers after it has ended: no interval has passed.
func TestUsesAreWrittenWhenTheServerEnds(t *testing.T) {
	data := t.TempDir()
	t.Run("serve", func(t *testing.T) {
		url, _ := startServer(t, "--data", data)
		graphQL(t, url, `mutation { registerModel(input: {name: "churn"}) { model { id } } registerModelVersion(input: {model: "churn", version: "1.0.0"}) { modelVersion { id } }
			planDeprecation(input: {model: "churn", versions: ["1.0.0"]}) { deprecations { step } } }`)
		graphQL(t, url, `{ modelVersion(model: "churn", version: "1.0.0") { stage } }`)
		if _, out, _ := run(t, "deprecations", "usage", "churn", "1.0.0", "--data", data); strings.Contains(out, "admin") {
			t.Errorf("the read was written at once: %s", out)
		}
	})
	code, out, stderr := run(t, "deprecations", "usage", "churn", "1.0.0", "--data", data)
	if code != 0 || !strings.Contains(out, "admin") {
		t.Errorf("exit %d %s: %s", code, stderr, out)
	}
}
