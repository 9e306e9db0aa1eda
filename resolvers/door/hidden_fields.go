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

// masks explains the holes that redaction left: a field that the caller may not
// see is null without its resolver being run, and the answer carries one
// FORBIDDEN error for each schema coordinate. Values are gone before they get
// here; without this, nothing leaks, but nobody is told.
type masks struct{}

// ExtensionName names the middleware.
func (masks) ExtensionName() string { return "Masks" }

// Validate has nothing to check.
func (masks) Validate(graphql.ExecutableSchema) error { return nil }

// holes gathers what one answer hides.
type holes struct {
	mu    sync.Mutex
	found map[string]*hole
}

type hole struct {
	path  ast.Path
	count int
}

type holesKey struct{}

// InterceptOperation gives every operation its own holes.
func (masks) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(ctx, holesKey{}, &holes{found: map[string]*hole{}}))
}

// InterceptField answers null for a hidden field.
func (masks) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	if fc.Parent == nil || registry.NounNamed(fc.Object) == nil {
		return next(ctx)
	}
	mask, ok := maskOf(fc.Parent.Result)
	if !ok || mask.Has(registry.Bit(fc.Object, fc.Field.Name)) || fc.Field.Name == "__typename" {
		return next(ctx)
	}
	if h, ok := ctx.Value(holesKey{}).(*holes); ok {
		h.add(fc.Object+"."+fc.Field.Name, fc.Path())
	}
	return nil, nil
}

func (h *holes) add(coordinate string, path ast.Path) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.found[coordinate]; old != nil {
		old.count++
		if path.String() < old.path.String() {
			old.path = path
		}
		return
	}
	h.found[coordinate] = &hole{path: path, count: 1}
}

// InterceptResponse tells what was hidden.
func (masks) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp != nil && resp.Data == nil && len(resp.Errors) > maxErrors {
		resp.Errors = resp.Errors[:maxErrors] // Of a text that is refused.
	}
	h, ok := ctx.Value(holesKey{}).(*holes)
	if !ok || resp == nil {
		return resp
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.found))
	for c := range h.found {
		names = append(names, c)
	}
	sort.Strings(names)
	for _, c := range names {
		resp.Errors = append(resp.Errors, &gqlerror.Error{Message: fmt.Sprintf("you may not see %s", c), Path: h.found[c].path,
			Extensions: map[string]any{"code": registry.Forbidden, "coordinate": c, "count": h.found[c].count}})
	}
	h.found = map[string]*hole{}
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
