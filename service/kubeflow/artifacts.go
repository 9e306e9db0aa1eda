package kubeflow

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// nativeArtifact are the fields of an artifact that its noun has.
var nativeArtifact = []string{"uri", "modelFormatName", "storageKey", "serviceAccountName"}

// keptID is the id of what is kept beside the noun of an artifact.
func keptID(artifact registry.ID) registry.ID { return registry.ForeignID(keptType, string(artifact)) }

// artifactObject returns an artifact and what is kept beside it, nil when nothing is.
func artifactObject(a *registry.Artifact, kept *record) *Object {
	o := &Object{Type: ModelArtifact, Created: a.RecordedAt, Updated: a.RecordedAt, Fields: map[string]any{"state": "UNKNOWN"}, Properties: map[string]Property{}}
	if kept != nil {
		o = kept.object()
	}
	o.ID, o.Number, o.Name = a.ID, a.Serial, a.Name
	o.set("uri", a.URI)
	if o.Type == ModelArtifact {
		o.set("modelFormatName", a.Format)
		o.set("storageKey", a.StorageKey)
		o.set("serviceAccountName", a.ServiceAccountName)
	}
	return o
}

// createArtifact records an artifact of a version, of an experiment run or of nothing. A model or
// document of a name that is taken is ALREADY_EXISTS; of the other types, it is changed.
func (k *Kubeflow) createArtifact(ctx context.Context, in *Input) (id registry.ID, created bool, err error) {
	name, err := named(in)
	if err != nil {
		return "", false, err
	}
	in.Name = &name
	if err := in.checkTexts(); err != nil {
		return "", false, err
	}
	switch {
	case in.Parent == 0:
		id, created, err = k.putLoose(ctx, in, nil)
	case in.ParentType == ExperimentRun:
		run, err := k.recordNumbered(ctx, in.Parent, ExperimentRun)
		if err != nil {
			return "", false, err
		}
		return k.putOfRun(ctx, in, run)
	default:
		v, err := k.versionNumbered(ctx, in.Parent)
		if err != nil {
			return "", false, err
		}
		if in.Type == ModelArtifact || in.Type == DocArtifact {
			return k.putReference(ctx, in, v, true)
		}
		return k.putEvidence(ctx, in, v)
	}
	return id, created, err
}

// putReference records a model or document of a version, or changes it.
func (k *Kubeflow) putReference(ctx context.Context, in *Input, v *registry.ModelVersion, isNew bool) (id registry.ID, created bool, err error) {
	id = registry.ArtifactID(v.ID, *in.Name)
	err = k.write(ctx, registry.ArtifactWrite, func(ctx context.Context, tx *policies.Tx) error {
		now, _, err := catalog.FindVersion(ctx, tx, nil, nil, &v.ID)
		if err != nil {
			return err
		}
		found, err := tx.Nodes(ctx, id)
		if err != nil {
			return err
		}
		if created = found[0] == nil; !created && isNew && !found[0].Deleted {
			return alreadyExists(in.Type, *in.Name)
		}
		reference, err := referenceOf(in, found[0])
		if err != nil {
			return err
		}
		kept, err := load(ctx, tx, keptID(id))
		if err != nil {
			return err
		}
		if kept == nil {
			kept = &record{Type: in.Type, Of: v.ID, Node: id, Name: *in.Name, id: keptID(id), parent: v.ID}
		}
		kept.tell(in, tx.Now())
		for _, name := range nativeArtifact {
			delete(kept.Fields, name)
		}
		if err := kept.put(ctx, tx, in); err != nil {
			return err
		}
		if err := linkSource(ctx, tx, now, kept); err != nil {
			return err
		}
		result, err := catalog.SetArtifact(ctx, tx, now, reference)
		if err != nil || result.Changed {
			return err
		}
		return logForeign(ctx, tx, kept, v.Parent)
	})
	return id, created, err
}

// referenceOf returns the noun of a model or document: what the stored one says, and what the
// input changes.
func referenceOf(in *Input, old *graph.Node) (catalog.ArtifactInput, error) {
	out := catalog.ArtifactInput{Name: *in.Name}
	if old != nil && !old.Deleted {
		a, err := core.DecodeWhole(old, &registry.Artifact{})
		if err != nil {
			return out, err
		}
		out = catalog.ArtifactInput{Name: a.Name, URI: a.URI, Digest: a.Digest, SizeBytes: a.SizeBytes, Format: a.Format, StorageKey: a.StorageKey, ServiceAccountName: a.ServiceAccountName}
	}
	for i, field := range []*string{&out.URI, &out.Format, &out.StorageKey, &out.ServiceAccountName} {
		if text, ok := in.text(nativeArtifact[i]); ok {
			*field = text
		}
	}
	return out, nil
}

// linkSource records the run that an artifact's modelSource names, and that it made the version,
// for callers who may record runs.
func linkSource(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, r *record) error {
	id := r.text("modelSourceId")
	if id == "" || !tx.MayOn(registry.RunRecord, policies.Target{}) {
		return nil
	}
	run := facts.RecordRunInput{Producer: cmp.Or(r.text("modelSourceKind"), "kubeflow"), RunID: id, Name: cmp.Or(r.text("modelSourceName"), id), Outputs: []registry.ID{v.ID}}
	for key, value := range map[string]string{"kubeflow.class": r.text("modelSourceClass"), "kubeflow.group": r.text("modelSourceGroup")} {
		if value != "" {
			run.Tags = append(run.Tags, registry.KeyValue{Key: key, Value: value})
		}
	}
	slices.SortFunc(run.Tags, func(a, b registry.KeyValue) int { return strings.Compare(a.Key, b.Key) })
	if err := run.CheckFact(); err != nil {
		return err
	}
	_, err := run.WriteFact(ctx, tx)
	return err
}

// putEvidence records a dataset, metric or parameter of a version, or changes it.
func (k *Kubeflow) putEvidence(ctx context.Context, in *Input, v *registry.ModelVersion) (id registry.ID, created bool, err error) {
	id = registry.ForeignID(string(in.Type), string(v.ID), *in.Name)
	action := registry.CardUpdate
	if in.Type == DatasetArtifact {
		action = registry.DatasetRecord
	}
	err = k.write(ctx, action, func(ctx context.Context, tx *policies.Tx) error {
		now, _, err := catalog.FindVersion(ctx, tx, nil, nil, &v.ID)
		if err != nil {
			return err
		}
		if err := tx.CheckTarget(policies.Target{Model: v.Parent}); err != nil {
			return err
		}
		r, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if created = r == nil; created {
			r = &record{Type: in.Type, Of: v.ID, Name: *in.Name, id: id, parent: v.ID}
		}
		r.tell(in, tx.Now())
		switch in.Type {
		case DatasetArtifact:
			if r.Node, err = recordDataset(ctx, tx, r, now.ID); err != nil {
				return err
			}
		default:
			if err := noteOnCard(ctx, tx, r, now); err != nil {
				return err
			}
		}
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, v.Parent)
	})
	return id, created, err
}

// recordDataset records the version of a dataset that an artifact is, and that a model version
// derives from it, where the caller may link lineage.
func recordDataset(ctx context.Context, tx *policies.Tx, r *record, effect registry.ID) (registry.ID, error) {
	uri := cmp.Or(r.text("uri"), r.text("source"))
	d := facts.RecordDatasetVersionInput{Dataset: r.Name, URI: uri, Digest: r.text("digest")}
	if scheme, rest, ok := strings.Cut(uri, "://"); ok {
		if host, path, _ := strings.Cut(rest, "/"); host != "" && path != "" {
			d.Namespace, d.Dataset = scheme+"://"+host, path
		}
	}
	if core.CheckDigest("digest", d.Digest) != nil {
		d.Version, d.Digest = d.Digest, ""
	}
	if err := d.CheckFact(); err != nil {
		return "", err
	}
	result, err := d.WriteFact(ctx, tx)
	if err != nil {
		return "", err
	}
	id := result.IDs[0]
	if effect == "" || !tx.MayOn(registry.LineageLink, policies.Target{}) {
		return id, nil
	}
	link := facts.LinkLineageInput{From: effect, To: id, Kind: registry.EdgeDerivedFrom}
	if effect.Kind() == registry.KindRun {
		link.Kind = registry.EdgeUsed
	}
	_, err = link.WriteFact(ctx, tx)
	return id, err
}

// noteOnCard writes a metric or a parameter into the card of a version.
func noteOnCard(ctx context.Context, tx *policies.Tx, r *record, v *registry.ModelVersion) error {
	nodes, err := tx.NodesUnfiltered(ctx, registry.CardID(v.ID))
	if err != nil || nodes[0] == nil || nodes[0].Deleted {
		return err
	}
	card, err := core.DecodeWhole(nodes[0], &registry.ModelCard{})
	if err != nil {
		return err
	}
	change := catalog.UpdateModelCardInput{ID: &v.ID, Card: &catalog.ModelCardInput{}}
	if r.Type == MetricArtifact {
		value, ok := r.Fields["value"].(float64)
		if !ok {
			return nil
		}
		change.Card.Performance = metricOf(card.Performance, r.Name, value)
	} else {
		parameters := map[string]json.RawMessage{}
		if card.ModelDetails != nil && len(card.ModelDetails.Hyperparameters) > 0 && json.Unmarshal(card.ModelDetails.Hyperparameters, &parameters) != nil {
			return nil // They are no object; what somebody wrote there stays.
		}
		parameters[r.Name] = parameterOf(r)
		raw, err := registry.Canonical(parameters)
		if err != nil {
			return err
		}
		change.Card.ModelDetails = &registry.ModelDetails{Hyperparameters: raw}
	}
	_, err = catalog.ChangeCard(ctx, tx, change)
	return err
}

// metricOf returns what a metric changes in a card.
func metricOf(known *registry.Performance, name string, value float64) *registry.Performance {
	out := &registry.Performance{}
	named := map[string]**float64{"accuracy": &out.Accuracy, "precision": &out.Precision, "recall": &out.Recall, "f1Score": &out.F1Score}
	if field := named[name]; field != nil && value >= 0 && value <= 1 {
		*field = &value
		return out
	}
	if known != nil {
		out.Metrics = slices.Clone(known.Metrics)
	}
	if i := slices.IndexFunc(out.Metrics, func(m registry.Metric) bool { return m.Name == name }); i >= 0 {
		out.Metrics[i].Value = value
	} else {
		out.Metrics = append(out.Metrics, registry.Metric{Name: name, Value: value})
	}
	return out
}

// parameterOf returns the value of a parameter as JSON of its type.
func parameterOf(r *record) json.RawMessage {
	text := r.text("value")
	if t := r.text("parameterType"); t != "" && t != "string" && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	b, _ := json.Marshal(text) // A string is always JSON.
	return b
}

// putLoose records an artifact that belongs to nothing, or changes it.
func (k *Kubeflow) putLoose(ctx context.Context, in *Input, known *record) (id registry.ID, created bool, err error) {
	id = registry.ForeignID(string(in.Type), string(registry.LooseArtifacts), *in.Name)
	err = k.write(ctx, registry.ArtifactWrite, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{}); err != nil {
			return err
		}
		r, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if created = r == nil; created {
			r = &record{Type: in.Type, Name: *in.Name, id: id, parent: registry.LooseArtifacts}
		} else if known == nil && (in.Type == ModelArtifact || in.Type == DocArtifact) {
			return alreadyExists(in.Type, *in.Name)
		}
		r.tell(in, tx.Now())
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, "")
	})
	return id, created, err
}

// updateArtifact changes an artifact by its number.
func (k *Kubeflow) updateArtifact(ctx context.Context, in *Input) (registry.ID, error) {
	if err := in.checkTexts(); err != nil {
		return "", err
	}
	a, kept, err := k.artifactNumbered(ctx, in.Number)
	if err != nil {
		return "", err
	}
	t := ModelArtifact
	if kept != nil {
		t = kept.Type
	}
	if in.Type != "" && in.Type != AnyArtifact && in.Type != t {
		return "", registry.Invalid("artifactType", "is %s and does not change", t)
	}
	in.Type = t
	if a != nil {
		in.Name = &a.Name
		v, err := core.NounAs[*registry.ModelVersion](k.core.NodeAt(ctx, registry.Instant{}, a.Parent))
		if err != nil || v == nil {
			return "", core.FirstError(err, notFound(t, in.Number))
		}
		id, _, err := k.putReference(ctx, in, v, false)
		return id, err
	}
	in.Name = &kept.Name
	if kept.parent == registry.LooseArtifacts {
		id, _, err := k.putLoose(ctx, in, kept)
		return id, err
	}
	parent, err := k.core.NodeAt(ctx, registry.Instant{}, kept.Of)
	if err != nil {
		return "", err
	}
	if v, ok := parent.(*registry.ModelVersion); ok {
		id, _, err := k.putEvidence(ctx, in, v)
		return id, err
	}
	run, err := k.recordWithID(ctx, kept.parent)
	if err != nil || run == nil {
		return "", core.FirstError(err, notFound(t, in.Number))
	}
	id, _, err := k.putOfRun(ctx, in, run)
	return id, err
}
