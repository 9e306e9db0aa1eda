package sqlite_test

import (
	"errors"
	"slices"
	"testing"

	"pedigree/registry"
)

// compareAs runs every read as a role that sees little of the stores, and counts the steps of
// the engine on both. A read that the role may not do is passed over.
func compareAs(t *testing.T, role string, small, large *grown) {
	done := 0
	for _, c := range useCases() {
		if c.count == nil {
			continue
		}
		a, b := small.stepsAs(role, c), large.stepsAs(role, c)
		if a < 0 || b < 0 {
			continue
		}
		done++
		if tooMany(a, b-12*probed[c.name]) {
			t.Errorf("%s as %s: %d steps on the small store, %d on the large one", c.name, role, a, b)
		}
	}
	if done < 60 {
		t.Errorf("a %s may do only %d reads", role, done)
	}
}

// stepsAs returns the steps of a read by a role, -1 when it may not do it.
func (g *grown) stepsAs(role string, c useCase) (steps int) {
	g.Helper()
	ctx := g.as(role)
	g.restricted = true
	defer func() {
		g.restricted = false
		if r := recover(); r != nil { // The use case goes on with something that the role does not see.
			steps = -1
		}
	}()
	for range 2 {
		g.store.StepsSince(ctx)
		_, err := c.count(ctx, g)
		var known *registry.Error
		switch {
		case err != nil && !errors.As(err, &known):
			return -1 // The use case wants something that the role does not see.
		case slices.Contains([]registry.Code{registry.Forbidden, registry.InvalidArgument, registry.NotFound}, registry.CodeOf(err)):
			return -1
		case err != nil:
			g.Fatalf("%s as %s: %v", c.name, role, err)
		}
		steps = g.store.StepsSince(ctx)
	}
	return steps
}

// notSeen ends a read of something in which the role does not see.
const notSeen = "the role does not see what the list is of"

// missing ends a read that does not find what it is about.
func (g *grown) missing(what string, err error) {
	g.Helper()
	if g.restricted {
		panic(notSeen)
	}
	g.Fatalf("%s: %v", what, err)
}
