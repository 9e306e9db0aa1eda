package gto

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheGrammarOfTagsIsThatOfGTO(t *testing.T) {
	for tag, want := range map[string]Event{
		"churn-model@v1.0.0":            {Name: "churn-model", Action: Register, Version: "v1.0.0"},
		"churn-model@v1.0.0!":           {Name: "churn-model", Action: Deregister, Version: "v1.0.0"},
		"churn-model@v1.0.0-rc.1+b5":    {Name: "churn-model", Action: Register, Version: "v1.0.0-rc.1+b5"},
		"churn-model#prod#1":            {Name: "churn-model", Action: Assign, Stage: "prod", Counter: 1},
		"churn-model#prod":              {Name: "churn-model", Action: Assign, Stage: "prod"},
		"churn-model#staging!#4":        {Name: "churn-model", Action: Unassign, Stage: "staging", Counter: 4},
		"churn-model@deprecated":        {Name: "churn-model", Action: Deprecate},
		"models/eu=churn_model@v2.10.3": {Dir: "models/eu", Name: "churn_model", Action: Register, Version: "v2.10.3"},
		"a/b#c/d#12":                    {Name: "a/b", Action: Assign, Stage: "c/d", Counter: 12},
	} {
		got, ok := Parse(tag)
		want.Tag = tag
		if d := cmp.Diff(want, got); !ok || d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tag, ok, d)
		}
	}
	for _, none := range []string{"v1.0.0", "churn-model@1.0.0", "churn-model@v1.0", "churn-model@v01.0.0", "churn-model#", "#prod#1", "raw-2026.11",
		"-x@v1.0.0", "x-@v1.0.0", "churn model@v1.0.0", "churn-model#prod#x", "churn-model#prod!!", "a=b=c@v1.0.0x", ""} {
		if e, ok := Parse(none); ok {
			t.Errorf("%q is parsed as %+v", none, e)
		}
	}
	if e, _ := Parse("models/eu=churn/model@v1.0.0"); e.Model() != "models=eu=churn=model" {
		t.Errorf("the model is %q", e.Model())
	}
}

// history reads gto-history.txt, the output of the gto command.
func history(t *testing.T) (rows [][]string, events []Event) {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/dvc-project/gto-history.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Fields(line)
		if i == 0 {
			continue
		}
		rows = append(rows, f) // date, time, artifact, event, version, stage, commit, ref
		e, ok := Parse(f[7])
		if !ok {
			t.Fatalf("%s is not parsed as a GTO tag", f[7])
		}
		if e.At, err = time.Parse("2006-01-02 15:04:05-07:00", f[0]+" "+f[1]); err != nil {
			t.Fatal(err)
		}
		e.Commit = f[6]
		events = append(events, e)
	}
	return rows, events
}

func TestEventsAgreeWithGTOsHistory(t *testing.T) {
	rows, events := history(t)
	if len(rows) != 8 {
		t.Fatalf("gto-history.txt has %d rows, want 8", len(rows))
	}
	line := BuildTimeline(events)
	if len(line.Events) != len(rows) || len(line.Skipped) != 0 {
		t.Fatalf("%d events, skipped %v", len(line.Events), line.Skipped)
	}
	for i, e := range line.Events {
		row := rows[len(rows)-1-i] // gto lists the newest first.
		stage := e.Stage
		if stage == "" {
			stage = "-"
		}
		got := []string{e.Model(), string(e.Action), line.VersionOf(e), stage, e.Commit, e.Tag}
		if d := cmp.Diff(row[2:], got); d != "" {
			t.Errorf("event %d (-gto +got):\n%s", i, d)
		}
	}
	var deployments []string
	for _, d := range line.Deployments {
		deployments = append(deployments, d.Event.Stage+" "+d.Version+" until "+d.EndTag)
	}
	if d := cmp.Diff([]string{"prod v1.1.0 until churn-model#prod#3", "staging v1.0.0 until churn-model#staging!#4", "prod v1.1.1 until "}, deployments); d != "" {
		t.Errorf("deployments (-want +got):\n%s", d)
	}
}

func TestEventsOfOneSecondAreSortedByCounter(t *testing.T) {
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	var events []Event
	for _, tag := range []string{"m#prod#2", "m@v1.0.0!", "m#prod#10", "m#prod!#3", "m@v1.0.0"} {
		e, _ := Parse(tag)
		e.At, e.Commit = at, "c"
		events = append(events, e)
	}
	line := BuildTimeline(events)
	var order []string
	for _, e := range line.Events {
		order = append(order, e.Tag)
	}
	if d := cmp.Diff([]string{"m@v1.0.0", "m#prod#2", "m#prod!#3", "m#prod#10", "m@v1.0.0!"}, order); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
}

func TestTwoVersionsOnOneCommitNeedTheMessage(t *testing.T) {
	follow := func(message string) *Timeline {
		var events []Event
		for i, tag := range []string{"m@v1.1.0", "m@v1.1.0-rc.1", "m#prod#1", "n#prod#1", "m#canary!#2"} {
			e, _ := Parse(tag)
			e.At, e.Commit, e.Message = time.Unix(int64(i), 0), "c", message
			events = append(events, e)
		}
		return BuildTimeline(events)
	}
	if line := follow("Assigning stage prod to artifact m version v1.1.0-rc.1"); len(line.Deployments) != 1 || line.Deployments[0].Version != "v1.1.0-rc.1" {
		t.Errorf("named in the message: %+v", line.Deployments)
	}
	line := follow("put to work")
	if len(line.Deployments) != 0 || len(line.Skipped) != 3 || !strings.Contains(line.Skipped[0].Why, "several versions") || !strings.Contains(line.Skipped[1].Why, "no version of n") {
		t.Errorf("not named in the message: %+v, skipped %v", line.Deployments, line.Skipped)
	}
}
