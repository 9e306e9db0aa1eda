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
	cmd := &cobra.Command{Use: "import", Short: "Import data from other systems; importing again adds nothing"}
	cmd.AddCommand(
		newImportOf(s, importGit, &cobra.Command{
			Use:   "git PATH|URL",
			Short: "Import commits and tags of a git repository",
			Long: `Import the commits and tags of a git repository, which is a path on this machine or
an https:// URL. All commits that a branch or tag reaches are imported. A second
import adds only what is new.

The repository's key is the value of --repo, or the URL of its origin, or its first
commit when it has no origin.`,
			Example: "  pedigree import git .\n  pedigree import git https://git.example.com/risk/churn.git --repo churn\n" +
				"  PEDIGREE_TOKEN=… pedigree import git . --server https://pedigree.example.com",
		}),
		newImportOf(s, dvc.Import, &cobra.Command{
			Use:   "dvc PATH|URL",
			Short: "Import the data, runs, models and deployments of a DVC and GTO repository",
			Long: `Import the DVC and GTO history of a git repository: datasets and runs from the
dvc.lock, dvc.yaml and .dvc files of every commit, and model versions, stages and
deployments from GTO tags. Commits and tags are imported too, as by import git.

A repository without GTO tags says of no file that it is a model. Name them with
--model NAME=PATH: each state of that output in the history is a version. Without it
the import ends by listing what may be models, and the command that registers them.`,
			Example: "  pedigree import dvc . --repo churn\n  pedigree lineage churn-model@1.1.1\n" +
				"  pedigree import dvc . --model churn=model.pkl --artifact scaler.pkl",
		}),
		newImportMLflow(s), newImportKFP(s), newImportKubernetes(s), newImportCroissant(s), newImportModelCard(s))
	return cmd
}

// importer imports a source and reports what it did.
type importer func(ctx context.Context, r dvc.Registry, from string, o dvc.Options) (*git.Report, error)

func importGit(ctx context.Context, r dvc.Registry, from string, o dvc.Options) (*git.Report, error) {
	return git.Import(ctx, r, from, o.Options)
}

func newImportOf(s *settings, run importer, cmd *cobra.Command) *cobra.Command {
	o := dvc.Options{}
	verbose := false
	cmd.Args = cobra.ExactArgs(1)
	dryRun := false
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Lookup("model") != nil {
			o.Models, o.Artifacts = s.GetStringSlice("model"), s.GetStringSlice("artifact")
		}
		meter := newProgressMeter(cmd.ErrOrStderr())
		o.Progress = meter.update
		if dryRun {
			return printDryRun(cmd, s, run, args[0], o, meter, verbose)
		}
		r, err := connect(cmd, s, createStore)
		if err != nil {
			return err
		}
		defer r.close()
		report, err := run(r.ctx, r, args[0], o)
		meter.finish()
		if report != nil {
			printReport(cmd.OutOrStdout(), report, verbose)
			printCandidates(cmd, args[0], report)
		}
		return err
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "repo", "", "the repository's key; the default is the URL of its origin, or its first commit")
	f.BoolVar(&o.All, "all", false, "read every commit again instead of stopping at known ones; use this after deepening a shallow clone")
	f.Int64Var(&o.MaxBytes, "max-bytes", git.DefaultMaxBytes, "the size limit of a clone in bytes")
	f.DurationVar(&o.MaxTime, "max-time", git.DefaultMaxTime, "the time limit of a clone")
	if cmd.Name() == "dvc" {
		f.StringArray("model", nil, "NAME=PATH: register each state of this output, a file, folder or glob, as a version of the model NAME; may be given several times")
		f.StringArray("artifact", nil, "a file, folder or glob that joins the version when the same run wrote it; may be given several times")
		f.StringVar(&o.ModelPrefix, "model-prefix", "", "name the models of this repository PREFIX=NAME, when another repository has models of the same names")
	}
	f.BoolVar(&dryRun, "dry-run", false, "record nothing; list what would be recorded")
	f.BoolVar(&verbose, "verbose", false, "list every item that could not be read or recorded")
	return cmd
}

// maxListed is the number of problems of a kind that are printed without --verbose.
const maxListed = 20

// printReport prints what was added and what was not.
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
