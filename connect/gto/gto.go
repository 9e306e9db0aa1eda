// Package gto reads the tags of GTO, which uses a git repository as a model
// registry: name@v1.0.0 registers a version, name#prod#3 assigns it to a stage.
// It knows the grammar and the order of events, and touches no repository.
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

// Action is what a tag says was done.
type Action string

// The actions of GTO. Create and Deprecate are parsed by GTO but not written.
const (
	Register   Action = "registration"
	Deregister Action = "deregistration"
	Assign     Action = "assignment"
	Unassign   Action = "unassignment"
	Create     Action = "creation"
	Deprecate  Action = "deprecation"
)

// Event is what one tag says.
type Event struct {
	// Tag is the whole name of the tag.
	Tag string
	// Dir is the folder of the dvc.yaml that annotates the artifact, "" for the
	// root; Name the artifact's name in it.
	Dir, Name string
	Action    Action
	// Version is the version of a (de)registration, with its leading v.
	Version string
	// Stage is the stage of an (un)assignment, Counter its number, 0 for none.
	Stage   string
	Counter int
	// Commit is the full sha the tag peels to, At the tagger's date, Message the
	// tag's; Parse leaves them for the caller to fill in.
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

// Parse reads the name of a tag; false when it is none of GTO's.
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
	n, _ := strconv.Atoi(counter) // The pattern lets digits through; one that overflows counts as none.
	return Event{Tag: tag, Dir: dir, Name: name, Counter: n}
}

// Model is the name of the registry's model for an artifact: DIR=NAME, and "="
// where GTO allows "/", which the registry keeps out of names.
func (e Event) Model() string {
	name := e.Name
	if e.Dir != "" {
		name = e.Dir + "=" + name
	}
	return strings.ReplaceAll(name, "/", "=")
}

// Lifecycle is the stage of the registry that a stage of GTO stands for; false
// for one that is only a deployment's environment.
func Lifecycle(stage string) (registry.Stage, bool) {
	switch stage {
	case "prod":
		return registry.Production, true
	case "staging":
		return registry.Staging, true
	case "canary":
		return registry.Canary, true
	}
	return "", false
}

// Sort puts events in the order in which they happened: the tagger's date, which
// has whole seconds, then the counter. A registration comes before what needs it
// and a deregistration after.
func Sort(events []Event) {
	rank := map[Action]int{Create: 0, Register: 1, Assign: 2, Unassign: 2, Deprecate: 3, Deregister: 3}
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(rank[a.Action], rank[b.Action]), cmp.Compare(a.Counter, b.Counter), cmp.Compare(a.Tag, b.Tag))
	})
}
