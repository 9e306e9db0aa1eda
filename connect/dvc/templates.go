package dvc

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var template = regexp.MustCompile(`\$\{[^}]*\}`)

// variables are what the templates of a dvc.yaml can name: its params.yaml, its vars, and
// in a stage that foreach or matrix generates, item and key.
type variables map[string]any

// resolve replaces the templates in a text. It returns false when one of them names nothing
// that can be put into a text.
func (v variables) resolve(text string) (string, bool) {
	ok := true
	out := template.ReplaceAllStringFunc(text, func(t string) string {
		value, found := v.lookUp(strings.TrimSpace(t[2 : len(t)-1]))
		plain, isPlain := plainText(value)
		ok = ok && found && isPlain
		return plain
	})
	if !ok {
		return text, false
	}
	return out, true
}

// lookUp returns what a name such as paths.model or sizes[0].rows stands for.
func (v variables) lookUp(name string) (any, bool) {
	var at any = map[string]any(v)
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		switch in := at.(type) {
		case map[string]any:
			next, ok := in[part]
			if !ok {
				return nil, false
			}
			at = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			at = in[i]
		default:
			return nil, false
		}
	}
	return at, true
}

// plainText returns a value as DVC puts it into a path.
func plainText(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case bool, int, int64, uint64, float64, json.Number:
		return fmt.Sprint(value), true
	}
	return "", false
}

// with returns the variables with more of them. Mappings of both are merged.
func (v variables) with(more map[string]any) variables {
	return variables(mergeMappings(v, more))
}

func mergeMappings(a, b map[string]any) map[string]any {
	out := make(map[string]any, len(a)+len(b))
	for k, x := range a {
		out[k] = x
	}
	for k, x := range b {
		below, isMap := x.(map[string]any)
		if known, ok := out[k].(map[string]any); ok && isMap {
			x = mergeMappings(known, below)
		}
		out[k] = x
	}
	return out
}

// readVars returns the variables of a dvc.yaml or stage: vars lists files, FILE:NAME,… and
// mappings.
func (b *builder) readVars(dir string, v variables, vars []any) variables {
	for _, item := range vars {
		switch item := item.(type) {
		case map[string]any:
			v = v.with(item)
		case string:
			file, names, some := strings.Cut(item, ":")
			all := b.readValues(path.Join(dir, file))
			if !some {
				v = v.with(all)
				continue
			}
			for name := range strings.SplitSeq(names, ",") {
				if value, ok := all[name]; ok {
					v = v.with(map[string]any{name: value})
				}
			}
		}
	}
	return v
}

// variablesOf returns the variables of the dvc.yaml in a folder.
func (b *builder) variablesOf(dir string) variables {
	if known, ok := b.variables[dir]; ok {
		return known
	}
	v := variables{}
	if p := b.pipelines[dir]; p != nil {
		v = b.readVars(dir, v.with(b.readValues(path.Join(dir, "params.yaml"))), p.Vars)
	}
	b.variables[dir] = v
	return v
}

// itemsOf returns what item and key mean in each stage that foreach or matrix generates, by
// the key behind the @. It returns false when that cannot be known.
func (b *builder) itemsOf(dir string, st pipelineStage) (map[string]map[string]any, bool) {
	out := map[string]map[string]any{}
	list := st.Foreach
	if text, ok := list.(string); ok {
		inner := template.FindString(text)
		if inner == "" {
			return nil, false
		}
		var found bool
		if list, found = b.readVars(dir, b.variablesOf(dir), st.Vars).lookUp(strings.TrimSpace(inner[2 : len(inner)-1])); !found {
			return nil, false
		}
	}
	switch list := list.(type) {
	case []any:
		for i, item := range list {
			key, plain := plainText(item)
			if !plain {
				key = strconv.Itoa(i)
			}
			out[key] = map[string]any{"item": item}
		}
		return out, true
	case map[string]any:
		for key, item := range list {
			out[key] = map[string]any{"key": key, "item": item}
		}
		return out, true
	}
	if st.Matrix.Kind == yaml.MappingNode {
		return b.matrixItems(dir, st)
	}
	return nil, false
}

const maxMatrix = 10_000

// matrixItems returns the combinations of a matrix. The key joins their values by dashes, in the
// order of the axes in the file.
func (b *builder) matrixItems(dir string, st pipelineStage) (map[string]map[string]any, bool) {
	out := map[string]map[string]any{"": {}}
	for i := 0; i+1 < len(st.Matrix.Content); i += 2 {
		axis := st.Matrix.Content[i].Value
		list := valueOf(st.Matrix.Content[i+1])
		if text, ok := list.(string); ok {
			inner := template.FindString(text)
			if inner == "" {
				return nil, false
			}
			list, _ = b.readVars(dir, b.variablesOf(dir), st.Vars).lookUp(strings.TrimSpace(inner[2 : len(inner)-1]))
		}
		items, ok := list.([]any)
		if !ok || len(items)*len(out) > maxMatrix {
			return nil, false
		}
		next := map[string]map[string]any{}
		for key, combination := range out {
			for j, item := range items {
				text, plain := plainText(item)
				if !plain {
					text = axis + strconv.Itoa(j)
				}
				next[strings.TrimPrefix(key+"-"+text, "-")] = mergeMappings(combination, map[string]any{axis: item})
			}
		}
		out = next
	}
	for key, combination := range out {
		out[key] = map[string]any{"item": combination, "key": key}
	}
	return out, true
}

// resolvedSpecs are the outputs of a stage in dvc.yaml with their templates replaced. Those
// whose templates name nothing known stay as patterns.
type resolvedSpecs struct{ specs, patterns []outSpec }

func resolveSpecs(v variables, specs []outSpec) (out resolvedSpecs) {
	for _, s := range specs {
		text, ok := v.resolve(s.Path)
		if !ok {
			out.patterns = append(out.patterns, s)
			continue
		}
		s.Path = path.Clean(text)
		out.specs = append(out.specs, s)
	}
	return out
}

// find returns the description of an output of the stage. unclaimed are the outputs that no
// description names: a pattern describes the one of them that it matches.
func (r resolvedSpecs) find(p string, unclaimed []string) (outSpec, bool) {
	if i := slices.IndexFunc(r.specs, func(s outSpec) bool { return s.Path == path.Clean(p) }); i >= 0 {
		return r.specs[i], true
	}
	if !slices.Contains(unclaimed, p) {
		return outSpec{}, false
	}
	for _, s := range r.patterns {
		matching := 0
		for _, other := range unclaimed {
			if matchesTemplate(s.Path, other) {
				matching++
			}
		}
		if matching == 1 && matchesTemplate(s.Path, p) {
			return s, true
		}
	}
	return outSpec{}, false
}

// matchesTemplate reports whether a path is equal to a pattern. A ${...} template in the
// pattern matches any text.
func matchesTemplate(pattern, p string) bool {
	var b strings.Builder
	start := 0
	b.WriteString("^")
	for _, m := range template.FindAllStringIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[start:m[0]]) + ".*")
		start = m[1]
	}
	b.WriteString(regexp.QuoteMeta(pattern[start:]) + "$")
	re, err := regexp.Compile(b.String())
	return err == nil && re.MatchString(p)
}
