package graphtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// Race lets two Stores on one empty database write against each other: the log sequence
// has no gaps, only one store gets a slot, and of two edges that would close a cycle
// one is refused. It closes neither store.
func Race(t *testing.T, a, b graph.Store) {
	t.Helper()
	rounds := 10 * Rounds()
	RaceStart(t, a, rounds)
	var wins [2]int
	var errs [2]error
	var wg sync.WaitGroup
	for side, s := range []graph.Store{a, b} {
		wg.Go(func() { wins[side], errs[side] = RaceSide(t.Context(), s, side, rounds) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	for _, s := range []graph.Store{a, b} {
		RaceEnd(t, s, rounds, wins[0]+wins[1])
	}
}

// RaceStart writes the nodes of a race. RaceStart, RaceSide and RaceEnd are the parts
// of Race, for sides that run in separate processes.
func RaceStart(t *testing.T, s graph.Store, rounds int) {
	t.Helper()
	k := &kit{T: t, Store: s, ctx: t.Context()}
	for i := range rounds {
		k.put(dv(fmt.Sprint("left", i)), dv(fmt.Sprint("right", i)))
	}
}

// RaceSide runs side 0 or 1 of a race and counts the slots and edges that it won.
func RaceSide(ctx context.Context, s graph.Store, side, rounds int) (won int, err error) {
	for i := range rounds {
		n, err := raceRound(ctx, s, side, i)
		if won += n; err != nil {
			return won, fmt.Errorf("side %d, round %d: %w", side, i, err)
		}
	}
	return won, nil
}

// RaceEnd checks the store after a race in which both sides together won so many slots
// and edges.
func RaceEnd(t *testing.T, s graph.Store, rounds, won int) {
	t.Helper()
	k := &kit{T: t, Store: s, ctx: t.Context()}
	k.wantEqual("slots and edges taken", won, 2*rounds)
	k.wantNoGaps(s, rounds+2*rounds+won)
	k.wantEqual("counter", string(k.get(graph.Instant{}, dv("counter").ID).Doc), fmt.Sprint(2*rounds))
	for i := range rounds {
		l, r := dv(fmt.Sprint("left", i)), dv(fmt.Sprint("right", i))
		c := k.closure(graph.ClosureQuery{Roots: ids(l, r), Depth: 3})
		k.wantEqual("edges of a half-cycle", len(c.Edges), 1)
		if k.slotHolder(fmt.Sprint("race/", i)) == "" {
			k.Fatalf("round %d: nobody holds the slot", i)
		}
	}
}

// raceRound counts what one side won: the slot of the round, and its half of a cycle.
func raceRound(ctx context.Context, s graph.Store, side, i int) (won int, err error) {
	err = s.Update(ctx, func(tx graph.Tx) error { return incrementCounter(ctx, tx, side, i) })
	if err != nil {
		return 0, err
	}
	err = s.Update(ctx, func(tx graph.Tx) error {
		return errors.Join(tx.Put(ctx, slotted(run(fmt.Sprint("taker", side, "-", i)), fmt.Sprint("race/", i))), tx.Append(ctx, entry()))
	})
	if won, err = countWin(won, err, registry.Conflict); err != nil {
		return won, err
	}
	from, to := dv(fmt.Sprint("left", i)), dv(fmt.Sprint("right", i))
	if side == 1 {
		from, to = to, from
	}
	err = s.Update(ctx, func(tx graph.Tx) error {
		return errors.Join(tx.Link(ctx, derived(from, to)), tx.Append(ctx, entry()))
	})
	return countWin(won, err, registry.FailedPrecondition)
}

func countWin(won int, err error, lost registry.Code) (int, error) {
	if registry.CodeOf(err) == lost {
		return won, nil
	}
	if err != nil {
		return won, err
	}
	return won + 1, nil
}
