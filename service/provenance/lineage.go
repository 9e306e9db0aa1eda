package provenance

import (
	"bytes"
	"context"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// LineageInput selects the lineage of a node: the direction, the bounds of the walk, a filter,
// and a page. options has the defaults and limits of the bounds.
type LineageInput struct {
	Of        registry.ID
	Direction lineage.Direction
	MaxDepth  *int
	History   *int
	Where     *LineageFilter
	Through   []registry.Kind
	AsOf      time.Time
	KnownAt   time.Time
	Fanout    *int
	First     *int
	After     *string
	// Bare means that only the id, kind and name of nodes are needed, Degrees that degrees are
	// needed, and NoCursors that no cursors are needed. The GraphQL and REST handlers set them
	// from the selected fields.
	Bare, Degrees, NoCursors bool
}

// LineageGraph is one page of the lineage of a node.
type LineageGraph struct {
	Root       registry.ID
	Nodes      []*LineageNode
	Edges      []*core.LineageEdge
	PageInfo   core.PageInfo
	Truncation Truncation
	HistoryCut bool
	AsOf       time.Time
	KnownAt    time.Time
}

// LineageNode is a node with its position in the graph.
type LineageNode struct {
	// ID is the visible id: an opaque one for a hidden node. Name is "" for a hidden node. Mask
	// has the bits of the fields that the caller sees.
	ID     registry.ID
	Kind   registry.Kind
	Name   string
	Mask   registry.Mask
	Hidden bool

	Depth            int
	Layer            *int
	TreeParent       *registry.ID
	UpstreamDegree   int
	DownstreamDegree int
	HistoryCut       bool

	page  *pageNouns
	index int
}

// Node returns the noun.
func (n *LineageNode) Node() (registry.ProvenanceNode, error) { return n.page.get(n.index) }

// Truncation describes what is missing from an answer. Frontier has the visible ids of at most
// maxFrontier nodes at which the walk stopped; Redacted counts hidden nodes.
type Truncation struct {
	Truncated bool
	Reasons   []lineage.Reason
	Frontier  []registry.ID
	Redacted  int
}

// maxFrontier is the largest number of frontier ids in an answer.
const maxFrontier = 100

// pageStart is the cursor of a page of lineage: the depth and visible id before its first node,
// and the instant. Depth is -1 for the first page.
type pageStart struct {
	At    core.ResolvedInstant `json:"at"`
	Depth int                  `json:"d"`
	ID    registry.ID          `json:"i"`
}

// Lineage returns one page of the lineage of a node. It answers NOT_FOUND when the caller does
// not see the node.
func (e *Explorer) Lineage(ctx context.Context, in LineageInput) (*LineageGraph, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	o, size, err := in.options()
	if err != nil {
		return nil, err
	}
	bindings := []any{"lineage", in.Of, o.Direction, o.MaxDepth, o.History, in.Where, o.Through, o.Fanout, in.AsOf, in.KnownAt}
	start := pageStart{Depth: -1}
	if in.After != nil && *in.After != "" {
		if err := e.core.OpenCursor(scope.Actor().Subject, bindings, *in.After, &start); err != nil {
			return nil, err
		}
	} else if start.At, err = e.core.ResolveInstant(ctx, scope, in.AsOf, in.KnownAt); err != nil {
		return nil, err
	}
	o.At = start.At.StoreInstant()
	o.Bare = in.Bare && !in.Where.readsDocuments()
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	g, err := lineage.Walk(walkCtx, scope, in.Of, o)
	if err != nil {
		return nil, err
	}
	if start.At, err = start.At.Seen(ctx, scope, g.Head); err != nil {
		return nil, err
	}
	if in.AsOf.IsZero() && in.KnownAt.IsZero() && in.After == nil && mayGoOutOfUse(g.Items[0].Node) {
		e.core.Gate.CountUse(ctx, in.Of, registry.UseLineage)
	}
	v := &view{explorer: e, ctx: ctx, scope: scope, at: start.At}
	out, err := v.page(g, in, start, size, bindings)
	if err != nil || !in.Degrees {
		return out, err
	}
	return out, v.degrees(out, start.At.StoreInstant())
}

// mayGoOutOfUse reports whether the root of a walk is a version that has, or had, a deprecation. A
// root without a document may have one: it is found out when the uses are written, so that a walk
// over bare nodes reads nothing more.
func mayGoOutOfUse(root *graph.Node) bool {
	return root.Kind == registry.KindModelVersion && (len(root.Doc) == 0 || bytes.Contains(root.Doc, []byte(`"deprecation":{`)))
}

func (in *LineageInput) options() (o lineage.Options, size int, err error) {
	o = lineage.Options{Direction: in.Direction, Through: in.Through}
	if o.Direction == "" {
		o.Direction = lineage.Upstream
	}
	if o.MaxDepth, err = core.CheckRange("maxDepth", in.MaxDepth, 10, 0, 50); err != nil {
		return o, 0, err
	}
	if o.History, err = core.CheckRange("history", in.History, 20, 0, 1000); err != nil {
		return o, 0, err
	}
	if o.Fanout, err = core.CheckRange("fanout", in.Fanout, 100, 1, 1000); err != nil {
		return o, 0, err
	}
	size, err = core.Paging{First: in.First}.Size(core.MaxPage)
	return o, size, err
}
