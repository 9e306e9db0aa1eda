package gates

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// GateTest is what a gate would have said of past transitions.
type GateTest struct {
	Tested  int `json:"tested"`
	Refused int `json:"refused"`
	// Truncated is true when there are older transitions, which were not looked at.
	Truncated   bool                  `json:"truncated"`
	Transitions []*GateTestTransition `json:"transitions"`
}

// GateTestTransition is a past transition, and what a gate would have said of it.
type GateTestTransition struct {
	TransitionID registry.ID    `json:"transitionId"`
	VersionID    registry.ID    `json:"versionId"`
	Model        string         `json:"model"`
	Version      string         `json:"version"`
	To           registry.Stage `json:"to"`
	At           time.Time      `json:"at,omitzero"`
	Result       *GateResult    `json:"result"`
}

// maxTested is how many transitions one test looks at, and maxLogPages how many pages of the log it
// looks through for them.
const maxTested, maxLogPages = 200, 50

// TestGate says which past transitions into its stages a gate would have refused, newest first. Each
// is looked at with what was true at its time, and what was known just before it was recorded.
func (g *Gatekeeper) TestGate(ctx context.Context, in GateInput, last int) (*GateTest, error) {
	if _, err := g.core.Gate.Read(ctx, registry.GovernanceConfigure); err != nil {
		return nil, err
	}
	if last < 1 || last > maxTested {
		return nil, registry.Invalid("last", "must be 1 to %d", maxTested)
	}
	if err := in.check(ctx); err != nil {
		return nil, err
	}
	noun := in.noun()
	noun.ID = "" // It is not the gate with that name that may stand.
	out := &GateTest{Transitions: []*GateTestTransition{}}
	var ids []registry.ID
	err := g.core.Gate.Inspect(ctx, registry.GovernanceConfigure, func(ctx context.Context, tx *policies.Tx) error {
		models, err := modelIDs(ctx, tx, in.Models)
		if err != nil {
			return err
		}
		h := &history{tx: tx, gate: noun, models: models, last: last, out: out}
		if err := h.read(ctx); err != nil {
			return err
		}
		ids = h.ids
		results := make([]*GateResult, len(out.Transitions))
		for i, t := range out.Transitions {
			results[i] = t.Result
		}
		return show(ctx, tx, results)
	})
	if err != nil {
		return nil, err
	}
	nouns, err := g.core.Nodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, t := range out.Transitions {
		if moved, ok := nouns[2*i].(*registry.Transition); ok { // What the caller may not see is blank.
			t.TransitionID, t.To, t.At = moved.ID, moved.To, moved.At
		}
		if v, ok := nouns[2*i+1].(*registry.ModelVersion); ok {
			t.VersionID, t.Model, t.Version = v.ID, v.ModelName, v.Version
		}
	}
	return out, nil
}

// history reads past transitions from the log.
type history struct {
	tx     *policies.Tx
	gate   *registry.Gate
	models []registry.ID
	last   int
	out    *GateTest
	// ids are those of each transition and its version, two by two.
	ids []registry.ID
}

func (h *history) read(ctx context.Context) error {
	var actions []registry.LogAction
	for _, s := range h.gate.Stages {
		if a := registry.StageLogAction(s); !slices.Contains(actions, a) {
			actions = append(actions, a)
		}
	}
	q := graph.LogQuery{Desc: true, Limit: 200, Actions: actions, Models: h.models}
	for page := 0; ; page++ {
		entries, err := h.tx.LogUnfiltered(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if len(e.Objects) < 2 {
				continue
			}
			if h.out.Tested == h.last {
				h.out.Truncated = true
				return nil
			}
			if err := h.test(ctx, e); err != nil {
				return err
			}
		}
		if len(entries) < q.Limit {
			return nil
		}
		if page == maxLogPages {
			h.out.Truncated = true
			return nil
		}
		q.Before = entries[len(entries)-1].Seq
	}
}

// test evaluates the gate over one transition, unless it was into another stage, of another model, or
// nobody asked for it: the version that a promotion replaces meets no gate.
func (h *history) test(ctx context.Context, e registry.LogEntry) error {
	t, q, m, err := h.question(ctx, e)
	if err != nil || q.Version == nil || !slices.Contains(h.gate.Stages, t.To) {
		return err
	}
	results, err := evaluate(ctx, h.tx, []*registry.Gate{h.gate}, m, q)
	if err != nil {
		return err
	}
	h.out.Tested++
	if results[0].Refuses {
		h.out.Refused++
	}
	h.out.Transitions = append(h.out.Transitions, &GateTestTransition{Result: results[0]})
	h.ids = append(h.ids, t.ID, q.Version.ID)
	return nil
}

// question returns the transition that an entry records, and what gates are asked about it: as it was
// at its time, and known just before it was recorded. The question has no version when the entry is
// about none that gates of this tag are asked about.
func (h *history) question(ctx context.Context, e registry.LogEntry) (t *registry.Transition, q Question, m moment, err error) {
	nodes, err := h.tx.NodesUnfiltered(ctx, e.Objects[1])
	if err != nil || nodes[0] == nil || nodes[0].Kind != registry.KindTransition {
		return nil, q, m, err
	}
	t, ok, err := decoded(nodes[0], &registry.Transition{})
	if err != nil || !ok || t.ReplacedBy != "" {
		return t, q, m, err
	}
	m = moment{t.At, graph.Instant{Valid: t.At, Known: e.Seq - 1}}
	if t.To == registry.Production {
		before, err := h.tx.LogUnfiltered(ctx, graph.LogQuery{Seqs: []int64{e.Seq - 1}, Limit: 1})
		if err != nil {
			return t, q, m, err
		}
		// The entry of the version that it replaces is of the same transaction.
		if len(before) == 1 && before[0].Action == registry.LogModelDeprecated && before[0].Model == e.Model && before[0].RequestID == e.RequestID && before[0].At.Equal(e.At) {
			m.at.Known--
		}
	}
	nodes, err = h.tx.ReaderUnfiltered().Nodes(ctx, m.at, e.Objects[0], e.Model)
	if err != nil {
		return t, q, m, err
	}
	v, ok, err := decoded(nodes[0], &registry.ModelVersion{})
	if err != nil || !ok {
		return t, q, m, err
	}
	model, ok, err := decoded(nodes[1], &registry.Model{})
	if err != nil || h.gate.Tag != nil && (!ok || !slices.Contains(model.Tags, *h.gate.Tag)) {
		return t, q, m, err
	}
	approvals, err := h.approvals(ctx, t)
	if err != nil {
		return t, q, m, err
	}
	return t, Question{Version: v, To: t.To, Approvals: &approvals, Forced: t.Forced}, m, nil
}

// approvals returns how many approvals the request of a transition had.
func (h *history) approvals(ctx context.Context, t *registry.Transition) (int, error) {
	if t.Approval == "" {
		return 0, nil
	}
	nodes, err := h.tx.NodesUnfiltered(ctx, t.Approval)
	if err != nil || nodes[0] == nil {
		return 0, err
	}
	r, err := core.DecodeWhole(nodes[0], &registry.TransitionRequest{})
	return len(r.Approvals), err
}
