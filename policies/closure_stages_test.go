package policies_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// TestAClosureStageDoesNotLeak asks, as a developer, for the other versions of a
// production version's run. One of them is in development, and only a later stage of
// the closure query reaches it. The store returns its name, so the test can fail.
func TestAClosureStageDoesNotLeak(t *testing.T) {
	d := newGateFixture(t, filepath.Join(t.TempDir(), "p.db"), nil)
	at := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	node := func(kind registry.Kind, name string, stage registry.Stage) *graph.Node {
		return &graph.Node{ID: registry.NewID(kind, name), Kind: kind, Name: name, Parent: "model_m", ValidFrom: at, Doc: fmt.Appendf(nil, `{"name":%q,"owner":%q}`, name, name),
			Columns: map[registry.Index]any{registry.IndexStage: string(stage), registry.IndexOwner: name}}
	}
	served, run, secret := node(registry.KindModelVersion, "served", registry.Production), node(registry.KindRun, "run", ""), node(registry.KindModelVersion, "canary", registry.Development)
	run.Columns = nil
	err := d.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), served, run, secret); err != nil {
			return err
		}
		if err := tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeGeneratedBy, From: served.ID, To: run.ID, ValidFrom: at},
			&graph.Edge{Kind: registry.EdgeGeneratedBy, From: secret.ID, To: run.ID, ValidFrom: at}); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported})
	})
	if err != nil {
		t.Fatal(err)
	}
	dev := registry.Actor{Subject: "dev", Grants: []registry.Grant{{Role: registry.RoleDeveloper, Scope: registry.ScopeAll}}}
	scope, err := d.gate.Read(policies.As(t.Context(), dev, "r"), registry.LineageRead)
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []graph.Instant{{}, {Valid: time.Now()}, {Known: 1}} {
		q := graph.ClosureQuery{Roots: []registry.ID{served.ID}, Direction: graph.Upstream, Depth: 3, Fanout: 9, Limit: 9, At: when, Stages: []graph.Stage{
			{From: registry.KindRun, Direction: graph.Downstream, Depth: 1, Fanout: 9, Limit: 9},
			{From: registry.KindModelVersion, Direction: graph.Upstream, Depth: 1, Fanout: 9, Limit: 9}}}
		if seen := closureText(t, d, q); strings.Count(seen, "canary") != 8 {
			t.Errorf("the store returns %s", seen)
		}
		if seen := closureText(t, scope, q); strings.Contains(seen, "canary") || strings.Count(seen, "hidden") != 2 || !strings.Contains(seen, "served") {
			t.Errorf("at %+v the developer sees %s", when, seen)
		}
	}
}

// closureText returns the names, owners and documents of a closure's nodes.
func closureText(t *testing.T, r interface {
	Closure(context.Context, graph.ClosureQuery) (graph.Closure, error)
}, q graph.ClosureQuery) string {
	t.Helper()
	c, err := r.Closure(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, w := range append([]graph.Closure{c}, c.Stages...) {
		for _, n := range w.Nodes {
			fmt.Fprintln(&b, n.Node.Name, n.Node.Columns[registry.IndexOwner], string(n.Node.Doc))
			if n.Node.Hidden {
				b.WriteString("hidden")
			}
		}
	}
	return b.String()
}
