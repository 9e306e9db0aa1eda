package service_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// TestListsHaveTheOrderThatTheSchemaTells records things out of order, walks each list in
// pages of two, and compares its order with what the schema says of it.
func TestListsHaveTheOrderThatTheSchemaTells(t *testing.T) {
	k := newKit(t)
	day := func(d int) time.Time { return time.Date(2025, 1, d, 0, 0, 0, 0, time.UTC) }
	for _, name := range []string{"m", "z", "b"} {
		k.model(name)
	}
	for _, version := range []string{"1.9.0", "1.10.0", "1.2.0"} {
		k.version("m", version)
	}
	code := facts.RepositoryInput{Name: "code"}
	shas := map[int]string{}
	for _, d := range []int{9, 4, 6} {
		at := day(d)
		shas[d] = strings.Repeat(fmt.Sprint(d), 40)
		must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "d", Version: fmt.Sprint(d), CreatedAt: at}))
		must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: fmt.Sprint("set", d), Version: "1", CreatedAt: at}))
		must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Producer: "p", RunID: fmt.Sprint(d), Name: fmt.Sprint("run", d), StartedAt: at}))
		must[*facts.RecordCommitsPayload](k)(k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: code, Commits: []facts.CommitInput{{SHA: shas[d], AuthoredAt: at, CommittedAt: at}}}))
		must[*facts.RecordFeaturePayload](k)(k.RecordFeature(k.admin, facts.RecordFeatureInput{Model: "m", Name: fmt.Sprint("feature", d), CreatedAt: at}))
		must[*facts.RecordTagPayload](k)(k.RecordTag(k.admin, facts.RecordTagInput{Repository: code, Name: fmt.Sprint("v", d), SHA: shas[d], TaggedAt: at}))
	}
	version := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "b", Version: ptr("1.0.0"), CreatedDate: day(1),
		Artifacts: []catalog.ArtifactInput{{Name: "z", URI: "s3://x/z"}, {Name: "a", URI: "s3://x/a"}, {Name: "k", URI: "s3://x/k"}}})).ModelVersion
	for _, d := range []int{9, 4, 6} {
		must[*facts.RecordDeploymentPayload](k)(k.RecordDeployment(k.admin, facts.RecordDeploymentInput{ID: &version.ID, Environment: "prod", Endpoint: fmt.Sprint("https://", d), StartedAt: day(d)}))
	}
	k.move("b", "1.0.0", registry.Staging, registry.Canary, registry.Production)
	model := must[*registry.Model](k)(k.Model(k.admin, "m"))
	dataset := must[*registry.Dataset](k)(k.Dataset(k.admin, "d", "default"))
	commit := must[*registry.Commit](k)(k.Commit(k.admin, shas[4]))
	repository := &registry.Repository{Meta: registry.Meta{ID: commit.Parent}}

	for _, c := range []struct {
		sentence string
		want     []string
		page     func(core.Paging) (names []string, info core.PageInfo)
	}{
		{"The models that you may see, by name.", []string{"b", "m", "z"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*catalog.ModelConnection](k)(k.Models(k.admin, p, nil, nil))
			return namesOf(c.Edges, func(e *catalog.ModelEdge) string { return e.Node.Name }), c.PageInfo
		}},
		{"The versions, highest semver first if not sorted otherwise.", []string{"1.10.0", "1.9.0", "1.2.0"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*catalog.ModelVersionConnection](k)(k.VersionsOf(k.admin, model, p, nil, nil))
			return namesOf(c.Edges, func(e *catalog.ModelVersionEdge) string { return e.Node.Version }), c.PageInfo
		}},
		{"The datasets that you may see, by name if not sorted otherwise.", []string{"d", "set4", "set6", "set9"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.DatasetConnection](k)(k.Datasets(k.admin, p, nil, nil))
			return namesOf(c.Edges, func(e *facts.DatasetEdge) string { return e.Node.Name }), c.PageInfo
		}},
		{"Its states, oldest first.", []string{"4", "6", "9"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.DatasetVersionConnection](k)(k.VersionsOfDataset(k.admin, dataset, p))
			return namesOf(c.Edges, func(e *facts.DatasetVersionEdge) string { return e.Node.Version }), c.PageInfo
		}},
		{"The runs that you may see, by name if not sorted otherwise.", []string{"run4", "run6", "run9"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.RunConnection](k)(k.Runs(k.admin, p, nil, nil))
			return namesOf(c.Edges, func(e *facts.RunEdge) string { return e.Node.Name }), c.PageInfo
		}},
		{"The commits that you may see, newest first if not sorted otherwise.", []string{shas[9], shas[6], shas[4]}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.CommitConnection](k)(k.Commits(k.admin, p, nil, nil))
			return namesOf(c.Edges, func(e *facts.CommitEdge) string { return e.Node.SHA }), c.PageInfo
		}},
		{"The features that you may see, newest first.", []string{"feature9", "feature6", "feature4"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.FeatureConnection](k)(k.Features(k.admin, p))
			return namesOf(c.Edges, func(e *facts.FeatureEdge) string { return e.Node.Name }), c.PageInfo
		}},
		{"Its commits, newest first.", []string{shas[9], shas[6], shas[4]}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.CommitConnection](k)(k.CommitsOf(k.admin, repository, p))
			return namesOf(c.Edges, func(e *facts.CommitEdge) string { return e.Node.SHA }), c.PageInfo
		}},
		{"Its tags, by name.", []string{"v4", "v6", "v9"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.TagConnection](k)(k.TagsOf(k.admin, repository, p))
			return namesOf(c.Edges, func(e *facts.TagEdge) string { return e.Node.Name }), c.PageInfo
		}},
		{"Its files, by name.", []string{"a", "k", "z"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*catalog.ArtifactConnection](k)(k.ArtifactsOf(k.admin, version, p))
			return namesOf(c.Edges, func(e *catalog.ArtifactEdge) string { return e.Node.Name }), c.PageInfo
		}},
		{"Its changes of stage, oldest first.", []string{"STAGING", "CANARY", "PRODUCTION"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*catalog.TransitionConnection](k)(k.TransitionsOf(k.admin, version, p))
			return namesOf(c.Edges, func(e *catalog.TransitionEdge) string { return string(e.Node.To) }), c.PageInfo
		}},
		{"Where it is or was at work, in the order in which it was recorded.", []string{"https://9", "https://4", "https://6"}, func(p core.Paging) ([]string, core.PageInfo) {
			c := must[*facts.DeploymentConnection](k)(k.DeploymentsOf(k.admin, version, p))
			return namesOf(c.Edges, func(e *facts.DeploymentEdge) string { return e.Node.Endpoint }), c.PageInfo
		}},
	} {
		if !strings.Contains(schemaText(t), `"`+c.sentence+`"`) {
			t.Errorf("the schema does not say %q", c.sentence)
		}
		var got []string
		p := core.Paging{First: ptr(2)}
		for {
			names, info := c.page(p)
			got = append(got, names...)
			if !info.HasNextPage {
				break
			}
			p.After = &info.EndCursor
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.sentence, got, c.want)
		}
	}
	p := must[*provenance.LineageDiff](k)(k.LineageDiff(k.admin, provenance.LineageDiffInput{A: version.ID, B: version.ID}))
	if stages := namesOf(p.Approvals.After, func(t *registry.Transition) string { return string(t.To) }); !slices.Equal(stages, []string{"STAGING", "CANARY", "PRODUCTION"}) {
		t.Errorf("the changes of stage in a diff: %v", stages)
	}
}

func namesOf[E any](edges []E, name func(E) string) (out []string) {
	for _, e := range edges {
		out = append(out, name(e))
	}
	return out
}

func schemaText(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	files, err := filepath.Glob("../schema/*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}
