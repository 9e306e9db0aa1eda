package export

import (
	"bytes"
	"fmt"
	"strings"

	"pedigree/registry"
)

// dot writes a Graphviz digraph with an edge from each effect to its cause.
func dot(v *view) ([]byte, error) {
	var b bytes.Buffer
	for _, r := range v.commentLines() {
		fmt.Fprintf(&b, "// %s\n", r)
	}
	b.WriteString("digraph lineage {\n  graph [charset=\"UTF-8\", rankdir=\"TB\"")
	if len(v.Reasons) > 0 {
		fmt.Fprintf(&b, ", label=%s", dotText("truncated: "+strings.Join(v.reasonNames(), ", ")))
	}
	b.WriteString("];\n  node [fontname=\"Helvetica\", style=\"filled\", fillcolor=\"white\"];\n")
	for _, n := range v.nodes {
		fmt.Fprintf(&b, "  %s [label=%s, shape=%q", dotText(string(n.ID())), dotText(labelOf(n).lines()...), dotShape(n.Kind()))
		switch {
		case n.ID() == v.Root:
			b.WriteString(", penwidth=\"2\"")
		case n.Restricted():
			b.WriteString(", style=\"dashed\"")
		}
		b.WriteString("];\n")
	}
	for _, e := range v.edges {
		fmt.Fprintf(&b, "  %s -> %s [label=%s];\n", dotText(string(e.From)), dotText(string(e.To)), dotText(string(e.Kind)))
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// dotText quotes lines for Graphviz. Within quotes only the quote is special to the
// language, but labels interpret backslashes as escapes and & as the start of an entity.
func dotText(lines ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "\n", `\n`)
	for i := range lines {
		lines[i] = escape.Replace(escapeControls(lines[i]))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

// dotShape is the Graphviz shape of a kind.
func dotShape(k registry.Kind) string {
	switch k {
	case registry.KindDatasetVersion:
		return "cylinder"
	case registry.KindRun:
		return "box"
	case registry.KindFeature:
		return "note"
	case registry.KindCommit:
		return "ellipse"
	case registry.KindTag:
		return "cds"
	case registry.KindModelVersion:
		return "box3d"
	}
	return "house"
}
