// Package export turns a lineage graph, as one caller may see it, into the formats
// that other tools read. It decides nothing about sight: a Document holds what has
// passed the gate, with restricted nodes as stubs under the caller's own ids.
//
// The same Document gives the same bytes: everything is sorted, ids are derived from
// what is exported, and no clock is read.
package export

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
)

// Document is a lineage graph on its way out.
type Document struct {
	Root      registry.ID
	Direction lineage.Direction
	// AsOf and KnownAt are the instants that were asked for; zero where none was, so
	// that the bytes do not change with the clock.
	AsOf, KnownAt time.Time
	Nodes         []Node
	Edges         []Edge
	// Reasons says why something is missing; empty: it is whole. Frontier lists the
	// nodes behind which it is, Redacted counts the restricted ones.
	Reasons  []lineage.Reason
	Frontier []registry.ID
	Redacted int
	// HistoryCut tells that commit history goes on behind what is shown.
	HistoryCut bool
}

// Node is a node with what belongs to it, as far as the caller sees it.
type Node struct {
	Noun  registry.ProvenanceNode
	Depth int
	// TreeParent is the node to hang this one under in a tree, "" for the root.
	TreeParent registry.ID
	// Card and Artifacts are those of a model version, Repository that of a commit or
	// tag, Of the name of the dataset or model of a feature; nil or "" where there is
	// none to see. They stand for the ids that a noun holds of others, which no encoder
	// writes.
	Card       *registry.ModelCard
	Artifacts  []*registry.Artifact
	Repository *registry.Repository
	Of         string
}

// ID is the node's id for this caller.
func (n *Node) ID() registry.ID { return n.Noun.NodeMeta().ID }

// Kind is what the node is; it is told also of restricted ones.
func (n *Node) Kind() registry.Kind { return n.Noun.NodeMeta().Kind }

// Restricted reports whether the caller may not see the node.
func (n *Node) Restricted() bool { _, is := n.Noun.(*registry.Restricted); return is }

// Edge leads from an effect to a cause. Its times are zero at a restricted end.
type Edge struct {
	ID, From, To       registry.ID
	Kind               registry.EdgeKind
	ValidFrom, ValidTo time.Time
}

// Format names a form of export.
type Format string

// The formats.
const (
	// ProvJSON is W3C PROV-JSON, member submission of 24 April 2013.
	ProvJSON Format = "PROV_JSON"
	// OpenLineage is OpenLineage 2-0-2, an event a line.
	OpenLineage Format = "OPENLINEAGE"
	// CycloneDX is a CycloneDX 1.6 ML-BOM in JSON (ECMA-424).
	CycloneDX Format = "CYCLONEDX"
	// DOT is Graphviz's language.
	DOT Format = "DOT"
	// Mermaid is a Mermaid flowchart.
	Mermaid Format = "MERMAID"
	// Tree is a drawing for terminals.
	Tree Format = "TREE"
)

// Formats lists every format.
func Formats() []Format { return []Format{ProvJSON, OpenLineage, CycloneDX, DOT, Mermaid, Tree} }

// Name is the format's name in URLs and on the command line, such as prov-json.
func (f Format) Name() string { return strings.ToLower(strings.ReplaceAll(string(f), "_", "-")) }

// ParseFormat finds a format by its name in URLs; INVALID_ARGUMENT for another.
func ParseFormat(name string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if f.Name() == name {
			return f, nil
		}
		names = append(names, f.Name())
	}
	return "", registry.Invalid("format", "%q is no format; use one of %s", registry.Shorten(name, 40), strings.Join(names, ", "))
}

// encoder is how a format is written, and what its files are called.
type encoder struct {
	mediaType, suffix string
	encode            func(*view) ([]byte, error)
}

func (f Format) encoder() (encoder, error) {
	switch f {
	case ProvJSON:
		return encoder{"application/json", "prov.json", provJSON}, nil
	case OpenLineage:
		return encoder{"application/x-ndjson", "openlineage.ndjson", openLineage}, nil
	case CycloneDX:
		return encoder{"application/vnd.cyclonedx+json; version=1.6", "cdx.json", cycloneDX}, nil
	case DOT:
		return encoder{"text/vnd.graphviz; charset=utf-8", "dot", dot}, nil
	case Mermaid:
		return encoder{"text/vnd.mermaid; charset=utf-8", "mmd", mermaid}, nil
	case Tree:
		return encoder{"text/plain; charset=utf-8", "txt", tree}, nil
	}
	return encoder{}, registry.Invalid("format", "%q is no format; use one of %v", registry.Shorten(string(f), 40), Formats())
}

// File is an encoded Document.
type File struct {
	Format Format
	// MediaType is what an HTTP answer says, Filename a name without anything that a
	// user chose.
	MediaType, Filename string
	Body                []byte
}

// Encode writes a document; INVALID_ARGUMENT for an unknown format.
func Encode(d *Document, f Format) (*File, error) {
	e, err := f.encoder()
	if err != nil {
		return nil, err
	}
	body, err := e.encode(newView(d))
	if err != nil {
		return nil, err
	}
	return &File{Format: f, MediaType: e.mediaType, Filename: "lineage-" + string(d.Root) + "." + e.suffix, Body: body}, nil
}

// view is a document in the order that all encoders write it in, with its parts at
// hand.
type view struct {
	*Document
	nodes     []*Node
	edges     []Edge
	byID      map[registry.ID]*Node
	edgesFrom map[registry.ID][]Edge
	frontier  map[registry.ID]bool
}

// arrange sorts a copy of the lists: nodes by depth and id, edges by their ends.
func newView(d *Document) *view {
	v := &view{Document: d, edges: slices.Clone(d.Edges), byID: map[registry.ID]*Node{}, edgesFrom: map[registry.ID][]Edge{}, frontier: map[registry.ID]bool{}}
	for i := range d.Nodes {
		v.nodes = append(v.nodes, &d.Nodes[i])
		v.byID[d.Nodes[i].ID()] = &d.Nodes[i]
	}
	slices.SortFunc(v.nodes, func(a, b *Node) int { return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.ID(), b.ID())) })
	slices.SortFunc(v.edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
	})
	for _, e := range v.edges {
		v.edgesFrom[e.From] = append(v.edgesFrom[e.From], e)
	}
	for _, id := range d.Frontier {
		v.frontier[id] = true
	}
	return v
}

// causes lists the nodes that an edge of one of the kinds leads to.
func (v *view) causes(of registry.ID, kinds ...registry.EdgeKind) (out []*Node) {
	for _, e := range v.edgesFrom[of] {
		if n := v.byID[e.To]; n != nil && slices.Contains(kinds, e.Kind) {
			out = append(out, n)
		}
	}
	return out
}

// reasons are the words for what is missing.
func (v *view) reasonNames() (out []string) {
	for _, r := range v.Reasons {
		out = append(out, string(r))
	}
	return out
}

// remarks tells in lines what the document is of and what is missing. They hold
// ids, numbers and fixed words, and nothing that a user wrote.
func (v *view) commentLines() []string {
	out := []string{"Lineage of " + string(v.Root) + ", " + strings.ToLower(string(v.Direction)) + "."}
	if !v.AsOf.IsZero() {
		out = append(out, "As of "+formatTime(v.AsOf)+".")
	}
	if !v.KnownAt.IsZero() {
		out = append(out, "As known at "+formatTime(v.KnownAt)+".")
	}
	if len(v.Reasons) > 0 {
		out = append(out, "Truncated: "+strings.Join(v.reasonNames(), ", ")+".")
	}
	for _, n := range v.nodes {
		if v.frontier[n.ID()] {
			out = append(out, "More lies behind "+string(n.ID())+".")
		}
	}
	if v.HistoryCut {
		out = append(out, "Older commit history is not shown.")
	}
	return out
}

// stamp writes a time, "" for none.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
