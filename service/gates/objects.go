package gates

import (
	"time"

	"pedigree/governance/gate"
	"pedigree/graph"
	"pedigree/registry"
)

// These functions turn nouns into the objects of conditions. A text that is empty is known to be
// empty. A number, a time or a yes-or-no that nobody recorded is left out: it is unknown.

func tagsOf(tags []registry.KeyValue) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[t.Key] = t.Value
	}
	return out
}

func metricsOf(metrics []registry.Metric) map[string]float64 {
	out := map[string]float64{}
	for _, m := range metrics {
		out[m.Name] = m.Value
	}
	return out
}

// setTimes sets fields to times that are known; pairs are the names and the times.
func setTimes(o *gate.Object, pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		if at := pairs[i+1].(time.Time); !at.IsZero() {
			o.Fields[pairs[i].(string)] = at
		}
	}
}

func setNumber[N int64 | float64 | bool](o *gate.Object, field string, n *N) {
	if n != nil {
		o.Fields[field] = *n
	}
}

func versionObject(typ string, v *registry.ModelVersion) *gate.Object {
	o := &gate.Object{Type: typ, ID: v.ID, Name: v.Name, Fields: map[string]any{"id": string(v.ID), "model": v.ModelName, "version": v.Version, "stage": string(v.Stage), "label": v.Label,
		"description": v.Description, "owner": v.Owner, "creator": v.Creator, "tags": tagsOf(v.Tags)}}
	setTimes(o, "created", v.CreatedDate, "recorded", v.RecordedAt)
	return o
}

// cardObject returns the card of a node; of one that is not there nothing is known.
func cardObject(n *graph.Node) (*gate.Object, error) {
	o := &gate.Object{Type: "Card", Fields: map[string]any{}}
	c, ok, err := decoded(n, &registry.ModelCard{})
	if err != nil || !ok {
		return o, err
	}
	complete := c.Completeness()
	o.ID, o.Name = c.ID, c.Name
	o.Fields = map[string]any{"description": c.Description, "complete": complete.Complete, "missing": complete.Missing}
	metrics := map[string]float64{}
	if p := c.Performance; p != nil {
		metrics = metricsOf(p.Metrics)
		for name, value := range map[string]*float64{"accuracy": p.Accuracy, "precision": p.Precision, "recall": p.Recall, "f1Score": p.F1Score} {
			if setNumber(o, name, value); value != nil {
				metrics[name] = *value
			}
		}
	}
	o.Fields["metrics"] = metrics
	if d := c.ModelDetails; d != nil {
		setTexts(o, "algorithm", d.Algorithm, "framework", d.Framework)
	}
	if e := c.EthicalConsiderations; e != nil {
		setNumber(o, "fairnessChecked", e.FairnessChecked)
		setNumber(o, "biasAuditDone", e.BiasAuditDone)
		setList(o, "protectedGroups", e.ProtectedGroups)
	}
	if t := c.Training; t != nil {
		setTexts(o, "trainingDataVersion", t.TrainingDataVersion)
		setTimes(o, "trainingDate", t.TrainingDate)
		setNumber(o, "samplesUsed", t.SamplesUsed)
	}
	setList(o, "features", c.Features)
	setList(o, "limitations", c.Limitations)
	return o, nil
}

// setTexts sets fields of a card that somebody filled in; pairs are the names and the texts.
func setTexts(o *gate.Object, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			o.Fields[pairs[i]] = pairs[i+1]
		}
	}
}

func setList(o *gate.Object, field string, list []string) {
	if len(list) > 0 {
		o.Fields[field] = list
	}
}

// datasetObject returns a dataset version; container is the node of its dataset.
func datasetObject(n, container *graph.Node) (*gate.Object, error) {
	d, ok, err := decoded(n, &registry.DatasetVersion{})
	if err != nil || !ok {
		return gone("Dataset", n), err
	}
	tags := map[string]string{}
	parent, ok, err := decoded(container, &registry.Dataset{})
	if err != nil {
		return nil, err
	}
	if ok {
		tags = tagsOf(parent.Tags)
	}
	licence := licenceOf(tags)
	own := tagsOf(d.Tags)
	for k, v := range own {
		tags[k] = v
	}
	if l := licenceOf(own); l != "" {
		licence = l
	}
	o := &gate.Object{Type: "Dataset", ID: d.ID, Name: d.Name, Fields: map[string]any{"id": string(d.ID), "name": d.Name, "namespace": d.Namespace, "version": d.Version, "digest": d.Digest,
		"role": string(d.Role), "licence": licence, "tags": tags}}
	setNumber(o, "rows", d.Rows)
	setNumber(o, "sizeBytes", d.SizeBytes)
	setTimes(o, "created", d.CreatedAt)
	return o, nil
}

// licenceOf returns the licence that tags name, in either spelling.
func licenceOf(tags map[string]string) string {
	if l := tags["licence"]; l != "" {
		return l
	}
	return tags["license"]
}

// gone returns an object of which only the id, the name and the recall are known, because the node was
// deleted.
func gone(typ string, n *graph.Node) *gate.Object {
	return &gate.Object{Type: typ, ID: n.ID, Name: n.Name, Fields: map[string]any{"id": string(n.ID), "name": n.Name}}
}

// runObject returns a run. hasCommit is nil when it is not known whether one is recorded.
func runObject(n *graph.Node, hasCommit *bool) (*gate.Object, error) {
	r, ok, err := decoded(n, &registry.Run{})
	if err != nil || !ok {
		return gone("Run", n), err
	}
	o := &gate.Object{Type: "Run", ID: r.ID, Name: r.Name, Fields: map[string]any{"id": string(r.ID), "name": r.Name, "kind": string(r.RunKind), "status": string(r.Status), "producer": r.Producer,
		"actor": r.Actor, "metrics": metricsOf(r.Metrics), "tags": tagsOf(r.Tags)}}
	if r.Status == "" {
		o.Fields["status"] = string(registry.RunComplete)
	}
	setNumber(o, "hasCommit", hasCommit)
	setTimes(o, "started", r.StartedAt, "ended", r.EndedAt)
	return o, nil
}

func commitObject(n *graph.Node) (*gate.Object, error) {
	c, ok, err := decoded(n, &registry.Commit{})
	if err != nil || !ok {
		o := gone("Commit", n)
		delete(o.Fields, "name")
		return o, err
	}
	o := &gate.Object{Type: "Commit", ID: c.ID, Name: c.Name, Fields: map[string]any{"id": string(c.ID), "sha": c.SHA}}
	if !c.Bare() { // Of a bare commit nobody told more than the sha.
		for name, value := range map[string]any{"author": c.Author, "email": c.Email, "message": c.Message, "repository": c.Repository, "signed": c.Signature != ""} {
			o.Fields[name] = value
		}
	}
	setTimes(o, "authored", c.AuthoredAt)
	return o, nil
}

func tagObject(n *graph.Node) (*gate.Object, error) {
	t, ok, err := decoded(n, &registry.Tag{})
	if err != nil || !ok {
		return gone("Tag", n), err
	}
	return &gate.Object{Type: "Tag", ID: t.ID, Name: t.Name, Fields: map[string]any{"id": string(t.ID), "name": t.Name, "repository": t.Repository, "sha": t.SHA, "annotated": t.Annotated,
		"tagger": t.Tagger}}, nil
}

func featureObject(n *graph.Node) (*gate.Object, error) {
	f, ok, err := decoded(n, &registry.Feature{})
	if err != nil || !ok {
		return gone("Feature", n), err
	}
	return &gate.Object{Type: "Feature", ID: f.ID, Name: f.Name, Fields: map[string]any{"id": string(f.ID), "name": f.Name, "type": f.Type, "owner": f.Owner, "column": f.Column}}, nil
}
