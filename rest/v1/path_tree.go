package v1

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// pathNode is one segment in the tree of a route table. A literal segment has precedence
// over a parameter.
type pathNode struct {
	literals  map[string]*pathNode
	parameter *pathNode
	methods   map[string]*route
}

// routeMatch is the result of matching a path: the routes by method, and the values of the
// path parameters.
type routeMatch struct {
	methods map[string]*route
	params  []string
}

// namedParams returns the path parameters by the names that a route gives them.
func (m *routeMatch) namedParams(at *route) map[string]string {
	out := map[string]string{}
	for i, name := range at.paramNames {
		out[name] = m.params[i]
	}
	return out
}

// buildTree builds the tree of a route table. It panics when two routes have the same
// method and path.
func buildTree(table []route) *pathNode {
	root := &pathNode{}
	for i := range table {
		r := &table[i]
		r.setDefaults()
		node := root
		for _, s := range strings.Split(r.pattern, "/") {
			node = node.child(s)
		}
		if node.methods == nil {
			node.methods = map[string]*route{}
		}
		if node.methods[r.method] != nil {
			panic("two routes for " + r.method + " " + r.pattern)
		}
		node.methods[r.method] = r
	}
	return root
}

func (b *pathNode) child(segment string) *pathNode {
	if strings.HasPrefix(segment, "{") {
		if b.parameter == nil {
			b.parameter = &pathNode{}
		}
		return b.parameter
	}
	if b.literals == nil {
		b.literals = map[string]*pathNode{}
	}
	if b.literals[segment] == nil {
		b.literals[segment] = &pathNode{}
	}
	return b.literals[segment]
}

// find matches an escaped path, or returns nil when no route has it. It unescapes each
// parameter once, so that an escaped slash stays inside the parameter.
func (b *pathNode) find(escaped string) *routeMatch {
	rest, ok := strings.CutPrefix(escaped, Prefix)
	if !ok {
		return nil
	}
	var params []string
	node := b.walk(strings.Split(rest, "/"), &params)
	if node == nil {
		return nil
	}
	return &routeMatch{methods: node.methods, params: params}
}

func (b *pathNode) walk(segments []string, params *[]string) *pathNode {
	if len(segments) == 0 {
		if b.methods == nil {
			return nil
		}
		return b
	}
	if next := b.literals[segments[0]]; next != nil {
		if end := next.walk(segments[1:], params); end != nil {
			return end
		}
	}
	text, err := url.PathUnescape(segments[0])
	if b.parameter == nil || err != nil || text == "" || text == "." || text == ".." {
		return nil
	}
	before := len(*params)
	*params = append(*params, text)
	end := b.parameter.walk(segments[1:], params)
	if end == nil {
		*params = (*params)[:before]
	}
	return end
}

// allowHeader returns the methods of a path for the header Allow.
func (m *routeMatch) allowHeader() string {
	var out []string
	for method := range m.methods {
		if out = append(out, method); method == http.MethodGet {
			out = append(out, http.MethodHead)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
