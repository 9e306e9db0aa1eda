package catalog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RegisterModelInput describes a new model.
type RegisterModelInput struct {
	Name        string              `json:"name,omitzero"`
	Description string              `json:"description,omitzero"`
	Owner       string              `json:"owner,omitzero"`
	Tags        []registry.KeyValue `json:"tags,omitzero"`
	// CreatedAt is when the model was created; zero means now. Incarnation counts the models
	// that had this name, this one included; 0 means the next one. Both are used by facts of a
	// batch.
	CreatedAt   time.Time `json:"createdAt,omitzero"`
	Incarnation int       `json:"incarnation,omitzero"`
	// FirstName is the name that the model was registered under, if it was renamed since. It is
	// used by facts of a batch.
	FirstName      string  `json:"firstName,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// registeredAs returns the name that the id of the model comes from.
func (in *RegisterModelInput) registeredAs() string { return cmp.Or(in.FirstName, in.Name) }

func (in *RegisterModelInput) check() error {
	if in.Incarnation < 0 || in.Incarnation > maxIncarnation {
		return registry.Invalid("incarnation", "must be 1 to %d, not %d", maxIncarnation, in.Incarnation)
	}
	if in.FirstName != "" {
		if err := core.CheckName("firstName", &in.FirstName); err != nil {
			return err
		}
	}
	return core.FirstError(core.CheckName("name", &in.Name), core.CheckText("description", &in.Description), core.CheckKey("owner", &in.Owner), core.CheckTags("tags", in.Tags), core.CheckTime("createdAt", in.CreatedAt))
}

// maxIncarnation is the largest incarnation that an input may give.
const maxIncarnation = 10000

// ModelPayload has the model after a mutation.
type ModelPayload struct{ Model *registry.Model }

// RegisterModel registers a model. It answers ALREADY_EXISTS when the name is taken.
func (c *Catalog) RegisterModel(ctx context.Context, in RegisterModelInput) (*ModelPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.ModelRegister, core.Idempotent("registerModel", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		m, err := CreateModel(ctx, tx, in)
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{m.ID}, Created: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return c.modelPayload(ctx, result)
}

// CreateModel is RegisterModel inside a transaction of registry.ModelRegister. The input is
// checked: see CheckFact.
func CreateModel(ctx context.Context, tx *policies.Tx, in RegisterModelInput) (*registry.Model, error) {
	return createModel(ctx, tx, in)
}

func (c *Catalog) modelPayload(ctx context.Context, result core.WriteResult) (*ModelPayload, error) {
	m, err := core.NounAs[*registry.Model](c.core.ReadBack(ctx, result, result.IDs[0]))
	return &ModelPayload{m}, err
}

// createModel writes a new model and its log entry.
func createModel(ctx context.Context, tx *policies.Tx, in RegisterModelInput) (*registry.Model, error) {
	taken, err := tx.SlotHolder(ctx, registry.ModelNameSlot(in.Name))
	if err != nil {
		return nil, err
	}
	if taken != nil {
		return nil, registry.Errorf(registry.AlreadyExists, "a model named %q exists already; register a version of it, or choose another name", in.Name)
	}
	m := &registry.Model{Name: in.Name, Description: in.Description, Owner: in.Owner, Tags: in.Tags, CreatedAt: core.StoredTime(in.CreatedAt, tx.Now()), Incarnation: max(in.Incarnation, 1)}
	if in.FirstName != in.Name {
		m.FirstName = in.FirstName
	}
	if m.Owner == "" {
		m.Owner = tx.Subject()
	}
	for ; ; m.Incarnation++ {
		m.ID = registry.ModelID(in.registeredAs(), m.Incarnation)
		old, err := tx.NodesUnfiltered(ctx, m.ID)
		if err != nil {
			return nil, err
		}
		if old[0] == nil {
			break
		}
		if in.Incarnation > 0 {
			return nil, registry.Errorf(registry.FailedPrecondition, "the model %q of that incarnation was deleted here; it is not recorded again", in.Name)
		}
	}
	m.ValidFrom, m.UpdatedAt = m.CreatedAt, m.CreatedAt
	if err := PutModel(ctx, tx, m); err != nil {
		return nil, err
	}
	return m, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRegistered, Objects: []registry.ID{m.ID}, Model: m.ID, Detail: core.LogDetail("name", m.Name)})
}

// PutModel writes a model with the slot of its name.
func PutModel(ctx context.Context, tx *policies.Tx, m *registry.Model) error {
	n, err := core.EncodeNode(m, m.Name, m.UpdatedAt, registry.ModelNameSlot(m.Name))
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// UpdateModelInput has the fields of a model to change; nil fields stay.
type UpdateModelInput struct {
	Model       *string
	ID          *registry.ID
	Description *string
	Owner       *string
	Tags        []registry.KeyValue
	TagEdits
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// UpdateModel changes a model's description, owner or tags. Edits of tags that change nothing are
// no change.
func (c *Catalog) UpdateModel(ctx context.Context, in UpdateModelInput) (*ModelPayload, error) {
	if _, err := in.change(); err != nil {
		return nil, err
	}
	result, err := c.core.Write(ctx, registry.ModelUpdate, core.Idempotent("updateModel", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return ChangeModel(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	return c.modelPayload(ctx, result)
}

func (in *UpdateModelInput) change() (*detailChange, error) {
	return newDetailChange(in.Description, in.Owner, in.Tags, &in.TagEdits)
}

// ChangeModel is UpdateModel inside a transaction of registry.ModelUpdate.
func ChangeModel(ctx context.Context, tx *policies.Tx, in UpdateModelInput) (core.WriteResult, error) {
	change, err := in.change()
	if err != nil {
		return core.WriteResult{}, err
	}
	m, n, err := FindModel(ctx, tx, in.Model, in.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
		return core.WriteResult{}, err
	}
	before := *m
	changed, none, err := change.apply(&m.Description, &m.Owner, &m.Tags)
	if err != nil {
		return core.WriteResult{}, err
	}
	if none {
		return core.WriteResult{IDs: []registry.ID{m.ID}}, nil
	}
	if slices.Contains(changed, "tags") {
		if err := checkTagsKeepGuard(ctx, tx, &before, m.Tags); err != nil {
			return core.WriteResult{}, err
		}
	}
	m.UpdatedAt = tx.Now()
	if err := PutModel(ctx, tx, m); err != nil {
		return core.WriteResult{}, err
	}
	return core.WriteResult{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelUpdated, Objects: []registry.ID{m.ID},
		Model: m.ID, Detail: core.LogDetail("changed", changed, "tags", tagsLogged(before.Tags, m.Tags))})
}

// FindModel finds a model by name or id inside a transaction. It answers NOT_FOUND when there
// is none that the caller sees.
func FindModel(ctx context.Context, tx *policies.Tx, byName *string, id *registry.ID) (*registry.Model, *graph.Node, error) {
	var target registry.ID
	switch {
	case id != nil && byName == nil:
		target = *id
	case byName != nil && id == nil:
		core.ToNFC(byName)
		n, err := tx.SlotHolder(ctx, registry.ModelNameSlot(*byName))
		if err != nil {
			return nil, nil, err
		}
		if n == nil {
			return nil, nil, modelNotFound(*byName)
		}
		target = n.ID
	default:
		return nil, nil, registry.Invalid("model", "give the model's name or its id, one of the two")
	}
	nodes, err := tx.Nodes(ctx, target)
	if err != nil {
		return nil, nil, err
	}
	if nodes[0] == nil || nodes[0].Deleted || nodes[0].Kind != registry.KindModel {
		label := string(target)
		if byName != nil {
			label = *byName
		}
		return nil, nil, modelNotFound(label)
	}
	m, err := core.DecodeWhole(nodes[0], &registry.Model{})
	return m, nodes[0], err
}

func modelNotFound(label string) error {
	return registry.Errorf(registry.NotFound, "there is no model %q; register it first", registry.Shorten(label, 100))
}

// FactKind returns registry.FactModel.
func (*RegisterModelInput) FactKind() registry.FactKind { return registry.FactModel }

// FactAction returns the action that recording needs permission for.
func (*RegisterModelInput) FactAction() registry.Action { return registry.ModelRegister }

// CheckFact checks the input as one fact of a batch.
func (in *RegisterModelInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns the input unchanged: it has no ids.
func (in *RegisterModelInput) ResolveFact(_ core.References) core.Fact {
	return in
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RegisterModelInput) FactReads() (ids, effects []registry.ID) {
	return []registry.ID{registry.ModelID(in.registeredAs(), max(1, in.Incarnation))}, nil
}

// WriteFact writes the fact in a transaction.
func (in *RegisterModelInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return ensureModel(ctx, tx, *in)
}
