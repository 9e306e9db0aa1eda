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

// lineageWriter writes a lineage graph by a plan. Its bytes equal those of gqlgen's
// executor.
type lineageWriter struct {
	b      []byte
	path   ast.Path // path of the lineage field
	hidden *hiddenFields
	// nodesKey and nodeKey are the response keys in the path of a node.
	nodesKey, nodeKey string
}

// object writes an object. It calls fn for the value of each field.
func (w *lineageWriter) object(fields []plannedField, typename string, fn func(f plannedField)) {
	w.b = append(w.b, '{')
	for i := range fields {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, fields[i].key...)
		if fields[i].field == "__typename" {
			w.b = appendString(w.b, typename)
		} else {
			fn(fields[i])
		}
	}
	w.b = append(w.b, '}')
}

// array writes an array of n items with fn.
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

// optional writes a text, or null when it is empty.
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

// time writes a DateTime, or null for the zero time.
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
	w.object(p.fields, "LineageGraph", func(f plannedField) {
		switch f.field {
		case "root":
			w.text(string(g.Root))
		case "nodes":
			w.nodesKey = keyOf(f)
			w.array(len(g.Nodes), func(i int) { w.lineageNode(f.selection.fields, g.Nodes[i], i) })
		case "edges":
			w.array(len(g.Edges), func(i int) { w.edge(f.selection.fields, g.Edges[i]) })
		case "pageInfo":
			w.pageInfo(f.selection.fields, &g.PageInfo)
		case "truncation":
			w.truncation(f.selection.fields, &g.Truncation)
		case "historyCut":
			w.bool(g.HistoryCut)
		case "asOf":
			w.time(g.AsOf)
		case "knownAt":
			w.time(g.KnownAt)
		}
	})
}

func (w *lineageWriter) lineageNode(fields []plannedField, n *provenance.LineageNode, at int) {
	w.object(fields, "LineageNode", func(f plannedField) {
		switch f.field {
		case "node":
			w.nodeKey = keyOf(f)
			w.node(f.selection.byType, n, at)
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

// node writes a node. A field that its mask hides is null and is added to the hidden
// fields.
func (w *lineageWriter) node(byType map[string][]plannedField, n *provenance.LineageNode, at int) {
	name := restrictedType
	if !n.Hidden {
		name = registry.NounOf(n.Kind).Name
	}
	w.object(byType[name], name, func(f plannedField) {
		if name != restrictedType && !n.Mask.Has(f.bit) {
			w.null()
			w.addHidden(name, f, at)
			return
		}
		switch f.field {
		case "id":
			w.text(string(n.ID))
		case "kind":
			w.text(string(n.Kind))
		case "name":
			w.optional(n.Name)
		}
	})
}

// addHidden adds a hidden field with the path that the executor would give it.
func (w *lineageWriter) addHidden(typename string, f plannedField, at int) {
	if w.hidden == nil {
		return
	}
	path := append(append(ast.Path{}, w.path...), ast.PathName(w.nodesKey), ast.PathIndex(at), ast.PathName(w.nodeKey), ast.PathName(keyOf(f)))
	w.hidden.add(typename+"."+f.field, path)
}

// keyOf returns the response key of a field. Names of GraphQL need no escapes.
func keyOf(f plannedField) string { return f.key[1 : len(f.key)-2] }

func (w *lineageWriter) edge(fields []plannedField, e *core.LineageEdge) {
	w.object(fields, "LineageEdge", func(f plannedField) {
		switch f.field {
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

func (w *lineageWriter) pageInfo(fields []plannedField, p *core.PageInfo) {
	w.object(fields, "PageInfo", func(f plannedField) {
		switch f.field {
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

func (w *lineageWriter) truncation(fields []plannedField, t *provenance.Truncation) {
	w.object(fields, "Truncation", func(f plannedField) {
		switch f.field {
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

// appendString appends a text as gqlgen encodes it. It copies texts that need no escapes,
// which are nearly all.
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
