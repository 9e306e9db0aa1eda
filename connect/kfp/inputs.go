package kfp

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
)

// inputs are the documents of an import, by what they are.
type inputs struct {
	plans         []*plan
	runs          []*runJSON
	tasks         []taskJSON
	artifacts     map[string]artifactJSON
	artifactTasks []artifactTaskJSON
	outputs       []*outputFile
	report        *git.Report
	// root is the name of the folder that is read, "" for a file.
	root string
}

// plan is a compiled pipeline with the file that holds it.
type plan struct {
	*spec
	file string
}

// outputFile is what the executor of one task said that it wrote.
type outputFile struct {
	outputJSON
	name string
	// steps lead to the task, from the outermost: folders, and the name of the task last.
	steps []string
	// ofOneFolder is true for a file NAME.executor_output.json, whose folder says nothing.
	ofOneFolder bool
}

const (
	outputName   = "executor_output.json"
	outputSuffix = ".executor_output.json"
)

func newInputs(report *git.Report) *inputs {
	return &inputs{artifacts: map[string]artifactJSON{}, report: report}
}

// add reads the documents. What is no document of KFP's is told; of a file alone it is an error.
func (in *inputs) add(docs *source.Documents) error {
	in.root = docs.Root
	for _, d := range docs.Files {
		err := in.addDocument(d)
		switch {
		case err == nil:
		case docs.Root == "":
			return err
		case !git.Refused(err):
			return err
		default:
			in.report.AddProblem(git.NotRead, d.Name, "%s", messageOf(err, d.Name))
		}
	}
	return nil
}

// messageOf returns the message of an error without the name of the file, which is told beside it.
func messageOf(err error, name string) string {
	message := err.Error()
	if _, rest, ok := strings.Cut(message, name+": "); ok {
		return rest
	}
	return message
}

func (in *inputs) addDocument(d source.Document) error {
	values, err := source.Parse(d)
	if err != nil {
		return err
	}
	known := false
	for i, v := range values {
		name := d.Name
		if i > 0 {
			name += " document " + strconv.Itoa(i+1)
		}
		doc, ok := v.(map[string]any)
		if !ok {
			continue
		}
		read, err := in.addValue(name, d.Name, doc)
		if err != nil {
			return err
		}
		known = known || read
	}
	if !known {
		return registry.Errorf(registry.InvalidArgument, "%s: is no pipeline, run or executor output of Kubeflow Pipelines", registry.Shorten(d.Name, 200))
	}
	return nil
}

// addValue adds one document by what it has. It returns false for what it does not know.
func (in *inputs) addValue(name, file string, doc map[string]any) (bool, error) {
	base, has := path.Base(file), func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return doc[k] != nil })
	}
	switch {
	case has("root") && has("pipelineInfo"):
		_, err := in.addPlan(name, doc)
		return true, err
	case has("pipeline_spec") && !has("run_id", "runs"):
		p, err := in.addPlan(name, doc["pipeline_spec"])
		return p != nil, err
	case has("platforms"):
		return true, nil // Settings of the platform that ran it.
	case has("run_id") && !has("task_id"):
		return true, in.addRun(name, doc)
	case has("runs"):
		return true, in.addRuns(name, doc)
	case has("tasks", "task_id", "artifact_tasks", "artifact_id") || isList(doc["artifacts"]):
		return true, in.addParts(name, doc)
	case base == outputName || strings.HasSuffix(base, outputSuffix), has("artifacts", "parameterValues"):
		return true, in.addOutput(name, file, doc)
	}
	return false, nil
}

func isList(v any) bool { _, ok := v.([]any); return ok }

func (in *inputs) addPlan(name string, doc any) (*plan, error) {
	if outer, ok := doc.(map[string]any); ok && outer["pipeline_spec"] != nil {
		doc = outer["pipeline_spec"]
	}
	p := &plan{spec: &spec{}, file: name}
	if err := source.Decode(name, doc, p.spec); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "%s: %s", registry.Shorten(name, 200), err.Error())
	}
	in.plans = append(in.plans, p)
	return p, nil
}

func (in *inputs) addRun(name string, doc any) error {
	r := &runJSON{}
	if err := source.Decode(name, doc, r); err != nil {
		return err
	}
	in.runs = append(in.runs, r)
	return nil
}

func (in *inputs) addRuns(name string, doc map[string]any) error {
	runs, ok := doc["runs"].([]any)
	if !ok {
		return registry.Errorf(registry.InvalidArgument, "%s: the field runs is no list", registry.Shorten(name, 200))
	}
	for i, r := range runs {
		at := name + " runs[" + strconv.Itoa(i) + "]"
		if err := in.addRun(at, r); err != nil {
			if !git.Refused(err) {
				return err
			}
			in.report.AddProblem(git.NotRead, at, "%s", messageOf(err, at))
		}
	}
	return nil
}

// addParts adds tasks and artifacts of KFP 3, which its server answers apart from their run.
func (in *inputs) addParts(name string, doc map[string]any) error {
	var parts struct {
		Tasks         []taskJSON         `json:"tasks"`
		Artifacts     []artifactJSON     `json:"artifacts"`
		ArtifactTasks []artifactTaskJSON `json:"artifact_tasks"`
	}
	if err := source.Decode(name, doc, &parts); err != nil {
		return err
	}
	switch {
	case doc["task_id"] != nil:
		var one taskJSON
		if err := source.Decode(name, doc, &one); err != nil {
			return err
		}
		parts.Tasks = append(parts.Tasks, one)
	case doc["artifact_id"] != nil:
		var one artifactJSON
		if err := source.Decode(name, doc, &one); err != nil {
			return err
		}
		parts.Artifacts = append(parts.Artifacts, one)
	}
	in.tasks, in.artifactTasks = append(in.tasks, parts.Tasks...), append(in.artifactTasks, parts.ArtifactTasks...)
	for _, a := range parts.Artifacts {
		in.artifacts[a.ID] = a
	}
	return nil
}

func (in *inputs) addOutput(name, file string, doc any) error {
	f := &outputFile{name: name}
	if err := source.Decode(name, doc, &f.outputJSON); err != nil {
		return err
	}
	dir, base := path.Split(file)
	if in.root != "" {
		dir = in.root + "/" + dir
	}
	f.steps = strings.FieldsFunc(dir, func(r rune) bool { return r == '/' })
	if stem, ok := strings.CutSuffix(base, outputSuffix); ok {
		f.steps, f.ofOneFolder = append(f.steps, stem), true
	}
	in.outputs = append(in.outputs, f)
	return nil
}

// check returns an error for a pipeline that names what it does not have, or that holds itself.
func (p *plan) check() error {
	if p.Root.Dag == nil || len(p.Root.Dag.Tasks) == 0 {
		return registry.Errorf(registry.InvalidArgument, "root.dag.tasks: the pipeline has no tasks")
	}
	if registry.CheckName("pipelineInfo.name", p.Info.Name) != nil {
		return registry.Errorf(registry.InvalidArgument, "pipelineInfo.name: is no name that the registry takes")
	}
	count := 0
	return p.checkDag("root", &p.Root, nil, &count)
}

// maxTasks is the most tasks of a pipeline, with all that its components hold.
const maxTasks = 10_000

func (p *plan) checkDag(at string, c *component, above []string, count *int) error {
	for _, key := range slices.Sorted(maps.Keys(c.Dag.Tasks)) {
		t, where := c.Dag.Tasks[key], at+".dag.tasks."+key
		if *count++; *count > maxTasks {
			return registry.Errorf(registry.ResourceExhausted, "the pipeline has more than %d tasks", maxTasks)
		}
		switch {
		case t == nil:
			return registry.Errorf(registry.InvalidArgument, "%s: is empty", where)
		case strings.ContainsAny(key, "/#") || registry.CheckKey("task", key) != nil:
			return registry.Errorf(registry.InvalidArgument, "%s: is no name of a task", where)
		case p.Components[t.Ref.Name] == nil:
			return registry.Errorf(registry.InvalidArgument, "%s.componentRef.name: the pipeline has no component %q", where, registry.Shorten(t.Ref.Name, 60))
		case slices.Contains(above, t.Ref.Name):
			return registry.Errorf(registry.InvalidArgument, "%s.componentRef.name: the component %q holds itself", where, registry.Shorten(t.Ref.Name, 60))
		}
		for _, d := range t.Depends {
			if c.Dag.Tasks[d] == nil {
				return registry.Errorf(registry.InvalidArgument, "%s.dependentTasks: there is no task %q", where, registry.Shorten(d, 60))
			}
		}
		next := p.Components[t.Ref.Name]
		if next.Dag == nil {
			continue
		}
		if err := p.checkDag("components."+t.Ref.Name, next, append(slices.Clone(above), t.Ref.Name), count); err != nil {
			return err
		}
	}
	if _, ok := ordered(c.Dag); !ok {
		return registry.Errorf(registry.InvalidArgument, "%s.dag.tasks: tasks wait for each other", at)
	}
	return nil
}

// describe says what a pipeline without a run plans.
func (p *plan) describe() string {
	loops, conditions, graphs, tasks := 0, 0, 0, 0
	var names []string
	var walk func(c *component, above string)
	walk = func(c *component, above string) {
		keys, _ := ordered(c.Dag)
		for _, key := range keys {
			t := c.Dag.Tasks[key]
			next := p.componentOf(t)
			switch {
			case t.isLoop():
				loops++
			case t.Trigger.Condition != "":
				conditions++
			case next.Dag != nil:
				graphs++
			default:
				tasks++
			}
			if names = append(names, above+key); next.Dag != nil {
				walk(next, above+key+"/")
			}
		}
	}
	walk(&p.Root, "")
	return registry.Shorten(fmt.Sprintf("the pipeline %s is a plan of %d tasks, %d loops, %d conditions and %d graphs, and nothing says that it ran: import its runs or the outputs of its executors with it. Its tasks: %s",
		p.Info.Name, tasks, loops, conditions, graphs, strings.Join(names, ", ")), 1000)
}
