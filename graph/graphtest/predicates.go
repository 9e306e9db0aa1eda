package graphtest

import (
	"fmt"

	"pedigree/graph"
	"pedigree/registry"
)

var predicateTests = []subtest{
	{"every operator on text and int columns", operators},
	{"a prefix is not a pattern", prefixIsLiteral},
	{"a child predicate holds where one child matches", childPredicate},
	{"id and parent can be compared", selfPredicate},
	{"rows widen with or what where narrows with and", rowsPredicate},
}

func pred(c registry.Index, op graph.Op, values ...any) graph.Predicate {
	return graph.Predicate{Column: c, Op: op, Values: values}
}

func (k *kit) findNames(kind registry.Kind, where ...graph.Predicate) []string {
	k.Helper()
	p := k.find(graph.Query{Kinds: []registry.Kind{kind}, Where: where, Count: true})
	if p.Total != int64(len(p.Nodes)) || p.More {
		k.Fatalf("%d nodes, total %d, more %v", len(p.Nodes), p.Total, p.More)
	}
	return names(p.Nodes)
}

func operators(k *kit) {
	for i, stage := range []string{"", "CANARY", "CANARY2", "PRODUCTION", "canary"} {
		k.put(with(mv(fmt.Sprint("v", i)), registry.IndexStage, stage, registry.IndexNumber, int64(i)))
	}
	stage, number := registry.IndexStage, registry.IndexNumber
	for _, c := range []struct {
		p    graph.Predicate
		want string
	}{
		{pred(stage, graph.In, "CANARY"), "[v1]"},
		{pred(stage, graph.In, "canary", "", "none"), "[v0 v4]"},
		{pred(stage, graph.In), "[]"},
		{pred(stage, graph.NotIn, "CANARY", ""), "[v2 v3 v4]"},
		{pred(stage, graph.NotIn), "[v0 v1 v2 v3 v4]"},
		{pred(stage, graph.Less, "CANARY2"), "[v0 v1]"},
		{pred(stage, graph.AtMost, "CANARY2"), "[v0 v1 v2]"},
		{pred(stage, graph.Greater, "CANARY2"), "[v3 v4]"},
		{pred(stage, graph.AtLeast, "CANARY2"), "[v2 v3 v4]"},
		{pred(stage, graph.Prefix, "CANARY"), "[v1 v2]"},
		{pred(stage, graph.Prefix, ""), "[v0 v1 v2 v3 v4]"},
		{pred(number, graph.In, int64(3), int64(0), int64(9)), "[v0 v3]"},
		{pred(number, graph.NotIn, int64(3)), "[v0 v1 v2 v4]"},
		{pred(number, graph.Less, int64(1)), "[v0]"},
		{pred(number, graph.AtMost, int64(1)), "[v0 v1]"},
		{pred(number, graph.Greater, int64(3)), "[v4]"},
		{pred(number, graph.AtLeast, int64(3)), "[v3 v4]"},
		{pred(registry.IndexName, graph.Greater, "v3"), "[v4]"},
		{pred(registry.IndexValidFrom, graph.AtLeast, t0.UnixMicro()), "[v0 v1 v2 v3 v4]"},
		{pred(registry.IndexValidFrom, graph.Greater, t0.UnixMicro()), "[]"},
	} {
		k.wantEqual(fmt.Sprintf("%+v", c.p), k.findNames(registry.KindModelVersion, c.p), c.want)
	}
	k.wantEqual("both", k.findNames(registry.KindModelVersion, pred(number, graph.Greater, int64(0)), pred(stage, graph.Prefix, "CAN")), "[v1 v2]")
}

func prefixIsLiteral(k *kit) {
	for _, n := range []string{"a%b", "a_b", "axb", "a\\b", "a'b", "a*b", "a[b", "A%b", "a"} {
		k.put(dv(n))
	}
	for _, p := range []string{"a%", "a_", "a\\", "a'", "a*", "a[", "A"} {
		got := k.findNames(registry.KindDatasetVersion, pred(registry.IndexName, graph.Prefix, p))
		if len(got) != 1 || got[0][:len(p)] != p {
			k.Fatalf("prefix %q: %q", p, got)
		}
	}
	k.wantEqual("all", len(k.findNames(registry.KindDatasetVersion, pred(registry.IndexName, graph.Prefix, "a"))), 8)
}

func childPredicate(k *kit) {
	for _, m := range []struct {
		name   string
		stages []string
	}{{"m1", []string{"PRODUCTION", "STAGING"}}, {"m2", []string{"STAGING"}}, {"m3", nil}, {"m4", []string{"PRODUCTION"}}} {
		model := node(registry.KindModel, m.name)
		k.put(model)
		for i, s := range m.stages {
			v := with(mv(fmt.Sprint(m.name, "-", i)), registry.IndexStage, s)
			v.Parent = model.ID
			k.put(v)
		}
		other := with(node(registry.KindAlias, "alias of "+m.name), registry.IndexStage, "PRODUCTION")
		other.Parent = model.ID
		k.put(other)
	}
	child := func(op graph.Op, values ...any) graph.Predicate {
		return graph.Predicate{Column: registry.IndexStage, Op: op, Values: values, Child: registry.KindModelVersion}
	}
	k.wantEqual("in", k.findNames(registry.KindModel, child(graph.In, "PRODUCTION")), "[m1 m4]")
	k.wantEqual("not in", k.findNames(registry.KindModel, child(graph.NotIn, "PRODUCTION")), "[m1 m2]")
	k.wantEqual("two children", k.findNames(registry.KindModel, child(graph.In, "PRODUCTION"), child(graph.In, "STAGING")), "[m1]")
	k.wantEqual("child by id", k.findNames(registry.KindModel,
		graph.Predicate{Self: graph.SelfID, Op: graph.In, Values: []any{string(mv("m2-0").ID)}, Child: registry.KindModelVersion}), "[m2]")
	k.delete(mv("m4-0"))
	k.wantEqual("deleted child", k.findNames(registry.KindModel, child(graph.In, "PRODUCTION")), "[m1]")
	k.wantEqual("any child", k.findNames(registry.KindModel, child(graph.NotIn)), "[m1 m2]")
}

func selfPredicate(k *kit) {
	for i := range 4 {
		n := dv(fmt.Sprint("d", i))
		n.Parent = registry.ID(fmt.Sprint("ds_", i%2))
		k.put(n)
	}
	self := func(f graph.SelfField, values ...any) graph.Predicate {
		return graph.Predicate{Self: f, Op: graph.In, Values: values}
	}
	k.wantEqual("ids", k.findNames(registry.KindDatasetVersion, self(graph.SelfID, string(dv("d1").ID), string(dv("d3").ID), "x")), "[d1 d3]")
	k.wantEqual("parents", k.findNames(registry.KindDatasetVersion, self(graph.SelfParent, "ds_0")), "[d0 d2]")
	k.wantEqual("case", k.findNames(registry.KindDatasetVersion, self(graph.SelfParent, "DS_0")), "[]")
	k.wantEqual("none", k.findNames(registry.KindDatasetVersion, self(graph.SelfID)), "[]")
	k.wantEqual("both", k.findNames(registry.KindDatasetVersion, self(graph.SelfParent, "ds_0"), self(graph.SelfID, string(dv("d2").ID), string(dv("d1").ID))), "[d2]")
}

func rowsPredicate(k *kit) {
	for i := range 6 {
		k.put(with(mv(fmt.Sprint("v", i)), registry.IndexNumber, int64(i), registry.IndexOwner, []string{"ann", "bob"}[i%2]))
	}
	number, owner := registry.IndexNumber, registry.IndexOwner
	q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Count: true,
		AnyOf: [][]graph.Predicate{{pred(number, graph.Less, int64(2)), pred(owner, graph.In, "bob")}, {pred(number, graph.AtLeast, int64(4))}}}
	k.wantEqual("or", names(k.find(q).Nodes), "[v1 v4 v5]")
	k.wantEqual("count", k.find(q).Total, 3)
	q.Where = []graph.Predicate{pred(owner, graph.In, "bob")}
	k.wantEqual("and", names(k.find(q).Nodes), "[v1 v5]")
	q.AnyOf = [][]graph.Predicate{{pred(number, graph.In)}, {}}
	k.wantEqual("an empty conjunction holds", names(k.find(q).Nodes), "[v1 v3 v5]")
	q.AnyOf = [][]graph.Predicate{{pred(number, graph.In)}}
	k.wantEqual("no row", k.find(q).Total, 0)
}
