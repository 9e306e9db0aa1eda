package door

import (
	"context"
	"io"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/service/core"
	"pedigree/service/provenance"
)

// lineageExtension writes the answer of Query.lineage without gqlgen's executor, which
// creates a context, a closure and a marshaler for every field of every node: most of the
// cost of an answer. The executor still handles arguments, errors and null propagation: it
// runs the resolver, and then marshals a graph without nodes and edges while the real
// answer is written here. When a selection contains fields that lineage_plan.go does not
// cover, the executor does everything. Both ways give the same bytes; a test compares them.
type lineageExtension struct{ planCache *lineagePlanCache }

// ExtensionName returns the name of the extension.
func (lineageExtension) ExtensionName() string { return "Lineage" }

// Validate does nothing.
func (lineageExtension) Validate(graphql.ExecutableSchema) error { return nil }

// lineageAnswer holds the bytes of the answer of one lineage field, once they are written.
type lineageAnswer struct{ answer *[]byte }

type lineageAnswerKey struct{}

// MarshalGQL writes the answer and releases its buffer. It may be called only once.
func (a *lineageAnswer) MarshalGQL(w io.Writer) {
	w.Write(*a.answer)
	releaseBuffer(a.answer)
	a.answer = nil
}

// isLineage reports whether a field is Query.lineage.
func isLineage(object, field string) bool { return object == "Query" && field == "lineage" }

// InterceptRootField replaces the executor's answer by the written one.
func (lineageExtension) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	f := graphql.GetRootFieldContext(ctx)
	if f.Field.ObjectDefinition == nil || !isLineage(f.Field.ObjectDefinition.Name, f.Field.Name) {
		return next(ctx)
	}
	a := &lineageAnswer{}
	out := next(context.WithValue(ctx, lineageAnswerKey{}, a))
	if a.answer == nil || out == graphql.Null {
		return out
	}
	return a
}

// InterceptField writes the answer after the resolver has run.
func (d lineageExtension) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	if !isLineage(fc.Object, fc.Field.Name) {
		return next(ctx)
	}
	v, err := next(ctx)
	g, ok := v.(*provenance.LineageGraph)
	a, asked := ctx.Value(lineageAnswerKey{}).(*lineageAnswer)
	if err != nil || !ok || g == nil || !asked {
		return v, err
	}
	p := d.planCache.of(graphql.GetOperationContext(ctx), fc.Field)
	if p == nil {
		return v, nil
	}
	a.answer = bufferPool.Get().(*[]byte)
	w := lineageWriter{b: slices.Grow(*a.answer, 512+160*len(g.Nodes)+160*len(g.Edges)), path: fc.Path()}
	w.hidden, _ = ctx.Value(hiddenFieldsKey{}).(*hiddenFields)
	w.graph(p, g)
	*a.answer = w.b
	emptied := *g
	emptied.Nodes, emptied.Edges = []*provenance.LineageNode{}, []*core.LineageEdge{}
	emptied.Truncation.Reasons, emptied.Truncation.Frontier = g.Truncation.Reasons[:0], nil
	return &emptied, nil
}
