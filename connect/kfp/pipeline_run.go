package kfp

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
)

// pipelineRun is one run of a pipeline, with all that documents say of it.
type pipelineRun struct {
	id, name, description string
	where                 string
	plan                  *plan
	status                registry.RunStatus
	created, finished     time.Time
	parameters            map[string]any
	experiment, version   string
	message               string
	seen                  []*observation
	root                  *instance
	// imported is the data that importers name.
	imported []*artifact
	// silent are the paths of tasks that did not run, or of which nothing is known.
	silent []string
	// nameless is true when a task wrote what no document names.
	nameless bool
}

// allRan reports whether every task without a condition ran: the run succeeded, and nothing is
// known of single tasks.
func (r *pipelineRun) allRan() bool { return r.status == registry.RunComplete && len(r.seen) == 0 }

// pipelineRuns puts the documents together into runs. A plan that no run is of is told of.
func (in *inputs) pipelineRuns() (out []*pipelineRun) {
	for _, j := range in.runs {
		if r := in.runOf(j); r != nil {
			out = append(out, r)
		}
	}
	out = in.addOutputs(out)
	used := map[*plan]bool{}
	for _, r := range out {
		used[r.plan] = true
		r.expand(in.report)
	}
	for _, p := range in.plans {
		if !used[p] && !slices.ContainsFunc(out, func(r *pipelineRun) bool { return r.plan.Info.Name == p.Info.Name }) {
			in.report.AddProblem(git.Remark, p.file, "%s", p.describe())
		}
	}
	slices.SortFunc(out, func(a, b *pipelineRun) int {
		if c := a.created.Compare(b.created); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return out
}

// runOf returns a run that a server described, nil when its pipeline is not known.
func (in *inputs) runOf(j *runJSON) *pipelineRun {
	where := "run " + registry.Shorten(j.RunID, 60)
	if registry.CheckKey("run_id", j.RunID) != nil || len(j.RunID) > maxRunID || strings.ContainsAny(j.RunID, "/#") {
		in.report.AddProblem(git.NotRead, where, "run_id: is no id of a run")
		return nil
	}
	r := &pipelineRun{id: j.RunID, name: j.Name, description: j.Description, where: where, status: statusOf(j.State), created: timeOf(j.Created), finished: timeOf(j.Finished),
		parameters: j.Config.Parameters, experiment: j.Experiment, version: j.Version.Version}
	if j.Error != nil {
		r.message = j.Error.Message
	}
	if len(j.Spec) > 0 {
		p, err := in.addPlan(where+" pipeline_spec", j.Spec)
		if err != nil {
			in.report.AddProblem(git.NotRead, where, "%s", err.Error())
			return nil
		}
		r.plan = p
	} else if r.plan = in.planFor(j.RunID, j.Name, nil); r.plan == nil {
		in.report.AddProblem(git.NotRead, where, "it has no pipeline_spec; put the compiled pipeline beside it")
		return nil
	}
	r.seen = in.observe(j)
	return r
}

// maxRunID is the longest id of a run, so that there is room for the paths of its tasks.
const maxRunID = 120

// planFor finds the pipeline of a run that does not hold it: the one whose name begins that of the
// run, or the only one, or the only one that has all of the tasks.
func (in *inputs) planFor(id, name string, tasks []string) *plan {
	var named, fitting []*plan
	for _, p := range in.plans {
		if strings.HasPrefix(id, p.Info.Name+"-") || name == p.Info.Name || strings.HasPrefix(name, p.Info.Name+" ") || strings.HasPrefix(name, p.Info.Name+"-") {
			named = append(named, p)
		}
		places := p.places()
		fits := !slices.ContainsFunc(tasks, func(t string) bool {
			return !slices.ContainsFunc(places, func(at place) bool { return at.steps[len(at.steps)-1] == t })
		})
		if fits {
			fitting = append(fitting, p)
		}
	}
	for _, list := range [][]*plan{named, fitting} {
		if len(list) == 1 {
			return list[0]
		}
	}
	return nil
}

// observe turns the tasks of a run into observations.
func (in *inputs) observe(j *runJSON) (out []*observation) {
	all := slices.Concat(j.Details.Tasks, j.Tasks)
	for _, t := range in.tasks {
		if t.RunID == j.RunID {
			all = append(all, t)
		}
	}
	byID, parents := map[string]*taskJSON{}, map[string]string{}
	for i := range all {
		t := &all[i]
		byID[t.TaskID] = t
		if t.Parent != "" {
			parents[t.TaskID] = t.Parent
		}
		for _, c := range t.Children {
			if c.TaskID != "" && parents[c.TaskID] == "" {
				parents[c.TaskID] = t.TaskID
			}
		}
	}
	for i := range all {
		t := &all[i]
		if strings.HasSuffix(t.Type, "ROOT") || t.isOfTheSystem() {
			continue
		}
		o := &observation{where: "run " + registry.Shorten(j.RunID, 60) + " task " + registry.Shorten(t.name(), 60), started: timeOf(t.Started), ended: timeOf(t.Ended)}
		if o.started.IsZero() {
			o.started = timeOf(t.Created)
		}
		o.status, o.skipped, o.cached = statusOf(t.state()), strings.EqualFold(t.state(), "SKIPPED"), strings.EqualFold(t.state(), "CACHED")
		if t.Error != nil {
			o.message = t.Error.Message
		}
		for at, depth := t, 0; at != nil && depth < 100; at, depth = byID[parents[at.TaskID]], depth+1 {
			if n, ok := at.iteration(); ok {
				o.trail = append(o.trail, stepOf(n))
			} else if !strings.HasSuffix(at.Type, "ROOT") && !at.isOfTheSystem() {
				o.trail = append(o.trail, at.name())
			}
		}
		slices.Reverse(o.trail)
		in.addWritten(o, t)
		out = append(out, o)
	}
	return out
}

// isOfTheSystem reports whether a task is one that KFP 2.x adds to those of the pipeline.
func (t *taskJSON) isOfTheSystem() bool {
	return t.name() == "root" || t.name() == "executor" || strings.HasSuffix(t.name(), "-driver")
}

// addWritten adds the artifacts and parameters of a task of KFP 3.
func (in *inputs) addWritten(o *observation, t *taskJSON) {
	add := func(key string, a artifactJSON) {
		if key == "" {
			key = a.Name
		}
		if o.artifacts == nil {
			o.artifacts = map[string][]observedArtifact{}
		}
		o.artifacts[key] = append(o.artifacts[key], observedArtifact{uri: a.URI, typ: typeOf(a.Type), metadata: a.Metadata, number: a.Number, name: a.Name})
		o.listed = true
	}
	var written outputsJSON
	if _, isMap := t.Outputs.(map[string]any); isMap {
		if err := source.Decode("outputs", t.Outputs, &written); err != nil {
			in.report.AddProblem(git.NotRead, o.where, "%s", err.Error())
		}
	}
	for _, p := range written.Parameters {
		if o.parameters == nil {
			o.parameters = map[string]any{}
		}
		o.parameters[p.Key+p.Name] = p.Value
	}
	for _, a := range written.Artifacts {
		if a.Own.URI != "" || a.Own.Number != nil {
			add(a.Key, a.Own)
		}
		for _, one := range a.Artifacts {
			add(a.Key, one)
		}
	}
	for _, at := range in.artifactTasks {
		a, known := in.artifacts[at.ArtifactID]
		if at.TaskID == t.TaskID && strings.HasSuffix(at.Type, "OUTPUT") && known && !slices.ContainsFunc(written.Artifacts, func(w writtenJSON) bool { return w.Key == at.Key }) {
			add(at.Key, a)
		}
	}
}

// typeOf returns the title of a type of KFP 3, such as Dataset.
func typeOf(name string) string {
	switch name {
	case "":
		return ""
	case "Metric":
		return typeMetrics
	case "ClassificationMetric":
		return typeClassMetrics
	case "SlicedClassificationMetric":
		return typeSlicedMetrics
	}
	if strings.Contains(name, ".") {
		return name
	}
	return "system." + name
}

// addOutputs adds the outputs of executors to the runs that they are of, and makes runs of the others.
func (in *inputs) addOutputs(runs []*pipelineRun) []*pipelineRun {
	type group struct {
		id    string
		files []*outputFile
	}
	var groups []*group
	byFolder := map[string]string{} // the run of a folder by that of its neighbours
	for _, f := range in.outputs {
		if id := f.runID(); id != "" && byFolder[f.folder()] == "" {
			byFolder[f.folder()] = id
		}
	}
	for _, f := range in.outputs {
		id := f.runID()
		if id == "" {
			id = byFolder[f.folder()]
		}
		if id == "" {
			id = f.digest()
		}
		i := slices.IndexFunc(groups, func(g *group) bool { return g.id == id })
		if i < 0 {
			i, groups = len(groups), append(groups, &group{id: id})
		}
		groups[i].files = append(groups[i].files, f)
	}
	for _, g := range groups {
		i := slices.IndexFunc(runs, func(r *pipelineRun) bool { return r.id == g.id })
		if i < 0 {
			var names []string
			for _, f := range g.files {
				names = append(names, f.steps[len(f.steps)-1])
			}
			p := in.planFor(g.id, "", names)
			if p == nil && len(names) > 1 {
				p = in.planFor(g.id, "", names[:1])
			}
			if p == nil {
				for _, f := range g.files {
					in.report.AddProblem(git.NotRead, f.name, "no compiled pipeline among the files has its task; put that beside it")
				}
				continue
			}
			i, runs = len(runs), append(runs, &pipelineRun{id: g.id, name: g.id, where: "run " + registry.Shorten(g.id, 60), plan: p, status: registry.RunComplete})
		}
		for _, f := range g.files {
			runs[i].seen = append(runs[i].seen, f.observation(runs[i].plan, g.id))
		}
	}
	return runs
}

var (
	// runInPath matches the folder of a run: a UUID on a cluster, a name with a time of a local run.
	runInPath = regexp.MustCompile(`^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|.+-\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}-\d{6})$`)
	// iterationFolder matches the folder of an iteration of a local run.
	iterationFolder = regexp.MustCompile(`^(.+)-iteration-(\d{1,9})$`)
)

// runIn returns the run whose folder a URI lies in, "" when the URI does not say.
func runIn(uri string) string {
	parts := strings.Split(uri, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if runInPath.MatchString(parts[i]) && len(parts[i]) <= maxRunID && registry.CheckKey("run", parts[i]) == nil {
			return parts[i]
		}
	}
	return ""
}

// runID returns the run that a file is of: its folder, or else what its artifacts say.
func (f *outputFile) runID() string {
	if id := runIn(strings.Join(f.steps, "/")); id != "" && !f.ofOneFolder {
		return id
	}
	for _, list := range f.Artifacts {
		for _, a := range list.Artifacts {
			if id := runIn(a.URI); id != "" {
				return id
			}
		}
	}
	return ""
}

// folder is the folder of a run that lies in no folder of its own: that of the file, or the one
// above the folder of the task.
func (f *outputFile) folder() string { return path.Join(f.steps[:max(len(f.steps)-1, 0)]...) }

// digest stands for the id of a run that nothing names.
func (f *outputFile) digest() string {
	sum := sha256.Sum256([]byte(f.folder()))
	return "kfp-" + hex.EncodeToString(sum[:8])
}

// observation returns what the file says of its task.
func (f *outputFile) observation(p *plan, run string) *observation {
	o := &observation{where: f.name, status: registry.RunComplete, parameters: f.Parameters, listed: true, artifacts: map[string][]observedArtifact{}}
	steps := f.steps
	if i := slices.Index(steps, run); i >= 0 {
		steps = steps[i+1:]
	}
	places := p.places()
	for _, s := range steps {
		if m := iterationFolder.FindStringSubmatch(s); m != nil {
			o.trail = append(o.trail, m[1], "#"+strings.TrimLeft(m[2][:len(m[2])-1], "0")+m[2][len(m[2])-1:])
		} else if slices.ContainsFunc(places, func(at place) bool { return slices.Contains(at.steps, s) }) {
			o.trail = append(o.trail, s)
		}
	}
	if last := steps[len(steps)-1]; len(o.trail) == 0 {
		o.trail = []string{last}
	}
	for key, list := range f.Artifacts {
		for _, a := range list.Artifacts {
			o.artifacts[key] = append(o.artifacts[key], observedArtifact{uri: a.URI, metadata: a.Metadata, name: a.Name})
		}
	}
	return o
}

// expand finds the tasks of the run that ran.
func (r *pipelineRun) expand(report *git.Report) {
	places := r.plan.places()
	r.seen = slices.DeleteFunc(r.seen, func(o *observation) bool {
		if why := o.settle(places); why != "" {
			report.AddProblem(git.NotRead, o.where, "%s", why)
			return true
		}
		return o.home == ""
	})
	r.root = &instance{run: r, comp: &r.plan.Root, iteration: -1, children: map[string]*instance{}}
	r.root.grow()
	for _, path := range r.silent {
		report.AddProblem(git.Remark, r.where, "nothing says that the task %s ran", registry.Shorten(path, 200))
	}
}
