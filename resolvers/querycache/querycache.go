// Package querycache caches values that are derived from the fields of parsed
// GraphQL queries. It holds nothing that depends on variables or on data.
package querycache

import (
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// MaxEntries is the largest number of values in a Cache. A full cache is emptied
// before the next value: few different queries are asked repeatedly.
const MaxEntries = 1000

// Cache holds values derived from the selections of fields. It finds a query again
// because the server caches parsed queries: the same text has the same ast.Field
// pointers. It does not store values of documents with directives, since a directive
// may depend on variables. The zero Cache is ready to use, also concurrently.
type Cache[T any] struct {
	mu      sync.RWMutex
	entries map[fieldKey]T
}

// fieldKey identifies a field of an operation. The field alone is not enough: several
// operations may spread one fragment next to different selections.
type fieldKey struct {
	operation *ast.OperationDefinition
	field     *ast.Field
}

// GetOrDerive returns the value derived from a field's selection: the cached one, or else the
// result of derive.
func (c *Cache[T]) GetOrDerive(op *graphql.OperationContext, f graphql.CollectedField, derive func() T) T {
	key := fieldKey{op.Operation, f.Field}
	c.mu.RLock()
	cached, ok := c.entries[key]
	c.mu.RUnlock()
	if ok {
		return cached
	}
	value := derive()
	if !hasDirectives(op.Doc) {
		c.store(key, value)
	}
	return value
}

// Len returns the number of cached values.
func (c *Cache[T]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}

func (c *Cache[T]) store(key fieldKey, value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) >= MaxEntries {
		c.entries = map[fieldKey]T{}
	}
	c.entries[key] = value
}

// hasDirectives reports whether any selection of a document has a directive, which
// may make the selection depend on variables.
func hasDirectives(doc *ast.QueryDocument) bool {
	for _, o := range doc.Operations {
		if setHasDirectives(o.SelectionSet) {
			return true
		}
	}
	for _, f := range doc.Fragments {
		if setHasDirectives(f.SelectionSet) {
			return true
		}
	}
	return false
}

func setHasDirectives(set ast.SelectionSet) bool {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if len(s.Directives) > 0 || setHasDirectives(s.SelectionSet) {
				return true
			}
		case *ast.InlineFragment:
			if len(s.Directives) > 0 || setHasDirectives(s.SelectionSet) {
				return true
			}
		case *ast.FragmentSpread:
			if len(s.Directives) > 0 {
				return true
			}
		}
	}
	return false
}
