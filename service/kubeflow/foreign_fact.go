package kubeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// externalIDType is the type of the record that says which object has an external id.
const externalIDType Type = "external-id"

// RecordForeignInput is what a foreign record says, as a fact: an object of Kubeflow that is no noun
// here, what is kept beside the noun of an artifact, or the external id of a model or version. Ids
// stand for the numbers that a store gives to its nodes.
type RecordForeignInput struct {
	Type string `json:"type"`
	Name string `json:"name,omitzero"`
	// Of is the node whose sight decides who sees the record, Node the noun that the object is, and
	// Parent the node that contains it. Each is left out where there is none.
	Of          *registry.ID  `json:"of,omitzero"`
	Node        *registry.ID  `json:"node,omitzero"`
	Parent      *registry.ID  `json:"parent,omitzero"`
	Description string        `json:"description,omitzero"`
	ExternalID  string        `json:"externalId,omitzero"`
	CreatedAt   time.Time     `json:"createdAt,omitzero"`
	UpdatedAt   time.Time     `json:"updatedAt,omitzero"`
	Properties  registry.JSON `json:"properties,omitzero"`
	// Fields are the own fields of the type; those that refer to an object have its id.
	Fields registry.JSON `json:"fields,omitzero"`
}

// ForeignTypes lists the types of foreign records that facts can be of.
func ForeignTypes() []Type {
	return append(ArtifactTypes(), ServingEnvironment, InferenceService, ServeModel, Experiment, ExperimentRun, MetricPoint, externalIDType)
}

// refKinds are the kinds of nodes that reference fields name.
var refKinds = map[string]registry.Kind{"registeredModelId": registry.KindModel, "modelVersionId": registry.KindModelVersion, "servingEnvironmentId": registry.KindForeign,
	"experimentId": registry.KindForeign, "experimentRunId": registry.KindForeign}

// nodeKinds are the kinds of the noun that an object of a type is.
var nodeKinds = map[Type]registry.Kind{InferenceService: registry.KindDeployment, DatasetArtifact: registry.KindDatasetVersion, ExperimentRun: registry.KindRun,
	ModelArtifact: registry.KindArtifact, DocArtifact: registry.KindArtifact}

func (in *RecordForeignInput) kind() Type { return Type(in.Type) }

// idOr returns an id that may be nil.
func idOr(id *registry.ID) registry.ID {
	if id == nil {
		return ""
	}
	return *id
}

// FactKind returns registry.FactForeign.
func (*RecordForeignInput) FactKind() registry.FactKind { return registry.FactForeign }

// FactAction returns the action that recording needs permission for: that of the deed by which
// Kubeflow's clients make such an object.
func (in *RecordForeignInput) FactAction() registry.Action {
	ofRun := idOr(in.Parent).Kind() == registry.KindForeign
	switch {
	case in.kind() == externalIDType:
		return registry.ModelUpdate
	case in.kind() == ServingEnvironment || in.kind() == InferenceService || in.kind() == ServeModel:
		return registry.DeploymentRecord
	case !in.kind().IsArtifact() || ofRun:
		return registry.RunRecord
	case in.Of != nil && in.kind() == DatasetArtifact:
		return registry.DatasetRecord
	case in.Of != nil && (in.kind() == MetricArtifact || in.kind() == ParameterArtifact):
		return registry.CardUpdate
	}
	return registry.ArtifactWrite
}

// CheckFact checks the input as one fact of a batch.
func (in *RecordForeignInput) CheckFact() error {
	if !slices.Contains(ForeignTypes(), in.kind()) {
		return registry.Invalid("type", "%q is no type of records; use one of %v", registry.Shorten(in.Type, 60), ForeignTypes())
	}
	if in.kind() == externalIDType {
		if in.Node == nil || in.ExternalID == "" {
			return registry.Invalid("node", "an external id needs node and externalId")
		}
		return registry.CheckKey("externalId", in.ExternalID)
	}
	if err := core.FirstError(checkName(in.Name), checkDescription(&in.Description)); err != nil {
		return err
	}
	if in.ExternalID != "" {
		if err := registry.CheckKey("externalId", in.ExternalID); err != nil {
			return err
		}
	}
	if err := core.FirstError(core.CheckTime("createdAt", in.CreatedAt), core.CheckTime("updatedAt", in.UpdatedAt)); err != nil {
		return err
	}
	_, _, err := in.read()
	return err
}

// read reads the properties and the fields; references are ids.
func (in *RecordForeignInput) read() (properties map[string]Property, fields map[string]any, err error) {
	if len(in.Properties) > 0 {
		if err := json.Unmarshal(in.Properties, &properties); err != nil {
			return nil, nil, registry.Invalid("properties", "must be an object of custom properties, each with type and value")
		}
	}
	for key, p := range properties {
		if !p.valid() {
			return nil, nil, registry.Invalid("properties", "%q has no value of its type", registry.Shorten(key, 60))
		}
	}
	if len(in.Fields) > 0 {
		if err := json.Unmarshal(in.Fields, &fields); err != nil {
			return nil, nil, registry.Invalid("fields", "must be an object")
		}
	}
	for name, value := range fields {
		f, known := fieldOf(in.kind(), name)
		if !known {
			return nil, nil, registry.Invalid("fields", "%q is no field of a %s", registry.Shorten(name, 60), in.kind())
		}
		if fields[name], err = f.fromFact(value); err != nil {
			return nil, nil, err
		}
	}
	return properties, fields, nil
}

// fromFact returns the value of a field as it is stored, but for a reference, which stays an id.
func (f Field) fromFact(value any) (any, error) {
	text, isText := value.(string)
	ok := isText
	switch f.Kind {
	case Text:
		ok = isText && (len(f.Values) == 0 || slices.Contains(f.Values, text))
	case TextList:
		list, isList := value.([]any)
		ok = isList && !slices.ContainsFunc(list, func(v any) bool { _, is := v.(string); return !is })
	case Number:
		_, ok = value.(float64)
	case Integer:
		var n float64
		n, ok = value.(float64)
		ok = ok && n == float64(int64(n))
	}
	if !ok {
		return nil, registry.Invalid("fields", "%s has a value that it cannot have", f.Name)
	}
	return stored(f.Kind, value), nil
}

// valid reports whether a property has a value of its type.
func (p Property) valid() bool {
	switch _, isText := p.Value.(string); p.Type {
	case DoubleProperty:
		_, ok := p.Value.(float64)
		return ok
	case BoolProperty:
		_, ok := p.Value.(bool)
		return ok
	case IntProperty, StringProperty, StructProperty, ProtoProperty:
		return isText
	}
	return false
}

// ResolveFact returns a copy with every reference replaced.
func (in *RecordForeignInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.Of, out.Node, out.Parent = r.Optional(in.Of), r.Optional(in.Node), r.Optional(in.Parent)
	return &out
}

// FactReads returns the nodes that WriteFact will read.
func (in *RecordForeignInput) FactReads() (ids, effects []registry.ID) {
	for _, id := range []*registry.ID{in.Of, in.Node, in.Parent} {
		ids = append(ids, core.IDsOf(id)...)
	}
	return ids, nil
}

// place returns the id of the record and its parent.
func (in *RecordForeignInput) place(fields map[string]any) (id, parent registry.ID) {
	if parent = idOr(in.Parent); parent == "" {
		parent = registry.LooseArtifacts
	}
	switch {
	case in.kind() == ServingEnvironment:
		return registry.ForeignID(in.Type, in.Name), registry.ServingEnvironments
	case in.kind() == Experiment:
		return registry.ForeignID(in.Type, in.Name), registry.Experiments
	case in.kind() == MetricPoint:
		return metricPointID(parent, in.Name, fields), parent
	case idOr(in.Node).Kind() == registry.KindArtifact:
		return keptID(*in.Node), parent
	}
	return registry.ForeignID(in.Type, string(parent), in.Name), parent
}

// WriteFact writes the fact in a transaction. A record that is there is replaced by one that was
// changed later, and stays otherwise.
func (in *RecordForeignInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	model, err := in.checkPlace(ctx, tx)
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := tx.CheckTarget(policies.Target{Model: model}); err != nil {
		return core.WriteResult{}, err
	}
	if in.kind() == externalIDType {
		return in.writeExternalID(ctx, tx)
	}
	properties, fields, err := in.read()
	if err != nil {
		return core.WriteResult{}, err
	}
	id, parent := in.place(fields)
	if err := numbersOf(ctx, tx, fields); err != nil {
		return core.WriteResult{}, err
	}
	r := &record{Type: in.kind(), Of: idOr(in.Of), Node: idOr(in.Node), Name: in.Name, Description: in.Description, ExternalID: in.ExternalID, Created: in.CreatedAt, Updated: in.UpdatedAt,
		Properties: properties, Fields: fields, id: id, parent: parent}
	if r.Created.IsZero() {
		r.Created = tx.Now()
	}
	if r.Updated.IsZero() {
		r.Updated = r.Created
	}
	known, err := load(ctx, tx, id)
	if err != nil {
		return core.WriteResult{}, err
	}
	out := core.WriteResult{IDs: []registry.ID{id}, Created: known == nil}
	if known != nil {
		same, err := sameRecord(r, known)
		if err != nil || same {
			return out, err
		}
		if !r.Updated.After(known.Updated) {
			out.NotTaken = []string{"record"}
			return out, nil
		}
	}
	var claim *Input
	if r.ExternalID != "" || known != nil && known.ExternalID != "" {
		claim = &Input{Type: r.Type, ExternalID: &r.ExternalID}
	}
	out.Changed = true
	if err := r.put(ctx, tx, claim); err != nil {
		return out, err
	}
	return out, logForeign(ctx, tx, r, model)
}

// sameRecord reports whether two records say the same.
func sameRecord(a, b *record) (bool, error) {
	x, err := registry.Canonical(a)
	if err != nil {
		return false, err
	}
	y, err := registry.Canonical(b)
	return bytes.Equal(x, y), err
}

// checkPlace answers NOT_FOUND when the caller does not see the nodes that the fact names, and
// INVALID_ARGUMENT when an object of the type cannot stand there. It returns the model that the
// record is about, "" for none.
func (in *RecordForeignInput) checkPlace(ctx context.Context, tx *policies.Tx) (model registry.ID, err error) {
	of, err := in.seen(ctx, tx, "of", in.Of)
	if err != nil {
		return "", err
	}
	node, err := in.seen(ctx, tx, "node", in.Node)
	if err != nil {
		return "", err
	}
	if in.kind() == externalIDType {
		if of = node; of.Kind == registry.KindArtifact {
			return "", registry.Invalid("node", "the external id of an artifact is told with the artifact")
		}
	} else if node != nil && (node.Kind != nodeKinds[in.kind()] || node.Kind == registry.KindArtifact && node.Parent != idOr(in.Of)) {
		return "", registry.Invalid("node", "is no node that a %s of %s can be", in.kind(), idOr(in.Of))
	}
	if err := in.checkParent(ctx, tx); err != nil || of == nil {
		return "", err
	}
	switch of.Kind {
	case registry.KindModel:
		return of.ID, nil
	case registry.KindModelVersion:
		return of.Parent, nil
	case registry.KindRun:
		return "", nil
	}
	return "", registry.Invalid("of", "must be a model, a version or a run")
}

// seen returns a node that the caller sees, nil for none.
func (in *RecordForeignInput) seen(ctx context.Context, tx *policies.Tx, field string, id *registry.ID) (*graph.Node, error) {
	if id == nil {
		return nil, nil
	}
	found, err := tx.Nodes(ctx, *id)
	if err == nil && (found[0] == nil || found[0].Deleted) {
		err = registry.Errorf(registry.NotFound, "there is no %s %s that you see", field, registry.Shorten(string(*id), 60))
	}
	return found[0], err
}

// parentTypes are the types of the records that contain objects of a type.
var parentTypes = map[Type]Type{InferenceService: ServingEnvironment, ServeModel: InferenceService, ExperimentRun: Experiment, MetricPoint: ExperimentRun,
	ModelArtifact: ExperimentRun, DocArtifact: ExperimentRun, DatasetArtifact: ExperimentRun, MetricArtifact: ExperimentRun, ParameterArtifact: ExperimentRun}

// checkParent checks the node that contains the record: another record that the caller sees, or the
// version that the record is of.
func (in *RecordForeignInput) checkParent(ctx context.Context, tx *policies.Tx) error {
	if idOr(in.Parent).Kind() != registry.KindForeign {
		loose := in.Parent == nil && (in.kind().IsArtifact() || in.kind() == ServingEnvironment || in.kind() == Experiment || in.kind() == externalIDType)
		if loose && (in.Of == nil || in.kind() == externalIDType) || in.kind().IsArtifact() && in.Of != nil && idOr(in.Parent) == *in.Of {
			return nil
		}
		return registry.Invalid("parent", "is not what contains a %s", in.kind())
	}
	parent, err := load(ctx, tx, *in.Parent)
	if err != nil {
		return err
	}
	if parent == nil || parent.Type != parentTypes[in.kind()] {
		return registry.Errorf(registry.NotFound, "there is no %s %s that you see", parentTypes[in.kind()], registry.Shorten(string(*in.Parent), 60))
	}
	if parent.Of != "" {
		_, err = in.seen(ctx, tx, "parent", &parent.Of)
	} else if !parent.seenWith(tx.Scope(), nil) {
		err = registry.Errorf(registry.NotFound, "there is no %s that you see", parent.Type)
	}
	return err
}

// numbersOf puts the numbers of objects in place of their ids into fields.
func numbersOf(ctx context.Context, tx *policies.Tx, fields map[string]any) error {
	for name, kind := range refKinds {
		text, given := fields[name].(string)
		if !given {
			continue
		}
		id := registry.ID(text)
		page, err := tx.FindUnfiltered(ctx, graph.Query{Kinds: []registry.Kind{kind}, Where: []graph.Predicate{{Self: graph.SelfID, Op: graph.In, Values: []any{text}}}, Limit: 1})
		if err != nil {
			return err
		}
		if len(page.Nodes) == 0 || page.Nodes[0].Deleted {
			return registry.Errorf(registry.NotFound, "there is no %s %s that you see", name, registry.Shorten(text, 60))
		}
		if kind != registry.KindForeign {
			if found, err := tx.Nodes(ctx, id); err != nil || found[0] == nil {
				return core.FirstError(err, registry.Errorf(registry.NotFound, "there is no %s %s that you see", name, registry.Shorten(text, 60)))
			}
		}
		fields[name] = page.Nodes[0].Number
	}
	return nil
}

// writeExternalID gives an external id to a model or a version.
func (in *RecordForeignInput) writeExternalID(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	t, ok := map[registry.Kind]Type{registry.KindModel: RegisteredModel, registry.KindModelVersion: ModelVersion}[in.Node.Kind()]
	if !ok {
		return core.WriteResult{}, registry.Invalid("node", "must be a model or a version")
	}
	out := core.WriteResult{IDs: []registry.ID{externalRecord(t, in.ExternalID)}, Created: true, Changed: true}
	held, err := tx.SlotHolder(ctx, "external/"+string(*in.Node))
	if err != nil {
		return out, err
	}
	if held != nil && held.ID == out.IDs[0] {
		return core.WriteResult{IDs: out.IDs}, nil
	}
	return out, claimExternalID(ctx, tx, &Input{Type: t, ExternalID: &in.ExternalID}, *in.Node)
}
