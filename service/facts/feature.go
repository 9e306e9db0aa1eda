package facts

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// RecordFeatureInput describes a feature, identified by DefinedOn and Column or by Model and
// Name.
type RecordFeatureInput struct {
	Name           string       `json:"name,omitzero"`
	DefinedOn      *registry.ID `json:"definedOn,omitzero"`
	Column         string       `json:"column,omitzero"`
	Model          string       `json:"model,omitzero"`
	Type           string       `json:"type,omitzero"`
	Description    string       `json:"description,omitzero"`
	Owner          string       `json:"owner,omitzero"`
	CreatedAt      time.Time    `json:"createdAt,omitzero"`
	IdempotencyKey *string      `json:"-"`
}

// RecordFeaturePayload has the feature, whether it is new, and the names of told fields that
// were not taken; see core.Written.
type RecordFeaturePayload struct {
	Feature  *registry.Feature
	Created  bool
	NotTaken []string
}

// RecordFeature records a feature of a dataset's column or of a model. It answers
// INVALID_ARGUMENT when the dataset version lists columns and has no such column.
func (r *Recorder) RecordFeature(ctx context.Context, in RecordFeatureInput) (*RecordFeaturePayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.FeatureRecord, core.Idempotent("recordFeature", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeFeature(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	f, err := core.NounAs[*registry.Feature](r.core.ReadBack(ctx, result, result.IDs[0]))
	return &RecordFeaturePayload{f, result.Created, result.NotTaken}, err
}

func (in *RecordFeatureInput) check() error {
	if err := core.FirstError(core.CheckKey("name", &in.Name), core.CheckKey("column", &in.Column), core.CheckKey("model", &in.Model), core.CheckText("type", &in.Type), core.CheckText("description", &in.Description),
		core.CheckKey("owner", &in.Owner), core.CheckTime("createdAt", in.CreatedAt)); err != nil {
		return err
	}
	byColumn := in.DefinedOn != nil && in.Column != ""
	if byColumn == (in.Model != "") || in.Model != "" && in.Name == "" && in.Column == "" {
		return registry.Invalid("definedOn", "give definedOn and column, or model and name")
	}
	return nil
}

func writeFeature(ctx context.Context, tx *policies.Tx, in RecordFeatureInput) (core.WriteResult, error) {
	if in.Model != "" && in.Name == "" {
		in.Name = in.Column
	}
	f := &registry.Feature{Name: in.Name, Type: in.Type, Description: in.Description, Owner: in.Owner, Column: in.Column, RecordedAt: tx.Now()}
	var edges []*graph.Edge
	if in.Model != "" {
		m, _, err := catalog.FindModel(ctx, tx, &in.Model, nil)
		if err != nil {
			return core.WriteResult{}, err
		}
		f.ID, f.Of = registry.FeatureID(m.ID, in.Name), string(m.ID)
	} else {
		dv, err := columnOf(ctx, tx, *in.DefinedOn, in.Column)
		if err != nil {
			return core.WriteResult{}, err
		}
		f.ID, f.Of = registry.FeatureID(dv.Parent, in.Column), string(dv.Parent)
		edges = append(edges, &graph.Edge{Kind: registry.EdgeDefinedOn, From: f.ID, To: dv.ID})
	}
	found, err := tx.NodesUnfiltered(ctx, f.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	written, err := core.PutFact(ctx, tx, core.ToldFact{Old: found[0], Noun: f, At: in.CreatedAt, SetTime: func(at time.Time) { f.CreatedAt = at },
		Defaults: map[string]string{"name": in.Column}})
	if err != nil {
		return core.WriteResult{}, err
	}
	return core.LinkAndLog(ctx, tx, written, f.ID, edges, registry.LogEntry{Action: registry.LogFeatureRecorded,
		Objects: []registry.ID{f.ID}, Detail: core.LogDetail("feature", f.Name, "column", f.Column)})
}

// columnOf returns the dataset version that a feature is defined on and checks that it has the
// column.
func columnOf(ctx context.Context, tx *policies.Tx, id registry.ID, column string) (*registry.DatasetVersion, error) {
	nodes, err := tx.Nodes(ctx, id)
	if err != nil {
		return nil, err
	}
	if nodes[0] == nil || nodes[0].Kind != registry.KindDatasetVersion {
		return nil, registry.Errorf(registry.NotFound, "there is no dataset version %s; record it first", registry.Shorten(string(id), 60))
	}
	dv, err := core.DecodeWhole(nodes[0], &registry.DatasetVersion{})
	if err != nil {
		return nil, err
	}
	for _, c := range dv.Columns {
		if c.Name == column {
			return dv, nil
		}
	}
	if len(dv.Columns) > 0 {
		return nil, registry.Invalid("column", "%s has no column %q", dv.Name, column)
	}
	return dv, nil
}

// maxFeatures is how many features a list tells. It has no pages: a longer one is refused, and
// not cut.
const maxFeatures = 1000

// FeaturesOf lists the features that a version was trained on and that the caller sees. More
// than maxFeatures are RESOURCE_EXHAUSTED.
func (r *Recorder) FeaturesOf(ctx context.Context, v *registry.ModelVersion) ([]*registry.Feature, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := core.HopQuery{Direction: graph.Upstream, Edge: registry.EdgeUsesFeature, Limit: maxFeatures, At: v.ReadAt}
	found, err := core.LoadHops(ctx, scope, v, q, func(ctx context.Context, hops []graph.Neighbors) ([]featureList, error) {
		out, lists := make([]featureList, len(hops)), make([][]*registry.Feature, len(hops))
		for i, h := range hops {
			out[i] = featureList{features: []*registry.Feature{}, more: h.More}
			for _, n := range h.Nodes {
				f, err := core.NounAs[*registry.Feature](r.core.Decode(n, q.At))
				if err != nil {
					return nil, err
				}
				if f != nil {
					out[i].features = append(out[i].features, f)
				}
			}
			lists[i] = out[i].features
		}
		core.Siblings(ctx, lists...)
		return out, nil
	})
	if err == nil && found.more {
		err = registry.Errorf(registry.ResourceExhausted, "there are more than %d features, too many for one list; read them in pages, with upstream", maxFeatures)
	}
	return found.features, err
}

// featureList are the features of one version, and whether there are more.
type featureList struct {
	features []*registry.Feature
	more     bool
}

// SubjectOf returns the id of the dataset or model that a feature is of; nil when the caller does
// not see it.
func (r *Recorder) SubjectOf(ctx context.Context, f *registry.Feature) (*registry.ID, error) {
	return core.VisibleID(ctx, r.core, f, "subject", func(f *registry.Feature) registry.ID { return registry.ID(f.Of) })
}

// FactKind returns registry.FactFeature.
func (*RecordFeatureInput) FactKind() registry.FactKind { return registry.FactFeature }

// FactAction returns the action that recording needs permission for.
func (*RecordFeatureInput) FactAction() registry.Action { return registry.FeatureRecord }

// CheckFact checks the input as one fact of a batch.
func (in *RecordFeatureInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RecordFeatureInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.DefinedOn = r.Optional(in.DefinedOn)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RecordFeatureInput) FactReads() (ids, effects []registry.ID) {
	return core.IDsOf(in.DefinedOn), nil
}

// WriteFact writes the fact in a transaction.
func (in *RecordFeatureInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeFeature(ctx, tx, *in)
}

// FeatureEdge is a feature in a page.
type FeatureEdge struct {
	Cursor string
	Node   *registry.Feature
}

// FeatureConnection is a page of features.
type FeatureConnection struct{ core.Connection[*FeatureEdge] }

// Features returns one page of the features that the caller sees, newest first.
func (r *Recorder) Features(ctx context.Context, p core.Paging) (*FeatureConnection, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindFeature}, Order: registry.IndexValidFrom, Desc: true}
	conn, err := core.FindPage(ctx, r.core, scope, q, []any{"features"}, p, func(cursor string, f *registry.Feature) *FeatureEdge { return &FeatureEdge{cursor, f} })
	if err != nil {
		return nil, err
	}
	return &FeatureConnection{*conn}, nil
}
