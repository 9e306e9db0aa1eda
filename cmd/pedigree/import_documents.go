package main

import (
	"os"

	"github.com/spf13/cobra"

	"pedigree/connect/croissant"
	"pedigree/connect/git"
	"pedigree/connect/kfp"
	"pedigree/connect/kubernetes"
	"pedigree/connect/modelcard"
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

func newImportKubernetes(s *settings) *cobra.Command {
	return newImportDocument(s, &cobra.Command{
		Use:   "kubernetes FILE|DIR",
		Short: "Import what KServe and Kubernetes serve as deployments, from their YAML files",
		Long: `Import the versions that objects of Kubernetes serve as deployments: InferenceServices
of KServe, and Deployments and other workloads. The environment is the namespace. Only
files are read, and no cluster is asked.

A version is named by the labels pedigree.dev/model and pedigree.dev/version, by those of
modelregistry.kubeflow.org, or by a storageUri: model-registry://HOST/MODEL/VERSION,
models:/MODEL/VERSION, or the place of a file of the version. What names no known
version is listed.`,
		Example: "  pedigree import kubernetes deploy/\n  kubectl get inferenceservices -A -o yaml > served.yaml && pedigree import kubernetes served.yaml",
	}, func(r *connection, from string, progress git.Progress) (*git.Report, error) {
		return kubernetes.Import(r.ctx, r, from, progress)
	})
}

func newImportCroissant(s *settings) *cobra.Command {
	return newImportDocument(s, &cobra.Command{
		Use:   "croissant FILE|URL",
		Short: "Import the description of a dataset in the format Croissant",
		Long: `Import the description of a dataset in the format Croissant (JSON-LD, version 1.0): its
name, version, licence and columns, and the files of its distribution with their
digests, of which it is made. Only the description is read, and none of the data. What
has no place in the registry is listed.

A dataset is named by its name and the host of its address; one of Hugging Face by
what stands behind /datasets/.`,
		Example: "  pedigree import croissant metadata.json\n  pedigree import croissant https://huggingface.co/api/datasets/ylecun/mnist/croissant",
	}, func(r *connection, from string, _ git.Progress) (*git.Report, error) {
		return croissant.Import(r.ctx, r, from)
	})
}

func newImportModelCard(s *settings) *cobra.Command {
	o := modelcard.Options{}
	cmd := newImportDocument(s, &cobra.Command{
		Use:   "modelcard FILE|URL --model NAME --version V",
		Short: "Fill the card of a version from a README.md of Hugging Face",
		Long: `Fill the card of a registered version from a README.md with YAML front matter, as
Hugging Face has it. The text becomes the description, its sections on limitations and
hyperparameters and the metrics of the model-index become fields of the card. The
datasets and the base models become causes of the version. Other fields of the front
matter become tags card.FIELD of the version; those that are no text or list of texts
are listed.

A base model owner/name is the model owner--name here. It is registered with the label
main, unless the registry has versions of it: then name the one that is meant with
--base-version.`,
		Example: "  pedigree import modelcard README.md --model churn --version 1.2.0",
	}, func(r *connection, from string, _ git.Progress) (*git.Report, error) {
		return modelcard.Import(r.ctx, r, from, o)
	})
	f := cmd.Flags()
	f.StringVar(&o.Model, "model", "", "the model")
	f.StringVar(&o.Version, "version", "", "the version, its label or an alias")
	f.StringVar(&o.Base, "base-version", "", "the version of the base model that the card means; the default is the label main")
	for _, name := range []string{"model", "version"} {
		_ = cmd.MarkFlagRequired(name) // It fails for a flag that does not exist.
	}
	return cmd
}
