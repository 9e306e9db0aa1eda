package provenance

import (
	"context"
	"slices"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// Provenance has what a node came from, by kind.
type Provenance struct {
	Node       registry.ProvenanceNode
	RawSources []registry.ProvenanceNode
	Datasets   []registry.ProvenanceNode
	Runs       []registry.ProvenanceNode
	Commits    []registry.ProvenanceNode
	Tags       []registry.ProvenanceNode
	Features   []registry.ProvenanceNode
	People     []string
	Gaps       []*Gap
	Truncation Truncation
	AsOf       time.Time
	KnownAt    time.Time
}

// Gap is information that should be recorded but is missing or contradictory.
type Gap struct {
	Code    lineage.GapCode
	Node    registry.ProvenanceNode
	Message string
	Field   string
}

// Provenance returns what a node came from, by kind: raw sources, runs ordered by time, commits
// since the previous version; and the gaps in what is recorded.
func (e *Explorer) Provenance(ctx context.Context, id registry.ID, asOf, knownAt time.Time) (*Provenance, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	at, err := e.core.ResolvePinned(ctx, scope, asOf, knownAt)
	if err != nil {
		return nil, err
	}
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	g, err := lineage.Walk(walkCtx, scope, id, lineage.Options{Direction: lineage.Upstream, MaxDepth: lineage.MaxNodes, History: 1000, Fanout: 1000, At: at.StoreInstant()})
	if err != nil {
		return nil, err
	}
	v := &view{explorer: e, ctx: ctx, scope: scope, at: at}
	for _, it := range g.Items {
		v.registerHidden(it.Node)
	}
	return v.provenance(g)
}

func (v *view) provenance(g *lineage.Graph) (*Provenance, error) {
	none := []registry.ProvenanceNode{}
	out := &Provenance{RawSources: none, Datasets: none, Runs: none, Commits: none, Tags: none, Features: none, People: []string{}, Gaps: []*Gap{},
		Truncation: v.truncation(g), AsOf: v.at.Valid, KnownAt: v.at.KnownAt}
	sources := g.Sources()
	for _, it := range g.Items {
		n, err := v.node(it.Node)
		if err != nil {
			return nil, err
		}
		if it.Node.ID == g.Root {
			out.Node = n
		}
		switch it.Node.Kind {
		case registry.KindDatasetVersion:
			out.Datasets = append(out.Datasets, n)
			if sources[it.Node.ID] {
				out.RawSources = append(out.RawSources, n)
			}
		case registry.KindRun:
			out.Runs = append(out.Runs, n)
		case registry.KindCommit:
			out.Commits = append(out.Commits, n)
		case registry.KindTag:
			out.Tags = append(out.Tags, n)
		case registry.KindFeature:
			out.Features = append(out.Features, n)
		}
		out.People = append(out.People, peopleOf(n)...)
	}
	slices.SortStableFunc(out.Runs, func(a, b registry.ProvenanceNode) int { return a.NodeMeta().ValidFrom.Compare(b.NodeMeta().ValidFrom) })
	slices.Sort(out.People)
	out.People = slices.Compact(out.People)
	cards, err := v.cardsByVersion(g)
	if err != nil {
		return nil, err
	}
	for _, gap := range append(g.Gaps(), g.Contradictions(cards)...) {
		n, err := v.node(gap.Node)
		if err != nil {
			return nil, err
		}
		out.Gaps = append(out.Gaps, &Gap{gap.Code, n, gap.Message, gap.Field})
	}
	return out, nil
}

// cardsByVersion reads the cards of the versions of a graph, by version id, with the fields
// that the caller sees.
func (v *view) cardsByVersion(g *lineage.Graph) (map[registry.ID]*registry.ModelCard, error) {
	var ids []registry.ID
	for _, it := range g.Items {
		if it.Node.Kind == registry.KindModelVersion && !it.Node.Hidden {
			ids = append(ids, registry.CardID(it.Node.ID))
		}
	}
	nodes, err := lineage.Nodes(v.ctx, v.scope, v.at.StoreInstant(), ids...)
	if err != nil {
		return nil, err
	}
	out := map[registry.ID]*registry.ModelCard{}
	for _, n := range nodes {
		c, err := core.NounAs[*registry.ModelCard](v.explorer.core.Decode(n, v.at.NounInstant()))
		if err != nil {
			return nil, err
		}
		if c != nil {
			out[c.Parent] = c
		}
	}
	return out, nil
}

// peopleOf returns the people who created, own or ran a node, as far as the caller sees them.
func peopleOf(n registry.Node) (out []string) {
	add := func(names ...string) {
		for _, s := range names {
			if s != "" {
				out = append(out, s)
			}
		}
	}
	switch n := n.(type) {
	case *registry.ModelVersion:
		add(n.Creator, n.Owner)
	case *registry.Run:
		add(n.Actor)
	case *registry.Commit:
		add(n.Author)
	case *registry.Tag:
		add(n.Tagger)
	case *registry.Deployment:
		add(n.Owner)
	case *registry.Feature:
		add(n.Owner)
	}
	return out
}
