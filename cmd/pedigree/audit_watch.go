package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"pedigree/audit"
	"pedigree/registry"
)

// watchLog compares the checkpoint of a log with the one in a file, and replaces that when the
// log grew out of it. It returns the checkpoint and the number of new entries.
// FAILED_PRECONDITION for a log that did not, and for a checkpoint of another key.
func watchLog(ctx context.Context, r auditClient, file string, keys []string) (now audit.Checkpoint, grown int64, err error) {
	signed, err := r.AuditCheckpoint(ctx)
	if err != nil {
		return now, 0, err
	}
	keyFile := file + ".key"
	if len(keys) == 0 {
		known, err := os.ReadFile(keyFile)
		if errors.Is(err, os.ErrNotExist) {
			known = []byte(signed.PublicKey) // The first time, the key is trusted.
		} else if err != nil {
			return now, 0, fmt.Errorf("the log's public key cannot be read: %w", err)
		}
		keys = strings.Fields(string(known))
	}
	if now, err = audit.Open(signed.Note, keys...); err != nil {
		return now, 0, registry.Errorf(registry.FailedPrecondition, "the checkpoint is not signed by the log's known key: if the key was changed on purpose, give the new one with --key: %v", err)
	}
	before := audit.Checkpoint{Origin: now.Origin}
	if _, err := os.Stat(file); err == nil {
		if before, err = openCheckpointFile(file, keys); err != nil {
			return now, 0, err
		}
		if err := checkGrowth(ctx, r, before, now); err != nil {
			return now, 0, err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return now, 0, fmt.Errorf("the last checkpoint cannot be read: %w", err)
	}
	return now, now.Size - before.Size, errors.Join(replaceFile(keyFile, strings.Join(keys, "\n")+"\n"), replaceFile(file, signed.Note))
}

// checkGrowth asks for the proof that a log grew out of an earlier one, and checks it.
func checkGrowth(ctx context.Context, r auditClient, before, now audit.Checkpoint) error {
	switch {
	case before.Origin != now.Origin:
		return registry.Errorf(registry.FailedPrecondition, "this is another log: %s, and the last checkpoint is of %s", now.Origin, before.Origin)
	case now.Size < before.Size:
		return registry.Errorf(registry.FailedPrecondition, "the log was cut: it has %d entries, and had %d", now.Size, before.Size)
	}
	told, err := r.AuditConsistency(ctx, before.Size, &now.Size)
	if err != nil {
		return err
	}
	proof := audit.Consistency{From: before.Size, To: now.Size, FromRoot: before.Root, ToRoot: now.Root}
	for _, text := range told.Hashes {
		h, err := registry.ParseTreeHash(text)
		if err != nil {
			return registry.Errorf(registry.FailedPrecondition, "the server's proof cannot be read")
		}
		proof.Proof = append(proof.Proof, audit.Hash(h))
	}
	if proof.Check() != nil {
		return registry.Errorf(registry.FailedPrecondition, "the log was rewritten: its first %d entries are not those of the last checkpoint", before.Size)
	}
	return nil
}

// replaceFile replaces a file as a whole.
func replaceFile(file, text string) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		return fmt.Errorf("the checkpoint cannot be written: %w", err)
	}
	return os.Rename(temporary, file)
}
