package dvc

import (
	"cmp"
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
	// revLock is the commit of another repository that it was imported at, or "".
	revLock string
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
	path                string
	desc                string
	model, metric, plot bool
	// external is true when the path is a URL or outside the repository.
	external bool
	// dataset is the state of a dataset that the entry names as ds://NAME, nil when it has none.
	dataset *datasetVersion
}

// resolvedArtifact is an artifact with its path in the repository.
type resolvedArtifact struct {
	artifact
	path, dir string
}

// builder builds a project from the files of a commit.
type builder struct {
	naming
	out       *project
	remark    func(file, what string)
	locks     map[string]*lockFile     // by folder
	pipelines map[string]*pipelineFile // by folder
	// readValues returns the values of a file of parameters of the commit.
	readValues func(file string) map[string]any
	variables  map[string]variables // by folder; see variablesOf
	// oldArtifacts holds the annotations of GTO's former file artifacts.yaml.
	oldArtifacts map[string]oldArtifact
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
			b.remark(file, fmt.Sprintf("its output %s lies outside the repository", registry.Shorten(b.external(dir, o.Path).name, 200)))
			continue
		}
		t := trackedFile{path: p, file: file, desc: o.Desc, labels: o.Labels, datasetVersion: datasetVersion{datasetName{b.repository, p}, o.digest(), o.version(), o.Size}}
		if t.desc == "" {
			t.desc = f.Desc
		}
		t.owner = metaText(f.Meta, "owner")
		if f.Cmd == nil && len(f.Deps) > 0 {
			t.source, t.revLock = b.importedFrom(path.Join(dir, f.WDir), &f.Deps[0], t.digest)
		}
		b.out.tracked = append(b.out.tracked, t)
	}
}

// importedFrom returns the source of a .dvc file: a file of another repository, the data at
// a URL or path, or what a database returned. What dvc import and import-db took has the
// content of the output, so it has its digest: when the other repository is imported too, it
// is the same dataset version there. revLock is the commit that it was taken at.
func (b *builder) importedFrom(dir string, d *entry, digest string) (source *datasetVersion, revLock string) {
	switch {
	case d.Repo != nil:
		source = &datasetVersion{datasetName: b.inRepository(d.Repo.URL, d.Path), digest: digest}
		if revLock = d.Repo.RevLock; digest == "" {
			source.version = revLock
		}
		return source, revLock
	case d.DB != nil:
		return &datasetVersion{datasetName: b.inDatabase(d.DB), digest: digest}, ""
	case d.Path == "":
		return nil, ""
	}
	p, inside := resolveInRepository(dir, "", d.Path)
	source = &datasetVersion{datasetName: datasetName{b.repository, p}, digest: d.digest(), version: d.version(), size: d.Size}
	if !inside {
		source.datasetName = b.external(dir, d.Path)
	}
	return source, ""
}

// build combines the dvc.lock and dvc.yaml files, folder by folder.
func (b *builder) build() *project {
	for name, a := range b.oldArtifacts {
		a.Desc = cmp.Or(a.Desc, a.Description)
		b.out.artifacts[name] = b.artifact(".", a.artifact)
	}
	for _, dir := range sortedKeys(b.pipelines) {
		for _, m := range outSpecs(&b.pipelines[dir].Metrics) {
			if p, ok := resolveInRepository(dir, "", b.resolved(dir, m.Path)); ok {
				b.out.metricsFiles[dir] = append(b.out.metricsFiles[dir], p)
			}
		}
		for name, a := range b.pipelines[dir].Artifacts {
			gto := name
			if dir != "." {
				gto = dir + "=" + name
			}
			b.out.artifacts[gto] = b.artifact(dir, a)
		}
	}
	for _, dir := range sortedKeys(b.locks) {
		lock := b.locks[dir]
		for _, d := range lock.Datasets {
			b.out.datasets[d.Name] = d
		}
		for _, name := range sortedKeys(lock.Stages) {
			spec, known := b.stageSpec(dir, name)
			if !known {
				b.remark(address(dir, name), "dvc.lock has an entry of it and dvc.yaml has no such stage, as after a stage was renamed or removed; the entry is left out")
				continue
			}
			b.out.stages = append(b.out.stages, b.stage(dir, name, spec, lock.Stages[name]))
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
		if g, _ := splitForeach(known, b.pipelines[dir].Stages); known == name || g == name {
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
func (b *builder) stage(dir, name string, spec stageSpec, lock lockStage) *stage {
	st := &stage{name: address(dir, name), dir: dir, command: registry.WithoutCredentials(command(lock.Cmd)), desc: spec.Desc, metaRole: metaText(spec.Meta, "role")}
	wdir := b.wdir(st.name, spec)
	for i := range lock.Deps {
		st.deps = append(st.deps, b.item(dir, wdir, &lock.Deps[i]))
	}
	outs, metrics, plots := resolveSpecs(spec.variables, outSpecs(&spec.Outs)), resolveSpecs(spec.variables, outSpecs(&spec.Metrics)), resolveSpecs(spec.variables, outSpecs(&spec.Plots))
	var unclaimed []string
	for _, o := range lock.Outs {
		claimed := false
		for _, list := range []resolvedSpecs{outs, metrics, plots} {
			_, found := list.find(o.Path, nil)
			claimed = claimed || found
		}
		if !claimed {
			unclaimed = append(unclaimed, o.Path)
		}
	}
	for i := range lock.Outs {
		it := b.item(dir, wdir, &lock.Outs[i])
		if o, ok := outs.find(lock.Outs[i].Path, unclaimed); ok {
			it.desc, it.model = o.Desc, o.Type == "model"
		}
		_, it.plot = plots.find(lock.Outs[i].Path, unclaimed)
		_, it.metric = metrics.find(lock.Outs[i].Path, unclaimed)
		it.metric = it.metric || slices.Contains(b.out.metricsFiles[dir], it.path)
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

// artifact resolves the path of an artifact, which may be a URL.
func (b *builder) artifact(dir string, a artifact) resolvedArtifact {
	p, _ := resolveInRepository(dir, "", b.resolved(dir, a.Path))
	if strings.Contains(p, "://") {
		name := b.external(dir, p)
		p = name.namespace + "/" + name.name
	}
	return resolvedArtifact{a, p, dir}
}

// isModel reports whether an artifact is a model. An artifact without a type is a model.
func (a resolvedArtifact) isModel() bool { return a.Type == "" || strings.EqualFold(a.Type, "model") }

func (b *builder) item(dir, wdir string, e *entry) item {
	p, ok := resolveInRepository(dir, wdir, e.Path)
	it := item{path: p, external: !ok, datasetVersion: datasetVersion{datasetName{b.repository, p}, e.digest(), e.version(), e.Size}}
	if e.Dataset != nil {
		v := b.named(*e.Dataset)
		it.dataset, it.digest, it.version = &v, v.digest, v.version
	}
	if !ok && !strings.HasPrefix(e.Path, "ds://") {
		it.datasetName = b.external(path.Join(dir, wdir), e.Path)
		if strings.Contains(p, "@") { // A password may stand before it.
			it.path = it.namespace + "/" + it.name
		}
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
