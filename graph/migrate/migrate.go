// Package migrate copies all rows of one graph.Store into another and verifies by
// comparison that both have the same contents. It never writes to the source.
package migrate

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Limits of one run, for a source that others write to meanwhile.
const (
	maxPasses      = 20
	maxComparisons = 5
)

// RowCounts counts rows by table.
type RowCounts struct {
	Log, Nodes, Revisions, Edges int64
}

// add counts the rows of a batch. last is the node of the previous row; add returns
// the node of the last row of the batch.
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

// Report describes what a migration did.
type Report struct {
	// Passes are the copy passes of this run. The first copies all rows, or what an
	// earlier run has left; each further pass copies what has changed since.
	Passes []Pass
	// Counters is how many counters of uses were copied, which are beside the log.
	Counters int64
	// Proof is nil when the stores were not compared.
	Proof *Comparison
}

// Pass is one copy pass.
type Pass struct {
	// The pass copied what was recorded after Since, up to Head.
	Since, Head int64
	// Resumed says that an earlier run had begun the pass.
	Resumed bool
	RowCounts
	Took time.Duration
}

// Progress is called with the progress of a step, in log sequences or node numbers.
type Progress func(step string, done, total int)

// Run copies what the destination lacks, in passes until the source has nothing new.
// Then it compares both stores and, if they are equal, opens the destination for use.
// Run can be interrupted at any time; the next Run resumes at the state of the
// destination. The error is FAILED_PRECONDITION when the destination cannot take the
// source (see graph.Filling.Take), when others keep writing to the source, or when the
// stores differ at the end. The report is also valid after an error.
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
			if err := m.copyCounters(ctx); err != nil {
				return err
			}
			return m.finish(ctx, mark)
		}
	}
}

// sourceHead returns the newest sequence of the source and sets sourceID.
func (m *migration) sourceHead(ctx context.Context) (int64, error) {
	info, err := m.from.Ping(ctx)
	m.sourceID = graph.StoreID(info.Secret)
	return info.Head, err
}

func (m *migration) finish(ctx context.Context, mark graph.DumpPosition) error {
	if err := m.report.Proof.Err(); err != nil {
		return err
	}
	_, err := m.to.Restore(ctx, m.sourceID, &graph.Batch{From: mark, Finish: true})
	return err
}

// countersPerWrite is how many counters are copied at once.
const countersPerWrite = 1000

// copyCounters copies the counters of the source, as they are. A later run copies them again.
func (m *migration) copyCounters(ctx context.Context) error {
	from, to := graph.CountersOf(m.from), graph.CountersOf(m.to)
	if from == nil || to == nil {
		return nil
	}
	for last := (graph.Count{}); ; {
		counts, err := from.DumpCounts(ctx, last, countersPerWrite)
		if err != nil || len(counts) == 0 {
			return err
		}
		if err := to.SetCounts(ctx, counts...); err != nil {
			return err
		}
		last = counts[len(counts)-1]
		m.report.Counters += int64(len(counts))
	}
}

// copyPass copies the rest of the pass that the mark is in, or a new pass up to head.
// It reads the next batch while it writes one.
func (m *migration) copyPass(ctx context.Context, mark graph.DumpPosition, head int64) (graph.DumpPosition, error) {
	p := Pass{Resumed: mark != graph.DumpPosition{} && mark.Part != graph.PartDone}
	if mark.Part == graph.PartDone {
		mark = mark.NextDump(head)
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

// reportBatch reports the position of the first row of a batch: its sequence for log
// entries, its node number for nodes and edges.
func reportBatch(progress Progress, action string, b *graph.Batch) {
	if progress == nil {
		return
	}
	switch b.From.Part {
	case graph.PartLog:
		progress(action+" log entries", int(max(b.From.After[0]-b.From.Since, 0)), int(b.From.Head-b.From.Since))
	case graph.PartNodes:
		progress(action+" nodes", int(b.From.After[0]), int(b.MaxNumber))
	case graph.PartEdges:
		progress(action+" edges, by node", int(b.From.After[0]), int(b.MaxNumber))
	}
}

// forEachBatch reads the batches from a mark on and calls fn with each, in order. It
// reads one batch ahead.
func forEachBatch(ctx context.Context, s graph.Store, mark graph.DumpPosition, fn func(*graph.Batch) error) error {
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
	// Wait for the reader: the caller may close the store after this function.
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
