package graphtest

import (
	"fmt"

	"pedigree/graph"
	"pedigree/registry"
)

var asOfTests = []subtest{
	{"as of a time a node is its latest revision since then", revisionsAsOf},
	{"known at a sequence a node is what was recorded by then", revisionsKnown},
	{"an edge is seen from its start until its end", edgesAsOf},
	{"an edge to a node that was not yet is not followed", edgeToLaterNode},
	{"known at a sequence edges are what was recorded and not retracted", edgesKnown},
	{"names and columns of an earlier revision come with it", columnsAsOf},
}

func (k *kit) revisionAt(at graph.Instant, id registry.ID) string {
	k.Helper()
	n := k.get(at, id)
	if n == nil {
		return "none"
	}
	return fmt.Sprintf("%d %s", n.Revision, n.Doc)
}

func revisionsAsOf(k *kit) {
	a := dv("a")
	for _, since := range []int{10, 30, 20, 20, 5} {
		a.ValidFrom, a.Since, a.Doc = sec(5), sec(since), []byte(fmt.Sprint(since))
		k.put(a)
	}
	for at, want := range map[int]string{4: "none", 5: "5 5", 9: "5 5", 10: "1 10", 19: "1 10", 20: "4 20", 29: "4 20", 30: "2 30", 99: "2 30"} {
		k.wantEqual(fmt.Sprint("at ", at), k.revisionAt(graph.Instant{Valid: sec(at)}, a.ID), want)
	}
	k.wantEqual("newest", k.revisionAt(graph.Instant{}, a.ID), "5 5")
	for at, want := range map[int]string{9: "none", 19: "1 10", 20: "3 20", 30: "2 30"} {
		k.wantEqual(fmt.Sprint("known 3, at ", at), k.revisionAt(graph.Instant{Valid: sec(at), Known: 3}, a.ID), want)
	}
	b := dv("b")
	b.ValidFrom, b.Since = sec(50), sec(10)
	k.put(b)
	k.wantEqual("since before validFrom", k.revisionAt(graph.Instant{Valid: sec(49)}, b.ID), "none")
	k.wantEqual("from validFrom on", k.revisionAt(graph.Instant{Valid: sec(50)}, b.ID), `1 {"name":"b"}`)
	b.ValidTo = sec(60)
	k.put(b)
	k.wantEqual("an ended node stays", k.revisionAt(graph.Instant{Valid: sec(99)}, b.ID), `2 {"name":"b"}`)
}

func revisionsKnown(k *kit) {
	a := dv("a")
	k.put(dv("first"))
	for i := range 3 {
		a.Doc = []byte(fmt.Sprint(i))
		a.Since = sec(10 - i)
		k.put(a)
	}
	for known, want := range map[int64]string{1: "none", 2: "1 0", 3: "2 1", 4: "3 2", 5: "3 2", 0: "3 2"} {
		k.wantEqual(fmt.Sprint("known ", known), k.revisionAt(graph.Instant{Known: known}, a.ID), want)
	}
	got := k.get(graph.Instant{Known: 3}, a.ID)
	if got.RecordedSeq != 3 || got.Number != 2 || !got.Since.Equal(sec(9)) {
		k.Fatalf("got %+v", got)
	}
}

func edgesAsOf(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b, c)
	e := derived(b, a)
	e.ValidFrom, e.ValidTo = sec(10), sec(20)
	open := derived(c, b)
	open.ValidFrom = sec(15)
	k.link(e, open)
	for at, want := range map[int]string{9: "[c:0]", 10: "[c:0]", 14: "[c:0]", 15: "[c:0 b:1 a:2]", 19: "[c:0 b:1 a:2]", 20: "[c:0 b:1]"} {
		in := graph.Instant{Valid: sec(at)}
		k.wantEqual(fmt.Sprint("at ", at), reachedNames(k.closure(graph.ClosureQuery{Roots: ids(c), Depth: 3, At: in})), want)
		down := k.neighbors(graph.NeighborQuery{IDs: ids(a), Direction: graph.Downstream, At: in, Count: true})[0]
		if (down.Degree == 1) != (at >= 10 && at < 20) || int(down.Degree) != len(down.Edges) {
			k.Fatalf("at %d: %+v", at, down)
		}
	}
	k.wantEqual("whenever", reachedNames(k.closure(graph.ClosureQuery{Roots: ids(c), Depth: 3})), "[c:0 b:1 a:2]")
	h := k.neighbors(graph.NeighborQuery{IDs: ids(b)})[0]
	if !h.Edges[0].ValidTo.Equal(sec(20)) || !h.Edges[0].ValidFrom.Equal(sec(10)) {
		k.Fatalf("got %+v", h.Edges[0])
	}
}

func edgeToLaterNode(k *kit) {
	a, b := dv("a"), dv("b")
	a.ValidFrom = sec(30)
	k.put(a, b)
	k.link(derived(b, a))
	at := graph.Instant{Valid: sec(10)}
	c := k.closure(graph.ClosureQuery{Roots: ids(b), Depth: 0, At: at})
	k.wantEqual("deep", len(c.CutAtDepth), 0)
	h := k.neighbors(graph.NeighborQuery{IDs: ids(b, a), At: at, Count: true})
	k.wantEqual("hops", fmt.Sprint(h[0].Degree, len(h[0].Edges)), "0 0")
	h = k.neighbors(graph.NeighborQuery{IDs: ids(b, a), At: at, Count: true, Direction: graph.Downstream})
	k.wantEqual("hops of a node that is not", fmt.Sprint(h[1].Degree, len(h[1].Edges)), "0 0")
	at.Valid = sec(30)
	k.wantEqual("later", reachedNames(k.closure(graph.ClosureQuery{Roots: ids(b), Depth: 1, At: at})), "[b:0 a:1]")
}

func edgesKnown(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b)
	k.link(derived(b, a))
	k.put(c)
	k.link(derived(c, b))
	k.unlink(derived(b, a))
	for known, want := range map[int64]string{1: "[]", 2: "[]", 3: "[c:0]", 4: "[c:0 b:1 a:2]", 5: "[c:0 b:1]", 6: "[c:0 b:1]", 0: "[c:0 b:1]"} {
		cl := k.closure(graph.ClosureQuery{Roots: ids(c), Depth: 3, At: graph.Instant{Known: known}})
		k.wantEqual(fmt.Sprint("known ", known), reachedNames(cl), want)
		if len(cl.Edges) != max(0, len(cl.Nodes)-1) {
			k.Fatalf("known %d: %d edges", known, len(cl.Edges))
		}
	}
	h := k.neighbors(graph.NeighborQuery{IDs: ids(a), Direction: graph.Downstream, At: graph.Instant{Known: 4}})[0]
	if len(h.Edges) != 1 || h.Edges[0].RecordedSeq != 2 || h.Edges[0].RetractedSeq != 5 {
		k.Fatalf("got %+v", h)
	}
}

func columnsAsOf(k *kit) {
	a := with(mv("old name"), registry.IndexStage, "STAGING", registry.IndexNumber, int64(1<<53+1))
	k.put(a)
	a.Name, a.Since = "new name", sec(10)
	with(a, registry.IndexStage, "PRODUCTION")
	k.put(a)
	for _, at := range []graph.Instant{{Valid: sec(5)}, {Known: 1}} {
		got := k.get(at, a.ID)
		if got.Name != "old name" || got.Text(registry.IndexStage) != "STAGING" || got.Int(registry.IndexNumber) != 1<<53+1 || got.Revision != 1 {
			k.Fatalf("at %+v: %+v", at, got)
		}
	}
	got := k.get(graph.Instant{}, a.ID)
	if got.Name != "new name" || got.Text(registry.IndexStage) != "PRODUCTION" || got.Int(registry.IndexNumber) != 0 {
		k.Fatalf("got %+v", got)
	}
	k.wantEqual("lists are of the present", k.findNames(registry.KindModelVersion, pred(registry.IndexStage, graph.In, "STAGING")), "[]")
}
