package door

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// plannedField is one field of an object to write: its key as JSON, its name in the
// schema, and what to write of the object below.
type plannedField struct {
	key       string // "alias":
	field     string
	selection *selectionPlan
	// bit is the field's in the masks of its noun, -1 where there is none.
	bit int
}

// selectionPlan is what to write of an object, in order. Of a node it depends on the type.
type selectionPlan struct {
	fields []plannedField
	byType map[string][]plannedField
}

// scalarFields are the fields, by type, that are written without a resolver; nested
// objects are in objects.
var scalarFields = map[string][]string{
	"LineageGraph": {"root", "historyCut", "asOf", "knownAt"},
	"LineageNode":  {"depth", "layer", "treeParent", "upstreamDegree", "downstreamDegree", "historyCut"},
	"LineageEdge":  {"id", "from", "to", "kind", "validFrom", "validTo"},
	"PageInfo":     {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"},
	"Truncation":   {"truncated", "reasons", "frontier", "redacted"},
	"node":         {"id", "kind", "name"},
}

var objectFields = map[string]map[string]string{
	"LineageGraph": {"nodes": "LineageNode", "edges": "LineageEdge", "pageInfo": "PageInfo", "truncation": "Truncation"},
	"LineageNode":  {"node": "node"},
}

// nodeTypes are the types of what lineage walks, and of its stub.
var nodeTypes = func() []string {
	out := []string{restrictedType}
	for _, k := range registry.LineageKinds() {
		out = append(out, registry.NounOf(k).Name)
	}
	return out
}()

const restrictedType = "RestrictedNode"

// planGraph plans the selection of a LineageGraph; nil when it asks for more than
// can be written without resolvers.
func planGraph(op *graphql.OperationContext, set ast.SelectionSet) *selectionPlan {
	return planSelection(op, set, "LineageGraph")
}

func planSelection(op *graphql.OperationContext, set ast.SelectionSet, typ string) *selectionPlan {
	if typ != "node" {
		steps, ok := planFields(op, set, typ, typ)
		if !ok {
			return nil
		}
		return &selectionPlan{fields: steps}
	}
	p := &selectionPlan{byType: make(map[string][]plannedField, len(nodeTypes))}
	for _, name := range nodeTypes {
		steps, ok := planFields(op, set, typ, name, "Node", "ProvenanceNode")
		if !ok {
			return nil
		}
		p.byType[name] = steps
	}
	return p
}

// planFields collects the fields of a selection as gqlgen does.
func planFields(op *graphql.OperationContext, set ast.SelectionSet, typ string, satisfies ...string) ([]plannedField, bool) {
	fields := graphql.CollectFields(op, set, satisfies)
	out := make([]plannedField, 0, len(fields))
	for _, f := range fields {
		st := plannedField{key: string(appendString(nil, f.Alias)) + ":", field: f.Name, bit: registry.Bit(satisfies[0], f.Name)}
		switch {
		case f.IsDeferred():
			return nil, false
		case f.Name == "__typename" || slices.Contains(scalarFields[typ], f.Name):
		case objectFields[typ][f.Name] != "":
			if st.selection = planSelection(op, f.Selections, objectFields[typ][f.Name]); st.selection == nil {
				return nil, false
			}
		default:
			return nil, false
		}
		out = append(out, st)
	}
	return out, true
}
