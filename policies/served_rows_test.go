package policies_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
)

// readCounter counts the nodes and edges that a store returns, and its calls.
type readCounter struct {
	graph.Store
	calls, rows, hops int
}

func (c *readCounter) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	c.calls, c.rows = c.calls+1, c.rows+len(ids)
	return c.Store.Nodes(ctx, at, ids...)
}

func (c *readCounter) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	p, err := c.Store.Find(ctx, q)
	c.calls, c.rows = c.calls+1, c.rows+len(p.Nodes)
	return p, err
}

func (c *readCounter) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	c.hops++
	return c.Store.Neighbors(ctx, q)
}

// TestHiddenRowsCostNothing reads, as a developer and as a viewer, lists and single nodes
// beside 10 and beside 300 hidden ones, each with three hidden descendants. The calls and
// the rows that the store returns are the same, and no edge is read: the cost of an answer
// tells nothing of what is hidden.
func TestHiddenRowsCostNothing(t *testing.T) {
	for _, role := range []string{registry.RoleDeveloper, registry.RoleViewer} {
		few, many := costBesideHidden(t, role, 10), costBesideHidden(t, role, 300)
		if few != many {
			t.Errorf("%s: beside 10 hidden nodes %s, beside 300 %s", role, few, many)
		}
	}
}

func costBesideHidden(t *testing.T, role string, hidden int) string {
	t.Helper()
	inner, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	secret := putHidden(t, inner, hidden)
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	store := &readCounter{Store: inner}
	gate, err := policies.NewGate(t.Context(), store, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	who := registry.Actor{Subject: "someone", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}
	scope, err := gate.Read(policies.As(t.Context(), who, "r"), registry.CatalogRead)
	if err != nil {
		t.Fatal(err)
	}
	report := ""
	note := func(what string, seen int) {
		report += fmt.Sprintf("\n\t%s: sees %d, %d calls, %d rows, %d hops", what, seen, store.calls, store.rows, store.hops)
		if store.hops > 0 {
			t.Errorf("edges are read to decide what a %s sees of %s", role, what)
		}
		store.calls, store.rows, store.hops = 0, 0, 0
	}
	store.calls, store.rows = 0, 0
	for _, kind := range []registry.Kind{registry.KindDatasetVersion, registry.KindDataset, registry.KindRun, registry.KindModel, registry.KindModelVersion} {
		for _, order := range []registry.Index{registry.IndexName, registry.IndexValidFrom} {
			page, err := scope.Find(t.Context(), graph.Query{Kinds: []registry.Kind{kind}, Limit: 50, Order: order, Count: true})
			if err != nil {
				t.Fatal(err)
			}
			if page.Total != 1 {
				t.Errorf("%s counts %d nodes of kind %s", role, page.Total, kind)
			}
			note(string(kind), len(page.Nodes))
		}
	}
	for _, id := range []registry.ID{secret, "dv_nobody"} {
		nodes, err := scope.Nodes(t.Context(), graph.Instant{}, id)
		if err != nil {
			t.Fatal(err)
		}
		if nodes[0] != nil && !nodes[0].Hidden {
			t.Errorf("%s sees %s", role, id)
		}
		note("a single node", 0)
	}
	return report
}

// putHidden puts one model with a production version, its run and its dataset, and as many
// datasets that nothing in production came from as are given. The first of them has three
// descendants for each. It returns that one's version.
func putHidden(t *testing.T, store graph.Store, hidden int) registry.ID {
	t.Helper()
	node := func(kind registry.Kind, name string, parent registry.ID, stage registry.Stage) *graph.Node {
		n := &graph.Node{ID: registry.NewID(kind, name), Kind: kind, Name: name, Parent: parent, Doc: fmt.Appendf(nil, `{"name":%q}`, name)}
		if stage != "" {
			n.Columns = map[registry.Index]any{registry.IndexStage: string(stage)}
		}
		return n
	}
	model, dataset := node(registry.KindModel, "m", "", ""), node(registry.KindDataset, "seen", "", "")
	version, run, data := node(registry.KindModelVersion, "1.0.0", model.ID, registry.Production), node(registry.KindRun, "run", "", ""), node(registry.KindDatasetVersion, "v", dataset.ID, "")
	nodes := []*graph.Node{model, dataset, version, run, data}
	edges := []*graph.Edge{{Kind: registry.EdgeGeneratedBy, From: version.ID, To: run.ID}, {Kind: registry.EdgeUsed, From: run.ID, To: data.ID}}
	var first registry.ID
	for i := range hidden {
		set := node(registry.KindDataset, fmt.Sprint("hidden", i), "", "")
		secret := node(registry.KindDatasetVersion, fmt.Sprint("hidden", i), set.ID, "")
		if nodes = append(nodes, set, secret, node(registry.KindModel, fmt.Sprint("hidden", i), "", "")); i == 0 {
			first = secret.ID
		}
		for k := range 3 {
			of := node(registry.KindModelVersion, fmt.Sprintf("0.%d.%d", i, k), registry.NewID(registry.KindModel, fmt.Sprint("hidden", i)), registry.Staging)
			nodes = append(nodes, of)
			edges = append(edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: of.ID, To: first})
		}
	}
	err := store.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), nodes...); err != nil {
			return err
		}
		if err := tx.Link(t.Context(), edges...); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported})
	})
	if err != nil {
		t.Fatal(err)
	}
	return first
}
