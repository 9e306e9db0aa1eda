package artifacts

import (
	"context"
	"time"

	"pedigree/blobs"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// SweepArtifactsInput says what to sweep. OlderThanHours is 24 when it is nil.
type SweepArtifactsInput struct {
	OlderThanHours *int
	DryRun         *bool
	// IdempotencyKey has no use: a retry finds less.
	IdempotencyKey *string `json:"-"`
}

// SweepArtifactsPayload counts what was removed, or what would be.
type SweepArtifactsPayload struct {
	Files      int
	Unfinished int
	Bytes      int64
}

// sweepBatch is how many files one transaction of a sweep removes.
const sweepBatch = 200

// SweepArtifacts removes stored files that no version names, and unfinished uploads, when both
// are old enough. It decides and removes in transactions, so that a file that is recorded at the
// same time is either seen or missed by its own upload, and never lost in silence.
func (k *Keeper) SweepArtifacts(ctx context.Context, in SweepArtifactsInput) (*SweepArtifactsPayload, error) {
	if err := k.core.Gate.Write(ctx, registry.ArtifactSweep, func(context.Context, *policies.Tx) error { return nil }); err != nil {
		return nil, err
	}
	hours, err := core.CheckRange("olderThanHours", in.OlderThanHours, 24, 1, 24*365)
	if err != nil {
		return nil, err
	}
	store, err := k.blobs()
	if err != nil {
		return nil, err
	}
	s := &sweep{keeper: k, store: store, dry: in.DryRun != nil && *in.DryRun, before: k.core.Now().Add(-time.Duration(hours) * time.Hour)}
	if err := store.Entries(ctx, func(e blobs.Entry) error { return s.meet(ctx, e) }); err != nil {
		return nil, blobError(err)
	}
	if err := s.flush(ctx); err != nil || s.dry || s.out.Files+s.out.Unfinished > 0 {
		return &s.out, err
	}
	// The log has each sweep, also one that found nothing.
	return &s.out, k.core.Gate.Write(ctx, registry.ArtifactSweep, func(ctx context.Context, tx *policies.Tx) error { return s.log(ctx, tx, s.out) })
}

func (s *sweep) log(ctx context.Context, tx *policies.Tx, p SweepArtifactsPayload) error {
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogFilesSwept, Detail: core.LogDetail("files", p.Files, "unfinished", p.Unfinished, "bytes", p.Bytes)})
}

// sweep is one run.
type sweep struct {
	keeper *Keeper
	store  *blobs.Store
	dry    bool
	before time.Time
	batch  []blobs.Entry
	// gone has the keys that a transaction of the batch has removed, which may run again.
	gone map[string]bool
	out  SweepArtifactsPayload
}

// meet keeps an entry that is old enough for the next transaction.
func (s *sweep) meet(ctx context.Context, e blobs.Entry) error {
	if !e.ModTime.Before(s.before) {
		return nil
	}
	if s.batch = append(s.batch, e); len(s.batch) < sweepBatch {
		return nil
	}
	return s.flush(ctx)
}

// flush removes the entries of the batch that no artifact names.
func (s *sweep) flush(ctx context.Context) error {
	if len(s.batch) == 0 {
		return nil
	}
	var part SweepArtifactsPayload
	err := s.keeper.core.Gate.WriteOutside(ctx, registry.ArtifactSweep, func(ctx context.Context, tx *policies.Tx) error {
		part = SweepArtifactsPayload{}
		named, err := s.named(ctx, tx)
		if err != nil {
			return err
		}
		for _, e := range s.batch {
			if e.Digest != "" && named[e.Digest] {
				continue
			}
			removed, err := s.remove(ctx, e)
			if err != nil {
				return err
			}
			if !removed {
				continue
			}
			if part.Bytes += e.Size; e.Digest != "" {
				part.Files++
			} else {
				part.Unfinished++
			}
		}
		if s.dry || part.Files+part.Unfinished == 0 {
			return nil
		}
		return s.log(ctx, tx, part)
	})
	s.batch, s.gone = s.batch[:0], nil
	s.out.Files, s.out.Unfinished, s.out.Bytes = s.out.Files+part.Files, s.out.Unfinished+part.Unfinished, s.out.Bytes+part.Bytes
	return err
}

// remove removes an entry, unless it was stored again since it was listed.
func (s *sweep) remove(ctx context.Context, e blobs.Entry) (bool, error) {
	if s.dry || s.gone[e.Key] {
		return true, nil
	}
	old, err := s.store.OlderThan(ctx, e, s.before)
	if err != nil || !old {
		return false, err
	}
	if s.gone == nil {
		s.gone = map[string]bool{}
	}
	s.gone[e.Key] = true
	return true, s.store.Delete(ctx, e)
}

// named returns the digests of the batch that artifacts and staged files name.
func (s *sweep) named(ctx context.Context, tx *policies.Tx) (map[string]bool, error) {
	var digests []any
	for _, e := range s.batch {
		if e.Digest != "" {
			digests = append(digests, e.Digest)
		}
	}
	out := map[string]bool{}
	if len(digests) == 0 {
		return out, nil
	}
	for _, kind := range []registry.Kind{registry.KindArtifact, registry.KindStagedFile} {
		nodes, err := tx.AllWith(ctx, kind, registry.IndexNamespace, digests...)
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			// The digest stands in the document of both.
			var named struct{ Digest string }
			if err := core.DecodeDoc(n, &named); err != nil {
				return nil, err
			}
			out[named.Digest] = true
		}
	}
	return out, nil
}
