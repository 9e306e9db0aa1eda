package graphtest

import (
	"encoding/json"
	"errors"
	"fmt"

	"pedigree/graph"
	"pedigree/registry"
)

var labelTests = []subtest{
	{"a label finds the nodes with a tag, in every order and page by page", labelOrders},
	{"labels follow what is written and deleted", labelsFollowWrites},
	{"labels narrow the children of a parent, and of each parent", labelsOfChildren},
	{"labels combine with other filters, and with what is served", labelsCombine},
	{"labels are of one kind, key and value", labelsAreExact},
}

// tagged gives a node tags: key, value, key, value, ….
func tagged(n *graph.Node, pairs ...string) *graph.Node {
	doc := map[string]any{"name": n.Name}
	var tags []registry.KeyValue
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, registry.KeyValue{Key: pairs[i], Value: pairs[i+1]})
	}
	if tags != nil {
		doc["tags"] = tags
	}
	n.Doc, _ = json.Marshal(doc)
	return n
}

func labelOf(key, value string) graph.Predicate {
	return graph.Predicate{Label: registry.TagLabel(registry.KeyValue{Key: key, Value: value})}
}

// labelledModels puts models a to j, of which every second has the tag team=risk.
func (k *kit) labelledModels() {
	for i, name := range []string{"d", "a", "f", "c", "b", "e", "j", "h", "g", "i"} {
		m := tagged(with(node(registry.KindModel, name), registry.IndexOwner, fmt.Sprint("o", (i*7)%5)))
		if (name[0]-'a')%2 == 0 {
			m = tagged(m, "team", "risk", "no", fmt.Sprint(i))
		}
		m.ValidFrom = sec(i / 2)
		k.put(m)
	}
}

func labelOrders(k *kit) {
	k.labelledModels()
	q := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Where: []graph.Predicate{labelOf("team", "risk")}, Count: true}
	for _, c := range []struct {
		order registry.Index
		desc  bool
		want  string
	}{{registry.IndexName, false, "[a c e g i]"}, {registry.IndexName, true, "[i g e c a]"}, {registry.IndexValidFrom, false, "[a c e g i]"}, {registry.IndexOwner, false, "[e g a c i]"}} {
		q.Order, q.Desc = c.order, c.desc
		all := k.find(q)
		if c.order == registry.IndexOwner || c.order == registry.IndexValidFrom { // Ties are in the order of ids.
			k.wantEqual("as many", len(all.Nodes), 5)
		} else {
			k.wantEqual(fmt.Sprint(c.order, c.desc), names(all.Nodes), c.want)
		}
		k.wantEqual("the total", all.Total, int64(5))
		for size := 1; size <= 6; size++ {
			paged := q
			paged.Limit = size
			var got []*graph.Node
			for {
				p := k.find(paged)
				got = append(got, p.Nodes...)
				if !p.More {
					break
				}
				last := p.Nodes[len(p.Nodes)-1]
				paged.After = &graph.Key{Value: orderValue(last, c.order), ID: last.ID}
			}
			k.wantEqual(fmt.Sprint("in pages of ", size), names(got), fmt.Sprint(names(all.Nodes)))
		}
		plain := q
		plain.Where, plain.Count = nil, false
		var kept []string
		for _, n := range k.find(plain).Nodes {
			if (n.Name[0]-'a')%2 == 0 {
				kept = append(kept, n.Name)
			}
		}
		k.wantEqual("as in the whole list", names(all.Nodes), fmt.Sprint(kept))
	}
	q.Where = []graph.Predicate{labelOf("team", "nobody")}
	k.wantEqual("nothing", k.find(q).Total, int64(0))
}

// orderValue is the value of a node in an order.
func orderValue(n *graph.Node, order registry.Index) any {
	switch order {
	case registry.IndexName:
		return n.Name
	case registry.IndexValidFrom:
		return n.ValidFrom.UnixMicro()
	}
	return n.Text(order)
}

func labelsFollowWrites(k *kit) {
	a, b := tagged(node(registry.KindModel, "a"), "team", "risk"), tagged(node(registry.KindModel, "b"))
	k.put(a, b)
	find := func(key, value string) []string { return k.findNames(registry.KindModel, labelOf(key, value)) }
	k.wantEqual("at first", find("team", "risk"), "[a]")
	k.put(tagged(b, "team", "risk", "x", "y"), tagged(a, "team", "fraud"))
	k.wantEqual("b has it now", find("team", "risk"), "[b]")
	k.wantEqual("a has another", find("team", "fraud"), "[a]")
	b.Name = "0"
	k.put(tagged(b, "x", "y", "team", "fraud"))
	k.wantEqual("a new name", find("team", "fraud"), "[0 a]")
	b.ValidFrom = sec(-50)
	k.put(b)
	p := k.find(graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexValidFrom, Where: []graph.Predicate{labelOf("team", "fraud")}})
	k.wantEqual("a new time", names(p.Nodes), "[0 a]")
	k.put(tagged(a), tagged(a, "team", "fraud"), tagged(a, "last", "one")) // One batch: the last counts.
	k.wantEqual("a batch", find("team", "fraud"), "[0]")
	k.wantEqual("the last of a batch", find("last", "one"), "[a]")
	model := func(pairs ...string) *graph.Node { return tagged(node(registry.KindModel, "new"), pairs...) }
	k.put(model("new", "first"), model("new", "first"), model("new", "last")) // So does it for a node that is new.
	k.wantEqual("the first of a new node", find("new", "first"), "[]")
	k.wantEqual("the last of a new node", find("new", "last"), "[new]")
	k.mustUpdate(func(tx graph.Tx) error { // And for several writes of an update.
		other := func(pairs ...string) *graph.Node { return tagged(node(registry.KindModel, "other"), pairs...) }
		return errors.Join(tx.Put(k.ctx, other("other", "first")), tx.Put(k.ctx, other("other", "second", "x", "y")), tx.Put(k.ctx, other()))
	})
	k.wantEqual("a new node that lost its tags", find("other", "first"), "[]")
	k.wantEqual("all of them", find("x", "y"), "[0]")
	k.delete(b)
	k.wantEqual("deleted", find("team", "fraud"), "[]")
	gone := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Where: []graph.Predicate{labelOf("team", "fraud")}, Deleted: true}
	k.wantEqual("a tombstone has no tags", len(k.find(gone).Nodes), 0)
	k.mustUpdate(func(tx graph.Tx) error { // An update reads its own writes.
		if err := tx.Put(k.ctx, tagged(a, "own", "write")); err != nil {
			return err
		}
		p, err := tx.Find(k.ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Where: []graph.Predicate{labelOf("own", "write")}, Limit: 5})
		if err == nil && len(p.Nodes) != 1 {
			err = fmt.Errorf("%d nodes with what was just written", len(p.Nodes))
		}
		return err
	})
}

func labelsOfChildren(k *kit) {
	models := []*graph.Node{node(registry.KindModel, "m0"), node(registry.KindModel, "m1")}
	k.put(models...)
	var versions []*graph.Node
	for i := range 130 { // Many under m0, few under m1.
		v := tagged(with(mv(fmt.Sprintf("v%03d", i)), registry.IndexNumber, int64(i)), "n", fmt.Sprint(i%65), "all", "yes")
		v.Parent = models[min(1, i/120)].ID
		versions = append(versions, v)
	}
	k.put(versions...)
	kinds, of := []registry.Kind{registry.KindModelVersion}, func(i int) []registry.ID { return []registry.ID{models[i].ID} }
	find := func(q graph.Query) []string { q.Kinds = kinds; return names(k.find(q).Nodes) }
	for _, order := range []registry.Index{registry.IndexName, registry.IndexNumber, registry.IndexValidFrom} {
		got := find(graph.Query{Parents: of(0), Order: order, Where: []graph.Predicate{labelOf("n", "3")}})
		k.wantEqual("two of many by "+string(order), len(got), 2)
		k.wantEqual("none of many", len(find(graph.Query{Parents: of(0), Order: order, Where: []graph.Predicate{labelOf("n", "x")}})), 0)
		k.wantEqual("all of few", len(find(graph.Query{Parents: of(1), Order: order, Where: []graph.Predicate{labelOf("all", "yes")}})), 10)
	}
	k.wantEqual("by number, from the end", find(graph.Query{Parents: of(0), Order: registry.IndexNumber, Desc: true, Where: []graph.Predicate{labelOf("n", "3")}}), "[v068 v003]")
	both := graph.Query{Parents: []registry.ID{models[0].ID, models[1].ID}, Where: []graph.Predicate{labelOf("n", "60")}}
	k.wantEqual("of both parents", find(both), "[v060 v125]")
	both.PerParent = true
	both.Where = []graph.Predicate{labelOf("all", "yes")}
	both.Limit, both.Order, both.Desc = 2, registry.IndexNumber, true
	k.wantEqual("of each parent", find(both), "[v119 v118 v129 v128]")
}

func labelsCombine(k *kit) {
	k.labelledModels()
	for i, name := range []string{"a", "b", "c"} {
		v := with(mv("v"+name), registry.IndexStage, []string{"PRODUCTION", "PRODUCTION", "STAGING"}[i])
		v.Parent = node(registry.KindModel, name).ID
		k.put(v)
	}
	risk, served := labelOf("team", "risk"), graph.Predicate{Served: true}
	k.wantEqual("with an owner", k.findNames(registry.KindModel, risk, pred(registry.IndexOwner, graph.In, "o1")), fmt.Sprint(k.findNames(registry.KindModel, pred(registry.IndexOwner, graph.In, "o1"), risk)))
	k.wantEqual("with a prefix", k.findNames(registry.KindModel, risk, pred(registry.IndexName, graph.Prefix, "e")), "[e]")
	k.wantEqual("with another label", k.findNames(registry.KindModel, risk, labelOf("no", "3")), "[c]")
	k.wantEqual("with a child", k.findNames(registry.KindModel, risk, graph.Predicate{Column: registry.IndexStage, Op: graph.In, Values: []any{"STAGING"}, Child: registry.KindModelVersion}), "[c]")
	k.wantEqual("served", k.findNames(registry.KindModel, risk, served), "[a]")
	q := graph.Query{Kinds: []registry.Kind{registry.KindModel}, AnyOf: [][]graph.Predicate{{risk, served}, {pred(registry.IndexName, graph.In, "b", "c"), labelOf("team", "risk")}}}
	k.wantEqual("in alternatives", names(k.find(q).Nodes), "[a c]")
	v := with(mv("va"), registry.IndexStage, "STAGING")
	v.Parent = node(registry.KindModel, "a").ID
	k.put(v)
	k.wantEqual("served no more", k.findNames(registry.KindModel, risk, served), "[]")
	late := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexValidFrom, Where: []graph.Predicate{risk, pred(registry.IndexValidFrom, graph.AtLeast, sec(4).UnixMicro())}}
	k.wantEqual("from a time on", names(k.find(late).Nodes), "[g i]")
	_, err := k.Find(k.ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Limit: 1, Where: []graph.Predicate{{Label: "tag_x", Child: registry.KindModelVersion}}})
	k.checkCode(registry.InvalidArgument, err)
}

func labelsAreExact(k *kit) {
	d := tagged(mv("d"), "a=b", "c", "empty", "")
	m := tagged(node(registry.KindModel, "m"), "a", "b=c", "A", "B=C")
	r := tagged(node(registry.KindRun, "r"), "a", "b=c") // Lists of runs have no filter by tag.
	k.put(d, m, r)
	k.wantEqual("key and value", k.findNames(registry.KindModel, labelOf("a=b", "c")), "[]")
	k.wantEqual("value", k.findNames(registry.KindModel, labelOf("a", "b=c")), "[m]")
	k.wantEqual("case", k.findNames(registry.KindModel, labelOf("a", "B=C")), "[]")
	k.wantEqual("another kind", k.findNames(registry.KindModelVersion, labelOf("a", "b=c")), "[]")
	k.wantEqual("an empty value", k.findNames(registry.KindModelVersion, labelOf("empty", "")), "[d]")
	k.wantEqual("runs", k.findNames(registry.KindRun, labelOf("a", "b=c")), "[]")
	both := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion, registry.KindModel}, Where: []graph.Predicate{labelOf("a", "b=c")}}
	k.wantEqual("several kinds", names(k.find(both).Nodes), "[m]")
}
