package dvc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"pedigree/registry"
)

// project holds the contents of the DVC files of one commit. Paths are relative to the root
// of the repository.
type project struct {
	tracked   []trackedFile
	stages    []*stage
	artifacts map[string]resolvedArtifact // by GTO's name: NAME, or DIR=NAME
	// planned lists the stages of dvc.yaml that have no entry in dvc.lock.
	planned []string
	// metricsFiles holds the files in the top-level metrics section of each dvc.yaml, by
	// folder.
	metricsFiles map[string][]string
	// datasets holds the datasets that stages refer to as ds://NAME, by name.
	datasets map[string]lockDataset
}

// datasetVersion is one version of a dataset.
type datasetVersion struct {
	datasetName
	digest, version string
	size            *int64
}

// trackedFile is an output of a .dvc file.
type trackedFile struct {
	datasetVersion
	path, file, desc string
	owner            string
	labels           []string
	// source is where the data was imported from; nil for data that was added with dvc add.
	source *datasetVersion
}

// stage is a stage that has run: one entry of a dvc.lock with the details of dvc.yaml.
type stage struct {
	// name is the address of the stage: train, or sub/dvc.yaml:train.
	name, dir, desc, command string
	runID                    string
	kind                     registry.RunKind
	deps, outs               []item
	params                   registry.JSON
	// paramsLeftOut is the size of parameters that are too large to record, 0 for others.
	paramsLeftOut int
	metaRole      string
}

// item is a dependency or an output of a stage.
type item struct {
	datasetVersion
	path          string
	desc          string
	model, metric bool
	// external is true when the path is a URL or outside the repository.
	external bool
}

// resolvedArtifact is an artifact with its path in the repository.
type resolvedArtifact struct {
	artifact
	path, dir string
}

// builder builds a project from the files of a commit.
type builder struct {
	namespace string
	out       *project
	remark    func(file, what string)
	locks     map[string]*lockFile     // by folder
	pipelines map[string]*pipelineFile // by folder
}

// addDVC adds the outputs of a .dvc file.
func (b *builder) addDVC(file string, f *dvcFile) {
	dir := path.Dir(file)
	if f.Cmd != nil {
		b.remark(file, "it holds a command, as DVC before 1.0 wrote stages; its outputs are recorded, its run is not")
	}
	for _, o := range f.Outs {
		p, ok := resolveInRepository(dir, f.WDir, o.Path)
		if !ok {
			b.remark(file, fmt.Sprintf("its output %s lies outside the repository", registry.Shorten(o.Path, 200)))
			continue
		}
		t := trackedFile{path: p, file: file, desc: o.Desc, labels: o.Labels, datasetVersion: datasetVersion{datasetName{b.namespace, p}, o.digest(), o.version(), o.Size}}
		if t.desc == "" {
			t.desc = f.Desc
		}
		t.owner, _ = f.Meta["owner"].(string)
		if f.Cmd == nil && len(f.Deps) > 0 {
			t.source = importedFrom(&f.Deps[0])
		}
		b.out.tracked = append(b.out.tracked, t)
	}
}

// importedFrom returns the source of a .dvc file: a file of another repository at a commit,
// or the data at a URL or path. It returns nil for a database or an empty path.
func importedFrom(d *entry) *datasetVersion {
	if d.Repo != nil {
		return &datasetVersion{datasetName: datasetInRepository(d.Repo.URL, d.Path), version: d.Repo.RevLock}
	}
	if d.DB != nil || d.Path == "" {
		return nil
	}
	return &datasetVersion{datasetName: externalDataset(d.Path), digest: d.digest(), version: d.version(), size: d.Size}
}

// build combines the dvc.lock and dvc.yaml files, folder by folder.
func (b *builder) build() *project {
	for _, dir := range sortedKeys(b.pipelines) {
		for _, m := range outSpecs(&b.pipelines[dir].Metrics) {
			if p, ok := resolveInRepository(dir, "", m.Path); ok {
				b.out.metricsFiles[dir] = append(b.out.metricsFiles[dir], p)
			}
		}
		for name, a := range b.pipelines[dir].Artifacts {
			gto := name
			if dir != "." {
				gto = dir + "=" + name
			}
			p, _ := resolveInRepository(dir, "", a.Path)
			b.out.artifacts[gto] = resolvedArtifact{a, p, dir}
		}
	}
	for _, dir := range sortedKeys(b.locks) {
		lock := b.locks[dir]
		for _, d := range lock.Datasets {
			b.out.datasets[d.Name] = d
		}
		for _, name := range sortedKeys(lock.Stages) {
			b.out.stages = append(b.out.stages, b.stage(dir, name, lock.Stages[name]))
		}
	}
	for _, dir := range sortedKeys(b.pipelines) {
		for _, name := range sortedKeys(b.pipelines[dir].Stages) {
			if !b.hasRun(dir, name) {
				b.out.planned = append(b.out.planned, address(dir, name))
			}
		}
	}
	for _, st := range b.out.stages {
		st.kind = b.runKind(st)
	}
	return b.out
}

func (b *builder) hasRun(dir, name string) bool {
	lock := b.locks[dir]
	if lock == nil {
		return false
	}
	for known := range lock.Stages {
		if g, _ := splitForeach(known); known == name || g == name {
			return true
		}
	}
	return false
}

// address returns DVC's name of a stage: its bare name in the root folder, or else with the
// path of its dvc.yaml.
func address(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/dvc.yaml:" + name
}

// stage combines an entry of dvc.lock with its stage in dvc.yaml. The paths of dvc.lock are
// relative to the wdir, which only dvc.yaml has.
func (b *builder) stage(dir, name string, lock lockStage) *stage {
	st := &stage{name: address(dir, name), dir: dir, command: command(lock.Cmd)}
	spec := b.stageSpec(dir, name)
	st.desc = spec.Desc
	st.metaRole, _ = spec.Meta["role"].(string)
	wdir := b.wdir(st.name, name, spec.WDir)
	for i := range lock.Deps {
		st.deps = append(st.deps, b.item(dir, wdir, &lock.Deps[i]))
	}
	outs, metrics := outSpecs(&spec.Outs), outSpecs(&spec.Metrics)
	for i := range lock.Outs {
		it := b.item(dir, wdir, &lock.Outs[i])
		for _, o := range outs {
			if matchesTemplate(o.Path, lock.Outs[i].Path) {
				it.desc, it.model = o.Desc, it.model || o.Type == "model"
			}
		}
		it.metric = slices.ContainsFunc(metrics, func(o outSpec) bool { return matchesTemplate(o.Path, lock.Outs[i].Path) }) ||
			slices.Contains(b.out.metricsFiles[dir], it.path)
		for _, a := range b.out.artifacts {
			it.model = it.model || a.isModel() && a.path == it.path
		}
		st.outs = append(st.outs, it)
	}
	stored, full := parameters(lock.Params)
	st.params, st.runID = stored, runID(st, full)
	if stored == nil {
		st.paramsLeftOut = len(full)
	}
	return st
}

// isModel reports whether an artifact is a model. An artifact without a type is a model.
func (a resolvedArtifact) isModel() bool { return a.Type == "" || strings.EqualFold(a.Type, "model") }

// stageSpec returns a stage of dvc.yaml, also for a stage that foreach or matrix generates.
func (b *builder) stageSpec(dir, name string) pipelineStage {
	p := b.pipelines[dir]
	if p == nil {
		return pipelineStage{}
	}
	st, ok := p.Stages[name]
	if !ok {
		g, _ := splitForeach(name)
		st = p.Stages[g]
	}
	if st.Do == nil {
		return st
	}
	do := *st.Do
	if do.Meta == nil {
		do.Meta = st.Meta
	}
	if do.Desc == "" {
		do.Desc = st.Desc
	}
	return do
}

// wdir replaces the templates of the foreach key in a wdir. It reports other templates,
// because only DVC can resolve them.
func (b *builder) wdir(address, name, wdir string) string {
	_, key := splitForeach(name)
	if key != "" {
		wdir = strings.NewReplacer("${item}", key, "${key}", key).Replace(wdir)
	}
	if strings.Contains(wdir, "${") {
		b.remark(address, fmt.Sprintf("its wdir %q is a template that only DVC resolves; its paths are taken from the folder of its dvc.yaml", wdir))
		return ""
	}
	return wdir
}

func (b *builder) item(dir, wdir string, e *entry) item {
	p, ok := resolveInRepository(dir, wdir, e.Path)
	it := item{path: p, external: !ok, datasetVersion: datasetVersion{datasetName{b.namespace, p}, e.digest(), e.version(), e.Size}}
	if !ok {
		it.datasetName = externalDataset(p)
	}
	return it
}

// runID identifies a run of a stage: the stage and a digest of its resolved entry. The
// order of entries and their sizes do not matter.
func runID(st *stage, params registry.JSON) string {
	itemLines := func(items []item) (out []string) {
		for _, it := range items {
			out = append(out, strings.Join([]string{it.namespace, it.path, it.digest, it.version}, "\x00"))
		}
		slices.Sort(out)
		return out
	}
	raw, err := registry.Canonical(map[string]any{"cmd": st.command, "deps": itemLines(st.deps), "outs": itemLines(st.outs), "params": params})
	if err != nil {
		raw = []byte(st.command) // Cannot happen: every part is text.
	}
	sum := sha256.Sum256(raw)
	return shorten(st.name, 180) + "#" + hex.EncodeToString(sum[:16])
}

// shorten limits a name to maxRunes characters. A hash keeps shortened names distinct.
func shorten(s string, maxRunes int) string {
	if len([]rune(s)) <= maxRunes {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return string([]rune(s)[:maxRunes-17]) + "…" + hex.EncodeToString(sum[:8])
}

// command returns the command of a stage as text, with one line for each item of a list.
func command(cmd any) string {
	if list, ok := cmd.([]any); ok {
		var lines []string
		for _, l := range list {
			lines = append(lines, fmt.Sprint(l))
		}
		return strings.Join(lines, "\n")
	}
	return fmt.Sprint(cmd)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
