package export

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"pedigree/registry"
)

// mermaidEdges is the most edges that Mermaid draws by default (maxEdges in its
// configuration, which a diagram cannot set).
const mermaidEdges = 500

// mermaid writes a flowchart with an arrow from each effect to its cause. Nodes are
// n0, n1, … in the order of the document; comments give their ids.
func mermaid(v *view) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("flowchart TB\n")
	for _, r := range v.commentLines() {
		fmt.Fprintf(&b, "  %%%% %s\n", r)
	}
	if len(v.edges) > mermaidEdges {
		fmt.Fprintf(&b, "  %%%% %d edges: Mermaid draws them where its maxEdges is at least that.\n", len(v.edges))
	}
	name := map[registry.ID]string{}
	restricted := []string{}
	for i, n := range v.nodes {
		name[n.ID()] = fmt.Sprintf("n%d", i)
		open, end := mermaidShape(n.Kind())
		fmt.Fprintf(&b, "  %%%% n%d is %s\n  n%d%s%s%s\n", i, n.ID(), i, open, mermaidText(labelOf(n).lines()...), end)
		if n.Restricted() {
			restricted = append(restricted, name[n.ID()])
		}
	}
	for _, e := range v.edges {
		fmt.Fprintf(&b, "  %s -->|%s| %s\n", name[e.From], mermaidText(string(e.Kind)), name[e.To])
	}
	b.WriteString("  classDef root stroke-width:3px\n")
	fmt.Fprintf(&b, "  class %s root\n", name[v.Root])
	if len(restricted) > 0 {
		b.WriteString("  classDef restricted stroke-dasharray:4\n")
		fmt.Fprintf(&b, "  class %s restricted\n", strings.Join(restricted, ","))
	}
	return b.Bytes(), nil
}

// mermaidText quotes lines for Mermaid. Letters, digits and a few signs stay as they are;
// every other character becomes its code point between # and ;, which is plain text in
// Mermaid, Markdown and HTML. That includes the colon, because Mermaid reads one after
// the word style as CSS, and spaces at the ends, because Mermaid trims them.
func mermaidText(lines ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, line := range lines {
		if i > 0 {
			b.WriteString("<br/>")
		}
		line = escapeControls(line)
		for k, r := range line {
			if outer := k == 0 || k == len(line)-1; outer && r == ' ' {
				b.WriteString("#32;")
			} else if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .,-()_/", r) {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, "#%d;", r)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}

// mermaidShape returns the brackets around the text of a kind, which set its shape.
func mermaidShape(k registry.Kind) (open, end string) {
	switch k {
	case registry.KindDatasetVersion:
		return "[(", ")]"
	case registry.KindFeature:
		return ">", "]"
	case registry.KindCommit:
		return "(", ")"
	case registry.KindTag:
		return "([", "])"
	case registry.KindModelVersion:
		return "[[", "]]"
	case registry.KindDeployment:
		return "{{", "}}"
	}
	return "[", "]"
}
