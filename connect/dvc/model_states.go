package dvc

import (
	"path"
	"slices"
	"strings"
	"time"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// modelRule says that the states of an output are the versions of a model.
type modelRule struct {
	model string
	// path is a file, a folder or a glob.
	path string
}

// parseModelRules parses the values of --model: NAME=PATH.
func parseModelRules(values []string) (out []modelRule, err error) {
	for _, v := range values {
		name, p, ok := strings.Cut(v, "=")
		if !ok || p == "" {
			return nil, registry.Invalid("model", "%q is not NAME=PATH, such as churn=models/churn.pkl", registry.Shorten(v, 100))
		}
		if err := core.CheckName("model", &name); err != nil {
			return nil, err
		}
		p = path.Clean(strings.ReplaceAll(p, `\`, "/"))
		if _, err := path.Match(p, ""); err != nil {
			return nil, registry.Invalid("model", "%q is no pattern of a path", registry.Shorten(p, 100))
		}
		out = append(out, modelRule{name, p})
	}
	return out, nil
}

// modelFiles is what a model consists of at a commit.
type modelFiles struct {
	// writer is the stage that wrote the files, nil for files of .dvc files.
	writer *stage
	files  []item
}

// key identifies the state: the digests of its files.
func (m modelFiles) key() string {
	var b strings.Builder
	for _, f := range m.files {
		b.WriteString(f.path + "\x00" + f.identity().digest + f.identity().version + "\n")
	}
	if len(m.files) == 1 { // The same file under another name is the same state.
		return m.files[0].digest + m.files[0].version
	}
	return b.String()
}

// matchesPath reports whether a path is the one of a rule, in its folder, or matches its glob.
func matchesPath(rule, p string) bool {
	ok, err := path.Match(rule, p)
	return contains(rule, p) || ok && err == nil
}

// find returns the files of a rule in a project: those of the first stage that writes one,
// or else of .dvc files. When the rule names a file in an output folder, the folder is it.
func (rule modelRule) find(p *project) (out modelFiles, found bool) {
	take := func(st *stage, it item) {
		if it.digest != "" || it.version != "" {
			out.writer, out.files = st, append(out.files, it)
		}
	}
	for _, match := range []func(string) bool{func(at string) bool { return at == rule.path }, func(at string) bool { return matchesPath(rule.path, at) || contains(at, rule.path) }} {
		for _, st := range p.stages {
			for _, o := range st.outs {
				if !o.external && !o.metric && !o.plot && match(o.path) {
					take(st, o)
				}
			}
			if len(out.files) > 0 {
				return out, true
			}
		}
		for _, t := range p.tracked {
			if match(t.path) {
				take(nil, item{datasetVersion: t.datasetVersion, path: t.path, desc: t.desc})
			}
		}
		if len(out.files) > 0 {
			return out, true
		}
	}
	return out, false
}

// modelState is the first commit that has a state of a model.
type modelState struct {
	model, key string
	commit     git.Commit
	authoredAt time.Time
	rule       modelRule
}

// modelStates collects the states of the models of the rules, and what may be models.
type modelStates struct {
	rules      []modelRule
	artifacts  []string // paths and globs of what joins a version
	states     []modelState
	seen       map[string]bool
	candidates map[string]git.Candidate
}

func newModelStates(o Options) (*modelStates, error) {
	rules, err := parseModelRules(o.Models)
	m := &modelStates{rules: rules, seen: map[string]bool{}, candidates: map[string]git.Candidate{}}
	for _, a := range o.Artifacts {
		m.artifacts = append(m.artifacts, path.Clean(strings.ReplaceAll(a, `\`, "/")))
	}
	return m, err
}

// observe collects the states that a commit has first.
func (m *modelStates) observe(c git.Commit, p *project) {
	for _, rule := range m.rules {
		found, ok := rule.find(p)
		if !ok {
			continue
		}
		if key := found.key(); !m.seen[rule.model+"\n"+key] {
			m.seen[rule.model+"\n"+key] = true
			m.states = append(m.states, modelState{model: rule.model, key: key, commit: c, rule: rule})
		}
	}
	if len(m.rules) == 0 {
		m.addCandidates(p)
	}
}

// stateRecorder registers the states of models as versions.
type stateRecorder struct {
	*gtoRecorder
	states *modelStates
	// tags holds the tags by commit.
	tags map[string][]git.Tag
}

// registerStates registers each state that has no version yet, oldest first.
func (g *gtoRecorder) registerStates(m *modelStates) error {
	s := &stateRecorder{gtoRecorder: g, states: m, tags: map[string][]git.Tag{}}
	for _, t := range g.repo.Tags() {
		s.tags[t.SHA] = append(s.tags[t.SHA], t)
	}
	for i := range m.states {
		m.states[i].authoredAt = g.repo.Author(m.states[i].commit).At
	}
	slices.SortStableFunc(m.states, func(a, b modelState) int { return a.authoredAt.Compare(b.authoredAt) })
	for _, rule := range m.rules {
		if !slices.ContainsFunc(m.states, func(st modelState) bool { return st.rule == rule }) {
			g.report.AddProblem(git.NotRecorded, "model "+rule.model, "no commit has an output %s in dvc.lock or a .dvc file; paths begin at the root of the repository", rule.path)
		}
	}
	known := map[string]map[string]bool{}
	for i, st := range m.states {
		g.repo.Progress("registering states of models", i+1, len(m.states))
		if known[st.model] == nil {
			var err error
			if known[st.model], err = s.knownStates(st.model); err != nil {
				return err
			}
		}
		if known[st.model]["another repository"] || known[st.model][st.key] || known[st.model][git.ShortSHA(st.commit.SHA)] {
			continue
		}
		if err := s.register(st); err != nil {
			return err
		}
	}
	return nil
}

// knownStates returns the labels, and the states of the files, of the versions that a model
// has.
func (s *stateRecorder) knownStates(model string) (map[string]bool, error) {
	known := map[string]bool{}
	owner, err := s.rec.otherOwner(model)
	if err != nil {
		return nil, err
	}
	if owner != "" {
		s.report.AddProblem(git.NotRecorded, "model "+model, "%s", belongsTo(owner))
		return map[string]bool{"another repository": true}, nil
	}
	m, err := s.s.Model(s.ctx, model)
	if err != nil || m == nil {
		return known, err
	}
	first := core.MaxPage
	for page := (core.Paging{First: &first}); ; {
		versions, err := s.s.VersionsOf(s.ctx, m, page, nil, nil)
		if err != nil {
			return nil, err
		}
		for _, e := range versions.Edges {
			known[e.Node.Label] = true
			causes, err := s.s.Upstream(s.ctx, e.Node, core.Paging{First: &first})
			if err != nil {
				return nil, err
			}
			for _, cause := range causes.Edges {
				for _, st := range s.states.states {
					known[st.key] = known[st.key] || s.madeBy(st, model, cause.Node.NodeMeta().ID)
				}
			}
		}
		if !versions.PageInfo.HasNextPage {
			return known, nil
		}
		page.After = &versions.PageInfo.EndCursor
	}
}

// madeBy reports whether a run wrote a state of a model, or a dataset version is it.
func (s *stateRecorder) madeBy(st modelState, model string, cause registry.ID) bool {
	if st.model != model {
		return false
	}
	p, _ := s.rec.reader.project(st.commit)
	found, ok := st.rule.find(p)
	if !ok {
		return false
	}
	if found.writer != nil {
		return s.rec.runIDs[found.writer.runID] == cause
	}
	return s.rec.versionIDs[found.files[0].identity()] == cause
}

// register registers a state: with the semver of a tag on its commit, else the next minor
// version.
func (s *stateRecorder) register(st modelState) error {
	where := "model " + st.model + " at commit " + git.ShortSHA(st.commit.SHA)
	p, _ := s.rec.reader.project(st.commit)
	found, ok := st.rule.find(p)
	if !ok {
		return nil // A project of a commit is the same each time.
	}
	a := resolvedArtifact{path: found.files[0].path, dir: path.Dir(found.files[0].path)}
	if found.writer != nil {
		a.dir = found.writer.dir
	}
	author := s.repo.Author(st.commit)
	in := catalog.RegisterModelVersionInput{Model: st.model, Label: git.ShortSHA(st.commit.SHA), CreatedDate: st.commit.At, CreateModel: true, Description: found.files[0].desc}
	file := s.describeArtifact(&in, st.commit, p, a, where)
	in.Owner = author.Name
	for _, f := range slices.Concat(found.files[1:], s.beside(found)) {
		in.Artifacts = append(in.Artifacts, catalog.ArtifactInput{Name: f.path, Digest: f.digest, SizeBytes: f.size})
	}
	version, tag := s.taggedVersion(st)
	if version != "" {
		in.Version = &version
		if id, ok := s.repo.TagNode(tag); ok {
			in.ReleasedFrom = &id
		}
	}
	out, err := s.s.RegisterModelVersion(s.ctx, in)
	if registry.CodeOf(err) == registry.AlreadyExists && in.Version != nil {
		s.report.AddProblem(git.Remark, where, "the version %s of its tag %s is taken, so it gets the next one", version, tag)
		in.Version, in.ReleasedFrom = nil, nil
		out, err = s.s.RegisterModelVersion(s.ctx, in)
	}
	if err != nil {
		return s.report.AddRefusal(git.NotRecorded, where, err)
	}
	s.report.Add("model versions", 1)
	return s.linkReaders(out.ModelVersion, file)
}

// beside returns the outputs of the same run that --artifact names.
func (s *stateRecorder) beside(found modelFiles) (out []item) {
	if found.writer == nil {
		return nil
	}
	for _, o := range found.writer.outs {
		isModel := slices.ContainsFunc(found.files, func(f item) bool { return f.path == o.path })
		if !o.external && !isModel && slices.ContainsFunc(s.states.artifacts, func(a string) bool { return matchesPath(a, o.path) }) {
			out = append(out, o)
		}
	}
	return out
}

// taggedVersion returns the highest semver that a tag on the commit of a state names, and the
// tag: v1.2.0, 1.2.0 or MODEL@v1.2.0.
func (s *stateRecorder) taggedVersion(st modelState) (version, tag string) {
	var high registry.Version
	for _, t := range s.tags[st.commit.SHA] {
		name := strings.TrimPrefix(t.Name, st.model+"@")
		v, err := registry.ParseVersion(name)
		if err == nil && (tag == "" || v.Compare(high) > 0) {
			high, version, tag = v, v.String(), t.Name
		}
	}
	return version, tag
}
