package door

import (
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/resolvers/querycache"
)

// plans keeps the plans of parsed queries.
type plans struct{ querycache.Cache[*plan] }

// of returns the plan of a field's selection, nil where there is none.
func (p *plans) of(op *graphql.OperationContext, f graphql.CollectedField) *plan {
	return p.GetOrDerive(op, f, func() *plan { return planGraph(op, f.Selections) })
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
