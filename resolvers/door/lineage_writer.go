package door

import (
	"bytes"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// lineageWriter writes a lineage graph by a plan, in the bytes of gqlgen's executor.
type lineageWriter struct {
	b      []byte
	path   ast.Path // of the lineage field
	hidden *hiddenFields
	// nodesKey and nodeKey are the names under which the path of a node goes.
	nodesKey, nodeKey string
}

// object writes the steps of one object through fn.
func (w *lineageWriter) object(steps []plannedField, typename string, fn func(st plannedField)) {
	w.b = append(w.b, '{')
	for i := range steps {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, steps[i].key...)
		if steps[i].field == "__typename" {
			w.b = appendString(w.b, typename)
		} else {
			fn(steps[i])
		}
	}
	w.b = append(w.b, '}')
}

// array writes n items through fn.
func (w *lineageWriter) array(n int, fn func(i int)) {
	w.b = append(w.b, '[')
	for i := range n {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		fn(i)
	}
	w.b = append(w.b, ']')
}

func (w *lineageWriter) text(s string) { w.b = appendString(w.b, s) }

// optional writes a text that is null when it is empty.
func (w *lineageWriter) optional(s string) {
	if s == "" {
		w.null()
		return
	}
	w.text(s)
}

func (w *lineageWriter) null()       { w.b = append(w.b, "null"...) }
func (w *lineageWriter) int(i int)   { w.b = strconv.AppendInt(w.b, int64(i), 10) }
func (w *lineageWriter) bool(v bool) { w.b = strconv.AppendBool(w.b, v) }

// time writes a DateTime; the zero time is null.
func (w *lineageWriter) time(t time.Time) {
	if t.IsZero() {
		w.null()
		return
	}
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

func (w *lineageWriter) graph(p *selectionPlan, g *provenance.LineageGraph) {
	w.object(p.fields, "LineageGraph", func(st plannedField) {
		switch st.field {
		case "root":
			w.text(string(g.Root))
		case "nodes":
			w.nodesKey = keyOf(st)
			w.array(len(g.Nodes), func(i int) { w.lineageNode(st.selection.fields, g.Nodes[i], i) })
		case "edges":
			w.array(len(g.Edges), func(i int) { w.edge(st.selection.fields, g.Edges[i]) })
		case "pageInfo":
			w.pageInfo(st.selection.fields, &g.PageInfo)
		case "truncation":
			w.truncation(st.selection.fields, &g.Truncation)
		case "historyCut":
			w.bool(g.HistoryCut)
		case "asOf":
			w.time(g.AsOf)
		case "knownAt":
			w.time(g.KnownAt)
		}
	})
}

func (w *lineageWriter) lineageNode(steps []plannedField, n *provenance.LineageNode, at int) {
	w.object(steps, "LineageNode", func(st plannedField) {
		switch st.field {
		case "node":
			w.nodeKey = keyOf(st)
			w.node(st.selection.byType, n, at)
		case "depth":
			w.int(n.Depth)
		case "layer":
			if n.Layer == nil {
				w.null()
			} else {
				w.int(*n.Layer)
			}
		case "treeParent":
			if n.TreeParent == nil {
				w.null()
			} else {
				w.text(string(*n.TreeParent))
			}
		case "upstreamDegree":
			w.int(n.UpstreamDegree)
		case "downstreamDegree":
			w.int(n.DownstreamDegree)
		case "historyCut":
			w.bool(n.HistoryCut)
		}
	})
}

// node writes a noun. A field that its mask hides is null, and a hole.
func (w *lineageWriter) node(byType map[string][]plannedField, n *provenance.LineageNode, at int) {
	name := restrictedType
	if !n.Hidden {
		name = registry.NounOf(n.Kind).Name
	}
	w.object(byType[name], name, func(st plannedField) {
		if name != restrictedType && !n.Mask.Has(st.bit) {
			w.null()
			w.addHidden(name, st, at)
			return
		}
		switch st.field {
		case "id":
			w.text(string(n.ID))
		case "kind":
			w.text(string(n.Kind))
		case "name":
			w.optional(n.Name)
		}
	})
}

// addHidden notes a hidden field under the path that the executor would give it.
func (w *lineageWriter) addHidden(typename string, st plannedField, at int) {
	if w.hidden == nil {
		return
	}
	path := append(append(ast.Path{}, w.path...), ast.PathName(w.nodesKey), ast.PathIndex(at), ast.PathName(w.nodeKey), ast.PathName(keyOf(st)))
	w.hidden.add(typename+"."+st.field, path)
}

// keyOf is the name under which a step is answered; names of GraphQL need no
// escapes.
func keyOf(st plannedField) string { return st.key[1 : len(st.key)-2] }

func (w *lineageWriter) edge(steps []plannedField, e *core.LineageEdge) {
	w.object(steps, "LineageEdge", func(st plannedField) {
		switch st.field {
		case "id":
			w.text(string(e.ID))
		case "from":
			w.text(string(e.From))
		case "to":
			w.text(string(e.To))
		case "kind":
			w.text(string(e.Kind))
		case "validFrom":
			w.time(e.ValidFrom)
		case "validTo":
			w.time(e.ValidTo)
		}
	})
}

func (w *lineageWriter) pageInfo(steps []plannedField, p *core.PageInfo) {
	w.object(steps, "PageInfo", func(st plannedField) {
		switch st.field {
		case "hasNextPage":
			w.bool(p.HasNextPage)
		case "hasPreviousPage":
			w.bool(p.HasPreviousPage)
		case "startCursor":
			w.optional(p.StartCursor)
		case "endCursor":
			w.optional(p.EndCursor)
		}
	})
}

func (w *lineageWriter) truncation(steps []plannedField, t *provenance.Truncation) {
	w.object(steps, "Truncation", func(st plannedField) {
		switch st.field {
		case "truncated":
			w.bool(t.Truncated)
		case "reasons":
			w.array(len(t.Reasons), func(i int) { w.text(string(t.Reasons[i])) })
		case "frontier":
			w.array(len(t.Frontier), func(i int) { w.text(string(t.Frontier[i])) })
		case "redacted":
			w.int(t.Redacted)
		}
	})
}

// appendString writes a text as gqlgen does; those that need no escapes, which is
// nearly all, are copied.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			buf := bytes.NewBuffer(b)
			graphql.MarshalString(s).MarshalGQL(buf)
			return buf.Bytes()
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
