package export

import (
	"bytes"
	"fmt"
	"strings"

	"pedigree/registry"
)

// tree draws every node once, under the nearest one that it was reached from.
func tree(v *view) ([]byte, error) {
	t := &drawing{under: map[registry.ID][]*Node{}}
	for _, n := range v.nodes {
		t.under[n.TreeParent] = append(t.under[n.TreeParent], n)
	}
	for _, root := range t.under[""] {
		t.draw(root, "", "")
	}
	if v.HistoryCut {
		t.out.WriteString("(older commit history is not shown)\n")
	}
	if len(v.Reasons) > 0 {
		fmt.Fprintf(&t.out, "(not all is shown: %s)\n", strings.Join(v.reasons(), ", "))
	}
	return t.out.Bytes(), nil
}

// drawing is a tree on its way to a terminal.
type drawing struct {
	out   bytes.Buffer
	under map[registry.ID][]*Node
}

func (t *drawing) draw(n *Node, lead, next string) {
	fmt.Fprintf(&t.out, "%s%s\n", lead, captionOf(n).line())
	kids := t.under[n.ID()]
	for i, k := range kids {
		if i == len(kids)-1 {
			t.draw(k, next+"└── ", next+"    ")
		} else {
			t.draw(k, next+"├── ", next+"│   ")
		}
	}
}
