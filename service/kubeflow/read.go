package kubeflow

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// KubeflowObject returns the object of a type with a number; AnyArtifact stands for all types of
// artifacts. It answers NOT_FOUND when there is none that the caller sees.
func (k *Kubeflow) KubeflowObject(ctx context.Context, t Type, number int64) (*Object, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	objects, err := k.withQuery(ctx, scope, t, func(kind registry.Kind) graph.Query { return bySerial(kind, number) })
	if err != nil || len(objects) == 0 {
		return nil, core.FirstError(err, notFound(t, number))
	}
	return objects[0], nil
}

// kindsOf are the kinds of nodes that objects of a type are.
func kindsOf(t Type) []registry.Kind {
	switch t {
	case RegisteredModel:
		return []registry.Kind{registry.KindModel}
	case ModelVersion:
		return []registry.Kind{registry.KindModelVersion}
	case AnyArtifact, ModelArtifact, DocArtifact:
		return []registry.Kind{registry.KindArtifact, registry.KindForeign}
	}
	return []registry.Kind{registry.KindForeign}
}

// find asks for nodes of a kind, with the sight of the caller but for records.
func find(ctx context.Context, scope *policies.Scope, q graph.Query) (graph.Page, error) {
	if q.Kinds[0] == registry.KindForeign {
		return scope.Records(ctx, q)
	}
	return scope.Find(ctx, q)
}

// withQuery returns the objects of a type that a query for each of its kinds finds.
func (k *Kubeflow) withQuery(ctx context.Context, scope *policies.Scope, t Type, query func(registry.Kind) graph.Query) (out []*Object, err error) {
	for _, kind := range kindsOf(t) {
		page, err := find(ctx, scope, query(kind))
		if err != nil {
			return nil, err
		}
		objects, err := k.objectsOf(ctx, scope, page.Nodes)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if o != nil && (o.Type == t || t == AnyArtifact && o.Type.IsArtifact()) {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

// objectsOf returns the objects that nodes are, in their order; nil for what the caller does not
// see, and for what is no object.
func (k *Kubeflow) objectsOf(ctx context.Context, scope *policies.Scope, nodes []*graph.Node) ([]*Object, error) {
	out, nouns := make([]*Object, len(nodes)), make([]registry.Node, len(nodes))
	var records []*record
	var keptOf []registry.ID
	at := map[registry.ID]int{}
	for i, n := range nodes {
		if n.Deleted || n.Hidden {
			continue
		}
		if n.Kind == registry.KindForeign {
			if n.Parent == registry.ExternalIDs {
				continue
			}
			r, err := decodeRecord(n)
			if err != nil {
				return nil, err
			}
			if r.isBeside() {
				continue
			}
			records, at[n.ID] = append(records, r), i
			continue
		}
		noun, err := k.core.Decode(n, registry.Instant{})
		if err != nil {
			return nil, err
		}
		if nouns[i] = noun; n.Kind == registry.KindArtifact {
			keptOf = append(keptOf, keptID(n.ID))
		}
	}
	core.Siblings(ctx, nouns)
	kept, err := keptRecords(ctx, scope, keptOf)
	if err != nil {
		return nil, err
	}
	for i, noun := range nouns {
		switch noun := noun.(type) {
		case *registry.Model:
			out[i] = modelObject(noun)
		case *registry.ModelVersion:
			if out[i], err = k.versionObject(ctx, noun); err != nil {
				return nil, err
			}
		case *registry.Artifact:
			out[i] = artifactObject(noun, kept[keptID(noun.ID)])
		}
	}
	seen, err := k.visible(ctx, scope, records)
	for i, r := range records {
		if err == nil && seen[i] {
			out[at[r.id]] = r.object()
		}
	}
	return out, err
}

// keptRecords returns what is kept beside artifacts, by its id.
func keptRecords(ctx context.Context, scope *policies.Scope, ids []registry.ID) (map[registry.ID]*record, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	nodes, err := recordsByID(ctx, scope, ids...)
	if err != nil {
		return nil, err
	}
	out := map[registry.ID]*record{}
	for _, n := range nodes {
		if out[n.ID], err = decodeRecord(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// objectWithID returns the object that a node is, nil when there is none that the caller sees.
func (k *Kubeflow) objectWithID(ctx context.Context, id registry.ID) (*Object, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	byID := graph.Query{Kinds: []registry.Kind{id.Kind()}, Where: []graph.Predicate{{Self: graph.SelfID, Op: graph.In, Values: []any{string(id)}}}, Limit: 1}
	page, err := find(ctx, scope, byID)
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	objects, err := k.objectsOf(ctx, scope, page.Nodes)
	if err != nil {
		return nil, err
	}
	return objects[0], nil
}

// nounNumbered returns the noun of a kind with a number.
func nounNumbered[N registry.Node](ctx context.Context, k *Kubeflow, kind registry.Kind, t Type, number int64) (N, error) {
	var none N
	scope, err := k.read(ctx)
	if err != nil {
		return none, err
	}
	page, err := scope.Find(ctx, bySerial(kind, number))
	if err != nil || len(page.Nodes) == 0 || page.Nodes[0].Deleted {
		return none, core.FirstError(err, notFound(t, number))
	}
	return core.NounAs[N](k.core.Decode(page.Nodes[0], registry.Instant{}))
}

func (k *Kubeflow) modelNumbered(ctx context.Context, number int64) (*registry.Model, error) {
	return nounNumbered[*registry.Model](ctx, k, registry.KindModel, RegisteredModel, number)
}

func (k *Kubeflow) versionNumbered(ctx context.Context, number int64) (*registry.ModelVersion, error) {
	return nounNumbered[*registry.ModelVersion](ctx, k, registry.KindModelVersion, ModelVersion, number)
}

// recordNumbered returns the record of a type with a number that the caller sees.
func (k *Kubeflow) recordNumbered(ctx context.Context, number int64, types ...Type) (*record, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	page, err := scope.Records(ctx, bySerial(registry.KindForeign, number))
	if err != nil || len(page.Nodes) == 0 {
		return nil, core.FirstError(err, notFound(types[0], number))
	}
	r, err := k.seenRecord(ctx, scope, page.Nodes[0])
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		if r != nil && r.Type == t {
			return r, nil
		}
	}
	return nil, notFound(types[0], number)
}

// recordWithID returns a record that the caller sees, nil when there is none.
func (k *Kubeflow) recordWithID(ctx context.Context, id registry.ID) (*record, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := recordsByID(ctx, scope, id)
	if err != nil || len(nodes) == 0 {
		return nil, err
	}
	return k.seenRecord(ctx, scope, nodes[0])
}

func (k *Kubeflow) seenRecord(ctx context.Context, scope *policies.Scope, n *graph.Node) (*record, error) {
	if n.Deleted || n.Parent == registry.ExternalIDs {
		return nil, nil
	}
	r, err := decodeRecord(n)
	if err != nil || r.isBeside() {
		return nil, err
	}
	seen, err := k.visible(ctx, scope, []*record{r})
	if err != nil || !seen[0] {
		return nil, err
	}
	return r, nil
}

// artifactNumbered returns the artifact with a number: its noun and what is kept beside it, or its
// record alone.
func (k *Kubeflow) artifactNumbered(ctx context.Context, number int64) (*registry.Artifact, *record, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	page, err := scope.Find(ctx, bySerial(registry.KindArtifact, number))
	if err != nil {
		return nil, nil, err
	}
	if len(page.Nodes) == 0 {
		r, err := k.recordNumbered(ctx, number, ArtifactTypes()...)
		return nil, r, err
	}
	a, err := core.NounAs[*registry.Artifact](k.core.Decode(page.Nodes[0], registry.Instant{}))
	if err != nil {
		return nil, nil, err
	}
	kept, err := keptRecords(ctx, scope, []registry.ID{keptID(a.ID)})
	return a, kept[keptID(a.ID)], err
}

// versionNamed returns the version of a model with a name, nil when there is none that the caller
// sees.
func (k *Kubeflow) versionNamed(ctx context.Context, m *registry.Model, name string) (*registry.ModelVersion, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	page, err := scope.Find(ctx, graph.SlotQuery(registry.LabelSlot(m.ID, name), registry.KindModelVersion))
	if err != nil {
		return nil, err
	}
	found := page.Nodes
	if len(found) == 0 {
		if found, err = scope.Nodes(ctx, graph.Instant{}, registry.ModelVersionID(m.ID, name)); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 || found[0] == nil || found[0].Deleted || found[0].Hidden {
		return nil, nil
	}
	v, err := core.NounAs[*registry.ModelVersion](k.core.Decode(found[0], registry.Instant{}))
	if err != nil || nameOfVersion(v) != name {
		return nil, err
	}
	return v, nil
}

// KubeflowFind returns the object of a type with an external id or, without one, with a name in a
// parent; nil when there is none that the caller sees.
func (k *Kubeflow) KubeflowFind(ctx context.Context, t Type, name string, parent int64, external string) (*Object, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	if external != "" {
		id, err := holderOf(ctx, scope, t, external)
		if err != nil || id == "" {
			return nil, err
		}
		return k.ofType(ctx, id, t)
	}
	ids, err := k.idsNamed(ctx, t, name, parent)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if o, err := k.ofType(ctx, id, t); o != nil || err != nil {
			return o, err
		}
	}
	return nil, nil
}

func (k *Kubeflow) ofType(ctx context.Context, id registry.ID, t Type) (*Object, error) {
	o, err := k.objectWithID(ctx, id)
	if err != nil || o == nil || o.Type != t && !(t == AnyArtifact && o.Type.IsArtifact()) {
		return nil, err
	}
	return o, nil
}

// idsNamed returns the ids that an object with a name in a parent can have.
func (k *Kubeflow) idsNamed(ctx context.Context, t Type, name string, parent int64) ([]registry.ID, error) {
	switch t {
	case RegisteredModel:
		m, err := k.catalog.Model(ctx, name)
		if err != nil || m == nil || m.Name != name {
			return nil, err
		}
		return []registry.ID{m.ID}, nil
	case ModelVersion:
		m, err := k.modelNumbered(ctx, parent)
		if err != nil {
			return nil, withoutParent(err)
		}
		v, err := k.versionNamed(ctx, m, name)
		if err != nil || v == nil {
			return nil, err
		}
		return []registry.ID{v.ID}, nil
	case ServingEnvironment, Experiment:
		return []registry.ID{registry.ForeignID(string(t), name)}, nil
	case InferenceService, ExperimentRun:
		container := map[Type]Type{InferenceService: ServingEnvironment, ExperimentRun: Experiment}[t]
		r, err := k.recordNumbered(ctx, parent, container)
		if err != nil {
			return nil, withoutParent(err)
		}
		return []registry.ID{registry.ForeignID(string(t), string(r.id), name)}, nil
	}
	return k.artifactsNamed(ctx, t, name, parent)
}

// withoutParent is the error of a search in a parent: one that is not there has nothing.
func withoutParent(err error) error {
	if registry.CodeOf(err) == registry.NotFound {
		return nil
	}
	return err
}

func (k *Kubeflow) artifactsNamed(ctx context.Context, t Type, name string, parent int64) (out []registry.ID, err error) {
	container := registry.LooseArtifacts
	v, err := k.versionNumbered(ctx, parent)
	if err != nil && registry.CodeOf(err) != registry.NotFound {
		return nil, err
	}
	if err == nil {
		container = v.ID
		out = append(out, registry.ArtifactID(v.ID, name))
	} else if parent != 0 {
		run, err := k.recordNumbered(ctx, parent, ExperimentRun)
		if err != nil {
			return nil, withoutParent(err)
		}
		container = run.id
	}
	types := []Type{t}
	if t == AnyArtifact {
		types = ArtifactTypes()
	}
	for _, t := range types {
		out = append(out, registry.ForeignID(string(t), string(container), name))
	}
	return out, nil
}

// KubeflowVersionOf returns the version that an inference service serves: its own, or the newest
// of its model.
func (k *Kubeflow) KubeflowVersionOf(ctx context.Context, service int64) (*Object, error) {
	r, err := k.recordNumbered(ctx, service, InferenceService)
	if err != nil {
		return nil, err
	}
	if number := r.ref("modelVersionId"); number != 0 {
		return k.KubeflowObject(ctx, ModelVersion, number)
	}
	m, err := k.modelNumbered(ctx, r.ref("registeredModelId"))
	if err != nil {
		return nil, err
	}
	v, err := k.catalog.VersionByNumber(ctx, m.Name, 0)
	if err != nil || v == nil {
		return nil, core.FirstError(err, notFound(ModelVersion, service))
	}
	return k.versionObject(ctx, v)
}

// KubeflowModelOf returns the model that an inference service serves.
func (k *Kubeflow) KubeflowModelOf(ctx context.Context, service int64) (*Object, error) {
	r, err := k.recordNumbered(ctx, service, InferenceService)
	if err != nil {
		return nil, err
	}
	return k.KubeflowObject(ctx, RegisteredModel, r.ref("registeredModelId"))
}
