package kfp

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// observation is what a document says of one task of a run.
type observation struct {
	// where is the document, for messages.
	where string
	// trail has the steps to the task that are known, from the outermost: names of tasks, and "#0"
	// for an iteration. Its last step is the task.
	trail []string
	// home is the path of the task in the pipeline, and iterations are those of the loops on it.
	home           string
	iterations     []int
	status         registry.RunStatus
	skipped        bool
	cached         bool
	started, ended time.Time
	message        string
	parameters     map[string]any
	// artifacts are what it wrote by key; listed is true when they are all that it wrote.
	artifacts map[string][]observedArtifact
	listed    bool
}

type observedArtifact struct {
	uri, typ string
	metadata map[string]any
	number   *float64
	name     string
}

// instance is a task of a run that ran, or the run itself, which has no task.
type instance struct {
	run    *pipelineRun
	key    string
	task   *task
	comp   *component
	parent *instance
	// steps lead from the run to the task; a loop has its iterations below it.
	steps     []string
	iteration int // of an instance that is one iteration of a loop, else -1
	children  map[string]*instance
	loops     []*instance // the iterations of a loop, in order
	seen      *observation
	outputs   map[string][]*artifact
	params    map[string]any
	read      []*artifact
}

// path is the place of an instance in its run.
func (i *instance) path() string { return strings.Join(i.steps, "/") }

// isLoop reports whether the instance stands for all iterations of a loop.
func (i *instance) isLoop() bool { return i.task != nil && i.task.isLoop() && i.iteration < 0 }

func (i *instance) isDag() bool { return i.comp.Dag != nil }

// ordered returns the keys of the tasks of a graph, causes before effects. It reports false when
// tasks wait for each other.
func ordered(d *dag) (keys []string, ok bool) {
	state := map[string]int{} // 1 on the way, 2 done
	var visit func(string) bool
	visit = func(key string) bool {
		t := d.Tasks[key]
		if t == nil || state[key] == 2 {
			return true
		}
		if state[key] == 1 {
			return false
		}
		state[key] = 1
		var causes []string
		causes = append(causes, t.Depends...)
		for _, a := range t.Inputs.Artifacts {
			if a.From != nil {
				causes = append(causes, a.From.Task)
			}
		}
		for _, p := range t.Inputs.Parameters {
			if p.From != nil {
				causes = append(causes, p.From.Task)
			}
		}
		slices.Sort(causes)
		for _, c := range causes {
			if !visit(c) {
				return false
			}
		}
		state[key] = 2
		keys = append(keys, key)
		return true
	}
	for _, key := range slices.Sorted(maps.Keys(d.Tasks)) {
		if !visit(key) {
			return nil, false
		}
	}
	return keys, true
}

// grow finds the tasks below an instance that ran. It returns whether any did.
func (i *instance) grow() bool {
	keys, _ := ordered(i.comp.Dag)
	ran := false
	var importers []*instance
	for _, key := range keys {
		t := i.comp.Dag.Tasks[key]
		child := &instance{run: i.run, key: key, task: t, comp: i.run.plan.componentOf(t), parent: i, steps: append(slices.Clone(i.steps), key), iteration: -1}
		switch {
		case child.isImporter():
			importers = append(importers, child)
			continue
		case !child.ran():
			i.run.silent = append(i.run.silent, child.path())
			continue
		}
		i.children[key], ran = child, true
	}
	if !ran && i.seen == nil && len(importers) == 0 {
		return false
	}
	for _, imp := range importers { // An importer runs nothing, and most runs say nothing of it.
		imp.seen = i.run.find(imp.steps)
		if ran || imp.seen != nil || i.run.allRan() {
			i.children[imp.key], ran = imp, true
		}
	}
	return ran
}

func (i *instance) isImporter() bool { return i.run.plan.executorOf(i.comp).Importer != nil }

// ran finds what is known of an instance and of those below it.
func (i *instance) ran() bool {
	i.seen, i.children = i.run.find(i.steps), map[string]*instance{}
	if i.seen != nil && i.seen.skipped {
		return false
	}
	switch {
	case !i.isDag():
		return i.seen != nil && i.seen.status != "" || i.seen == nil && i.run.allRan() && !i.isConditional()
	case !i.isLoop():
		return i.grow() || i.seen != nil && i.seen.status != ""
	}
	for _, n := range i.run.iterations(i.steps) {
		step := "#" + strconv.Itoa(n)
		one := &instance{run: i.run, key: i.key, task: i.task, comp: i.comp, parent: i, steps: append(slices.Clone(i.steps), step), iteration: n, children: map[string]*instance{}}
		one.seen = i.run.find(one.steps)
		if one.grow() {
			i.loops = append(i.loops, one)
		}
	}
	return len(i.loops) > 0 || i.seen != nil && i.seen.status != ""
}

// isConditional reports whether a condition or a loop decides whether the instance runs.
func (i *instance) isConditional() bool {
	for at := i; at != nil && at.task != nil; at = at.parent {
		if at.task.Trigger.Condition != "" || at.task.isLoop() {
			return true
		}
	}
	return false
}

// find returns what is known of the task at some steps, nil when that is nothing. Several
// documents may speak of one task.
func (r *pipelineRun) find(steps []string) (out *observation) {
	home, iterations := splitSteps(steps)
	for _, o := range r.seen {
		if o.home != home || !slices.Equal(o.iterations, iterations) {
			continue
		}
		if out == nil {
			copied := *o
			out = &copied
			continue
		}
		out.merge(o)
	}
	return out
}

// merge adds what another document says of the same task.
func (o *observation) merge(more *observation) {
	if o.status == "" || more.status.Ended() && !o.status.Ended() {
		o.status = more.status
	}
	o.skipped, o.cached, o.listed = o.skipped && more.skipped, o.cached || more.cached, o.listed || more.listed
	if o.started.IsZero() {
		o.started = more.started
	}
	if o.ended.IsZero() {
		o.ended = more.ended
	}
	if o.message == "" {
		o.message = more.message
	}
	if o.parameters == nil {
		o.parameters = more.parameters
	}
	if len(o.artifacts) == 0 {
		o.artifacts = more.artifacts
	}
}

// place is where a task is in its pipeline: its path without iterations, and the loops on it.
type place struct {
	steps []string
	loops int
	loop  bool // the task is a loop itself
}

// places returns the places of all tasks of a pipeline.
func (p *plan) places() (out []place) {
	var walk func(c *component, above place)
	walk = func(c *component, above place) {
		for _, key := range slices.Sorted(maps.Keys(c.Dag.Tasks)) {
			t := c.Dag.Tasks[key]
			at := place{append(slices.Clone(above.steps), key), above.loops, t.isLoop()}
			out = append(out, at)
			if next := p.componentOf(t); next.Dag != nil {
				if at.loop {
					at.loops++
				}
				walk(next, at)
			}
		}
	}
	walk(&p.Root, place{})
	return out
}

// settle finds the task that an observation speaks of. It returns why there is none, "" when there
// is one, or when it speaks of no task at all.
func (o *observation) settle(places []place) string {
	var names []string
	for _, step := range o.trail {
		if n, err := strconv.Atoi(strings.TrimPrefix(step, "#")); err == nil && strings.HasPrefix(step, "#") {
			o.iterations = append(o.iterations, n)
		} else {
			names = append(names, step)
		}
	}
	if len(names) == 0 {
		return ""
	}
	var found []place
	for _, p := range places {
		if slices.Equal(p.steps, names) {
			found = []place{p}
			break
		}
		if isSubsequence(names, p.steps) {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 0:
		return "no task of the pipeline has the name " + registry.Shorten(names[len(names)-1], 60)
	case len(found) > 1:
		return "several tasks of the pipeline have the name " + registry.Shorten(names[len(names)-1], 60)
	}
	p := found[0]
	if len(o.iterations) != p.loops && !(p.loop && len(o.iterations) == p.loops+1) {
		return "it does not say in which iteration the task ran"
	}
	o.home = strings.Join(p.steps, "/")
	return ""
}

// isSubsequence reports whether all names are among the steps in order, the last name the last step.
func isSubsequence(names, steps []string) bool {
	if names[len(names)-1] != steps[len(steps)-1] {
		return false
	}
	at := 0
	for _, s := range steps {
		if at < len(names) && names[at] == s {
			at++
		}
	}
	return at == len(names)
}

// splitSteps splits steps into names and iterations.
func splitSteps(steps []string) (home string, iterations []int) {
	var names []string
	for _, s := range steps {
		if n, err := strconv.Atoi(strings.TrimPrefix(s, "#")); err == nil && strings.HasPrefix(s, "#") {
			iterations = append(iterations, n)
		} else {
			names = append(names, s)
		}
	}
	return strings.Join(names, "/"), iterations
}

// iterations returns the numbers of the iterations of a loop that are known, in order.
func (r *pipelineRun) iterations(loop []string) []int {
	home, outer := splitSteps(loop)
	found := map[int]bool{}
	for _, o := range r.seen {
		if (o.home == home || strings.HasPrefix(o.home, home+"/")) && len(o.iterations) > len(outer) && slices.Equal(o.iterations[:len(outer)], outer) {
			found[o.iterations[len(outer)]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// instances returns all instances below one, causes before effects, and each graph before its tasks.
func (i *instance) instances() (out []*instance) {
	out = append(out, i)
	for _, one := range i.loops {
		out = append(out, one.instances()...)
	}
	if i.comp.Dag == nil {
		return out
	}
	keys, _ := ordered(i.comp.Dag)
	for _, key := range keys {
		if c := i.children[key]; c != nil {
			out = append(out, c.instances()...)
		}
	}
	return out
}
