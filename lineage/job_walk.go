package lineage

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// JobKey names a job: what the runs of one namespace and name are executions of.
type JobKey struct{ Namespace, Name string }

// JobRun is what a run says of its job.
type JobRun struct {
	JobKey
	// Complete says that the run ended well: what it read and wrote is known whole.
	Complete bool
	Began    time.Time
}

// JobOptions bound a walk over jobs.
type JobOptions struct {
	// Depth is the most jobs to go on from those of the root.
	Depth int
	// Limit is the most jobs and containers together.
	Limit int
	// Run returns what a run says of its job.
	Run func(*graph.Node) (JobRun, error)
	// Recent returns the runs that used containers last. The runs that read one version come in the
	// order in which they were recorded, so that of many readers the last would not be met.
	Recent func(ctx context.Context, containers []registry.ID) ([]*graph.Node, error)
	// Latest returns the newest runs of jobs, also those that used nothing that the walk knows. Runs of
	// other jobs may be among them.
	Latest func(context.Context, []*Job) ([]*graph.Node, error)
}

// Job is a job with what it reads and writes.
type Job struct {
	JobKey
	// Latest is its newest run, Current its newest complete one; Latest when there is none. Inputs and Outputs are what Current read and wrote.
	Latest, Current *graph.Node
	Inputs, Outputs []registry.ID

	latest, current JobRun
	// stale says that the inputs and outputs are not those of Current yet, asked that Latest was asked
	// for its runs.
	stale, asked bool
}

// JobGraph is the result of a walk over jobs. A container is a dataset or a model: what versions are
// of.
type JobGraph struct {
	Jobs       []*Job
	Containers []registry.ID
	// Newest are the newest versions of containers.
	Newest map[registry.ID]*graph.Node
	// Reasons are why something is missing, in a fixed order; empty when nothing is.
	Reasons []Reason
	// Redacted counts the runs and versions that the caller does not see.
	Redacted int
}

// The bounds of one step of a walk over jobs.
const (
	// newestVersions is how many versions of a container are looked at: its jobs are those that wrote
	// or read one of them.
	newestVersions = 20
	// stepIDs is the most ids of one read, stepArcs about the most neighbors of a step.
	stepIDs, stepArcs = 1000, 20_000
)

// WalkJobs returns the jobs and containers that are connected with the one job of some runs, or with a
// container when there are none, whatever the direction of the edges between them.
func WalkJobs(ctx context.Context, r graph.Reader, runs []*graph.Node, container registry.ID, o JobOptions) (*JobGraph, error) {
	w := &jobWalk{r: r, o: o, jobs: map[JobKey]*Job{}, containers: map[registry.ID]bool{}, newest: map[registry.ID]*graph.Node{},
		hidden: map[registry.ID]bool{}, reasons: map[Reason]bool{}}
	var frontier []registry.ID
	depth := 0
	if len(runs) == 0 {
		frontier = w.addContainers(container)
	} else {
		if err := w.meet(runs, newJobs); err != nil {
			return nil, err
		}
		for _, j := range w.jobs {
			w.root, j.asked = j, true // The runs are its newest.
		}
		var err error
		if frontier, err = w.readPorts(ctx); err != nil {
			return nil, err
		}
		depth = 1
	}
	for ; len(frontier) > 0 && depth <= o.Depth+1; depth++ {
		of := newJobs
		if depth > o.Depth {
			of = noNewJobs
		}
		next, err := w.step(ctx, frontier, of)
		if expired(ctx) {
			w.reasons[ReasonTime] = true
			break
		}
		if err != nil {
			return nil, err
		}
		frontier = next
	}
	return w.finish(container), nil
}

// jobWalk is the state of a walk over jobs.
type jobWalk struct {
	r          graph.Reader
	o          JobOptions
	jobs       map[JobKey]*Job
	root       *Job
	containers map[registry.ID]bool
	newest     map[registry.ID]*graph.Node
	hidden     map[registry.ID]bool
	reasons    map[Reason]bool
}

// growth says what becomes of jobs that a walk did not know.
type growth int

const (
	newJobs   growth = iota // they are added
	noNewJobs               // they are beyond the depth, which is told
	knownJobs               // they are of no interest
)

// step meets the runs that used containers, and returns the containers that their jobs lead to.
func (w *jobWalk) step(ctx context.Context, containers []registry.ID, of growth) ([]registry.ID, error) {
	versions, err := w.versionsOf(ctx, containers)
	if err != nil {
		return nil, err
	}
	arcs := min(max(stepArcs/max(len(versions), 1), 20), 1000)
	for ids := range slices.Chunk(versions, stepIDs) {
		for _, side := range usersOfVersions {
			runs, err := w.neighbors(ctx, ids, side, arcs, false)
			if err != nil {
				return nil, err
			}
			for _, h := range runs {
				if err := w.meet(h.Nodes, of); err != nil {
					return nil, err
				}
			}
		}
	}
	recent, err := w.o.Recent(ctx, containers)
	if err != nil {
		return nil, err
	}
	if err := w.meet(recent, of); err != nil {
		return nil, err
	}
	if err := w.meetLatest(ctx); err != nil {
		return nil, err
	}
	return w.readPorts(ctx)
}

// meetLatest meets the newest runs of the jobs that the walk has added since the last time.
func (w *jobWalk) meetLatest(ctx context.Context) error {
	var added []*Job
	for _, j := range w.jobs {
		if !j.asked {
			j.asked = true
			added = append(added, j)
		}
	}
	if len(added) == 0 {
		return nil
	}
	slices.SortFunc(added, compareJobs)
	runs, err := w.o.Latest(ctx, added)
	if err != nil {
		return err
	}
	return w.meet(runs, knownJobs)
}

// side is one kind of edges in one direction.
type side struct {
	direction graph.Direction
	kind      registry.EdgeKind
}

// usersOfVersions lead from versions to the runs that read and wrote them, portsOfRuns from runs to the
// versions that they read and wrote.
var (
	usersOfVersions = []side{{graph.Downstream, registry.EdgeUsed}, {graph.Upstream, registry.EdgeGeneratedBy}}
	portsOfRuns     = []side{{graph.Upstream, registry.EdgeUsed}, {graph.Downstream, registry.EdgeGeneratedBy}}
)

func (w *jobWalk) neighbors(ctx context.Context, ids []registry.ID, s side, limit int, bare bool) ([]graph.Neighbors, error) {
	found, err := w.r.Neighbors(ctx, graph.NeighborQuery{IDs: ids, Direction: s.direction, Edges: []registry.EdgeKind{s.kind}, LimitPerNode: limit, Bare: bare})
	for _, f := range found {
		if f.More {
			w.reasons[ReasonFanout] = true
		}
	}
	return found, err
}

// versionsOf returns the newest versions of containers, and notes the newest of each.
func (w *jobWalk) versionsOf(ctx context.Context, containers []registry.ID) (ids []registry.ID, err error) {
	byKind := map[registry.Kind][]registry.ID{}
	for _, id := range containers {
		kind := registry.KindDatasetVersion
		if id.Kind() == registry.KindModel {
			kind = registry.KindModelVersion
		}
		byKind[kind] = append(byKind[kind], id)
	}
	for _, kind := range []registry.Kind{registry.KindDatasetVersion, registry.KindModelVersion} {
		for parents := range slices.Chunk(byKind[kind], stepIDs/newestVersions) {
			page, err := w.r.Find(ctx, graph.Query{Kinds: []registry.Kind{kind}, Parents: parents, PerParent: true, Order: registry.IndexValidFrom, Desc: true, Limit: newestVersions})
			if err != nil {
				return nil, err
			}
			for _, n := range page.Nodes {
				if ids = append(ids, n.ID); w.newest[n.Parent] == nil {
					w.newest[n.Parent] = n
				}
			}
		}
	}
	return ids, nil
}

// meet notes runs as runs of their jobs.
func (w *jobWalk) meet(runs []*graph.Node, of growth) error {
	for _, n := range runs {
		if n == nil || n.Deleted || n.Kind != registry.KindRun {
			continue
		}
		if n.Hidden {
			w.hidden[n.ID] = true
			continue
		}
		told, err := w.o.Run(n)
		if err != nil {
			return err
		}
		j := w.jobs[told.JobKey]
		switch {
		case j != nil:
		case of == knownJobs:
			continue
		case of == noNewJobs:
			w.reasons[ReasonDepth] = true
			continue
		case w.full():
			continue
		default:
			j = &Job{JobKey: told.JobKey}
			w.jobs[told.JobKey] = j
		}
		j.meet(n, told)
	}
	return nil
}

// meet notes a run of the job.
func (j *Job) meet(n *graph.Node, told JobRun) {
	if j.Latest == nil || told.newer(n, j.latest, j.Latest) {
		j.Latest, j.latest = n, told
	}
	better := j.Current == nil || told.Complete && !j.current.Complete || told.Complete == j.current.Complete && told.newer(n, j.current, j.Current)
	if better {
		j.Current, j.current, j.stale = n, told, true
	}
}

// newer reports whether a run began after another one; of two that began at once, one is always newer.
func (r JobRun) newer(n *graph.Node, than JobRun, other *graph.Node) bool {
	return cmp.Or(r.Began.Compare(than.Began), cmp.Compare(n.ID, other.ID)) > 0
}

// full reports whether the graph has as many jobs and containers as it may have.
func (w *jobWalk) full() bool {
	if len(w.jobs)+len(w.containers) < w.o.Limit {
		return false
	}
	w.reasons[ReasonNodes] = true
	return true
}

// addContainers adds containers, and returns those that are new.
func (w *jobWalk) addContainers(ids ...registry.ID) (added []registry.ID) {
	for _, id := range ids {
		if !w.containers[id] && !w.full() {
			w.containers[id] = true
			added = append(added, id)
		}
	}
	return added
}

// readPorts reads what jobs read and wrote that have another run than before. It returns the containers
// that are new.
func (w *jobWalk) readPorts(ctx context.Context) (added []registry.ID, err error) {
	var stale []*Job
	for _, j := range w.jobs {
		if j.stale {
			stale = append(stale, j)
		}
	}
	slices.SortFunc(stale, compareJobs)
	for jobs := range slices.Chunk(stale, stepIDs) {
		ids := make([]registry.ID, len(jobs))
		for i, j := range jobs {
			ids[i], j.stale = j.Current.ID, false
		}
		for k, s := range portsOfRuns {
			found, err := w.neighbors(ctx, ids, s, 1000, true)
			if err != nil {
				return nil, err
			}
			for i, f := range found {
				containers := w.containersOf(f.Nodes)
				if k == 0 {
					jobs[i].Inputs = containers
				} else {
					jobs[i].Outputs = containers
				}
				added = append(added, w.addContainers(containers...)...)
			}
		}
	}
	return added, nil
}

// containersOf returns the containers of versions, sorted and each once.
func (w *jobWalk) containersOf(versions []*graph.Node) (out []registry.ID) {
	for _, v := range versions {
		switch {
		case v.Hidden:
			w.hidden[v.ID] = true
		case !v.Deleted && (v.Kind == registry.KindDatasetVersion || v.Kind == registry.KindModelVersion):
			out = append(out, v.Parent)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func compareJobs(a, b *Job) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// finish leaves out what is not connected with the root any more: a job was met by an old run, and its
// current one uses something else.
func (w *jobWalk) finish(container registry.ID) *JobGraph {
	users := map[registry.ID][]*Job{}
	for _, j := range w.jobs {
		known := func(id registry.ID) bool { return !w.containers[id] }
		j.Inputs, j.Outputs = slices.DeleteFunc(j.Inputs, known), slices.DeleteFunc(j.Outputs, known)
		for _, id := range slices.Concat(j.Inputs, j.Outputs) {
			users[id] = append(users[id], j)
		}
	}
	jobs, containers := map[*Job]bool{}, map[registry.ID]bool{}
	var queue []registry.ID
	visit := func(ids ...registry.ID) {
		for _, id := range ids {
			if !containers[id] {
				containers[id] = true
				queue = append(queue, id)
			}
		}
	}
	if w.root != nil {
		jobs[w.root] = true
		visit(slices.Concat(w.root.Inputs, w.root.Outputs)...)
	} else {
		visit(container)
	}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		for _, j := range users[id] {
			if !jobs[j] {
				jobs[j] = true
				visit(slices.Concat(j.Inputs, j.Outputs)...)
			}
		}
	}
	out := &JobGraph{Newest: w.newest, Redacted: len(w.hidden)}
	for j := range jobs {
		out.Jobs = append(out.Jobs, j)
	}
	slices.SortFunc(out.Jobs, compareJobs)
	for id := range containers {
		out.Containers = append(out.Containers, id)
	}
	slices.Sort(out.Containers)
	if out.Redacted > 0 {
		w.reasons[ReasonAccess] = true
	}
	for _, reason := range []Reason{ReasonDepth, ReasonNodes, ReasonFanout, ReasonTime, ReasonAccess} {
		if w.reasons[reason] {
			out.Reasons = append(out.Reasons, reason)
		}
	}
	return out
}
