package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/parser"

	"pedigree/registry"
)

// The bounds of a condition: its characters, how deep it nests, and how much one evaluation of it
// may cost.
const (
	MaxExpression = 4000
	maxNesting    = 50
	MaxCost       = 1_000_000
)

// provider tells CEL the types of objects.
type provider struct{ *types.Registry }

// FindStructType returns the type with a name.
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if slices.ContainsFunc(objectTypes, func(t Type) bool { return t.Name == name }) {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames returns the fields of a type.
func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	for _, t := range objectTypes {
		if t.Name == name {
			out := make([]string, len(t.Fields))
			for i, f := range t.Fields {
				out[i] = f.Name
			}
			return out, true
		}
	}
	return p.Registry.FindStructFieldNames(name)
}

// FindStructFieldType returns the type of a field.
func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if f, ok := FieldOf(name, field); ok {
		return &types.FieldType{Type: celType(f.Type)}, true
	}
	return p.Registry.FindStructFieldType(name, field)
}

// NewValue refuses: a condition makes no objects, which nobody recorded.
func (p provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if slices.ContainsFunc(objectTypes, func(t Type) bool { return t.Name == name }) {
		return types.NewErr("a condition cannot make a %s", name)
	}
	return p.Registry.NewValue(name, fields)
}

// environment is the one typed environment of all conditions.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	base, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := []cel.EnvOption{cel.CustomTypeProvider(provider{base}), cel.CustomTypeAdapter(base), cel.ClearMacros(), cel.Macros(macros()...),
		cel.ParserRecursionLimit(maxNesting), cel.ParserExpressionSizeLimit(MaxExpression), cel.CrossTypeNumericComparisons(true), sawFunction()}
	for _, v := range variables {
		options = append(options, cel.Variable(v.Name, celType(v.Type)))
	}
	for _, name := range sets {
		i := slices.IndexFunc(variables, func(v Field) bool { return v.Name == name })
		options = append(options, cel.Variable(partial(name), celType(variables[i].Type)), cel.Variable(whole(name), cel.BoolType))
	}
	return cel.NewEnv(options...)
})

// A set NAME is three variables. NAME is the whole list, unknown when the set is truncated. What a
// condition cannot write are @NAME, the objects that are known, and @whole:NAME, which is true,
// or unknown when the set is truncated.
func partial(set string) string { return "@" + set }
func whole(set string) string   { return "@whole:" + set }

// macros returns the macros of CEL. Those over a set decide by what is known of a truncated one: a
// counterexample refutes all, and an example proves exists.
func macros() []cel.Macro {
	return []cel.Macro{
		cel.HasMacro,
		cel.ReceiverMacro(operators.All, 2, overItems(parser.MakeAll, true, func(eh parser.ExprHelper, e ast.Expr, set string) ast.Expr {
			return eh.NewCall(operators.LogicalAnd, e, eh.NewIdent(whole(set)))
		})),
		cel.ReceiverMacro(operators.Exists, 2, overItems(parser.MakeExists, false, func(eh parser.ExprHelper, e ast.Expr, set string) ast.Expr {
			return eh.NewCall(operators.LogicalOr, e, eh.NewCall(operators.LogicalNot, eh.NewIdent(whole(set))))
		})),
		cel.ReceiverMacro(operators.ExistsOne, 2, overItems(parser.MakeExistsOne, false, nil)),
		cel.ReceiverMacro(operators.Map, 2, overItems(parser.MakeMap, false, nil)),
		cel.ReceiverMacro(operators.Map, 3, overItems(parser.MakeMap, false, nil)),
		cel.ReceiverMacro(operators.Filter, 2, overItems(parser.MakeFilter, false, nil)),
	}
}

// overItems returns a macro. In all, it notes the objects that refute. finish joins what the known
// objects say with whether the set is whole; without it, a truncated set is unknown.
func overItems(standard parser.MacroExpander, saw bool, finish func(parser.ExprHelper, ast.Expr, string) ast.Expr) cel.MacroFactory {
	return func(eh parser.ExprHelper, target ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
		if args[0].Kind() != ast.IdentKind {
			return nil, eh.NewError(args[0].ID(), "name the items: sources.all(s, …)")
		}
		name := args[0].AsIdent()
		if slices.ContainsFunc(variables, func(v Field) bool { return v.Name == name }) {
			return nil, eh.NewError(args[0].ID(), name+" is a variable; give the items another name")
		}
		if saw {
			args[1] = eh.NewCall(sawName, eh.NewIdent(name), args[1])
		}
		set := ""
		if finish != nil && target.Kind() == ast.IdentKind && slices.Contains(sets, target.AsIdent()) {
			set = target.AsIdent()
			target = eh.NewIdent(partial(set))
		}
		e, err := standard(eh, target, args)
		if err != nil || set == "" {
			return e, err
		}
		return finish(eh, e, set), nil
	}
}

// sawName is the function that notes an object that refutes an all. No condition can write it.
const sawName = "@saw"

func sawFunction() cel.EnvOption {
	return cel.Function(sawName, cel.Overload("saw_dyn_bool", []*cel.Type{cel.DynType, cel.BoolType}, cel.BoolType, cel.OverloadIsNonStrict(),
		cel.BinaryBinding(func(item, holds ref.Val) ref.Val {
			if v, ok := item.(*value); ok {
				if holds != types.True {
					v.decided()
				}
				v.read = nil
			}
			return holds
		})))
}

// Condition is a condition that was compiled.
type Condition struct {
	program   cel.Program
	variables map[string]bool
}

// Check compiles a condition that is to be saved. It also refuses one that costs too much before it
// has looked at any fact.
func Check(ctx context.Context, expression string) error {
	c, err := Compile(expression)
	if err != nil {
		return err
	}
	r, err := c.Evaluate(ctx, Facts{})
	if err == nil && r.costly {
		return registry.Invalid("expression", "costs more than %d by itself", MaxCost)
	}
	return err
}

// Compile compiles a condition: INVALID_ARGUMENT, with the place, when it does not have the types
// that it needs or is no boolean.
func Compile(expression string) (*Condition, error) {
	if strings.TrimSpace(expression) == "" {
		return nil, registry.Invalid("expression", "must not be empty")
	}
	if len(expression) > MaxExpression {
		return nil, registry.Invalid("expression", "is longer than %d bytes", MaxExpression)
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("the environment of gates: %w", err)
	}
	tree, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, registry.Invalid("expression", "%s", firstIssues(issues))
	}
	if tree.OutputType() != cel.BoolType {
		return nil, registry.Invalid("expression", "must be true or false, not a %s", tree.OutputType())
	}
	program, err := env.Program(tree, cel.CostLimit(MaxCost), cel.InterruptCheckFrequency(100), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, registry.Invalid("expression", "%s", registry.Shorten(err.Error(), 300))
	}
	return &Condition{program, variablesOf(tree)}, nil
}

// firstIssues tells the first issues of a compilation, without the names that only this package uses.
func firstIssues(issues *cel.Issues) string {
	var out []string
	for _, e := range issues.Errors() {
		out = append(out, fmt.Sprintf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, strings.ReplaceAll(e.Message, "@", "")))
		if len(out) == 3 {
			break
		}
	}
	return registry.Shorten(strings.Join(out, "; "), 600)
}

// Uses reports whether a condition speaks of a variable.
func (c *Condition) Uses(variable string) bool { return c.variables[variable] }

// variablesOf returns the variables that a compiled condition speaks of.
func variablesOf(tree *cel.Ast) map[string]bool {
	out := map[string]bool{}
	for _, r := range tree.NativeRep().ReferenceMap() {
		for _, v := range variables {
			if r.Name == v.Name || r.Name == partial(v.Name) || r.Name == whole(v.Name) {
				out[v.Name] = true
			}
		}
	}
	return out
}
