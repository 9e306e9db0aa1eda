package service_test

import (
	"context"
	"testing"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/provenance"
)

// interferingStore writes once before a read of neighbors, as another server could.
type interferingStore struct {
	graph.Store
	write func()
}

func (m *interferingStore) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	if write := m.write; write != nil {
		m.write = nil
		write()
	}
	return m.Store.Neighbors(ctx, q)
}

// TestAPageOfImpactIsOneStateOfTheGraph adds a descendant between the reads of a page. The
// page shows the state at its start; a later query shows the new descendant.
func TestAPageOfImpactIsOneStateOfTheGraph(t *testing.T) {
	k := newKit(t)
	raw := k.data("raw", nil)
	run := k.run("first", raw)
	k.data("made", &run)
	m := &interferingStore{Store: k.store}
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), m, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := service.New(gate)
	in := provenance.ImpactInput{Of: []registry.ID{raw}, Targets: []registry.Kind{registry.KindRun, registry.KindDatasetVersion}}
	m.write = func() { k.run("second", raw) }
	during := must[*provenance.ImpactConnection](k)(server.Impact(k.as("root", registry.RoleAdmin), in))
	after := must[*provenance.ImpactConnection](k)(server.Impact(k.as("root", registry.RoleAdmin), in))
	if m.write != nil || len(during.Edges) != 2 || len(after.Edges) != 3 {
		t.Errorf("%d rows during the write, %d after", len(during.Edges), len(after.Edges))
	}
	if total := *must[*int](k)(during.TotalCount(k.Context())); total != 2 {
		t.Errorf("total %d of a page that shows 2", total)
	}
}
