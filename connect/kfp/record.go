package kfp

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/facts"
)

// recorder records runs of pipelines.
type recorder struct {
	ctx    context.Context
	to     Registry
	report *git.Report
	names  map[string]string
	// batch holds the facts of some tasks, size of them, which are recorded together; limit is the
	// most. counter counts refs.
	batch          []unit
	size           int
	counter, limit int
	// ids are the nodes of the refs that were recorded.
	ids map[string]registry.ID
}

// unit is a task with its facts. They are recorded together, or none of them.
type unit struct {
	where string
	facts []bulk.FactInput
}

// batchSize is how many facts are recorded together, if a task does not have more.
const batchSize = 300

// record records a run of a pipeline.
func (c *recorder) record(r *pipelineRun) error {
	r.resolve()
	for _, i := range r.root.instances() {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.addInstance(i); err != nil {
			return err
		}
	}
	if r.nameless {
		c.report.AddProblem(git.Remark, r.where, "it does not say where its artifacts lie; import the outputs of its executors with it to have their URIs")
	}
	return c.flush()
}

// addInstance adds the facts of an instance to the batch.
func (c *recorder) addInstance(i *instance) error {
	r := i.run
	u := unit{where: r.where}
	if i.task != nil {
		u.where += " task " + registry.Shorten(i.path(), 100)
	}
	left := func(what string) {
		c.report.AddProblem(git.NotRecorded, u.where, "%s cannot be recorded here", what)
	}
	if i.isImporter() {
		for _, key := range sortedKeys(i.outputs) {
			for _, a := range i.outputs[key] {
				c.addDataset(&u, a, registry.RawData)
			}
		}
		return c.add(u)
	}
	run := r.runFact(i, left)
	if i.task != nil && !i.isDag() {
		for _, a := range i.read {
			if a.id != "" && !slices.Contains(run.Inputs, a.id) {
				run.Inputs = append(run.Inputs, a.id)
			}
		}
		addMetrics(i, run.Status.Ended(), &run.Metrics, left)
		tags := &tagList{list: run.Tags}
		for _, key := range sortedKeys(i.outputs) {
			for _, a := range i.outputs[key] {
				if err := c.addOutput(&u, a, run, tags); err != nil {
					return err
				}
				if a.id != "" && !a.cached() {
					run.Outputs = append(run.Outputs, a.id)
				}
			}
		}
		run.Tags = tags.list
	}
	u.facts = append(u.facts, bulk.FactInput{Run: run})
	return c.add(u)
}

// addMetrics adds the metrics that an instance wrote.
func addMetrics(i *instance, ended bool, into *[]registry.Metric, left func(string)) {
	for _, key := range sortedKeys(i.outputs) {
		for _, a := range i.outputs[key] {
			if !a.isMetrics() || !ended || a.cached() {
				continue
			}
			found, rest := a.metricsOf()
			for _, m := range found {
				if slices.ContainsFunc(*into, func(known registry.Metric) bool { return known.Name == m.Name }) {
					m.Name = key + "." + m.Name
				}
				if len(*into) == registry.MaxMetrics || slices.ContainsFunc(*into, func(known registry.Metric) bool { return known.Name == m.Name }) {
					left("the metric " + m.Name)
					continue
				}
				*into = append(*into, m)
			}
			for _, name := range rest {
				left("the metric " + name)
			}
		}
	}
}

// addOutput adds what a task wrote: data or a model as a fact, a page for people as a tag.
func (c *recorder) addOutput(u *unit, a *artifact, run *facts.RecordRunInput, tags *tagList) error {
	if a.cached() {
		tags.add("cachedFrom", a.origin)
	}
	switch {
	case a.isMetrics():
		return nil
	case a.isReport():
		tags.add("report."+a.key, registry.WithoutCredentials(a.uri))
		return nil
	case a.isModel():
		return c.addModel(u, a, run)
	}
	c.addDataset(u, a, a.role())
	return nil
}

// role is the place of the data that a task wrote in its pipeline.
func (a *artifact) role() registry.DataRole {
	if a.trainedOn {
		return registry.TrainingData
	}
	if a.by.kind() == registry.RunETL {
		return registry.CleanedData
	}
	return registry.OtherData
}

func (c *recorder) addDataset(u *unit, a *artifact, role registry.DataRole) {
	if a.typ != typeDataset && role != registry.TrainingData {
		role = registry.OtherData
	}
	in := a.datasetFact(role)
	fact := datasetInput(in)
	if _, err := fact.Check(); err != nil {
		c.report.AddProblem(git.NotRecorded, u.where+" output "+registry.Shorten(a.key, 60), "%s", err.Error())
		return
	}
	a.id = identity(in)
	u.facts = append(u.facts, fact)
}

// addModel adds the version of a model that a task wrote.
func (c *recorder) addModel(u *unit, a *artifact, run *facts.RecordRunInput) error {
	if a.model != "" {
		known, err := c.to.ModelVersion(c.ctx, a.model, a.version)
		if err != nil && !git.Refused(err) {
			return err
		}
		if by := tagOf(known, tagPrefix+"run"); by != "" && by != a.origin {
			c.report.AddProblem(git.NotRecorded, u.where, "its model is no version %s of %s: run %s made that", registry.Shorten(a.version, 60), registry.Shorten(a.model, 60), registry.Shorten(by, 60))
			a.model = ""
		}
	}
	if a.model == "" {
		a.model, a.version = a.defaultNames()
		for _, of := range []string{a.by.key + "." + a.key, a.by.key} {
			if name := c.names[of]; name != "" {
				a.model = name
				break
			}
		}
	}
	c.counter++
	ref := "m" + strconv.Itoa(c.counter)
	a.id = registry.ID("@" + ref)
	u.facts = append(u.facts, bulk.FactInput{Ref: ref, ModelVersion: a.versionFact(run)})
	return nil
}

func tagOf(v *registry.ModelVersion, key string) string {
	if v == nil {
		return ""
	}
	for _, t := range v.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// counted are the nouns of a report by the kinds of facts.
var counted = map[registry.FactKind]string{registry.FactModelVersion: "versions", registry.FactRun: "runs", registry.FactDatasetVersion: "datasets"}

// add adds a unit to the batch, and records the batch when it is full.
func (c *recorder) add(u unit) error {
	if len(u.facts) == 0 {
		return nil
	}
	if c.size+len(u.facts) > c.limit {
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.batch, c.size = append(c.batch, u), c.size+len(u.facts)
	return nil
}

// flush records the batch in one transaction. When a fact of it is refused, it records each task by
// itself, so that only what is refused is missing.
func (c *recorder) flush() error {
	batch := c.batch
	c.batch, c.size = nil, 0
	if len(batch) == 0 {
		return nil
	}
	var all []bulk.FactInput
	for _, u := range batch {
		all = append(all, u.facts...)
	}
	if err := c.send(batch[0].where, all); err == nil || !git.Refused(err) {
		return err
	}
	for _, u := range batch {
		err := c.send(u.where, u.facts)
		if isTimeConflict(err) { // An earlier import did not know when it began.
			err = c.send(u.where, withoutTimes(u.facts))
		}
		if err := c.report.AddRefusal(git.NotRecorded, u.where, err); err != nil {
			return err
		}
	}
	return nil
}

// send records facts together, and counts what is new.
func (c *recorder) send(where string, list []bulk.FactInput) error {
	known := make([]bulk.FactInput, len(list))
	own := map[registry.ID]bool{}
	for n, f := range list {
		known[n] = f.Resolve(c.ids)
		if run := known[n].Run; run != nil { // What was refused is no input of what can be recorded.
			lost := func(id registry.ID) bool { return strings.HasPrefix(string(id), "@") && !own[id] }
			run.Inputs, run.Outputs = slices.DeleteFunc(run.Inputs, lost), slices.DeleteFunc(run.Outputs, lost)
		}
		if f.Ref != "" {
			own[registry.ID("@"+f.Ref)] = true
		}
	}
	out, err := c.to.RecordFacts(c.ctx, bulk.RecordFactsInput{Facts: known})
	if err != nil {
		return err
	}
	for n, f := range out.Facts {
		if f.Created {
			c.report.Add(counted[f.Kind], 1)
		}
		if f.Kind == registry.FactModelVersion || f.Kind == registry.FactRun {
			c.report.AddNotTaken(where, f.NotTaken, "tags", "createdDate", "description", "startedAt")
		}
		if ref := list[n].Ref; ref != "" && f.ID != nil {
			c.ids[ref] = *f.ID
		}
	}
	return nil
}

func isTimeConflict(err error) bool {
	return registry.CodeOf(err) == registry.Conflict && strings.Contains(err.Error(), "startedAt")
}

// withoutTimes returns facts without the times of runs and data.
func withoutTimes(list []bulk.FactInput) (out []bulk.FactInput) {
	for _, f := range list {
		if f.Run != nil {
			run := *f.Run
			run.StartedAt = time.Time{}
			f.Run = &run
		}
		if f.DatasetVersion != nil {
			d := *f.DatasetVersion
			d.CreatedAt = time.Time{}
			f.DatasetVersion = &d
		}
		out = append(out, f)
	}
	return out
}
