package dvc

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/facts"
)

// recorder records the contents of projects in the registry, each fact once.
type recorder struct {
	ctx      context.Context
	s        Registry
	reader   *projectReader
	report   *git.Report
	producer string
	// owners is the registry that is asked whose a model is, nil for s.
	owners Registry
	// versionIDs and runIDs hold the ids that this import recorded, and "" for what the
	// registry refused.
	versionIDs map[datasetVersion]registry.ID
	runIDs     map[string]registry.ID
	// readersOf holds the runs that read a dataset version.
	readersOf map[datasetVersion][]registry.ID
	// linkedSources holds the pairs of imported data and source that are linked already.
	linkedSources map[[2]registry.ID]bool
}

func newRecorder(ctx context.Context, s Registry, read *projectReader, report *git.Report) *recorder {
	for _, kind := range []string{"dataset versions", "runs"} {
		report.Add(kind, 0)
	}
	return &recorder{ctx: ctx, s: s, reader: read, report: report, producer: shorten("dvc:"+read.key, 255),
		versionIDs: map[datasetVersion]registry.ID{}, runIDs: map[string]registry.ID{}, readersOf: map[datasetVersion][]registry.ID{}, linkedSources: map[[2]registry.ID]bool{}}
}

// identity returns the fields that identify a dataset version: the name with the digest, or
// with the version when there is no digest.
func (d datasetVersion) identity() datasetVersion {
	if d.digest != "" {
		return datasetVersion{datasetName: d.datasetName, digest: d.digest}
	}
	return datasetVersion{datasetName: d.datasetName, version: d.version}
}

// recordCommit records the project of a commit.
func (r *recorder) recordCommit(c git.Commit, p *project) error {
	for i := range p.tracked {
		if err := r.recordTracked(c, &p.tracked[i]); err != nil {
			return err
		}
	}
	for _, st := range p.stages {
		for i := range st.outs {
			if err := r.recordOutput(c, p, st, &st.outs[i]); err != nil {
				return err
			}
		}
	}
	for _, st := range p.stages {
		if err := r.recordRunOf(c, p, st); err != nil {
			return err
		}
	}
	return nil
}

// recordTracked records an output of a .dvc file and the source that it was imported from.
func (r *recorder) recordTracked(c git.Commit, t *trackedFile) error {
	if id, known := r.versionIDs[t.identity()]; known && (id == "" || t.source == nil || r.linkedSources[[2]registry.ID{id, r.versionIDs[t.source.identity()]}]) {
		return nil // Most files of a commit are those of the one before.
	}
	clean := &git.TextCleaner{}
	in := facts.RecordDatasetVersionInput{Role: registry.RawData, Description: clean.Text(t.desc, registry.MaxText), Owner: clean.Line(t.owner, maxLine), Tags: labelTags(clean, t.labels)}
	r.reportChanges(clean, t.file+" at commit "+git.ShortSHA(c.SHA))
	if t.revLock != "" {
		in.Tags = append(in.Tags, registry.KeyValue{Key: "rev_lock:" + t.revLock})
	}
	id, err := r.recordDatasetVersion(c, t.datasetVersion, t.file, in)
	if err != nil || id == "" || t.source == nil || t.source.identity() == t.identity() {
		return err
	}
	source, err := r.recordDatasetVersion(c, *t.source, t.file, facts.RecordDatasetVersionInput{Role: registry.OtherData})
	if err != nil || source == "" {
		return err
	}
	// The link is recorded separately, because the same data may have been recorded before
	// without a source.
	if pair := [2]registry.ID{id, source}; !r.linkedSources[pair] {
		r.linkedSources[pair] = true
		return r.link(t.file+" was imported from "+t.source.name, id, source, registry.EdgeDerivedFrom)
	}
	return nil
}

// recordOutput records an output of a stage. An output without a digest and version gets
// the id of its run as its version.
func (r *recorder) recordOutput(c git.Commit, p *project, st *stage, it *item) error {
	if it.digest == "" && it.version == "" {
		it.version = string(registry.NewRunID(r.producer, st.runID))
	}
	clean := &git.TextCleaner{}
	in := facts.RecordDatasetVersionInput{Role: p.dataRole(st, *it), Description: clean.Text(it.desc, registry.MaxText)}
	r.reportChanges(clean, st.name+" at commit "+git.ShortSHA(c.SHA))
	_, err := r.recordDatasetVersion(c, it.datasetVersion, st.name, in)
	return err
}

// recordDatasetVersion records a dataset version once and returns its id. When the registry
// refuses it, it reports that and returns "".
func (r *recorder) recordDatasetVersion(c git.Commit, d datasetVersion, where string, in facts.RecordDatasetVersionInput) (registry.ID, error) {
	if id, ok := r.versionIDs[d.identity()]; ok {
		return id, nil
	}
	in.Namespace, in.Dataset, in.Digest, in.Version, in.SizeBytes, in.CreatedAt = d.namespace, d.name, d.digest, d.version, d.size, c.At
	out, err := r.s.RecordDatasetVersion(r.ctx, in)
	if err != nil {
		r.versionIDs[d.identity()] = ""
		return "", r.report.AddRefusal(git.NotRecorded, where+" at commit "+git.ShortSHA(c.SHA), err)
	}
	r.report.AddNotTaken(where+" at commit "+git.ShortSHA(c.SHA), out.NotTaken, "createdAt")
	if out.Created {
		r.report.Add("dataset versions", 1)
	}
	r.versionIDs[d.identity()] = out.DatasetVersion.ID
	return out.DatasetVersion.ID, nil
}

// recordRunOf records the run of a stage once, with the first commit that contains it.
func (r *recorder) recordRunOf(c git.Commit, p *project, st *stage) error {
	if _, ok := r.runIDs[st.runID]; ok {
		return nil
	}
	clean := &git.TextCleaner{}
	in := facts.RecordRunInput{Producer: r.producer, RunID: st.runID, Name: shorten(st.name, 255), RunKind: st.kind, Command: clean.Text(st.command, registry.MaxText),
		Description: clean.Text(st.desc, registry.MaxText), Parameters: st.params, Metrics: r.metrics(c, st)}
	r.reportChanges(clean, "run of "+st.name+" at commit "+git.ShortSHA(c.SHA))
	known, err := r.s.Run(r.ctx, nil, &in.Producer, &in.RunID)
	if err != nil {
		return err
	}
	if known == nil {
		in.StartedAt, in.Commits = c.At, []string{c.SHA}
	} else {
		in.RunKind = known.RunKind // The first commit decides the kind; dvc.yaml may have changed since.
	}
	var inputs []datasetVersion
	if inputs, err = r.inputs(c, p, st); err != nil {
		return err
	}
	for _, d := range inputs {
		id, err := r.recordDatasetVersion(c, d, st.name, facts.RecordDatasetVersionInput{Role: registry.OtherData})
		if err != nil {
			return err
		}
		if id != "" && !slices.Contains(in.Inputs, id) {
			in.Inputs = append(in.Inputs, id)
		}
	}
	for _, o := range st.outs {
		if id := r.versionIDs[o.identity()]; id != "" {
			in.Outputs = append(in.Outputs, id)
		}
	}
	if st.paramsLeftOut > 0 {
		r.report.AddProblem(git.NotRecorded, "run of "+st.name+" at commit "+git.ShortSHA(c.SHA), "its parameters: they have %d bytes, and a run has at most %d", st.paramsLeftOut, registry.MaxJSON)
	}
	id, err := r.recordRun(st, in)
	if r.runIDs[st.runID] = id; err != nil || id == "" {
		return err
	}
	for _, d := range inputs {
		r.readersOf[d.identity()] = append(r.readersOf[d.identity()], id)
	}
	return nil
}

// recordRun records a run. When an edge is refused because it closes a cycle, or when there
// are too many edges, it records the run without edges and then links each edge by itself,
// so that only refused edges are missing.
func (r *recorder) recordRun(st *stage, in facts.RecordRunInput) (registry.ID, error) {
	const maxEdges = 900 // service.RecordRun takes 1000, including the commits.
	if len(in.Inputs)+len(in.Outputs) <= maxEdges {
		out, err := r.s.RecordRun(r.ctx, in)
		if err == nil {
			r.countRun(st, out)
			return out.Run.ID, nil
		}
		if registry.CodeOf(err) != registry.FailedPrecondition {
			return "", r.report.AddRefusal(git.NotRecorded, "run of "+st.name, err)
		}
	}
	bare := in
	bare.Inputs, bare.Outputs = nil, nil
	out, err := r.s.RecordRun(r.ctx, bare)
	if err != nil {
		return "", r.report.AddRefusal(git.NotRecorded, "run of "+st.name, err)
	}
	r.countRun(st, out)
	for _, id := range in.Inputs {
		if err := r.link(st.name+" read "+string(id), out.Run.ID, id, registry.EdgeUsed); err != nil {
			return "", err
		}
	}
	for _, id := range in.Outputs {
		if slices.Contains(in.Inputs, id) {
			continue
		}
		if err := r.link(st.name+" wrote "+string(id), id, out.Run.ID, registry.EdgeGeneratedBy); err != nil {
			return "", err
		}
	}
	return out.Run.ID, nil
}

func (r *recorder) countRun(st *stage, out *facts.RecordRunPayload) {
	r.report.AddNotTaken("run of "+st.name, out.NotTaken)
	if out.Created {
		r.report.Add("runs", 1)
	}
}

// link records one edge, or reports it as not recorded.
func (r *recorder) link(what string, from, to registry.ID, kind registry.EdgeKind) error {
	_, err := r.s.LinkLineage(r.ctx, facts.LinkLineageInput{From: from, To: to, Kind: kind})
	return r.report.AddRefusal(git.NotRecorded, "that "+what, err)
}

// metrics merges the metrics files that a stage wrote.
func (r *recorder) metrics(c git.Commit, st *stage) (out []registry.Metric) {
	for _, o := range st.outs {
		if o.metric && !o.external {
			out = mergeMetrics(out, r.reader.metricsOf(c, o.path, o.digest))
		}
	}
	return out
}

// inputs returns the data among the dependencies of a stage. It leaves out code that git
// tracks: the commit of the run covers it.
func (r *recorder) inputs(c git.Commit, p *project, st *stage) (out []datasetVersion, err error) {
	for _, d := range st.deps {
		switch {
		case strings.HasPrefix(d.path, "ds://"):
			if d.dataset == nil {
				ds := p.datasets[strings.TrimPrefix(d.path, "ds://")]
				ds.Name = cmp.Or(ds.Name, strings.TrimPrefix(d.path, "ds://"))
				named := r.reader.naming(c).named(ds)
				d.dataset = &named
			}
			out = append(out, *d.dataset)
		case d.external:
			out = append(out, d.datasetVersion)
		default:
			data := r.dependencyData(c, p, st, d)
			if data == nil {
				_, isInGit, err := r.reader.repo.BlobAt(c, d.path)
				if err != nil {
					r.report.AddProblem(git.NotRead, st.name+" at commit "+git.ShortSHA(c.SHA), "whether %s is code: %v", d.path, err)
				}
				if isInGit || err != nil {
					continue
				}
				data = []datasetVersion{d.datasetVersion} // The run read it, though neither git nor DVC tracks it.
			}
			out = append(out, data...)
		}
	}
	return out, nil
}

// dependencyData returns the data that a dependency refers to: the output of a .dvc file or
// another stage at its path, the folder that contains it, or every output inside it.
func (r *recorder) dependencyData(c git.Commit, p *project, st *stage, d item) (out []datasetVersion) {
	addIfOverlapping := func(at string, data datasetVersion) {
		switch {
		case at == d.path:
			if d.digest != "" && data.digest != "" && d.digest != data.digest {
				r.report.AddProblem(git.Remark, st.name+" at commit "+git.ShortSHA(c.SHA), "it is stale: it read another %s than the commit has; what it read is recorded", d.path)
			}
			out = append(out, d.datasetVersion)
		case contains(at, d.path) || contains(d.path, at):
			out = append(out, data)
		}
	}
	for _, t := range p.tracked {
		addIfOverlapping(t.path, t.datasetVersion)
	}
	for _, other := range p.stages {
		if other == st {
			continue
		}
		for _, o := range other.outs {
			if !o.external {
				addIfOverlapping(o.path, o.datasetVersion)
			}
		}
	}
	return out
}
