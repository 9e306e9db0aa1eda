package graphtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/graph"
	"pedigree/registry"
)

// Mix counts what a differential run did, by operation and outcome.
type Mix map[string]int

// Total is how many operations a run compared.
func (m Mix) Total() (n int) {
	for _, c := range m {
		n += c
	}
	return n
}

// String lists the operations by name.
func (m Mix) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}

// Differential does the same on two fresh stores, by chance but by the seed the
// same each time, and wants the same answers: every write with what it gives
// back, every read inside of updates and after them, and the codes of all
// errors. Each step is one Update and some reads; the run ends at the first step
// that differs.
func Differential(t *testing.T, seed uint64, steps int, a, b graph.Store) Mix {
	t.Helper()
	return DifferentialMoved(t, seed, steps, a, b, nil)
}

// DifferentialMoved is Differential in which the second store's content is moved
// every 25 steps, to a fresh store that is used from then on.
func DifferentialMoved(t *testing.T, seed uint64, steps int, a, b graph.Store, fresh func() graph.Store) Mix {
	t.Helper()
	d := &diffRun{T: t, diffGen: &diffGen{Rand: rand.New(rand.NewPCG(seed, 1))}, a: a, b: b, mix: Mix{}}
	for d.step = 1; d.step <= steps && !t.Failed(); d.step++ {
		if fresh != nil && d.step%25 == 0 {
			d.b = fresh()
			if err := Move(t.Context(), b, d.b); err != nil {
				t.Fatalf("step %d: %v", d.step, err)
			}
			b = d.b
			d.mix["moved"]++
		}
		d.update(t.Context())
		d.refresh(t.Context())
		for range 6 {
			d.compareRead(t.Context(), d.read())
		}
		if d.step%20 == 0 || d.step == steps {
			d.everything(t.Context())
		}
	}
	if !t.Failed() {
		t.Logf("PROOF seed %d: %d steps, %d operations without a difference: %s", seed, d.step-1, d.mix.Total(), d.mix)
	}
	return d.mix
}

type diffRun struct {
	*testing.T
	*diffGen
	a, b graph.Store
	step int
	mix  Mix
}

// diffOp is one operation of an Update; run makes its own copies of its input,
// since a closure may run twice.
type diffOp struct {
	name string
	run  func(ctx context.Context, tx graph.Tx) (any, error)
}

// diffRead is one read; it may follow pages.
type diffRead struct {
	name string
	what any
	run  func(ctx context.Context, r graph.Reader) (any, error)
}

// diffOutcome is what an operation gave: its answer and the code of its error,
// with the field at fault.
type diffOutcome struct {
	Op     string
	Answer any
	Code   registry.Code
	Cycle  bool
}

func diffOutcomeOf(op string, answer any, err error) diffOutcome {
	o := diffOutcome{Op: op, Code: registry.CodeOf(err)}
	var e *registry.Error
	if errors.As(err, &e) {
		path, _ := e.Details["path"].([]string)
		o.Cycle = len(path) > 0
	}
	if err == nil {
		o.Answer = answer
	}
	return o
}

// update runs the same operations in an Update of each store. Half of the
// updates stop at the first error, the others go on after it.
func (d *diffRun) update(ctx context.Context) {
	var ops []diffOp
	for range 1 + d.IntN(4) {
		ops = append(ops, d.op())
	}
	goOn, fail, silent := d.IntN(2) == 0, d.IntN(25) == 0, d.IntN(40) == 0
	entries := 1 + d.IntN(2)
	run := func(s graph.Store) []diffOutcome {
		var done []diffOutcome
		err := s.Update(ctx, func(tx graph.Tx) error {
			done = nil
			for i, op := range ops {
				if i == len(ops)-1 && !silent {
					done = append(done, diffAppend(ctx, tx, d.step, entries))
				}
				answer, err := op.run(ctx, tx)
				done = append(done, diffOutcomeOf(op.name, answer, err))
				if err != nil && !goOn {
					return err
				}
			}
			if fail {
				return errOwn
			}
			return nil
		})
		return append(done, diffOutcomeOf("update", nil, err))
	}
	x, y := run(d.a), run(d.b)
	d.note(x)
	d.same("update", fmt.Sprintf("%d operations, go on %v, fail %v, silent %v", len(ops), goOn, fail, silent), x, y)
}

func diffAppend(ctx context.Context, tx graph.Tx, step, n int) diffOutcome {
	var entries []*registry.LogEntry
	for i := range n {
		e := &registry.LogEntry{At: sec(step), Actor: []string{"ann", "bob", "zoë 😀"}[step%3], Action: registry.LogImported,
			Objects: []registry.ID{registry.NewID(registry.KindRun, fmt.Sprint(step%7)), registry.NewID(registry.KindRun, fmt.Sprint(i))},
			Reason:  fmt.Sprint("step ", step), Detail: registry.JSON(`{"n":1}`)}
		if step%2 == 0 {
			e.Model, e.Action = registry.NewID(registry.KindModel, fmt.Sprint(step%5)), registry.LogStageChanged
		}
		entries = append(entries, e)
	}
	err := tx.Append(ctx, entries...)
	return diffOutcomeOf("append", entries, err)
}

func (d *diffRun) note(outcomes []diffOutcome) {
	for _, o := range outcomes {
		name := o.Op
		if o.Code != "" {
			name += ": " + string(o.Code)
		}
		d.mix[name]++
	}
}

// compareRead asks both stores the same, and once in a while inside an Update
// too.
func (d *diffRun) compareRead(ctx context.Context, r diffRead) {
	ask := func(s graph.Store) []diffOutcome {
		answer, err := r.run(ctx, s)
		return []diffOutcome{diffOutcomeOf(r.name, answer, err)}
	}
	x, y := ask(d.a), ask(d.b)
	d.note(x)
	d.same(r.name, fmt.Sprintf("%+v", r.what), x, y)
}

// same compares what two stores gave; how they are equal is said by diffOptions.
func (d *diffRun) same(op, what string, a, b any) {
	d.Helper()
	if diff := cmp.Diff(a, b, diffOptions...); diff != "" {
		d.Errorf("step %d: the stores differ (- a, + b) on %s %s:\n%s", d.step, op, what, diff)
	}
}

// diffOptions: everything is compared exactly, but that a column that is absent
// may be left out or be "" or 0, an empty list or document may be nil, and slots
// are a set.
var diffOptions = cmp.Options{
	cmp.Transformer("columns", func(in map[registry.Index]any) map[string]any {
		out := map[string]any{}
		for c, v := range in {
			if v != "" && v != int64(0) {
				out[string(c)] = v
			}
		}
		return out
	}),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Slots" },
		cmp.Transformer("slots", func(in []string) [1]string {
			s := slices.Clone(in)
			slices.Sort(s)
			return [1]string{strings.Join(s, "\n")}
		})),
	diffEmpty[byte](), diffEmpty[*graph.Node](), diffEmpty[graph.Edge](), diffEmpty[graph.Reached](), diffEmpty[registry.ID](),
	diffEmpty[registry.LogEntry](), diffEmpty[graph.Hops](), diffEmpty[graph.Closure](),
}

// diffEmpty makes nil and empty slices equal.
func diffEmpty[T any]() cmp.Option {
	return cmp.FilterValues(func(a, b []T) bool { return len(a) == 0 && len(b) == 0 }, cmp.Comparer(func(_, _ []T) bool { return true }))
}

// refresh learns which nodes there are, for the operations to come.
func (d *diffRun) refresh(ctx context.Context) {
	d.Helper()
	d.live, d.dead = nil, nil
	q := graph.Query{Kinds: diffKinds, Deleted: true, Limit: 1000, Bare: true}
	for {
		p, err := d.a.Find(ctx, q)
		if err != nil {
			d.Fatal(err)
		}
		for _, n := range p.Nodes {
			if n.Deleted {
				d.dead = append(d.dead, n)
			} else {
				d.live = append(d.live, n)
			}
		}
		if !p.More {
			break
		}
		q.After = keyOf(p.Nodes[len(p.Nodes)-1], "")
	}
	slices.SortFunc(d.live, func(x, y *graph.Node) int { return int(x.Number - y.Number) })
	x, errA := d.a.Ping(ctx)
	y, errB := d.b.Ping(ctx)
	d.head = x.Head
	d.same("ping", "", []any{x.Head, registry.CodeOf(errA)}, []any{y.Head, registry.CodeOf(errB)})
}

// everything compares all nodes at several instants, all of the log, all pages
// in every order and the whole walk both ways.
func (d *diffRun) everything(ctx context.Context) {
	var all []registry.ID
	for _, n := range append(slices.Clone(d.live), d.dead...) {
		all = append(all, n.ID)
	}
	for range 4 {
		at := d.instant()
		d.compareRead(ctx, diffRead{"all nodes", at, func(ctx context.Context, r graph.Reader) (any, error) { return r.Nodes(ctx, at, all...) }})
		for _, dir := range []graph.Direction{graph.Upstream, graph.Downstream} {
			q := graph.ClosureQuery{Roots: all, Direction: dir, Depth: 100, Fanout: 1000, Limit: 100000, At: at}
			d.compareRead(ctx, diffRead{"whole closure", at, func(ctx context.Context, r graph.Reader) (any, error) { return r.Closure(ctx, q) }})
		}
	}
	d.compareRead(ctx, diffRead{"whole log", nil, func(ctx context.Context, r graph.Reader) (any, error) {
		return r.Log(ctx, graph.LogQuery{Limit: 1 << 20})
	}})
	d.sameDump(ctx)
	for _, order := range diffOrders {
		q := graph.Query{Kinds: diffKinds, Order: order, Limit: 100, Desc: d.IntN(2) == 0, Deleted: true, Count: true}
		d.compareRead(ctx, diffRead{"all pages", q, func(ctx context.Context, r graph.Reader) (any, error) { return diffPages(ctx, r, q, 1000) }})
	}
}

// sameDump compares all that is stored, row by row.
func (d *diffRun) sameDump(ctx context.Context) {
	d.Helper()
	var rows [2][]string
	for i, s := range []graph.Store{d.a, d.b} {
		batches, err := Dumped(ctx, s, graph.Mark{})
		if err != nil {
			d.Fatal(err)
		}
		rows[i] = Rows(batches)
	}
	d.mix["dump"]++
	d.same("dump", "", rows[0], rows[1])
}

// diffPages follows a query for some pages.
func diffPages(ctx context.Context, r graph.Reader, q graph.Query, most int) (pages []graph.Page, err error) {
	for range most {
		p, err := r.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
		if !p.More {
			break
		}
		// A bare node may lack the column that makes its key.
		last, err := r.Nodes(ctx, graph.Instant{}, p.Nodes[len(p.Nodes)-1].ID)
		if err != nil {
			return nil, err
		}
		q.After = keyOf(last[0], q.Order)
	}
	return pages, nil
}
