package export

// LabelLines are the lines of a node's label, for tests in package export_test.
func LabelLines(n *Node) []string { return labelOf(n).lines() }

// Title is the title of a node, for tests in package export_test.
func Title(n *Node) string { return title(n) }
