package graphs

import (
	"fmt"
	"time"

	"pedigree/registry"
)

// latticeNodes is how many nodes a lattice has, its dataset included.
const latticeNodes = 2 + Layers*Width

func hubModel(h int) string { return fmt.Sprintf("base-%03d", h) }

func (p Plan) hubID(h int) registry.ID {
	return registry.ModelVersionID(registry.ModelID(hubModel(h), 1), "1.1.0")
}

// addHubPart makes a part of the children of a hub, which is a base model: four of
// five are versions derived from it, every fifth a deployment of it. The hub
// itself comes with the first part.
func (p Plan) addHubPart(h, part, children int, b *Batch) {
	m := project{name: fmt.Sprintf("%s.%d", hubModel(h), part), number: part, seed: p.Seed}.maker(b)
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
			m.deploy(p.hubID(h), hubModel(h), "1.1.0", fmt.Sprintf("edge-%d", i%7), fmt.Sprintf("device-%d-%d", part, i), at)
			continue
		}
		n++
		b.link(registry.EdgeDerivedFrom, at, m.version(model, n, registry.Development, at), p.hubID(h))
	}
}

func latticeName(i int) string { return fmt.Sprintf("lattice-%04d", i) }

func (p Plan) latticeID(i, layer, place int) registry.ID {
	return registry.DatasetVersionID(registry.DatasetID("lattice", latticeName(i)), fmt.Sprintf("%d-%d", layer, place))
}

// addLattice makes a root and, below it, layers of which every node is derived
// from all of the next.
func (p Plan) addLattice(i int, b *Batch) {
	ds := registry.DatasetID("lattice", latticeName(i))
	d := &registry.Dataset{Name: latticeName(i), Namespace: "lattice", Owner: by, CreatedAt: epoch}
	d.Meta = meta(ds, "", epoch)
	b.add(d, d.Name, columns{registry.IndexNamespace: d.Namespace, registry.IndexOwner: by})
	for layer := range Layers + 1 {
		for place := range latticeWidth(layer) {
			at := epoch.Add(time.Duration(Layers-layer) * time.Hour)
			v := &registry.DatasetVersion{Name: d.Name, Namespace: d.Namespace, Version: fmt.Sprintf("%d-%d", layer, place), Role: registry.OtherData,
				CreatedAt: at, RecordedAt: at}
			v.Meta = meta(p.latticeID(i, layer, place), ds, at)
			b.add(v, v.Name, columns{registry.IndexNamespace: v.Namespace, registry.IndexRole: string(v.Role)})
			if layer < Layers {
				for below := range Width {
					b.link(registry.EdgeDerivedFrom, at, v.ID, p.latticeID(i, layer+1, below))
				}
			}
		}
	}
}

func latticeWidth(layer int) int {
	if layer == 0 {
		return 1
	}
	return Width
}
