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

// fieldMasks is a gqlgen extension that reports hidden fields. A field that the caller may
// not see is null, without a call of its resolver, and the response has one FORBIDDEN error
// for each schema coordinate. The service has already removed the values; this extension
// only reports that they are missing.
type fieldMasks struct{}

// ExtensionName returns the name of the extension.
func (fieldMasks) ExtensionName() string { return "HiddenFields" }

// Validate does nothing.
func (fieldMasks) Validate(graphql.ExecutableSchema) error { return nil }

// hiddenFields collects the hidden fields of one response.
type hiddenFields struct {
	mu     sync.Mutex
	fields map[string]*hiddenField
}

type hiddenField struct {
	path  ast.Path
	count int
}

type hiddenFieldsKey struct{}

// InterceptOperation creates the collection of hidden fields of an operation.
func (fieldMasks) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(ctx, hiddenFieldsKey{}, &hiddenFields{fields: map[string]*hiddenField{}}))
}

// InterceptField returns null for a hidden field.
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

// InterceptResponse adds the errors for the hidden fields.
func (fieldMasks) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp != nil && resp.Data == nil && len(resp.Errors) > maxErrors {
		resp.Errors = resp.Errors[:maxErrors] // The operation failed to parse or validate.
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

// maskOf returns the mask of the object that a field belongs to. List items are pointers to
// it.
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
