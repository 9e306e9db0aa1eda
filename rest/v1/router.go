package v1

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// pathNode is one segment in the tree of a route table. A literal segment has precedence
// over a parameter, and that over the rest of a path.
type pathNode struct {
	literals        map[string]*pathNode
	parameter, rest *pathNode
	methods         map[string]*route
}

// routeMatch is the result of matching a path: the routes by method, and the values of the
// path parameters.
type routeMatch struct {
	methods map[string]*route
	params  []string
}

// namedParams returns the path parameters by the names that a route gives them.
func (m *routeMatch) namedParams(rt *route) map[string]string {
	out := map[string]string{}
	for i, name := range rt.paramNames {
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
		for _, s := range strings.Split(strings.TrimPrefix(r.fullPath(), "/"), "/") {
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

func (n *pathNode) child(segment string) *pathNode {
	if strings.HasSuffix(segment, "...}") {
		if n.rest == nil {
			n.rest = &pathNode{}
		}
		return n.rest
	}
	if strings.HasPrefix(segment, "{") {
		if n.parameter == nil {
			n.parameter = &pathNode{}
		}
		return n.parameter
	}
	if n.literals == nil {
		n.literals = map[string]*pathNode{}
	}
	if n.literals[segment] == nil {
		n.literals[segment] = &pathNode{}
	}
	return n.literals[segment]
}

// find matches an escaped path, or returns nil when no route has it. It unescapes each
// parameter once, so that an escaped slash stays inside the parameter. The rest of a path is
// a parameter that stays escaped.
func (n *pathNode) find(escaped string) *routeMatch {
	path, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return nil
	}
	var params []string
	node := n.walk(strings.Split(path, "/"), &params)
	if node == nil {
		return nil
	}
	return &routeMatch{methods: node.methods, params: params}
}

func (n *pathNode) walk(segments []string, params *[]string) *pathNode {
	if len(segments) == 0 {
		if n.methods == nil {
			return nil
		}
		return n
	}
	if next := n.literals[segments[0]]; next != nil {
		if end := next.walk(segments[1:], params); end != nil {
			return end
		}
	}
	if end := n.walkParameter(segments, params); end != nil {
		return end
	}
	if n.rest != nil {
		*params = append(*params, strings.Join(segments, "/"))
	}
	return n.rest
}

// walkParameter takes the next segment as a parameter.
func (n *pathNode) walkParameter(segments []string, params *[]string) *pathNode {
	text, err := url.PathUnescape(segments[0])
	if n.parameter == nil || err != nil || text == "" || text == "." || text == ".." {
		return nil
	}
	before := len(*params)
	*params = append(*params, text)
	end := n.parameter.walk(segments[1:], params)
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
