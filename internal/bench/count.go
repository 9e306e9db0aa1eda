package bench

import (
	"bytes"
	"fmt"
)

// count says how many elements the first array named nodes and the first array
// named edges of a JSON answer have. It reads the text once and decodes nothing,
// so that counting every answer costs the client little. An answer with errors
// is an error.
func count(answer []byte) (nodes, edges int, err error) {
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
			stack = filled(stack)
		case '{', '[':
			stack = filled(stack)
			if len(stack) == 1 && string(key) == "errors" {
				return 0, 0, fmt.Errorf("an answer with errors: %.500s", answer)
			}
			l := level{}
			if c == '[' {
				l.into = counterOf(key, &nodes, &edges)
			}
			stack = append(stack, l)
			key = nil
		case '}', ']':
			if len(stack) == 0 {
				return 0, 0, fmt.Errorf("not JSON: %.200s", answer)
			}
			if top := stack[len(stack)-1]; top.into != nil {
				*top.into = top.elements()
			}
			stack = stack[:len(stack)-1]
		case ',':
			if len(stack) > 0 {
				stack[len(stack)-1].commas++
			}
		case ':', ' ', '\n', '\t', '\r':
		default:
			stack = filled(stack)
		}
	}
	if len(stack) > 0 || nodes < 0 {
		return 0, 0, fmt.Errorf("no nodes in the answer: %.500s", bytes.TrimSpace(answer))
	}
	return nodes, max(edges, 0), nil
}

// level is an open object or array; into is where its elements are counted.
type level struct {
	into   *int
	commas int
	some   bool
}

func (l level) elements() int {
	if !l.some {
		return 0
	}
	return l.commas + 1
}

func filled(stack []level) []level {
	if len(stack) > 0 {
		stack[len(stack)-1].some = true
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
