// Package graphs generates provenance graphs of any size for benchmarks: layers from
// datasets through runs to model versions and deployments, with hubs and lattices. It
// streams a graph in batches. The same plan always generates the same graph.
package graphs

import (
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Format must change whenever the same plan generates another graph, so that graphs
// on disk are built again.
const Format = 1

// The sizes of the pieces of a graph.
const (
	// AskedProjects is the number of projects that Versions asks about. They are in
	// every graph with the same ids, so that the questions do not depend on the size.
	AskedProjects = 50
	// VersionsPerProject is the number of model versions in a project.
	VersionsPerProject = 40
	// HubChildren is the number of children of a full-size hub.
	HubChildren = 50_000
	// hubPartSize is the number of children in one part of a hub.
	hubPartSize = 1000
	// A lattice has LatticeLayers layers of LatticeWidth nodes below its root, each
	// connected to all nodes of the next layer. LatticeWidth to the power of
	// LatticeLayers paths lead from the root to the last layer.
	LatticeLayers, LatticeWidth = 15, 8
)

// Plan describes a graph.
type Plan struct {
	// Size is the approximate number of nodes; at least 10,000.
	Size int
	Seed uint64
}

// Batch is a piece of a graph. Its edges lead to nodes of this or an earlier batch.
type Batch struct {
	Nodes []*graph.Node
	Edges []*graph.Edge
}

// Question is a node to ask about, with the numbers of nodes and edges that the
// correct answer has.
type Question struct {
	Of           registry.ID
	Nodes, Edges int
}

// part is a piece of a graph. Parts are added in order of position (0 to 1).
type part struct {
	position float64
	add      func(*Batch)
}

// Batches calls yield with one batch after another, of at least n nodes each except
// the last.
func (p Plan) Batches(n int, yield func(Batch) error) error {
	var b Batch
	for _, part := range p.parts() {
		part.add(&b)
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

// parts returns the parts of the graph, mixed evenly, so that the nodes of different
// projects are interleaved on disk, as after months of use.
func (p Plan) parts() (out []part) {
	spread := func(n int, add func(i int, b *Batch)) {
		for i := range n {
			out = append(out, part{(float64(i) + 0.5) / float64(n), func(b *Batch) { add(i, b) }})
		}
	}
	spread(AskedProjects, func(i int, b *Batch) { p.askedProject(i).addTo(b) })
	spread(p.Lattices(), func(i int, b *Batch) { p.addLattice(i, b) })
	for h := range p.Hubs() {
		spread(p.hubParts(), func(i int, b *Batch) { p.addHubPart(h, i, min(hubPartSize, p.hubChildren()), b) })
	}
	spread(p.fillerCount(), func(i int, b *Batch) { p.fillerProject(i).addTo(b) })
	slices.SortStableFunc(out, func(a, b part) int {
		switch {
		case a.position < b.position:
			return -1
		case a.position > b.position:
			return 1
		}
		return 0
	})
	return out
}

// Versions returns 2,000 questions for the lineage of model versions. They are the
// same for every size.
func (p Plan) Versions() (out []Question) {
	for i := range AskedProjects {
		out = append(out, p.askedProject(i).questions()...)
	}
	return out
}

// Spread returns n questions for the lineage of versions all over the graph. A graph
// without filler projects has 2,000 to ask about, so they come again after that.
func (p Plan) Spread(n int) (out []Question) {
	fillers := p.fillerCount()
	if fillers == 0 {
		asked := p.Versions()
		for i := range n {
			out = append(out, asked[i%len(asked)])
		}
		return out
	}
	for i := range n {
		q := p.fillerProject(i * fillers / n).questions()
		out = append(out, q[(i*7)%len(q)])
	}
	return out
}

// fillerCount returns the number of projects that fill the graph up to its size.
func (p Plan) fillerCount() int {
	left := p.Size - AskedProjects*projectNodes - p.Lattices()*latticeNodes - p.Hubs()*(p.hubChildren()+2*p.hubParts())
	return max(0, left/projectNodes)
}

// Hubs returns the number of hubs. Below 100,000 nodes the only hub has fewer
// children than HubChildren.
func (p Plan) Hubs() int { return max(1, p.Size/200_000) }

func (p Plan) hubChildren() int {
	if p.Size < 2*HubChildren {
		return p.Size / 20
	}
	return HubChildren
}

func (p Plan) hubParts() int { return max(1, p.hubChildren()/hubPartSize) }

// Lattices returns the number of lattices.
func (p Plan) Lattices() int { return max(1, p.Size/20_000) }

// Hub returns the ith hub. Nodes is the number of its children.
func (p Plan) Hub(i int) Question { return Question{Of: p.hubID(i), Nodes: p.hubChildren()} }

// Lattice returns the question for the lineage of the ith lattice's root.
func (p Plan) Lattice(i int) Question {
	return Question{p.latticeID(i, 0, 0), 1 + LatticeLayers*LatticeWidth, LatticeWidth + (LatticeLayers-1)*LatticeWidth*LatticeWidth}
}

func (p Plan) askedProject(i int) project  { return p.project(fmt.Sprintf("asked-%03d", i), i) }
func (p Plan) fillerProject(i int) project { return p.project(fmt.Sprintf("p%06d", i), i) }
