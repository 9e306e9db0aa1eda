package door

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
)

// The limits of an operation, and the costs of fields.
const (
	maxTokens         = 1000
	maxDepth          = 16
	maxAliases        = 30
	maxRootFields     = 20
	maxMutationFields = 5
	maxSpreads        = 30
	maxComplexity     = 20000
	defaultFirst      = 50
	introspectionCost = 1
	exportCost        = 5000 // a complete walk, encoded once
	// A search reads many nodes for each node that it returns.
	searchCost = 1000
)

// operationLimits is a gqlgen extension that refuses operations over the limits before a
// resolver runs. It computes the cost of a fragment once, however often the fragment is
// spread.
type operationLimits struct{ schema *ast.Schema }

// ExtensionName returns the name of the extension.
func (operationLimits) ExtensionName() string { return "OperationLimits" }

// Validate does nothing.
func (operationLimits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses an operation over the limits.
func (s operationLimits) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	m := &operationMeter{schema: s.schema, vars: op.Variables, fragments: map[string]selectionSize{}, doc: op.Doc}
	root := m.selection(op.Operation.SelectionSet)
	roots, asked := maxRootFields, len(m.roots(op.Operation.SelectionSet))
	if op.Operation.Operation == ast.Mutation {
		roots = maxMutationFields
	}
	refuse := func(code registry.Code, format string, args ...any) *gqlerror.Error {
		e := registry.Errorf(code, format, args...)
		return &gqlerror.Error{Message: e.Message, Err: e, Extensions: map[string]any{"code": code}}
	}
	switch {
	case m.refusal != nil:
		return refuse(m.refusal.Code, "%s", m.refusal.Message)
	case asked > roots:
		return refuse(registry.ResourceExhausted, "more than %d root fields; send several operations", roots)
	case root.aliases > maxAliases:
		return refuse(registry.ResourceExhausted, "more than %d aliases", maxAliases)
	case root.spreads > maxSpreads:
		return refuse(registry.ResourceExhausted, "more than %d fragment spreads", maxSpreads)
	case root.depth > maxDepth:
		return refuse(registry.ResourceExhausted, "deeper than %d levels; ask with lineage, which is flat", maxDepth)
	case root.cost > maxComplexity:
		return refuse(registry.ResourceExhausted, "the operation costs %.0f and may cost %d; ask for fewer fields or a smaller first", root.cost, maxComplexity)
	}
	if op.Operation.Operation == ast.Mutation {
		return charge(ctx, asked-1) // The request itself was counted as one.
	}
	return nil
}

// selectionSize is the measured size of a selection.
type selectionSize struct {
	cost                    float64
	depth, aliases, spreads int
}

func (a selectionSize) plus(b selectionSize) selectionSize {
	return selectionSize{a.cost + b.cost, max(a.depth, b.depth), min(a.aliases+b.aliases, math.MaxInt32), min(a.spreads+b.spreads, math.MaxInt32)}
}

// operationMeter measures one operation.
type operationMeter struct {
	schema    *ast.Schema
	vars      map[string]any
	doc       *ast.QueryDocument
	fragments map[string]selectionSize
	refusal   *registry.Error
}

// roots returns the root fields, including those in fragments.
func (m *operationMeter) roots(set ast.SelectionSet) (out []*ast.Field) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			out = append(out, s)
		case *ast.InlineFragment:
			out = append(out, m.roots(s.SelectionSet)...)
		case *ast.FragmentSpread:
			out = append(out, m.roots(s.Definition.SelectionSet)...)
		}
		if len(out) > maxRootFields {
			return out
		}
	}
	return out
}

func (m *operationMeter) selection(set ast.SelectionSet) (out selectionSize) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			out = out.plus(m.field(s))
		case *ast.InlineFragment:
			out = out.plus(m.selection(s.SelectionSet))
		case *ast.FragmentSpread:
			out = out.plus(m.fragment(s))
		}
	}
	return out
}

func (m *operationMeter) fragment(s *ast.FragmentSpread) selectionSize {
	f, ok := m.fragments[s.Name]
	if !ok {
		f = m.selection(s.Definition.SelectionSet)
		m.fragments[s.Name] = f
	}
	f.spreads++
	return f
}

func (m *operationMeter) field(f *ast.Field) selectionSize {
	children := m.selection(f.SelectionSet)
	if strings.HasPrefix(f.Name, "__") {
		// Introspection has no depth limit; its cost is the number of its fields.
		return selectionSize{cost: introspectionCost + children.cost, aliases: children.aliases, spreads: children.spreads}
	}
	out := selectionSize{cost: 1 + m.listSize(f)*children.cost, depth: children.depth + 1, aliases: children.aliases, spreads: children.spreads}
	switch {
	case children.spreads > maxSpreads || f.ObjectDefinition != m.schema.Query:
		// An operation with too many spreads is refused anyway. Only selection caches the
		// cost of fragments, so the functions below could take exponential time.
	case f.Name == "lineage":
		out.cost = 1 + m.listSize(f)*m.lineageNodeCost(f.SelectionSet)
	case f.Name == "columnLineage":
		out.cost = 1 + m.columnLineageCost(f.SelectionSet, m.listSize(f))
	}
	if (f.Name == "lineageExport" || f.Name == "complianceReport") && f.ObjectDefinition == m.schema.Query {
		out.cost += exportCost
	}
	if f.Name == "search" && f.ObjectDefinition == m.schema.Query {
		out.cost += searchCost
	}
	if f.Alias != "" && f.Alias != f.Name {
		out.aliases++
	}
	return out
}

// lineageNodeCost returns the cost of one node of lineage: its fields, and twice the fields
// of an edge, because there are more edges than nodes.
func (m *operationMeter) lineageNodeCost(set ast.SelectionSet) float64 {
	cost := 0.0
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			c := m.selection(s.SelectionSet).cost
			if s.Name == "edges" {
				c *= 2
			}
			cost += c
		case *ast.InlineFragment:
			cost += m.lineageNodeCost(s.SelectionSet)
		case *ast.FragmentSpread:
			cost += m.lineageNodeCost(s.Definition.SelectionSet)
		}
	}
	return math.Max(cost, 1)
}

// columnLineageCost returns the cost of a column's lineage. Its argument first limits the
// columns; the other lists have their own first.
func (m *operationMeter) columnLineageCost(set ast.SelectionSet, times float64) (cost float64) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			c := m.field(s).cost
			if s.Name == "columns" {
				c *= times
			}
			cost += c
		case *ast.InlineFragment:
			cost += m.columnLineageCost(s.SelectionSet, times)
		case *ast.FragmentSpread:
			cost += m.columnLineageCost(s.Definition.SelectionSet, times)
		}
	}
	return cost
}

// listSize returns how many items a field may return: its first, the number of its ids, or
// one. It refuses a first that is out of range.
func (m *operationMeter) listSize(f *ast.Field) float64 {
	if f.Definition == nil {
		return 1
	}
	if def := f.Definition.Arguments.ForName("first"); def != nil {
		limit := defaultFirst
		if v := def.DefaultValue; v != nil {
			if n, given, ok := m.intValue(v); ok && given {
				limit = n
			}
		}
		if a := f.Arguments.ForName("first"); a != nil {
			n, given, ok := m.intValue(a.Value)
			if !ok || given && (n < 0 || n > 200) {
				m.refuse("first must be 0..200; page on with after")
				return 1
			}
			if given {
				limit = n
			}
		}
		return float64(max(limit, 1)) // A page without items still has a count.
	}
	for _, name := range []string{"ids", "of"} {
		if a := f.Arguments.ForName(name); a != nil {
			if n := m.listLength(a.Value); n > 100 {
				m.refuse(name + " must be at most 100 ids")
			} else if n > 1 {
				return float64(n)
			}
		}
	}
	if f.Name == "versionsByStage" {
		return defaultFirst
	}
	if f.Name == "facts" {
		return registry.MaxFacts
	}
	return 1
}

func (m *operationMeter) refuse(message string) {
	if m.refusal == nil {
		m.refusal = registry.Errorf(registry.InvalidArgument, "%s", message)
	}
}

// intValue returns a 32-bit integer from a literal or variable. given is false for null.
func (m *operationMeter) intValue(v *ast.Value) (n int, given, ok bool) {
	if v.Kind == ast.NullValue {
		return 0, false, true
	}
	text := v.Raw
	if v.Kind == ast.Variable {
		value, set := m.vars[v.Raw]
		if !set || value == nil {
			return 0, false, true
		}
		switch x := value.(type) {
		case json.Number:
			text = string(x)
		case int64:
			text = strconv.FormatInt(x, 10)
		case int:
			text = strconv.Itoa(x)
		default:
			return 0, true, false
		}
	} else if v.Kind != ast.IntValue {
		return 0, true, false
	}
	i, err := strconv.ParseInt(text, 10, 32)
	return int(i), true, err == nil
}

func (m *operationMeter) listLength(v *ast.Value) int {
	if v.Kind == ast.ListValue {
		return len(v.Children)
	}
	if v.Kind == ast.Variable {
		if list, ok := m.vars[v.Raw].([]any); ok {
			return len(list)
		}
	}
	return 1
}
