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

// place keeps how far a load of a file came, so that an interrupted one goes on.
type place struct {
	path string
	sum  hash.Hash // of the file up to read
	read int64
}

// placeFile is what is kept: Digest is the SHA-256 of the file up to Offset.
type placeFile struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Line   int64  `json:"line"`
	Digest string `json:"digest"`
	// Refs tells that lines gave names: a load cannot go on behind them.
	Refs bool `json:"refs,omitempty"`
}

func newPlace(data, target, file string) *place {
	return &place{path: placeName(data, target, file), sum: sha256.New()}
}

// find moves the file to where the last load of it was interrupted, and returns
// that place: the beginning where there was none, or where the file is another by
// now.
func (p *place) find(f *os.File, restart bool) (jsonlines.Summary, error) {
	raw, err := os.ReadFile(p.path)
	var kept placeFile
	if errors.Is(err, os.ErrNotExist) || restart || err == nil && json.Unmarshal(raw, &kept) != nil || kept.Refs {
		return jsonlines.Summary{}, nil
	}
	if err != nil {
		return jsonlines.Summary{}, fmt.Errorf("the place of the last load cannot be read: %w; begin anew with --restart", err)
	}
	if err := p.hash(f, kept.Offset); err != nil || hex.EncodeToString(p.sum.Sum(nil)) != kept.Digest {
		p.sum, p.read = sha256.New(), 0
		return jsonlines.Summary{}, nil // It is another file, or shorter.
	}
	_, err = f.Seek(kept.Offset, io.SeekStart)
	return jsonlines.Summary{LastLine: kept.Line, Offset: kept.Offset}, err
}

// hash takes the file up to an offset into the digest.
func (p *place) hash(f *os.File, to int64) error {
	n, err := io.Copy(p.sum, io.NewSectionReader(f, p.read, to-p.read))
	p.read += n
	if err == nil && p.read != to {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// keep writes the place down; another process sees the old one or this.
func (p *place) keep(f *os.File, s jsonlines.Summary) error {
	if err := p.hash(f, s.Offset); err != nil {
		return fmt.Errorf("the file changed while it was read: %w", err)
	}
	raw, err := json.Marshal(placeFile{File: f.Name(), Offset: s.Offset, Line: s.LastLine, Digest: hex.EncodeToString(p.sum.Sum(nil)), Refs: s.Refs})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return fmt.Errorf("the place of the load cannot be kept: %w; choose another --data", err)
	}
	t, err := os.CreateTemp(filepath.Dir(p.path), "place.*")
	if err != nil {
		return fmt.Errorf("the place of the load cannot be kept: %w", err)
	}
	defer os.Remove(t.Name())
	_, err = t.Write(raw)
	if err := errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), p.path)
}

// forget removes the place of a load that came to its end.
func (p *place) forget() error {
	if err := os.Remove(p.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
