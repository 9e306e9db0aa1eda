package dvc

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is one item of deps or outs, in dvc.lock and in .dvc files.
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

// remoteRepo is where dvc import took a file from.
type remoteRepo struct {
	URL     string `yaml:"url"`
	Rev     string `yaml:"rev"`
	RevLock string `yaml:"rev_lock"`
}

// digest is the content's name as algorithm:hex, "" for none. Without a hash
// field the file was written by DVC 2, whose md5 is taken after dos2unix: the same
// digits under another algorithm name something else.
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

// version is what tells the content apart where there is no digest.
func (e *entry) version() string {
	for _, v := range []string{e.VersionID, e.Etag, e.Checksum} {
		if v != "" {
			return v
		}
	}
	return ""
}

// lockFile is dvc.lock.
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

// lockDataset is a dataset that stages name as ds://NAME.
type lockDataset struct {
	Name    string `yaml:"name"`
	URL     string `yaml:"url"`
	Type    string `yaml:"type"`
	Path    string `yaml:"path"`
	Rev     string `yaml:"rev"`
	RevLock string `yaml:"rev_lock"`
}

// dvcFile is a .dvc file: data under DVC that no stage makes.
type dvcFile struct {
	WDir string         `yaml:"wdir"`
	Cmd  any            `yaml:"cmd"`
	Deps []entry        `yaml:"deps"`
	Outs []entry        `yaml:"outs"`
	Meta map[string]any `yaml:"meta"`
	Desc string         `yaml:"desc"`
}

// pipelineFile is dvc.yaml. Paths in it may be templates.
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

// artifact annotates an output for GTO.
type artifact struct {
	Path   string         `yaml:"path"`
	Type   string         `yaml:"type"`
	Desc   string         `yaml:"desc"`
	Labels []string       `yaml:"labels"`
	Meta   map[string]any `yaml:"meta"`
}

// outSpec is what dvc.yaml says of an output.
type outSpec struct {
	Path, Type, Desc string
}

// outSpecs reads a list whose items are a path or a path with options.
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

// parse reads YAML into a file; what it says of an error is one line.
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

// parseLock reads a dvc.lock, that of DVC 1, which has no schema and the stages
// at the top, included.
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
