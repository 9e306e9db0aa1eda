package v1

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// branch is one segment of the paths of a table. A fixed segment goes before one
// that takes any text.
type branch struct {
	fixed   map[string]*branch
	any     *branch
	methods map[string]*route
}

// match is what a path led to: the routes by method, and the taken segments.
type match struct {
	methods map[string]*route
	taken   []string
}

// path names the taken segments as a route does.
func (m *match) path(at *route) map[string]string {
	out := map[string]string{}
	for i, name := range at.names {
		out[name] = m.taken[i]
	}
	return out
}

// grow turns a table into a tree. Two lines of one method and path are a mistake in
// the table: it panics.
func grow(table []route) *branch {
	root := &branch{}
	for i := range table {
		r := &table[i]
		r.settle()
		at := root
		for _, s := range strings.Split(r.pattern, "/") {
			at = at.next(s)
		}
		if at.methods == nil {
			at.methods = map[string]*route{}
		}
		if at.methods[r.method] != nil {
			panic("two routes for " + r.method + " " + r.pattern)
		}
		at.methods[r.method] = r
	}
	return root
}

func (b *branch) next(segment string) *branch {
	if strings.HasPrefix(segment, "{") {
		if b.any == nil {
			b.any = &branch{}
		}
		return b.any
	}
	if b.fixed == nil {
		b.fixed = map[string]*branch{}
	}
	if b.fixed[segment] == nil {
		b.fixed[segment] = &branch{}
	}
	return b.fixed[segment]
}

// find matches an escaped path as it is written; nil when no route has it. Each
// taken segment is unescaped once, so that an escaped slash stays inside of it.
func (b *branch) find(escaped string) *match {
	rest, ok := strings.CutPrefix(escaped, Prefix)
	if !ok {
		return nil
	}
	var taken []string
	at := b.walk(strings.Split(rest, "/"), &taken)
	if at == nil {
		return nil
	}
	return &match{methods: at.methods, taken: taken}
}

func (b *branch) walk(segments []string, taken *[]string) *branch {
	if len(segments) == 0 {
		if b.methods == nil {
			return nil
		}
		return b
	}
	if next := b.fixed[segments[0]]; next != nil {
		if end := next.walk(segments[1:], taken); end != nil {
			return end
		}
	}
	text, err := url.PathUnescape(segments[0])
	if b.any == nil || err != nil || text == "" || text == "." || text == ".." {
		return nil
	}
	before := len(*taken)
	*taken = append(*taken, text)
	end := b.any.walk(segments[1:], taken)
	if end == nil {
		*taken = (*taken)[:before]
	}
	return end
}

// allow lists the methods of a path for the header of that name.
func (m *match) allow() string {
	var out []string
	for method := range m.methods {
		if out = append(out, method); method == http.MethodGet {
			out = append(out, http.MethodHead)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
