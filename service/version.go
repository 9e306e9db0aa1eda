package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// RegisterModelVersionInput describes a new version. Version or Bump is set.
type RegisterModelVersionInput struct {
	Model          string              `json:"model,omitzero"`
	Version        *string             `json:"version,omitzero"`
	Bump           *registry.Bump      `json:"bump,omitzero"`
	Label          string              `json:"label,omitzero"`
	Description    string              `json:"description,omitzero"`
	Owner          string              `json:"owner,omitzero"`
	Tags           []registry.KeyValue `json:"tags,omitzero"`
	CreatedDate    time.Time           `json:"createdDate,omitzero"`
	Run            *registry.ID        `json:"run,omitzero"`
	ReleasedFrom   *registry.ID        `json:"releasedFrom,omitzero"`
	DerivedFrom    []registry.ID       `json:"derivedFrom,omitzero"`
	Features       []registry.ID       `json:"features,omitzero"`
	Artifacts      []ArtifactInput     `json:"artifacts,omitzero"`
	Card           *ModelCardInput     `json:"card,omitzero"`
	IdempotencyKey *string             `json:"-"`
	// CreateModel makes the model when it is unknown, as REST and importers do, for
	// who may model.register too.
	CreateModel bool `json:"createModel,omitzero"`
}

// RegisterModelVersionPayload carries the new version.
type RegisterModelVersionPayload struct{ ModelVersion *registry.ModelVersion }

func (in *RegisterModelVersionInput) check() error {
	if err := firstError(checkName("model", &in.Model), checkKey("label", &in.Label), checkText("description", &in.Description), checkKey("owner", &in.Owner),
		checkTags("tags", in.Tags), checkTime("createdDate", in.CreatedDate)); err != nil {
		return err
	}
	if len(in.DerivedFrom)+len(in.Features)+len(in.Artifacts) > 1000 {
		return registry.Invalid("features", "more than 1000 features, artifacts and sources; link the rest with linkLineage")
	}
	return nil
}

// RegisterModelVersion registers a version in DEVELOPMENT with its card, files
// and lineage, all or nothing.
func (s *Service) RegisterModelVersion(ctx context.Context, in RegisterModelVersionInput) (*RegisterModelVersionPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.VersionRegister, idempotentCall{"registerModelVersion", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (writeResult, error) {
		v, err := createVersion(ctx, tx, in)
		if err != nil {
			return writeResult{}, err
		}
		return writeResult{IDs: []registry.ID{v.ID}, Created: true}, nil
	})
	if err != nil {
		return nil, err
	}
	v, err := nounAs[*registry.ModelVersion](s.readBack(ctx, r.IDs[0]))
	return &RegisterModelVersionPayload{v}, err
}

// createVersion writes a version, its card, artifacts, edges and log entry.
func createVersion(ctx context.Context, tx *policies.Tx, in RegisterModelVersionInput) (*registry.ModelVersion, error) {
	m, err := modelForVersion(ctx, tx, in)
	if err != nil {
		return nil, err
	}
	semver, err := nextVersion(ctx, tx, m, in)
	if err != nil {
		return nil, err
	}
	m.LastNumber++
	v := &registry.ModelVersion{Name: registry.VersionName(m.Name, semver), ModelID: registry.VersionModelID(m.Name, semver), ModelName: m.Name,
		Version: semver.String(), Number: m.LastNumber, Label: in.Label, Description: in.Description, Owner: in.Owner, Tags: in.Tags,
		Stage: registry.Development, Creator: tx.Subject(), CreatedDate: storedTime(in.CreatedDate, tx.Now()), RecordedAt: tx.Now(), UpdatedAt: tx.Now()}
	if v.Owner == "" {
		v.Owner = m.Owner
	}
	v.ID, v.Parent, v.ValidFrom = registry.ModelVersionID(m.ID, v.Version), m.ID, v.CreatedDate
	old, err := tx.House(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	if old[0] != nil {
		if old[0].Deleted {
			return nil, registry.Errorf(registry.AlreadyExists, "version %s of %s was deleted, and a deleted version is never given again; take another", v.Version, m.Name)
		}
		return nil, registry.Errorf(registry.AlreadyExists, "version %s of %s exists already; choose another version or pass bump", v.Version, m.Name)
	}
	m.UpdatedAt = tx.Now()
	if err := putModel(ctx, tx, m); err != nil {
		return nil, err
	}
	if err := backdateContainer(ctx, tx, m.ID, v.CreatedDate); err != nil {
		return nil, err
	}
	if err := putVersion(ctx, tx, v, v.CreatedDate); err != nil {
		return nil, err
	}
	if err := createCard(ctx, tx, v, in.Card); err != nil {
		return nil, err
	}
	if err := createArtifacts(ctx, tx, v, in.Artifacts); err != nil {
		return nil, err
	}
	if err := tx.Link(ctx, in.edges(v.ID)...); err != nil {
		return nil, err
	}
	return v, tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionRegistered, Objects: []registry.ID{v.ID}, Model: m.ID,
		Detail: logDetail("version", v.Version, "number", v.Number, "label", v.Label)})
}

func modelForVersion(ctx context.Context, tx *policies.Tx, in RegisterModelVersionInput) (*registry.Model, error) {
	m, _, err := findModel(ctx, tx, &in.Model, nil)
	if registry.CodeOf(err) != registry.NotFound || !in.CreateModel {
		return m, err
	}
	if m, err = createModel(ctx, tx, RegisterModelInput{Name: in.Model, Owner: in.Owner}); err != nil {
		return nil, err
	}
	if !tx.May(registry.ModelRegister, m.ID) {
		return nil, registry.Errorf(registry.Forbidden, "there is no model %q, and you may not do %s; ask an administrator to register it", in.Model, registry.ModelRegister)
	}
	return m, nil
}

// edges are the lineage facts that an input states of its version.
func (in *RegisterModelVersionInput) edges(v registry.ID) (out []*graph.Edge) {
	add := func(kind registry.EdgeKind, ids ...registry.ID) {
		for _, id := range ids {
			out = append(out, &graph.Edge{Kind: kind, From: v, To: id})
		}
	}
	if in.Run != nil {
		add(registry.EdgeGeneratedBy, *in.Run)
	}
	if in.ReleasedFrom != nil {
		add(registry.EdgeReleasedFrom, *in.ReleasedFrom)
	}
	add(registry.EdgeDerivedFrom, in.DerivedFrom...)
	add(registry.EdgeUsesFeature, in.Features...)
	return out
}

// putVersion writes a version with the slots that its state holds.
func putVersion(ctx context.Context, tx *policies.Tx, vs *registry.ModelVersion, since time.Time) error {
	n, err := versionNode(vs, since)
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

func versionNode(v *registry.ModelVersion, since time.Time) (*graph.Node, error) {
	var slots []string
	if v.Label != "" {
		slots = append(slots, registry.LabelSlot(v.Parent, v.Label))
	}
	if v.Stage == registry.Production {
		slots = append(slots, registry.ProductionSlot(v.Parent))
	}
	return encodeNode(v, v.Name, since, slots...)
}

// nextVersion decides the semver of a new version: the given one, the bump of
// the highest ever given, or, for a label alone, the label when it is semver and
// else the next minor.
func nextVersion(ctx context.Context, tx *policies.Tx, m *registry.Model, in RegisterModelVersionInput) (registry.Version, error) {
	switch {
	case in.Version != nil && in.Bump != nil:
		return registry.Version{}, registry.Invalid("version", "give version or bump, not both")
	case in.Version != nil:
		return registry.ParseVersion(*in.Version)
	case in.Bump != nil:
		high, err := highestVersion(ctx, tx, m)
		if err != nil {
			return high, err
		}
		return high.Next(*in.Bump)
	case in.Label != "":
		if v, err := registry.ParseVersion(in.Label); err == nil {
			return v, nil
		}
		high, err := highestVersion(ctx, tx, m)
		if err != nil {
			return high, err
		}
		return high.Next(registry.BumpMinor)
	}
	return registry.Version{}, registry.Invalid("version", "give a version such as 1.0.0, or bump: MAJOR, MINOR or PATCH")
}

// highestVersion returns the highest semver that a model ever had, deleted ones too.
func highestVersion(ctx context.Context, tx *policies.Tx, m *registry.Model) (high registry.Version, err error) {
	nodes, err := tx.Children(ctx, registry.KindModelVersion, registry.IndexVersion, m.ID)
	if err != nil {
		return high, err
	}
	versions := slices.Clone(m.Used)
	if len(nodes) > 0 {
		v, err := decodeWhole(nodes[len(nodes)-1], &registry.ModelVersion{})
		if err != nil {
			return high, err
		}
		versions = append(versions, v.Version)
	}
	for i, text := range versions {
		v, err := registry.ParseVersion(text)
		if err != nil {
			return high, err
		}
		if i == 0 || v.Compare(high) > 0 {
			high = v
		}
	}
	return high, nil
}

// findVersion finds a version by model and version, or by id, inside a
// transaction: NOT_FOUND when there is none that the caller sees.
func findVersion(ctx context.Context, tx *policies.Tx, model, version *string, id *registry.ID) (*registry.ModelVersion, *graph.Node, error) {
	var target registry.ID
	switch {
	case id != nil && model == nil && version == nil:
		target = *id
	case id == nil && model != nil && version != nil:
		semver, err := registry.ParseVersion(*version)
		if err != nil {
			return nil, nil, err
		}
		m, _, err := findModel(ctx, tx, model, nil)
		if err != nil {
			return nil, nil, err
		}
		target = registry.ModelVersionID(m.ID, semver.String())
	default:
		return nil, nil, registry.Invalid("version", "give the model and the version, or the id of the version")
	}
	nodes, err := tx.Nodes(ctx, target)
	if err != nil {
		return nil, nil, err
	}
	if nodes[0] == nil || nodes[0].Deleted || nodes[0].Kind != registry.KindModelVersion {
		label := string(target)
		if model != nil {
			label = *model + " " + *version
		}
		return nil, nil, registry.Errorf(registry.NotFound, "there is no model version %s; register it first", registry.Shorten(label, 100))
	}
	v, err := decodeWhole(nodes[0], &registry.ModelVersion{})
	return v, nodes[0], err
}

// ModelVersionEdge is a version in a page.
type ModelVersionEdge struct {
	Cursor string
	Node   *registry.ModelVersion
}

// ModelVersionConnection is a page of versions.
type ModelVersionConnection struct{ Connection[*ModelVersionEdge] }

func versionEdge(cursor string, v *registry.ModelVersion) *ModelVersionEdge {
	return &ModelVersionEdge{cursor, v}
}

// ModelVersionFilter says which versions to keep; empty fields keep all.
type ModelVersionFilter struct {
	Stages []registry.Stage
	Owner  string
	// The version was created at CreatedFrom or later, before CreatedBefore.
	CreatedFrom, CreatedBefore *time.Time
}

// narrow puts a filter into a query of children.
func (f *ModelVersionFilter) narrow(q *childQuery) {
	if f == nil {
		return
	}
	var stages []string
	for _, st := range f.Stages {
		stages = append(stages, string(st))
	}
	q.stages, q.owner = strings.Join(stages, ","), f.Owner
	if f.CreatedFrom != nil {
		q.from, q.hasFrom = ceilMicroseconds(f.CreatedFrom), true
	}
	if f.CreatedBefore != nil {
		q.before, q.hasBefore = ceilMicroseconds(f.CreatedBefore), true
	}
}

// VersionsOf lists the versions of a model, highest semver first if not said
// otherwise.
func (s *Service) VersionsOf(ctx context.Context, m *registry.Model, p Paging, f *ModelVersionFilter, o *ModelVersionOrder) (*ModelVersionConnection, error) {
	q := childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, at: m.ReadAt}
	f.narrow(&q)
	if o != nil {
		q.order, q.desc = orderColumns[string(o.Field)], o.Direction == "DESC"
	}
	c, err := listChildren(ctx, s, m.ID, q, p, versionEdge)
	if err != nil {
		return nil, err
	}
	return &ModelVersionConnection{*c}, nil
}

// VersionsInStage lists the versions of a model in a stage, highest first, at
// most MaxPage.
func (s *Service) VersionsInStage(ctx context.Context, m *registry.Model, stage registry.Stage) ([]*registry.ModelVersion, error) {
	return s.versions(ctx, m.ID, childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, stages: string(stage), limit: MaxPage, at: m.ReadAt})
}

func (s *Service) versions(ctx context.Context, model registry.ID, q childQuery) ([]*registry.ModelVersion, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	nodes, err := loadChildren(ctx, scope, childKey{model, q})
	if err != nil {
		return nil, err
	}
	out := make([]*registry.ModelVersion, 0, len(nodes))
	for _, n := range nodes {
		v, err := nounAs[*registry.ModelVersion](s.decode(n, q.at))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// ProductionVersion returns the version of a model in PRODUCTION, nil for none.
func (s *Service) ProductionVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	vs, err := s.versions(ctx, m.ID, childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, stages: string(registry.Production), limit: 1, at: m.ReadAt})
	if err != nil || len(vs) == 0 {
		return nil, err
	}
	return vs[0], nil
}

// LatestVersion returns the highest semver of a model that is no pre-release and
// that the caller sees; nil for none.
func (s *Service) LatestVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	const few = 20 // Pre-releases seldom run ahead further than that.
	for limit := few; ; limit = 1000 {
		vs, err := s.versions(ctx, m.ID, childQuery{kind: registry.KindModelVersion, order: registry.IndexVersion, desc: true, limit: limit, at: m.ReadAt})
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			if semver, err := versionNumberOf(m, v); err == nil && !semver.IsPrerelease() {
				return v, nil
			}
		}
		if len(vs) < limit || limit > few {
			return nil, nil
		}
	}
}

// ModelVersion returns a version by model name and semver, label, alias or
// "latest", as of a past when one is given; nil when there is none that the caller
// sees.
func (s *Service) ModelVersion(ctx context.Context, model, version string, past ...PointInTime) (*registry.ModelVersion, error) {
	m, err := s.Model(ctx, model, past...)
	if err != nil || m == nil {
		return nil, err
	}
	if version == "latest" {
		return s.LatestVersion(ctx, m)
	}
	if semver, err := registry.ParseVersion(version); err == nil {
		return s.versionAt(ctx, m.ReadAt, registry.ModelVersionID(m.ID, semver.String()))
	}
	toNFC(&version)
	a, err := nounAs[*registry.Alias](s.nodeAt(ctx, m.ReadAt, registry.AliasID(m.ID, version)))
	if err != nil {
		return nil, err
	}
	if a != nil && aliasStands(a) {
		return s.versionAt(ctx, m.ReadAt, a.VersionID)
	}
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	page, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Slots: []string{registry.LabelSlot(m.ID, version)}, Limit: 1})
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return s.versionAt(ctx, m.ReadAt, page.Nodes[0].ID)
}

// versionAt returns a version by its id at an instant; nil for one that is not
// seen or was a tombstone by then.
func (s *Service) versionAt(ctx context.Context, at registry.Instant, id registry.ID) (*registry.ModelVersion, error) {
	v, err := nounAs[*registry.ModelVersion](s.nodeAt(ctx, at, id))
	if err != nil || v == nil || isTombstone(v) {
		return nil, err
	}
	return v, nil
}

// ModelOf returns the model of a version; nil when the caller may not see it.
func (s *Service) ModelOf(ctx context.Context, v *registry.ModelVersion) (*registry.Model, error) {
	return nounAs[*registry.Model](s.nodeAt(ctx, v.ReadAt, v.Parent))
}

// FactKind says that this input is a fact about a model version.
func (*RegisterModelVersionInput) FactKind() registry.FactKind { return registry.FactModelVersion }

// FactAction is what recording it needs permission for.
func (*RegisterModelVersionInput) FactAction() registry.Action { return registry.VersionRegister }

// CheckFact checks the input as one fact of a batch.
func (in *RegisterModelVersionInput) CheckFact() error {
	return firstError(refuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RegisterModelVersionInput) ResolveFact(r References) Fact {
	out := *in
	out.Run, out.ReleasedFrom = r.Optional(in.Run), r.Optional(in.ReleasedFrom)
	out.DerivedFrom, out.Features = r.All(in.DerivedFrom), r.All(in.Features)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RegisterModelVersionInput) FactReads() (ids, effects []registry.ID) {
	return append(append(idsOf(in.Run, in.ReleasedFrom), in.DerivedFrom...), in.Features...), nil
}

// WriteFact writes the fact in a transaction.
func (in *RegisterModelVersionInput) WriteFact(ctx context.Context, tx *policies.Tx) (writeResult, error) {
	return ensureVersion(ctx, tx, *in)
}
