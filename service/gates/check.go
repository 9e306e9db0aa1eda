package gates

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pedigree/governance/gate"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// FactState says what is known of a fact.
type FactState string

// The states of facts.
const (
	FactKnown   FactState = "KNOWN"
	FactUnknown FactState = "UNKNOWN"
	// FactHidden is a fact that the caller may not see. It was looked at like any other.
	FactHidden FactState = "HIDDEN"
)

// GateFact is something that a gate looked at.
type GateFact struct {
	Path  string       `json:"path"`
	State FactState    `json:"state"`
	Node  *registry.ID `json:"node,omitempty"`
	Name  string       `json:"name,omitempty"`
	Value string       `json:"value,omitempty"`
}

// GateResult is what one gate says of a transition. A gate that the caller may not see has no name.
type GateResult struct {
	Gate     string              `json:"gate,omitempty"`
	Revision int                 `json:"revision,omitempty"`
	Mode     registry.GateMode   `json:"mode"`
	Answer   registry.GateAnswer `json:"answer"`
	// Refuses is true when the gate refuses the transition.
	Refuses bool   `json:"refuses"`
	Message string `json:"message,omitempty"`
	// Reason says why it is UNKNOWN, when not for an unknown fact.
	Reason string      `json:"reason,omitempty"`
	Saw    []*GateFact `json:"saw"`
	More   int         `json:"more,omitempty"`

	noun *registry.Gate
	raw  *gate.Result
}

// Question is a transition that gates are asked about.
type Question struct {
	Version *registry.ModelVersion
	To      registry.Stage
	// Gates are the ids of the gates that hold.
	Gates []registry.ID
	// Approvals is how many approvals count; nil when that is not known yet.
	Approvals *int
	Forced    bool
	// Signed tells whether the files of the version are signed as they are stored, and by whom.
	Signed func(context.Context, *policies.Tx, *registry.ModelVersion) (bool, string, error)
}

// Ask returns what the gates say of a transition now. Facts are read only when there is a gate, and
// all that they look at is read in the transaction, so that nothing changes before it commits.
func Ask(ctx context.Context, tx *policies.Tx, q Question) ([]*GateResult, error) {
	if len(q.Gates) == 0 {
		return nil, nil
	}
	nodes, err := tx.NodesUnfiltered(ctx, q.Gates...)
	if err != nil {
		return nil, err
	}
	var nouns []*registry.Gate
	for _, n := range nodes {
		if n == nil || !stands(n) {
			continue
		}
		g, err := core.DecodeWhole(n, &registry.Gate{})
		if err != nil {
			return nil, err
		}
		nouns = append(nouns, g)
	}
	slices.SortFunc(nouns, func(a, b *registry.Gate) int { return strings.Compare(a.Name, b.Name) })
	out, err := evaluate(ctx, tx, nouns, moment{now: tx.Now()}, q)
	if err != nil {
		return nil, err
	}
	return out, show(ctx, tx, out)
}

// evaluate evaluates gates over the facts of one transition, which are read once for all.
func evaluate(ctx context.Context, tx *policies.Tx, nouns []*registry.Gate, at moment, q Question) ([]*GateResult, error) {
	conditions := make([]*gate.Condition, len(nouns))
	for i, g := range nouns {
		var err error
		if conditions[i], err = gate.Compile(g.Expression); err != nil {
			return nil, &registry.Error{Code: registry.Internal, Message: "a stored gate cannot be compiled", Err: err}
		}
	}
	facts, err := gather(ctx, tx, q, at, func(variables ...string) bool {
		return slices.ContainsFunc(conditions, func(c *gate.Condition) bool { return slices.ContainsFunc(variables, c.Uses) })
	})
	if err != nil {
		return nil, err
	}
	out := make([]*GateResult, len(nouns))
	for i, g := range nouns {
		r, err := conditions[i].Evaluate(ctx, facts)
		if err != nil {
			return nil, err
		}
		out[i] = &GateResult{Gate: g.Name, Revision: g.Revision, Mode: g.Mode, Answer: r.Answer, Reason: r.Reason, More: r.More, noun: g, raw: r,
			Refuses: r.Answer != registry.GatePass && g.Mode == registry.GateEnforce && !(q.Forced && g.Forcible)}
		if r.Answer != registry.GatePass {
			out[i].Message = g.Message
		}
	}
	return out, nil
}

// show fills in the facts of results as far as the caller may see them. What may not be seen was
// evaluated, and is told as hidden.
func show(ctx context.Context, tx *policies.Tx, results []*GateResult) error {
	masks := map[registry.ID]registry.Mask{}
	maskOf := func(id registry.ID) (registry.Mask, error) {
		m, known := masks[id]
		if known {
			return m, nil
		}
		m, err := tx.Mask(ctx, id)
		masks[id] = m
		return m, err
	}
	for _, r := range results {
		r.Saw = []*GateFact{}
		for _, f := range r.raw.Facts {
			shown, err := showFact(tx, f, maskOf)
			if err != nil {
				return err
			}
			r.Saw = append(r.Saw, shown)
		}
		if r.noun.ID == "" {
			continue // It is not stored: the caller wrote it.
		}
		mask, err := maskOf(r.noun.ID)
		if err != nil {
			return err
		}
		if !mask.Has(registry.Bit("Gate", "name")) {
			r.Gate, r.Revision, r.Saw, r.More, r.Reason = "", 0, []*GateFact{}, 0, ""
		}
		if !mask.Has(registry.Bit("Gate", "message")) {
			r.Message = ""
		}
	}
	return nil
}

// showFact returns a fact as the caller may see it.
func showFact(tx *policies.Tx, f gate.Fact, maskOf func(registry.ID) (registry.Mask, error)) (*GateFact, error) {
	out := &GateFact{Path: f.Path, State: FactUnknown}
	noun := f.Noun
	visible := noun == "" || f.Field == "" || tx.Scope().Sees(noun, f.Field)
	if f.Node != "" {
		mask, err := maskOf(f.Node)
		if err != nil {
			return nil, err
		}
		if noun == "" {
			noun = registry.NounOf(f.Node.Kind()).Name
		}
		// Every object that is seen at all shows its id and kind.
		visible = mask != 0 && (f.Field == "id" || f.Field == "kind" || mask.Has(registry.Bit(noun, f.Field)))
		if visible {
			out.Node = &f.Node
		}
		if visible && mask.Has(registry.Bit(noun, "name")) {
			out.Name = f.Name
		}
	}
	switch {
	case !visible:
		out.State = FactHidden
	case f.Known:
		out.State, out.Value = FactKnown, f.Value
	}
	return out, nil
}

// Refusal returns FAILED_PRECONDITION with every gate that refuses a transition; nil when none does.
func Refusal(v *registry.ModelVersion, to registry.Stage, results []*GateResult) error {
	var refusing []*GateResult
	var texts []string
	for _, r := range results {
		if r.Refuses {
			refusing, texts = append(refusing, r), append(texts, r.Text())
		}
	}
	if len(refusing) == 0 {
		return nil
	}
	e := registry.Errorf(registry.FailedPrecondition, "%s %s may not enter %s: %s", registry.Shorten(v.ModelName, 100), v.Version, to, strings.Join(texts, "; "))
	e.Details = map[string]any{"guarded": true, "gates": refusing}
	return e
}

// maxTextFacts is how many facts a sentence tells.
const maxTextFacts = 3

// Text tells in words what a gate said.
func (r *GateResult) Text() string {
	name := "a gate that you may not see"
	if r.Gate != "" {
		name = fmt.Sprintf("the gate %q", r.Gate)
	}
	out := fmt.Sprintf("%s says %s", name, r.Answer)
	if r.Message != "" {
		out += ": " + registry.Shorten(r.Message, 300)
	}
	var facts []string
	for _, f := range r.Saw[:min(len(r.Saw), maxTextFacts)] {
		facts = append(facts, f.text())
	}
	if left := len(r.Saw) - len(facts) + r.More; left > 0 {
		facts = append(facts, fmt.Sprintf("and %d more", left))
	}
	if r.Reason != "" {
		facts = append(facts, r.Reason)
	}
	if len(facts) > 0 {
		out += " (" + strings.Join(facts, ", ") + ")"
	}
	return out
}

func (f *GateFact) text() string {
	path := f.Path
	if f.Name != "" {
		path += " of " + registry.Shorten(f.Name, 100)
	}
	switch f.State {
	case FactHidden:
		return path + " is hidden from you"
	case FactUnknown:
		return path + " is not known"
	}
	if f.Value == "" {
		return path + " is empty"
	}
	return path + " is " + f.Value
}

// Record returns what a transition keeps of the answers.
func Record(results []*GateResult) (out []registry.TransitionGate) {
	for _, r := range results {
		kept := registry.TransitionGate{Name: r.noun.Name, Revision: r.noun.Revision, Mode: r.noun.Mode, Answer: r.Answer}
		if r.Answer != registry.GatePass {
			kept.Message = r.noun.Message
		}
		out = append(out, kept)
	}
	return out
}
