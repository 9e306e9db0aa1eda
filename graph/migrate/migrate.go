// Package migrate moves everything from one graph.Store into another, and proves
// that both then hold the same.
package migrate

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// How often a source that is written to is tried to be caught standing still.
const (
	mostPasses = 20
	attempts   = 5
)

// Tally counts rows.
type Tally struct {
	Log, Nodes, Revisions, Edges int64
}

// add counts the rows of a batch. last is the node of the row before.
func (t *Tally) add(b *graph.Batch, last registry.ID) registry.ID {
	t.Log += int64(len(b.Log))
	t.Revisions += int64(len(b.Nodes))
	t.Edges += int64(len(b.Edges))
	for _, n := range b.Nodes {
		if n.ID != last {
			t.Nodes++
		}
		last = n.ID
	}
	return last
}

// Report is what a migration did.
type Report struct {
	// Passes are the copies of this run: the first of all, or of what was left of
	// it, the others of what had changed since.
	Passes []Pass
	// Proof is nil where the stores were not compared.
	Proof *Proof
}

// Pass is one copy.
type Pass struct {
	// Since and Head bound it: what came after the one, up to the other.
	Since, Head int64
	// Resumed tells that an earlier run had begun it.
	Resumed bool
	Tally
	Took time.Duration
}

// Progress is told how far a step is, in sequences or in node numbers.
type Progress func(step string, done, total int)

// Run copies what the destination lacks, pass after pass until there is nothing
// new, compares both stores, and opens the destination to all where they are
// equal. It can be ended at any moment: the next Run goes on where the destination
// was. What it does not take is FAILED_PRECONDITION, see graph.Filling.Take, as is
// a source that is written to all the time, or stores that differ at the end; the
// report tells what was done until then.
func Run(ctx context.Context, from, to graph.Store, tell Progress) (*Report, error) {
	m := &mover{from: from, to: to, tell: tell, report: &Report{}}
	return m.report, m.run(ctx)
}

type mover struct {
	from, to graph.Store
	tell     Progress
	report   *Report
	source   string
}

func (m *mover) run(ctx context.Context) error {
	head, err := m.head(ctx)
	if err != nil {
		return err
	}
	if head == 0 {
		return registry.Errorf(registry.FailedPrecondition, "the source holds nothing: check which store it names")
	}
	mark, err := m.to.Restore(ctx, m.source, nil)
	if err != nil {
		return err
	}
	for compared := 0; ; {
		if compared == attempts || len(m.report.Passes) == mostPasses {
			return registry.Errorf(registry.FailedPrecondition,
				"the source is being written to, so that it cannot be compared: stop its servers and importers, and run the same again; only what is new is copied")
		}
		if mark.Part != graph.PartDone || mark.Head < head {
			if mark, err = m.pass(ctx, mark, head); err != nil {
				return err
			}
			if head, err = m.head(ctx); err != nil {
				return err
			}
			continue
		}
		compared++
		if m.report.Proof, err = compare(ctx, m.from, m.to, mark.Head, m.tell); err != nil {
			return err
		}
		if head, err = m.head(ctx); err != nil {
			return err
		}
		if head == mark.Head {
			return m.finish(ctx, mark)
		}
	}
}

// head asks the source for its newest sequence, and who it is.
func (m *mover) head(ctx context.Context) (int64, error) {
	info, err := m.from.Ping(ctx)
	m.source = graph.SourceOf(info.Secret)
	return info.Head, err
}

func (m *mover) finish(ctx context.Context, mark graph.Mark) error {
	if err := m.report.Proof.Err(); err != nil {
		return err
	}
	_, err := m.to.Restore(ctx, m.source, &graph.Batch{From: mark, Finish: true})
	return err
}

// pass copies what is left of the pass that the mark is in, or a new one up to a
// head. The next batch is read while one is written.
func (m *mover) pass(ctx context.Context, mark graph.Mark, head int64) (graph.Mark, error) {
	p := Pass{Resumed: mark != graph.Mark{} && mark.Part != graph.PartDone}
	if mark.Part == graph.PartDone {
		mark = mark.Then(head)
	} else if mark.Head == 0 {
		mark.Head = head
	}
	p.Since, p.Head = mark.Since, mark.Head
	start := time.Now()
	var last registry.ID
	err := each(ctx, m.from, mark, func(b *graph.Batch) error {
		m.progress("copying", b)
		next, err := m.to.Restore(ctx, m.source, b)
		if err == nil {
			mark, last = next, p.add(b, last)
		}
		return err
	})
	p.Took = time.Since(start)
	m.report.Passes = append(m.report.Passes, p)
	return mark, err
}

func (m *mover) progress(what string, b *graph.Batch) { report(m.tell, what, b) }

// report tells a batch by its first row: log entries of the head's, nodes and
// edges by node number.
func report(tell Progress, what string, b *graph.Batch) {
	if tell == nil {
		return
	}
	switch b.From.Part {
	case graph.PartLog:
		tell(what+" log entries", int(max(b.From.After[0]-b.From.Since, 0)), int(b.From.Head-b.From.Since))
	case graph.PartNodes:
		tell(what+" nodes", int(b.From.After[0]), int(b.Numbers))
	case graph.PartEdges:
		tell(what+" edges, by node", int(b.From.After[0]), int(b.Numbers))
	}
}

// each reads batches from a mark on and hands them over in order, one ahead.
func each(ctx context.Context, s graph.Store, mark graph.Mark, use func(*graph.Batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	type read struct {
		batch graph.Batch
		err   error
	}
	ahead := make(chan read)
	go func() {
		defer close(ahead)
		for mark.Part != graph.PartDone {
			b, err := s.Dump(ctx, mark)
			select {
			case ahead <- read{b, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			mark = b.Next
		}
	}()
	// The reader is waited for: nobody reads a store that is being closed.
	defer func() {
		cancel()
		for range ahead {
		}
	}()
	for r := range ahead {
		if r.err != nil {
			return r.err
		}
		if err := use(&r.batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}
