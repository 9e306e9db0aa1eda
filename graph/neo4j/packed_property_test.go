package neo4j

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"github.com/google/go-cmp/cmp"

	"pedigree/graph"
	"pedigree/registry"
)

// TestPackedColumnsMatchPackFormat fails when a kind has other columns than those that
// are packed. Then raise packFormat, pack again in a schema step, and write the new
// columns here.
func TestPackedColumnsMatchPackFormat(t *testing.T) {
	var b strings.Builder
	for _, k := range registry.LineageKinds() {
		fmt.Fprint(&b, k)
		for _, c := range kindColumns[k] {
			fmt.Fprint(&b, " ", c.Name, ":", c.Type)
		}
		b.WriteString("\n")
	}
	const want = `DATASET_VERSION namespace:text role:text
RUN run_kind:text
FEATURE owner:text
COMMIT role:text
TAG
MODEL_VERSION stage:text version_key:text version_number:int owner:text
DEPLOYMENT owner:text environment:text ended:int
`
	if diff := cmp.Diff(want, b.String()); packFormat != 1 || diff != "" {
		t.Errorf("format %d (- as packed, + as they are):\n%s", packFormat, diff)
	}
}

func TestPackRoundTrip(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	nodes := []*graph.Node{
		{ID: "mv_1", Kind: registry.KindModelVersion, Parent: "model_1", Number: 1 << 60, Name: "a;b:3;\x00\uFFFF\U0010FFFF", Slots: []string{"7:", ";", "b"},
			ValidFrom: at, ValidTo: at.Add(time.Second), Since: at.Add(time.Hour), Revision: 3, RecordedSeq: 9, Deleted: true,
			Columns: map[registry.Index]any{registry.IndexStage: "1;", registry.IndexVersion: "", registry.IndexNumber: int64(-7), registry.IndexOwner: "zoë"}},
		{ID: "run_1", Kind: registry.KindRun, Columns: map[registry.Index]any{registry.IndexRunKind: ""}},
	}
	for _, n := range nodes {
		got, ok := unpackNode(pack(n))
		if n.Since.IsZero() {
			n.Since = n.ValidFrom
		}
		if diff := cmp.Diff(n, got); !ok || diff != "" {
			t.Errorf("%v %s", ok, diff)
		}
		whole := pack(n).(string)
		for i := range whole {
			if _, ok := unpackNode(whole[:i]); ok {
				t.Errorf("%q is unpacked as a node", whole[:i])
			}
		}
		if _, ok := unpackNode("2" + whole[1:]); ok {
			t.Error("another format is unpacked")
		}
	}
	if pack(&graph.Node{Kind: registry.KindModel}) != nil {
		t.Error("a model is packed")
	}
	e := graph.Edge{Kind: registry.EdgeUsed, From: "run_1", To: "mv_1", ValidFrom: at, ValidTo: at.Add(time.Hour), RecordedSeq: 4, By: "a;b"}
	e.ID = graph.EdgeID(e.Kind, e.From, e.To, e.RecordedSeq)
	a, ok := unpackArc("12;7"+packEdgeTail(&e), graph.Upstream)
	a.ID, a.From, a.To = e.ID, e.From, e.To
	if diff := cmp.Diff(e, a.Edge); !ok || a.Near != 12 || a.Far != 7 || diff != "" {
		t.Errorf("%+v %s", a, diff)
	}
	for _, bad := range []any{nil, "", "1;2", "1;x" + packEdgeTail(&e)} {
		if _, ok := unpackArc(bad, graph.Downstream); ok {
			t.Errorf("%v is unpacked as an edge", bad)
		}
	}
}

// TestPackedMigrationStep removes the packed property and sets the schema back by the
// step: walks give the same answers by more queries, and by one query after the step.
func TestPackedMigrationStep(t *testing.T) {
	s := open(t)
	var nodes []*graph.Node
	var edges []*graph.Edge
	for i := range batch + 100 {
		nodes = append(nodes, &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, fmt.Sprint(i)), Kind: registry.KindDatasetVersion, Name: fmt.Sprint(i),
			Columns: map[registry.Index]any{registry.IndexNamespace: "ns;1"}})
		if i > 0 {
			edges = append(edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: nodes[i].ID, To: nodes[i-1].ID, By: "é;"})
		}
	}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Put(t.Context(), nodes...), tx.Link(t.Context(), edges...), tx.Delete(t.Context(), nodes[batch+70]),
			tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	s.onQuery = func(string, map[string]any) { asked++ }
	ask := func() (graph.Closure, int) {
		asked = 0
		c, err := s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{nodes[batch+99].ID}, Direction: graph.Upstream, Depth: 50, Fanout: 9, Limit: 99, Bare: true})
		if err != nil {
			t.Fatal(err)
		}
		return c, asked
	}
	before, queries := ask()
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(t.Context()))
	v := &view{s: s}
	for _, text := range []string{"MATCH (n:Node)-[r]->() WHERE n.kind_key = $kind REMOVE r.packed", "MATCH (n:Node) WHERE n.kind_key = $kind REMOVE n.packed",
		"MATCH (h:Head {key: $key}) SET h.schema = 3"} {
		if _, err := session.Run(t.Context(), text, map[string]any{"kind": v.key(string(registry.KindDatasetVersion)), "key": v.key("")}); err != nil {
			t.Fatal(err)
		}
	}
	old, several := ask()
	if diff := cmp.Diff(before, old); queries != 1 || several < 3 || len(before.Nodes) != 51 || diff != "" {
		t.Errorf("%d and %d queries, %d nodes\n%s", queries, several, len(before.Nodes), diff)
	}
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, queries := ask()
	if diff := cmp.Diff(before, again); queries != 1 || diff != "" {
		t.Errorf("%d queries\n%s", queries, diff)
	}
}
