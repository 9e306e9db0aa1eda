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
	Name           string
	Description    string
	Owner          string
	Tags           []registry.KeyValue
	IdempotencyKey *string `json:"-"`
}

// ModelPayload carries the model that a mutation left behind.
type ModelPayload struct{ Model *registry.Model }

// RegisterModel registers a model. ALREADY_EXISTS when the name is taken.
func (s *Service) RegisterModel(ctx context.Context, in RegisterModelInput) (*ModelPayload, error) {
	if err := first(name("name", &in.Name), text("description", &in.Description), key("owner", &in.Owner), checkTags("tags", in.Tags)); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.ModelRegister, idempotent{"registerModel", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		m, err := s.createModel(ctx, tx, in)
		if err != nil {
			return result{}, err
		}
		return result{IDs: []registry.ID{m.ID}, Created: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return s.modelPayload(ctx, r)
}

func (s *Service) modelPayload(ctx context.Context, r result) (*ModelPayload, error) {
	m, err := one[*registry.Model](s.after(ctx, r.IDs[0]))
	return &ModelPayload{m}, err
}

// after reads a noun back through the caller's sight when a write is done. What
// is committed is told also when the operation's time ran out meanwhile.
func (s *Service) after(ctx context.Context, id registry.ID) (registry.Node, error) {
	forget(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	n, err := s.node(unbatched(ctx), id)
	if registry.CodeOf(err) == registry.Forbidden {
		return nil, nil // Who may write but not read is told that it is done, and no more.
	}
	return n, err
}

// answerTime is how long the answer to a write that is done may take to read.
const answerTime = 5 * time.Second

// createModel writes a new model and its log entry.
func (s *Service) createModel(ctx context.Context, tx *policies.Tx, in RegisterModelInput) (*registry.Model, error) {
	taken, err := tx.Holder(ctx, registry.ModelNameSlot(in.Name))
	if err != nil {
		return nil, err
	}
	if taken != nil {
		return nil, registry.Errorf(registry.AlreadyExists, "a model named %q exists already; register a version of it, or choose another name", in.Name)
	}
	m := &registry.Model{Name: in.Name, Description: in.Description, Owner: in.Owner, Tags: in.Tags, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Incarnation: 1}
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
	}
	m.ValidFrom = m.CreatedAt
	if err := putModel(ctx, tx, m); err != nil {
		return nil, err
	}
	return m, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRegistered, Objects: []registry.ID{m.ID}, Model: m.ID, Detail: detail("name", m.Name)})
}

func putModel(ctx context.Context, tx *policies.Tx, m *registry.Model) error {
	n, err := encode(m, m.Name, m.UpdatedAt, registry.ModelNameSlot(m.Name))
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// detail is the canonical JSON of what a log entry tells, from keys and values;
// empty values are left out.
func detail(pairs ...any) registry.JSON {
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
	if err := first(text("description", &description), key("owner", &owner), checkTags("tags", in.Tags)); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.ModelUpdate, idempotent{"updateModel", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		m, n, err := s.modelIn(ctx, tx, in.Model, in.ID)
		if err != nil {
			return result{}, err
		}
		if err := checkRevision(in.IfRevision, n.Revision); err != nil {
			return result{}, err
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
			return result{}, err
		}
		return result{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelUpdated, Objects: []registry.ID{m.ID},
			Model: m.ID, Detail: detail("changed", changed)})
	})
	if err != nil {
		return nil, err
	}
	return s.modelPayload(ctx, r)
}

// modelIn finds a model by name or id inside a transaction: NOT_FOUND when there
// is none that the caller sees.
func (s *Service) modelIn(ctx context.Context, tx *policies.Tx, byName *string, id *registry.ID) (*registry.Model, *graph.Node, error) {
	var target registry.ID
	switch {
	case id != nil && byName == nil:
		target = *id
	case byName != nil && id == nil:
		clean(byName)
		n, err := tx.Holder(ctx, registry.ModelNameSlot(*byName))
		if err != nil {
			return nil, nil, err
		}
		if n == nil {
			return nil, nil, noModel(*byName)
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
		return nil, nil, noModel(label)
	}
	m, err := load(nodes[0], &registry.Model{})
	return m, nodes[0], err
}

func noModel(label string) error {
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
		q.Where = slices.Concat(where("owner", f.Owner), prefixed(f.NamePrefix), within(span{f.CreatedFrom, f.CreatedBefore}))
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
	c, err := find(ctx, s, scope, q, []any{"models", f}, p, modelEdge)
	if err != nil {
		return nil, err
	}
	return &ModelConnection{*c}, nil
}

// Model returns a model by name, as of a past when one is given; nil when there is
// none that the caller sees.
func (s *Service) Model(ctx context.Context, byName string, past ...Past) (*registry.Model, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	clean(&byName)
	at, known, err := s.at(ctx, past)
	if err != nil || !known {
		return nil, err
	}
	if !at.Today() {
		return s.modelThen(ctx, scope, byName, at)
	}
	page, err := scope.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Slots: []string{registry.ModelNameSlot(byName)}, Limit: 1})
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return one[*registry.Model](s.decode(page.Nodes[0], registry.Instant{}))
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
	if err := text("reason", &in.Reason); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.ModelDelete, idempotent{"deleteModel", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		m, n, err := s.modelIn(ctx, tx, in.Model, in.ID)
		if err != nil {
			return result{}, err
		}
		if err := checkRevision(in.IfRevision, n.Revision); err != nil {
			return result{}, err
		}
		versions, err := tx.Children(ctx, registry.KindModelVersion, registry.IndexName, m.ID)
		if err != nil {
			return result{}, err
		}
		for _, v := range versions {
			if err := s.buryVersion(ctx, tx, v); err != nil {
				return result{}, err
			}
		}
		aliases, err := tx.Children(ctx, registry.KindAlias, registry.IndexName, m.ID)
		if err != nil {
			return result{}, err
		}
		if err := bury(ctx, tx, append(aliases, n)...); err != nil {
			return result{}, err
		}
		return result{IDs: []registry.ID{m.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogModelRemoved, Objects: []registry.ID{m.ID},
			Model: m.ID, Reason: in.Reason, Detail: detail("name", m.Name, "versions", len(versions))})
	})
	return deleted(ctx, r, err)
}

func deleted(ctx context.Context, r result, err error) (*DeletePayload, error) {
	if err != nil {
		return nil, err
	}
	forget(ctx)
	if len(r.IDs) == 0 {
		return &DeletePayload{}, nil
	}
	return &DeletePayload{&r.IDs[0]}, nil
}

// bury turns nodes into tombstones that keep only their name.
func bury(ctx context.Context, tx *policies.Tx, nodes ...*graph.Node) error {
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
