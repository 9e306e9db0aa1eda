package provenance

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
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
	out := &Provenance{People: []string{}, Gaps: []*Gap{}, Truncation: v.truncation(g), AsOf: v.at.Valid, KnownAt: v.at.KnownAt}
	byKind, sources := map[registry.Kind][]*graph.Node{}, []*graph.Node{}
	isSource := g.Sources()
	for _, it := range g.Items {
		byKind[it.Node.Kind] = append(byKind[it.Node.Kind], it.Node)
		if it.Node.Kind == registry.KindDatasetVersion && isSource[it.Node.ID] {
			sources = append(sources, it.Node)
		}
	}
	for _, list := range []struct {
		of   *[]registry.ProvenanceNode
		from []*graph.Node
	}{{&out.Datasets, byKind[registry.KindDatasetVersion]}, {&out.RawSources, sources}, {&out.Runs, byKind[registry.KindRun]}, {&out.Commits, byKind[registry.KindCommit]},
		{&out.Tags, byKind[registry.KindTag]}, {&out.Features, byKind[registry.KindFeature]}} {
		var err error
		if *list.of, err = v.nouns(list.from); err != nil {
			return nil, err
		}
	}
	if err := v.rootAndPeople(g, out); err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Runs, func(a, b registry.ProvenanceNode) int { return a.NodeMeta().ValidFrom.Compare(b.NodeMeta().ValidFrom) })
	return out, v.gaps(g, out)
}

// rootAndPeople fills in the root, and the people of all nodes.
func (v *view) rootAndPeople(g *lineage.Graph, out *Provenance) error {
	for _, it := range g.Items {
		n, err := v.node(it.Node)
		if err != nil {
			return err
		}
		if it.Node.ID == g.Root {
			out.Node = n
		}
		out.People = append(out.People, peopleOf(n)...)
	}
	approvers, err := v.approvers(g)
	if err != nil {
		return err
	}
	out.People = append(out.People, approvers...)
	slices.Sort(out.People)
	out.People = slices.Compact(out.People)
	return nil
}

// gaps fills in the gaps in what is recorded.
func (v *view) gaps(g *lineage.Graph, out *Provenance) error {
	cards, unread, err := v.cardsByVersion(g)
	if err != nil {
		return err
	}
	found := slices.Concat(g.Gaps(), g.Contradictions(cards), g.UnreadRuns(unread))
	nodes := make([]*graph.Node, len(found))
	for i, gap := range found {
		nodes[i] = gap.Node
	}
	nouns, err := v.nouns(nodes)
	if err != nil {
		return err
	}
	for i, gap := range found {
		out.Gaps = append(out.Gaps, &Gap{gap.Code, nouns[i], gap.Message, gap.Field})
	}
	return nil
}

// cardsByVersion reads the cards of the versions of a graph, by version id, with the fields
// that the caller sees; and which of the versions have a run that is not read.
func (v *view) cardsByVersion(g *lineage.Graph) (map[registry.ID]*registry.ModelCard, map[registry.ID]bool, error) {
	var versions, cardIDs, unreadIDs []registry.ID
	for _, it := range g.Items {
		if it.Node.Kind == registry.KindModelVersion && !it.Node.Hidden {
			versions, cardIDs, unreadIDs = append(versions, it.Node.ID), append(cardIDs, registry.CardID(it.Node.ID)), append(unreadIDs, registry.UnreadRunID(it.Node.ID))
		}
	}
	nodes, err := lineage.Nodes(v.ctx, v.scope, v.at.StoreInstant(), slices.Concat(cardIDs, unreadIDs)...)
	if err != nil {
		return nil, nil, err
	}
	out, unread := map[registry.ID]*registry.ModelCard{}, map[registry.ID]bool{}
	for i, n := range nodes {
		if i >= len(versions) {
			unread[versions[i-len(versions)]] = n != nil && !n.Deleted
			continue
		}
		c, err := core.NounAs[*registry.ModelCard](v.explorer.core.Decode(n, v.at.NounInstant()))
		if err != nil {
			return nil, nil, err
		}
		if c != nil {
			out[c.Parent] = c
		}
	}
	return out, unread, nil
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
