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

// routeMatch is a node that matches a path: the routes by method, and the values of the path
// parameters.
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

// find returns what matches an escaped path, the most literal match first. It unescapes each
// parameter once, so that an escaped slash stays inside the parameter. The rest of a path is
// a parameter that stays escaped.
func (n *pathNode) find(escaped string) (out []*routeMatch) {
	if path, ok := strings.CutPrefix(escaped, "/"); ok {
		n.walk(strings.Split(path, "/"), nil, func(m *routeMatch) { out = append(out, m) })
	}
	return out
}

func (n *pathNode) walk(segments, params []string, found func(*routeMatch)) {
	if len(segments) == 0 {
		if n.methods != nil {
			found(&routeMatch{n.methods, params})
		}
		return
	}
	if next := n.literals[segments[0]]; next != nil {
		next.walk(segments[1:], params, found)
	}
	text, err := url.PathUnescape(segments[0])
	if n.parameter != nil && err == nil && text != "" && text != "." && text != ".." {
		n.parameter.walk(segments[1:], append(slices.Clip(params), text), found)
	}
	if n.rest != nil {
		found(&routeMatch{n.rest.methods, append(slices.Clip(params), strings.Join(segments, "/"))})
	}
}

// match returns the first match that has the method. A name that is also a literal of another
// path, such as a model called register, is reached by the methods that the literal has not.
func match(found []*routeMatch, method string) (*routeMatch, *route) {
	for _, m := range found {
		if rt := m.methods[method]; rt != nil {
			return m, rt
		}
	}
	return nil, nil
}

// allowHeader returns the methods of a path for the header Allow.
func allowHeader(found []*routeMatch) string {
	var out []string
	for _, m := range found {
		for method := range m.methods {
			if out = append(out, method); method == http.MethodGet {
				out = append(out, http.MethodHead)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}
