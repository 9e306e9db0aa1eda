package graphtest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

var servedTests = []subtest{
	{"a promotion serves what the version came from, an archiving no longer", servedByStage},
	{"a link or a retraction serves what it joins", servedByLink},
	{"what two served versions need is served until both are gone", servedTwice},
	{"a deployment is served by the stage of its version", servedDeployment},
	{"a container is served by one of its nodes", servedContainer},
	{"a deleted version serves nothing", servedDeleted},
	{"only served nodes match Served", servedFind},
	{"a failed update serves nothing", servedRollback},
	{"served follows its definition over random writes", servedRandomly},
}

// staged is a version in a stage.
func staged(name string, stage registry.Stage) *graph.Node {
	return with(mv(name), registry.IndexStage, string(stage))
}

// served prints the values of nodes, which have ends without a name otherwise.
func (k *kit) served(nodes ...*graph.Node) string {
	k.Helper()
	got, err := k.Nodes(k.ctx, graph.Instant{}, ids(nodes...)...)
	if err != nil {
		k.Fatal(err)
	}
	out := ""
	for _, n := range got {
		out += fmt.Sprint(int(n.Served))
	}
	return out
}

// wantServed compares the values of nodes, a digit each, and lets the store check all.
func (k *kit) wantServed(want string, nodes ...*graph.Node) {
	k.Helper()
	k.wantEqual("served", k.served(nodes...), want)
	k.checkServed()
}

func (k *kit) checkServed() {
	k.Helper()
	if checker, ok := k.Store.(graph.ServedChecker); ok {
		wrong, err := checker.CheckServed(k.ctx, false)
		if err != nil || wrong != 0 {
			k.Fatalf("the store counts %d nodes with a wrong value: %v", wrong, err)
		}
	}
}

// chain makes raw ← etl ← clean ← training ← version and returns them from raw on.
func (k *kit) chain(version *graph.Node) []*graph.Node {
	k.Helper()
	raw, etl, clean, training := dv("raw"), run("etl"), dv("clean"), run("training")
	k.put(raw, etl, clean, training, version)
	k.link(edge(registry.EdgeUsed, etl, raw), edge(registry.EdgeGeneratedBy, clean, etl), edge(registry.EdgeUsed, training, clean),
		edge(registry.EdgeGeneratedBy, version, training))
	return []*graph.Node{raw, etl, clean, training, version}
}

func servedByStage(k *kit) {
	v := staged("v", registry.Development)
	all := k.chain(v)
	other := dv("other")
	k.put(other)
	k.wantServed("111111", append(all, other)...)
	for _, step := range []struct {
		stage registry.Stage
		want  string
	}{{registry.Staging, "111111"}, {registry.Production, "333331"}, {registry.Deprecated, "333331"}, {registry.Archived, "111111"}} {
		k.put(staged("v", step.stage))
		k.wantServed(step.want, append(all, other)...)
	}
	if n := k.get(graph.Instant{Valid: sec(1)}, all[0].ID); n.Served != registry.ServedUnknown {
		k.Fatalf("the past tells served: %v", n.Served)
	}
	if n := k.get(graph.Instant{}, v.ID); n.Revision != 5 {
		k.Fatalf("serving wrote revisions: %d", n.Revision)
	}
	if n := k.get(graph.Instant{}, all[0].ID); n.Revision != 1 {
		k.Fatalf("serving wrote revisions of a cause: %d", n.Revision)
	}
}

func servedByLink(k *kit) {
	v := staged("v", registry.Production)
	all := k.chain(v)
	late, tag, commit := dv("late"), node(registry.KindTag, "t"), node(registry.KindCommit, "c")
	k.put(late, tag, commit)
	k.link(edge(registry.EdgePointsAt, tag, commit))
	k.wantServed("33333111", append(all, late, tag, commit)...)
	k.link(derived(all[0], late), edge(registry.EdgeReleasedFrom, v, tag))
	k.wantServed("33333333", append(all, late, tag, commit)...)
	k.unlink(edge(registry.EdgeGeneratedBy, v, all[3]))
	k.wantServed("11113133", append(all, late, tag, commit)...)
	k.link(edge(registry.EdgeGeneratedBy, v, all[3]))
	k.wantServed("33333333", append(all, late, tag, commit)...)
	// An edge that one update records and takes back.
	k.mustUpdate(func(tx graph.Tx) error {
		e := derived(v, dv("more"))
		if err := tx.Put(k.ctx, dv("more")); err != nil {
			return err
		}
		if err := tx.Link(k.ctx, e); err != nil {
			return err
		}
		return tx.Unlink(k.ctx, derived(v, dv("more")))
	})
	k.wantServed("1", dv("more"))
}

func servedTwice(k *kit) {
	base, a, b, data := staged("base", registry.Staging), staged("a", registry.Production), staged("b", registry.Deprecated), dv("data")
	k.put(base, a, b, data)
	k.link(derived(base, data), derived(a, base), derived(b, base), derived(b, data))
	k.wantServed("2333", base, a, b, data)
	k.put(staged("a", registry.Archived))
	k.wantServed("2133", base, a, b, data)
	k.unlink(derived(b, base))
	k.wantServed("1133", base, a, b, data)
	k.put(staged("base", registry.Production))
	k.unlink(derived(b, data))
	k.wantServed("3133", base, a, b, data)
	k.put(staged("base", registry.Archived))
	k.wantServed("1131", base, a, b, data)
}

func servedDeployment(k *kit) {
	v, d := staged("v", registry.Production), node(registry.KindDeployment, "d")
	k.put(v, d)
	k.link(edge(registry.EdgeDeploys, d, v))
	k.wantServed("33", v, d)
	tuned := staged("tuned", registry.Production)
	k.put(tuned)
	k.link(derived(tuned, v))
	k.put(staged("v", registry.Archived))
	k.wantServed("213", v, d, tuned)
	k.put(staged("v", registry.Deprecated))
	k.wantServed("333", v, d, tuned)
	k.unlink(edge(registry.EdgeDeploys, d, v))
	k.wantServed("313", v, d, tuned)
}

func servedContainer(k *kit) {
	model, dataset := node(registry.KindModel, "m"), node(registry.KindDataset, "d")
	v1, v2, data, feature := staged("v1", registry.Production), staged("v2", registry.Development), dv("data"), node(registry.KindFeature, "f")
	v1.Parent, v2.Parent, data.Parent, feature.Parent = model.ID, model.ID, dataset.ID, dataset.ID
	k.put(v1, model) // A container may come after its nodes, in one batch or in another.
	k.put(v2, data, feature)
	k.link(derived(v1, data), edge(registry.EdgeUsesFeature, v1, feature))
	k.put(dataset)
	k.wantServed("331333", model, v1, v2, data, feature, dataset)
	k.unlink(derived(v1, data))
	k.wantServed("331133", model, v1, v2, data, feature, dataset)
	k.unlink(edge(registry.EdgeUsesFeature, v1, feature))
	k.wantServed("331111", model, v1, v2, data, feature, dataset)
	k.mustUpdate(func(tx graph.Tx) error {
		old, next := staged("v1", registry.Archived), staged("v2", registry.Production)
		old.Parent, next.Parent = model.ID, model.ID
		return tx.Put(k.ctx, old, next)
	})
	k.wantServed("313111", model, v1, v2, data, feature, dataset)
	k.delete(&graph.Node{ID: v2.ID, Doc: []byte(`{}`)})
	k.wantServed("111111", model, v1, v2, data, feature, dataset)
}

func servedDeleted(k *kit) {
	v := staged("v", registry.Production)
	all := k.chain(v)
	k.delete(&graph.Node{ID: all[2].ID, Doc: []byte(`{}`)})
	k.wantServed("33333", all...) // A walk goes through a tombstone.
	k.delete(&graph.Node{ID: v.ID, Doc: []byte(`{}`)})
	k.wantServed("11111", all...)
}

func servedFind(k *kit) {
	all := k.chain(staged("v", registry.Production))
	k.put(many(registry.KindDatasetVersion, "hidden", 30)...)
	where := []graph.Predicate{{Served: true}}
	data := k.find(graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Where: where, Count: true, Limit: 1})
	if data.Total != 2 || !data.More {
		k.Fatalf("total %d, more %v", data.Total, data.More)
	}
	k.wantEqual("names", names(k.find(graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion, registry.KindRun}, Where: where}).Nodes), "[clean etl raw training]")
	k.wantEqual("backwards", names(k.find(graph.Query{Kinds: []registry.Kind{registry.KindRun}, Desc: true, AnyOf: [][]graph.Predicate{where}}).Nodes), "[training etl]")
	for _, n := range k.find(graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}}).Nodes {
		if want := registry.NotServed; n.Served != want && n.ID != all[0].ID && n.ID != all[2].ID {
			k.Fatalf("%s is %d", n.Name, n.Served)
		}
	}
}

func servedRollback(k *kit) {
	all := k.chain(staged("v", registry.Staging))
	err := k.update(func(tx graph.Tx) error {
		if err := tx.Put(k.ctx, staged("v", registry.Production)); err != nil {
			return err
		}
		if n, err := tx.Nodes(k.ctx, graph.Instant{}, all[0].ID); err != nil || n[0].Served != registry.IsServed {
			k.Errorf("the update does not see its own write: %v %v", n, err)
		}
		return errCaller
	})
	if err == nil {
		k.Fatal("the update succeeded")
	}
	k.wantServed("11111", all...)
}

// servedModel is a graph in memory that answers what is served by the words of
// registry.Served, reading everything each time.
type servedModel struct {
	nodes map[registry.ID]*graph.Node
	edges map[string]*graph.Edge
}

func (m *servedModel) servesItself(n *graph.Node) bool {
	return n.Kind == registry.KindModelVersion && !n.Deleted && slices.Contains(registry.ServedStages(), registry.Stage(n.Text(registry.IndexStage)))
}

// needed reports whether a version that serves itself came from a node, or is it.
func (m *servedModel) needed(n *graph.Node) bool {
	if m.servesItself(n) {
		return true
	}
	for _, e := range m.edges {
		if e.To == n.ID && e.Kind != registry.EdgeDeploys && m.needed(m.nodes[e.From]) {
			return true
		}
	}
	return false
}

func (m *servedModel) value(n *graph.Node) registry.Served {
	is := false
	switch {
	case n.Kind == registry.KindModelVersion && !m.servesItself(n) && m.needed(n):
		return registry.ServedBelow
	case n.Kind == registry.KindDeployment:
		for _, e := range m.edges {
			is = is || e.From == n.ID && m.servesItself(m.nodes[e.To])
		}
	case n.Kind == registry.KindModel || n.Kind == registry.KindDataset || n.Kind == registry.KindRepository:
		for _, c := range m.nodes {
			is = is || c.Parent == n.ID && !c.Deleted && c.Kind.ServedContainer() == n.Kind && m.value(c) == registry.IsServed
		}
	default:
		is = m.needed(n)
	}
	if is {
		return registry.IsServed
	}
	return registry.NotServed
}

// servedSteps is the number of random writes of a short run; a full run makes 10,000.
const servedSteps = 150

func servedRandomly(k *kit) {
	steps := servedSteps
	if fullRun() {
		steps = 10_000
	}
	r := rand.New(rand.NewPCG(7, 7))
	m := &servedModel{nodes: map[registry.ID]*graph.Node{}, edges: map[string]*graph.Edge{}}
	var order []registry.ID
	pick := func() *graph.Node { return m.nodes[order[r.IntN(len(order))]] }
	kinds := []registry.Kind{registry.KindModelVersion, registry.KindModelVersion, registry.KindDatasetVersion, registry.KindDatasetVersion, registry.KindRun, registry.KindRun,
		registry.KindFeature, registry.KindCommit, registry.KindTag, registry.KindDeployment}
	containers := []*graph.Node{node(registry.KindModel, "m"), node(registry.KindDataset, "d"), node(registry.KindRepository, "r")}
	k.put(containers...)
	for _, c := range containers {
		m.nodes[c.ID] = c
	}
	newNode := func() *graph.Node {
		n := node(kinds[r.IntN(len(kinds))], fmt.Sprint("n", len(m.nodes)))
		for _, c := range containers {
			if n.Kind.ServedContainer() == c.Kind && r.IntN(2) == 0 {
				n.Parent = c.ID
			}
		}
		return n
	}
	stages := []registry.Stage{registry.Development, registry.Staging, registry.Production, registry.Deprecated, registry.Archived}
	for step := range steps {
		switch n := r.IntN(100); {
		case len(order) < 30 || n < 5 && len(order) < 60:
			x := newNode()
			if x.Kind == registry.KindModelVersion {
				x = with(x, registry.IndexStage, string(stages[r.IntN(len(stages))]))
			}
			k.put(x)
			m.nodes[x.ID], order = x, append(order, x.ID)
		case n < 50:
			x, y := pick(), pick()
			for _, kind := range registry.EdgeKinds() {
				e := edge(kind, x, y)
				if registry.CheckEdge(kind, x.Kind, y.Kind) != nil {
					continue
				}
				if err := k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, e) }); err == nil {
					m.edges[fmt.Sprint(kind, x.ID, y.ID)] = e
				} else if registry.CodeOf(err) != registry.FailedPrecondition {
					k.Fatal(err)
				}
			}
		case n < 65 && len(m.edges) > 0:
			keys := make([]string, 0, len(m.edges))
			for key := range m.edges {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			key := keys[r.IntN(len(keys))]
			k.unlink(m.edges[key])
			delete(m.edges, key)
		case n < 97:
			x := pick()
			if x.Kind == registry.KindModelVersion {
				x = with(x, registry.IndexStage, string(stages[r.IntN(len(stages))]))
				k.put(x)
			}
		default:
			x := pick()
			k.delete(&graph.Node{ID: x.ID, Doc: []byte(`{}`)})
			x.Deleted, x.Columns = true, nil
			order = slices.DeleteFunc(order, func(id registry.ID) bool { return id == x.ID })
		}
		if steps > servedSteps && step%25 != 0 {
			continue
		}
		k.compareServed(step, m)
	}
	k.checkServed()
}

func (k *kit) compareServed(step int, m *servedModel) {
	k.Helper()
	var all []registry.ID
	for id := range m.nodes {
		all = append(all, id)
	}
	slices.Sort(all)
	got, err := k.Nodes(k.ctx, graph.Instant{}, all...)
	if err != nil {
		k.Fatal(err)
	}
	for i, id := range all {
		if want := m.value(m.nodes[id]); got[i].Served != want {
			k.Fatalf("step %d: %s %s is %d, want %d", step, m.nodes[id].Kind, m.nodes[id].Name, got[i].Served, want)
		}
	}
}
