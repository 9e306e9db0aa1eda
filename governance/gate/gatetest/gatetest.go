// Package gatetest makes random conditions and facts, for tests of what gates say.
package gatetest

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"

	"pedigree/governance/gate"
	"pedigree/registry"
)

// Rounds is how many random conditions are tried: 10,000, and more with PEDIGREE_ROUNDS.
func Rounds() int {
	n, _ := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS"))
	return 10_000 + 1_000*max(n, 0)
}

// Generator makes random conditions and facts.
type Generator struct {
	*rand.Rand
	vars int
}

// New returns a generator that makes the same things each time that it has the same seed.
func New(seed uint64) *Generator { return &Generator{Rand: rand.New(rand.NewPCG(18, seed))} }

// Condition returns a random condition, which is no longer than conditions may be.
func (g *Generator) Condition() string {
	for {
		g.vars = 0
		if e := g.boolean(1+g.IntN(4), nil); len(e) <= gate.MaxExpression {
			return e
		}
	}
}

// Facts returns random facts, all of which are known.
func (g *Generator) Facts() gate.Facts { return g.Complete(gate.Facts{}) }

// Part returns what is left of facts when some of them are forgotten.
func (g *Generator) Part(all gate.Facts) gate.Facts {
	rest := gate.Facts{}
	for _, v := range gate.Variables() {
		if g.IntN(6) > 0 {
			rest[v.Name] = g.forget(all[v.Name])
		}
	}
	return rest
}

// Complete returns facts of which some are known, with a random value for each that is not.
func (g *Generator) Complete(some gate.Facts) gate.Facts {
	all := gate.Facts{}
	for _, v := range gate.Variables() {
		all[v.Name] = g.complete(v.Type, some[v.Name])
	}
	return all
}

func (g *Generator) complete(typ string, known any) any {
	switch known := known.(type) {
	case nil:
		return g.fill(typ)
	case *gate.Object:
		out := &gate.Object{Type: known.Type, ID: known.ID, Name: known.Name, Fields: map[string]any{}}
		for _, t := range gate.Types() {
			for _, f := range t.Fields {
				if t.Name == known.Type {
					out.Fields[f.Name] = g.complete(f.Type, known.Fields[f.Name])
				}
			}
		}
		return out
	case *gate.Set:
		out := &gate.Set{}
		item, _ := itemType(typ)
		for _, o := range known.Items {
			out.Items = append(out.Items, g.complete(item, o).(*gate.Object))
		}
		for range g.IntN(3) {
			if known.Truncated {
				out.Items = append(out.Items, g.fill(item).(*gate.Object))
			}
		}
		return out
	}
	return known
}

func pick[T any](g *Generator, from ...T) T { return from[g.IntN(len(from))] }

// item is an object that an expression can speak of, and its type.
type item struct{ path, typ string }

func (g *Generator) boolean(depth int, items []item) string {
	if depth <= 0 {
		return pick(g, "true", "false", "hasIncumbent", g.field("bool", items)+" == true")
	}
	switch g.IntN(13) {
	case 0, 1:
		return "(" + g.boolean(depth-1, items) + " && " + g.boolean(depth-1, items) + ")"
	case 2, 3:
		return "(" + g.boolean(depth-1, items) + " || " + g.boolean(depth-1, items) + ")"
	case 4:
		return "!(" + g.boolean(depth-1, items) + ")"
	case 5:
		return "(" + g.boolean(depth-1, items) + " ? " + g.boolean(depth-1, items) + " : " + g.boolean(depth-1, items) + ")"
	case 6, 7:
		set := pick(g, sets()...)
		typ, _ := itemType(typeOf(set))
		g.vars++
		name := "x" + strconv.Itoa(g.vars)
		inner := append(slices.Clone(items), item{name, typ})
		body := g.boolean(depth-1, inner)
		return pick(g, set+".all("+name+", "+body+")", set+".exists("+name+", "+body+")", set+".exists_one("+name+", "+body+")",
			set+".filter("+name+", "+body+").size() "+pick(g, "==", ">", "<")+" "+strconv.Itoa(g.IntN(3)), set+".map("+name+", "+body+").all(y, y)",
			"size("+set+") "+pick(g, "==", ">", "<=")+" "+strconv.Itoa(g.IntN(4)))
	case 8:
		return g.field("string", items) + pick(g, " == ", " != ", " < ") + pick(g, `"a"`, `""`, g.field("string", items))
	case 9:
		return g.field("int", items) + pick(g, " == ", " > ", " / 0 > ", " - 1 < ") + strconv.Itoa(g.IntN(3))
	case 10:
		return g.field("map(string, double)", items) + pick(g, `["a"] > 0.5`, `.size() > 0`, `["b"] <= card.accuracy`)
	case 11:
		return `"a" in ` + pick(g, "gaps", g.field("map(string, string)", items), g.field("list(string)", items))
	}
	return "has(" + g.field(pick(g, "string", "bool", "int"), items) + ")"
}

// typeOf returns the type of a variable.
func typeOf(variable string) string {
	all := gate.Variables()
	return all[slices.IndexFunc(all, func(v gate.Field) bool { return v.Name == variable })].Type
}

// itemType returns the type of the objects of a list of objects.
func itemType(typ string) (string, bool) {
	for _, t := range gate.Types() {
		if typ == "list("+t.Name+")" {
			return t.Name, true
		}
	}
	return "", false
}

// sets are the variables that are lists of objects.
func sets() (out []string) {
	for _, v := range gate.Variables() {
		if _, ok := itemType(v.Type); ok {
			out = append(out, v.Name)
		}
	}
	return out
}

// field returns the path of a field of a type.
func (g *Generator) field(typ string, items []item) string {
	all := append([]item{{"version", "Version"}, {"card", "Card"}, {"model", "Model"}, {"incumbent", "Incumbent"}, {"incumbent.card", "Card"}, {"review", "Review"}, {"signature", "Signature"}}, items...)
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, it := range all {
		for _, t := range gate.Types() {
			if t.Name != it.typ {
				continue
			}
			for _, i := range g.Perm(len(t.Fields)) {
				if t.Fields[i].Type == typ {
					return it.path + "." + t.Fields[i].Name
				}
			}
		}
	}
	return "card.nothing"
}

// fill returns a random value of a type.
func (g *Generator) fill(typ string) any {
	switch typ {
	case "bool":
		return g.IntN(2) == 0
	case "int":
		return int64(g.IntN(4))
	case "double":
		return float64(g.IntN(3)) / 2
	case "string":
		return pick(g, "", "a", "b")
	case "timestamp":
		return time.Unix(int64(g.IntN(3)), 0)
	case "list(string)":
		return pick(g, []string{}, []string{"a"}, []string{"b", "a"})
	case "map(string, string)":
		return pick(g, map[string]string{}, map[string]string{"a": "b"})
	case "map(string, double)":
		return pick(g, map[string]float64{}, map[string]float64{"a": 1}, map[string]float64{"b": 0})
	}
	if item, ok := itemType(typ); ok {
		s := &gate.Set{}
		for range g.IntN(4) {
			s.Items = append(s.Items, g.fill(item).(*gate.Object))
		}
		return s
	}
	o := &gate.Object{Type: typ, ID: registry.ID(strconv.Itoa(g.IntN(1000))), Fields: map[string]any{}}
	for _, t := range gate.Types() {
		if t.Name == typ {
			for _, f := range t.Fields {
				o.Fields[f.Name] = g.fill(f.Type)
			}
		}
	}
	return o
}

// forget returns what is left of a value when some of it is not known.
func (g *Generator) forget(v any) any {
	switch v := v.(type) {
	case *gate.Object:
		out := &gate.Object{Type: v.Type, ID: v.ID, Fields: map[string]any{}}
		for name, f := range v.Fields {
			if g.IntN(4) > 0 {
				out.Fields[name] = g.forget(f)
			}
		}
		return out
	case *gate.Set:
		out := &gate.Set{Truncated: g.IntN(3) == 0}
		for _, o := range v.Items {
			if !out.Truncated || g.IntN(2) == 0 {
				out.Items = append(out.Items, g.forget(o).(*gate.Object))
			}
		}
		return out
	}
	return v
}
