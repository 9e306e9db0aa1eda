package door

import (
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/registry"
	"pedigree/resolvers/querycache"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/provenance"
)

// directAnswers writes the answers of some root fields without gqlgen's executor, which
// creates a context, a closure and a marshaler for every field of every object: most of the
// cost of a long answer. The executor still handles the arguments, the errors and the
// resolver of the root field; what the resolver returns is written here. When a selection
// contains fields that answer_plan.go does not cover, or when a field below the root fails,
// the executor does everything. Both ways give the same bytes; tests compare them.
type directAnswers struct {
	service *service.Service
	plans   querycache.Cache[*selectionPlan]
}

// directFields are the root fields whose answers are written, with the types of their values.
var directFields = map[string]string{"lineage": "LineageGraph", "models": "ModelConnection", "model": "Model", "modelVersion": "ModelVersion"}

// directType returns the type of a root field whose answer is written, "" for other fields.
func directType(object, field string) string {
	if object != "Query" {
		return ""
	}
	return directFields[field]
}

// ExtensionName returns the name of the extension.
func (*directAnswers) ExtensionName() string { return "DirectAnswers" }

// Validate does nothing.
func (*directAnswers) Validate(graphql.ExecutableSchema) error { return nil }

// directAnswer holds the bytes of the answer of one root field, once they are written.
type directAnswer struct{ answer *[]byte }

type directAnswerKey struct{}

// MarshalGQL writes the answer and releases its buffer. It may be called only once.
func (a *directAnswer) MarshalGQL(w io.Writer) {
	w.Write(*a.answer)
	releaseBuffer(a.answer)
	a.answer = nil
}

// InterceptRootField replaces the executor's answer, which is null, by the written one.
func (*directAnswers) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	f := graphql.GetRootFieldContext(ctx)
	if f.Field.ObjectDefinition == nil || directType(f.Field.ObjectDefinition.Name, f.Field.Name) == "" {
		return next(ctx)
	}
	a := &directAnswer{}
	out := next(context.WithValue(ctx, directAnswerKey{}, a))
	if a.answer == nil {
		return out
	}
	return a
}

// InterceptField writes the answer after the resolver has run. The executor then gets a
// null, which every root field may be.
func (d *directAnswers) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	typ := directType(fc.Object, fc.Field.Name)
	if typ == "" {
		return next(ctx)
	}
	v, err := next(ctx)
	a, asked := ctx.Value(directAnswerKey{}).(*directAnswer)
	if err != nil || !asked {
		return v, err
	}
	op := graphql.GetOperationContext(ctx)
	p := d.plans.GetOrDerive(op, fc.Field, func() *selectionPlan { return planSelection(op, fc.Field.Selections, typ) })
	if p == nil {
		return v, nil
	}
	w := answerWriter{root: fc.Path()}
	w.hidden, _ = ctx.Value(hiddenFieldsKey{}).(*hiddenFields)
	buffer := bufferPool.Get().(*[]byte)
	w.b = *buffer
	written := d.write(ctx, &w, p, v)
	*buffer = w.b
	if !written {
		releaseBuffer(buffer)
		return v, nil
	}
	w.reportHidden()
	a.answer = buffer
	return nil, nil
}

// write writes what a resolver returned. It returns false for a null, and when a field below
// failed: the executor then writes the nulls and the errors.
func (d *directAnswers) write(ctx context.Context, w *answerWriter, p *selectionPlan, v any) bool {
	c := catalogWriter{answerWriter: w, ctx: ctx, service: d.service}
	switch v := v.(type) {
	case *provenance.LineageGraph:
		if v == nil {
			return false
		}
		l := lineageWriter{answerWriter: w}
		l.graph(p, v)
	case *catalog.ModelConnection:
		if v == nil {
			return false
		}
		c.models(p, v)
	case *registry.Model:
		if v == nil {
			return false
		}
		c.model(p, v)
	case *registry.ModelVersion:
		if v == nil {
			return false
		}
		c.version(p, v)
	default:
		return false
	}
	return c.err == nil
}
