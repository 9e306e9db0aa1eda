package door

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// preparedDocument is a query text after parsing and validation, with its literals in the
// form that gqlgen reads.
type preparedDocument struct {
	doc *ast.QueryDocument
	// optional lists, by operation, the variables that stand only at places with a default.
	// Such a variable that is null counts as left out.
	optional map[*ast.OperationDefinition][]string
}

// documents parses query texts and caches the result. gqlgen's executor has no step between
// parsing and variables, so parsing is done before it and handed over by the context.
type documents struct {
	schema *ast.Schema
	cache  *lru.LRU[*preparedDocument]
}

func newDocuments(schema *ast.Schema) *documents {
	return &documents{schema: schema, cache: lru.New[*preparedDocument](1000)}
}

// prepare returns the document of a query text. Only valid documents are cached.
func (d *documents) prepare(ctx context.Context, query string) (*preparedDocument, gqlerror.List) {
	if p, ok := d.cache.Get(ctx, query); ok {
		return p, nil
	}
	doc, err := parse(query)
	if err != nil {
		return nil, refusedAs(errcode.ParseFailed, gqlerror.List{gqlerror.Wrap(err)})
	}
	if len(doc.Operations) == 0 {
		return nil, refusedAs(errcode.ValidationFailed, gqlerror.List{gqlerror.Errorf("no operation provided")})
	}
	if errs := validator.ValidateWithRules(d.schema, doc, strictRules()); len(errs) > 0 {
		return nil, refusedAs(errcode.ValidationFailed, errs)
	}
	p := &preparedDocument{doc: doc, optional: normalize(d.schema, doc)}
	d.cache.Add(ctx, query, p)
	return p, nil
}

// parse parses a query text. It also refuses what gqlparser takes although the
// specification does not.
func parse(query string) (*ast.QueryDocument, error) {
	if err := checkTokens(query); err != nil {
		return nil, err
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, maxTokens)
	if err != nil {
		return nil, err
	}
	return doc, checkSyntax(doc)
}

// refusedAs sets the code of the errors of a refused document.
func refusedAs(code string, errs gqlerror.List) gqlerror.List {
	for _, e := range errs {
		errcode.Set(e, code)
	}
	return errs
}

// strictRules returns the validation rules: those of gqlparser without suggestions, and with
// a strict check of literals.
func strictRules() *rules.Rules {
	r := rules.NewDefaultRules()
	r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, checkLiterals)
	for _, swap := range []struct{ old, without core.Rule }{
		{rules.FieldsOnCorrectTypeRule, rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
		{rules.ScalarLeafsRule, rules.ScalarLeafsRuleWithoutSuggestions},
		{rules.KnownArgumentNamesRule, rules.KnownArgumentNamesRuleWithoutSuggestions},
		{rules.KnownTypeNamesRule, rules.KnownTypeNamesRuleWithoutSuggestions},
	} {
		r.RemoveRule(swap.old.Name)
		r.AddRule(swap.without.Name, swap.without.RuleFunc)
	}
	return r
}

// preparedKey is the context key of the document of a request.
type preparedKey struct{}

// preparedCache hands the document of a request to the executor as its query cache, so that
// the executor parses nothing.
type preparedCache struct{}

// Get returns the document in the context.
func (preparedCache) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	p, ok := ctx.Value(preparedKey{}).(*preparedDocument)
	if !ok {
		return nil, false
	}
	return p.doc, true
}

// Add does nothing: prepare has its own cache.
func (preparedCache) Add(context.Context, string, *ast.QueryDocument) {}

// operation prepares a request for execution: its document, and its variables with the
// types that it declares.
func (h *httpHandler) operation(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	refused := &graphql.OperationContext{RawQuery: params.Query, OperationName: params.OperationName}
	p, errs := h.documents.prepare(ctx, params.Query)
	if errs != nil {
		return refused, errs
	}
	if op := p.doc.Operations.ForName(params.OperationName); op != nil {
		if err := coerceVariables(h.documents.schema, op, params.Variables); err != nil {
			return refused, refusedAs(errcode.ValidationFailed, gqlerror.List{err})
		}
	}
	op, errs := h.exec.CreateOperationContext(context.WithValue(ctx, preparedKey{}, p), params)
	if errs != nil {
		return op, errs
	}
	for _, name := range p.optional[op.Operation] {
		if op.Variables[name] == nil {
			delete(op.Variables, name)
		}
	}
	return op, nil
}
