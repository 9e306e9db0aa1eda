package dvc

import (
	"context"
	"slices"
	"strings"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/facts"
)

// recorder writes what projects say into the registry, each fact once.
type recorder struct {
	ctx      context.Context
	s        Registry
	read     *reader
	report   *git.Report
	producer string
	// data and runs hold what was recorded in this import, "" for what was refused.
	data map[data]registry.ID
	runs map[string]registry.ID
	// readers are the runs that read a state, by what they read.
	readers map[data][]registry.ID
	// derived holds the imports that were linked.
	derived map[[2]registry.ID]bool
}

func newRecorder(ctx context.Context, s Registry, read *reader, report *git.Report) *recorder {
	for _, kind := range []string{"dataset versions", "runs"} {
		report.Add(kind, 0)
	}
	return &recorder{ctx: ctx, s: s, read: read, report: report, producer: fit("dvc:"+read.namespace, 255),
		data: map[data]registry.ID{}, runs: map[string]registry.ID{}, readers: map[data][]registry.ID{}, derived: map[[2]registry.ID]bool{}}
}

// identity is a state without what does not tell it apart.
func (d data) identity() data {
	if d.digest != "" {
		return data{place: d.place, digest: d.digest}
	}
	return data{place: d.place, version: d.version}
}

// commit records what a commit is the first to carry.
func (r *recorder) commit(c git.Commit, p *project) error {
	for _, t := range p.tracked {
		if err := r.tracked(c, t); err != nil {
			return err
		}
	}
	for _, st := range p.stages {
		for i := range st.outs {
			if err := r.out(c, p, st, &st.outs[i]); err != nil {
				return err
			}
		}
	}
	for _, st := range p.stages {
		if err := r.run(c, p, st); err != nil {
			return err
		}
	}
	return nil
}

// tracked records the output of a .dvc file, and where it was imported from.
func (r *recorder) tracked(c git.Commit, t tracked) error {
	in := facts.RecordDatasetVersionInput{Role: registry.RawData, Description: t.desc, Owner: t.owner}
	seen := map[string]bool{}
	for _, l := range t.labels {
		if !seen[l] {
			seen[l] = true
			in.Tags = append(in.Tags, registry.KeyValue{Key: l})
		}
	}
	id, err := r.state(c, t.data, t.file, in)
	if err != nil || id == "" || t.source == nil {
		return err
	}
	source, err := r.state(c, *t.source, t.file, facts.RecordDatasetVersionInput{Role: registry.OtherData})
	if err != nil || source == "" {
		return err
	}
	// Linked by itself: the same data may have been added by hand before.
	if pair := [2]registry.ID{id, source}; !r.derived[pair] {
		r.derived[pair] = true
		return r.link(t.file+" was imported from "+t.source.name, id, source, registry.EdgeDerivedFrom)
	}
	return nil
}

// out records an output of a stage. One without a digest or version of its own is
// told apart by the run that wrote it.
func (r *recorder) out(c git.Commit, p *project, st *stage, it *item) error {
	if it.digest == "" && it.version == "" {
		it.version = string(registry.NewRunID(r.producer, st.runID))
	}
	_, err := r.state(c, it.data, st.name, facts.RecordDatasetVersionInput{Role: p.role(st, *it), Description: it.desc})
	return err
}

// state records a state of a dataset once and returns its id, "" when the
// registry refuses it, which is listed.
func (r *recorder) state(c git.Commit, d data, where string, in facts.RecordDatasetVersionInput) (registry.ID, error) {
	if id, ok := r.data[d.identity()]; ok {
		return id, nil
	}
	in.Namespace, in.Dataset, in.Digest, in.Version, in.SizeBytes, in.CreatedAt = d.namespace, d.name, d.digest, d.version, d.size, c.At
	out, err := r.s.RecordDatasetVersion(r.ctx, in)
	if err != nil {
		r.data[d.identity()] = ""
		return "", r.report.List(git.NotRecorded, where+" at commit "+git.Short(c.SHA), err)
	}
	if out.Created {
		r.report.Add("dataset versions", 1)
	}
	r.data[d.identity()] = out.DatasetVersion.ID
	return out.DatasetVersion.ID, nil
}

// run records a run of a stage: once, with the first commit that carries it.
func (r *recorder) run(c git.Commit, p *project, st *stage) error {
	if _, ok := r.runs[st.runID]; ok {
		return nil
	}
	in := facts.RecordRunInput{Producer: r.producer, RunID: st.runID, Name: fit(st.name, 255), RunKind: st.kind, Command: st.command,
		Description: st.desc, Parameters: st.params, Metrics: r.metrics(c, st)}
	known, err := r.s.Run(r.ctx, nil, &in.Producer, &in.RunID)
	if err != nil {
		return err
	}
	if known == nil {
		in.StartedAt, in.Commits = c.At, []string{c.SHA}
	} else {
		in.RunKind = known.RunKind // The first commit decided; dvc.yaml may say otherwise now.
	}
	var inputs []data
	if inputs, err = r.inputs(c, p, st); err != nil {
		return err
	}
	for _, d := range inputs {
		id, err := r.state(c, d, st.name, facts.RecordDatasetVersionInput{Role: registry.OtherData})
		if err != nil {
			return err
		}
		if id != "" && !slices.Contains(in.Inputs, id) {
			in.Inputs = append(in.Inputs, id)
		}
	}
	for _, o := range st.outs {
		if id := r.data[o.identity()]; id != "" {
			in.Outputs = append(in.Outputs, id)
		}
	}
	id, err := r.record(st, in)
	if r.runs[st.runID] = id; err != nil || id == "" {
		return err
	}
	for _, d := range inputs {
		r.readers[d.identity()] = append(r.readers[d.identity()], id)
	}
	return nil
}

// record records a run. When one of its edges is refused, because it would close
// a cycle or there are too many, the run stands and its edges are linked one by
// one, so that only the refused ones are missing.
func (r *recorder) record(st *stage, in facts.RecordRunInput) (registry.ID, error) {
	const most = 900 // service.RecordRun takes 1000 with the commits.
	if len(in.Inputs)+len(in.Outputs) <= most {
		out, err := r.s.RecordRun(r.ctx, in)
		if err == nil {
			r.count(out)
			return out.Run.ID, nil
		}
		if registry.CodeOf(err) != registry.FailedPrecondition {
			return "", r.report.List(git.NotRecorded, "run of "+st.name, err)
		}
	}
	bare := in
	bare.Inputs, bare.Outputs = nil, nil
	out, err := r.s.RecordRun(r.ctx, bare)
	if err != nil {
		return "", r.report.List(git.NotRecorded, "run of "+st.name, err)
	}
	r.count(out)
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

func (r *recorder) count(out *facts.RecordRunPayload) {
	if out.Created {
		r.report.Add("runs", 1)
	}
}

// link records one edge, or lists it as not recorded.
func (r *recorder) link(what string, from, to registry.ID, kind registry.EdgeKind) error {
	_, err := r.s.LinkLineage(r.ctx, facts.LinkLineageInput{From: from, To: to, Kind: kind})
	return r.report.List(git.NotRecorded, "that "+what, err)
}

// metrics joins the metrics files that a stage wrote.
func (r *recorder) metrics(c git.Commit, st *stage) (out []registry.Metric) {
	for _, o := range st.outs {
		if o.metric && !o.outside {
			out = join(out, r.read.metricsOf(c, o.path, o.digest))
		}
	}
	return out
}

// inputs finds the data among what a stage depends on. Code, which git tracks, is
// covered by the commit that the run ran.
func (r *recorder) inputs(c git.Commit, p *project, st *stage) (out []data, err error) {
	for _, d := range st.deps {
		switch {
		case strings.HasPrefix(d.path, "ds://"):
			ds := p.datasets[strings.TrimPrefix(d.path, "ds://")]
			if ds.Name == "" {
				ds.Name = strings.TrimPrefix(d.path, "ds://")
			}
			out = append(out, namedDataset(ds))
		case d.outside:
			out = append(out, d.data)
		default:
			made := r.makers(c, p, st, d)
			if made == nil {
				_, there, err := r.read.repo.At(c, d.path)
				if err != nil {
					r.report.Tell(git.NotRead, st.name+" at commit "+git.Short(c.SHA), "whether %s is code: %v", d.path, err)
				}
				if there || err != nil {
					continue
				}
				made = []data{d.data} // Neither git nor DVC has it, yet the run read it.
			}
			out = append(out, made...)
		}
	}
	return out, nil
}

// makers finds the data that a dependency is: what a .dvc file or another stage
// makes at that path; the folder that it lies in; or all that lies in it.
func (r *recorder) makers(c git.Commit, p *project, st *stage, d item) (out []data) {
	consider := func(at string, made data) {
		switch {
		case at == d.path:
			if d.digest != "" && made.digest != "" && d.digest != made.digest {
				r.report.Tell(git.Remark, st.name+" at commit "+git.Short(c.SHA), "it is stale: it read another %s than the commit has; what it read is recorded", d.path)
			}
			out = append(out, d.data)
		case holds(at, d.path) || holds(d.path, at):
			out = append(out, made)
		}
	}
	for _, t := range p.tracked {
		consider(t.path, t.data)
	}
	for _, other := range p.stages {
		if other == st {
			continue
		}
		for _, o := range other.outs {
			if !o.outside {
				consider(o.path, o.data)
			}
		}
	}
	return out
}

// namedDataset is a dataset of the section datasets of dvc.lock.
func namedDataset(d lockDataset) data {
	version := d.RevLock
	if version == "" {
		version = d.Rev
	}
	if d.Type == "dvc" {
		return data{place: ofRepository(d.URL, d.Path), version: version}
	}
	if d.URL == "" {
		return data{place: place{"dvc-dataset", d.Name}, version: version}
	}
	return data{place: outside(d.URL), version: version}
}
