package events

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/openlineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// JobLineage is the lineage of a job or dataset as OpenLineage's tools show it: jobs, and the datasets
// between them, whatever the direction from the node that was asked for.
type JobLineage struct {
	Jobs     []*LineageJob
	Datasets []*LineageDataset
	// Reasons are why something is missing; empty when nothing is. Redacted counts what the caller
	// does not see.
	Reasons  []lineage.Reason
	Redacted int
}

// LineageJob is a job. Its runs are those of one namespace and name. Latest is its newest run; Inputs
// and Outputs are what its newest complete run read and wrote.
type LineageJob struct {
	openlineage.Name
	Latest          *registry.Run
	Inputs, Outputs []openlineage.Name
	// Parent is the name of the job that the latest run was part of, and NominalTime its time by the
	// schedule, as START/END; both "" when no event told it.
	Parent, NominalTime string
	Streams             bool
}

// LineageDataset is a dataset, or a model: it is one too, in the namespace of models.
type LineageDataset struct {
	openlineage.Name
	Description string
	CreatedAt   time.Time
	Tags        []registry.KeyValue
	// Newest is the newest version of a dataset; nil when it has none, and for a model.
	Newest *registry.DatasetVersion
	// Source is the name of where it lies, and Lifecycle what last became of it; both "" when no event
	// told it.
	Source, Lifecycle string
	Streams           bool
}

// The namespaces of what is no dataset of its own, as in the events that go out.
const (
	modelNamespace = "pedigree://models"
	runNamespace   = "pedigree://runs"
)

// The bounds of the lineage of a job.
const (
	defaultJobDepth, maxJobDepth = 20, 50
	// maxJobNodes is the most jobs and datasets of an answer.
	maxJobNodes = 500
	// recentReads is how many of the newest reads of a dataset without a version are looked at.
	recentReads = 50
	// recentRuns is how many of the newest runs of a name are looked at for those of a job, pageOfRuns
	// how many at a time. newestOfJob is how many are read for each of several jobs.
	recentRuns, pageOfRuns, newestOfJob = 500, 20, 5
)

// JobLineage returns the lineage of a job or a dataset by the id that Marquez has for it, to a depth of
// 20 jobs unless another one is given: NOT_FOUND when there is none that the caller sees. Jobs and
// datasets are named by their namespaces, so callers who see no namespaces are refused.
func (r *EventRecorder) JobLineage(ctx context.Context, nodeID string, depth *int) (*JobLineage, error) {
	scope, err := r.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct{ noun, field string }{{"Dataset", "namespace"}, {"DatasetVersion", "namespace"}, {"Run", "tags"}, {"Run", "producer"}} {
		if !scope.Sees(f.noun, f.field) {
			return nil, registry.Errorf(registry.Forbidden, "jobs and datasets are named by their namespaces, and you may not see %s.%s; ask an administrator, or take the query lineage", f.noun, f.field)
		}
	}
	most, err := core.CheckRange("depth", depth, defaultJobDepth, 0, maxJobDepth)
	if err != nil {
		return nil, err
	}
	core.ToNFC(&nodeID)
	kind, names, err := openlineage.ParseNodeID(nodeID)
	if err != nil {
		return nil, err
	}
	v := &jobView{EventRecorder: r, ctx: ctx, scope: scope}
	var container registry.ID
	var runs []*graph.Node
	if kind == openlineage.JobNode {
		runs, err = v.runsOf(names)
	} else {
		container, err = v.containerOf(names)
	}
	if err != nil {
		return nil, err
	}
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	g, err := lineage.WalkJobs(walkCtx, scope, runs, container, lineage.JobOptions{Depth: most, Limit: maxJobNodes, Run: v.jobRun, Recent: v.recentReaders, Latest: v.latestRuns})
	if err != nil {
		return nil, err
	}
	return v.answer(g)
}

// jobView reads the lineage of jobs for one caller.
type jobView struct {
	*EventRecorder
	ctx   context.Context
	scope *policies.Scope
}

func (v *jobView) run(n *graph.Node) (*registry.Run, error) {
	return core.NounAs[*registry.Run](v.core.Decode(n, registry.Instant{}))
}

// jobOf returns the job of a run: the one that events told, or else its producer and its name.
func jobOf(r *registry.Run) openlineage.Name {
	return openlineage.Name{Namespace: cmp.Or(openlineage.JobNamespace(r), r.Producer, runNamespace), Name: r.Name}
}

// jobRun is what a run says of its job.
func (v *jobView) jobRun(n *graph.Node) (lineage.JobRun, error) {
	run, err := v.run(n)
	if err != nil {
		return lineage.JobRun{}, err
	}
	return lineage.JobRun{JobKey: lineage.JobKey(jobOf(run)), Complete: run.Status == registry.RunComplete || run.Streams(), Began: run.StartedAt}, nil
}

// runsOf returns the newest runs of the first of some jobs that has any, up to one that is complete.
func (v *jobView) runsOf(jobs []openlineage.Name) ([]*graph.Node, error) {
	q := runsNamed(jobs, pageOfRuns)
	byJob := map[openlineage.Name][]*graph.Node{}
	for read := 0; read < recentRuns; read += pageOfRuns {
		page, err := v.scope.Find(v.ctx, q)
		if err != nil {
			return nil, err
		}
		complete := map[openlineage.Name]bool{}
		for _, n := range page.Nodes {
			told, err := v.jobRun(n)
			if err != nil {
				return nil, err
			}
			job := openlineage.Name(told.JobKey)
			byJob[job], complete[job] = append(byJob[job], n), complete[job] || told.Complete
		}
		if !page.More || complete[openlineage.JobOfRuns(jobs[0])] {
			break
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
	for _, j := range jobs {
		if runs := byJob[openlineage.JobOfRuns(j)]; len(runs) > 0 {
			return runs, nil
		}
	}
	return nil, registry.Errorf(registry.NotFound, "there is no run of the job %q in the namespace %q that you may see; the names of jobs are those of runs", registry.Shorten(jobs[0].Name, 100), registry.Shorten(jobs[0].Namespace, 100))
}

// runsNamed selects the runs with the names of jobs, the newest first.
func runsNamed(jobs []openlineage.Name, limit int) graph.Query {
	var names []any
	for _, j := range jobs {
		if name := any(openlineage.JobOfRuns(j).Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return graph.Query{Kinds: []registry.Kind{registry.KindRun}, Where: []graph.Predicate{{Column: registry.IndexName, Op: graph.In, Values: names}},
		Order: registry.IndexValidFrom, Desc: true, Limit: limit}
}

// latestRuns returns the newest runs of jobs that began after the oldest of their runs that are known: a
// few for each.
func (v *jobView) latestRuns(ctx context.Context, jobs []*lineage.Job) ([]*graph.Node, error) {
	var names []openlineage.Name
	since := jobs[0].Latest.ValidFrom
	for _, j := range jobs {
		names = append(names, openlineage.Name(j.JobKey))
		if j.Latest.ValidFrom.Before(since) {
			since = j.Latest.ValidFrom
		}
	}
	q := runsNamed(names, min(newestOfJob*len(jobs), recentRuns))
	q.Where = append(q.Where, core.BeganWithin(core.TimeRange{From: &since})...)
	page, err := v.scope.Find(ctx, q)
	return page.Nodes, err
}

// containerOf returns the first of some datasets that there is. A dataset may be named by any of its
// names, in any spelling.
func (v *jobView) containerOf(names []openlineage.Name) (registry.ID, error) {
	var ids []registry.ID
	err := v.core.Gate.Inspect(v.ctx, registry.LineageRead, func(ctx context.Context, tx *policies.Tx) error {
		rec := newRecording(ctx, tx)
		for _, n := range names {
			if n.Namespace == modelNamespace {
				m, _, err := catalog.FindModel(ctx, tx, &n.Name, nil)
				if err != nil && registry.CodeOf(err) != registry.NotFound {
					return err
				}
				if m != nil {
					ids = append(ids, m.ID)
				}
				continue
			}
			best, err := rec.canonical(openlineage.Normalise(n))
			if err != nil {
				return err
			}
			ids = append(ids, datasetID(n), datasetID(best))
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	found, err := v.scope.Nodes(v.ctx, graph.Instant{}, ids...)
	if err != nil {
		return "", err
	}
	for _, n := range found {
		if n != nil && !n.Hidden && !n.Deleted {
			return n.ID, nil
		}
	}
	return "", registry.Errorf(registry.NotFound, "there is no dataset %q in the namespace %q that you may see; look for it with the query datasets, or GET /api/v1/search", registry.Shorten(names[0].Name, 100), registry.Shorten(names[0].Namespace, 100))
}

// recentReaders returns the runs that last read datasets without naming a version.
func (v *jobView) recentReaders(ctx context.Context, datasets []registry.ID) ([]*graph.Node, error) {
	var ids []registry.ID
	err := v.core.Gate.Inspect(ctx, registry.LineageRead, func(ctx context.Context, tx *policies.Tx) error {
		page, err := tx.FindUnfiltered(ctx, graph.Query{Kinds: []registry.Kind{registry.KindDatasetUse}, Parents: datasets, PerParent: true, Order: registry.IndexName, Desc: true, Limit: recentReads,
			Where: []graph.Predicate{{Column: registry.IndexName, Op: graph.Prefix, Values: []any{string(readUse) + "/"}}}})
		for _, n := range page.Nodes {
			u, err := decodeUse(n)
			if err != nil {
				return err
			}
			ids = append(ids, runID(u.RunID))
		}
		return err
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	slices.Sort(ids)
	return v.scope.Nodes(ctx, graph.Instant{}, slices.Compact(ids)...)
}

// answer decodes what a walk found.
func (v *jobView) answer(g *lineage.JobGraph) (*JobLineage, error) {
	out := &JobLineage{Reasons: g.Reasons, Redacted: g.Redacted}
	found, err := lineage.Nodes(v.ctx, v.scope, graph.Instant{}, g.Containers...)
	if err != nil {
		return nil, err
	}
	names := map[registry.ID]openlineage.Name{}
	for _, n := range found {
		d, err := v.dataset(n, g)
		if err != nil {
			return nil, err
		}
		if d != nil {
			names[n.ID] = d.Name
			out.Datasets = append(out.Datasets, d)
		}
	}
	for _, j := range g.Jobs {
		run, err := v.run(j.Latest)
		if err != nil {
			return nil, err
		}
		job := &LineageJob{Name: openlineage.Name(j.JobKey), Latest: run, Streams: run.Streams(),
			Parent: openlineage.TagOf(run.Tags, "parent.job"), NominalTime: openlineage.TagOf(run.Tags, "nominalTime")}
		for _, side := range []struct {
			ids []registry.ID
			to  *[]openlineage.Name
		}{{j.Inputs, &job.Inputs}, {j.Outputs, &job.Outputs}} {
			for _, id := range side.ids {
				if n, seen := names[id]; seen {
					*side.to = append(*side.to, n)
				}
			}
			slices.SortFunc(*side.to, compareNames)
		}
		out.Jobs = append(out.Jobs, job)
	}
	slices.SortFunc(out.Datasets, func(a, b *LineageDataset) int { return compareNames(a.Name, b.Name) })
	return out, nil
}

// dataset decodes a dataset or a model with its newest version; nil for one that the caller does not
// see.
func (v *jobView) dataset(n *graph.Node, g *lineage.JobGraph) (*LineageDataset, error) {
	if n == nil || n.Hidden {
		return nil, nil
	}
	noun, err := v.core.Decode(n, registry.Instant{})
	if err != nil {
		return nil, err
	}
	switch x := noun.(type) {
	case *registry.Model:
		return &LineageDataset{Name: openlineage.Name{Namespace: modelNamespace, Name: x.Name}, Description: x.Description, CreatedAt: x.CreatedAt, Tags: x.Tags}, nil
	case *registry.Dataset:
		kind := strings.ToUpper(openlineage.TagOf(x.Tags, "type"))
		d := &LineageDataset{Name: openlineage.Name{Namespace: x.Namespace, Name: x.Name}, Description: x.Description, CreatedAt: x.CreatedAt, Tags: openlineage.OwnTags(x.Tags),
			Source: openlineage.TagOf(x.Tags, "dataSource"), Lifecycle: openlineage.TagOf(x.Tags, "lifecycle"), Streams: kind == "TOPIC" || kind == "STREAM"}
		if newest := g.Newest[n.ID]; newest != nil {
			d.Newest, err = core.NounAs[*registry.DatasetVersion](v.core.Decode(newest, registry.Instant{}))
		}
		return d, err
	}
	return nil, nil
}

// JobNodeID is the id by which Marquez and its clients name a job.
func JobNodeID(job openlineage.Name) string { return openlineage.NodeID(openlineage.JobNode, job) }

// DatasetNodeID is the id by which Marquez and its clients name a dataset.
func DatasetNodeID(dataset openlineage.Name) string {
	return openlineage.NodeID(openlineage.DatasetNode, dataset)
}
