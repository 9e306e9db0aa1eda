package neo4j

import (
	"math"

	"pedigree/graph"
)

// asOf is a graph.Instant as the parameters of the Cypher queries.
type asOf struct {
	// revisions is true when earlier revisions are searched, not only the newest.
	revisions bool
	// bySince picks the revision by the time it became true, else the newest one.
	bySince                 bool
	valid, endsAfter, known int64
}

func asOfInstant(at graph.Instant) asOf {
	l := asOf{valid: maxInstant, endsAfter: math.MinInt64, known: maxInstant}
	if at.Known != 0 {
		l.revisions, l.known = true, at.Known
	}
	if !at.Valid.IsZero() {
		l.valid = at.Valid.UnixMicro()
		l.endsAfter = l.valid
		if injectedBug == bugEndInstant {
			l.endsAfter--
		}
		l.bySince, l.revisions = true, true
	}
	return l
}

func (l asOf) params() map[string]any {
	since := int64(maxInstant)
	if l.bySince {
		since = l.valid
	}
	return map[string]any{"valid": l.valid, "ended": l.endsAfter, "known": l.known, "since": since, "by_since": l.bySince}
}

// with returns the parameters of the instant and more.
func (l asOf) with(more map[string]any) map[string]any {
	p := l.params()
	for k, v := range more {
		p[k] = v
	}
	return p
}

// visibleText keeps the nodes that exist at the instant, and names the row of each: the
// node itself, or its revision at that instant.
func (l asOf) visibleText(node, row string) string {
	if !l.revisions {
		return "WITH *, " + node + " AS " + row + " WHERE " + row + ".valid_from <= $valid AND " + row + ".created_seq <= $known\n"
	}
	return `CALL { WITH ` + node + ` MATCH (v:Revision) USING INDEX SEEK v:Revision(node_key) WHERE v.node_key = ` + node + `.key AND v.recorded_seq <= $known AND v.since <= $since
RETURN v AS ` + row + ` ORDER BY CASE WHEN $by_since THEN v.since ELSE 0 END DESC, v.revision DESC LIMIT 1 }
WITH * WHERE ` + row + ".valid_from <= $valid\n"
}

// nodesText reads nodes by their keys.
func (l asOf) nodesText(bare bool) string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX SEEK n:Node(key)\n" + l.visibleText("n", "w") + "RETURN " + projection("w", "n", bare) + " AS node"
}
