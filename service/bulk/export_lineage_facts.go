package bulk

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// effectEdges splits the edges of one effect into those that the effect's own fact names
// (inline) and those that are exported as link facts. An edge that began at another time than
// its effect can only be a link fact.
type effectEdges struct {
	inline map[registry.EdgeKind][]registry.ID
	links  []graph.Edge
	// missing are edges that the fact implies but that do not exist, or not with the implied
	// times.
	missing []graph.Edge
	causes  map[registry.ID]*graph.Node
}

// maxInlineEdges is the largest number of edges that an exported fact names.
const maxInlineEdges = 900

// edgesOf reads the causes of a page of effects and splits them.
func (e *factExport) edgesOf(ctx context.Context, nodes []*graph.Node) (map[registry.ID]*effectEdges, error) {
	out := map[registry.ID]*effectEdges{}
	var ids []registry.ID
	for _, n := range nodes {
		out[n.ID] = &effectEdges{inline: map[registry.EdgeKind][]registry.ID{}, causes: map[registry.ID]*graph.Node{}}
		ids = append(ids, n.ID)
	}
	hops, err := e.scope.Neighbors(ctx, graph.NeighborQuery{IDs: ids, Direction: graph.Upstream, LimitPerNode: 1000})
	if err != nil {
		return nil, err
	}
	for i, h := range hops {
		all, err := e.allEdges(ctx, h, out[h.NodeID])
		if err != nil {
			return nil, err
		}
		if err := out[h.NodeID].split(nodes[i], all); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// allEdges returns all edges of an effect to causes that the caller sees and that are not
// deleted. It starts with the neighbors in h and reads the remaining pages.
func (e *factExport) allEdges(ctx context.Context, h graph.Neighbors, t *effectEdges) (edges []graph.Edge, err error) {
	for {
		for i, cause := range h.Nodes {
			if !cause.Hidden && !cause.Deleted {
				edges = append(edges, h.Edges[i])
				t.causes[cause.ID] = cause
			}
		}
		if !h.More {
			return edges, nil
		}
		hops, err := e.scope.Neighbors(ctx, graph.NeighborQuery{IDs: []registry.ID{h.NodeID}, Direction: graph.Upstream, LimitPerNode: 1000, After: h.Nodes[len(h.Nodes)-1].Number})
		if err != nil {
			return nil, err
		}
		h = hops[0]
	}
}

// split sorts edges into inline, links and missing.
func (t *effectEdges) split(n *graph.Node, edges []graph.Edge) error {
	kind, implied, err := impliedEdges(n)
	if err != nil {
		return err
	}
	slices.SortFunc(edges, func(a, b graph.Edge) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.To, b.To)) })
	present, inlineCount := map[registry.ID]bool{}, 0
	for _, edge := range edges {
		usual := edge.ValidFrom.Equal(n.ValidFrom) && edge.ValidTo.IsZero()
		switch limit := inlineLimit(n.Kind, edge.Kind, t.causes[edge.To].Kind); {
		case edge.Kind == kind && usual && slices.Contains(implied, edge.To):
			present[edge.To] = true
		case usual && len(t.inline[edge.Kind]) < limit && inlineCount < maxInlineEdges:
			t.inline[edge.Kind] = append(t.inline[edge.Kind], edge.To)
			inlineCount++
		default:
			t.links = append(t.links, edge)
		}
	}
	for _, id := range implied {
		if !present[id] {
			t.missing = append(t.missing, graph.Edge{Kind: kind, From: n.ID, To: id})
		}
	}
	return nil
}

// inlineLimit returns how many causes over an edge kind the fact of an effect can name. It is
// 0 when the fact has no field for them, or when the facts of the causes come later.
func inlineLimit(effect registry.Kind, edge registry.EdgeKind, cause registry.Kind) int {
	switch {
	case edge == registry.EdgeUsed && cause != registry.KindModelVersion, edge == registry.EdgeRanCode, edge == registry.EdgeUsesFeature,
		edge == registry.EdgeDerivedFrom && effect == registry.KindModelVersion && cause == registry.KindDatasetVersion:
		return maxInlineEdges
	case edge == registry.EdgeGeneratedBy && effect == registry.KindModelVersion, edge == registry.EdgeReleasedFrom, edge == registry.EdgeDefinedOn:
		return 1
	}
	return 0
}

func (e *factExport) features(ctx context.Context) error {
	return e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindFeature}, Order: registry.IndexValidFrom}, func(nodes []*graph.Node) error {
		edges, err := e.edgesOf(ctx, nodes)
		if err != nil {
			return err
		}
		var owners []registry.ID
		for _, n := range nodes {
			f, err := core.DecodeWhole(n, &registry.Feature{})
			if err != nil {
				return err
			}
			owners = append(owners, registry.ID(f.Of))
		}
		of, err := e.existing(ctx, slices.Clone(owners))
		if err != nil {
			return err
		}
		for i, n := range nodes {
			if !e.seesKey(n, []string{"name", "of", "column"}) {
				continue
			}
			f, err := core.DecodeWhole(n, &registry.Feature{})
			if err != nil {
				return err
			}
			out := &facts.RecordFeatureInput{Name: f.Name, Type: f.Type, Description: f.Description, Owner: f.Owner, Column: f.Column, CreatedAt: f.CreatedAt}
			on := edges[n.ID].inline[registry.EdgeDefinedOn]
			switch owner := of[owners[i]]; {
			case owner != nil && owner.Kind == registry.KindModel:
				out.Model = owner.Name
			case owner != nil && len(on) > 0:
				out.DefinedOn = &on[0]
			default:
				e.out.LeftOut[n.Kind]++
				continue
			}
			if out.Name == out.Column {
				out.Name = ""
			}
			if err := e.write(FactInput{Feature: out}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *factExport) runs(ctx context.Context) error {
	return e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindRun}, Order: registry.IndexValidFrom}, func(nodes []*graph.Node) error {
		edges, err := e.edgesOf(ctx, nodes)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if !e.seesKey(n, []string{"name", "producer", "runId", "runKind", "status"}) {
				continue
			}
			r, err := core.DecodeWhole(n, &registry.Run{})
			if err != nil {
				return err
			}
			t := edges[n.ID]
			out := &facts.RecordRunInput{Producer: r.Producer, RunID: r.RunID, Name: r.Name, RunKind: r.RunKind, Status: r.Status, Command: r.Command,
				Description: r.Description, Parameters: r.Parameters, Metrics: r.Metrics, Tags: r.Tags, StartedAt: r.StartedAt, EndedAt: r.EndedAt,
				Inputs: t.inline[registry.EdgeUsed]}
			for _, id := range t.inline[registry.EdgeRanCode] {
				c, err := core.DecodeWhole(t.causes[id], &registry.Commit{})
				if err != nil {
					return err
				}
				if c.SHA != "" {
					out.Commits = append(out.Commits, c.SHA)
				}
			}
			if err := e.write(FactInput{Run: out}); err != nil {
				return err
			}
		}
		return nil
	})
}

// links exports the edges that no other fact names as link facts, and retractions of edges
// that a fact implies but that do not exist.
func (e *factExport) links(ctx context.Context) error {
	for _, kind := range registry.LineageKinds() {
		err := e.pages(ctx, graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexValidFrom}, func(nodes []*graph.Node) error {
			edges, err := e.edgesOf(ctx, nodes)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				if err := e.linksOf(ctx, n, edges[n.ID]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *factExport) linksOf(ctx context.Context, n *graph.Node, t *effectEdges) error {
	var ids []registry.ID
	for _, edge := range t.missing {
		ids = append(ids, edge.To)
	}
	existing, err := e.existing(ctx, ids)
	if err != nil {
		return err
	}
	for _, edge := range t.missing {
		if existing[edge.To] == nil {
			continue
		}
		if err := e.write(FactInput{Retract: &facts.RetractLineageInput{From: edge.From, To: edge.To, Kind: edge.Kind}}); err != nil {
			return err
		}
	}
	for _, edge := range t.links {
		link := &facts.LinkLineageInput{From: edge.From, To: edge.To, Kind: edge.Kind}
		if !edge.ValidFrom.Equal(n.ValidFrom) {
			link.ValidFrom = edge.ValidFrom
		}
		if err := e.write(FactInput{Link: link}); err != nil {
			return err
		}
	}
	return nil
}

// impliedEdges returns the causes that a node has by its own fields, and the kind of the edges
// to them.
func impliedEdges(n *graph.Node) (kind registry.EdgeKind, ids []registry.ID, err error) {
	switch n.Kind {
	case registry.KindCommit:
		c, err := core.DecodeWhole(n, &registry.Commit{})
		for _, sha := range c.ParentSHAs {
			ids = append(ids, registry.CommitID(sha))
		}
		return registry.EdgeParent, ids, err
	case registry.KindTag:
		t, err := core.DecodeWhole(n, &registry.Tag{})
		if t.SHA != "" {
			ids = append(ids, registry.CommitID(t.SHA))
		}
		return registry.EdgePointsAt, ids, err
	case registry.KindDeployment:
		d, err := core.DecodeWhole(n, &registry.Deployment{})
		if d.VersionID != "" {
			ids = append(ids, d.VersionID)
		}
		return registry.EdgeDeploys, ids, err
	}
	return "", nil, nil
}
