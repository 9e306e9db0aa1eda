package dvc

import (
	"path"
	"slices"
	"strings"

	"pedigree/connect/git"
	"pedigree/connect/gto"
	"pedigree/registry"
	"pedigree/service/catalog"
)

// register registers a model version with its training run, file, parameters and metrics.
func (g *gtoRecorder) register(e gto.Event) error {
	where := "tag " + e.Tag
	if _, err := registry.ParseVersion(e.Version); err != nil {
		return g.report.AddRefusal(git.NotRecorded, where, err)
	}
	c := g.commits[e.Commit]
	p, _ := g.rec.reader.project(c)
	in := catalog.RegisterModelVersionInput{Model: e.Model(), Version: &e.Version, Label: e.Tag, CreatedDate: e.At, CreateModel: true, Description: e.Message}
	if tag, ok := g.repo.TagNode(e.Tag); ok {
		in.ReleasedFrom = &tag
	}
	name := e.Name
	if e.Dir != "" {
		name = e.Dir + "=" + name
	}
	var file item
	switch a, ok := p.artifacts[name]; {
	case !ok:
		g.report.AddProblem(git.Remark, where, "no dvc.yaml of its commit has an artifact %q, so the version stands without the run that trained it", name)
	case !a.isModel():
		g.nonModels[e.Model()] = true
		g.report.AddProblem(git.Remark, where, "the artifact is a %s, not a model; its tags are recorded as tags alone", registry.Shorten(a.Type, 40))
		return nil
	default:
		file = g.describeArtifact(&in, c, p, a, where)
	}
	existing, err := g.s.ModelVersion(g.ctx, e.Model(), e.Version)
	if err != nil {
		return err
	}
	if existing != nil {
		if existing.Label == e.Tag { // From an earlier import, which may have been interrupted before it linked the readers.
			if err = g.reportMoved(existing, e); err == nil {
				err = g.linkReaders(existing, file)
			}
			return err
		}
		g.report.AddProblem(git.Remark, where, "%s was there already and was not made from this tag, so it keeps what it has", existing.Name)
		return nil
	}
	out, err := g.s.RegisterModelVersion(g.ctx, in)
	if err != nil {
		return g.report.AddRefusal(git.NotRecorded, where, err)
	}
	g.report.Add("model versions", 1)
	return g.linkReaders(out.ModelVersion, file)
}

// describeArtifact sets the fields that the commit provides for an artifact: its file, the
// run that wrote it, or its data when there is no run, and its model card. It returns the
// output that is the artifact's file.
func (g *gtoRecorder) describeArtifact(in *catalog.RegisterModelVersionInput, c git.Commit, p *project, a resolvedArtifact, where string) (file item) {
	clean := &git.TextCleaner{}
	if a.Desc != "" {
		in.Description = clean.Text(a.Desc, registry.MaxText)
	}
	in.Owner = clean.Line(metaText(a.Meta, "owner"), maxLine)
	in.Tags = labelTags(clean, slices.Sorted(slices.Values(a.Labels)))
	g.rec.reportChanges(clean, where)
	card := &catalog.ModelCardInput{Description: &in.Description}
	in.Card = card
	art := catalog.ArtifactInput{Name: a.path}
	if strings.Contains(a.path, "://") {
		art.Name, art.URI = path.Base(a.path), a.path // The file is not in the repository; the URI is only a label.
	}
	st, file := p.stageWriting(a.path)
	switch tracked := p.trackedAt(a.path); {
	case st != nil:
		if id := g.rec.runIDs[st.runID]; id != "" {
			in.Run = &id
		}
		if file.path == a.path {
			art.Digest, art.SizeBytes = file.digest, file.size
		}
		g.fillCard(card, c, p, a, st, file)
	case tracked != nil:
		if id := g.rec.versionIDs[tracked.identity()]; id != "" {
			in.DerivedFrom = []registry.ID{id}
		}
		art.Digest, art.SizeBytes = tracked.digest, tracked.size
	default:
		g.report.AddProblem(git.Remark, where, "no stage and no .dvc file of its commit makes %s, so the version stands without the run that trained it", a.path)
	}
	if art.Name != "" {
		in.Artifacts = []catalog.ArtifactInput{art}
	}
	return file
}

// fillCard sets the parameters, training data and metrics of a model card. The metrics come
// from the training run, from the stages that read the model at that commit, and from the
// top-level metrics files of dvc.yaml.
func (g *gtoRecorder) fillCard(card *catalog.ModelCardInput, c git.Commit, p *project, a resolvedArtifact, st *stage, file item) {
	if st.params != nil {
		card.ModelDetails = &registry.ModelDetails{Hyperparameters: st.params}
	}
	card.Training = &registry.TrainingInfo{TrainingDate: c.At}
	if inputs, err := g.rec.inputs(c, p, st); err == nil && len(inputs) > 0 {
		card.Training.TrainingDataVersion = inputs[0].digest
	}
	if run, err := g.s.Node(g.ctx, g.rec.runIDs[st.runID]); err == nil {
		if r, ok := run.(*registry.Run); ok {
			card.Training.TrainingDate = r.StartedAt
		}
	}
	found := g.rec.metrics(c, st)
	for _, other := range p.stages {
		if slices.ContainsFunc(other.deps, func(d item) bool { return contains(file.path, d.path) }) {
			found = mergeMetrics(found, g.rec.metrics(c, other))
		}
	}
	for _, m := range p.metricsFiles[a.dir] {
		if other, _ := p.stageWriting(m); other == nil {
			found = mergeMetrics(found, g.rec.reader.metricsOf(c, m, ""))
		}
	}
	card.Performance = performance(found)
}

// stageWriting returns the stage that writes a path, and its output that is the path or the
// nearest folder that contains it. It returns nil when there is none.
func (p *project) stageWriting(file string) (writer *stage, out item) {
	for _, st := range p.stages {
		for _, o := range st.outs {
			if !o.external && contains(o.path, file) && (writer == nil || len(o.path) > len(out.path)) {
				writer, out = st, o
			}
		}
	}
	return writer, out
}

func (p *project) trackedAt(file string) *trackedFile {
	for i := range p.tracked {
		if contains(p.tracked[i].path, file) {
			return &p.tracked[i]
		}
	}
	return nil
}

// linkReaders links the runs that read a version's file to the version. They read it before
// it was registered as a version. When several versions have the same file, the runs are
// linked to the first one.
func (g *gtoRecorder) linkReaders(v *registry.ModelVersion, file item) error {
	key := file.identity()
	for _, run := range g.rec.readersOf[key] {
		if err := g.rec.link("a run read "+v.Name, run, v.ID, registry.EdgeUsed); err != nil {
			return err
		}
	}
	delete(g.rec.readersOf, key)
	return nil
}
