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

// Mix counts the operations of a differential run, by operation and outcome.
type Mix map[string]int

// Total is the number of operations that a run compared.
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

// Differential runs the same random operations on two empty stores and wants the same
// answers: every write with the values it fills in, every read inside and after
// updates, and the codes of all errors. The seed determines the operations. Each step
// is one Update and some reads; the run ends at the first step that differs.
func Differential(t *testing.T, seed uint64, steps int, a, b graph.Store) Mix {
	t.Helper()
	return DifferentialWithMoves(t, seed, steps, a, b, nil)
}

// DifferentialWithMoves is Differential, but every 25 steps it moves the content of the
// second store to a store from fresh, which it uses from then on.
func DifferentialWithMoves(t *testing.T, seed uint64, steps int, a, b graph.Store, fresh func() graph.Store) Mix {
	t.Helper()
	d := &differentialRun{T: t, generator: &generator{Rand: rand.New(rand.NewPCG(seed, 1)), shapes: differentialShapes()}, a: a, b: b, mix: Mix{}}
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
		d.reloadNodes(t.Context())
		for range 6 {
			d.compareRead(t.Context(), d.read())
		}
		if d.step%20 == 0 || d.step == steps {
			d.compareAll(t.Context())
		}
	}
	if !t.Failed() {
		t.Logf("PROOF seed %d: %d steps, %d operations without a difference: %s", seed, d.step-1, d.mix.Total(), d.mix)
	}
	return d.mix
}

type differentialRun struct {
	*testing.T
	*generator
	a, b graph.Store
	step int
	mix  Mix
}

// txOp is one operation of an Update. run copies its input, because a closure may run
// twice.
type txOp struct {
	name string
	run  func(ctx context.Context, tx graph.Tx) (any, error)
}

// readOp is one read; it may follow pages.
type readOp struct {
	name string
	args any
	run  func(ctx context.Context, r graph.Reader) (any, error)
}

// outcome is the result of an operation: its answer, and the code of its error.
type outcome struct {
	Op     string
	Answer any
	Code   registry.Code
	Cycle  bool
}

func outcomeOf(op string, answer any, err error) outcome {
	o := outcome{Op: op, Code: registry.CodeOf(err)}
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

// update runs the same operations in an Update of each store. Half of the updates stop
// at the first error, the others continue after it.
func (d *differentialRun) update(ctx context.Context) {
	var ops []txOp
	for range 1 + d.IntN(4) {
		ops = append(ops, d.write())
	}
	goOn, fail, silent := d.IntN(2) == 0, d.IntN(25) == 0, d.IntN(40) == 0
	entries := 1 + d.IntN(2)
	run := func(s graph.Store) []outcome {
		var done []outcome
		err := s.Update(ctx, func(tx graph.Tx) error {
			done = nil
			for i, op := range ops {
				if i == len(ops)-1 && !silent {
					done = append(done, appendEntries(ctx, tx, d.step, entries))
				}
				answer, err := op.run(ctx, tx)
				done = append(done, outcomeOf(op.name, answer, err))
				if err != nil && !goOn {
					return err
				}
			}
			if fail {
				return errCaller
			}
			return nil
		})
		return append(done, outcomeOf("update", nil, err))
	}
	x, y := run(d.a), run(d.b)
	d.count(x)
	d.compare("update", fmt.Sprintf("%d operations, go on %v, fail %v, silent %v", len(ops), goOn, fail, silent), x, y)
}

func appendEntries(ctx context.Context, tx graph.Tx, step, n int) outcome {
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
	return outcomeOf("append", entries, err)
}

func (d *differentialRun) count(outcomes []outcome) {
	for _, o := range outcomes {
		name := o.Op
		if o.Code != "" {
			name += ": " + string(o.Code)
		}
		d.mix[name]++
	}
}

// compareRead runs one read on both stores and compares the answers.
func (d *differentialRun) compareRead(ctx context.Context, r readOp) {
	ask := func(s graph.Store) []outcome {
		answer, err := r.run(ctx, s)
		return []outcome{outcomeOf(r.name, answer, err)}
	}
	x, y := ask(d.a), ask(d.b)
	d.count(x)
	d.compare(r.name, fmt.Sprintf("%+v", r.args), x, y)
}

// compare compares the results of two stores, by equalOptions.
func (d *differentialRun) compare(op, what string, a, b any) {
	d.Helper()
	if diff := cmp.Diff(a, b, equalOptions...); diff != "" {
		d.Errorf("step %d: the stores differ (- a, + b) on %s %s:\n%s", d.step, op, what, diff)
	}
}

// equalOptions compares everything exactly, with these exceptions: an absent column may
// be left out or be "" or 0, an empty list or document may be nil, and slots are a set. What readers
// keep beside a node is no part of it.
var equalOptions = cmp.Options{
	cmp.Comparer(func(a, b *graph.Kept) bool { return true }),
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
	equateEmpty[byte](), equateEmpty[*graph.Node](), equateEmpty[graph.Edge](), equateEmpty[graph.ClosureNode](), equateEmpty[registry.ID](),
	equateEmpty[registry.LogEntry](), equateEmpty[graph.Neighbors](), equateEmpty[graph.Closure](),
}

// equateEmpty makes nil and empty slices equal.
func equateEmpty[T any]() cmp.Option {
	return cmp.FilterValues(func(a, b []T) bool { return len(a) == 0 && len(b) == 0 }, cmp.Comparer(func(_, _ []T) bool { return true }))
}

// reloadNodes reads which nodes exist, for the next operations.
func (d *differentialRun) reloadNodes(ctx context.Context) {
	d.Helper()
	d.live, d.deleted = nil, nil
	q := graph.Query{Kinds: randomKinds, Deleted: true, Limit: 1000, Bare: true}
	for {
		p, err := d.a.Find(ctx, q)
		if err != nil {
			d.Fatal(err)
		}
		for _, n := range p.Nodes {
			if n.Deleted {
				d.deleted = append(d.deleted, n)
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
	d.compare("ping", "", []any{x.Head, registry.CodeOf(errA)}, []any{y.Head, registry.CodeOf(errB)})
}

// compareAll compares all nodes at several instants, the whole log, all pages in every
// order, and the whole closure both ways.
func (d *differentialRun) compareAll(ctx context.Context) {
	var all []registry.ID
	for _, n := range append(slices.Clone(d.live), d.deleted...) {
		all = append(all, n.ID)
	}
	for range 4 {
		at := d.instant()
		d.compareRead(ctx, readOp{"all nodes", at, func(ctx context.Context, r graph.Reader) (any, error) { return r.Nodes(ctx, at, all...) }})
		for _, dir := range []graph.Direction{graph.Upstream, graph.Downstream} {
			q := graph.ClosureQuery{Roots: all, Direction: dir, Depth: 100, Fanout: 1000, Limit: 100000, At: at}
			d.compareRead(ctx, readOp{"whole closure", at, func(ctx context.Context, r graph.Reader) (any, error) { return r.Closure(ctx, q) }})
		}
	}
	d.compareRead(ctx, readOp{"whole log", nil, func(ctx context.Context, r graph.Reader) (any, error) {
		return r.Log(ctx, graph.LogQuery{Limit: 1 << 20})
	}})
	d.compareDumps(ctx)
	d.checkServed(ctx)
	for _, order := range randomOrders {
		q := graph.Query{Kinds: randomKinds, Order: order, Limit: 100, Desc: d.IntN(2) == 0, Deleted: true, Count: true}
		d.compareRead(ctx, readOp{"all pages", q, func(ctx context.Context, r graph.Reader) (any, error) { return readPages(ctx, r, q, 1000) }})
	}
}

// checkServed lets both stores compute anew what is served.
func (d *differentialRun) checkServed(ctx context.Context) {
	d.Helper()
	for _, s := range []graph.Store{d.a, d.b} {
		if checker, ok := s.(graph.ServedChecker); ok {
			if wrong, err := checker.CheckServed(ctx, false); err != nil || wrong != 0 {
				d.Errorf("step %d: %T has %d nodes with a wrong value of served: %v", d.step, s, wrong, err)
			}
		}
	}
}

// compareDumps compares everything that is stored, row by row.
func (d *differentialRun) compareDumps(ctx context.Context) {
	d.Helper()
	var rows [2][]string
	for i, s := range []graph.Store{d.a, d.b} {
		batches, err := ReadDump(ctx, s, graph.DumpPosition{})
		if err != nil {
			d.Fatal(err)
		}
		rows[i] = DumpRows(batches)
	}
	d.mix["dump"]++
	d.compare("dump", "", rows[0], rows[1])
}

// readPages reads up to maxPages pages of a query.
func readPages(ctx context.Context, r graph.Reader, q graph.Query, maxPages int) (pages []graph.Page, err error) {
	for range maxPages {
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
