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
	maxPasses      = 20
	maxComparisons = 5
)

// Tally counts rows.
type RowCounts struct {
	Log, Nodes, Revisions, Edges int64
}

// add counts the rows of a batch. last is the node of the row before.
func (t *RowCounts) add(b *graph.Batch, last registry.ID) registry.ID {
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
	RowCounts
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
func Run(ctx context.Context, from, to graph.Store, progress Progress) (*Report, error) {
	m := &migration{from: from, to: to, progress: progress, report: &Report{}}
	return m.report, m.run(ctx)
}

type migration struct {
	from, to graph.Store
	progress Progress
	report   *Report
	sourceID string
}

func (m *migration) run(ctx context.Context) error {
	head, err := m.sourceHead(ctx)
	if err != nil {
		return err
	}
	if head == 0 {
		return registry.Errorf(registry.FailedPrecondition, "the source holds nothing: check which store it names")
	}
	mark, err := m.to.Restore(ctx, m.sourceID, nil)
	if err != nil {
		return err
	}
	for comparisons := 0; ; {
		if comparisons == maxComparisons || len(m.report.Passes) == maxPasses {
			return registry.Errorf(registry.FailedPrecondition,
				"the source is being written to, so that it cannot be compared: stop its servers and importers, and run the same again; only what is new is copied")
		}
		if mark.Part != graph.PartDone || mark.Head < head {
			if mark, err = m.copyPass(ctx, mark, head); err != nil {
				return err
			}
			if head, err = m.sourceHead(ctx); err != nil {
				return err
			}
			continue
		}
		comparisons++
		if m.report.Proof, err = compare(ctx, m.from, m.to, mark.Head, m.progress); err != nil {
			return err
		}
		if head, err = m.sourceHead(ctx); err != nil {
			return err
		}
		if head == mark.Head {
			return m.finish(ctx, mark)
		}
	}
}

// head asks the source for its newest sequence, and who it is.
func (m *migration) sourceHead(ctx context.Context) (int64, error) {
	info, err := m.from.Ping(ctx)
	m.sourceID = graph.SourceOf(info.Secret)
	return info.Head, err
}

func (m *migration) finish(ctx context.Context, mark graph.Mark) error {
	if err := m.report.Proof.Err(); err != nil {
		return err
	}
	_, err := m.to.Restore(ctx, m.sourceID, &graph.Batch{From: mark, Finish: true})
	return err
}

// pass copies what is left of the pass that the mark is in, or a new one up to a
// head. The next batch is read while one is written.
func (m *migration) copyPass(ctx context.Context, mark graph.Mark, head int64) (graph.Mark, error) {
	p := Pass{Resumed: mark != graph.Mark{} && mark.Part != graph.PartDone}
	if mark.Part == graph.PartDone {
		mark = mark.Then(head)
	} else if mark.Head == 0 {
		mark.Head = head
	}
	p.Since, p.Head = mark.Since, mark.Head
	start := time.Now()
	var last registry.ID
	err := forEachBatch(ctx, m.from, mark, func(b *graph.Batch) error {
		m.reportBatch("copying", b)
		next, err := m.to.Restore(ctx, m.sourceID, b)
		if err == nil {
			mark, last = next, p.add(b, last)
		}
		return err
	})
	p.Took = time.Since(start)
	m.report.Passes = append(m.report.Passes, p)
	return mark, err
}

func (m *migration) reportBatch(action string, b *graph.Batch) { reportBatch(m.progress, action, b) }

// report tells a batch by its first row: log entries of the head's, nodes and
// edges by node number.
func reportBatch(progress Progress, action string, b *graph.Batch) {
	if progress == nil {
		return
	}
	switch b.From.Part {
	case graph.PartLog:
		progress(action+" log entries", int(max(b.From.After[0]-b.From.Since, 0)), int(b.From.Head-b.From.Since))
	case graph.PartNodes:
		progress(action+" nodes", int(b.From.After[0]), int(b.Numbers))
	case graph.PartEdges:
		progress(action+" edges, by node", int(b.From.After[0]), int(b.Numbers))
	}
}

// each reads batches from a mark on and hands them over in order, one ahead.
func forEachBatch(ctx context.Context, s graph.Store, mark graph.Mark, fn func(*graph.Batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	type result struct {
		batch graph.Batch
		err   error
	}
	results := make(chan result)
	go func() {
		defer close(results)
		for mark.Part != graph.PartDone {
			b, err := s.Dump(ctx, mark)
			select {
			case results <- result{b, err}:
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
		for range results {
		}
	}()
	for r := range results {
		if r.err != nil {
			return r.err
		}
		if err := fn(&r.batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}
