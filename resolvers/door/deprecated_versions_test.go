package door

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/99designs/gqlgen/graphql/executor"

	"pedigree/registry"
	"pedigree/resolvers"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/governance"
)

// notesOf returns extensions.deprecations of an answer.
func notesOf(t *testing.T, answer string) []governance.DeprecationNote {
	t.Helper()
	var a struct {
		Extensions struct{ Deprecations []governance.DeprecationNote }
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Fatal(err)
	}
	return a.Extensions.Deprecations
}

// TestReadsOfADeprecatedVersionSaySo reads a version in several ways: planned, nothing is told;
// announced, each answer that has a field of it tells, also those that are written without the
// executor. Who does not see the version to go to is not told of it.
func TestReadsOfADeprecatedVersionSaySo(t *testing.T) {
	d := newHandlers(t)
	admin := as(t, registry.RoleAdmin)
	n, err := d.service.Node(admin, d.story.Version)
	if err != nil {
		t.Fatal(err)
	}
	v := n.(*registry.ModelVersion)
	to := "9.9.9"
	if _, err := d.service.RegisterModelVersion(admin, catalog.RegisterModelVersionInput{Model: v.ModelName, Version: &to}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.service.PlanDeprecation(admin, governance.PlanDeprecationInput{Model: v.ModelName, Versions: []string{v.Version}, Replacement: &to}); err != nil {
		t.Fatal(err)
	}
	one := fmt.Sprintf("modelVersion(model: %q, version: %q)", v.ModelName, v.Version)
	queries := map[string]int{
		"{ " + one + " { stage } }":                                                                   1, // Written without the executor.
		"{ " + one + " { __typename } }":                                                              0,
		"{ " + one + " { stage card { description } } }":                                              1,
		"{ a: " + one + " { stage } b: " + one + " { name model { name } } }":                         1,
		fmt.Sprintf("{ node(id: %q) { ... on ModelVersion { name } } }", v.ID):                        1,
		fmt.Sprintf("{ nodes(ids: [%q]) { ... on ModelVersion { name } } }", v.ID):                    1,
		fmt.Sprintf("{ model(name: %q) { versions { edges { node { version } } } } }", v.ModelName):   1,
		fmt.Sprintf("{ lineage(of: %q) { nodes { node { ... on ModelVersion { stage } } } } }", v.ID): 1,
		"{ models { edges { node { name owner } } } }":                                                0,
	}
	check := func(announced bool) {
		for q, want := range queries {
			for name, h := range map[string]http.Handler{"executor": d.standard, "direct": d.withWriter} {
				for role, replacement := range map[string]string{registry.RoleAdmin: to, registry.RoleViewer: ""} {
					answer, _ := d.ask(h, role, q, nil)
					notes := notesOf(t, answer)
					if !announced {
						want = 0
					}
					if len(notes) != want {
						t.Errorf("%s by %s: %d notes, want %d: %s", q, name, len(notes), want, answer)
					}
					for _, note := range notes {
						if note.VersionID != v.ID || note.Version != v.Version || note.Guide != "see the wiki" || note.Sunset.IsZero() || note.Replacement != replacement || (note.ReplacementID == "") != (replacement == "") {
							t.Errorf("%s by %s as %s: %+v", q, name, role, note)
						}
					}
				}
			}
		}
	}
	check(false)
	if _, err := d.service.AnnounceDeprecation(admin, governance.AnnounceDeprecationInput{Model: v.ModelName, Versions: []string{v.Version}, Guide: "see the wiki", Sunset: d.service.Now().AddDate(1, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	check(true)
}

// silent returns a handler that tells of no deprecation.
func silent(s *service.Service) *httpHandler {
	schema := resolvers.Schema(s)
	exec := executor.New(schema)
	exec.SetQueryCache(preparedCache{})
	exec.Use(fieldMasks{})
	return &httpHandler{exec: exec, documents: newDocuments(schema.Schema()), service: s}
}

// TestNotesCostOneReadForAnyNumberOfVersions compares answers with one and with twenty announced
// versions, and with those of a handler that tells nothing.
func TestNotesCostOneReadForAnyNumberOfVersions(t *testing.T) {
	reads := map[int]int64{}
	for _, n := range []int{1, 20} {
		w := newWorld(t, n)
		query := fmt.Sprintf("{ nodes(ids: %s) { ... on ModelVersion { name } } }", quoted(w.ids[registry.KindModelVersion]))
		_, with := w.ask(query)
		w.Handler = silent(w.service)
		_, without := w.ask(query)
		reads[n] = with - without
	}
	if reads[1] != 1 || reads[20] != 1 {
		t.Errorf("the notes cost %v reads, want one", reads)
	}
}
