package door

import (
	"context"
	"io"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/service/core"
	"pedigree/service/provenance"
)

// lineageExtension writes what lineage answers by itself: gqlgen's executor makes a
// context, a closure and a marshaler for every field of every node, which is most
// of the cost of an answer. Arguments, errors and null propagation stay the
// executor's: it runs the resolver and then gets a graph without nodes and edges
// to marshal, while the answer was written here. Selections that reach beyond what
// this knows are left to the executor whole. The bytes are the same either way; a
// test holds them so.
type lineageExtension struct{ planCache *lineagePlanCache }

// ExtensionName names the middleware.
func (lineageExtension) ExtensionName() string { return "Direct" }

// Validate has nothing to check.
func (lineageExtension) Validate(graphql.ExecutableSchema) error { return nil }

// lineageAnswer is the answer of one lineage field, once it is there.
type lineageAnswer struct{ answer *[]byte }

type lineageAnswerKey struct{}

// MarshalGQL writes the answer, once.
func (a *lineageAnswer) MarshalGQL(w io.Writer) {
	w.Write(*a.answer)
	releaseBuffer(a.answer)
	a.answer = nil
}

// isLineage reports whether a field is Query.lineage.
func isLineage(object, field string) bool { return object == "Query" && field == "lineage" }

// InterceptRootField puts the written answer in the place of the executor's.
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

// InterceptField writes the answer once the resolver has it.
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
