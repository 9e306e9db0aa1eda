package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

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
		ctx, r, done, err := reach(cmd, s)
		if err != nil {
			return err
		}
		defer done()
		meter := newMeter(cmd.ErrOrStderr())
		o.Progress = meter.tell
		report, err := run(ctx, r, args[0], o)
		meter.end()
		if report != nil {
			summarise(cmd.OutOrStdout(), report, verbose)
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

// listed is how many problems of a kind are shown without --verbose.
const listed = 20

// summarise tells what was added and what was not.
func summarise(w io.Writer, r *git.Report, verbose bool) {
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
		problems := r.Of(kind)
		if len(problems) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s (%d):\n", kind, len(problems))
		for i, p := range problems {
			if i == listed && !verbose {
				fmt.Fprintf(w, "  … and %d more; list them with --verbose\n", len(problems)-listed)
				break
			}
			fmt.Fprintf(w, "  %s: %s\n", p.Where, p.What)
		}
	}
}

// meter shows progress: a bar on a terminal, else a line when a step begins and
// at every quarter of a long one.
type meter struct {
	w       io.Writer
	tty     bool
	bar     *progressbar.ProgressBar
	step    string
	quarter int
}

// long is the size from which a step's quarters are told.
const long = 1000

func newMeter(w io.Writer) *meter {
	f, ok := w.(*os.File)
	return &meter{w: w, tty: ok && term.IsTerminal(int(f.Fd()))}
}

func (m *meter) tell(step string, done, total int) {
	if m.tty {
		if step != m.step {
			m.end()
			size := int64(total)
			if total == 0 {
				size = -1
			}
			m.bar = progressbar.NewOptions64(size, progressbar.OptionSetWriter(m.w), progressbar.OptionSetDescription(step),
				progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		}
		m.step = step
		m.bar.Set(done)
		return
	}
	quarter := 0
	if total >= long {
		quarter = done * 4 / total
	}
	switch {
	case step != m.step && total > 0:
		fmt.Fprintf(m.w, "%s: %d\n", step, total)
	case step != m.step:
		fmt.Fprintln(m.w, step)
	case quarter != m.quarter:
		fmt.Fprintf(m.w, "%s: %d of %d\n", step, done, total)
	}
	m.step, m.quarter = step, quarter
}

// end takes the bar away.
func (m *meter) end() {
	if m.bar != nil {
		m.bar.Finish()
		m.bar = nil
	}
}
