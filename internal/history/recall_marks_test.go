package history

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph/graphtest"
	"pedigree/registry"
	"pedigree/service/facts"
	"pedigree/service/governance"
)

// recallModel is what a random history says of recalls: the edges and the open recalls so far.
type recallModel struct {
	nodes []registry.ID
	// causes are, by node, what it came from.
	causes map[registry.ID][]registry.ID
	// open are the nodes of each open recall.
	open map[registry.ID][]registry.ID
}

// copied returns the model as it is now.
func (m *recallModel) copied() *recallModel {
	out := &recallModel{nodes: m.nodes, causes: map[registry.ID][]registry.ID{}, open: map[registry.ID][]registry.ID{}}
	for id, of := range m.causes {
		out.causes[id] = slices.Clone(of)
	}
	for id, of := range m.open {
		out.open[id] = of
	}
	return out
}

// state finds out whether a node is recalled, by searching everything it came from.
func (m *recallModel) state(id registry.ID) registry.RecallState {
	seen, todo := map[registry.ID]bool{id: true}, []registry.ID{id}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, nodes := range m.open {
			if slices.Contains(nodes, at) {
				return registry.IsRecalled
			}
		}
		for _, cause := range m.causes[at] {
			if !seen[cause] {
				seen[cause] = true
				todo = append(todo, cause)
			}
		}
	}
	return registry.NotRecalled
}

// recallHistory makes a random history of links, recalls and clearings on one registry.
type recallHistory struct {
	*testRegistry
	*recallModel
	rand *rand.Rand
}

// newRecallHistory records datasets, runs and versions that have no lineage yet.
func newRecallHistory(r *testRegistry, seed uint64) *recallHistory {
	h := &recallHistory{r, &recallModel{causes: map[registry.ID][]registry.ID{}, open: map[registry.ID][]registry.ID{}}, rand.New(rand.NewPCG(seed, 182))}
	for i := range 5 {
		h.nodes = append(h.nodes, r.recordDataset(fmt.Sprint("data", seed), fmt.Sprint(i), r.now))
		run := must[*facts.RecordRunPayload](r)(r.service.RecordRun(r.adminContext, facts.RecordRunInput{Producer: "test", RunID: fmt.Sprint(seed, ".", i), Name: fmt.Sprint("run", i), StartedAt: r.now}))
		h.nodes = append(h.nodes, run.Run.ID, r.registerVersion(fmt.Sprint("model", seed), fmt.Sprintf("1.%d.0", i)))
	}
	return h
}

// step changes one thing.
func (h *recallHistory) step() {
	h.advance(time.Hour)
	switch n := h.rand.IntN(10); {
	case n < 6:
		h.linkSomething()
	case n < 8 || len(h.open) == 0:
		var bad []registry.ID
		for range 1 + h.rand.IntN(2) {
			if id := h.nodes[h.rand.IntN(len(h.nodes))]; !slices.Contains(bad, id) {
				bad = append(bad, id)
			}
		}
		p := must[*governance.RecallPayload](h.testRegistry)(h.service.Recall(h.adminContext, governance.RecallInput{Nodes: bad, Reason: "bad", Severity: registry.SeverityLow}))
		h.open[p.Recall.ID] = bad
	default:
		var ids []registry.ID
		for id := range h.open {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		id := ids[h.rand.IntN(len(ids))]
		must[*governance.RecallPayload](h.testRegistry)(h.service.ClearRecall(h.adminContext, governance.ClearRecallInput{ID: id, Reason: "over"}))
		second := h.contextOf(registry.RoleAdmin, "second")
		must[*governance.RecallPayload](h.testRegistry)(h.service.DecideRecallClearing(second, governance.DecideRecallClearingInput{ID: id}))
		delete(h.open, id)
	}
}

// linkSomething links a node to one that was recorded before it.
func (h *recallHistory) linkSomething() {
	for {
		from, to := h.rand.IntN(len(h.nodes)), h.rand.IntN(len(h.nodes))
		kind, ok := kindBetween(h.nodes[from].Kind(), h.nodes[to].Kind())
		if !ok || to >= from || slices.Contains(h.causes[h.nodes[from]], h.nodes[to]) {
			continue
		}
		_, err := h.service.LinkLineage(h.adminContext, facts.LinkLineageInput{Kind: kind, From: h.nodes[from], To: h.nodes[to], ValidFrom: h.now})
		if code := registry.CodeOf(err); err != nil && code != registry.FailedPrecondition && code != registry.Conflict { // Of another run already.
			h.Fatal(err)
		}
		if err == nil {
			h.causes[h.nodes[from]] = append(h.causes[h.nodes[from]], h.nodes[to])
		}
		return
	}
}

// kindBetween returns the edge that leads from a node of one kind to a node of another.
func kindBetween(from, to registry.Kind) (registry.EdgeKind, bool) {
	switch {
	case from == registry.KindRun && to != registry.KindRun:
		return registry.EdgeUsed, true
	case from != registry.KindRun && to == registry.KindRun:
		return registry.EdgeGeneratedBy, true
	case from == to && from != registry.KindRun:
		return registry.EdgeDerivedFrom, true
	}
	return "", false
}

// wantMarks compares the marks of all nodes at a point in time with the model of then.
func (h *recallHistory) wantMarks(what, at string, model *recallModel) (compared int) {
	h.Helper()
	ids, _ := json.Marshal(h.nodes)
	mark := "id recallState"
	raw := h.ask(registry.RoleAdmin, fmt.Sprintf(`{ nodesAt(ids: %s%s) { ... on DatasetVersion { %s } ... on Run { %[3]s } ... on ModelVersion { %[3]s } } }`, ids, at, mark), nil)
	var a struct {
		Data struct {
			NodesAt []struct {
				ID          registry.ID
				RecallState registry.RecallState
			}
		}
	}
	if err := json.Unmarshal([]byte(raw), &a); err != nil || len(a.Data.NodesAt) != len(h.nodes) {
		h.Fatalf("%s: %v %.300s", what, err, raw)
	}
	for i, n := range a.Data.NodesAt {
		if want := model.state(h.nodes[i]); n.RecallState != want {
			h.Errorf("%s%s: %s is %s, want %s", what, at, h.nodes[i], n.RecallState, want)
		}
	}
	return len(h.nodes)
}

// TestMarksOfThePastEqualABruteForce makes random histories in which lineage comes after recalls, and
// recalls are cleared, and compares the mark of every node after every step, now, as of then and as
// known then, with a search that knows no bounds.
func TestMarksOfThePastEqualABruteForce(t *testing.T) {
	const steps = 12
	onBoth(t, func(r *testRegistry) {
		compared := 0
		for seed := range uint64(graphtest.Rounds()) {
			h := newRecallHistory(r, seed)
			var then []*recallModel
			var at []time.Time
			for range steps {
				h.step()
				compared += h.wantMarks(fmt.Sprint("seed ", seed), "", h.recallModel)
				then, at = append(then, h.copied()), append(at, h.now)
			}
			for i, model := range then {
				for _, argument := range []string{"asOf", "knownAt"} {
					compared += h.wantMarks(fmt.Sprint("seed ", seed, ", step ", i), ", "+timeArgument(argument, at[i].Add(time.Minute)), model)
				}
			}
			for id := range h.open { // At most 200 recalls are open.
				must[*governance.RecallPayload](r)(r.service.ClearRecall(r.adminContext, governance.ClearRecallInput{ID: id, Reason: "over"}))
				must[*governance.RecallPayload](r)(r.service.DecideRecallClearing(r.contextOf(registry.RoleAdmin, "second"), governance.DecideRecallClearingInput{ID: id}))
			}
			r.advance(time.Hour)
		}
		r.Logf("PROOF %s: %d marks on %d random histories of %d steps, now and in the past: as a search without bounds", strings.TrimPrefix(r.Name(), t.Name()+"/"), compared, graphtest.Rounds(), steps)
	})
}
