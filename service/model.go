package service

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// RegisterModelInput names a new model.
type RegisterModelInput struct {
	Name        string              `json:"name,omitzero"`
	Description string              `json:"description,omitzero"`
	Owner       string              `json:"owner,omitzero"`
	Tags        []registry.KeyValue `json:"tags,omitzero"`
	// CreatedAt is when it came to be, now when zero. Incarnation, when above 0, is
	// how often the name was created anew by then. Facts of a batch have them.
	CreatedAt      time.Time `json:"createdAt,omitzero"`
	Incarnation    int       `json:"incarnation,omitzero"`
	IdempotencyKey *string   `json:"-"`
}

func (in *RegisterModelInput) check() error {
	if in.Incarnation < 0 || in.Incarnation > maxIncarnation {
		return registry.Invalid("incarnation", "must be 1 to %d, not %d", maxIncarnation, in.Incarnation)
	}
	return firstError(checkName("name", &in.Name), checkText("description", &in.Description), checkKey("owner", &in.Owner), checkTags("tags", in.Tags), checkTime("createdAt", in.CreatedAt))
}

// maxIncarnation bounds what a fact may say of how often a name was used.
const maxIncarnation = 10000

// ModelPayload carries the model that a mutation left behind.
type ModelPayload struct{ Model *registry.Model }

// RegisterModel registers a model. ALREADY_EXISTS when the name is taken.
func (s *Service) RegisterModel(ctx context.Context, in RegisterModelInput) (*ModelPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.ModelRegister, idempotentCall{"registerModel", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (writeResult, error) {
		m, err := createModel(ctx, tx, in)
		if err != nil {
			return writeResult{}, err
		}
		return writeResult{IDs: []registry.ID{m.ID}, Created: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return s.modelPayload(ctx, r)
}

func (s *Service) modelPayload(ctx context.Context, r writeResult) (*ModelPayload, error) {
	m, err := nounAs[*registry.Model](s.readBack(ctx, r.IDs[0]))
	return &ModelPayload{m}, err
}

// readBack reads a noun back through the caller's sight when a write is done. What
// is committed is told also when the operation's time ran out meanwhile.
func (s *Service) readBack(ctx context.Context, id registry.ID) (registry.Node, error) {
	clearLoaders(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBackTimeout)
	defer cancel()
	n, err := s.node(withoutLoaders(ctx), id)
	if registry.CodeOf(err) == registry.Forbidden {
		return nil, nil // Who may write but not read is told that it is done, and no more.
	}
	return n, err
}

// readBackTimeout is how long the answer to a write that is done may take to read.
const readBackTimeout = 5 * time.Second

// createModel writes a new model and its log entry.
func createModel(ctx context.Context, tx *policies.Tx, in RegisterModelInput) (*registry.Model, error) {
	taken, err := tx.Holder(ctx, registry.ModelNameSlot(in.Name))
	if err != nil {
		return nil, err
	}
	if taken != nil {
		return nil, registry.Errorf(registry.AlreadyExists, "a model named %q exists already; register a version of it, or choose another name", in.Name)
	}
	m := &registry.Model{Name: in.Name, Description: in.Description, Owner: in.Owner, Tags: in.Tags, CreatedAt: storedTime(in.CreatedAt, tx.Now()), Incarnation: max(in.Incarnation, 1)}
	if m.Owner == "" {
		m.Owner = tx.Subject()
	}
	for ; ; m.Incarnation++ {
		m.ID = registry.ModelID(in.Name, m.Incarnation)
		old, err := tx.House(ctx, m.ID)
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
	if err := putModel(ctx, tx, m); err != nil {
		return nil, err
	}
	return m, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRegistered, Objects: []registry.ID{m.ID}, Model: m.ID, Detail: logDetail("name", m.Name)})
}

func putModel(ctx context.Context, tx *policies.Tx, m *registry.Model) error {
	n, err := encodeNode(m, m.Name, m.UpdatedAt, registry.ModelNameSlot(m.Name))
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// logDetail is the canonical JSON of what a log entry tells, from keys and values;
// empty values are left out.
func logDetail(pairs ...any) registry.JSON {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := pairs[i+1]; v != "" && v != nil {
			m[pairs[i].(string)] = v
		}
	}
	b, err := registry.Canonical(m)
	if err != nil {
		return nil
	}
	return b
}

// UpdateModelInput changes a model; nil fields stay.
type UpdateModelInput struct {
	Model          *string
	ID             *registry.ID
	Description    *string
	Owner          *string
	Tags           []registry.KeyValue
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// UpdateModel changes a model's description, owner or tags.
func (s *Service) UpdateModel(ctx context.Context, in UpdateModelInput) (*ModelPayload, error) {
	var description, owner string
	if in.Description != nil {
		description = *in.Description
	}
	if in.Owner != nil {
		owner = *in.Owner
	}
	if err := firstError(checkText("description", &description), checkKey("owner", &owner), checkTags("tags", in.Tags)); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.ModelUpdate, idempotentCall{"updateModel", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (writeResult, error) {
		m, n, err := findModel(ctx, tx, in.Model, in.ID)
		if err != nil {
			return writeResult{}, err
		}
		if err := checkRevision(in.IfRevision, n.Revision); err != nil {
			return writeResult{}, err
		}
		var changed []string
		if in.Description != nil {
			m.Description, changed = description, append(changed, "description")
		}
		if in.Owner != nil {
			m.Owner, changed = owner, append(changed, "owner")
		}
		if in.Tags != nil {
			m.Tags, changed = in.Tags, append(changed, "tags")
		}
		m.UpdatedAt = tx.Now()
		if err := putModel(ctx, tx, m); err != nil {
			return writeResult{}, err
		}
		return writeResult{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelUpdated, Objects: []registry.ID{m.ID},
			Model: m.ID, Detail: logDetail("changed", changed)})
	})
	if err != nil {
		return nil, err
	}
	return s.modelPayload(ctx, r)
}

// findModel finds a model by name or id inside a transaction: NOT_FOUND when there
// is none that the caller sees.
func findModel(ctx context.Context, tx *policies.Tx, byName *string, id *registry.ID) (*registry.Model, *graph.Node, error) {
	var target registry.ID
	switch {
	case id != nil && byName == nil:
		target = *id
	case byName != nil && id == nil:
		toNFC(byName)
		n, err := tx.Holder(ctx, registry.ModelNameSlot(*byName))
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
	m, err := decodeWhole(nodes[0], &registry.Model{})
	return m, nodes[0], err
}

func modelNotFound(label string) error {
	return registry.Errorf(registry.NotFound, "there is no model %q; register it first", registry.Shorten(label, 100))
}

// ModelFilter says which models to keep; empty fields keep all.
type ModelFilter struct {
	Stage      *registry.Stage
	Owner      string
	NamePrefix string
	// The model was registered at CreatedFrom or later, before CreatedBefore.
	CreatedFrom, CreatedBefore *time.Time
}

// ModelEdge is a model in a page.
type ModelEdge struct {
	Cursor string
	Node   *registry.Model
}

// ModelConnection is a page of models.
type ModelConnection struct{ Connection[*ModelEdge] }

func modelEdge(cursor string, m *registry.Model) *ModelEdge { return &ModelEdge{cursor, m} }

// Models lists the models that the caller sees.
func (s *Service) Models(ctx context.Context, p Paging, f *ModelFilter, o *ModelOrder) (*ModelConnection, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(equalTo("owner", f.Owner), nameStartsWith(f.NamePrefix), beganWithin(timeRange{f.CreatedFrom, f.CreatedBefore}))
		if f.Stage != nil {
			if !scope.SeesStage(*f.Stage) {
				return &ModelConnection{Connection[*ModelEdge]{Edges: []*ModelEdge{}}}, nil
			}
			q.Where = append(q.Where, graph.Predicate{Child: registry.KindModelVersion, Column: registry.IndexStage, Op: graph.In, Values: []any{string(*f.Stage)}})
		}
	}
	if o != nil {
		sortBy(&q, o.Field, o.Direction)
	}
	c, err := findPage(ctx, s, scope, q, []any{"models", f}, p, modelEdge)
	if err != nil {
		return nil, err
	}
	return &ModelConnection{*c}, nil
}

// Model returns a model by name, as of a past when one is given; nil when there is
// none that the caller sees.
func (s *Service) Model(ctx context.Context, byName string, past ...PointInTime) (*registry.Model, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	toNFC(&byName)
	at, known, err := s.resolvePointInTime(ctx, past)
	if err != nil || !known {
		return nil, err
	}
	if !at.Today() {
		return s.modelNamedAt(ctx, scope, byName, at)
	}
	page, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Slots: []string{registry.ModelNameSlot(byName)}, Limit: 1})
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return nounAs[*registry.Model](s.decode(page.Nodes[0], registry.Instant{}))
}

// DeleteModelInput names a model to delete.
type DeleteModelInput struct {
	Model          *string
	ID             *registry.ID
	Reason         string
	IfRevision     *int
	IdempotencyKey *string `json:"-"`
}

// DeletePayload carries the id of what was deleted, nil when nothing was.
type DeletePayload struct{ DeletedID *registry.ID }

// DeleteModel deletes a model with its versions, cards, artifacts and aliases,
// and leaves tombstones. FAILED_PRECONDITION while a deployment of it is live.
func (s *Service) DeleteModel(ctx context.Context, in DeleteModelInput) (*DeletePayload, error) {
	if err := checkText("reason", &in.Reason); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.ModelDelete, idempotentCall{"deleteModel", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (writeResult, error) {
		m, n, err := findModel(ctx, tx, in.Model, in.ID)
		if err != nil {
			return writeResult{}, err
		}
		if err := checkRevision(in.IfRevision, n.Revision); err != nil {
			return writeResult{}, err
		}
		versions, err := tx.Children(ctx, registry.KindModelVersion, registry.IndexName, m.ID)
		if err != nil {
			return writeResult{}, err
		}
		for _, v := range versions {
			if err := tombstoneVersion(ctx, tx, v); err != nil {
				return writeResult{}, err
			}
		}
		aliases, err := tx.Children(ctx, registry.KindAlias, registry.IndexName, m.ID)
		if err != nil {
			return writeResult{}, err
		}
		if err := tombstone(ctx, tx, append(aliases, n)...); err != nil {
			return writeResult{}, err
		}
		return writeResult{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRemoved, Objects: []registry.ID{m.ID},
			Model: m.ID, Reason: in.Reason, Detail: logDetail("name", m.Name, "versions", len(versions))})
	})
	return deletePayload(ctx, r, err)
}

func deletePayload(ctx context.Context, r writeResult, err error) (*DeletePayload, error) {
	if err != nil {
		return nil, err
	}
	clearLoaders(ctx)
	if len(r.IDs) == 0 {
		return &DeletePayload{}, nil
	}
	return &DeletePayload{&r.IDs[0]}, nil
}

// tombstone turns nodes into tombstones that keep only their name.
func tombstone(ctx context.Context, tx *policies.Tx, nodes ...*graph.Node) error {
	if len(nodes) == 0 {
		return nil
	}
	out := slices.Clone(nodes)
	for i, n := range out {
		doc, err := registry.Canonical(map[string]string{"name": n.Name})
		if err != nil {
			return err
		}
		c := *n
		c.Doc, c.Slots, c.Columns, c.Since = doc, nil, nil, tx.Now()
		out[i] = &c
	}
	return tx.Delete(ctx, out...)
}

// FactKind says that this input is a fact about a model.
func (*RegisterModelInput) FactKind() registry.FactKind { return registry.FactModel }

// FactAction is what recording it needs permission for.
func (*RegisterModelInput) FactAction() registry.Action { return registry.ModelRegister }

// CheckFact checks the input as one fact of a batch.
func (in *RegisterModelInput) CheckFact() error {
	return firstError(refuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RegisterModelInput) ResolveFact(_ References) Fact {
	return in
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RegisterModelInput) FactReads() (ids, effects []registry.ID) {
	return []registry.ID{registry.ModelID(in.Name, max(1, in.Incarnation))}, nil
}

// WriteFact writes the fact in a transaction.
func (in *RegisterModelInput) WriteFact(ctx context.Context, tx *policies.Tx) (writeResult, error) {
	return ensureModel(ctx, tx, *in)
}
