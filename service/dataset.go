package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// RecordDatasetVersionInput are the facts of a state of a dataset.
type RecordDatasetVersionInput struct {
	Dataset        string
	Namespace      string
	Digest         string
	Version        string
	Description    string
	Owner          string
	URI            string
	SizeBytes      *int64
	Rows           *int64
	Role           registry.DataRole
	Columns        []registry.Column
	Tags           []registry.KeyValue
	CreatedAt      time.Time
	GeneratedBy    *registry.ID
	DerivedFrom    []registry.ID
	IdempotencyKey *string `json:"-"`
}

// RecordDatasetVersionPayload carries the state and whether it is new.
type RecordDatasetVersionPayload struct {
	DatasetVersion *registry.DatasetVersion
	Created        bool
}

func (in *RecordDatasetVersionInput) check() error {
	if in.Namespace == "" {
		in.Namespace = registry.DefaultNamespace
	}
	if err := first(key("dataset", &in.Dataset), key("namespace", &in.Namespace), checkDigest("digest", in.Digest), key("version", &in.Version),
		text("description", &in.Description), key("owner", &in.Owner), checkLabel("uri", in.URI), count("sizeBytes", in.SizeBytes),
		count("rows", in.Rows), checkTags("tags", in.Tags), checkTime("createdAt", in.CreatedAt)); err != nil {
		return err
	}
	if in.Dataset == "" {
		return registry.Invalid("dataset", "must not be empty")
	}
	if len(in.Columns) > maxColumns || len(in.DerivedFrom) > 1000 {
		return registry.Invalid("columns", "more than 5000 columns or 1000 sources")
	}
	seen := map[string]bool{}
	for i := range in.Columns {
		c, at := &in.Columns[i], fmt.Sprintf("columns[%d]", i)
		clean(&c.Name)
		if err := first(registry.CheckKey(at+".name", c.Name), text(at+".type", &c.Type), text(at+".description", &c.Description)); err != nil {
			return err
		}
		if seen[c.Name] {
			return registry.Invalid(at+".name", "the column %q is given twice", c.Name)
		}
		seen[c.Name] = true
	}
	return in.checkSources()
}

// identity is what tells states of a dataset apart (SEMANTICS: digest, else the
// system's version, else the writing run, else unversioned).
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

// RecordDatasetVersion records a state of a dataset, and the dataset when it is
// new. The same facts again answer created: false; added ones are merged.
func (s *Service) RecordDatasetVersion(ctx context.Context, in RecordDatasetVersionInput) (*RecordDatasetVersionPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.DatasetRecord, idempotent{"recordDatasetVersion", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		return s.recordDatasetVersion(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	v, err := one[*registry.DatasetVersion](s.after(ctx, r.IDs[0]))
	return &RecordDatasetVersionPayload{v, r.Created}, err
}

func (s *Service) recordDatasetVersion(ctx context.Context, tx *policies.Tx, in RecordDatasetVersionInput) (result, error) {
	ds := registry.DatasetID(in.Namespace, in.Dataset)
	v := &registry.DatasetVersion{Name: in.Dataset, Namespace: in.Namespace, Version: in.identity(), Digest: in.Digest, Description: in.Description,
		URI: in.URI, SizeBytes: in.SizeBytes, Rows: in.Rows, Role: in.Role, Columns: slices.Clone(in.Columns), Tags: in.Tags, RecordedAt: tx.Now()}
	v.ID, v.Parent = registry.DatasetVersionID(ds, v.Version), ds
	found, err := tx.House(ctx, ds, v.ID)
	if err != nil {
		return result{}, err
	}
	if found[0] == nil {
		d := &registry.Dataset{Name: in.Dataset, Namespace: in.Namespace, Owner: in.Owner, CreatedAt: when(in.CreatedAt, tx.Now())}
		d.ID, d.ValidFrom = ds, d.CreatedAt
		n, err := encode(d, d.Name, d.CreatedAt)
		if err != nil {
			return result{}, err
		}
		if err := tx.Put(ctx, n); err != nil {
			return result{}, err
		}
	}
	derived, err := s.settleSources(ctx, tx, v, in)
	if err != nil {
		return result{}, err
	}
	if err := mergeKnown(found[1], v); err != nil {
		return result{}, err
	}
	changed, err := putFact(ctx, tx, found[1], v, in.CreatedAt, func(at time.Time) { v.CreatedAt = at })
	if err != nil {
		return result{}, err
	}
	if found[1] == nil {
		if err := reachBack(ctx, tx, ds, v.ValidFrom); err != nil {
			return result{}, err
		}
	}
	var edges []*graph.Edge
	if in.GeneratedBy != nil {
		edges = append(edges, &graph.Edge{Kind: registry.EdgeGeneratedBy, From: v.ID, To: *in.GeneratedBy})
	}
	for _, id := range append(in.DerivedFrom, derived...) {
		edges = append(edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: v.ID, To: id})
	}
	return finishFact(ctx, tx, found[1] == nil, changed, v.ID, edges, registry.LogEntry{Action: registry.LogDatasetRecorded,
		Objects: []registry.ID{v.ID}, Detail: detail("dataset", v.Name, "namespace", v.Namespace, "version", v.Version)})
}

// DatasetEdge is a dataset in a page.
type DatasetEdge struct {
	Cursor string
	Node   *registry.Dataset
}

// DatasetConnection is a page of datasets.
type DatasetConnection struct{ Connection[*DatasetEdge] }

// DatasetFilter says which datasets to keep; empty fields keep all.
type DatasetFilter struct {
	Namespace, Owner, NamePrefix string
	// The dataset was created at CreatedFrom or later, before CreatedBefore.
	CreatedFrom, CreatedBefore *time.Time
}

// Datasets lists the datasets that the caller sees, by name if not said otherwise.
func (s *Service) Datasets(ctx context.Context, p Paging, f *DatasetFilter, o *DatasetOrder) (*DatasetConnection, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindDataset}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(where("namespace", f.Namespace, "owner", f.Owner), prefixed(f.NamePrefix), within(span{f.CreatedFrom, f.CreatedBefore}))
	}
	if o != nil {
		sortBy(&q, o.Field, o.Direction)
	}
	c, err := find(ctx, s, scope, q, []any{"datasets", f}, p, func(cursor string, d *registry.Dataset) *DatasetEdge { return &DatasetEdge{cursor, d} })
	if err != nil {
		return nil, err
	}
	return &DatasetConnection{*c}, nil
}

// Dataset returns a dataset by name and namespace, as of a past when one is given;
// nil when there is none that the caller sees.
func (s *Service) Dataset(ctx context.Context, named, namespace string, past ...Past) (*registry.Dataset, error) {
	clean(&named, &namespace)
	return get[*registry.Dataset](ctx, s, registry.DatasetID(namespace, named), past)
}

// DatasetVersion returns a state of a dataset, as of a past when one is given; nil
// when there is none that the caller sees.
func (s *Service) DatasetVersion(ctx context.Context, dataset, version, namespace string, past ...Past) (*registry.DatasetVersion, error) {
	clean(&dataset, &namespace, &version)
	return get[*registry.DatasetVersion](ctx, s, registry.DatasetVersionID(registry.DatasetID(namespace, dataset), version), past)
}

// DatasetOf returns the dataset of a state.
func (s *Service) DatasetOf(ctx context.Context, v *registry.DatasetVersion) (*registry.Dataset, error) {
	return one[*registry.Dataset](s.nodeAt(ctx, v.ReadAt, v.Parent))
}

// DatasetVersionEdge is a state of a dataset in a page.
type DatasetVersionEdge struct {
	Cursor string
	Node   *registry.DatasetVersion
}

// DatasetVersionConnection is a page of states of a dataset.
type DatasetVersionConnection struct {
	Connection[*DatasetVersionEdge]
}

// StatesOf lists the states of a dataset, oldest first.
func (s *Service) StatesOf(ctx context.Context, d *registry.Dataset, p Paging) (*DatasetVersionConnection, error) {
	c, err := children(ctx, s, d.ID, childQuery{kind: registry.KindDatasetVersion, order: registry.IndexSince, at: d.ReadAt}, p,
		func(cursor string, v *registry.DatasetVersion) *DatasetVersionEdge {
			return &DatasetVersionEdge{cursor, v}
		})
	if err != nil {
		return nil, err
	}
	return &DatasetVersionConnection{*c}, nil
}
