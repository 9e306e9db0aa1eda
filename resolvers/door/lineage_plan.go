package door

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// step is one field of an object to write: its key as JSON, its name in the
// schema, and what to write of the object below.
type step struct {
	key   string // "alias":
	field string
	below *plan
	// bit is the field's in the masks of its noun, -1 where there is none.
	bit int
}

// plan is what to write of an object, in order. Of a node it depends on the type.
type plan struct {
	steps  []step
	byType map[string][]step
}

// leaves are the fields, by type, that are written without a resolver; nested
// objects are in objects.
var leaves = map[string][]string{
	"LineageGraph": {"root", "historyCut", "asOf", "knownAt"},
	"LineageNode":  {"depth", "layer", "treeParent", "upstreamDegree", "downstreamDegree", "historyCut"},
	"LineageEdge":  {"id", "from", "to", "kind", "validFrom", "validTo"},
	"PageInfo":     {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"},
	"Truncation":   {"truncated", "reasons", "frontier", "redacted"},
	"node":         {"id", "kind", "name"},
}

var objects = map[string]map[string]string{
	"LineageGraph": {"nodes": "LineageNode", "edges": "LineageEdge", "pageInfo": "PageInfo", "truncation": "Truncation"},
	"LineageNode":  {"node": "node"},
}

// nodeTypes are the types of what lineage walks, and of its stub.
var nodeTypes = func() []string {
	out := []string{restricted}
	for _, k := range registry.LineageKinds() {
		out = append(out, registry.NounOf(k).Name)
	}
	return out
}()

const restricted = "RestrictedNode"

// planGraph plans the selection of a LineageGraph; nil when it asks for more than
// can be written without resolvers.
func planGraph(op *graphql.OperationContext, set ast.SelectionSet) *plan {
	return planOf(op, set, "LineageGraph")
}

func planOf(op *graphql.OperationContext, set ast.SelectionSet, typ string) *plan {
	if typ != "node" {
		steps, ok := stepsOf(op, set, typ, typ)
		if !ok {
			return nil
		}
		return &plan{steps: steps}
	}
	p := &plan{byType: make(map[string][]step, len(nodeTypes))}
	for _, name := range nodeTypes {
		steps, ok := stepsOf(op, set, typ, name, "Node", "ProvenanceNode")
		if !ok {
			return nil
		}
		p.byType[name] = steps
	}
	return p
}

// stepsOf collects the fields of a selection as gqlgen does.
func stepsOf(op *graphql.OperationContext, set ast.SelectionSet, typ string, satisfies ...string) ([]step, bool) {
	fields := graphql.CollectFields(op, set, satisfies)
	out := make([]step, 0, len(fields))
	for _, f := range fields {
		st := step{key: string(appendString(nil, f.Alias)) + ":", field: f.Name, bit: registry.Bit(satisfies[0], f.Name)}
		switch {
		case f.IsDeferred():
			return nil, false
		case f.Name == "__typename" || slices.Contains(leaves[typ], f.Name):
		case objects[typ][f.Name] != "":
			if st.below = planOf(op, f.Selections, objects[typ][f.Name]); st.below == nil {
				return nil, false
			}
		default:
			return nil, false
		}
		out = append(out, st)
	}
	return out, true
}
