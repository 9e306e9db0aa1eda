// Package export encodes a lineage graph in the formats of other tools: PROV-JSON,
// OpenLineage, CycloneDX, Graphviz, Mermaid and text. It makes no access decisions: a
// Document has only what its caller may see, with restricted nodes as stubs.
//
// Encoding is deterministic: lists are sorted, ids are derived from the content, and the
// package must not read a clock.
package export

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
)

// Document is a lineage graph to encode.
type Document struct {
	Root      registry.ID
	Direction lineage.Direction
	// AsOf and KnownAt are the requested instants; zero when none was requested, so that
	// the bytes do not depend on the current time.
	AsOf, KnownAt time.Time
	Nodes         []Node
	Edges         []Edge
	// Reasons are why something is missing; empty when nothing is. Frontier lists the
	// nodes whose further neighbors are missing, Redacted counts the restricted nodes.
	Reasons  []lineage.Reason
	Frontier []registry.ID
	Redacted int
	// HistoryCut is true when there are older commits than those shown.
	HistoryCut bool
}

// Node is a node with related records, as far as the caller may see them.
type Node struct {
	Noun  registry.ProvenanceNode
	Depth int
	// TreeParent is the parent of the node in a tree, "" for the root.
	TreeParent registry.ID
	// Card and Artifacts are those of a model version, Repository that of a commit or
	// tag, Of the name of the dataset or model of a feature; nil or "" when there is none
	// or it is hidden. Encoders use them in place of the ids of other records in Noun.
	Card       *registry.ModelCard
	Artifacts  []*registry.Artifact
	Repository *registry.Repository
	Of         string
}

// ID is the id of the node for this caller.
func (n *Node) ID() registry.ID { return n.Noun.NodeMeta().ID }

// Kind is the kind of the node; restricted nodes have one too.
func (n *Node) Kind() registry.Kind { return n.Noun.NodeMeta().Kind }

// Restricted reports whether the caller may not see the node.
func (n *Node) Restricted() bool { _, is := n.Noun.(*registry.Restricted); return is }

// Edge points from an effect to a cause. Its times are zero when one of these is
// restricted.
type Edge struct {
	ID, From, To       registry.ID
	Kind               registry.EdgeKind
	ValidFrom, ValidTo time.Time
}

// Format is an export format.
type Format string

// The formats.
const (
	// ProvJSON is W3C PROV-JSON, member submission of 24 April 2013.
	ProvJSON Format = "PROV_JSON"
	// OpenLineage is OpenLineage 2-0-2, one event per line.
	OpenLineage Format = "OPENLINEAGE"
	// CycloneDX is a CycloneDX 1.6 ML-BOM in JSON (ECMA-424).
	CycloneDX Format = "CYCLONEDX"
	// DOT is Graphviz's language.
	DOT Format = "DOT"
	// Mermaid is a Mermaid flowchart.
	Mermaid Format = "MERMAID"
	// Tree is a text tree for terminals.
	Tree Format = "TREE"
)

// Formats lists every format.
func Formats() []Format { return []Format{ProvJSON, OpenLineage, CycloneDX, DOT, Mermaid, Tree} }

// Name is the format's name in URLs and on the command line, such as prov-json.
func (f Format) Name() string { return strings.ToLower(strings.ReplaceAll(string(f), "_", "-")) }

// ParseFormat returns the format of a name in URLs; INVALID_ARGUMENT when there is none.
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

// encoder is the encode function, media type and file suffix of a format.
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
	// MediaType is the HTTP Content-Type. Filename has no text from a user.
	MediaType, Filename string
	Body                []byte
}

// Encode encodes a document; INVALID_ARGUMENT for an unknown format.
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

// view is a sorted document with indexes by id, the input of all encoders.
type view struct {
	*Document
	nodes     []*Node
	edges     []Edge
	byID      map[registry.ID]*Node
	edgesFrom map[registry.ID][]Edge
	frontier  map[registry.ID]bool
}

// newView sorts copies of the lists: nodes by depth and id, edges by their ends.
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

// causes lists the causes of a node by edges of some kinds.
func (v *view) causes(of registry.ID, kinds ...registry.EdgeKind) (out []*Node) {
	for _, e := range v.edgesFrom[of] {
		if n := v.byID[e.To]; n != nil && slices.Contains(kinds, e.Kind) {
			out = append(out, n)
		}
	}
	return out
}

// reasonNames returns Reasons as texts.
func (v *view) reasonNames() (out []string) {
	for _, r := range v.Reasons {
		out = append(out, string(r))
	}
	return out
}

// commentLines describe the document and what is missing, for comments in the output.
// They have ids, numbers and fixed words only, no text from a user.
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

// formatTime writes a time in RFC 3339, "" for the zero time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
