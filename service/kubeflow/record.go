package kubeflow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// record is the stored form of an object that is no noun, or of what Kubeflow knows of an artifact
// beside its noun.
type record struct {
	Type Type `json:"type"`
	// Of is the node whose sight decides who sees the record, "" for those who see every row.
	Of registry.ID `json:"of,omitempty"`
	// Node is the noun that the object is here: an artifact, a dataset version, a deployment, a run.
	Node        registry.ID         `json:"node,omitempty"`
	Name        string              `json:"name,omitempty"`
	Description string              `json:"description,omitempty"`
	ExternalID  string              `json:"externalId,omitempty"`
	Created     time.Time           `json:"created"`
	Updated     time.Time           `json:"updated"`
	Properties  map[string]Property `json:"properties,omitempty"`
	Fields      map[string]any      `json:"fields,omitempty"`

	id     registry.ID
	parent registry.ID
	number int64
}

// keptType is the type of what is kept beside the noun of an artifact.
const keptType = "kept"

// isBeside reports whether the record is what is kept beside the noun of an artifact, and no object by
// itself.
func (r *record) isBeside() bool { return r.Node.Kind() == registry.KindArtifact }

// maxRecord is the most bytes of a record.
const maxRecord = 1 << 20

// decodeRecord reads a record.
func decodeRecord(n *graph.Node) (*record, error) {
	r := &record{id: n.ID, parent: n.Parent, number: n.Number}
	if err := core.DecodeDoc(n, r); err != nil {
		return nil, err
	}
	for name, value := range r.Fields {
		f, _ := fieldOf(r.Type, name)
		r.Fields[name] = stored(f.Kind, value)
	}
	return r, nil
}

// stored returns a value that was read from JSON as one of its kind.
func stored(kind FieldKind, value any) any {
	switch v := value.(type) {
	case float64:
		if kind == Integer || kind == Reference {
			return int64(v)
		}
	case []any:
		var list []string
		for _, x := range v {
			s, _ := x.(string)
			list = append(list, s)
		}
		return list
	}
	return value
}

// tell puts what an input says into the record.
func (r *record) tell(in *Input, now time.Time) {
	if r.Created.IsZero() {
		r.Created = now
		for _, f := range fieldTable[in.Type] {
			if f.Default != "" {
				r.setField(f.Name, f.Default)
			}
		}
	}
	r.Updated = now
	if in.Description != nil {
		r.Description = *in.Description
	}
	if in.ExternalID != nil {
		r.ExternalID = *in.ExternalID
	}
	if in.Properties != nil {
		r.Properties = in.Properties
	}
	for name, value := range in.Fields {
		r.setField(name, value)
	}
}

func (r *record) setField(name string, value any) {
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	r.Fields[name] = value
}

func (r *record) text(name string) string { s, _ := r.Fields[name].(string); return s }

func (r *record) ref(name string) int64 { n, _ := r.Fields[name].(int64); return n }

// put writes the record, and its external id.
func (r *record) put(ctx context.Context, tx *policies.Tx, in *Input) error {
	doc, err := registry.Canonical(r)
	if err != nil {
		return err
	}
	if len(doc) > maxRecord {
		return registry.Invalid("customProperties", "are longer than %d bytes with the rest of the object", maxRecord)
	}
	kind := string(r.Type)
	if r.isBeside() {
		kind = keptType
	}
	if err := tx.Put(ctx, &graph.Node{ID: r.id, Kind: registry.KindForeign, Parent: r.parent, Name: registry.Shorten(r.Name, 254), ValidFrom: r.Created, Since: tx.Now(), Doc: doc,
		Columns: map[registry.Index]any{registry.IndexNamespace: kind}}); err != nil {
		return err
	}
	if in == nil {
		return nil
	}
	holder := r.id
	if kind == keptType {
		holder = r.Node
	}
	return claimExternalID(ctx, tx, in, holder)
}

// load reads a record in a transaction, nil when there is none.
func load(ctx context.Context, tx *policies.Tx, id registry.ID) (*record, error) {
	found, err := tx.NodesUnfiltered(ctx, id)
	if err != nil || found[0] == nil || found[0].Deleted {
		return nil, err
	}
	return decodeRecord(found[0])
}

// object returns the record as an object.
func (r *record) object() *Object {
	o := &Object{Type: r.Type, ID: r.id, Number: r.number, Name: r.Name, Description: r.Description, ExternalID: r.ExternalID, Created: r.Created, Updated: r.Updated,
		Properties: r.Properties, Fields: map[string]any{}}
	maps.Copy(o.Fields, r.Fields)
	return o
}

// named returns the name of a new object, and makes one when none is given.
func named(in *Input) (string, error) {
	if valueOf(in.Name) == "" {
		return rand.Text(), nil
	}
	return *in.Name, checkName(*in.Name)
}

// checkTexts checks the texts of an input that becomes a record.
func (in *Input) checkTexts() error {
	if err := checkDescription(in.Description); err != nil {
		return err
	}
	b, err := json.Marshal(in.Fields)
	if err == nil && len(b) > maxRecord {
		err = registry.Invalid("fields", "are longer than %d bytes", maxRecord)
	}
	return err
}

// logForeign logs that a record was written which is no noun.
func logForeign(ctx context.Context, tx *policies.Tx, r *record, model registry.ID) error {
	objects := []registry.ID{r.id}
	if r.Of != "" {
		objects = append(objects, r.Of)
	}
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogForeignRecorded, Objects: objects, Model: model, Detail: core.LogDetail("system", "kubeflow", "type", string(r.Type), "name", r.Name)})
}

// visible keeps the records that the caller sees.
func (k *Kubeflow) visible(ctx context.Context, scope *policies.Scope, records []*record) ([]bool, error) {
	out, refs := make([]bool, len(records)), make([]core.NodeRef, len(records))
	for i, r := range records {
		refs[i] = core.NodeRef{ID: r.Of}
	}
	anchors, err := k.core.ReadNodes(ctx, scope, refs)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		out[i] = r.seenWith(scope, anchors[i])
	}
	return out, nil
}

// seenWith reports whether the caller sees a record whose anchor is a node, nil without one that
// the caller sees.
func (r *record) seenWith(scope *policies.Scope, anchor registry.Node) bool {
	serving := r.Type == ServingEnvironment || r.Type == InferenceService || r.Type == ServeModel
	if serving && !scope.Sees("Deployment", "environment") {
		return false
	}
	if r.Of == "" {
		switch {
		case serving:
			return scope.SeesEvery("Deployment", "environment")
		case r.Type.IsArtifact():
			return scope.SeesEvery("ModelVersion", "artifacts")
		}
		return scope.SeesEvery("Run", "parameters")
	}
	if anchor == nil {
		return false
	}
	m := anchor.NodeMeta()
	switch anchor.(type) {
	case *registry.ModelVersion:
		if serving {
			return !m.Deleted && m.Mask.Has(registry.Bit("ModelVersion", "tags"))
		}
		return !m.Deleted && m.Mask.Has(registry.Bit("ModelVersion", "artifacts"))
	case *registry.Model:
		return !m.Deleted && m.Mask.Has(registry.Bit("Model", "tags"))
	case *registry.Run:
		return m.Mask.Has(registry.Bit("Run", "parameters"))
	}
	return false
}

func checkDescription(text *string) error {
	if text == nil {
		return nil
	}
	return registry.CheckText("description", *text)
}
