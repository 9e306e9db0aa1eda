package packaging

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/registry"
)

const mlmodel = `
flavors:
  python_function:
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    python_version: 3.11.2
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.7.0
mlflow_version: 3.17.2
model_size_bytes: 1234
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "array", "items": {"type": "string"}, "name": "words", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: '[{"name": "top_k", "type": "long", "default": 3, "shape": null}]'
utc_time_created: '2026-11-30'
`

func TestWhatAFileSays(t *testing.T) {
	size := int64(1234)
	for file, c := range map[string]struct {
		content string
		want    registry.PackagingFile
	}{
		"model/MLmodel": {mlmodel, registry.PackagingFile{Format: registry.PackagingMLmodel, MLflowVersion: "3.17.2", PythonVersion: "3.11.2", ModelSizeBytes: &size,
			Flavors: []registry.PackagingFlavor{{Name: "sklearn", Version: "1.7.0"}, {Name: "python_function"}},
			Inputs:  []registry.PackagingField{{Name: "a", Type: "double", Required: true}, {Name: "words", Type: "array(string)"}},
			Outputs: []registry.PackagingField{{Type: "tensor(int64,[-1])", Required: true}},
			Params:  []registry.PackagingField{{Name: "top_k", Type: "long", Default: "3"}}}},
		"requirements.txt": {"# a list\nmlflow==3.17.2\r\n\n  scikit-learn==1.7.0  # why\n--index-url https://ann:secret@pypi.example/simple/\nmlflow==3.17.2\n",
			registry.PackagingFile{Format: registry.PackagingRequirements, Requirements: []string{"mlflow==3.17.2", "scikit-learn==1.7.0", "--index-url https://***@pypi.example/simple/"}}},
		"conda.yaml": {"channels: [conda-forge]\ndependencies:\n- python=3.11.2\n- pip<=24\n- pip:\n  - mlflow==3.17.2\n  - pandas\nname: mlflow-env\n",
			registry.PackagingFile{Format: registry.PackagingConda, PythonVersion: "3.11.2", Requirements: []string{"pip<=24", "mlflow==3.17.2", "pandas"}}},
		"python_env.yaml": {"python: 3.11.2\nbuild_dependencies: [pip==24]\ndependencies:\n- -r requirements.txt\n",
			registry.PackagingFile{Format: registry.PackagingPythonEnv, PythonVersion: "3.11.2", Requirements: []string{"-r requirements.txt"}}},
	} {
		c.want.Path, c.want.Digest = file, "sha256:d"
		if d := cmp.Diff(&c.want, Read(file, "sha256:d", []byte(c.content))); d != "" {
			t.Errorf("%s:\n%s", file, d)
		}
	}
}

// TestABrokenFileIsANote gives files that are broken, hostile or large. Each has a note, and what is
// kept of it is bounded.
func TestABrokenFileIsANote(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'z'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "package%d==1\n", i)
	}
	for name, c := range map[string]struct{ file, content string }{
		"no YAML":         {"MLmodel", "flavors: [\x01"},
		"a list":          {"MLmodel", "- a\n- b\n"},
		"an object":       {"MLmodel", "!!python/object/apply:os.system [id]"},
		"no flavors":      {"MLmodel", "mlflow_version: 3.0.0"},
		"no signature":    {"MLmodel", "flavors: {f: {}}\nsignature: {inputs: 'no JSON'}"},
		"a bomb":          {"MLmodel", bomb},
		"a deep one":      {"MLmodel", "flavors: " + strings.Repeat("[", 200_000)},
		"no text":         {"MLmodel", "flavors: {f: {}}\nmlflow_version: \xff"},
		"too large":       {"requirements.txt", strings.Repeat("x", MaxBytes+1)},
		"too many":        {"requirements.txt", many.String()},
		"no environment":  {"conda.yaml", "dependencies: {"},
		"no environment2": {"python_env.yaml", "python: ["},
	} {
		out := Read(c.file, "sha256:d", []byte(c.content))
		if out.Note == "" {
			t.Errorf("%s has no note: %+v", name, out)
		}
		if len(out.Requirements) > maxRequirements || len(out.Flavors) > maxFlavors || len(out.Inputs) > maxFields {
			t.Errorf("%s is not bounded", name)
		}
		if strings.Contains(out.Note, "goroutine") || len(out.Note) > 200 {
			t.Errorf("%s: %q", name, out.Note)
		}
	}
}

// TestOtherFilesSayNothing looks at names that are nearly those.
func TestOtherFilesSayNothing(t *testing.T) {
	for _, file := range []string{"mlmodel", "MLmodel.txt", "a/requirements.txt.bak", "MLmodel/weights", "xconda.yaml"} {
		if f := FormatOf(file); f != "" {
			t.Errorf("%s is %s", file, f)
		}
	}
}
