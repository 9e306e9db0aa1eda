package door

import (
	"context"
	"fmt"
	"reflect"
	"sort"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
)

// fieldMasks explains the holes that redaction left: a field that the caller may not
// see is null without its resolver being run, and the answer carries one
// FORBIDDEN error for each schema coordinate. Values are gone before they get
// here; without this, nothing leaks, but nobody is told.
type fieldMasks struct{}

// ExtensionName names the middleware.
func (fieldMasks) ExtensionName() string { return "Masks" }

// Validate has nothing to check.
func (fieldMasks) Validate(graphql.ExecutableSchema) error { return nil }

// hiddenFields gathers what one answer hides.
type hiddenFields struct {
	mu     sync.Mutex
	fields map[string]*hiddenField
}

type hiddenField struct {
	path  ast.Path
	count int
}

type hiddenFieldsKey struct{}

// InterceptOperation gives every operation its own holes.
func (fieldMasks) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(ctx, hiddenFieldsKey{}, &hiddenFields{fields: map[string]*hiddenField{}}))
}

// InterceptField answers null for a hidden field.
func (fieldMasks) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	if fc.Parent == nil || registry.NounNamed(fc.Object) == nil {
		return next(ctx)
	}
	mask, ok := maskOf(fc.Parent.Result)
	if !ok || mask.Has(registry.Bit(fc.Object, fc.Field.Name)) || fc.Field.Name == "__typename" {
		return next(ctx)
	}
	if h, ok := ctx.Value(hiddenFieldsKey{}).(*hiddenFields); ok {
		h.add(fc.Object+"."+fc.Field.Name, fc.Path())
	}
	return nil, nil
}

func (h *hiddenFields) add(coordinate string, path ast.Path) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.fields[coordinate]; old != nil {
		old.count++
		if path.String() < old.path.String() {
			old.path = path
		}
		return
	}
	h.fields[coordinate] = &hiddenField{path: path, count: 1}
}

// InterceptResponse tells what was hidden.
func (fieldMasks) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp != nil && resp.Data == nil && len(resp.Errors) > maxErrors {
		resp.Errors = resp.Errors[:maxErrors] // Of a text that is refused.
	}
	h, ok := ctx.Value(hiddenFieldsKey{}).(*hiddenFields)
	if !ok || resp == nil {
		return resp
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.fields))
	for c := range h.fields {
		names = append(names, c)
	}
	sort.Strings(names)
	for _, c := range names {
		resp.Errors = append(resp.Errors, &gqlerror.Error{Message: fmt.Sprintf("you may not see %s", c), Path: h.fields[c].path,
			Extensions: map[string]any{"code": registry.Forbidden, "coordinate": c, "count": h.fields[c].count}})
	}
	h.fields = map[string]*hiddenField{}
	return resp
}

// maskOf finds the mask of the object that a field belongs to; list items come
// as pointers to it.
func maskOf(v any) (registry.Mask, bool) {
	for range 3 {
		switch n := v.(type) {
		case registry.Node:
			if n == nil || reflect.ValueOf(n).IsNil() {
				return 0, false
			}
			return n.NodeMeta().Mask, true
		case *registry.LogEntry:
			return n.Mask, true
		}
		rv := reflect.ValueOf(v)
		if rv.Kind() != reflect.Pointer && rv.Kind() != reflect.Interface || rv.IsNil() || !rv.Elem().CanInterface() {
			return 0, false
		}
		v = rv.Elem().Interface()
	}
	return 0, false
}
