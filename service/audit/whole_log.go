package audit

import (
	"context"
	"io"

	"pedigree/audit"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// logPage is the number of entries that are read at a time.
const logPage = 1000

// readWholeLog opens the log for a caller who sees all of it: FORBIDDEN for others, because a
// log with holes proves nothing.
func (a *Auditor) readWholeLog(ctx context.Context) (*policies.Scope, *tree, error) {
	scope, err := a.core.Gate.Read(ctx, registry.LogRead)
	if err != nil {
		return nil, nil, err
	}
	if !scope.SeesWholeLog() {
		return nil, nil, registry.Errorf(registry.Forbidden, "only who sees every entry of the log can verify or export it; ask an administrator")
	}
	t, err := openTree(ctx, scope)
	return scope, t, err
}

// eachEntry passes the entries of the log of a size to fn, in order.
func eachEntry(ctx context.Context, scope *policies.Scope, size int64, fn func(*registry.LogEntry) error) error {
	for after := int64(0); after < size; {
		entries, err := scope.Log(ctx, graph.LogQuery{After: after, Before: size + 1, Limit: logPage})
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return registry.Errorf(registry.FailedPrecondition, "the log was cut: it has no entry after %d of %d", after, size)
		}
		for i := range entries {
			if err := fn(&entries[i]); err != nil {
				return err
			}
		}
		after = entries[len(entries)-1].Seq
	}
	return nil
}

// VerifyLog computes every hash of the log anew and compares it with what is stored, and the
// log with checkpoints kept elsewhere. progress, when set, is told the number of verified
// entries and of all. FAILED_PRECONDITION names the first entry that does not hold.
func (a *Auditor) VerifyLog(ctx context.Context, progress func(done, all int64), kept ...audit.Checkpoint) (*audit.Verified, error) {
	scope, t, err := a.readWholeLog(ctx)
	if err != nil {
		return nil, err
	}
	v := audit.NewLogVerifier(kept...)
	if err := eachEntry(ctx, scope, t.size, func(e *registry.LogEntry) error {
		if progress != nil && e.Seq%logPage == 0 {
			progress(e.Seq, t.size)
		}
		return v.StoredEntry(e)
	}); err != nil {
		return nil, err
	}
	root, err := t.hashes.Root(t.size)
	if err != nil {
		return nil, err
	}
	out, err := v.End(audit.Checkpoint{Origin: a.LogOrigin(), Size: t.size, Root: root})
	return &out, err
}

// ExportLog writes the whole log with a signed checkpoint, as audit.VerifyExport reads it.
func (a *Auditor) ExportLog(ctx context.Context, w io.Writer) error {
	scope, t, err := a.readWholeLog(ctx)
	if err != nil {
		return err
	}
	c, err := a.checkpoint(t)
	if err != nil {
		return err
	}
	x, err := audit.NewExportWriter(w, audit.ExportHeader{Log: c.Origin, Size: c.Size})
	if err != nil {
		return err
	}
	if err := eachEntry(ctx, scope, t.size, x.Entry); err != nil {
		return err
	}
	return x.Seal(c.Note)
}
