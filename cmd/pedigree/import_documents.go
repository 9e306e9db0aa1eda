package main

import (
	"os"

	"github.com/spf13/cobra"

	"pedigree/connect/git"
	"pedigree/connect/kfp"
)

// documentImport is an import of one document or folder into a registry.
type documentImport func(r *connection, from string, progress git.Progress) (*git.Report, error)

// newImportDocument completes the command of an import that reads documents.
func newImportDocument(s *settings, cmd *cobra.Command, run documentImport) *cobra.Command {
	verbose := false
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := connect(cmd, s, createStore)
		if err != nil {
			return err
		}
		defer r.close()
		meter := newProgressMeter(cmd.ErrOrStderr())
		report, err := run(r, args[0], meter.update)
		meter.finish()
		if report != nil {
			printReport(cmd.OutOrStdout(), report, verbose)
		}
		return err
	}
	cmd.Flags().BoolVar(&verbose, "verbose", false, "list every item that could not be read or recorded")
	return cmd
}

func newImportKFP(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kfp FILE|DIR|URL",
		Short: "Import runs of Kubeflow Pipelines: their tasks, data, models and metrics",
		Long: `Import runs of Kubeflow Pipelines. Tasks, loops, conditions and graphs become runs,
datasets and models become versions, metrics become metrics of the runs. The source is a
compiled pipeline, a run as the API answers it, executor outputs, or a folder of them;
or the URL of a run or of the list of runs. A compiled pipeline alone is a plan: nothing
of it ran, so it is told and no run is recorded.

A model gets the name under which a task of the run registers it, or else that of
--model, or else PIPELINE.TASK. A server is asked with KFP_TOKEN.`,
		Example: "  pedigree import kfp runs/\n  pedigree import kfp run.json --model churn=train\n" +
			"  KFP_TOKEN=… pedigree import kfp https://kubeflow.example.com/pipeline/apis/v2beta1/runs",
	}
	var names []string
	newImportDocument(s, cmd, func(r *connection, from string, progress git.Progress) (*git.Report, error) {
		return kfp.Import(r.ctx, r, from, kfp.Options{Progress: progress, Models: names, Token: os.Getenv("KFP_TOKEN")})
	})
	cmd.Flags().StringArrayVar(&names, "model", nil, "NAME=TASK or NAME=TASK.OUTPUT: what this output holds are versions of the model NAME; may be given several times")
	return cmd
}
