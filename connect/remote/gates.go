package remote

import (
	"context"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// The fields that gates and what they say are read with.
var (
	gateFields       = fieldsOf(registry.KindGate)
	gateResultFields = `gate revision mode answer refuses message reason saw { path state node name value } more`
)

// The operations on gates.
var (
	opGates = `query Gates { gates { ` + gateFields + ` } }`

	opTestGate = `query TestGate($gate: GateInput!, $last: Int) { testGate(gate: $gate, last: $last) { tested refused truncated
		transitions { transitionId versionId model version to at result { ` + gateResultFields + ` } } } }`

	opCheckTransition = `query CheckTransition($model: String, $version: String, $id: ID, $to: Stage!) { checkTransition(model: $model, version: $version, id: $id, to: $to) {
		allowed blockers { kind text } makesRequest needed counted gates { ` + gateResultFields + ` } } }`

	opPutGate = `mutation PutGate($input: PutGateInput!) { putGate(input: $input) { gate { ` + gateFields + ` } } }`

	opWithdrawGate = `mutation WithdrawGate($input: WithdrawGateInput!) { withdrawGate(input: $input) { deletedId } }`
)

// Gates lists the gates that stand.
func (c *Client) Gates(ctx context.Context) ([]*registry.Gate, error) {
	var out struct{ Gates []of[*registry.Gate] }
	if err := c.execute(ctx, opGates, nil, &out); err != nil {
		return nil, err
	}
	all := make([]*registry.Gate, len(out.Gates))
	for i, g := range out.Gates {
		all[i] = g.Noun
	}
	return all, nil
}

// PutGate sets a gate.
func (c *Client) PutGate(ctx context.Context, in gates.PutGateInput) (*gates.GatePayload, error) {
	p, err := mutate[struct{ Gate of[*registry.Gate] }](ctx, c, opPutGate, "putGate", in)
	return &gates.GatePayload{Gate: p.Gate.Noun}, err
}

// WithdrawGate withdraws a gate.
func (c *Client) WithdrawGate(ctx context.Context, in gates.WithdrawGateInput) (*core.DeletePayload, error) {
	p, err := mutate[core.DeletePayload](ctx, c, opWithdrawGate, "withdrawGate", in)
	return &p, err
}

// TestGate says which past transitions a gate would have refused.
func (c *Client) TestGate(ctx context.Context, in gates.GateInput, last int) (*gates.GateTest, error) {
	vars, err := input(in)
	if err != nil {
		return nil, err
	}
	var out struct{ TestGate *gates.GateTest }
	err = c.execute(ctx, opTestGate, map[string]any{"gate": vars, "last": last}, &out)
	return out.TestGate, err
}

// CheckTransition tells what would stand in the way of a transition, without the request and the
// incumbent.
func (c *Client) CheckTransition(ctx context.Context, in governance.CheckTransitionInput) (*governance.TransitionCheck, error) {
	vars := map[string]any{"model": in.Model, "version": in.Version, "id": in.ID, "to": in.To}
	var out struct{ CheckTransition *governance.TransitionCheck }
	if err := c.execute(ctx, opCheckTransition, vars, &out); err != nil {
		return nil, err
	}
	return out.CheckTransition, nil
}
