package dvc

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"pedigree/connect/git"
	"pedigree/registry"
)

// modelEndings are the endings of files that hold models.
var modelEndings = []string{".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".hdf5", ".keras", ".pb", ".tflite", ".safetensors", ".gguf",
	".model", ".cbm", ".ubj", ".xgb", ".mlmodel", ".rds", ".sav", ".skops", ".pmml", ".bst"}

// modelWord matches names that call a file or folder a model.
var modelWord = regexp.MustCompile(`(?i)(^|[^a-z])(models?|weights|classifier|regressor|estimator)([^a-z]|$)`)

// looksLikeModel reports whether the name of a file or folder is one of a model.
func looksLikeModel(p string) bool {
	return slices.Contains(modelEndings, strings.ToLower(path.Ext(p))) || path.Ext(p) == "" && modelWord.MatchString(path.Base(p))
}

// addCandidates collects the outputs of a project that may be models: of stages that
// train, of type model, the paths of artifacts, and names that models have.
func (m *modelStates) addCandidates(p *project) {
	for _, st := range p.stages {
		var models, beside []string
		for _, o := range st.outs {
			switch {
			case o.external || o.metric || o.plot:
			case o.model || looksLikeModel(o.path):
				models = append(models, o.path)
			case st.kind == registry.RunTraining:
				beside = append(beside, o.path)
			}
		}
		if len(models) == 0 && st.kind == registry.RunTraining && len(beside) > 0 {
			models, beside = beside[:1], beside[1:]
		}
		if len(models) == 0 {
			continue
		}
		main := slices.IndexFunc(models, func(o string) bool {
			return slices.ContainsFunc(st.outs, func(it item) bool { return it.path == o && it.model })
		})
		if main < 0 {
			main = max(0, slices.IndexFunc(models, func(o string) bool { return modelWord.MatchString(path.Base(o)) }))
		}
		c := git.Candidate{Model: m.nameOf(p, models[main]), Path: models[main], Why: "an output of the stage " + st.name}
		c.Beside = slices.DeleteFunc(slices.Concat(models, beside), func(o string) bool { return o == models[main] })
		m.candidates[c.Path] = c
	}
	for _, name := range sortedKeys(p.artifacts) {
		a := p.artifacts[name]
		if _, known := m.candidates[a.path]; !known && a.isModel() && a.path != "" {
			m.candidates[a.path] = git.Candidate{Model: strings.ReplaceAll(name, "/", "="), Path: a.path, Why: "an artifact without a tag"}
		}
	}
	for _, t := range p.tracked {
		if _, known := m.candidates[t.path]; !known && looksLikeModel(t.path) {
			m.candidates[t.path] = git.Candidate{Model: m.nameOf(p, t.path), Path: t.path, Why: "tracked by " + t.file}
		}
	}
}

// nameOf returns a name for the model at a path: that of its artifact, else of the file.
func (m *modelStates) nameOf(p *project, at string) string {
	for _, name := range sortedKeys(p.artifacts) {
		if p.artifacts[name].path == at {
			return strings.ReplaceAll(name, "/", "=")
		}
	}
	name := strings.TrimSuffix(path.Base(at), path.Ext(at))
	return strings.NewReplacer("=", "-", ":", "-", " ", "-").Replace(name)
}

// list returns the candidates by path. A file that goes with another one is none itself.
func (m *modelStates) list() (out []git.Candidate) {
	beside := map[string]bool{}
	for _, c := range m.candidates {
		for _, b := range c.Beside {
			beside[b] = true
		}
	}
	for _, at := range sortedKeys(m.candidates) {
		if !beside[at] {
			out = append(out, m.candidates[at])
		}
	}
	return out
}
