package gto

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pedigree/registry"
)

// Deployment is the period in which a version of an artifact was in a stage.
type Deployment struct {
	// Event is the assignment. Model and Version are what it assigned.
	Event          Event
	Model, Version string
	// End is the time of the tag EndTag: the next assignment of the stage, or an
	// unassignment. It is zero for a live deployment.
	End    time.Time
	EndTag string
}

// Timeline holds the events and deployments of all tags of a repository, in order.
type Timeline struct {
	// Events holds (de)registrations and (un)assignments.
	Events      []Event
	Deployments []Deployment
	// Skipped lists the tags that have no effect, with the reasons.
	Skipped []SkippedTag
	// versions holds the version of each (un)assignment by tag.
	versions map[string]string
}

// SkippedTag is a tag without an effect, and the reason.
type SkippedTag struct{ Tag, Why string }

// VersionOf returns the version of an event, or "" when it cannot be determined.
func (t *Timeline) VersionOf(e Event) string {
	if e.Version != "" {
		return e.Version
	}
	return t.versions[e.Tag]
}

// BuildTimeline sorts events and derives the deployments. It finds the version of each
// assignment through its commit.
func BuildTimeline(events []Event) *Timeline {
	t := &Timeline{versions: map[string]string{}}
	events = slices.Clone(events)
	Sort(events)
	registered := map[string][]Event{} // by model and commit
	for _, e := range events {
		if e.Action == Register {
			registered[modelAtCommit(e)] = append(registered[modelAtCommit(e)], e)
		}
	}
	for _, e := range events {
		switch e.Action {
		case Create, Deprecate:
			t.Skipped = append(t.Skipped, SkippedTag{e.Tag, "says " + string(e.Action) + " of an artifact, which the registry has no word for"})
			continue
		case Assign, Unassign:
			of, why := versionAt(registered[modelAtCommit(e)], e)
			if why != "" {
				t.Skipped = append(t.Skipped, SkippedTag{e.Tag, why})
				continue
			}
			// A lightweight tag has its commit's date, which may be earlier than the
			// registration. A version cannot be assigned before its registration.
			if t.versions[e.Tag] = of.Version; e.At.Before(of.At) {
				e.At = of.At
			}
		}
		t.Events = append(t.Events, e)
	}
	Sort(t.Events)
	live := map[string]int{} // model and stage → index in Deployments
	for _, e := range t.Events {
		if e.Action == Assign || e.Action == Unassign {
			t.apply(e, t.versions[e.Tag], live)
		}
	}
	t.dropReplaced()
	return t
}

// dropReplaced drops deployments that another tag ended within the same second: they were
// nothing that lasted, and a version that comes back in that second would have the same start.
func (t *Timeline) dropReplaced() {
	t.Deployments = slices.DeleteFunc(t.Deployments, func(d Deployment) bool {
		replaced := d.EndTag != "" && d.End.Equal(d.Event.At)
		if replaced {
			t.Skipped = append(t.Skipped, SkippedTag{d.Event.Tag, "was replaced by " + d.EndTag + " within the same second"})
		}
		return replaced
	})
}

// HigherStage returns a higher stage of the registry in which the version of an assignment was at
// its time, and the tag that put it there. It returns false when there is none.
func (t *Timeline) HigherStage(e Event) (stage registry.Stage, tag string, found bool) {
	own, _ := RegistryStage(e.Stage)
	for _, d := range t.Deployments {
		other, mapped := RegistryStage(d.Event.Stage)
		if mapped && stageRank[other] > stageRank[own] && stageRank[other] > stageRank[stage] && d.Model == e.Model() && d.Version == t.VersionOf(e) &&
			!d.Event.At.After(e.At) && (d.End.IsZero() || d.End.After(e.At)) {
			stage, tag, found = other, d.Event.Tag, true
		}
	}
	return stage, tag, found
}

var stageRank = map[registry.Stage]int{registry.Staging: 1, registry.Canary: 2, registry.Production: 3}

// apply starts or ends a deployment for one (un)assignment. live holds the indexes of
// the live deployments by model and stage.
func (t *Timeline) apply(e Event, version string, live map[string]int) {
	key := e.Model() + "#" + e.Stage
	i, running := live[key]
	switch {
	case running && e.Action == Unassign && t.Deployments[i].Version != version:
		t.Skipped = append(t.Skipped, SkippedTag{e.Tag, fmt.Sprintf("unassigns %s, but %s is in %s", version, t.Deployments[i].Version, e.Stage)})
		return
	case running:
		t.Deployments[i].End, t.Deployments[i].EndTag = e.At, e.Tag
		delete(live, key)
	case e.Action == Unassign:
		t.Skipped = append(t.Skipped, SkippedTag{e.Tag, "unassigns a stage that nothing was assigned to"})
	}
	if e.Action == Assign {
		live[key] = len(t.Deployments)
		t.Deployments = append(t.Deployments, Deployment{Event: e, Model: e.Model(), Version: version})
	}
}

// modelAtCommit is the key under which an assignment finds registered versions.
func modelAtCommit(e Event) string { return e.Model() + "@" + e.Commit }

// versionAt picks the version of an assignment among those registered at its commit.
// When there are several, it takes the one that the tag's message names, as messages
// written by GTO do. why is the reason when there is no such version.
func versionAt(registered []Event, e Event) (of Event, why string) {
	switch len(registered) {
	case 0:
		return of, "no version of " + e.Model() + " is registered at its commit"
	case 1:
		return registered[0], ""
	}
	var named []Event
	var versions []string
	for _, r := range registered {
		versions = append(versions, r.Version)
		if mentions(e.Message, r.Version) {
			named = append(named, r)
		}
	}
	if len(named) == 1 {
		return named[0], ""
	}
	return of, fmt.Sprintf("its commit carries several versions of %s (%s) and the tag's message names none", e.Model(), strings.Join(versions, ", "))
}

// mentions reports whether a message contains a version as a whole word: v1.1.0 is
// not a word of v1.1.0-rc.1.
func mentions(message, version string) bool {
	words := strings.FieldsFunc(message, func(r rune) bool {
		return !(r == '.' || r == '-' || r == '+' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	})
	return slices.ContainsFunc(words, func(w string) bool { return strings.TrimRight(w, ".") == version })
}
