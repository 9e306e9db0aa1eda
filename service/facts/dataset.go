package facts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RecordDatasetVersionInput describes a version of a dataset.
type RecordDatasetVersionInput struct {
	Dataset        string              `json:"dataset,omitzero"`
	Namespace      string              `json:"namespace,omitzero"`
	Digest         string              `json:"digest,omitzero"`
	Version        string              `json:"version,omitzero"`
	Description    string              `json:"description,omitzero"`
	Owner          string              `json:"owner,omitzero"`
	URI            string              `json:"uri,omitzero"`
	SizeBytes      *int64              `json:"sizeBytes,omitzero"`
	Rows           *int64              `json:"rows,omitzero"`
	Role           registry.DataRole   `json:"role,omitzero"`
	Columns        []registry.Column   `json:"columns,omitzero"`
	Tags           []registry.KeyValue `json:"tags,omitzero"`
	CreatedAt      time.Time           `json:"createdAt,omitzero"`
	GeneratedBy    *registry.ID        `json:"generatedBy,omitzero"`
	DerivedFrom    []registry.ID       `json:"derivedFrom,omitzero"`
	IdempotencyKey *string             `json:"-"`
}

// RecordDatasetVersionPayload has the dataset version, whether it is new, and the names of
// told fields that were not taken; see core.Written.
type RecordDatasetVersionPayload struct {
	DatasetVersion *registry.DatasetVersion
	Created        bool
	NotTaken       []string
}

func (in *RecordDatasetVersionInput) check() error {
	if in.Namespace == "" {
		in.Namespace = registry.DefaultNamespace
	}
	if err := core.FirstError(core.CheckKey("dataset", &in.Dataset), core.CheckKey("namespace", &in.Namespace), core.CheckDigest("digest", in.Digest), core.CheckKey("version", &in.Version),
		core.CheckText("description", &in.Description), core.CheckKey("owner", &in.Owner), core.CheckLabel("uri", in.URI), core.CheckNotNegative("sizeBytes", in.SizeBytes),
		core.CheckNotNegative("rows", in.Rows), core.CheckTags("tags", in.Tags), core.CheckTime("createdAt", in.CreatedAt)); err != nil {
		return err
	}
	if in.Dataset == "" {
		return registry.Invalid("dataset", "must not be empty")
	}
	if in.Role != "" && !slices.Contains(registry.DataRoles(), in.Role) {
		return registry.Invalid("role", "must be one of %v", registry.DataRoles())
	}
	if len(in.Columns) > MaxColumns || len(in.DerivedFrom) > 1000 {
		return registry.Invalid("columns", "more than 5000 columns or 1000 sources")
	}
	seen := map[string]bool{}
	for i := range in.Columns {
		c, field := &in.Columns[i], fmt.Sprintf("columns[%d]", i)
		core.ToNFC(&c.Name)
		if err := core.FirstError(registry.CheckKey(field+".name", c.Name), core.CheckText(field+".type", &c.Type), core.CheckText(field+".description", &c.Description)); err != nil {
			return err
		}
		if seen[c.Name] {
			return registry.Invalid(field+".name", "the column %q is given twice", c.Name)
		}
		seen[c.Name] = true
	}
	return in.checkSources()
}

// identity returns the key of a version within its dataset: the digest, or else the version of
// the source system, or else the run that wrote it, or else registry.Unversioned.
func (in *RecordDatasetVersionInput) identity() string {
	switch {
	case in.Digest != "":
		return in.Digest
	case in.Version != "":
		return in.Version
	case in.GeneratedBy != nil:
		return string(*in.GeneratedBy)
	}
	return registry.Unversioned
}

// RecordDatasetVersion records a version of a dataset, and the dataset if it is new. Recording
// the same version again merges added fields; Created is then false.
func (r *Recorder) RecordDatasetVersion(ctx context.Context, in RecordDatasetVersionInput) (*RecordDatasetVersionPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.DatasetRecord, core.Idempotent("recordDatasetVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeDatasetVersion(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	v, err := core.NounAs[*registry.DatasetVersion](r.core.ReadBack(ctx, result, result.IDs[0]))
	return &RecordDatasetVersionPayload{v, result.Created, result.NotTaken}, err
}

func writeDatasetVersion(ctx context.Context, tx *policies.Tx, in RecordDatasetVersionInput) (core.WriteResult, error) {
	ds := registry.DatasetID(in.Namespace, in.Dataset)
	v := &registry.DatasetVersion{Name: in.Dataset, Namespace: in.Namespace, Version: in.identity(), Digest: in.Digest, Description: in.Description,
		URI: in.URI, SizeBytes: in.SizeBytes, Rows: in.Rows, Role: in.Role, Columns: slices.Clone(in.Columns), Tags: in.Tags, RecordedAt: tx.Now()}
	v.ID, v.Parent = registry.DatasetVersionID(ds, v.Version), ds
	found, err := tx.NodesUnfiltered(ctx, ds, v.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	ofDataset, err := putDataset(ctx, tx, found[0], ds, in)
	if err != nil {
		return core.WriteResult{}, err
	}
	derived, err := resolveColumnSources(ctx, tx, v, in)
	if err != nil {
		return core.WriteResult{}, err
	}
	columnsNotTaken, err := mergeKnownColumns(ctx, tx, found[1], v)
	if err != nil {
		return core.WriteResult{}, err
	}
	written, err := core.PutFact(ctx, tx, core.ToldFact{Old: found[1], Noun: v, At: in.CreatedAt, SetTime: func(at time.Time) { v.CreatedAt = at },
		Defaults: defaultRole(found[1], v)})
	if err != nil {
		return core.WriteResult{}, err
	}
	if found[1] == nil {
		if err := core.BackdateContainer(ctx, tx, ds, v.ValidFrom); err != nil {
			return core.WriteResult{}, err
		}
	}
	var edges []*graph.Edge
	if in.GeneratedBy != nil {
		edges = append(edges, &graph.Edge{Kind: registry.EdgeGeneratedBy, From: v.ID, To: *in.GeneratedBy})
	}
	for _, id := range append(in.DerivedFrom, derived...) {
		edges = append(edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: v.ID, To: id})
	}
	entry := registry.LogEntry{Action: registry.LogDatasetRecorded, Objects: []registry.ID{v.ID}}
	if found[0] != nil && ofDataset.Changed {
		entry.Objects = append(entry.Objects, ds)
	}
	written.Changed = written.Changed || ofDataset.Changed
	written.NotTaken = slices.Concat(ofDataset.NotTaken, written.NotTaken, columnsNotTaken)
	entry.Detail = core.LogDetail("dataset", v.Name, "namespace", v.Namespace, "version", v.Version)
	return core.LinkAndLog(ctx, tx, written, v.ID, edges, entry)
}

// putDataset records the dataset of a version. It sets the owner of a known dataset that has
// none.
func putDataset(ctx context.Context, tx *policies.Tx, old *graph.Node, id registry.ID, in RecordDatasetVersionInput) (core.Written, error) {
	d := &registry.Dataset{Name: in.Dataset, Namespace: in.Namespace, Owner: in.Owner}
	d.ID = id
	if old == nil {
		return core.PutFact(ctx, tx, core.ToldFact{Noun: d, At: in.CreatedAt, SetTime: func(at time.Time) { d.CreatedAt = at }})
	}
	if in.Owner == "" || in.Owner == old.Text(registry.IndexOwner) {
		return core.Written{}, nil
	}
	return core.PutFact(ctx, tx, core.ToldFact{Old: old, Noun: d})
}

// defaultRole lets a told role replace the role OTHER. When a role is known, that OTHER is told
// says nothing.
func defaultRole(old *graph.Node, v *registry.DatasetVersion) map[string]string {
	if v.Role == "" {
		return nil
	}
	if v.Role == registry.OtherData && old != nil && old.Text(registry.IndexRole) != "" {
		v.Role = ""
	}
	return map[string]string{"role": string(registry.OtherData)}
}

// DatasetEdge is a dataset in a page.
type DatasetEdge struct {
	Cursor string
	Node   *registry.Dataset
}

// DatasetConnection is a page of datasets.
type DatasetConnection struct{ core.Connection[*DatasetEdge] }

// DatasetFilter selects datasets; empty fields match all.
type DatasetFilter struct {
	Namespace, Owner, NamePrefix string
	// CreatedFrom (inclusive) and CreatedBefore (exclusive) bound the creation time.
	CreatedFrom, CreatedBefore *time.Time
}

// Datasets returns one page of the datasets that the caller sees, by name unless o gives
// another order.
func (r *Recorder) Datasets(ctx context.Context, p core.Paging, f *DatasetFilter, o *core.DatasetOrder) (*DatasetConnection, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindDataset}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(core.EqualTo("namespace", f.Namespace, "owner", f.Owner), core.NameStartsWith(f.NamePrefix), core.BeganWithin(core.TimeRange{From: f.CreatedFrom, Before: f.CreatedBefore}))
	}
	if o != nil {
		core.SortBy(&q, o.Field, o.Direction)
	}
	conn, err := core.FindPage(ctx, r.core, scope, q, []any{"datasets", f}, p, func(cursor string, d *registry.Dataset) *DatasetEdge { return &DatasetEdge{cursor, d} })
	if err != nil {
		return nil, err
	}
	return &DatasetConnection{*conn}, nil
}

// Dataset returns a dataset by name and namespace, optionally at a point in time; nil when
// there is none that the caller sees.
func (r *Recorder) Dataset(ctx context.Context, name, namespace string, past ...core.PointInTime) (*registry.Dataset, error) {
	core.ToNFC(&name, &namespace)
	return core.GetNoun[*registry.Dataset](ctx, r.core, registry.DatasetID(namespace, name), past)
}

// DatasetVersion returns a version of a dataset, optionally at a point in time; nil when there
// is none that the caller sees.
func (r *Recorder) DatasetVersion(ctx context.Context, dataset, version, namespace string, past ...core.PointInTime) (*registry.DatasetVersion, error) {
	core.ToNFC(&dataset, &namespace, &version)
	return core.GetNoun[*registry.DatasetVersion](ctx, r.core, registry.DatasetVersionID(registry.DatasetID(namespace, dataset), version), past)
}

// DatasetOf returns the dataset of a dataset version.
func (r *Recorder) DatasetOf(ctx context.Context, v *registry.DatasetVersion) (*registry.Dataset, error) {
	return core.Related[*registry.Dataset](ctx, r.core, v, "dataset", func(v *registry.DatasetVersion) core.NodeRef { return core.NodeRef{ID: v.Parent, At: v.ReadAt} })
}

// DatasetVersionEdge is a dataset version in a page.
type DatasetVersionEdge struct {
	Cursor string
	Node   *registry.DatasetVersion
}

// DatasetVersionConnection is a page of dataset versions.
type DatasetVersionConnection struct {
	core.Connection[*DatasetVersionEdge]
}

// VersionsOfDataset returns one page of the versions of a dataset, oldest first.
func (r *Recorder) VersionsOfDataset(ctx context.Context, d *registry.Dataset, p core.Paging) (*DatasetVersionConnection, error) {
	conn, err := core.ListChildren(ctx, r.core, d, core.ChildQuery{Kind: registry.KindDatasetVersion, Order: registry.IndexValidFrom, At: d.ReadAt}, p,
		func(cursor string, v *registry.DatasetVersion) *DatasetVersionEdge {
			return &DatasetVersionEdge{cursor, v}
		})
	if err != nil {
		return nil, err
	}
	return &DatasetVersionConnection{*conn}, nil
}

// FactKind returns registry.FactDatasetVersion.
func (*RecordDatasetVersionInput) FactKind() registry.FactKind { return registry.FactDatasetVersion }

// FactAction returns the action that recording needs permission for.
func (*RecordDatasetVersionInput) FactAction() registry.Action { return registry.DatasetRecord }

// CheckFact checks the input as one fact of a batch.
func (in *RecordDatasetVersionInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RecordDatasetVersionInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.GeneratedBy, out.DerivedFrom = r.Optional(in.GeneratedBy), r.All(in.DerivedFrom)
	out.Columns = slices.Clone(in.Columns)
	for i := range out.Columns {
		c := &out.Columns[i]
		c.DerivedFrom = slices.Clone(c.DerivedFrom)
		for j := range c.DerivedFrom {
			c.DerivedFrom[j].DatasetVersion = r.One(c.DerivedFrom[j].DatasetVersion)
		}
	}
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RecordDatasetVersionInput) FactReads() (ids, effects []registry.ID) {
	ds := registry.DatasetID(in.Namespace, in.Dataset)
	ids = append(append(core.IDsOf(in.GeneratedBy), in.DerivedFrom...), ds)
	for _, c := range in.Columns {
		for _, s := range c.DerivedFrom {
			if s.DatasetVersion != "" {
				ids = append(ids, s.DatasetVersion)
			}
		}
	}
	return ids, []registry.ID{registry.DatasetVersionID(ds, in.identity())}
}

// WriteFact writes the fact in a transaction.
func (in *RecordDatasetVersionInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeDatasetVersion(ctx, tx, *in)
}
