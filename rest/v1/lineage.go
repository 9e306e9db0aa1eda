package v1

import (
	"context"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// lineageQuery are the parameters of a walk.
type lineageQuery struct {
	Direction    lineage.Direction
	MaxDepth     *int
	History      *int
	Fanout       *int
	Through      []registry.Kind
	Kinds        []registry.Kind
	Stages       []registry.Stage
	Environments []string
	Since, Until time.Time
	PageSize     *int
	PageToken    *string
	pointInTime
}

// lineageBody is a page of a lineage graph.
type lineageBody struct {
	Root          registry.ID
	Nodes         []lineageNode
	Edges         []*core.LineageEdge
	Truncation    provenance.Truncation
	HistoryCut    bool
	AsOf, KnownAt time.Time
	NextPageToken string
}

// lineageNode is an object with its place in a lineage graph.
type lineageNode struct {
	Node             registry.ProvenanceNode
	Depth            int
	Layer            *int
	TreeParent       *registry.ID
	UpstreamDegree   int
	DownstreamDegree int
	HistoryCut       bool
}

// impactQuery are the parameters of impact.
type impactQuery struct {
	Targets      []registry.Kind
	Live         *bool
	Stages       []registry.Stage
	Environments []string
	PageSize     *int
	PageToken    *string
	pointInTime
}

// impactBody is a page of what descends from an object, nearest first.
type impactBody struct {
	Affected      []impactNode
	Truncation    provenance.Truncation
	AsOf, KnownAt time.Time
	NextPageToken string
}

// impactNode is a descendant and one shortest way to it.
type impactNode struct {
	Node        registry.ProvenanceNode
	Depth       int
	Path        []registry.ProvenanceNode
	Environment *string
	Owner       *string
	Stage       *registry.Stage
}

// pathsQuery are the parameters of the ways between two objects.
type pathsQuery struct {
	From registry.ID `json:"from"`
	To   registry.ID `json:"to"`
	K    *int
	pointInTime
}

// diffQuery are the parameters of the differences between two objects.
type diffQuery struct {
	A         registry.ID
	B         registry.ID
	Direction lineage.Direction
	MaxDepth  *int
	pointInTime
}

// columnQuery are the parameters of a walk from a column.
type columnQuery struct {
	Column    string
	Direction lineage.Direction
	MaxDepth  *int
	PageSize  *int
	PageToken *string
	pointInTime
}

// columnsBody is a page of the columns that a column came from, or that came of it.
type columnsBody struct {
	Root          registry.ID
	Column        string
	Columns       []*provenance.LineageColumn
	Truncation    provenance.Truncation
	AsOf, KnownAt time.Time
	NextPageToken string
}

// lineageRoutes are the routes of what an object came from and what came of it, by its id and by
// the name of a version.
func lineageRoutes() []route {
	const version = "models/{name}/{version}"
	return []route{
		read("lineage/{id}", "lineage", "What lies around an object, flat and bounded", lineageOf),
		read(version+"/lineage", "lineage", "What lies around a version, flat and bounded", lineageOf),
		read("impact/{id}", "impact", "What descends from an object: live deployments, unless asked otherwise", impactOf),
		read(version+"/impact", "impact", "What descends from a version: live deployments, unless asked otherwise", impactOf),
		read("provenance/{id}", "provenance", "Where an object came from, told in order", provenanceOf),
		read(version+"/provenance", "provenance", "Where a version came from, told in order", provenanceOf),
		read("paths", "paths", "The shortest ways between two objects", func(ctx context.Context, c *call, q *pathsQuery) (*provenance.PathSet, error) {
			return c.service.Paths(ctx, q.From, q.To, q.K, q.AsOf, q.KnownAt)
		}),
		read("lineage-diff", "lineageDiff", "What differs between two objects of one kind and their lineage", func(ctx context.Context, c *call, q *diffQuery) (*provenance.LineageDiff, error) {
			return c.service.LineageDiff(ctx, provenance.LineageDiffInput{A: q.A, B: q.B, Direction: q.Direction, MaxDepth: q.MaxDepth, AsOf: q.AsOf, KnownAt: q.KnownAt})
		}),
		read("column-lineage/{id}", "columnLineage", "The columns that a column of a dataset came from, or that came of it", columnsOf),
	}
}

// subject returns the id that a path names by itself or by the name of a version.
func (c *call) subject(ctx context.Context) (registry.ID, error) {
	if id, ok := c.path["id"]; ok {
		return registry.ParseID(id)
	}
	v, err := c.version(ctx)
	if err != nil {
		return "", err
	}
	return v.ID, nil
}

func lineageOf(ctx context.Context, c *call, q *lineageQuery) (*lineageBody, error) {
	id, err := c.subject(ctx)
	if err != nil {
		return nil, err
	}
	g, err := c.service.Lineage(ctx, provenance.LineageInput{Of: id, Direction: q.Direction, MaxDepth: q.MaxDepth, History: q.History, Fanout: q.Fanout, Through: q.Through,
		Where: &provenance.LineageFilter{Kinds: q.Kinds, Stages: q.Stages, Environments: q.Environments, Since: q.Since, Until: q.Until},
		AsOf:  q.AsOf, KnownAt: q.KnownAt, First: q.PageSize, After: q.PageToken, Degrees: true})
	if err != nil {
		return nil, err
	}
	out := &lineageBody{Root: g.Root, Nodes: []lineageNode{}, Edges: g.Edges, Truncation: g.Truncation, HistoryCut: g.HistoryCut, AsOf: g.AsOf, KnownAt: g.KnownAt}
	for _, n := range g.Nodes {
		noun, err := n.Node()
		if err != nil {
			return nil, err
		}
		if n.Depth == 0 {
			c.meet(noun)
		}
		out.Nodes = append(out.Nodes, lineageNode{noun, n.Depth, n.Layer, n.TreeParent, n.UpstreamDegree, n.DownstreamDegree, n.HistoryCut})
	}
	if g.PageInfo.HasNextPage {
		out.NextPageToken = g.PageInfo.EndCursor
	}
	return out, nil
}

func impactOf(ctx context.Context, c *call, q *impactQuery) (*impactBody, error) {
	id, err := c.subject(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.service.Impact(ctx, provenance.ImpactInput{Of: []registry.ID{id}, Targets: q.Targets, Live: q.Live == nil || *q.Live,
		Where: &provenance.LineageFilter{Stages: q.Stages, Environments: q.Environments}, AsOf: q.AsOf, KnownAt: q.KnownAt, First: q.PageSize, After: q.PageToken})
	if err != nil {
		return nil, err
	}
	out := &impactBody{Affected: []impactNode{}, Truncation: found.Truncation, AsOf: found.AsOf, KnownAt: found.KnownAt}
	for _, e := range found.Edges {
		out.Affected = append(out.Affected, impactNode{e.Node, e.Depth, e.Path, e.Environment, e.Owner, e.Stage})
	}
	if found.PageInfo.HasNextPage {
		out.NextPageToken = found.PageInfo.EndCursor
	}
	return out, nil
}

func provenanceOf(ctx context.Context, c *call, q *pointInTime) (*provenance.Provenance, error) {
	id, err := c.subject(ctx)
	if err != nil {
		return nil, err
	}
	p, err := c.service.Provenance(ctx, id, q.AsOf, q.KnownAt)
	if err == nil {
		c.meet(p.Node)
	}
	return p, err
}

func columnsOf(ctx context.Context, c *call, q *columnQuery) (*columnsBody, error) {
	id, err := c.subject(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.service.ColumnLineage(ctx, provenance.ColumnLineageInput{Of: id, Column: q.Column, Direction: q.Direction, MaxDepth: q.MaxDepth, AsOf: q.AsOf, KnownAt: q.KnownAt, First: q.PageSize, After: q.PageToken})
	if err != nil {
		return nil, err
	}
	out := &columnsBody{Root: found.Root, Column: found.Column, Columns: found.Columns, Truncation: found.Truncation, AsOf: found.AsOf, KnownAt: found.KnownAt}
	if found.PageInfo.HasNextPage {
		out.NextPageToken = found.PageInfo.EndCursor
	}
	return out, nil
}
