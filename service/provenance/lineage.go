package provenance

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// LineageInput asks what lies around a node; see the schema for the bounds.
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
	// Bare says that only id, kind and name of nodes are asked for; Degrees that
	// degrees are; NoCursors that cursors are not. Doors set them from the selection.
	Bare, Degrees, NoCursors bool
}

// LineageGraph is one page of what lies around a node.
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

// LineageNode is a node with its place in the graph.
type LineageNode struct {
	// ID is what the node is called outside, Kind its kind, Name its name: "" where it
	// is hidden. Mask has the bits of the fields that the caller may see.
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

	view *view
	read *graph.Node
}

// Node returns the noun, which is made when it is asked for: an answer of ids, kinds
// and names needs none.
func (n *LineageNode) Node() (registry.ProvenanceNode, error) { return n.view.node(n.read) }

// Truncation tells what is missing from an answer.
type Truncation struct {
	Truncated bool
	Reasons   []lineage.Reason
	Frontier  []registry.ID
	Redacted  int
}

// maxFrontier is how many frontier ids an answer names.
const maxFrontier = 100

// pageStart is where a page of lineage begins: after a depth and id, at an instant.
type pageStart struct {
	At    core.ResolvedInstant `json:"at"`
	Depth int                  `json:"d"`
	ID    registry.ID          `json:"i"`
}

// Lineage returns what lies around a node, one page of it.
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
	if start.Depth >= 0 {
		o.At.Known, o.At.Current = start.At.Known, o.At.Current && start.At.Known == 0
	}
	o.Bare = in.Bare && !in.Where.readsDocuments()
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	g, err := lineage.Walk(walkCtx, scope, in.Of, o)
	if err != nil {
		return nil, err
	}
	v := &view{explorer: e, ctx: ctx, scope: scope, at: start.At}
	out, err := v.page(g, in, start, size, bindings)
	if err != nil || !in.Degrees {
		return out, err
	}
	return out, v.degrees(out, o.At)
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
