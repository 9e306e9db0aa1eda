package mlflow

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// modelFileName is the file that describes a model, in its folder.
const modelFileName = "MLmodel"

// modelPlace is where a run keeps a model: a logged model, or a folder among its artifacts.
type modelPlace struct{ loggedModel, runID, folder string }

// The ids that MLflow gives. Others are never put into a path.
var (
	loggedModelForm = regexp.MustCompile(`^m-[0-9a-zA-Z_-]{1,64}$`)
	runIDForm       = regexp.MustCompile(`^[0-9a-zA-Z_-]{1,64}$`)
)

// placeOf returns where the model of a version lies, by its source and run. ok is false when that
// is nowhere that the run tells of.
func placeOf(source, runID, loggedModel string) (at modelPlace, ok bool) {
	if id, isLogged := strings.CutPrefix(source, "models:/"); isLogged && loggedModelForm.MatchString(id) {
		loggedModel = id
	}
	if loggedModelForm.MatchString(loggedModel) {
		return modelPlace{loggedModel: loggedModel}, true
	}
	if rest, isRun := strings.CutPrefix(source, "runs:/"); isRun {
		id, folder, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
		if folder = path.Clean("/" + folder)[1:]; runIDForm.MatchString(id) && id == runID {
			return modelPlace{runID: id, folder: folder}, true
		}
	}
	return modelPlace{}, false
}

// loggedModelOf returns the logged model that a run wrote, when it wrote one alone.
func loggedModelOf(r *run) string {
	if len(r.Outputs.Models) == 1 {
		return r.Outputs.Models[0].ModelID
	}
	return ""
}

// modelFile is what MLmodel says of a model.
type modelFile struct {
	Flavors   map[string]map[string]any `yaml:"flavors"`
	Signature struct {
		Inputs  string `yaml:"inputs" json:"inputs,omitempty"`
		Outputs string `yaml:"outputs" json:"outputs,omitempty"`
		Params  string `yaml:"params" json:"params,omitempty"`
	} `yaml:"signature"`
	Example map[string]any `yaml:"saved_input_example_info"`
}

// parseModelFile reads MLmodel. A file that is none says nothing.
func parseModelFile(body []byte) *modelFile {
	var m modelFile
	if len(body) == 0 || len(body) > maxModelFile || yaml.Unmarshal(body, &m) != nil {
		return &modelFile{}
	}
	return &m
}

// input is an input of a model or a column of a data set, in MLflow's schema.
type input struct {
	Name string `json:"name"`
	Type any    `json:"type"`
	// Tensor is the type of a tensor.
	Tensor json.RawMessage `json:"tensor-spec"`
	// The members of a composed type.
	Items, Properties json.RawMessage
}

// typeText returns the type of an input as a text.
func (i input) typeText() string {
	name, _ := i.Type.(string)
	if i.Tensor != nil {
		var spec struct {
			Dtype string `json:"dtype"`
			Shape []int  `json:"shape"`
		}
		if json.Unmarshal(i.Tensor, &spec) == nil && spec.Dtype != "" {
			shape, _ := json.Marshal(spec.Shape)
			return "tensor(" + spec.Dtype + "," + string(shape) + ")"
		}
	}
	return name
}

// inputsOf reads a schema: a list of inputs, as the text of a signature has it.
func inputsOf(text string) (out []input) {
	if text == "" || json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}

// columnsOf reads the schema of a data set, which holds its columns under the name of a form.
func columnsOf(text string) (out []input) {
	var forms map[string]json.RawMessage
	if text == "" || json.Unmarshal([]byte(text), &forms) != nil {
		return nil
	}
	if raw := forms["mlflow_colspec"]; raw != nil {
		return inputsOf(string(raw))
	}
	if raw := forms["mlflow_tensorspec"]; raw != nil {
		var spec struct {
			Features string `json:"features"`
		}
		if json.Unmarshal(raw, &spec) == nil && spec.Features != "" {
			return inputsOf(spec.Features)
		}
		return inputsOf(string(raw))
	}
	return nil
}

// flavorNames returns the flavors of a model, the generic one last.
func (m *modelFile) flavorNames() (out []string) {
	for name := range m.Flavors {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int {
		if (a == genericFlavor) != (b == genericFlavor) {
			if a == genericFlavor {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	return out
}

// genericFlavor is the flavor that every model has.
const genericFlavor = "python_function"

// framework returns the flavor of a model with its version, such as "sklearn 1.9.1".
func (m *modelFile) framework() string {
	names := m.flavorNames()
	if len(names) == 0 {
		return ""
	}
	f := m.Flavors[names[0]]
	for _, key := range []string{names[0] + "_version", "sklearn_version", "pytorch_version", "xgb_version", "lgb_version", "transformers_version", "version"} {
		if v, ok := f[key].(string); ok && v != "" {
			return names[0] + " " + v
		}
	}
	return names[0]
}
