package export

import (
	"bytes"
	"fmt"
	"strings"

	"pedigree/registry"
)

// tree draws every node once, under its tree parent.
func tree(v *view) ([]byte, error) {
	t := &treeDrawing{children: map[registry.ID][]*Node{}}
	for _, n := range v.nodes {
		t.children[n.TreeParent] = append(t.children[n.TreeParent], n)
	}
	for _, root := range t.children[""] {
		t.draw(root, "", "")
	}
	if v.HistoryCut {
		t.out.WriteString("(older commit history is not shown)\n")
	}
	if len(v.Reasons) > 0 {
		fmt.Fprintf(&t.out, "(not all is shown: %s)\n", strings.Join(v.reasonNames(), ", "))
	}
	return t.out.Bytes(), nil
}

// treeDrawing is the output so far, and the children of every node.
type treeDrawing struct {
	out      bytes.Buffer
	children map[registry.ID][]*Node
}

func (t *treeDrawing) draw(n *Node, prefix, childPrefix string) {
	fmt.Fprintf(&t.out, "%s%s\n", prefix, labelOf(n).singleLine())
	children := t.children[n.ID()]
	for i, k := range children {
		if i == len(children)-1 {
			t.draw(k, childPrefix+"└── ", childPrefix+"    ")
		} else {
			t.draw(k, childPrefix+"├── ", childPrefix+"│   ")
		}
	}
}
