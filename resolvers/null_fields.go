package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
)

// nullFields returns the paths of the fields that are null in the input of a mutation, such
// as card.training. Go's values do not tell them from fields that are left out.
func nullFields(ctx context.Context) []string {
	args := graphql.GetFieldContext(ctx).Field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	input, _ := args["input"].(map[string]any)
	return nullPaths(input, "", nil)
}

// nullPaths adds the paths of the nulls in an input object, sorted. It does not look into
// lists.
func nullPaths(object map[string]any, prefix string, out []string) []string {
	for name, v := range object {
		if v == nil {
			out = append(out, prefix+name)
		}
		if below, ok := v.(map[string]any); ok {
			out = nullPaths(below, prefix+name+".", out)
		}
	}
	slices.Sort(out)
	return out
}
