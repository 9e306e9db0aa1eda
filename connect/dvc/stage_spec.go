package dvc

import (
	"fmt"
	"strings"
)

// stageSpec is a stage of dvc.yaml with the variables of its templates.
type stageSpec struct {
	pipelineStage
	variables
}

// stageSpec returns a stage of dvc.yaml, also for a stage that foreach or matrix generates.
// It returns false when dvc.yaml was read whole and has no such stage.
func (b *builder) stageSpec(dir, name string) (stageSpec, bool) {
	p := b.pipelines[dir]
	if p == nil || p.partial {
		return stageSpec{}, true
	}
	st, ok := p.Stages[name]
	if ok {
		return b.templated(dir, st, nil), true
	}
	group, key := splitForeach(name, p.Stages)
	if st, ok = p.Stages[group]; !ok || key == "" {
		return stageSpec{}, false
	}
	items, known := b.itemsOf(dir, st)
	if _, generated := items[key]; known && !generated && b.generates(dir, group, items) {
		return stageSpec{}, false
	}
	local := items[key]
	if local == nil {
		local = map[string]any{"item": key, "key": key}
	}
	if st.Do == nil {
		return b.templated(dir, st, local), true
	}
	do := *st.Do
	if do.Meta == nil {
		do.Meta = st.Meta
	}
	if do.Desc == "" {
		do.Desc = st.Desc
	}
	return b.templated(dir, do, local), true
}

// generates reports whether dvc.lock has an entry of a group under one of the keys. When it has
// none, the keys may be read otherwise than DVC reads them, and no entry is left out.
func (b *builder) generates(dir, group string, items map[string]map[string]any) bool {
	for key := range items {
		if _, ok := b.locks[dir].Stages[group+"@"+key]; ok {
			return true
		}
	}
	return false
}

func (b *builder) templated(dir string, st pipelineStage, local map[string]any) stageSpec {
	return stageSpec{st, b.readVars(dir, b.variablesOf(dir), st.Vars).with(local)}
}

// wdir replaces the templates in a wdir. It reports templates that it cannot replace,
// because only DVC can resolve them.
func (b *builder) wdir(address string, spec stageSpec) string {
	wdir, ok := spec.resolve(spec.WDir)
	if !ok {
		b.remark(address, fmt.Sprintf("its wdir %q is a template that only DVC resolves; its paths are taken from the folder of its dvc.yaml", wdir))
		return ""
	}
	return wdir
}

// resolved returns a text of a dvc.yaml with its templates replaced, as far as they can be.
func (b *builder) resolved(dir, text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	out, _ := b.variablesOf(dir).resolve(text)
	return out
}
