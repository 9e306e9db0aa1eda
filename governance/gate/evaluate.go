package gate

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"

	"pedigree/registry"
)

// Result is what a condition says of facts.
type Result struct {
	Answer registry.GateAnswer
	// Reason says why it is UNKNOWN, when that is not for an unknown fact.
	Reason string
	// Facts are what it looked at: of a set only what decided. More counts those that are not told.
	Facts []Fact
	More  int
	// costly is true when the evaluation was ended because it cost too much.
	costly bool
}

// Evaluate evaluates a condition. It passes only if it is true whatever the unknown facts are; it
// fails only if it is false whatever they are. An error, and a condition that costs too much, is UNKNOWN.
func (c *Condition) Evaluate(ctx context.Context, facts Facts) (*Result, error) {
	t := &trace{}
	a := &activation{facts: facts, trace: t}
	out, _, err := c.program.ContextEval(ctx, a)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a.countItems()
	r := &Result{Answer: registry.GateUnknown, Facts: t.facts, More: t.dropped}
	switch {
	case err != nil:
		r.Reason, r.costly = registry.Shorten(err.Error(), 300), strings.Contains(err.Error(), "cost limit exceeded")
	case out == types.True:
		r.Answer = registry.GatePass
	case out == types.False:
		r.Answer = registry.GateFail
	}
	return r, nil
}

// activation gives a program its variables.
type activation struct {
	facts Facts
	trace *trace
	// sets are the sets that were read.
	sets []string
}

// countItems notes how many objects a set has of which nothing else is told: so few, or none, may be
// why a condition does not hold.
func (a *activation) countItems() {
	for _, name := range a.sets {
		if slices.ContainsFunc(a.trace.facts, func(f Fact) bool { return f.Path == name || strings.HasPrefix(f.Path, name+".") }) {
			continue
		}
		a.trace.add(Fact{Path: "size(" + name + ")", Value: strconv.Itoa(len(a.facts[name].(*Set).Items)), Known: true})
	}
}

// ResolveName returns a variable.
func (a *activation) ResolveName(name string) (any, bool) {
	for _, v := range variables {
		switch name {
		case v.Name:
			return a.variable(v), true
		case partial(v.Name):
			set, ok := a.facts[v.Name].(*Set)
			if !ok {
				return a.unknown(v), true
			}
			return a.items(v.Name, set), true
		case whole(v.Name):
			set, ok := a.facts[v.Name].(*Set)
			if !ok || set.Truncated {
				return a.unknown(v), true
			}
			return types.True, true
		}
	}
	return nil, false
}

// Parent returns nil: there is no other activation around it.
func (a *activation) Parent() interpreter.Activation { return nil }

func (a *activation) variable(v Field) any {
	raw, known := a.facts[v.Name]
	switch raw := raw.(type) {
	case *Object:
		return &value{object: raw, path: v.Name, trace: a.trace}
	case *Set:
		if raw.Truncated {
			return a.unknown(v)
		}
		return a.items(v.Name, raw)
	}
	if !known {
		return a.unknown(v)
	}
	a.trace.add(Fact{Path: v.Name, Noun: v.Noun, Field: v.NounField, Value: textOf(raw), Known: true})
	return types.DefaultTypeAdapter.NativeToValue(raw)
}

// unknown notes that a variable is unknown.
func (a *activation) unknown(v Field) ref.Val {
	a.trace.add(Fact{Path: v.Name, Noun: v.Noun, Field: v.NounField})
	return a.trace.unknown(v.Name)
}

func (a *activation) items(name string, s *Set) ref.Val {
	if !slices.Contains(a.sets, name) {
		a.sets = append(a.sets, name)
	}
	out := make([]ref.Val, len(s.Items))
	for i, o := range s.Items {
		out[i] = &value{object: o, path: name, trace: a.trace, item: true}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}
