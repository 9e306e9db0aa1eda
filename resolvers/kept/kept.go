// Package kept keeps what is derived from the text of GraphQL queries.
package kept

import (
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Most is how many derivations a Derived holds; queries that are asked again and
// again are few.
const Most = 1000

// Derived keeps what is derived from the selections of fields. Parsed queries are kept
// too, so that the same text has the same fields. What variables decide on, by a
// directive, is not kept. The zero Derived is ready.
type Derived[T any] struct {
	mu   sync.RWMutex
	kept map[fieldKey]T
}

// fieldKey names a field of an operation. Both, for a fragment may be spread in
// several operations, beside others.
type fieldKey struct {
	operation *ast.OperationDefinition
	field     *ast.Field
}

// Of returns what derive makes of a field's selection, from memory where it can.
func (k *Derived[T]) Of(op *graphql.OperationContext, f graphql.CollectedField, derive func() T) T {
	key := fieldKey{op.Operation, f.Field}
	k.mu.RLock()
	known, ok := k.kept[key]
	k.mu.RUnlock()
	if ok {
		return known
	}
	made := derive()
	if fixed(op.Doc) {
		k.keep(key, made)
	}
	return made
}

// Len is how many derivations are held.
func (k *Derived[T]) Len() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.kept)
}

func (k *Derived[T]) keep(key fieldKey, made T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil || len(k.kept) >= Most {
		k.kept = map[fieldKey]T{}
	}
	k.kept[key] = made
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
