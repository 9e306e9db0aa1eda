package compliance

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode"

	"pedigree/registry"
)

// The measures of the picture, in pixels, and how many nodes it shows: the nearest.
const (
	boxWidth, boxHeight = 190, 50
	gapX, gapY          = 26, 46
	boxesInRow          = 6
	maxDrawn            = 120
	textWidth           = 25 // characters that fit into a box
)

// box is a node with its place.
type box struct {
	node *Node
	x, y int
}

// picture draws the lineage as SVG: what the version came from below it, nearest first. It has no
// script, no style sheet and no reference to anything outside.
func picture(l *Lineage) []byte {
	boxes, width, height, left := place(l)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="Helvetica, Arial, sans-serif" font-size="11">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>Lineage: %d nodes drawn, arrows from effect to cause</title>\n", len(boxes))
	b.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	for _, e := range l.Edges {
		from, to := boxes[e.From], boxes[e.To]
		if from == nil || to == nil {
			continue
		}
		drawEdge(&b, from, to, e.Kind)
	}
	for i := range l.Nodes {
		if p := boxes[l.Nodes[i].ID]; p != nil {
			drawBox(&b, p)
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, `<text x="20" y="%d" fill="#444444">%d more nodes are not drawn</text>`+"\n", height-10, left)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// place gives the nearest nodes their places, in rows by depth. Older commits, which only the history
// of the code leads to, are left out.
func place(l *Lineage) (boxes map[registry.ID]*box, width, height, left int) {
	causes := map[registry.ID]bool{}
	for _, e := range l.Edges {
		if e.Kind != registry.EdgeParent {
			causes[e.To] = true
		}
	}
	rows := map[int][]*Node{}
	drawn, deepest := 0, 0
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if n.Kind == registry.KindCommit && n.Depth > 0 && !causes[n.ID] || drawn == maxDrawn {
			left++
			continue
		}
		rows[n.Depth] = append(rows[n.Depth], n)
		deepest = max(deepest, n.Depth)
		drawn++
	}
	widest := 1
	for _, row := range rows {
		widest = max(widest, min(len(row), boxesInRow))
	}
	width = 40 + widest*boxWidth + (widest-1)*gapX
	boxes = map[registry.ID]*box{}
	y := 20
	for depth := 0; depth <= deepest; depth++ {
		row := rows[depth]
		orderRow(row, l.Edges, boxes)
		for part := range slices.Chunk(row, boxesInRow) {
			x := (width - len(part)*boxWidth - (len(part)-1)*gapX) / 2
			for _, n := range part {
				boxes[n.ID] = &box{n, x, y}
				x += boxWidth + gapX
			}
			y += boxHeight + gapY
		}
	}
	return boxes, width, y, left
}

// orderRow puts the nodes of a row below the effects that lead to them.
func orderRow(row []*Node, edges []Edge, placed map[registry.ID]*box) {
	middle := map[registry.ID]int{}
	for _, n := range row {
		sum, count := 0, 0
		for _, e := range edges {
			if p := placed[e.From]; e.To == n.ID && p != nil {
				sum, count = sum+p.x, count+1
			}
		}
		if count > 0 {
			middle[n.ID] = sum / count
		}
	}
	slices.SortStableFunc(row, func(a, b *Node) int { return middle[a.ID] - middle[b.ID] })
}

// drawEdge draws an arrow from an effect down to its cause.
func drawEdge(b *strings.Builder, from, to *box, kind registry.EdgeKind) {
	x1, y1, x2, y2 := from.x+boxWidth/2, from.y+boxHeight, to.x+boxWidth/2, to.y
	if y2 <= y1 { // The cause is in the same row, or above.
		y1, y2 = from.y, to.y+boxHeight
	}
	bend := max((y2-y1)/2, 12)
	fmt.Fprintf(b, `<path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#8a8f98" stroke-width="1.2"><title>%s</title></path>`, x1, y1, x1, y1+bend, x2, y2-bend, x2, y2, html.EscapeString(string(kind)))
	fmt.Fprintf(b, `<path d="M%d %d l-4 -7 h8 z" fill="#8a8f98"/>`+"\n", x2, y2)
}

// fills are the colours of the kinds.
var fills = map[registry.Kind]string{
	registry.KindModelVersion: "#dbe8ff", registry.KindDatasetVersion: "#dff3e3", registry.KindRun: "#fff0d6",
	registry.KindCommit: "#ece6f7", registry.KindTag: "#ece6f7", registry.KindFeature: "#d9f2f2",
}

func drawBox(b *strings.Builder, p *box) {
	n := p.node
	fill, dash := fills[n.Kind], ""
	if n.Restricted || fill == "" {
		fill, dash = "#eeeeee", ` stroke-dasharray="4 3"`
	}
	kind := strings.ToLower(strings.ReplaceAll(string(n.Kind), "_", " "))
	title := n.Title
	if n.Restricted {
		title = "not shown to this reader"
	}
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="%s" stroke="#5a6270"%s/>`, p.x, p.y, boxWidth, boxHeight, fill, dash)
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#555555" font-size="10">%s</text>`, p.x+9, p.y+17, html.EscapeString(kind))
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#111111" font-weight="bold">%s</text>`+"\n", p.x+9, p.y+35, html.EscapeString(fit(title)))
}

// fit cuts a text to what a box holds, and replaces what cannot be seen.
func fit(s string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s)
	runes := []rune(strings.Join(strings.Fields(clean), " "))
	if len(runes) > textWidth {
		return string(runes[:textWidth-1]) + "…"
	}
	return string(runes)
}
