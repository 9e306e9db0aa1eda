package door

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// plannedField is one field to write: its key as JSON, its name in the schema, and the
// selection of its object.
type plannedField struct {
	key       string // "alias": with quotes and colon
	field     string
	selection *selectionPlan
	// bit is the field's bit in the mask of its node type, -1 when it has none.
	bit int
}

// selectionPlan lists the fields of an object to write, in order. For a node the fields
// depend on its type.
type selectionPlan struct {
	fields []plannedField
	byType map[string][]plannedField
}

// scalarFields lists, by type, the scalar fields that can be written without a resolver.
// objectFields lists the fields that are objects or lists of objects, with their types.
var scalarFields = map[string][]string{
	"LineageGraph": {"root", "historyCut", "asOf", "knownAt"},
	"LineageNode":  {"depth", "layer", "treeParent", "upstreamDegree", "downstreamDegree", "historyCut"},
	"LineageEdge":  {"id", "from", "to", "kind", "validFrom", "validTo"},
	"PageInfo":     {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"},
	"Truncation":   {"truncated", "reasons", "frontier", "redacted"},
	"node":         {"id", "kind", "name"},

	"ModelConnection": {"totalCount"},
	"ModelEdge":       {"cursor"},
	"Model":           {"id", "revision", "deleted", "name", "description", "owner", "createdAt", "updatedAt", "incarnation", "lastNumber", "used"},
	"ModelVersion": {"id", "kind", "revision", "deleted", "name", "modelId", "modelName", "version", "number", "label", "description", "owner", "stage", "creator",
		"createdDate", "recordedAt", "updatedAt"},
	"Alias":    {"id", "revision", "name", "model", "versionId", "version", "setBy", "setAt"},
	"KeyValue": {"key", "value"},
}

var objectFields = map[string]map[string]string{
	"LineageGraph": {"nodes": "LineageNode", "edges": "LineageEdge", "pageInfo": "PageInfo", "truncation": "Truncation"},
	"LineageNode":  {"node": "node"},

	"ModelConnection": {"edges": "ModelEdge", "pageInfo": "PageInfo"},
	"ModelEdge":       {"node": "Model"},
	"Model":           {"tags": "KeyValue", "latestVersion": "ModelVersion", "productionVersion": "ModelVersion", "aliases": "Alias"},
	"ModelVersion":    {"tags": "KeyValue", "model": "Model", "aliases": "Alias"},
}

// interfaces lists, by type, the interfaces that a fragment may name instead of it.
var interfaces = map[string][]string{"Model": {"Node"}, "ModelVersion": {"Node", "ProvenanceNode"}, "Alias": {"Node"}}

// nodeTypes lists the types of lineage nodes, and the type of a hidden node.
var nodeTypes = func() []string {
	out := []string{restrictedType}
	for _, k := range registry.LineageKinds() {
		out = append(out, registry.NounOf(k).Name)
	}
	return out
}()

const restrictedType = "RestrictedNode"

// planSelection returns the plan of a selection of a type, or nil when it contains a field
// that needs the executor.
func planSelection(op *graphql.OperationContext, set ast.SelectionSet, typ string) *selectionPlan {
	if typ != "node" {
		fields, ok := planFields(op, set, typ, append([]string{typ}, interfaces[typ]...)...)
		if !ok {
			return nil
		}
		return &selectionPlan{fields: fields}
	}
	p := &selectionPlan{byType: make(map[string][]plannedField, len(nodeTypes))}
	for _, name := range nodeTypes {
		fields, ok := planFields(op, set, typ, name, "Node", "ProvenanceNode")
		if !ok {
			return nil
		}
		p.byType[name] = fields
	}
	return p
}

// planFields collects the fields of a selection as gqlgen does. It returns false when a
// field needs a resolver.
func planFields(op *graphql.OperationContext, set ast.SelectionSet, typ string, satisfies ...string) ([]plannedField, bool) {
	fields := graphql.CollectFields(op, set, satisfies)
	out := make([]plannedField, 0, len(fields))
	for _, f := range fields {
		planned := plannedField{key: string(appendString(nil, f.Alias)) + ":", field: f.Name, bit: registry.Bit(satisfies[0], f.Name)}
		switch {
		case f.IsDeferred():
			return nil, false
		case f.Name == "__typename" || slices.Contains(scalarFields[typ], f.Name):
		case objectFields[typ][f.Name] != "":
			if planned.selection = planSelection(op, f.Selections, objectFields[typ][f.Name]); planned.selection == nil {
				return nil, false
			}
		default:
			return nil, false
		}
		out = append(out, planned)
	}
	return out, true
}
