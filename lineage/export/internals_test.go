package export

// Lines are the lines that a drawing shows of a node, for tests of what parsers read.
func LabelLines(n *Node) []string { return labelOf(n).lines() }

// Title is the name of a node in the formats that have names.
func Title(n *Node) string { return title(n) }
