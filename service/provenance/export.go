package provenance

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service/core"
)

// The bounds of one export, beyond those of the walk.
const (
	exportFanout   = 1000
	maxExportEdges = 50_000
	maxExportBytes = 16 << 20 // in the documents of all nodes
	maxArtifacts   = 50       // per version
	exportChunk    = 500      // ids per read
	exportTooLarge = "the export would hold more than %d %s; ask for a smaller maxDepth or history"
)

// ExportInput selects the lineage of a node and the format of the export. Its bounds are those
// of LineageInput, with the largest fanout.
type ExportInput struct {
	Of        registry.ID
	Format    export.Format
	Direction lineage.Direction
	MaxDepth  *int
	History   *int
	AsOf      time.Time
	KnownAt   time.Time
}

// LineageExport is an encoded lineage graph.
type LineageExport struct {
	Format export.Format
	// MediaType is the Content-Type of the file. Filename is a suggested name; it contains no
	// text from users.
	MediaType, Filename string
	// Body is the text of the file.
	Body       string
	Truncation Truncation
	HistoryCut bool
	AsOf       time.Time
	KnownAt    time.Time
}

// Export encodes the lineage of a node, as the caller sees it. It answers RESOURCE_EXHAUSTED
// when the export is too large for one answer.
func (e *Explorer) Export(ctx context.Context, in ExportInput) (*LineageExport, error) {
	x, _, err := e.ExportWithRoot(ctx, in)
	return x, err
}

// ExportWithRoot is Export, and the node whose lineage it is, as the caller sees it.
func (e *Explorer) ExportWithRoot(ctx context.Context, in ExportInput) (*LineageExport, registry.ProvenanceNode, error) {
	d, g, err := e.document(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	file, err := export.Encode(d, in.Format)
	if err != nil {
		return nil, nil, err
	}
	root, err := g.Nodes[0].Node()
	if err != nil {
		return nil, nil, err
	}
	return &LineageExport{Format: file.Format, MediaType: file.MediaType, Filename: file.Filename, Body: string(file.Body),
		Truncation: g.Truncation, HistoryCut: g.HistoryCut, AsOf: g.AsOf, KnownAt: g.KnownAt}, root, nil
}

// ExportDocument returns what an export encodes, whatever its format.
func (e *Explorer) ExportDocument(ctx context.Context, in ExportInput) (*export.Document, error) {
	d, _, err := e.document(ctx, in)
	return d, err
}

// document reads the lineage of a node as the input of the encoders.
func (e *Explorer) document(ctx context.Context, in ExportInput) (*export.Document, *LineageGraph, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, nil, err
	}
	fanout := exportFanout
	query := LineageInput{Of: in.Of, Direction: in.Direction, MaxDepth: in.MaxDepth, History: in.History, Fanout: &fanout}
	o, _, err := query.options()
	if err != nil {
		return nil, nil, err
	}
	at, err := e.core.ResolvePinned(ctx, scope, in.AsOf, in.KnownAt)
	if err != nil {
		return nil, nil, err
	}
	o.At = at.StoreInstant()
	found, err := lineage.Walk(ctx, scope, in.Of, o)
	if err != nil {
		return nil, nil, err
	}
	if err := checkExportSize(found); err != nil {
		return nil, nil, err
	}
	v := &view{explorer: e, ctx: ctx, scope: scope, at: at}
	g, err := v.page(found, query, pageStart{Depth: -1, At: at}, len(found.Items), nil)
	if err != nil {
		return nil, nil, err
	}
	d, err := v.documentOf(g, o, in)
	return d, g, err
}

// checkExportSize bounds the input of an encoder, because one answer holds the whole export.
func checkExportSize(g *lineage.Graph) error {
	if len(g.Edges) > maxExportEdges {
		return registry.Errorf(registry.ResourceExhausted, exportTooLarge, maxExportEdges, "edges")
	}
	size := 0
	for _, it := range g.Items {
		size += len(it.Node.Doc)
	}
	if size > maxExportBytes {
		return registry.Errorf(registry.ResourceExhausted, exportTooLarge, maxExportBytes, "bytes of what is known of its nodes")
	}
	return nil
}

// documentOf makes the input of the encoders. It leaves out instants that the caller did not
// give, so that the same graph gives the same bytes.
func (v *view) documentOf(g *LineageGraph, o lineage.Options, in ExportInput) (*export.Document, error) {
	d := &export.Document{Root: g.Root, Direction: o.Direction, Reasons: g.Truncation.Reasons, Frontier: g.Truncation.Frontier,
		Redacted: g.Truncation.Redacted, HistoryCut: g.HistoryCut}
	if !in.AsOf.IsZero() {
		d.AsOf = g.AsOf
	}
	if !in.KnownAt.IsZero() {
		d.KnownAt = core.StoredTime(in.KnownAt, time.Time{}) // Not that of the entry, which the caller may not read.
	}
	for _, n := range g.Nodes {
		noun, err := n.Node()
		if err != nil {
			return nil, err
		}
		out := export.Node{Noun: noun, Depth: n.Depth}
		if n.TreeParent != nil {
			out.TreeParent = *n.TreeParent
		}
		d.Nodes = append(d.Nodes, out)
	}
	for _, e := range g.Edges {
		d.Edges = append(d.Edges, export.Edge{ID: e.ID, From: e.From, To: e.To, Kind: e.Kind, ValidFrom: e.ValidFrom, ValidTo: e.ValidTo})
	}
	return d, core.FirstError(v.cards(d), v.artifacts(d), v.containers(d))
}

// visibleNouns reads nouns by id at the instant of the answer, without those that the caller
// does not see.
func (v *view) visibleNouns(ids []registry.ID) (map[registry.ID]registry.Node, error) {
	out := map[registry.ID]registry.Node{}
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), exportChunk) {
		nodes, err := v.scope.Nodes(v.ctx, v.at.StoreInstant(), part...)
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			if n == nil || n.Hidden {
				continue
			}
			if out[n.ID], err = v.explorer.core.Decode(n, v.at.NounInstant()); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// seesField reports whether the caller sees a field of a noun.
func seesField(n registry.Node, noun, field string) bool {
	return n.NodeMeta().Mask.Has(registry.Bit(noun, field))
}

// cards adds the cards of versions.
func (v *view) cards(d *export.Document) error {
	var ids []registry.ID
	for _, n := range d.Nodes {
		if x, ok := n.Noun.(*registry.ModelVersion); ok && seesField(x, "ModelVersion", "card") {
			ids = append(ids, registry.CardID(x.ID))
		}
	}
	found, err := v.visibleNouns(ids)
	if err != nil {
		return err
	}
	for i := range d.Nodes {
		if card, ok := found[registry.CardID(d.Nodes[i].ID())].(*registry.ModelCard); ok {
			d.Nodes[i].Card = card
		}
	}
	return nil
}

// artifacts adds the files of versions that existed at the instant of the answer.
func (v *view) artifacts(d *export.Document) error {
	index := map[registry.ID]int{}
	var parents []registry.ID
	for i, n := range d.Nodes {
		if x, ok := n.Noun.(*registry.ModelVersion); ok && seesField(x, "ModelVersion", "artifacts") {
			index[x.ID], parents = i, append(parents, x.ID)
		}
	}
	for part := range slices.Chunk(parents, exportChunk) {
		page, err := v.scope.Find(v.ctx, graph.Query{Kinds: []registry.Kind{registry.KindArtifact}, Parents: part, PerParent: true, Limit: maxArtifacts})
		if err != nil {
			return err
		}
		for _, n := range page.Nodes {
			if n.Hidden || n.ValidFrom.After(v.at.Valid) {
				continue
			}
			noun, err := v.explorer.core.Decode(n, v.at.NounInstant())
			if err != nil {
				return err
			}
			if a, ok := noun.(*registry.Artifact); ok {
				i := index[n.Parent]
				d.Nodes[i].Artifacts = append(d.Nodes[i].Artifacts, a)
			}
		}
	}
	return nil
}

// containers adds the repositories of commits and tags, and the datasets or models of features.
func (v *view) containers(d *export.Document) error {
	var ids []registry.ID
	for _, n := range d.Nodes {
		if id := containerOf(n.Noun); id != "" {
			ids = append(ids, id)
		}
	}
	found, err := v.visibleNouns(ids)
	if err != nil {
		return err
	}
	for i := range d.Nodes {
		switch x := found[containerOf(d.Nodes[i].Noun)].(type) {
		case *registry.Repository:
			d.Nodes[i].Repository = x
		case *registry.Dataset:
			d.Nodes[i].Of = x.Name
		case *registry.Model:
			d.Nodes[i].Of = x.Name
		}
	}
	return nil
}

// containerOf returns the id of the container of a noun, "" when there is none that the caller
// sees.
func containerOf(n registry.Node) registry.ID {
	switch x := n.(type) {
	case *registry.Commit:
		if seesField(x, "Commit", "repository") {
			return x.Parent
		}
	case *registry.Tag:
		if seesField(x, "Tag", "repository") {
			return x.Parent
		}
	case *registry.Feature:
		return registry.ID(x.Of)
	}
	return ""
}
