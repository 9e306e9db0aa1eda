// Package gates holds the use cases of gates: conditions on transitions, which are set, withdrawn
// and listed, looked at when a version is moved, and tested on the past.
package gates

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"pedigree/governance/gate"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// Gatekeeper has the use cases of gates.
type Gatekeeper struct{ core *core.Core }

// New returns the use cases of gates.
func New(c *core.Core) *Gatekeeper { return &Gatekeeper{c} }

// GateInput is a gate as it is to be.
type GateInput struct {
	Name       string `json:"name" yaml:"name"`
	Expression string `json:"expression" yaml:"expression"`
	Message    string `json:"message,omitzero" yaml:"message,omitempty"`
	// Stages are PRODUCTION when left out. Models and Tag say which models; with neither it is all.
	Stages   []registry.Stage   `json:"stages,omitzero" yaml:"stages,omitempty"`
	Models   []string           `json:"models,omitzero" yaml:"models,omitempty"`
	Tag      *registry.KeyValue `json:"tag,omitzero" yaml:"tag,omitempty"`
	Mode     registry.GateMode  `json:"mode,omitzero" yaml:"mode,omitempty"`
	Forcible bool               `json:"forcible,omitzero" yaml:"forcible,omitempty"`
}

// PutGateInput sets a gate.
type PutGateInput struct {
	GateInput
	Reason         string  `json:"reason,omitzero"`
	IfRevision     *int    `json:"ifRevision,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// GatePayload has the gate after a mutation.
type GatePayload struct{ Gate *registry.Gate }

// check checks a gate without reading the store, and fills in what is left out.
func (in *GateInput) check(ctx context.Context) error {
	in.Expression = strings.TrimSpace(in.Expression)
	if err := core.FirstError(core.CheckName("name", &in.Name), core.CheckText("expression", &in.Expression), core.CheckText("message", &in.Message)); err != nil {
		return err
	}
	if len(in.Models) > 0 && in.Tag != nil {
		return registry.Invalid("tag", "a gate is for some models or for those with a tag, not for both")
	}
	if len(in.Models) > registry.MaxGateModels {
		return registry.Invalid("models", "must be at most %d; use a tag", registry.MaxGateModels)
	}
	for i := range in.Models {
		if err := core.CheckRequiredKey("models", &in.Models[i]); err != nil {
			return err
		}
		if slices.Contains(in.Models[:i], in.Models[i]) {
			return registry.Invalid("models", "%q is given twice", in.Models[i])
		}
	}
	if in.Tag != nil {
		tags := []registry.KeyValue{*in.Tag}
		if err := core.CheckTags("tag", tags); err != nil {
			return err
		}
		in.Tag = &tags[0]
	}
	if in.Mode == "" {
		in.Mode = registry.GateEnforce
	}
	if in.Mode != registry.GateEnforce && in.Mode != registry.GateWarn {
		return registry.Invalid("mode", "%q is no mode; use ENFORCE or WARN", in.Mode)
	}
	if in.Mode == registry.GateWarn && in.Forcible {
		return registry.Invalid("forcible", "is for a gate that refuses; one with mode WARN lets all through")
	}
	if len(in.Stages) == 0 {
		in.Stages = []registry.Stage{registry.Production}
	}
	for i, s := range in.Stages {
		if !slices.Contains(registry.Stages(), s) || slices.Contains(in.Stages[:i], s) {
			return registry.Invalid("stages", "%q is no stage, or is given twice; use some of %v", s, registry.Stages())
		}
	}
	return gate.Check(ctx, in.Expression)
}

// noun returns the gate of an input, without its stamps.
func (in *GateInput) noun() *registry.Gate {
	g := &registry.Gate{Name: in.Name, Expression: in.Expression, Message: in.Message, Stages: in.Stages, AppliesTo: registry.GateAllModels, Models: in.Models, Tag: in.Tag,
		Mode: in.Mode, Forcible: in.Forcible}
	if len(in.Models) > 0 {
		g.AppliesTo = registry.GateModels
	}
	if in.Tag != nil {
		g.AppliesTo = registry.GateTag
	}
	g.ID = registry.GateID(in.Name)
	return g
}

// PutGate sets a gate: a new one, or a new revision of the one with its name.
func (g *Gatekeeper) PutGate(ctx context.Context, in PutGateInput) (*GatePayload, error) {
	if _, err := g.core.Gate.Read(ctx, registry.GovernanceConfigure); err != nil {
		return nil, err // Who may not set a gate has nothing compiled.
	}
	if err := core.FirstError(in.check(ctx), core.CheckText("reason", &in.Reason)); err != nil {
		return nil, err
	}
	result, err := g.core.Write(ctx, registry.GovernanceConfigure, core.Idempotent("putGate", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		put := in.noun()
		models, err := modelIDs(ctx, tx, in.Models)
		if err != nil {
			return core.WriteResult{}, err
		}
		nodes, err := tx.NodesUnfiltered(ctx, put.ID, registry.GateIndexID())
		if err != nil {
			return core.WriteResult{}, err
		}
		revision := int64(0)
		if put.ValidFrom = tx.Now(); stands(nodes[0]) {
			put.ValidFrom, revision = nodes[0].ValidFrom, nodes[0].Revision
		}
		put.SetBy, put.SetAt = tx.Subject(), tx.Now()
		if err := core.CheckRevision(in.IfRevision, revision); err != nil {
			return core.WriteResult{}, err
		}
		n, err := core.EncodeNode(put, put.Name, tx.Now())
		if err != nil {
			return core.WriteResult{}, err
		}
		entry := registry.GateEntry{ID: put.ID, Stages: put.Stages, Models: models, Tag: put.Tag}
		if err := putBoth(ctx, tx, n, nodes[1], &entry); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{put.ID}, Created: true, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogGateSet, Objects: []registry.ID{put.ID}, Reason: in.Reason,
			Detail: core.LogDetail("gate", put.Name, "expression", put.Expression, "message", put.Message, "stages", put.Stages, "appliesTo", put.AppliesTo, "models", put.Models, "tag", put.Tag, "mode", put.Mode, "forcible", put.Forcible)})
	})
	if err != nil {
		return nil, err
	}
	out, err := core.NounAs[*registry.Gate](g.core.ReadBack(ctx, result, result.IDs[0]))
	return &GatePayload{out}, err
}

// modelIDs returns the ids of models by their names: NOT_FOUND for one that the caller does not see.
func modelIDs(ctx context.Context, tx *policies.Tx, names []string) ([]registry.ID, error) {
	slots := make([]string, len(names))
	for i, name := range names {
		slots[i] = registry.ModelNameSlot(name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	holders, err := tx.SlotHolders(ctx, slots...)
	if err != nil {
		return nil, err
	}
	ids := make([]registry.ID, 0, len(names))
	for _, n := range holders {
		ids = append(ids, n.ID)
	}
	seen, err := tx.Nodes(ctx, ids...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(seen, func(n *graph.Node) bool { return n != nil && n.Name == name }) {
			return nil, registry.Errorf(registry.NotFound, "there is no model %q", registry.Shorten(name, 100))
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// stands reports whether a gate was set and not withdrawn.
func stands(n *graph.Node) bool { return n != nil && !n.Deleted && n.ValidTo.IsZero() }

// Index returns the gates of the node of the index, which is nil before the first gate.
func Index(n *graph.Node) ([]registry.GateEntry, error) {
	if n == nil {
		return nil, nil
	}
	var index registry.GateIndex
	err := core.DecodeDoc(n, &index)
	return index.Gates, err
}

// putBoth writes a gate and the index. entry is nil for a gate that is withdrawn.
func putBoth(ctx context.Context, tx *policies.Tx, n, index *graph.Node, entry *registry.GateEntry) error {
	if !tx.May(registry.GovernanceConfigure, "") {
		return registry.Errorf(registry.Forbidden, "you may not do %s here; ask an administrator", registry.GovernanceConfigure)
	}
	entries, err := Index(index)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e registry.GateEntry) bool { return e.ID == n.ID })
	if entry != nil {
		entries = append(entries, *entry)
	}
	if len(entries) > registry.MaxGates {
		return registry.Errorf(registry.ResourceExhausted, "there are %d gates already; withdraw some", registry.MaxGates)
	}
	slices.SortFunc(entries, func(a, b registry.GateEntry) int { return strings.Compare(string(a.ID), string(b.ID)) })
	doc, err := json.Marshal(registry.GateIndex{Gates: entries})
	if err != nil {
		return err
	}
	from := tx.Now()
	if index != nil {
		from = index.ValidFrom
	}
	return tx.Put(ctx, n, &graph.Node{ID: registry.GateIndexID(), Kind: registry.KindGateIndex, Name: "gates", ValidFrom: from, Since: tx.Now(), Doc: doc})
}

// WithdrawGateInput names a gate to withdraw.
type WithdrawGateInput struct {
	Name           string  `json:"name"`
	Reason         string  `json:"reason,omitzero"`
	IfRevision     *int    `json:"ifRevision,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// WithdrawGate withdraws a gate; it is no error if there is none. Its revisions stay in the past.
func (g *Gatekeeper) WithdrawGate(ctx context.Context, in WithdrawGateInput) (*core.DeletePayload, error) {
	if err := core.FirstError(core.CheckName("name", &in.Name), core.CheckText("reason", &in.Reason)); err != nil {
		return nil, err
	}
	result, err := g.core.Write(ctx, registry.GovernanceConfigure, core.Idempotent("withdrawGate", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		nodes, err := tx.NodesUnfiltered(ctx, registry.GateID(in.Name), registry.GateIndexID())
		if err != nil || !stands(nodes[0]) {
			return core.WriteResult{}, err
		}
		if err := core.CheckRevision(in.IfRevision, nodes[0].Revision); err != nil {
			return core.WriteResult{}, err
		}
		ended := *nodes[0]
		ended.ValidTo, ended.Since = tx.Now(), tx.Now()
		if err := putBoth(ctx, tx, &ended, nodes[1], nil); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{ended.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogGateWithdrawn, Objects: []registry.ID{ended.ID},
			Reason: in.Reason, Detail: core.LogDetail("gate", in.Name)})
	})
	return core.NewDeletePayload(ctx, result, err)
}

// Gates lists the gates that stand, by name.
func (g *Gatekeeper) Gates(ctx context.Context) ([]*registry.Gate, error) {
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	nodes, err := policies.All(ctx, scope, graph.Query{Kinds: []registry.Kind{registry.KindGate}, Order: registry.IndexName, Limit: 1000})
	if err != nil {
		return nil, err
	}
	out := []*registry.Gate{}
	for _, n := range nodes {
		if !stands(n) {
			continue
		}
		found, err := core.NounAs[*registry.Gate](g.core.Decode(n, registry.Instant{}))
		if err != nil {
			return nil, err
		}
		if found != nil {
			out = append(out, found)
		}
	}
	return out, nil
}

// Gate returns the gate with a name, at an optional point in time; nil when none stood then.
func (g *Gatekeeper) Gate(ctx context.Context, name string, past ...core.PointInTime) (*registry.Gate, error) {
	found, err := core.GetNoun[*registry.Gate](ctx, g.core, registry.GateID(name), past)
	if err != nil || found == nil {
		return nil, err
	}
	if end := found.ValidTo; !end.IsZero() && (found.ReadAt.Today() || !end.After(found.ReadAt.Valid)) {
		return nil, nil
	}
	return found, nil
}
