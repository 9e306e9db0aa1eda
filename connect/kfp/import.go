// Package kfp reads pipelines, runs and outputs of Kubeflow Pipelines and records them: tasks as
// runs, and artifacts as versions of datasets and models. It reads compiled pipelines (IR YAML),
// runs as the API answers them (v2beta1), the tasks and artifacts of KFP 3, and the outputs of
// executors. It writes by the service only, and runs nothing of a pipeline.
package kfp

import (
	"cmp"
	"context"
	"strings"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/core"
)

// Registry holds the registry methods that an import calls. The service implements it, and so
// does the client of a server.
type Registry interface {
	git.Registry
	ModelVersion(ctx context.Context, model, version string, past ...core.PointInTime) (*registry.ModelVersion, error)
	RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error)
}

// Options set how pipelines are recorded.
type Options struct {
	Progress git.Progress
	// Models lists NAME=TASK or NAME=TASK.OUTPUT: what this output holds are versions of the model
	// NAME.
	Models []string
	// batch is how many facts are recorded together, 0 for batchSize.
	batch int
	// Token is sent to a server of Kubeflow Pipelines.
	Token string
}

// Import records what a file, a folder or a URL holds. It acts as import:kfp with the caller's
// rights. A second import adds nothing; one that was interrupted goes on.
func Import(ctx context.Context, r Registry, from string, o Options) (*git.Report, error) {
	report := &git.Report{}
	if err := git.RequireActions(ctx, r, registry.CatalogRead, registry.FactsRecord, registry.ModelRegister, registry.VersionRegister, registry.RunRecord, registry.DatasetRecord); err != nil {
		return report, err
	}
	names, err := modelNames(o.Models)
	if err != nil {
		return report, err
	}
	ctx, err = git.ActAsImporter(ctx, r, "kfp")
	if err != nil {
		return report, err
	}
	in := newInputs(report)
	if err := in.read(ctx, from, o); err != nil {
		return report, err
	}
	for _, what := range []string{"versions", "runs", "datasets"} {
		report.Add(what, 0)
	}
	rec := &recorder{ctx: ctx, to: r, report: report, names: names, limit: cmp.Or(o.batch, batchSize), ids: map[string]registry.ID{}}
	runs := in.pipelineRuns()
	for n, run := range runs {
		o.progress("recording runs", n, len(runs))
		if err := rec.record(run); err != nil {
			return report, err
		}
	}
	if len(runs) > 0 {
		o.progress("recording runs", len(runs), len(runs))
	}
	return report, nil
}

// read reads a file, a folder or a URL.
func (in *inputs) read(ctx context.Context, from string, o Options) error {
	if source.IsURL(from) {
		return in.readServer(ctx, from, o.Token, o.progress)
	}
	docs, err := source.Read(from, source.HasExtension(".yaml", ".yml", ".json"), in.report)
	if err != nil {
		return err
	}
	return in.add(docs)
}

func (o *Options) progress(step string, done, total int) {
	if o.Progress != nil {
		o.Progress(step, done, total)
	}
}

// modelNames reads NAME=TASK and NAME=TASK.OUTPUT into names by the task and its output.
func modelNames(list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range list {
		name, of, ok := strings.Cut(text, "=")
		if !ok || of == "" {
			return nil, registry.Invalid("model", "must be NAME=TASK or NAME=TASK.OUTPUT, not %q", registry.Shorten(text, 60))
		}
		if err := registry.CheckName("model", name); err != nil {
			return nil, err
		}
		out[of] = name
	}
	return out, nil
}
