// Package dvc reads the history of a git repository that uses DVC and GTO. It records
// datasets, runs, model versions, stages and deployments in the registry. It reads only
// what git stores, not DVC's cache or remotes.
package dvc

import (
	"context"

	"pedigree/connect/git"
	"pedigree/connect/gto"
	"pedigree/registry"
)

// Options set how a repository is read and what of it is recorded.
type Options struct {
	git.Options
	// ModelPrefix stands before the names of the models of this repository, as PREFIX=NAME.
	// It tells apart models of repositories that give them the same name.
	ModelPrefix string
	// Models lists NAME=PATH: each state of the output PATH is a version of the model NAME.
	// Artifacts lists paths: what the same run wrote there joins the version.
	Models, Artifacts []string
	// Owners is the registry that is asked whose a model is; nil asks the one that is written to.
	Owners Registry
}

// Import records a repository's commits and tags, then the dvc.lock, dvc.yaml and .dvc
// files of every commit, oldest first, then what the GTO tags describe. A second import
// adds nothing. It acts as import:git, import:dvc and import:gto with the caller's grants.
// It returns FORBIDDEN when the caller may not record datasets and runs.
func Import(ctx context.Context, s Registry, from string, o Options) (*git.Report, error) {
	if o.ModelPrefix != "" {
		if err := registry.CheckName("model-prefix", o.ModelPrefix); err != nil {
			return nil, err
		}
	}
	states, err := newModelStates(o)
	if err != nil {
		return nil, err
	}
	repo, err := git.Open(ctx, from, o.Options)
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	if err := git.RequireActions(ctx, s, registry.DatasetRecord, registry.RunRecord); err != nil {
		return nil, err
	}
	report := &git.Report{}
	if err := repo.Record(ctx, s, report); err != nil {
		return report, err
	}
	commits, err := repo.Commits(ctx)
	if err != nil {
		return report, err
	}
	read := newReader(repo, report)
	rec, err := recordHistory(ctx, s, read, commits, report, states)
	if err != nil {
		return report, err
	}
	rec.owners = o.Owners
	if err := recordModels(ctx, s, rec, commits, repo, report, states, o.ModelPrefix); err != nil {
		return report, err
	}
	if read.unreadableTrees > 1 {
		report.AddProblem(git.NotRead, "repository", "the files of %d commits are not in this copy", read.unreadableTrees)
	}
	if !read.hasFiles {
		report.AddProblem(git.Remark, "repository", "no commit has files of DVC; pedigree import git reads the commits alone")
	}
	return report, nil
}

// recordHistory records the DVC files of every commit, oldest first, so that each fact has
// the time of the first commit that contains it.
func recordHistory(ctx context.Context, s Registry, read *projectReader, commits []git.Commit, report *git.Report, states *modelStates) (*recorder, error) {
	ctx, err := git.ActAsImporter(ctx, s, "dvc")
	if err != nil {
		return nil, err
	}
	rec := newRecorder(ctx, s, read, report)
	for i, c := range commits {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i%100 == 0 || i == len(commits)-1 {
			read.repo.Progress("reading DVC files of commits", i+1, len(commits))
		}
		p, isNew := read.project(c)
		if i == len(commits)-1 {
			for _, name := range p.planned {
				report.AddProblem(git.Remark, "stage "+name, "it is planned: dvc.lock has no run of it yet")
			}
		}
		if !isNew {
			continue
		}
		if err := rec.recordCommit(c, p); err != nil {
			return nil, err
		}
		states.observe(c, p)
	}
	return rec, nil
}

// recordModels records what the GTO tags describe, then the states of the models that the
// options name.
func recordModels(ctx context.Context, s Registry, rec *recorder, commits []git.Commit, repo *git.Repository, report *git.Report, states *modelStates, prefix string) error {
	ctx, err := git.ActAsImporter(ctx, s, "gto")
	if err != nil {
		return err
	}
	g := &gtoRecorder{ctx: ctx, s: s, rec: rec, repo: repo, report: report, commits: map[string]git.Commit{}, taggedDeployments: map[registry.ID]bool{}}
	for _, c := range commits {
		g.commits[c.SHA] = c
	}
	for _, kind := range []string{"model versions", "deployments", "deployments ended", "transitions"} {
		report.Add(kind, 0)
	}
	all := g.events(prefix)
	events, err := g.ownEvents(all)
	if err != nil {
		return err
	}
	if err := g.record(gto.BuildTimeline(events)); err != nil {
		return err
	}
	if len(all) == 0 && len(states.rules) == 0 {
		report.NoModels, report.Candidates = rec.reader.hasFiles, states.list()
		return nil
	}
	if g.ctx, err = git.ActAsImporter(ctx, s, "dvc"); err != nil {
		return err
	}
	return g.registerStates(states)
}
