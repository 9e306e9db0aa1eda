package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pedigree/audit"
	"pedigree/registry"
	"pedigree/service"
)

// logKeyFile is the file in --data with the private key that signs checkpoints of the log. It
// never enters the store.
const logKeyFile = "log-key"

// useLogKey gives the service the key of the log: the value of PEDIGREE_LOG_KEY, else that of
// the file in the data folder. When there is none, it is made there if create is true, else
// the service goes without.
func useLogKey(ctx context.Context, s *service.Service, data string, create bool) error {
	text := os.Getenv("PEDIGREE_LOG_KEY")
	if text == "" {
		var err error
		if text, err = readLogKey(data, s.LogOrigin(), create); err != nil || text == "" {
			return err
		}
	}
	key, err := audit.ParseKey(text)
	if err != nil {
		return err
	}
	return s.SetLogKey(ctx, key)
}

func readLogKey(data, origin string, create bool) (string, error) {
	file := filepath.Join(data, logKeyFile)
	b, err := os.ReadFile(file)
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("the log's key cannot be read: %w", err)
	}
	if !create {
		return "", nil
	}
	private, err := audit.NewKey(origin)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", fmt.Errorf("the data folder cannot be made: %w; choose another with --data", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("the log's key cannot be written: %w", err)
	}
	_, err = fmt.Fprintln(f, private)
	return private, errors.Join(err, f.Close())
}

// openCheckpointFile reads a checkpoint that is kept in a file. Its signature is verified when
// keys are given.
func openCheckpointFile(file string, keys []string) (audit.Checkpoint, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return audit.Checkpoint{}, fmt.Errorf("the checkpoint cannot be read: %w", err)
	}
	if len(keys) > 0 {
		return audit.Open(string(b), keys...)
	}
	c, err := audit.ParseCheckpoint(string(b))
	if err != nil {
		return c, registry.Errorf(registry.InvalidArgument, "%s is no checkpoint; pedigree audit checkpoint prints one", file)
	}
	return c, nil
}
