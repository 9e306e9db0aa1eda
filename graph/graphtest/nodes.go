package graphtest

import (
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

var nodeTests = []subtest{
	{"a fresh store answers a ping with its schema and a 32 byte secret", freshStore},
	{"ids that differ in case or trailing spaces are different nodes", idCase},
	{"nodes come in the order of their ids, nil where there is none", nodeOrder},
	{"everything that is put comes back", putComesBack},
	{"times are microseconds in UTC", timePrecision},
	{"a zero time stays zero", zeroTime},
	{"numbers and revisions count from one", numbering},
	{"kind and parent of a node never change", kindStays},
	{"since is validFrom where it is not given", sinceDefault},
	{"columns a kind does not have are not filled", foreignColumns},
}

func freshStore(k *kit) {
	info, err := k.Ping(k.ctx)
	if err != nil {
		k.Fatal(err)
	}
	if info.Engine == "" || info.Schema < 1 || info.Head != 0 || len(info.Secret) != 32 {
		k.Fatalf("%+v", info)
	}
	if string(info.Secret) == strings.Repeat("\x00", 32) {
		k.Fatal("the secret is all zero")
	}
}

func idCase(k *kit) {
	a, b, c, d := dv("x"), dv("x"), dv("x"), dv("x")
	a.ID, b.ID, c.ID, d.ID = "dv_abc", "dv_ABC", "dv_abc ", "dv_abc\u0301"
	a.Name, b.Name, c.Name, d.Name = "one", "two", "three", "four"
	a.Slots, b.Slots, c.Slots = []string{"s/x"}, []string{"s/X"}, []string{"s/x "}
	k.put(a, b, c, d)
	got, err := k.Nodes(k.ctx, graph.Instant{}, "dv_abc ", "dv_abc", "dv_ABC", "dv_abc\u0301", "dv_Abc")
	if err != nil {
		k.Fatal(err)
	}
	k.wantEqual("names", names(got), "[three one two four <nil>]")
	for slot, want := range map[string]string{"s/x": "[one]", "s/X": "[two]", "s/x ": "[three]", "S/x": "[]"} {
		k.wantEqual("holder of "+slot, names(k.find(graph.Query{Slots: []string{slot}}).Nodes), want)
	}
}

func nodeOrder(k *kit) {
	a, b, c := dv("a"), dv("b"), run("c")
	k.put(a, b, c)
	got, err := k.Nodes(k.ctx, graph.Instant{}, c.ID, "nobody", a.ID, b.ID, a.ID)
	if err != nil {
		k.Fatal(err)
	}
	k.wantEqual("names", names(got), "[c <nil> a b a]")
	got, err = k.Nodes(k.ctx, graph.Instant{})
	if err != nil || len(got) != 0 {
		k.Fatalf("no ids: %v, %v", got, err)
	}
}

func putComesBack(k *kit) {
	n := with(mv("model-m-v1.0.0"), registry.IndexStage, "STAGING", registry.IndexVersion, "B1", registry.IndexNumber, int64(7), registry.IndexOwner, "Zoë 🦊")
	n.Parent = registry.NewID(registry.KindModel, "m")
	n.Slots = []string{"label/m/b", "label/m/a"}
	n.ValidTo, n.Since = sec(100), sec(5)
	n.Doc = []byte(`{"a":"\u0000 <&> Zoë 🦊","n":1e400}`)
	k.put(n)
	got := k.get(graph.Instant{}, n.ID)
	slices.Sort(got.Slots)
	k.wantEqual("slots", got.Slots, "[label/m/a label/m/b]")
	if got.ID != n.ID || got.Kind != n.Kind || got.Parent != n.Parent || got.Name != n.Name || string(got.Doc) != string(n.Doc) {
		k.Fatalf("got %+v", got)
	}
	if !got.ValidFrom.Equal(t0) || !got.ValidTo.Equal(sec(100)) || !got.Since.Equal(sec(5)) || got.Deleted {
		k.Fatalf("got %+v", got)
	}
	if got.Number != n.Number || got.Revision != 1 || got.RecordedSeq != 1 || n.Revision != 1 || n.RecordedSeq != 1 {
		k.Fatalf("got %+v, put %+v", got, n)
	}
	if got.Text(registry.IndexStage) != "STAGING" || got.Text(registry.IndexVersion) != "B1" || got.Int(registry.IndexNumber) != 7 ||
		got.Text(registry.IndexOwner) != "Zoë 🦊" {
		k.Fatalf("columns %v", got.Columns)
	}
}

func timePrecision(k *kit) {
	n := dv("a")
	zone := time.FixedZone("east", 3*3600)
	n.ValidFrom = time.Date(2024, 5, 6, 7, 8, 9, 123456789, zone)
	n.ValidTo = time.Date(2999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	k.put(n)
	got := k.get(graph.Instant{}, n.ID)
	for _, p := range [][2]time.Time{{got.ValidFrom, n.ValidFrom}, {got.ValidTo, n.ValidTo}} {
		if want := p[1].UTC().Truncate(time.Microsecond); !p[0].Equal(want) || p[0].Location() != time.UTC {
			k.Fatalf("got %v, want %v", p[0], want)
		}
	}
	e := derived(dv("b"), n)
	e.ValidFrom = n.ValidFrom
	k.put(dv("b"))
	k.link(e)
	h := k.neighbors(graph.NeighborQuery{IDs: []registry.ID{e.From}})
	if got := h[0].Edges[0].ValidFrom; !got.Equal(n.ValidFrom.Truncate(time.Microsecond)) || got.Location() != time.UTC {
		k.Fatalf("edge from %v", got)
	}
}

func zeroTime(k *kit) {
	a, b := dv("a"), dv("b")
	a.ValidFrom = time.Time{}
	k.put(a, b)
	e := &graph.Edge{Kind: registry.EdgeDerivedFrom, From: b.ID, To: a.ID}
	k.link(e)
	got := k.get(graph.Instant{Valid: t0}, a.ID)
	if got == nil || !got.ValidFrom.IsZero() || !got.ValidTo.IsZero() || !got.Since.IsZero() {
		k.Fatalf("got %+v", got)
	}
	h := k.neighbors(graph.NeighborQuery{IDs: []registry.ID{b.ID}, At: graph.Instant{Valid: t0}})[0]
	if len(h.Edges) != 1 || !h.Edges[0].ValidFrom.IsZero() || !h.Edges[0].ValidTo.IsZero() || h.Edges[0].By != "" {
		k.Fatalf("got %+v", h)
	}
}

func numbering(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b)
	k.put(a)
	k.put(c, a)
	k.wantEqual("numbers", []int64{a.Number, b.Number, c.Number}, "[1 2 3]")
	k.wantEqual("revisions", []int64{a.Revision, b.Revision, c.Revision}, "[3 1 1]")
	got, err := k.Nodes(k.ctx, graph.Instant{}, a.ID, b.ID, c.ID)
	if err != nil {
		k.Fatal(err)
	}
	for i, n := range []*graph.Node{a, b, c} {
		if got[i].Number != n.Number || got[i].Revision != n.Revision || got[i].RecordedSeq != n.RecordedSeq {
			k.Fatalf("got %+v, put %+v", got[i], n)
		}
	}
	k.wantEqual("recorded", []int64{a.RecordedSeq, b.RecordedSeq, c.RecordedSeq}, "[3 1 3]")
}

func kindStays(k *kit) {
	n := dv("a")
	n.Parent = "ds_1"
	k.put(n)
	other := *n
	other.Kind = registry.KindRun
	k.wantCode(registry.Internal, k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, &other) }))
	other = *n
	other.Parent = "ds_2"
	k.wantCode(registry.Internal, k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, &other) }))
	if got := k.get(graph.Instant{}, n.ID); got.Revision != 1 || got.Kind != n.Kind || got.Parent != "ds_1" {
		k.Fatalf("got %+v", got)
	}
}

func sinceDefault(k *kit) {
	n := dv("a")
	k.put(n)
	if got := k.get(graph.Instant{}, n.ID); !got.Since.Equal(t0) {
		k.Fatalf("since %v", got.Since)
	}
}

func foreignColumns(k *kit) {
	r := with(run("r"), registry.IndexRunKind, "ETL")
	token := node(registry.KindToken, "t")
	k.put(r, token)
	got := k.get(graph.Instant{}, r.ID)
	if _, ok := got.Columns[registry.IndexStage]; ok || got.Text(registry.IndexRunKind) != "ETL" {
		k.Fatalf("columns of a run: %v", got.Columns)
	}
	if got := k.get(graph.Instant{}, token.ID); len(got.Columns) != 0 {
		k.Fatalf("columns of a token: %v", got.Columns)
	}
}
