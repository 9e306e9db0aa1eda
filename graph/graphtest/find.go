package graphtest

import (
	"fmt"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

var findTests = []subtest{
	{"names sort by code point, beyond the BMP after U+FFFD", unicodeOrder},
	{"absent values sort first ascending and last descending", absentOrder},
	{"int columns sort as numbers", intOrder},
	{"ties break by id in the direction of the order", tieOrder},
	{"several kinds and parents merge into one order", mergedOrder},
	{"a limit per parent gives the first of each, grouped by parent", perParent},
	{"malformed queries are INVALID_ARGUMENT", badQueries},
	{"bare leaves out documents", bareFind},
	{"a count is of all that match and -1 where it is not asked", countFind},
}

var pageTests = []subtest{
	{"pages are complete at every size around the number of nodes", pageSizes},
	{"pages under concurrent writes repeat nothing and lose nothing that stood", pagesUnderWrites},
}

func unicodeOrder(k *kit) {
	list := []string{"Z", "a", "b", "É", "é", "日本", "\uFFFD", "😀", "\U0010FFFD", "a ", "A", "e\u0301", "\uE000"}
	for _, n := range list {
		k.put(dv(n))
	}
	slices.Sort(list)
	kinds := []registry.Kind{registry.KindDatasetVersion}
	k.wantEqual("ascending", names(k.find(graph.Query{Kinds: kinds}).Nodes), fmt.Sprint(list))
	slices.Reverse(list)
	k.wantEqual("descending", names(k.find(graph.Query{Kinds: kinds, Desc: true}).Nodes), fmt.Sprint(list))
	k.wantEqual("by prefix", names(k.find(graph.Query{Kinds: kinds, Where: []graph.Predicate{{Column: registry.IndexName, Op: graph.Prefix, Values: []any{"😀"}}}}).Nodes), "[😀]")
	for _, n := range list {
		p := k.find(graph.Query{Kinds: kinds, Where: []graph.Predicate{{Column: registry.IndexName, Op: graph.In, Values: []any{n}}}})
		k.wantEqual("exactly", fmt.Sprintf("%q", names(p.Nodes)), fmt.Sprintf("%q", []string{n}))
	}
}

func absentOrder(k *kit) {
	k.put(with(mv("b"), registry.IndexOwner, "zoe", registry.IndexNumber, int64(2)), mv("none"), with(mv("a"), registry.IndexOwner, "Ann", registry.IndexNumber, int64(1)),
		with(mv("minus"), registry.IndexOwner, "ann", registry.IndexNumber, int64(-1)))
	for _, c := range []struct {
		order registry.Index
		want  string
	}{{registry.IndexOwner, "[none a minus b]"}, {registry.IndexNumber, "[minus none a b]"}} {
		q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Order: c.order}
		got := names(k.find(q).Nodes)
		k.wantEqual("ascending", got, c.want)
		q.Desc = true
		slices.Reverse(got)
		k.wantEqual("descending", names(k.find(q).Nodes), fmt.Sprint(got))
	}
}

func intOrder(k *kit) {
	for i, v := range []int64{10, 9, 100, 1 << 53, 1<<53 + 1, 1<<62 + 1} {
		n := with(mv(fmt.Sprint(v)), registry.IndexNumber, v)
		n.ValidFrom = sec(-i)
		k.put(n)
	}
	p := k.find(graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Order: registry.IndexNumber})
	k.wantEqual("by number", names(p.Nodes), "[9 10 100 9007199254740992 9007199254740993 4611686018427387905]")
	k.wantEqual("value", p.Nodes[5].Int(registry.IndexNumber), int64(1<<62+1))
	p = k.find(graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Order: registry.IndexValidFrom})
	k.wantEqual("by time", names(p.Nodes), "[4611686018427387905 9007199254740993 9007199254740992 100 9 10]")
	p = k.find(graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Order: registry.IndexNumber,
		After: &graph.Key{Value: int64(1 << 53), ID: mv("9007199254740992").ID}})
	k.wantEqual("after a large number", names(p.Nodes), "[9007199254740993 4611686018427387905]")
}

func tieOrder(k *kit) {
	var want []string
	for i := range 20 {
		n := dv("same")
		n.ID = registry.NewID(n.Kind, fmt.Sprint(i))
		want = append(want, string(n.ID))
		k.put(n)
	}
	slices.Sort(want)
	for _, desc := range []bool{false, true} {
		var got []string
		for _, n := range k.pages(graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Desc: desc, Limit: 7}) {
			got = append(got, string(n.ID))
		}
		k.wantEqual("ids", got, fmt.Sprint(want))
		slices.Reverse(want)
	}
}

func mergedOrder(k *kit) {
	for i := range 12 {
		n := node([]registry.Kind{registry.KindDatasetVersion, registry.KindRun, registry.KindTag}[i%3], fmt.Sprintf("n%02d", i))
		n.Parent = registry.ID(fmt.Sprintf("p_%d", i%2))
		k.put(n)
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindTag, registry.KindRun, registry.KindTag}, Count: true, Limit: 3}
	k.wantEqual("kinds", names(k.pages(q)), "[n01 n02 n04 n05 n07 n08 n10 n11]")
	k.wantEqual("count", k.find(q).Total, 8)
	q = graph.Query{Parents: []registry.ID{"p_1", "p_1", "p_none"}, Desc: true, Limit: 4, Count: true}
	k.wantEqual("parents", names(k.pages(q)), "[n11 n09 n07 n05 n03 n01]")
	q.Kinds, q.Parents = []registry.Kind{registry.KindRun, registry.KindDatasetVersion}, []registry.ID{"p_0", "p_1"}
	k.wantEqual("both", names(k.pages(q)), "[n10 n09 n07 n06 n04 n03 n01 n00]")
	k.wantEqual("count", k.find(q).Total, 8)
}

func perParent(k *kit) {
	for i := range 12 {
		n := node([]registry.Kind{registry.KindDatasetVersion, registry.KindRun}[i/2%2], fmt.Sprintf("n%02d", i))
		n.Parent = registry.ID(fmt.Sprintf("p_%d", i%3))
		k.put(n)
	}
	q := graph.Query{Parents: []registry.ID{"p_2", "p_none", "p_0", "p_2"}, PerParent: true, Limit: 3, Desc: true, Count: true,
		After: &graph.Key{Value: "n05", ID: "x"}}
	p := k.find(q)
	k.wantEqual("nodes", names(p.Nodes), "[n11 n08 n05 n09 n06 n03]")
	k.wantEqual("more, total", fmt.Sprint(p.More, p.Total, p.TotalOf), "false 8 map[p_0:4 p_2:4 p_none:0]")
	q.Kinds, q.Desc, q.Limit, q.Count = []registry.Kind{registry.KindRun}, false, 1, false
	p = k.find(q)
	k.wantEqual("of a kind", names(p.Nodes), "[n02 n03]")
	k.wantEqual("total", fmt.Sprint(p.Total, p.TotalOf), "-1 map[]")
}

func badQueries(k *kit) {
	kinds := []registry.Kind{registry.KindRun}
	after := &graph.Key{Value: int64(1), ID: "run_1"}
	for what, q := range map[string]graph.Query{
		"nothing to narrow":      {Limit: 10},
		"per no parent":          {Kinds: kinds, Limit: 10, PerParent: true},
		"no limit":               {Kinds: kinds},
		"too large a limit":      {Kinds: kinds, Limit: 1001},
		"unknown order":          {Kinds: kinds, Limit: 10, Order: "colour"},
		"order by injection":     {Kinds: kinds, Limit: 10, Order: "name; DROP TABLE node"},
		"key of another type":    {Kinds: kinds, Limit: 10, After: after},
		"unknown column":         {Kinds: kinds, Limit: 10, Where: []graph.Predicate{{Column: "colour", Op: graph.In, Values: []any{"red"}}}},
		"unknown operator":       {Kinds: kinds, Limit: 10, Where: []graph.Predicate{{Column: registry.IndexName, Op: "~", Values: []any{"red"}}}},
		"value of another type":  {Kinds: kinds, Limit: 10, Where: []graph.Predicate{{Column: registry.IndexNumber, Op: graph.In, Values: []any{"1"}}}},
		"prefix of a number":     {Kinds: kinds, Limit: 10, Where: []graph.Predicate{{Column: registry.IndexNumber, Op: graph.Prefix, Values: []any{int64(1)}}}},
		"comparison to nothing":  {Kinds: kinds, Limit: 10, Where: []graph.Predicate{{Column: registry.IndexName, Op: graph.Less}}},
		"self by another op":     {Kinds: kinds, Limit: 10, Where: []graph.Predicate{{Self: graph.SelfID, Op: graph.Prefix, Values: []any{"x"}}}},
		"unknown self":           {Kinds: kinds, Limit: 10, Where: []graph.Predicate{{Self: "doc", Op: graph.In, Values: []any{"x"}}}},
		"bad predicate in a row": {Kinds: kinds, Limit: 10, AnyOf: [][]graph.Predicate{{{Column: "colour", Op: graph.In, Values: []any{"red"}}}}},
	} {
		if _, err := k.Find(k.ctx, q); registry.CodeOf(err) != registry.InvalidArgument {
			k.Errorf("%s: error %v has code %q", what, err, registry.CodeOf(err))
		}
	}
}

func bareFind(k *kit) {
	k.put(dv("a"))
	q := graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}}
	if got := k.find(q).Nodes[0]; string(got.Doc) != `{"name":"a"}` {
		k.Fatalf("got %+v", got)
	}
	q.Bare = true
	if got := k.find(q).Nodes[0]; got.Doc != nil || got.Name != "a" || got.Number != 1 || got.Revision != 1 {
		k.Fatalf("got %+v", got)
	}
}

func countFind(k *kit) {
	k.put(many(registry.KindRun, "r", 25)...)
	q := graph.Query{Kinds: []registry.Kind{registry.KindRun}, Limit: 10}
	k.wantEqual("not asked", k.find(q).Total, -1)
	q.Count = true
	p := k.find(q)
	k.wantEqual("first page", p.Total, 25)
	q.After = &graph.Key{Value: p.Nodes[9].Name, ID: p.Nodes[9].ID}
	k.wantEqual("second page", k.find(q).Total, 25)
	q.Where = []graph.Predicate{{Column: registry.IndexName, Op: graph.Less, Values: []any{"r000007"}}}
	p = k.find(q)
	k.wantEqual("filtered", p.Total, 7)
	k.wantEqual("none left", len(p.Nodes), 0)
}

// keyOf is the key of a node in an order.
func keyOf(n *graph.Node, order registry.Index) *graph.Key {
	switch order {
	case "", registry.IndexName:
		return &graph.Key{Value: n.Name, ID: n.ID}
	case registry.IndexSerial:
		return &graph.Key{Value: n.Number, ID: n.ID}
	case registry.IndexValidFrom:
		if n.ValidFrom.IsZero() {
			return &graph.Key{Value: int64(0), ID: n.ID}
		}
		return &graph.Key{Value: n.ValidFrom.UnixMicro(), ID: n.ID}
	}
	for _, c := range registry.IndexColumns() {
		if c.Name == order && c.Type == registry.IntIndex {
			return &graph.Key{Value: n.Int(order), ID: n.ID}
		}
	}
	return &graph.Key{Value: n.Text(order), ID: n.ID}
}

// pages reads all pages of a query.
func (k *kit) pages(q graph.Query) (all []*graph.Node) {
	k.Helper()
	for {
		p := k.find(q)
		if len(p.Nodes) > q.Limit || p.More && len(p.Nodes) != q.Limit {
			k.Fatalf("page of %d nodes, more %v, limit %d", len(p.Nodes), p.More, q.Limit)
		}
		all = append(all, p.Nodes...)
		if !p.More {
			return all
		}
		q.After = keyOf(p.Nodes[len(p.Nodes)-1], q.Order)
	}
}

func pageSizes(k *kit) {
	const n = 12
	for i, v := range many(registry.KindModelVersion, "v", n) {
		v.ValidFrom = sec(i / 4)
		k.put(with(v, registry.IndexStage, []string{"", "STAGING", "CANARY"}[i%3], registry.IndexNumber, int64(i/2)))
	}
	for _, order := range []registry.Index{"", registry.IndexValidFrom, registry.IndexSerial, registry.IndexStage, registry.IndexNumber} {
		for _, desc := range []bool{false, true} {
			q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Order: order, Desc: desc}
			want := names(k.find(q).Nodes)
			if len(want) != n {
				k.Fatalf("%d nodes", len(want))
			}
			for _, size := range []int{1, 2, 5, n - 1, n, n + 1} {
				q.Limit = size
				k.wantEqual(fmt.Sprintf("order %s desc %v size %d", order, desc, size), names(k.pages(q)), fmt.Sprint(want))
			}
		}
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Limit: 5, After: &graph.Key{Value: "v0000035", ID: "mv_not_there"}}
	k.wantEqual("after a key that no node has", names(k.find(q).Nodes)[0], "v000004")
}

func pagesUnderWrites(k *kit) {
	k.put(many(registry.KindRun, "stands", 60)...)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			name := fmt.Sprintf("%s%06d", []string{"stands", "a", "z"}[i%3], 1000-i)
			if err := k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, run(name)) }); err != nil {
				done <- err
				return
			}
		}
	}()
	for i := range 2 * Rounds() {
		seen, stood := map[registry.ID]bool{}, 0
		for _, n := range k.pages(graph.Query{Kinds: []registry.Kind{registry.KindRun}, Desc: i%2 == 1, Limit: 7}) {
			if seen[n.ID] {
				k.Errorf("%s came twice", n.Name)
			}
			seen[n.ID] = true
			if strings.HasPrefix(n.Name, "stands0000") && n.Name < "stands000060" {
				stood++
			}
		}
		if stood != 60 {
			k.Errorf("%d of 60 nodes came", stood)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		k.Fatal(err)
	}
}
