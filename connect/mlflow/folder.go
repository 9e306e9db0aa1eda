package mlflow

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// folder is the file store of MLflow: mlruns. It is read through os.Root, so that no link leads
// out of it.
type folder struct {
	root  *os.Root
	files fs.FS
	local localFiles
	// experimentOf is the folder of the experiment of each run and logged model, read at first use.
	experimentOf map[string]string
}

// maxStoreFile is the longest file of the store that is read.
const maxStoreFile = 8 << 20

func openFolder(dir, artifacts string) (*folder, error) {
	if inner := filepath.Join(dir, "mlruns"); isFolder(inner) {
		dir = inner
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, registry.Errorf(registry.NotFound, "the folder cannot be read")
	}
	return &folder{root: root, files: root.FS(), local: localFiles{dir, artifacts}}, nil
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// Close closes the folder.
func (f *folder) Close() error { return f.root.Close() }

// text returns the text of a file, "" when there is none.
func (f *folder) text(name string) string {
	info, err := fs.Stat(f.files, name)
	if err != nil || info.IsDir() || info.Size() > maxStoreFile {
		return ""
	}
	b, _ := fs.ReadFile(f.files, name) // What cannot be read is not there.
	return string(b)
}

// meta reads a file meta.yaml into a value. It returns false when there is none.
func (f *folder) meta(dir string, into any) bool {
	text := f.text(path.Join(dir, "meta.yaml"))
	return text != "" && yaml.Unmarshal([]byte(text), into) == nil
}

// names lists the folders in a folder.
func (f *folder) names(dir string) (out []string) {
	entries, _ := fs.ReadDir(f.files, dir) // A folder that is not there is empty.
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// texts returns the files below a folder as keys and values. A key with slashes lies in folders.
func (f *folder) texts(dir string) (out []keyText) {
	// A folder that is not there has none.
	_ = fs.WalkDir(f.files, dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, keyText{strings.TrimPrefix(name, dir+"/"), f.text(name)})
		}
		return nil
	})
	return out
}

// storedModel and storedVersion are files meta.yaml of the registry.
type (
	storedModel struct {
		Name        string `yaml:"name"`
		Created     int64  `yaml:"creation_timestamp"`
		Updated     int64  `yaml:"last_updated_timestamp"`
		Description string `yaml:"description"`
	}
	storedVersion struct {
		storedModel `yaml:",inline"`
		Version     int64  `yaml:"version"`
		User        string `yaml:"user_id"`
		Stage       string `yaml:"current_stage"`
		Source      string `yaml:"source"`
		RunID       string `yaml:"run_id"`
		RunLink     string `yaml:"run_link"`
		Status      string `yaml:"status"`
	}
)

// registryDir is the folder of the registered models.
const registryDir = "models"

func (f *folder) models(_ context.Context, emit func(registeredModel) error) error {
	for _, name := range f.names(registryDir) {
		dir := path.Join(registryDir, name)
		var m storedModel
		if !f.meta(dir, &m) {
			continue
		}
		out := registeredModel{Name: m.Name, Created: integer(m.Created), Updated: integer(m.Updated), Description: m.Description, Tags: f.texts(path.Join(dir, "tags"))}
		for _, a := range f.texts(path.Join(dir, "aliases")) {
			n, err := strconv.ParseInt(strings.TrimSpace(a.Value), 10, 64)
			if err == nil {
				out.Aliases = append(out.Aliases, aliasOf{a.Key, integer(n)})
			}
		}
		if err := emit(out); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) versions(_ context.Context, emit func(modelVersion) error) error {
	for _, name := range f.names(registryDir) {
		for _, dir := range f.names(path.Join(registryDir, name)) {
			dir = path.Join(registryDir, name, dir)
			var v storedVersion
			if !strings.HasPrefix(path.Base(dir), "version-") || !f.meta(dir, &v) || v.Stage == deletedStage {
				continue
			}
			if err := emit(modelVersion{Name: v.Name, Version: integer(v.Version), Created: integer(v.Created), Updated: integer(v.Updated), User: v.User, Stage: v.Stage,
				Description: v.Description, Source: v.Source, RunID: v.RunID, RunLink: v.RunLink, Status: v.Status, Tags: f.texts(path.Join(dir, "tags"))}); err != nil {
				return err
			}
		}
	}
	return nil
}

// deletedStage marks versions that MLflow has deleted and keeps.
const deletedStage = "Deleted_Internal"

// place returns the folder of a run or a logged model, "" when there is none.
func (f *folder) place(id string) string {
	if f.experimentOf == nil {
		f.experimentOf = map[string]string{}
		for _, experiment := range f.names(".") {
			if experiment == registryDir || strings.HasPrefix(experiment, ".") {
				continue
			}
			for _, name := range f.names(experiment) {
				f.experimentOf[name] = path.Join(experiment, name)
			}
			for _, name := range f.names(path.Join(experiment, registryDir)) {
				f.experimentOf[name] = path.Join(experiment, registryDir, name)
			}
		}
	}
	return f.experimentOf[id]
}

// runStatuses are the states of runs by their numbers in files, from 1.
var runStatuses = []string{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}

func (f *folder) run(_ context.Context, id string) (*run, error) {
	var meta struct {
		RunID    string `yaml:"run_id"`
		Name     string `yaml:"run_name"`
		User     string `yaml:"user_id"`
		Status   int    `yaml:"status"`
		Start    int64  `yaml:"start_time"`
		End      int64  `yaml:"end_time"`
		Artifact string `yaml:"artifact_uri"`
	}
	dir := f.place(id)
	if dir == "" || !f.meta(dir, &meta) || meta.RunID != id {
		return nil, noRun(id)
	}
	r := &run{}
	r.Info.RunID, r.Info.RunName, r.Info.UserID, r.Info.ArtifactURI = id, meta.Name, meta.User, meta.Artifact
	r.Info.StartTime, r.Info.EndTime = integer(meta.Start), integer(meta.End)
	if i := meta.Status - 1; i >= 0 && i < len(runStatuses) {
		r.Info.Status = runStatuses[i]
	}
	r.Data.Params, r.Data.Tags = f.texts(path.Join(dir, "params")), f.texts(path.Join(dir, "tags"))
	for _, m := range f.texts(path.Join(dir, "metrics")) {
		r.Data.Metrics = append(r.Data.Metrics, metric{m.Key, latestOf(m.Value)})
	}
	for _, input := range f.names(path.Join(dir, "inputs")) {
		if in, ok := f.datasetInput(dir, input); ok {
			r.Inputs.Datasets = append(r.Inputs.Datasets, in)
		}
	}
	for _, m := range f.names(path.Join(dir, "outputs")) {
		r.Outputs.Models = append(r.Outputs.Models, modelOutput{m})
	}
	return r, nil
}

func (f *folder) datasetInput(runDir, input string) (in datasetInput, ok bool) {
	var link struct {
		Source string            `yaml:"source_id"`
		Type   string            `yaml:"source_type"`
		Tags   map[string]string `yaml:"tags"`
	}
	if !f.meta(path.Join(runDir, "inputs", input), &link) || link.Type != "DATASET" || !runIDForm.MatchString(link.Source) {
		return in, false
	}
	var d struct {
		Name    string `yaml:"name"`
		Digest  string `yaml:"digest"`
		Type    string `yaml:"source_type"`
		Source  string `yaml:"source"`
		Schema  string `yaml:"schema"`
		Profile string `yaml:"profile"`
	}
	if !f.meta(path.Join(path.Dir(runDir), "datasets", link.Source), &d) {
		return in, false
	}
	in.Dataset = dataset{Name: d.Name, Digest: d.Digest, SourceType: d.Type, Source: d.Source, Schema: d.Schema, Profile: d.Profile}
	for k, v := range link.Tags {
		in.Tags = append(in.Tags, keyText{k, v})
	}
	return in, true
}

// latestOf returns the value of a metric: each line of its file is a time, a value and a step. The
// highest step counts, then the latest time, then the highest value.
func latestOf(text string) (out number) {
	type point struct {
		step, at int64
		value    float64
	}
	var best *point
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		var p point
		var err error
		if p.value, err = strconv.ParseFloat(words[1], 64); err != nil {
			continue
		}
		p.at, _ = strconv.ParseInt(words[0], 10, 64)
		if len(words) > 2 {
			p.step, _ = strconv.ParseInt(words[2], 10, 64)
		}
		if best == nil || p.step > best.step || p.step == best.step && (p.at > best.at || p.at == best.at && p.value > best.value) {
			best = &p
		}
	}
	if best != nil {
		out.value = &best.value
	}
	return out
}

func (f *folder) runOfModel(_ context.Context, loggedModel string) (string, error) {
	var meta struct {
		Run string `yaml:"source_run_id"`
	}
	if dir := f.place(loggedModel); dir == "" || !f.meta(dir, &meta) {
		return "", nil
	}
	return meta.Run, nil
}

func (f *folder) modelFile(_ context.Context, at modelPlace) ([]byte, error) {
	id, below := at.loggedModel, ""
	if id == "" {
		id, below = at.runID, at.folder
	}
	dir := f.place(id)
	if dir == "" {
		return nil, nil
	}
	if text := f.text(path.Join(dir, "artifacts", below, modelFileName)); text != "" {
		return []byte(text), nil
	}
	var meta struct {
		Logged string `yaml:"artifact_location"`
		OfRun  string `yaml:"artifact_uri"`
	}
	f.meta(dir, &meta)
	return f.local.read(cmp.Or(meta.Logged, meta.OfRun), below)
}
