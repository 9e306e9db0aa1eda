package door

import (
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// lineageWriter writes a lineage graph.
type lineageWriter struct{ *answerWriter }

func (w *lineageWriter) graph(p *selectionPlan, g *provenance.LineageGraph) {
	w.object(p.fields, "LineageGraph", func(f *plannedField) {
		switch f.field {
		case "root":
			w.text(string(g.Root))
		case "nodes":
			w.array(len(g.Nodes), func(i int) { w.lineageNode(f.selection.fields, g.Nodes[i]) })
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

func (w *lineageWriter) lineageNode(fields []plannedField, n *provenance.LineageNode) {
	w.object(fields, "LineageNode", func(f *plannedField) {
		switch f.field {
		case "node":
			w.node(f.selection.byType, n)
		case "depth":
			w.int(n.Depth)
		case "layer":
			w.number(n.Layer)
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

// node writes a node, or the stub of a hidden one.
func (w *lineageWriter) node(byType map[string][]plannedField, n *provenance.LineageNode) {
	write := func(f *plannedField) {
		switch f.field {
		case "id":
			w.text(string(n.ID))
		case "kind":
			w.text(string(n.Kind))
		case "name":
			w.optional(n.Name)
		}
	}
	if n.Hidden {
		w.object(byType[restrictedType], restrictedType, write)
		return
	}
	name := registry.NounOf(n.Kind).Name
	w.noun(byType[name], name, n.Mask, write)
}

func (w *lineageWriter) edge(fields []plannedField, e *core.LineageEdge) {
	w.object(fields, "LineageEdge", func(f *plannedField) {
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

func (w *lineageWriter) truncation(fields []plannedField, t *provenance.Truncation) {
	w.object(fields, "Truncation", func(f *plannedField) {
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
