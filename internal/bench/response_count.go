package bench

import (
	"bytes"
	"fmt"
)

// countElements returns the lengths of the first array named "nodes" and of the
// first array named "edges" in a JSON response. It scans the text once without
// decoding it, so that counting every response costs the client little. A
// response with GraphQL errors is an error.
func countElements(answer []byte) (nodes, edges int, err error) {
	nodes, edges = -1, -1
	var stack []level
	var key []byte
	for i := 0; i < len(answer); i++ {
		switch c := answer[i]; c {
		case '"':
			end := i + 1
			for end < len(answer) && answer[end] != '"' {
				if answer[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(answer) {
				return 0, 0, fmt.Errorf("an unfinished answer: %.200s", answer)
			}
			key = answer[i+1 : end]
			i = end
			stack = markNonEmpty(stack)
		case '{', '[':
			stack = markNonEmpty(stack)
			if len(stack) == 1 && string(key) == "errors" {
				return 0, 0, fmt.Errorf("an answer with errors: %.500s", answer)
			}
			l := level{}
			if c == '[' {
				l.counter = counterOf(key, &nodes, &edges)
			}
			stack = append(stack, l)
			key = nil
		case '}', ']':
			if len(stack) == 0 {
				return 0, 0, fmt.Errorf("not JSON: %.200s", answer)
			}
			if top := stack[len(stack)-1]; top.counter != nil {
				*top.counter = top.elements()
			}
			stack = stack[:len(stack)-1]
		case ',':
			if len(stack) > 0 {
				stack[len(stack)-1].commas++
			}
		case ':', ' ', '\n', '\t', '\r':
		default:
			stack = markNonEmpty(stack)
		}
	}
	if len(stack) > 0 || nodes < 0 {
		return 0, 0, fmt.Errorf("no nodes in the answer: %.500s", bytes.TrimSpace(answer))
	}
	return nodes, max(edges, 0), nil
}

// level is an open object or array.
type level struct {
	counter  *int // receives the number of elements; nil when nobody needs it
	commas   int
	nonEmpty bool
}

func (l level) elements() int {
	if !l.nonEmpty {
		return 0
	}
	return l.commas + 1
}

func markNonEmpty(stack []level) []level {
	if len(stack) > 0 {
		stack[len(stack)-1].nonEmpty = true
	}
	return stack
}

func counterOf(key []byte, nodes, edges *int) *int {
	switch {
	case string(key) == "nodes" && *nodes < 0:
		return nodes
	case string(key) == "edges" && *edges < 0:
		return edges
	}
	return nil
}
