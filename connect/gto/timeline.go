package gto

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Deployment is a version of an artifact in a stage, for as long as the tags say.
type Deployment struct {
	// Event is the assignment, Model and Version what was assigned.
	Event          Event
	Model, Version string
	// End is when the next assignment of that stage or an unassignment ended it;
	// EndTag says which tag did. Zero: it stands.
	End    time.Time
	EndTag string
}

// Timeline is what all the tags of a repository say, in order.
type Timeline struct {
	// Events holds registrations, deregistrations and assignments in order.
	Events      []Event
	Deployments []Deployment
	// Unclear lists the tags that cannot be followed, and why.
	Unclear []Unclear
	// versions holds, by tag, the version that an assignment is about.
	versions map[string]string
}

// Unclear is a tag that cannot be followed.
type Unclear struct{ Tag, Why string }

// VersionOf returns the version that an event is about, "" when that is unclear.
func (t *Timeline) VersionOf(e Event) string {
	if e.Version != "" {
		return e.Version
	}
	return t.versions[e.Tag]
}

// Follow puts events in order and finds, through the commit, which version each
// assignment is about and when it ended.
func Follow(events []Event) *Timeline {
	t := &Timeline{versions: map[string]string{}}
	events = slices.Clone(events)
	Sort(events)
	registered := map[string][]Event{} // by model and commit
	for _, e := range events {
		if e.Action == Register {
			registered[place(e)] = append(registered[place(e)], e)
		}
	}
	for _, e := range events {
		switch e.Action {
		case Create, Deprecate:
			t.Unclear = append(t.Unclear, Unclear{e.Tag, "says " + string(e.Action) + " of an artifact, which the registry has no word for"})
			continue
		case Assign, Unassign:
			of, why := versionAt(registered[place(e)], e)
			if why != "" {
				t.Unclear = append(t.Unclear, Unclear{e.Tag, why})
				continue
			}
			// A light tag has its commit's date, which lies before the version was
			// registered; nothing is put to work before it is.
			if t.versions[e.Tag] = of.Version; e.At.Before(of.At) {
				e.At = of.At
			}
		}
		t.Events = append(t.Events, e)
	}
	Sort(t.Events)
	live := map[string]int{} // model and stage → place in Deployments
	for _, e := range t.Events {
		if e.Action == Assign || e.Action == Unassign {
			t.stage(e, t.versions[e.Tag], live)
		}
	}
	return t
}

// stage follows one assignment or its end.
func (t *Timeline) stage(e Event, version string, live map[string]int) {
	key := e.Model() + "#" + e.Stage
	at, running := live[key]
	switch {
	case running && e.Action == Unassign && t.Deployments[at].Version != version:
		t.Unclear = append(t.Unclear, Unclear{e.Tag, fmt.Sprintf("unassigns %s, but %s is in %s", version, t.Deployments[at].Version, e.Stage)})
		return
	case running:
		t.Deployments[at].End, t.Deployments[at].EndTag = e.At, e.Tag
		delete(live, key)
	case e.Action == Unassign:
		t.Unclear = append(t.Unclear, Unclear{e.Tag, "unassigns a stage that nothing was assigned to"})
	}
	if e.Action == Assign {
		live[key] = len(t.Deployments)
		t.Deployments = append(t.Deployments, Deployment{Event: e, Model: e.Model(), Version: version})
	}
}

// place is where versions are looked up for an assignment: model and commit.
func place(e Event) string { return e.Model() + "@" + e.Commit }

// versionAt picks the version that an assignment is about among those registered
// at its commit. When there are several the tag's message, which GTO writes,
// names it.
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

// mentions looks for a version as a word of its own, so that v1.1.0 is not found
// in v1.1.0-rc.1.
func mentions(message, version string) bool {
	words := strings.FieldsFunc(message, func(r rune) bool {
		return !(r == '.' || r == '-' || r == '+' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	})
	return slices.ContainsFunc(words, func(w string) bool { return strings.TrimRight(w, ".") == version })
}
