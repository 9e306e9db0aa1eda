package governance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// CleanupModelVersionInput names a version, by Model and Version or by ID.
type CleanupModelVersionInput struct {
	Model          *string      `json:"model,omitzero"`
	Version        *string      `json:"version,omitzero"`
	ID             *registry.ID `json:"id,omitzero"`
	IdempotencyKey *string      `json:"-"`
}

// CleanupPayload has what a clean-up left. Log is the export of the version's log entries, nil for
// a caller who does not see the whole log.
type CleanupPayload struct {
	Deprecation *registry.Deprecation
	Log         *string
}

// maxVersionLog is how many log entries of a version an export has at most.
const maxVersionLog = 10_000

// CleanupModelVersion removes the artifact records of a retired version once their time is over.
// It exports the log entries of the version; the log has the digest of that export.
func (g *Governance) CleanupModelVersion(ctx context.Context, in CleanupModelVersionInput) (*CleanupPayload, error) {
	result, err := g.core.Write(ctx, registry.VersionDelete, core.Idempotent("cleanupModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		s, err := findSunsetting(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := s.cleanUp(ctx, tx); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{s.deprecation.ID}, Created: true, Changed: true}, nil
	})
	if err != nil {
		return nil, err
	}
	d, err := core.NounAs[*registry.Deprecation](g.core.ReadBack(ctx, result, result.IDs[0]))
	if err != nil || d == nil {
		return &CleanupPayload{}, err
	}
	scope, err := g.core.Gate.Read(ctx, registry.LogRead)
	if err != nil || !scope.SeesWholeLog() {
		return &CleanupPayload{Deprecation: d}, nil
	}
	log, err := versionLog(ctx, scope.Log, d.VersionID, d.LogEntries)
	if err != nil {
		return nil, err
	}
	text := string(log)
	return &CleanupPayload{d, &text}, nil
}

// cleanUp removes the artifact records, and notes what the export of the log has.
func (s *sunsetting) cleanUp(ctx context.Context, tx *policies.Tx) error {
	if err := core.FirstError(checkMay(tx, registry.VersionDelete, s.version.Parent), governance.CheckDeprecationStep(s.version.DeprecationStep(), registry.DeprecationCleanedUp)); err != nil {
		return err
	}
	if err := governance.CheckCleanup(s.deprecation, s.version.Stage, tx.Now()); err != nil {
		return err
	}
	removed, err := catalog.RemoveArtifacts(ctx, tx, s.version.ID)
	if err != nil {
		return err
	}
	log, err := versionLog(ctx, tx.LogUnfiltered, s.version.ID, maxVersionLog+1)
	if err != nil {
		return err
	}
	d, digest := s.deprecation, sha256.Sum256(log)
	if d.LogEntries = bytes.Count(log, []byte("\n")); d.LogEntries > maxVersionLog {
		return registry.Errorf(registry.ResourceExhausted, "the version has more than %d log entries; export the whole log instead", maxVersionLog)
	}
	d.Step, d.CleanedBy, d.CleanedAt = registry.DeprecationCleanedUp, tx.Subject(), tx.Now()
	d.ArtifactsRemoved, d.LogDigest = removed, "sha256:"+hex.EncodeToString(digest[:])
	return s.putAndLog(ctx, tx, registry.LogVersionCleanedUp, "", core.LogDetail("version", d.Version, "artifactsRemoved", removed, "logDigest", d.LogDigest, "logEntries", d.LogEntries))
}

// versionLog returns the first log entries about a version, at most so many, as JSON lines. As the
// log only grows, the same number gives the same bytes for ever.
func versionLog(ctx context.Context, read func(context.Context, graph.LogQuery) ([]registry.LogEntry, error), version registry.ID, most int) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	q := graph.LogQuery{Object: version}
	for most > 0 {
		q.Limit = min(most, 1000)
		entries, err := read(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			if err := e.Encode(&entries[i]); err != nil {
				return nil, err
			}
		}
		if len(entries) < q.Limit {
			break
		}
		most -= len(entries)
		q.After = entries[len(entries)-1].Seq
	}
	return b.Bytes(), nil
}
