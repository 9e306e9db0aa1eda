package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
)

func newImport(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Bring in what other systems know; importing again adds nothing"}
	cmd.AddCommand(
		newImportOf(s, importGit, &cobra.Command{
			Use:   "git PATH|URL",
			Short: "Import commits and tags of a git repository",
			Long: `Import the commits and tags that the branches and tags of a git repository reach:
a path on this machine or an https:// URL. A second import adds only what is new.

The repository's key is --repo, else its origin's URL, else its first commit.`,
			Example: "  pedigree import git .\n  pedigree import git https://git.example.com/risk/churn.git --repo churn\n" +
				"  PEDIGREE_TOKEN=… pedigree import git . --server https://pedigree.example.com",
		}),
		newImportOf(s, dvc.Import, &cobra.Command{
			Use:   "dvc PATH|URL",
			Short: "Import the data, runs, models and deployments of a DVC and GTO repository",
			Long: `Import what DVC and GTO say at every commit of a git repository: data and runs of
dvc.lock, dvc.yaml and .dvc files, model versions, stages and deployments of GTO's
tags. Commits and tags are imported too, as import git does.`,
			Example: "  pedigree import dvc . --repo churn\n  pedigree lineage churn-model@1.1.1",
		}))
	return cmd
}

// importer reads a source and says what it did.
type importer func(ctx context.Context, r dvc.Registry, from string, o git.Options) (*git.Report, error)

func importGit(ctx context.Context, r dvc.Registry, from string, o git.Options) (*git.Report, error) {
	return git.Import(ctx, r, from, o)
}

func newImportOf(s *settings, run importer, cmd *cobra.Command) *cobra.Command {
	o := git.Options{}
	verbose := false
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, r, done, err := connect(cmd, s)
		if err != nil {
			return err
		}
		defer done()
		meter := newProgressMeter(cmd.ErrOrStderr())
		o.Progress = meter.update
		report, err := run(ctx, r, args[0], o)
		meter.finish()
		if report != nil {
			printReport(cmd.OutOrStdout(), report, verbose)
		}
		return err
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "repo", "", "the repository's key (default: its origin's URL, else its first commit)")
	f.BoolVar(&o.All, "all", false, "look at every commit again, also behind known ones: after deepening a shallow clone")
	f.Int64Var(&o.MaxBytes, "max-bytes", git.DefaultMaxBytes, "the most bytes that a clone may take")
	f.DurationVar(&o.MaxTime, "max-time", git.DefaultMaxTime, "the longest that a clone may take")
	f.BoolVar(&verbose, "verbose", false, "list everything that could not be read or recorded, however long")
	return cmd
}

// maxListed is how many problems of a kind are shown without --verbose.
const maxListed = 20

// printReport tells what was added and what was not.
func printReport(w io.Writer, r *git.Report, verbose bool) {
	if r.Repository != "" {
		fmt.Fprintf(w, "repository %s\n", r.Repository)
	}
	if r.Total() == 0 {
		fmt.Fprintln(w, "nothing new")
	} else {
		fmt.Fprintln(w, "added:")
	}
	for _, c := range r.Counts {
		if c.Added > 0 {
			fmt.Fprintf(w, "  %6d %s\n", c.Added, c.What)
		}
	}
	for _, kind := range git.ProblemKinds() {
		problems := r.ProblemsOf(kind)
		if len(problems) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s (%d):\n", kind, len(problems))
		for i, p := range problems {
			if i == maxListed && !verbose {
				fmt.Fprintf(w, "  … and %d more; list them with --verbose\n", len(problems)-maxListed)
				break
			}
			fmt.Fprintf(w, "  %s: %s\n", p.Where, p.What)
		}
	}
}
