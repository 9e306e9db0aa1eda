package kfp

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds how often a value is passed on.
const maxDepth = 100

// parameter returns the value of an input parameter of an instance. It reports false when no
// document says it.
func (i *instance) parameter(name string, depth int) (any, bool) {
	if depth > maxDepth {
		return nil, false
	}
	definition, declared := i.comp.Inputs.Parameters[name]
	if i.task == nil { // The run itself.
		if v, ok := i.run.parameters[name]; ok {
			return cast(v, definition.Type), true
		}
		return cast(definition.Default, definition.Type), declared && definition.Default != nil
	}
	if i.iteration >= 0 {
		if it := i.task.ParameterIterator; it != nil && it.Item == name {
			v, ok := i.loopItem(depth)
			return cast(v, definition.Type), ok
		}
		return i.parent.parameter(name, depth+1)
	}
	in, ok := i.task.Inputs.Parameters[name]
	if !ok {
		return cast(definition.Default, definition.Type), declared && definition.Default != nil
	}
	v, ok := i.input(in, depth)
	return cast(v, definition.Type), ok
}

// input returns the value of an input of the instance's task.
func (i *instance) input(in parameterInput, depth int) (any, bool) {
	switch {
	case in.Value != nil:
		return i.fill(in.Value.Constant, depth), true
	case in.Input != "":
		return i.scope().parameter(in.Input, depth+1)
	case in.From != nil:
		if p := i.scope().children[in.From.Task]; p != nil {
			return p.written(in.From.Key, depth+1)
		}
	case in.FinalStatus != nil:
		if p := i.scope().children[in.FinalStatus.Task]; p != nil {
			return string(p.status()), p.status() != ""
		}
	}
	return nil, false
}

// scope is the graph that the instance's task is in.
func (i *instance) scope() *instance { return i.parent }

// placeholder is an input parameter inside a text.
var placeholder = regexp.MustCompile(`\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}`)

// fill replaces the parameters inside a constant.
func (i *instance) fill(v any, depth int) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		if value, ok := i.parameter(placeholder.FindStringSubmatch(p)[1], depth+1); ok {
			return textOf(value)
		}
		return p
	})
}

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// loopItem returns the item of the instance's iteration.
func (i *instance) loopItem(depth int) (any, bool) {
	var items []any
	it := i.task.ParameterIterator
	if it.Items.Input != "" {
		switch v, _ := i.parent.parameter(it.Items.Input, depth+1); v := v.(type) {
		case string:
			if json.Unmarshal([]byte(v), &items) != nil {
				return nil, false
			}
		case []any:
			items = v
		}
	} else if json.Unmarshal([]byte(it.Items.Raw), &items) != nil {
		return nil, false
	}
	if i.iteration >= len(items) {
		return nil, false
	}
	return items[i.iteration], true
}

// written returns an output parameter of an instance.
func (i *instance) written(key string, depth int) (any, bool) {
	if depth > maxDepth {
		return nil, false
	}
	if i.seen != nil {
		if v, ok := i.seen.parameters[key]; ok {
			return cast(v, i.comp.Outputs.Parameters[key].Type), true
		}
	}
	if i.comp.Dag == nil {
		return nil, false
	}
	out := i.comp.Dag.Outputs.Parameters[key]
	var from []subtaskParameter
	if out.From != nil {
		from = append(from, *out.From)
	}
	if out.OneOf != nil {
		from = append(from, out.OneOf.Selectors...)
	}
	for _, f := range from {
		if c := i.children[f.Task]; c != nil {
			if v, ok := c.written(f.Key, depth+1); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// cast turns a number into the integer that it stands for: KFP writes 5 as 5.0.
func cast(v any, typ string) any {
	if f, ok := v.(float64); ok && (typ == "NUMBER_INTEGER" || typ == "INT") && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f)
	}
	return v
}

// inputArtifacts returns the artifacts that an instance reads as an input.
func (i *instance) inputArtifacts(name string, depth int) []*artifact {
	if i.task == nil || depth > maxDepth {
		return nil
	}
	if i.iteration >= 0 {
		if it := i.task.ArtifactIterator; it != nil && it.Item == name {
			all := i.parent.inputArtifacts(it.Items.Input, depth+1)
			if i.iteration >= len(all) {
				return nil
			}
			return all[i.iteration : i.iteration+1]
		}
		return i.parent.inputArtifacts(name, depth+1)
	}
	in := i.task.Inputs.Artifacts[name]
	switch {
	case in.Input != "":
		return i.scope().inputArtifacts(in.Input, depth+1)
	case in.From != nil:
		if p := i.scope().children[in.From.Task]; p != nil {
			return p.outputArtifacts(in.From.Key, depth+1)
		}
	}
	return nil
}

// outputArtifacts returns the artifacts that an instance, or a task below it, wrote under a key.
func (i *instance) outputArtifacts(key string, depth int) (out []*artifact) {
	if depth > maxDepth {
		return nil
	}
	if i.isLoop() {
		for _, one := range i.loops {
			out = append(out, one.outputArtifacts(key, depth+1)...)
		}
		return out
	}
	if i.comp.Dag == nil {
		return i.outputs[key]
	}
	for _, s := range i.comp.Dag.Outputs.Artifacts[key].Selectors {
		if c := i.children[s.Task]; c != nil {
			out = append(out, c.outputArtifacts(s.Key, depth+1)...)
		}
	}
	return out
}

// readArtifacts returns all that an instance reads: its input artifacts, and the imported data
// whose URI is the value of one of its parameters.
func (i *instance) readArtifacts() (out []*artifact) {
	add := func(a *artifact) {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, name := range sortedKeys(i.task.Inputs.Artifacts) {
		for _, a := range i.inputArtifacts(name, 0) {
			add(a)
		}
	}
	for _, name := range sortedKeys(i.params) {
		value, ok := i.params[name].(string)
		if !ok || !strings.Contains(value, "/") {
			continue
		}
		for _, a := range i.run.imported {
			if a.uri == value {
				add(a)
			}
		}
	}
	return out
}
