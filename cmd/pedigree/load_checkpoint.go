package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"pedigree/connect/jsonlines"
)

// checkpoint stores the progress of loading a file, so that an interrupted load can resume.
type checkpoint struct {
	path   string
	digest hash.Hash // of the first read bytes of the file
	read   int64
}

// checkpointFile is the stored form of a checkpoint. Digest is the SHA-256 of the file up
// to Offset.
type checkpointFile struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Line   int64  `json:"line"`
	Digest string `json:"digest"`
	// Refs is true when lines defined refs. Such a load cannot resume, because later lines
	// may use them.
	Refs bool `json:"refs,omitempty"`
}

func newCheckpoint(data, target, file string) *checkpoint {
	return &checkpoint{path: checkpointPath(data, target, file), digest: sha256.New()}
}

// checkpointPath returns the path of the checkpoint of a file and registry.
func checkpointPath(data, target, file string) string {
	if absolute, err := filepath.Abs(file); err == nil {
		file = absolute
	}
	sum := sha256.Sum256([]byte(target + "\x00" + file))
	return filepath.Join(data, "loads", hex.EncodeToString(sum[:16])+".json")
}

// resume moves the file to the checkpoint of the last load and returns that position. It
// returns the start of the file when there is no checkpoint, or when the file has changed
// before it.
func (c *checkpoint) resume(f *os.File, restart bool) (jsonlines.Summary, error) {
	raw, err := os.ReadFile(c.path)
	var saved checkpointFile
	if errors.Is(err, os.ErrNotExist) || restart || err == nil && json.Unmarshal(raw, &saved) != nil || saved.Refs {
		return jsonlines.Summary{}, nil
	}
	if err != nil {
		return jsonlines.Summary{}, fmt.Errorf("the place of the last load cannot be read: %w; begin anew with --restart", err)
	}
	if err := c.hash(f, saved.Offset); err != nil || hex.EncodeToString(c.digest.Sum(nil)) != saved.Digest {
		c.digest, c.read = sha256.New(), 0
		return jsonlines.Summary{}, nil // The file has changed or is shorter.
	}
	_, err = f.Seek(saved.Offset, io.SeekStart)
	return jsonlines.Summary{LastLine: saved.Line, Offset: saved.Offset}, err
}

// hash adds the file up to an offset to the digest.
func (c *checkpoint) hash(f *os.File, to int64) error {
	n, err := io.Copy(c.digest, io.NewSectionReader(f, c.read, to-c.read))
	c.read += n
	if err == nil && c.read != to {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// save writes the checkpoint atomically.
func (c *checkpoint) save(f *os.File, s jsonlines.Summary) error {
	if err := c.hash(f, s.Offset); err != nil {
		return fmt.Errorf("the file changed while it was read: %w", err)
	}
	raw, err := json.Marshal(checkpointFile{File: f.Name(), Offset: s.Offset, Line: s.LastLine, Digest: hex.EncodeToString(c.digest.Sum(nil)), Refs: s.Refs})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return fmt.Errorf("the place of the load cannot be kept: %w; choose another --data", err)
	}
	t, err := os.CreateTemp(filepath.Dir(c.path), "checkpoint.*")
	if err != nil {
		return fmt.Errorf("the place of the load cannot be kept: %w", err)
	}
	defer os.Remove(t.Name())
	_, err = t.Write(raw)
	if err := errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), c.path)
}

// remove deletes the checkpoint of a complete load.
func (c *checkpoint) remove() error {
	if err := os.Remove(c.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
