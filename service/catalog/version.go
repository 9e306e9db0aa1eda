package catalog

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RegisterModelVersionInput describes a new version. Version or Bump is set, or Label alone.
type RegisterModelVersionInput struct {
	Model   string  `json:"model,omitzero"`
	Version *string `json:"version,omitzero"`
	// Number is the version's number in the model, unless another version has it or may have had it.
	// It is used by facts of a batch.
	Number         int                 `json:"number,omitzero"`
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
	// CreateModel registers the model when it does not exist, as REST and importers do. The
	// caller then needs permission for model.register too.
	CreateModel bool `json:"createModel,omitzero"`
}

// maxNumber is the highest number that an input may give a version.
const maxNumber = 1_000_000_000

// RegisterModelVersionPayload has the new version.
type RegisterModelVersionPayload struct{ ModelVersion *registry.ModelVersion }

func (in *RegisterModelVersionInput) check() error {
	if err := core.FirstError(core.CheckName("model", &in.Model), core.CheckKey("label", &in.Label), core.CheckText("description", &in.Description), core.CheckKey("owner", &in.Owner),
		core.CheckTags("tags", in.Tags), core.CheckTime("createdDate", in.CreatedDate)); err != nil {
		return err
	}
	if in.Number < 0 || in.Number > maxNumber {
		return registry.Invalid("number", "must be 1 to %d", maxNumber)
	}
	if len(in.DerivedFrom)+len(in.Features)+len(in.Artifacts) > 1000 {
		return registry.Invalid("features", "more than 1000 features, artifacts and sources; link the rest with linkLineage")
	}
	return nil
}

// RegisterModelVersion registers a version in DEVELOPMENT with its card, files and lineage
// edges, in one transaction.
func (c *Catalog) RegisterModelVersion(ctx context.Context, in RegisterModelVersionInput) (*RegisterModelVersionPayload, error) {
	return c.RegisterModelVersionWith(ctx, in, nil)
}

// MoreOfVersion writes more of a new version, in the transaction that registers it; nil writes
// nothing.
type MoreOfVersion func(context.Context, *policies.Tx, *registry.ModelVersion) error

// RegisterModelVersionWith is RegisterModelVersion with more that is written for the version.
func (c *Catalog) RegisterModelVersionWith(ctx context.Context, in RegisterModelVersionInput, more MoreOfVersion) (*RegisterModelVersionPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := c.register(ctx, in, more)
	if err != nil {
		return nil, err
	}
	v, err := core.NounAs[*registry.ModelVersion](c.core.ReadBack(ctx, result, result.IDs[0]))
	return &RegisterModelVersionPayload{v}, err
}

func (c *Catalog) register(ctx context.Context, in RegisterModelVersionInput, more MoreOfVersion) (core.WriteResult, error) {
	if run := c.trackedRun(&in); run != nil {
		return c.registerTracked(ctx, in, *run, more)
	}
	return c.registerPlain(ctx, in, more)
}

// registerPlain registers a version with what the input says, and nothing else.
func (c *Catalog) registerPlain(ctx context.Context, in RegisterModelVersionInput, more MoreOfVersion) (core.WriteResult, error) {
	return c.core.Write(ctx, registry.VersionRegister, core.Idempotent("registerModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, err := createVersionWith(ctx, tx, in, more)
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true}, nil
	})
}

// createVersionWith is createVersion with more of the version.
func createVersionWith(ctx context.Context, tx *policies.Tx, in RegisterModelVersionInput, more MoreOfVersion) (*registry.ModelVersion, error) {
	v, err := createVersion(ctx, tx, in)
	if err == nil && more != nil {
		err = more(ctx, tx, v)
	}
	return v, err
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
	number, err := numberOf(ctx, tx, m, in.Number)
	if err != nil {
		return nil, err
	}
	m.LastNumber = max(m.LastNumber, number)
	v := &registry.ModelVersion{Name: registry.VersionName(m.Name, semver), ModelID: registry.VersionModelID(m.Name, semver), ModelName: m.Name,
		Version: semver.String(), Number: number, Label: in.Label, Description: in.Description, Owner: in.Owner, Tags: in.Tags,
		Stage: registry.Development, Creator: tx.Subject(), CreatedDate: core.StoredTime(in.CreatedDate, tx.Now()), RecordedAt: tx.Now(), UpdatedAt: tx.Now()}
	if v.Owner == "" {
		v.Owner = m.Owner
	}
	v.ID, v.Parent, v.ValidFrom = registry.ModelVersionID(m.ID, v.Version), m.ID, v.CreatedDate
	if err := checkNames(ctx, tx, m, v); err != nil {
		return nil, err
	}
	m.UpdatedAt = tx.Now()
	if err := PutModel(ctx, tx, m); err != nil {
		return nil, err
	}
	if err := core.BackdateContainer(ctx, tx, m.ID, v.CreatedDate); err != nil {
		return nil, err
	}
	if err := putNewVersion(ctx, tx, v, in); err != nil {
		return nil, err
	}
	if err := tx.Link(ctx, in.edges(v.ID)...); err != nil {
		return nil, err
	}
	return v, tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionRegistered, Objects: []registry.ID{v.ID}, Model: m.ID,
		Detail: core.LogDetail("version", v.Version, "number", v.Number, "label", v.Label)})
}

// putNewVersion writes a version with its card and artifacts, in one call of the store.
func putNewVersion(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, in RegisterModelVersionInput) error {
	version, err := versionNode(v, v.CreatedDate)
	if err != nil {
		return err
	}
	card, err := newCard(v, in.Card)
	if err != nil {
		return err
	}
	artifacts, err := newArtifacts(v, in.Artifacts, tx.Now())
	if err != nil {
		return err
	}
	return tx.Put(ctx, append([]*graph.Node{version, card}, artifacts...)...)
}

// checkNames refuses a new version whose semver or label means another version of the model.
func checkNames(ctx context.Context, tx *policies.Tx, m *registry.Model, v *registry.ModelVersion) error {
	ids := []registry.ID{v.ID}
	if v.Label != "" {
		ids = append(ids, registry.AliasID(m.ID, v.Label))
	}
	old, err := tx.NodesUnfiltered(ctx, ids...)
	if err != nil {
		return err
	}
	if old[0] != nil {
		if old[0].Deleted {
			return registry.Errorf(registry.AlreadyExists, "version %s of %s was deleted, and a deleted version is never given again; take another", v.Version, m.Name)
		}
		return registry.Errorf(registry.AlreadyExists, "version %s of %s exists already; choose another version or pass bump", v.Version, m.Name)
	}
	if v.Label == "" {
		return nil
	}
	return checkLabel(ctx, tx, m, v, old[1])
}

// numberOf returns the number of a new version: the told one when no version of the model has it,
// or had it before it was deleted; else the next one.
func numberOf(ctx context.Context, tx *policies.Tx, m *registry.Model, told int) (int, error) {
	if told == 0 || told > m.LastNumber || len(m.Used) > 0 {
		return max(m.LastNumber+1, told), nil
	}
	taken, err := tx.ChildrenWith(ctx, registry.KindModelVersion, registry.IndexNumber, int64(told), m.ID)
	if err != nil || len(taken) > 0 {
		return m.LastNumber + 1, err
	}
	return told, nil
}

func modelForVersion(ctx context.Context, tx *policies.Tx, in RegisterModelVersionInput) (*registry.Model, error) {
	m, _, err := FindModel(ctx, tx, &in.Model, nil)
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

// edges returns the lineage edges that the input gives for its version.
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

// PutVersion writes a version with its slots. since is when it last changed.
func PutVersion(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, since time.Time) error {
	n, err := versionNode(v, since)
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// versionNode encodes a version, with the slots of its label and of PRODUCTION.
func versionNode(v *registry.ModelVersion, since time.Time) (*graph.Node, error) {
	var slots []string
	if v.Label != "" {
		slots = append(slots, registry.LabelSlot(v.Parent, v.Label))
	}
	if v.Stage == registry.Production {
		slots = append(slots, registry.ProductionSlot(v.Parent))
	}
	return core.EncodeNode(v, v.Name, since, slots...)
}

// FindVersion finds a version by model name and version, or by id, inside a transaction. It
// answers NOT_FOUND when there is none that the caller sees.
func FindVersion(ctx context.Context, tx *policies.Tx, model, version *string, id *registry.ID) (*registry.ModelVersion, *graph.Node, error) {
	target, err := VersionID(ctx, tx, model, version, id)
	if err != nil {
		return nil, nil, err
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
	v, err := core.DecodeWhole(nodes[0], &registry.ModelVersion{})
	return v, nodes[0], err
}

// VersionID returns the id of the version that model name and version, or id, select, whether
// or not there is such a version.
func VersionID(ctx context.Context, tx *policies.Tx, model, version *string, id *registry.ID) (registry.ID, error) {
	switch {
	case id != nil && model == nil && version == nil:
		return *id, nil
	case id == nil && model != nil && version != nil:
		semver, err := registry.ParseVersion(*version)
		if err != nil {
			return "", err
		}
		m, _, err := FindModel(ctx, tx, model, nil)
		if err != nil {
			return "", err
		}
		return registry.ModelVersionID(m.ID, semver.String()), nil
	}
	return "", registry.Invalid("version", "give the model and the version, or the id of the version")
}

// FactKind returns registry.FactModelVersion.
func (*RegisterModelVersionInput) FactKind() registry.FactKind { return registry.FactModelVersion }

// FactAction returns the action that recording needs permission for.
func (*RegisterModelVersionInput) FactAction() registry.Action { return registry.VersionRegister }

// CheckFact checks the input as one fact of a batch.
func (in *RegisterModelVersionInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RegisterModelVersionInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.Run, out.ReleasedFrom = r.Optional(in.Run), r.Optional(in.ReleasedFrom)
	out.DerivedFrom, out.Features = r.All(in.DerivedFrom), r.All(in.Features)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RegisterModelVersionInput) FactReads() (ids, effects []registry.ID) {
	return append(append(core.IDsOf(in.Run, in.ReleasedFrom), in.DerivedFrom...), in.Features...), nil
}

// WriteFact writes the fact in a transaction.
func (in *RegisterModelVersionInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return ensureVersion(ctx, tx, *in)
}
