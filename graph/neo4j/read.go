package neo4j

import (
	"context"
	"math"

	"pedigree/graph"
	"pedigree/registry"
)

// lens is an Instant as the Cypher texts ask for it.
type lens struct {
	// past tells that revisions are searched, not only the newest.
	past bool
	// bySince picks the revision by when it became true, else the newest.
	bySince             bool
	valid, ended, known int64
}

func lensOf(at graph.Instant) lens {
	l := lens{valid: forever, ended: math.MinInt64, known: forever}
	if at.Known != 0 {
		l.past, l.known = true, at.Known
	}
	if !at.Valid.IsZero() {
		l.valid = at.Valid.UnixMicro()
		l.ended = l.valid
		if planted == bugBoundary {
			l.ended--
		}
		l.bySince = !at.Current
		l.past = l.past || l.bySince
	}
	return l
}

func (l lens) params() map[string]any {
	since := int64(forever)
	if l.bySince {
		since = l.valid
	}
	return map[string]any{"valid": l.valid, "ended": l.ended, "known": l.known, "since": since, "by_since": l.bySince}
}

// with returns the lens's parameters and more.
func (l lens) with(more map[string]any) map[string]any {
	p := l.params()
	for k, v := range more {
		p[k] = v
	}
	return p
}

// seen narrows to nodes that are there at the lens's instant and names their row:
// the node itself, or the revision that stood then.
func (l lens) seen(node, row string) string {
	if !l.past {
		return "WITH *, " + node + " AS " + row + " WHERE " + row + ".valid_from <= $valid AND " + row + ".created_seq <= $known\n"
	}
	return `CALL { WITH ` + node + ` MATCH (v:Revision) USING INDEX v:Revision(node_key) WHERE v.node_key = ` + node + `.key AND v.recorded_seq <= $known AND v.since <= $since
RETURN v AS ` + row + ` ORDER BY CASE WHEN $by_since THEN v.since ELSE 0 END DESC, v.revision DESC LIMIT 1 }
WITH * WHERE ` + row + ".valid_from <= $valid\n"
}

// nodesText reads nodes by their keys.
func (l lens) nodesText(bare bool) string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX n:Node(key)\n" + l.seen("n", "w") + "RETURN " + projection("w", "n", bare) + " AS node"
}

// Nodes returns the nodes in the order of ids, nil where there is none.
func (s *Store) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) (nodes []*graph.Node, err error) {
	err = s.read(ctx, func(v *view) error {
		nodes, err = v.Nodes(ctx, at, ids...)
		return err
	})
	return nodes, err
}

// Nodes returns the nodes as of the Update so far.
func (v *view) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	out := make([]*graph.Node, len(ids))
	byID, err := v.nodes(ctx, lensOf(at), ids, false)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if n := byID[id]; n != nil {
			c := *n
			out[i] = &c
		}
	}
	return out, nil
}

// nodes reads nodes through a lens.
func (v *view) nodes(ctx context.Context, l lens, ids []registry.ID, bare bool) (map[registry.ID]*graph.Node, error) {
	byID := make(map[registry.ID]*graph.Node, len(ids))
	if len(ids) == 0 {
		return byID, nil
	}
	rows, err := v.query(ctx, l.nodesText(bare), l.with(map[string]any{"keys": distinct(keysOf(v, ids))}))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		n := nodeOf(r["node"].(map[string]any), bare)
		byID[n.ID] = n
	}
	return byID, nil
}

// Find returns one page of the nodes that match.
func (s *Store) Find(ctx context.Context, q graph.Query) (page graph.Page, err error) {
	err = s.read(ctx, func(v *view) error {
		page, err = v.Find(ctx, q)
		return err
	})
	return page, err
}

// Neighbors returns one hop from many nodes.
func (s *Store) Neighbors(ctx context.Context, q graph.HopQuery) (hops []graph.Hops, err error) {
	err = s.read(ctx, func(v *view) error {
		hops, err = v.Neighbors(ctx, q)
		return err
	})
	return hops, err
}
