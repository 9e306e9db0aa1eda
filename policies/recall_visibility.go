package policies

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// coveredRecalls decides for recalls: who sees one of the recalled nodes sees the recall. The others
// see that something is recalled, and not by what.
func (s *rowVisibility) coveredRecalls(ctx context.Context, c rowGrant, nodes []*graph.Node) ([]bool, error) {
	out := make([]bool, len(nodes))
	for i, n := range nodes {
		if n.Doc == nil {
			whole, err := s.store.Nodes(ctx, graph.Instant{}, n.ID)
			if err != nil {
				return nil, err
			}
			if whole[0] == nil {
				continue
			}
			n = whole[0]
		}
		var recall registry.Recall
		if !decodeNode(n, &recall) {
			continue
		}
		named, err := s.store.Nodes(ctx, graph.Instant{}, recall.Nodes...)
		if err != nil {
			return nil, err
		}
		byKind := map[registry.Kind][]*graph.Node{}
		for _, m := range named {
			if m != nil {
				byKind[m.Kind] = append(byKind[m.Kind], m)
			}
		}
		for kind, group := range byKind {
			seen, err := s.coveredLineage(ctx, c, kind, group)
			if err != nil {
				return nil, err
			}
			for _, v := range seen {
				out[i] = out[i] || v
			}
		}
	}
	return out, nil
}

// coveredLineage decides for lineage nodes of one kind.
func (s *rowVisibility) coveredLineage(ctx context.Context, c rowGrant, kind registry.Kind, nodes []*graph.Node) ([]bool, error) {
	if c.rows != RowsServed || kind == registry.KindModelVersion {
		return s.coveredOfKind(ctx, c, kind, nodes)
	}
	if err := s.loadServed(ctx, nodes); err != nil {
		return nil, err
	}
	out := make([]bool, len(nodes))
	if c.models != nil {
		seen, err := s.coveredOfKind(ctx, c, kind, nodes)
		if err != nil {
			return nil, err
		}
		out = seen
	} else {
		for i := range out {
			out[i] = true
		}
	}
	for i, n := range nodes {
		out[i] = out[i] && s.servedOf(n) == registry.IsServed
	}
	return out, nil
}
