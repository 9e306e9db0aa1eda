package compliance

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"pedigree/audit"
	"pedigree/registry"
)

// errNotAsWritten means that a file is not as a pack has it.
var errNotAsWritten = errors.New("it is not as it was written")

// Verified says what a verification found to hold.
type Verified struct {
	Manifest Manifest
	// Derived is how many files were made again from the facts; -1 when another program made the
	// pack, whose form this one does not know.
	Derived int
	// Entries is how many log entries are proved to be in the log of the checkpoint, Partial how many
	// of them are shown in part. Checkpoint is nil when the pack has no log.
	Entries, Partial int
	Checkpoint       *audit.Checkpoint
}

func broken(format string, args ...any) error {
	return registry.Errorf(registry.FailedPrecondition, "this pack does not hold: "+format, args...)
}

// Verify checks a pack with nothing but its bytes: that the manifest is sealed, that there is every
// file that it lists and no other, that each is as it was written, that what people read follows from
// the facts, and that the log entries are in the log. publicKeys are those of the log; without any,
// the one that the pack names is taken, which proves that the pack is whole, and not whose it is.
// FAILED_PRECONDITION says what does not hold.
func Verify(pack []byte, publicKeys []string) (*Verified, error) {
	files, err := readZip(pack)
	if err != nil {
		return nil, err
	}
	v := &verifier{files: files, keys: publicKeys}
	for _, step := range []func() error{v.manifest, v.digests, func() error { return v.container(pack) }, v.facts, v.log} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return &v.out, nil
}

// verifier checks a pack step by step.
type verifier struct {
	files []File
	keys  []string
	read  *Facts
	out   Verified
}

func (v *verifier) file(name string) []byte {
	for _, f := range v.files {
		if f.Name == name {
			return f.Body
		}
	}
	return nil
}

// readZip reads the files of a zip. It bounds them before it reads them.
func readZip(pack []byte) ([]File, error) {
	z, err := zip.NewReader(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		return nil, broken("it is no zip file")
	}
	if len(z.File) > MaxFiles {
		return nil, broken("it has %d files, and at most %d are read", len(z.File), MaxFiles)
	}
	var out []File
	size := uint64(0)
	for _, f := range z.File {
		if size += f.UncompressedSize64; f.Method != zip.Store || f.UncompressedSize64 > MaxBytes || size > MaxBytes+1<<20 {
			return nil, broken("%q is packed as no file of a pack is", registry.Shorten(f.Name, 100))
		}
		if len(out) > 0 && f.Name <= out[len(out)-1].Name {
			return nil, broken("its files are not sorted, or one is there twice")
		}
		r, err := f.Open()
		if err != nil {
			return nil, broken("%q cannot be read", registry.Shorten(f.Name, 100))
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return nil, broken("%q cannot be read: %v", registry.Shorten(f.Name, 100), err)
		}
		out = append(out, File{f.Name, body})
	}
	return out, nil
}

// manifest checks the manifest and its seal.
func (v *verifier) manifest() error {
	raw := v.file(ManifestFile)
	if raw == nil {
		return broken("it has no %s", ManifestFile)
	}
	m := &v.out.Manifest
	if err := unmarshal(raw, m); err != nil {
		return broken("%s was changed: %v", ManifestFile, err)
	}
	if len(v.keys) == 0 {
		v.keys = []string{m.PublicKey}
	}
	log, err := audit.OpenSeal(string(v.file(SealFile)), sealedAs, sha256.Sum256(raw), v.keys...)
	if err != nil {
		return err
	}
	if log != m.Log {
		return broken("the seal is of the log %q, and the manifest names %q", registry.Shorten(log, 100), registry.Shorten(m.Log, 100))
	}
	return nil
}

// digests checks that there is every file of the manifest, and no other.
func (v *verifier) digests() error {
	var listed []Digest
	for _, f := range v.files {
		if f.Name != ManifestFile && f.Name != SealFile {
			listed = append(listed, digestOf(f))
		}
	}
	for i, d := range v.out.Manifest.Files {
		switch at := slices.IndexFunc(listed, func(l Digest) bool { return l.Name == d.Name }); {
		case at < 0:
			return broken("%q is missing", registry.Shorten(d.Name, 100))
		case listed[at] != d:
			return broken("%q was changed", registry.Shorten(d.Name, 100))
		case i >= len(listed) || listed[i] != d:
			return broken("its files are not in order")
		}
	}
	if len(listed) != len(v.out.Manifest.Files) {
		return broken("it has %d files, and its manifest lists %d", len(listed), len(v.out.Manifest.Files))
	}
	return nil
}

// container checks that the zip is what Write makes of the files: so no byte of it is unchecked.
func (v *verifier) container(pack []byte) error {
	same := &comparingWriter{want: pack}
	err := writeZip(same, v.files, v.out.Manifest.ReadAt)
	if err != nil || len(same.want) > 0 {
		return broken("the zip file has bytes that no pack has")
	}
	return nil
}

// comparingWriter takes the bytes that it wants, and no others.
type comparingWriter struct{ want []byte }

// Write implements io.Writer.
func (w *comparingWriter) Write(b []byte) (int, error) {
	if !bytes.HasPrefix(w.want, b) {
		return 0, errNotAsWritten
	}
	w.want = w.want[len(b):]
	return len(b), nil
}

// facts checks that what people read follows from the facts, and that the manifest is about them.
func (v *verifier) facts() error {
	m := &v.out.Manifest
	if m.Format != Format {
		v.out.Derived = -1
		return nil
	}
	var err error
	if v.read, err = parseFacts(v.file(FactsFile)); err != nil {
		return broken("%s was changed: %v", FactsFile, err)
	}
	f := v.read
	if f.Format != m.Format || f.Version.ID != m.VersionID || f.Version.Model != m.Model || f.Version.Version != m.Version || !f.ReadAt.Equal(m.ReadAt) ||
		f.LogSize != m.LogSize || f.ReadFrom != m.ReadFrom || !f.AsOf.Equal(m.AsOf) || !slices.Equal(f.NotAsOf, m.NotAsOf) || f.MadeFor.Subject != m.MadeFor.Subject || !slices.Equal(f.MadeFor.Roles, m.MadeFor.Roles) ||
		!slices.Equal(f.Hidden, m.Hidden) || !slices.Equal(f.Cut, m.Cut) {
		return broken("the manifest and the facts are not about the same")
	}
	derived, err := derive(f)
	if err != nil {
		return broken("what people read cannot be made again: %v", err)
	}
	for _, d := range derived {
		if !bytes.Equal(v.file(d.Name), d.Body) {
			return broken("%s does not follow from the facts", d.Name)
		}
	}
	v.out.Derived = len(derived)
	return nil
}

// log checks the entries of the log against the checkpoint.
func (v *verifier) log() error {
	signed := v.file(CheckpointFile)
	if signed == nil {
		if v.file(LogFile) != nil {
			return broken("it has log entries and no checkpoint")
		}
		return nil
	}
	c, err := audit.Open(string(signed), v.keys...)
	if err != nil {
		return err
	}
	if c.Size != v.out.Manifest.LogSize || c.Origin != v.out.Manifest.Log {
		return broken("the checkpoint is of %d entries, and the manifest of %d", c.Size, v.out.Manifest.LogSize)
	}
	entries, err := parseLog(v.file(LogFile))
	if err != nil {
		return broken("%s was changed: %v", LogFile, err)
	}
	newest := map[registry.ID]int64{}
	last := int64(0)
	for i := range entries {
		e := &entries[i]
		if e.Entry.Seq <= last {
			return broken("the log entries are not in order")
		}
		last = e.Entry.Seq
		if err := e.check(c); err != nil {
			return err
		}
		for _, id := range e.Entry.Objects {
			newest[id] = e.Entry.Seq
		}
		if v.out.Entries++; e.Partial {
			v.out.Partial++
		}
	}
	if v.read != nil {
		for id, seq := range v.read.LogSeqs {
			if newest[id] != seq {
				return broken("%s", fmt.Sprintf("the facts say that log entry %d is the newest about %s", seq, id))
			}
		}
	}
	v.out.Checkpoint = &c
	return nil
}
