package dvc

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// entry is one item of deps or outs in dvc.lock or a .dvc file.
type entry struct {
	Path      string       `yaml:"path"`
	MD5       string       `yaml:"md5"`
	Hash      string       `yaml:"hash"`
	Size      *int64       `yaml:"size"`
	NFiles    *int64       `yaml:"nfiles"`
	Repo      *remoteRepo  `yaml:"repo"`
	DB        *database    `yaml:"db"`
	Dataset   *lockDataset `yaml:"dataset"`
	Type      string       `yaml:"type"`
	Desc      string       `yaml:"desc"`
	Labels    []string     `yaml:"labels"`
	Meta      any          `yaml:"meta"`
	Files     []folderFile `yaml:"files"`
	cloudFile `yaml:",inline"`
}

// remoteRepo is the repository from which dvc import took a file.
type remoteRepo struct {
	URL     string `yaml:"url"`
	Rev     string `yaml:"rev"`
	RevLock string `yaml:"rev_lock"`
}

// database is the table or query from which dvc import-db took a file.
type database struct {
	Connection string `yaml:"connection"`
	Table      string `yaml:"table"`
	Query      string `yaml:"query"`
}

// cloudFile tells a state of a file in a storage by what the storage says of it.
type cloudFile struct {
	VersionID string `yaml:"version_id"`
	Etag      string `yaml:"etag"`
	Checksum  string `yaml:"checksum"`
	// Cloud says the same for each DVC remote that has the file.
	Cloud map[string]struct {
		VersionID string `yaml:"version_id"`
		Etag      string `yaml:"etag"`
		Checksum  string `yaml:"checksum"`
	} `yaml:"cloud"`
}

// folderFile is a file of a folder whose files are listed one by one, as for storages that
// keep versions of files.
type folderFile struct {
	Relpath   string `yaml:"relpath"`
	MD5       string `yaml:"md5"`
	cloudFile `yaml:",inline"`
}

// digest returns the hash of the content as algorithm:hex, or "" when there is none. An
// entry without a hash field was written by DVC 2, which computes the MD5 after dos2unix.
// Its digits have another meaning, so they get another algorithm name.
func (e *entry) digest() string {
	algorithm := strings.ToLower(e.Hash)
	if algorithm == "" {
		algorithm = "md5-dos2unix"
	}
	if e.MD5 != "" {
		return algorithm + ":" + strings.ToLower(e.MD5)
	}
	return folderDigest(algorithm, e.Files)
}

// version returns what the storage calls the version of the content, or "" when it is not
// known.
func (f *cloudFile) version() string {
	if v := cmp.Or(f.VersionID, f.Etag, f.Checksum); v != "" {
		return v
	}
	for _, remote := range sortedKeys(f.Cloud) {
		if c := f.Cloud[remote]; cmp.Or(c.VersionID, c.Etag, c.Checksum) != "" {
			return cmp.Or(c.VersionID, c.Etag, c.Checksum)
		}
	}
	return ""
}

// metaText returns a text of a free-form meta, "" when meta is no mapping or has no such
// text.
func metaText(meta any, key string) string {
	m, _ := meta.(map[string]any)
	text, _ := m[key].(string)
	return text
}

// lockFile is a dvc.lock file.
type lockFile struct {
	Schema   any                  `yaml:"schema"`
	Stages   map[string]lockStage `yaml:"stages"`
	Datasets []lockDataset        `yaml:"datasets"`
}

type lockStage struct {
	Cmd    any                  `yaml:"cmd"`
	Deps   []entry              `yaml:"deps"`
	Params map[string]yaml.Node `yaml:"params"`
	Outs   []entry              `yaml:"outs"`
}

// lockDataset is a dataset that stages refer to as ds://NAME.
type lockDataset struct {
	Name    string       `yaml:"name"`
	URL     string       `yaml:"url"`
	Type    string       `yaml:"type"`
	Path    string       `yaml:"path"`
	Rev     string       `yaml:"rev"`
	RevLock string       `yaml:"rev_lock"`
	Version any          `yaml:"version"`
	Meta    cloudFile    `yaml:"meta"`
	Files   []folderFile `yaml:"files"`
}

// dvcFile is a .dvc file. It describes data that DVC tracks and no stage writes.
type dvcFile struct {
	WDir string  `yaml:"wdir"`
	Cmd  any     `yaml:"cmd"`
	Deps []entry `yaml:"deps"`
	Outs []entry `yaml:"outs"`
	Meta any     `yaml:"meta"`
	Desc string  `yaml:"desc"`
}

// pipelineFile is a dvc.yaml file. Its paths may contain templates.
type pipelineFile struct {
	Vars      []any                    `yaml:"vars"`
	Stages    map[string]pipelineStage `yaml:"stages"`
	Artifacts map[string]artifact      `yaml:"artifacts"`
	Metrics   yaml.Node                `yaml:"metrics"`
	// partial is true when a part of the file was not understood.
	partial bool
}

type pipelineStage struct {
	WDir    string         `yaml:"wdir"`
	Desc    string         `yaml:"desc"`
	Meta    any            `yaml:"meta"`
	Vars    []any          `yaml:"vars"`
	Outs    yaml.Node      `yaml:"outs"`
	Metrics yaml.Node      `yaml:"metrics"`
	Plots   yaml.Node      `yaml:"plots"`
	Foreach any            `yaml:"foreach"`
	Matrix  yaml.Node      `yaml:"matrix"`
	Do      *pipelineStage `yaml:"do"`
}

// artifact is the annotation of an output for GTO.
type artifact struct {
	Path   string   `yaml:"path"`
	Type   string   `yaml:"type"`
	Desc   string   `yaml:"desc"`
	Labels []string `yaml:"labels"`
	Meta   any      `yaml:"meta"`
}

// oldArtifact is an entry of artifacts.yaml, which GTO wrote before version 0.3.
type oldArtifact struct {
	artifact    `yaml:",inline"`
	Description string `yaml:"description"`
}

// outSpec is the description of an output in dvc.yaml.
type outSpec struct {
	Path, Type, Desc string
}

// outSpecs decodes a list whose items are a path, or a path with options.
func outSpecs(n *yaml.Node) (out []outSpec) {
	for _, item := range n.Content {
		switch item.Kind {
		case yaml.ScalarNode:
			out = append(out, outSpec{Path: item.Value})
		case yaml.MappingNode:
			for i := 0; i+1 < len(item.Content); i += 2 {
				spec := outSpec{Path: item.Content[i].Value}
				var options struct {
					Type string `yaml:"type"`
					Desc string `yaml:"desc"`
				}
				if item.Content[i+1].Decode(&options) == nil {
					spec.Type, spec.Desc = options.Type, options.Desc
				}
				out = append(out, spec)
			}
		}
	}
	return out
}

// parse decodes YAML. A field that has another shape than DVC writes is left out and told
// in leftOut, and the rest is decoded. The error and each text of leftOut are one line.
func parse(raw []byte, file any) (leftOut []string, err error) {
	err = yaml.Unmarshal(raw, file)
	var fields *yaml.TypeError
	switch {
	case errors.As(err, &fields):
		for _, f := range fields.Errors {
			leftOut = append(leftOut, "left out: "+oneLine(f))
		}
		return leftOut, nil
	case err == nil:
		return nil, nil
	case strings.Contains(string(raw), "\n<<<<<<< ") || strings.HasPrefix(string(raw), "<<<<<<< "):
		return nil, errors.New("it is no YAML of DVC: it holds the marks of a merge conflict")
	}
	return nil, fmt.Errorf("it is no YAML of DVC: %s", oneLine(strings.TrimPrefix(err.Error(), "yaml: ")))
}

// goType matches the Go types in the errors of the YAML library, which say nothing to a user.
var goType = regexp.MustCompile(` into \S*(\[\]|map|struct|string|int|bool|float|dvc\.)\S*.*$`)

// oneLine returns an error of a library in one line.
func oneLine(text string) string {
	text = goType.ReplaceAllString(strings.Join(strings.Fields(text), " "), ", which has another form here")
	return registry.Shorten(registry.WithoutCredentials(text), 400)
}

// parseAs decodes a file of one type.
func parseAs[T any](raw []byte) (*T, []string, error) {
	t := new(T)
	leftOut, err := parse(raw, t)
	return t, leftOut, err
}

// parsePipeline decodes a dvc.yaml file.
func parsePipeline(raw []byte) (*pipelineFile, []string, error) {
	p, leftOut, err := parseAs[pipelineFile](raw)
	p.partial = len(leftOut) > 0
	return p, leftOut, err
}

// parseLock decodes a dvc.lock file. It also accepts the format of DVC 1, which has no
// schema and has the stages at the top level. A stage without a command is left out.
func parseLock(raw []byte) (*lockFile, []string, error) {
	f := &lockFile{}
	leftOut, err := parse(raw, f)
	if err != nil {
		return nil, nil, err
	}
	if f.Schema == nil && f.Stages == nil {
		if leftOut, err = parse(raw, &f.Stages); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range sortedKeys(f.Stages) {
		if f.Stages[name].Cmd == nil {
			leftOut = append(leftOut, "left out: the stage "+registry.Shorten(name, 200)+" has no command; write the file anew with dvc repro")
			delete(f.Stages, name)
		}
	}
	return f, leftOut, nil
}
