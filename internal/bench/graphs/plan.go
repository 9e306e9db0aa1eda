// Package graphs makes the provenance graphs that the bench asks: layered, from
// datasets over runs to versions and deployments, with hubs and lattices, the
// same for the same seed, streamed, of any size.
package graphs

import (
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Format changes whenever the same plan makes another graph, so that graphs on
// disk are made anew.
const Format = 1

// The parts of a graph.
const (
	// AskedProjects are in every graph, whatever its size, with the same ids: the
	// questions go to their versions, so that they are the same questions everywhere.
	AskedProjects = 50
	// VersionsPerProject times AskedProjects are the versions asked about.
	VersionsPerProject = 40
	// HubChildren is how many children a whole hub has.
	HubChildren = 50_000
	// hubPart is how many of them are made at a time.
	hubPart = 1000
	// Layers of Width fully connected nodes are a lattice: Width to the power of
	// Layers paths lead from its root to its bottom.
	Layers, Width = 15, 8
)

// Plan says which graph to make.
type Plan struct {
	// Size is how many nodes there are about; at least 10,000.
	Size int
	Seed uint64
}

// Batch is a part of a graph: edges lead to nodes of this or an earlier batch.
type Batch struct {
	Nodes []*graph.Node
	Edges []*graph.Edge
}

// Question is a node to ask about, and how many nodes and edges its answer has.
type Question struct {
	Of           registry.ID
	Nodes, Edges int
}

// unit is a part of a graph that is made at once, at its place between 0 and 1.
type unit struct {
	at   float64
	make func(*Batch)
}

// Batches calls yield with the graph, in batches of about n nodes.
func (p Plan) Batches(n int, yield func(Batch) error) error {
	var b Batch
	for _, u := range p.units() {
		u.make(&b)
		if len(b.Nodes) >= n {
			if err := yield(b); err != nil {
				return err
			}
			b = Batch{}
		}
	}
	if len(b.Nodes) == 0 {
		return nil
	}
	return yield(b)
}

// units lists the parts of the graph, mixed evenly, so that the nodes of a
// project lie among those of others as they would after months.
func (p Plan) units() (out []unit) {
	spread := func(n int, make func(i int, b *Batch)) {
		for i := range n {
			out = append(out, unit{(float64(i) + 0.5) / float64(n), func(b *Batch) { make(i, b) }})
		}
	}
	spread(AskedProjects, func(i int, b *Batch) { p.asked(i).add(b) })
	spread(p.Lattices(), func(i int, b *Batch) { p.addLattice(i, b) })
	for h := range p.Hubs() {
		spread(p.hubParts(), func(i int, b *Batch) { p.addHubPart(h, i, min(hubPart, p.hubChildren()), b) })
	}
	spread(p.fillers(), func(i int, b *Batch) { p.filler(i).add(b) })
	slices.SortStableFunc(out, func(a, b unit) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	return out
}

// Versions are the 2,000 questions, the same for every size.
func (p Plan) Versions() (out []Question) {
	for i := range AskedProjects {
		out = append(out, p.asked(i).questions()...)
	}
	return out
}

// Spread are up to n questions of the same form over the whole of the graph.
func (p Plan) Spread(n int) (out []Question) {
	fillers := p.fillers()
	if fillers == 0 {
		return p.Versions()[:n]
	}
	for i := range n {
		q := p.filler(i * fillers / n).questions()
		out = append(out, q[(i*7)%len(q)])
	}
	return out
}

// fillers is how many projects fill what the others leave.
func (p Plan) fillers() int {
	left := p.Size - AskedProjects*projectNodes - p.Lattices()*latticeNodes - p.Hubs()*(p.hubChildren()+2*p.hubParts())
	return max(0, left/projectNodes)
}

// Hubs is how many versions have a hub's children. Below 100,000 nodes there is
// no room for a whole one.
func (p Plan) Hubs() int { return max(1, p.Size/200_000) }

func (p Plan) hubChildren() int {
	if p.Size < 2*HubChildren {
		return p.Size / 20
	}
	return HubChildren
}

func (p Plan) hubParts() int { return max(1, p.hubChildren()/hubPart) }

// Lattices is how many lattices there are.
func (p Plan) Lattices() int { return max(1, p.Size/20_000) }

// Hub asks for a hub; Nodes are its children.
func (p Plan) Hub(i int) Question { return Question{Of: p.hubID(i), Nodes: p.hubChildren()} }

// Lattice asks for the lineage of a lattice's root.
func (p Plan) Lattice(i int) Question {
	return Question{p.latticeID(i, 0, 0), 1 + Layers*Width, Width + (Layers-1)*Width*Width}
}

func (p Plan) asked(i int) project  { return p.project(fmt.Sprintf("asked-%03d", i), i) }
func (p Plan) filler(i int) project { return p.project(fmt.Sprintf("p%06d", i), i) }
