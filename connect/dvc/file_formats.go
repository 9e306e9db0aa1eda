package dvc

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is one item of deps or outs in dvc.lock or a .dvc file.
type entry struct {
	Path      string         `yaml:"path"`
	MD5       string         `yaml:"md5"`
	Etag      string         `yaml:"etag"`
	Checksum  string         `yaml:"checksum"`
	Hash      string         `yaml:"hash"`
	VersionID string         `yaml:"version_id"`
	Size      *int64         `yaml:"size"`
	NFiles    *int64         `yaml:"nfiles"`
	Repo      *remoteRepo    `yaml:"repo"`
	DB        any            `yaml:"db"`
	Type      string         `yaml:"type"`
	Desc      string         `yaml:"desc"`
	Labels    []string       `yaml:"labels"`
	Meta      map[string]any `yaml:"meta"`
}

// remoteRepo is the repository from which dvc import took a file.
type remoteRepo struct {
	URL     string `yaml:"url"`
	Rev     string `yaml:"rev"`
	RevLock string `yaml:"rev_lock"`
}

// digest returns the hash of the content as algorithm:hex, or "" when there is none. An
// entry without a hash field was written by DVC 2, which computes the MD5 after dos2unix.
// Its digits have another meaning, so they get another algorithm name.
func (e *entry) digest() string {
	if e.MD5 == "" {
		return ""
	}
	algorithm := e.Hash
	if algorithm == "" {
		algorithm = "md5-dos2unix"
	}
	return strings.ToLower(algorithm) + ":" + strings.ToLower(e.MD5)
}

// version returns the version of content that has no digest, or "" when there is none.
func (e *entry) version() string {
	for _, v := range []string{e.VersionID, e.Etag, e.Checksum} {
		if v != "" {
			return v
		}
	}
	return ""
}

// lockFile is a dvc.lock file.
type lockFile struct {
	Schema   any                  `yaml:"schema"`
	Stages   map[string]lockStage `yaml:"stages"`
	Datasets []lockDataset        `yaml:"datasets"`
}

type lockStage struct {
	Cmd    any            `yaml:"cmd"`
	Deps   []entry        `yaml:"deps"`
	Params map[string]any `yaml:"params"`
	Outs   []entry        `yaml:"outs"`
}

// lockDataset is a dataset that stages refer to as ds://NAME.
type lockDataset struct {
	Name    string `yaml:"name"`
	URL     string `yaml:"url"`
	Type    string `yaml:"type"`
	Path    string `yaml:"path"`
	Rev     string `yaml:"rev"`
	RevLock string `yaml:"rev_lock"`
}

// dvcFile is a .dvc file. It describes data that DVC tracks and no stage writes.
type dvcFile struct {
	WDir string         `yaml:"wdir"`
	Cmd  any            `yaml:"cmd"`
	Deps []entry        `yaml:"deps"`
	Outs []entry        `yaml:"outs"`
	Meta map[string]any `yaml:"meta"`
	Desc string         `yaml:"desc"`
}

// pipelineFile is a dvc.yaml file. Its paths may contain templates.
type pipelineFile struct {
	Stages    map[string]pipelineStage `yaml:"stages"`
	Artifacts map[string]artifact      `yaml:"artifacts"`
	Metrics   yaml.Node                `yaml:"metrics"`
}

type pipelineStage struct {
	WDir    string         `yaml:"wdir"`
	Desc    string         `yaml:"desc"`
	Meta    map[string]any `yaml:"meta"`
	Outs    yaml.Node      `yaml:"outs"`
	Metrics yaml.Node      `yaml:"metrics"`
	Do      *pipelineStage `yaml:"do"`
}

// artifact is the annotation of an output for GTO.
type artifact struct {
	Path   string         `yaml:"path"`
	Type   string         `yaml:"type"`
	Desc   string         `yaml:"desc"`
	Labels []string       `yaml:"labels"`
	Meta   map[string]any `yaml:"meta"`
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

// parse decodes YAML. Its error has one line.
func parse(raw []byte, file any) error {
	if err := yaml.Unmarshal(raw, file); err != nil {
		first, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
		if strings.Contains(string(raw), "\n<<<<<<< ") || strings.HasPrefix(string(raw), "<<<<<<< ") {
			first = "it holds the marks of a merge conflict"
		}
		return fmt.Errorf("it is no YAML of DVC: %s", first)
	}
	return nil
}

// parseLock decodes a dvc.lock file. It also accepts the format of DVC 1, which has no
// schema and has the stages at the top level.
func parseLock(raw []byte) (*lockFile, error) {
	f := &lockFile{}
	if err := parse(raw, f); err != nil {
		return nil, err
	}
	if f.Schema == nil && f.Stages == nil {
		if err := parse(raw, &f.Stages); err != nil {
			return nil, err
		}
	}
	for name, st := range f.Stages {
		if st.Cmd == nil {
			return nil, errors.New("the stage " + name + " has no command; write the file anew with dvc repro")
		}
	}
	return f, nil
}
