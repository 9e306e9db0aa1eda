// Package gto parses the git tags of GTO, which uses a git repository as a model
// registry: name@v1.0.0 registers a version, name#prod#3 assigns it to a stage. It
// orders the events of tags and derives deployments. It does not read repositories.
package gto

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// Action is the kind of an event.
type Action string

// The actions of GTO. GTO parses Create and Deprecate but does not write them.
const (
	Register   Action = "registration"
	Deregister Action = "deregistration"
	Assign     Action = "assignment"
	Unassign   Action = "unassignment"
	Create     Action = "creation"
	Deprecate  Action = "deprecation"
)

// Event is the meaning of one tag.
type Event struct {
	// Tag is the full name of the tag.
	Tag string
	// Dir is the folder of the dvc.yaml that annotates the artifact, "" for the
	// root. Name is the artifact's name in that file.
	Dir, Name string
	// Prefix stands before the name of the model, "" for none. The caller sets it.
	Prefix string
	Action Action
	// Version is the version of a (de)registration, with its leading v.
	Version string
	// Stage is the stage of an (un)assignment. Counter is the number at the end of
	// the tag, 0 when there is none.
	Stage   string
	Counter int
	// Commit is the full SHA of the tagged commit, At the tagger's date, Message the
	// tag's message. Parse leaves them empty; the caller sets them.
	Commit  string
	At      time.Time
	Message string
}

const (
	artifactPattern = `^(?:([^@#=]+)=)?([a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?)`
	semverPattern   = `v(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?`
	stagePattern    = `[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?`
)

var (
	versionTag = regexp.MustCompile(artifactPattern + `@(` + semverPattern + `)(!?)(?:#(\d+))?$`)
	stageTag   = regexp.MustCompile(artifactPattern + `#(` + stagePattern + `)(!?)(?:#(\d+))?$`)
	stateTag   = regexp.MustCompile(artifactPattern + `@(deprecated|created)(?:#(\d+))?$`)
)

// Parse parses the name of a tag. It returns false when it is not a GTO tag.
func Parse(tag string) (Event, bool) {
	if m := versionTag.FindStringSubmatch(tag); m != nil {
		e := event(tag, m[1], m[2], m[5])
		e.Action, e.Version = Register, m[3]
		if m[4] != "" {
			e.Action = Deregister
		}
		return e, true
	}
	if m := stageTag.FindStringSubmatch(tag); m != nil {
		e := event(tag, m[1], m[2], m[5])
		e.Action, e.Stage = Assign, m[3]
		if m[4] != "" {
			e.Action = Unassign
		}
		return e, true
	}
	if m := stateTag.FindStringSubmatch(tag); m != nil {
		e := event(tag, m[1], m[2], m[4])
		e.Action = Create
		if m[3] == "deprecated" {
			e.Action = Deprecate
		}
		return e, true
	}
	return Event{}, false
}

func event(tag, dir, name, counter string) Event {
	n, _ := strconv.Atoi(counter) // The pattern allows only digits; a number that overflows becomes the largest int.
	return Event{Tag: tag, Dir: dir, Name: name, Counter: n}
}

// Model returns the name of the artifact's model in the registry: DIR=NAME, or NAME
// in the root. Each "/" becomes "=", because the registry does not allow "/" in names.
func (e Event) Model() string {
	name := e.Name
	if e.Dir != "" {
		name = e.Dir + "=" + name
	}
	if e.Prefix != "" {
		name = e.Prefix + "=" + name
	}
	return strings.ReplaceAll(name, "/", "=")
}

// RegistryStage returns the registry's stage for a GTO stage: prod, staging, canary, and the
// registry's own words for them in any case. It returns false for a GTO stage that is only
// the environment of a deployment.
func RegistryStage(stage string) (registry.Stage, bool) {
	switch strings.ToLower(stage) {
	case "prod", "production":
		return registry.Production, true
	case "staging":
		return registry.Staging, true
	case "canary":
		return registry.Canary, true
	}
	return "", false
}

// Sort sorts events by time. The tagger's date has whole seconds: within a second a
// registration comes before assignments and a deregistration after them, then the
// counter and the tag's name decide.
func Sort(events []Event) {
	rank := map[Action]int{Create: 0, Register: 1, Assign: 2, Unassign: 2, Deprecate: 3, Deregister: 3}
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(rank[a.Action], rank[b.Action]), cmp.Compare(a.Counter, b.Counter), cmp.Compare(a.Tag, b.Tag))
	})
}
