package gate_test

import (
	"testing"

	"pedigree/governance/gate"
	"pedigree/governance/gate/gatetest"
	"pedigree/registry"
)

// TestUnknownNeverPasses evaluates random conditions over random facts, and over what is left when
// some are forgotten. An answer about the rest must be the answer about all.
func TestUnknownNeverPasses(t *testing.T) {
	rounds := gatetest.Rounds()
	g := gatetest.New(uint64(rounds))
	count := map[registry.GateAnswer]int{}
	for round := range rounds {
		expression := g.Condition()
		c, err := gate.Compile(expression)
		if err != nil {
			t.Fatalf("round %d: %s: %v", round, expression, err)
		}
		all := g.Facts()
		if err := gate.CheckFacts(all); err != nil {
			t.Fatal(err)
		}
		whole, err := c.Evaluate(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		part, err := c.Evaluate(t.Context(), g.Part(all))
		if err != nil {
			t.Fatal(err)
		}
		count[part.Answer]++
		if part.Answer != registry.GateUnknown && part.Answer != whole.Answer {
			t.Fatalf("round %d: %s is %s of a part of the facts, and %s (%s) of all\n%+v", round, expression, part.Answer, whole.Answer, whole.Reason, part.Facts)
		}
	}
	for _, a := range []registry.GateAnswer{registry.GatePass, registry.GateFail, registry.GateUnknown} {
		if count[a] < rounds/20 {
			t.Errorf("only %d answers are %s: %v", count[a], a, count)
		}
	}
}
