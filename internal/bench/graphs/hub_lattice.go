package graphs

import (
	"fmt"
	"time"

	"pedigree/registry"
)

// latticeNodes is the number of nodes of a lattice, its dataset included.
const latticeNodes = 2 + LatticeLayers*LatticeWidth

func hubModel(h int) string { return fmt.Sprintf("base-%03d", h) }

func (p Plan) hubID(h int) registry.ID {
	return registry.ModelVersionID(registry.ModelID(hubModel(h), 1), "1.1.0")
}

// addHubPart adds a part of the children of a hub. A hub is a version of a base
// model: four of five children are versions derived from it, every fifth is a
// deployment of it. The first part also adds the hub itself.
func (p Plan) addHubPart(h, part, children int, b *Batch) {
	m := project{name: fmt.Sprintf("%s.%d", hubModel(h), part), number: part, seed: p.Seed}.nodeMaker(b)
	m.at = epoch.Add(time.Duration(part) * time.Hour)
	if part == 0 {
		m.model(hubModel(h), 1)
		m.version(hubModel(h), 1, registry.Production, epoch)
	}
	model := fmt.Sprintf("tuned-%03d-%03d", h, part)
	m.model(model, children-children/5)
	for i, n := 0, 0; i < children; i++ {
		at := m.at.Add(time.Duration(i) * time.Second)
		if i%5 == 4 {
			m.deployment(p.hubID(h), hubModel(h), "1.1.0", fmt.Sprintf("edge-%d", i%7), fmt.Sprintf("device-%d-%d", part, i), at)
			continue
		}
		n++
		b.addEdges(registry.EdgeDerivedFrom, at, m.version(model, n, registry.Development, at), p.hubID(h))
	}
}

func latticeName(i int) string { return fmt.Sprintf("lattice-%04d", i) }

func (p Plan) latticeID(i, layer, column int) registry.ID {
	return registry.DatasetVersionID(registry.DatasetID("lattice", latticeName(i)), fmt.Sprintf("%d-%d", layer, column))
}

// addLattice adds a root and layers below it. Every node is derived from all nodes
// of the next layer.
func (p Plan) addLattice(i int, b *Batch) {
	ds := registry.DatasetID("lattice", latticeName(i))
	d := &registry.Dataset{Name: latticeName(i), Namespace: "lattice", Owner: actor, CreatedAt: epoch}
	d.Meta = meta(ds, "", epoch)
	b.addNode(d, d.Name, columns{registry.IndexNamespace: d.Namespace, registry.IndexOwner: actor})
	for layer := range LatticeLayers + 1 {
		for column := range layerWidth(layer) {
			at := epoch.Add(time.Duration(LatticeLayers-layer) * time.Hour)
			v := &registry.DatasetVersion{Name: d.Name, Namespace: d.Namespace, Version: fmt.Sprintf("%d-%d", layer, column), Role: registry.OtherData,
				CreatedAt: at, RecordedAt: at}
			v.Meta = meta(p.latticeID(i, layer, column), ds, at)
			b.addNode(v, v.Name, columns{registry.IndexNamespace: v.Namespace, registry.IndexRole: string(v.Role)})
			if layer < LatticeLayers {
				for below := range LatticeWidth {
					b.addEdges(registry.EdgeDerivedFrom, at, v.ID, p.latticeID(i, layer+1, below))
				}
			}
		}
	}
}

func layerWidth(layer int) int {
	if layer == 0 {
		return 1
	}
	return LatticeWidth
}
