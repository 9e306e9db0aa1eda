package packaging

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// genericFlavor is the flavor that every model of MLflow has.
const genericFlavor = "python_function"

// mlmodel reads MLflow's description of a model.
func (r *reader) mlmodel(content []byte) {
	var m struct {
		Flavors       map[string]map[string]any `yaml:"flavors"`
		MLflowVersion string                    `yaml:"mlflow_version"`
		Size          any                       `yaml:"model_size_bytes"`
		Signature     struct {
			Inputs, Outputs, Params any
		} `yaml:"signature"`
	}
	if yaml.Unmarshal(content, &m) != nil {
		r.note("the file is not a description of a model in YAML")
		return
	}
	if len(m.Flavors) == 0 {
		r.note("the file names no flavors")
	}
	r.file.MLflowVersion = clean(m.MLflowVersion)
	if n, ok := m.Size.(int); ok && n >= 0 {
		r.file.ModelSizeBytes = new(int64(n))
	}
	r.flavors(m.Flavors)
	r.file.Inputs = r.fields("inputs", m.Signature.Inputs)
	r.file.Outputs = r.fields("outputs", m.Signature.Outputs)
	r.file.Params = r.fields("params", m.Signature.Params)
}

// flavors reads the flavors, the generic one last, with the version of each one's library.
func (r *reader) flavors(all map[string]map[string]any) {
	for name, of := range all {
		r.file.Flavors = append(r.file.Flavors, registry.PackagingFlavor{Name: clean(name), Version: flavorVersion(name, of)})
	}
	slices.SortFunc(r.file.Flavors, func(a, b registry.PackagingFlavor) int {
		if (a.Name == genericFlavor) != (b.Name == genericFlavor) {
			if a.Name == genericFlavor {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	if len(r.file.Flavors) > maxFlavors {
		r.file.Flavors = r.file.Flavors[:maxFlavors]
		r.note(fmt.Sprintf("only the first %d flavors are kept", maxFlavors))
	}
	if version, ok := all[genericFlavor]["python_version"].(string); ok {
		r.file.PythonVersion = clean(version)
	}
}

// flavorVersion returns the version of a flavor's library. MLflow spells its key in the way of each
// library; of several keys that end so, the one with the flavor's name counts.
func flavorVersion(name string, of map[string]any) string {
	if name == genericFlavor {
		return ""
	}
	keys := []string{name + "_version"}
	for key := range of {
		if strings.HasSuffix(key, "_version") && key != "python_version" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys[1:])
	for _, key := range keys {
		if version, ok := of[key].(string); ok && version != "" {
			return clean(version)
		}
	}
	return ""
}

// fieldSpec is a field of a signature in MLflow's JSON.
type fieldSpec struct {
	Name     any             `json:"name"`
	Type     string          `json:"type"`
	Dtype    string          `json:"dtype"`
	Required *bool           `json:"required"`
	Default  json.RawMessage `json:"default"`
	Tensor   *struct {
		Dtype string  `json:"dtype"`
		Shape []int64 `json:"shape"`
	} `json:"tensor-spec"`
	Items  *fieldSpec `json:"items"`
	Values *fieldSpec `json:"values"`
}

// fields reads a part of a signature: a text with a list in JSON.
func (r *reader) fields(part string, v any) (out []registry.PackagingField) {
	text, ok := v.(string)
	if v == nil || ok && text == "" {
		return nil
	}
	var specs []fieldSpec
	if !ok || json.Unmarshal([]byte(text), &specs) != nil {
		r.note("the signature's " + part + " cannot be read")
		return nil
	}
	for _, s := range specs {
		if len(out) == maxFields {
			r.note(fmt.Sprintf("only the first %d %s are kept", maxFields, part))
			break
		}
		f := registry.PackagingField{Type: clean(s.typeText(0)), Required: s.Required == nil || *s.Required}
		if s.Name != nil {
			f.Name = clean(fmt.Sprint(s.Name))
		}
		if part == "params" {
			f.Required, f.Default = false, clean(string(s.Default))
		}
		out = append(out, f)
	}
	return out
}

// maxDepth is how deep the types of a composed type are told.
const maxDepth = 5

// typeText returns a type as a text, such as double, array(string) or tensor(float32,[-1,4]).
func (s *fieldSpec) typeText(depth int) string {
	of := func(name string, inner *fieldSpec) string {
		if inner == nil || depth == maxDepth {
			return name
		}
		return name + "(" + inner.typeText(depth+1) + ")"
	}
	switch {
	case s.Tensor != nil:
		shape, _ := json.Marshal(s.Tensor.Shape)
		return "tensor(" + s.Tensor.Dtype + "," + string(shape) + ")"
	case s.Type == "array":
		return of("array", s.Items)
	case s.Type == "map":
		return of("map", s.Values)
	}
	return cmp.Or(s.Type, s.Dtype)
}

// conda reads an environment of conda. What pip installs in it is a list in the list.
func (r *reader) conda(content []byte) {
	var env struct {
		Dependencies []any `yaml:"dependencies"`
	}
	if yaml.Unmarshal(content, &env) != nil {
		r.note("the file is not an environment in YAML")
		return
	}
	r.dependencies(env.Dependencies)
}

func (r *reader) dependencies(all []any) {
	for _, d := range all {
		switch d := d.(type) {
		case string:
			if version, ok := strings.CutPrefix(d, "python="); ok {
				r.file.PythonVersion = clean(strings.TrimLeft(version, "="))
				continue
			}
			r.require(d)
		case map[string]any:
			pip, _ := d["pip"].([]any)
			r.dependencies(pip)
		}
	}
}

// pythonEnv reads an environment of MLflow's for virtualenv.
func (r *reader) pythonEnv(content []byte) {
	var env struct {
		Python              string `yaml:"python"`
		Build, Dependencies []any
	}
	if yaml.Unmarshal(content, &env) != nil {
		r.note("the file is not an environment in YAML")
		return
	}
	r.file.PythonVersion = clean(env.Python)
	r.dependencies(env.Dependencies)
}
