package door

import (
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// mostPlans is how many plans are kept; queries that are asked again and again are
// few.
const mostPlans = 1000

// plans keeps the plans of parsed queries, which are kept themselves: the same text
// has the same nodes. A plan that variables decide on, by a directive, is not kept.
type plans struct {
	mu   sync.Mutex
	kept map[planKey]*plan
}

// planKey names a field of an operation. Both, for a fragment may be spread in
// several operations, beside others.
type planKey struct {
	operation *ast.OperationDefinition
	field     *ast.Field
}

// of returns the plan of a field's selection, nil where there is none.
func (p *plans) of(op *graphql.OperationContext, f graphql.CollectedField) *plan {
	key := planKey{op.Operation, f.Field}
	p.mu.Lock()
	known, ok := p.kept[key]
	p.mu.Unlock()
	if ok {
		return known
	}
	made := planGraph(op, f.Selections)
	if fixed(op.Doc) {
		p.keep(key, made)
	}
	return made
}

func (p *plans) keep(key planKey, made *plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= mostPlans {
		p.kept = map[planKey]*plan{}
	}
	p.kept[key] = made
}

// fixed reports whether no directive decides on what a document selects.
func fixed(doc *ast.QueryDocument) bool {
	for _, o := range doc.Operations {
		if !fixedSet(o.SelectionSet) {
			return false
		}
	}
	for _, f := range doc.Fragments {
		if !fixedSet(f.SelectionSet) {
			return false
		}
	}
	return true
}

func fixedSet(set ast.SelectionSet) bool {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if len(s.Directives) > 0 || !fixedSet(s.SelectionSet) {
				return false
			}
		case *ast.InlineFragment:
			if len(s.Directives) > 0 || !fixedSet(s.SelectionSet) {
				return false
			}
		case *ast.FragmentSpread:
			if len(s.Directives) > 0 {
				return false
			}
		}
	}
	return true
}

// buffers hold what an answer is written into, until it is sent.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// largestBuffer is the most that a buffer may hold to be used again.
const largestBuffer = 256 << 10

func release(b *[]byte) {
	if cap(*b) <= largestBuffer {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}
