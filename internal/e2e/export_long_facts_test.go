package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// TestLongFactsComeBack exports commits, columns, tags and metrics that do not fit into one line.
// Every line is short enough for a load, and everything is there after it.
func TestLongFactsComeBack(t *testing.T) {
	t.Parallel()
	for engine, open := range emptyRegistries {
		t.Run(engine, func(t *testing.T) {
			source, target := open(t), open(t)
			ctx, text := source.admin(), strings.Repeat("\"é\n", 10<<10)
			record := func(f bulk.FactInput) {
				t.Helper()
				if _, err := source.service.RecordFacts(ctx, bulk.RecordFactsInput{Facts: []bulk.FactInput{f}}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 24 {
				record(bulk.FactInput{Commits: &facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "r"}, Commits: []facts.CommitInput{
					{SHA: fmt.Sprintf("%040x", i), Message: text, Author: text, CommittedAt: propertyStart}}}})
			}
			data := facts.RecordDatasetVersionInput{Dataset: "wide", Version: "1", CreatedAt: propertyStart}
			for part := range 3 {
				in := data
				for i := range 10 {
					in.Columns = append(in.Columns, registry.Column{Name: fmt.Sprint("c", part, "-", i), Description: text})
				}
				record(bulk.FactInput{DatasetVersion: &in})
			}
			run := facts.RecordRunInput{Producer: "p", RunID: "1", Name: "n", RunKind: registry.RunTraining, Status: registry.RunFailed, StartedAt: propertyStart, Description: text, Command: text}
			tagged := run
			for i := range 12 {
				tagged.Tags = append(tagged.Tags, registry.KeyValue{Key: fmt.Sprint("k", i), Value: text})
			}
			record(bulk.FactInput{Run: &tagged})
			for i := range 900 {
				run.Metrics = append(run.Metrics, registry.Metric{Name: fmt.Sprint(strings.Repeat("€", 240), i), Value: float64(i)})
			}
			record(bulk.FactInput{Run: &run})
			out, lines := source.export(), 0
			for line := range strings.Lines(out) {
				if lines++; len(line) > registry.MaxFactBytes+1 {
					t.Errorf("a line of %d bytes: %.100s", len(line), line)
				}
			}
			if _, refused := target.loadLines(out); len(refused) > 0 {
				t.Errorf("refused: %+v", refused)
			}
			if want, got := source.stored().text(), target.stored().text(); got != want {
				t.Error(firstDifference(want, got))
			}
			t.Logf("PROOF %d lines, %d bytes, none longer than a line may be, the same after a load", lines, len(out))
		})
	}
}

// TestTheHistoryOfAnAliasComesBack moves, removes and sets an alias again, and asks for it at
// times in between.
func TestTheHistoryOfAnAliasComesBack(t *testing.T) {
	t.Parallel()
	for engine, open := range emptyRegistries {
		t.Run(engine, func(t *testing.T) {
			source, target := open(t), open(t)
			ctx := source.admin()
			hour := func(n int) time.Time { return propertyStart.Add(time.Duration(n) * time.Hour) }
			input := []bulk.FactInput{{Model: &catalog.RegisterModelInput{Name: "m", CreatedAt: propertyStart}}}
			for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
				input = append(input, bulk.FactInput{ModelVersion: &catalog.RegisterModelVersionInput{Model: "m", Version: &v, CreatedDate: propertyStart}})
			}
			alias := func(version string, from, to int) {
				in := &catalog.SetAliasInput{Model: "m", Alias: "champion", Version: version, At: hour(from)}
				if to > 0 {
					in.RemovedAt = hour(to)
				}
				input = append(input, bulk.FactInput{Alias: in})
			}
			alias("1.0.0", 1, 0)
			alias("1.1.0", 3, 5)
			alias("1.0.0", 7, 0)
			alias("1.2.0", 8, 0)
			alias("1.1.0", 9, 11)
			if _, err := source.service.RecordFacts(ctx, bulk.RecordFactsInput{Facts: input}); err != nil {
				t.Fatal(err)
			}
			check := func(s *localRegistry, want ...string) {
				t.Helper()
				for h, version := range want {
					if !s.aliasIs("m", "champion", version, hour(h).Add(time.Minute)) {
						t.Errorf("at hour %d the alias is not %q", h, version)
					}
				}
			}
			versions := []string{"", "1.0.0", "1.0.0", "1.1.0", "1.1.0", "", "", "1.0.0", "1.2.0", "1.1.0", "1.1.0", ""}
			check(source, versions...)
			out := source.export()
			if _, refused := target.loadLines(out); len(refused) > 0 {
				t.Fatalf("%+v", refused)
			}
			check(target, versions...)
			if again, refused := target.loadLines(out); len(refused) > 0 || again.Unchanged != again.Accepted {
				t.Errorf("loaded again: %+v %+v", again, refused)
			}
			model, version := "m", "1.2.0"
			if _, err := source.service.DeleteModelVersion(ctx, catalog.DeleteModelVersionInput{Model: &model, Version: &version}); err != nil {
				t.Fatal(err)
			}
			without := open(t)
			if _, refused := without.loadLines(source.export()); len(refused) > 0 {
				t.Fatalf("%+v", refused)
			}
			versions[8] = ""
			check(without, versions...)
		})
	}
}

// aliasIs reports whether an alias points at a version at a time; no version means that there is
// no such alias.
func (s *localRegistry) aliasIs(model, alias, version string, at time.Time) bool {
	s.t.Helper()
	m, err := s.service.Model(s.admin(), model, core.PointInTime{AsOf: at})
	if err != nil {
		s.t.Fatal(err)
	}
	aliases, err := s.service.AliasesOf(s.admin(), m)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range aliases {
		if a.Name == alias {
			return a.Version == version
		}
	}
	return version == ""
}

// TestATagKeepsItsDate tells dated and undated tags again, with and without their dates.
func TestATagKeepsItsDate(t *testing.T) {
	t.Parallel()
	for engine, open := range emptyRegistries {
		t.Run(engine, func(t *testing.T) {
			source, target := open(t), open(t)
			ctx, repo, sha := source.admin(), facts.RepositoryInput{Name: "r"}, strings.Repeat("ab", 20)
			if _, err := source.service.RecordCommits(ctx, facts.RecordCommitsInput{Repository: repo, Commits: []facts.CommitInput{{SHA: sha, CommittedAt: propertyStart}}}); err != nil {
				t.Fatal(err)
			}
			dated := propertyStart.Add(time.Hour)
			for _, in := range []facts.RecordTagInput{{Name: "dated", TaggedAt: dated}, {Name: "dated"}, {Name: "dated", Message: "told again"}, {Name: "plain"}, {Name: "plain"}} {
				in.Repository, in.SHA = repo, sha
				p, err := source.service.RecordTag(ctx, in)
				if err != nil {
					t.Fatal(err)
				}
				if inferred := in.Name == "plain"; p.Tag.DateInferred != inferred || !inferred && !p.Tag.TaggedAt.Equal(dated) {
					t.Errorf("%+v: %+v", in, p.Tag)
				}
			}
			if _, refused := target.loadLines(source.export()); len(refused) > 0 {
				t.Fatalf("%+v", refused)
			}
			if want, got := source.stored().text(), target.stored().text(); got != want {
				t.Error(firstDifference(want, got))
			}
		})
	}
}
