package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/connect/githost"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
)

// minWatchInterval is the shortest time between two looks at a repository.
const minWatchInterval = time.Second

// watchFlags are the flags of watch.
type watchFlags struct {
	dvc.Options
	interval               time.Duration
	once, onlyGit, verbose bool
}

func newWatch(s *settings) *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch PATH|URL",
		Short: "Import a git repository again whenever a branch or tag of it moved",
		Long: `Look at a git repository every --interval, and import it as import dvc does when a
branch or tag moved. The repository is a path on this machine or an https:// URL; of a
URL one clone is kept in --data and brought up to date. It goes on after an error, until
an interrupt. A server learns of news at once by hooks: see serve --git-hooks.`,
		Example: "  pedigree watch . --repo churn\n  PEDIGREE_TOKEN=… pedigree watch https://github.com/acme/churn.git --interval 5m --server https://pedigree.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.interval < minWatchInterval {
				return registry.Invalid("interval", "must be at least %s", minWatchInterval)
			}
			f.Models, f.Artifacts = s.GetStringSlice("model"), s.GetStringSlice("artifact")
			r, err := connect(cmd, s, createStore)
			if err != nil {
				return err
			}
			defer r.close()
			return watch(cmd, r, watchedSource(args[0], s.GetString("data"), f.Options.Options), &f)
		},
	}
	fl := cmd.Flags()
	fl.DurationVar(&f.interval, "interval", 30*time.Second, "the time between two looks at the repository")
	fl.BoolVar(&f.once, "once", false, "look once, and end")
	fl.BoolVar(&f.onlyGit, "git", false, "import commits and tags only, as import git does")
	fl.StringVar(&f.Name, "repo", "", "the repository's key; the default is the URL of its origin, or its first commit")
	fl.Int64Var(&f.MaxBytes, "max-bytes", git.DefaultMaxBytes, "the size limit of the clone in bytes")
	fl.DurationVar(&f.MaxTime, "max-time", git.DefaultMaxTime, "the time limit of a fetch")
	fl.StringArray("model", nil, "NAME=PATH: register each state of this output as a version of the model NAME; may be given several times")
	fl.StringArray("artifact", nil, "a file, folder or glob that joins the version when the same run wrote it; may be given several times")
	fl.StringVar(&f.ModelPrefix, "model-prefix", "", "name the models of this repository PREFIX=NAME")
	fl.BoolVar(&f.verbose, "verbose", false, "list every item that could not be read or recorded")
	return cmd
}

// watchedSource is the repository at a path, or a clone of one that is kept in a data folder.
func watchedSource(from, data string, o git.Options) *githost.Source {
	if git.CheckURL(from) != nil { // What is neither is told when it is read.
		return &githost.Source{Path: from}
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(from)))
	dir := filepath.Join(data, "git", "watch-"+hex.EncodeToString(sum[:8])+".git")
	return &githost.Source{Kept: &git.Kept{Dir: dir, URL: from, MaxBytes: o.MaxBytes, MaxTime: o.MaxTime}}
}

// watch looks at a source until the command is interrupted. An error of the first look ends it: it
// is of the arguments, most likely.
func watch(cmd *cobra.Command, r *connection, source *githost.Source, f *watchFlags) error {
	load := func(path string) error {
		meter := newProgressMeter(cmd.ErrOrStderr())
		o := f.Options
		o.Progress = meter.update
		run := dvc.Import
		if f.onlyGit {
			run = importGit
		}
		report, err := run(r.ctx, r, path, o)
		meter.finish()
		if report != nil {
			printReport(cmd.OutOrStdout(), report, f.verbose)
		}
		return err
	}
	if _, err := source.Update(r.ctx, load); err != nil || f.once {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "watching; looking again every %s\n", f.interval)
	ticker := time.NewTicker(f.interval)
	defer ticker.Stop()
	githost.Watch(r.ctx, source, ticker.C, load, func(err error) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", registry.CodeOf(err), err)
	})
	return nil
}

// keepRepositories keeps the repositories of --git-hooks current by their hooks and by polling, until
// the function that it returns is called. Without the flag it does nothing.
func keepRepositories(ctx context.Context, s *settings, to *service.Service, log *slog.Logger, config *server.Config) (stop func(), err error) {
	file := s.GetString("git-hooks")
	if file == "" {
		return func() {}, nil
	}
	kept, err := githost.ReadConfig(file, os.Getenv)
	if err != nil {
		return nil, err
	}
	keeper := githost.NewKeeper(kept, to, filepath.Join(s.GetString("data"), "git"), log)
	config.Hooks = githost.NewHooks(kept, keeper.Queue, keeper.NoteHookDelivery, time.Now)
	ctx, cancel := context.WithCancel(ctx)
	tick, done := time.NewTicker(kept.Interval), make(chan struct{})
	go func() {
		defer close(done)
		keeper.Run(ctx, tick.C)
	}()
	return func() { tick.Stop(); cancel(); <-done }, nil
}
