package compliance

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"pedigree/audit"
	"pedigree/registry"
)

// The names of the files that a pack has besides those that are derived from the facts.
const (
	ManifestFile   = "manifest.json"
	SealFile       = "manifest.sig"
	FactsFile      = "facts.json"
	ProvFile       = "lineage.prov.json"
	CycloneDXFile  = "bom.cdx.json"
	SPDXFile       = "bom.spdx.json"
	LogFile        = "log.jsonl"
	CheckpointFile = "checkpoint.txt"
)

// The bounds of a pack: the bytes of all files, the number of files, and the log entries.
const (
	MaxBytes   = 64 << 20
	MaxFiles   = 64
	MaxEntries = 5000
)

// sealedAs says what the seal of a pack is about.
const sealedAs = "compliance pack"

// File is one file of a pack.
type File struct {
	Name string
	Body []byte
}

// Manifest lists the files of a pack, and says for whom and of which state it was made.
type Manifest struct {
	Format    int         `json:"format"`
	MadeFor   Reader      `json:"madeFor"`
	Model     string      `json:"model,omitempty"`
	Version   string      `json:"version,omitempty"`
	VersionID registry.ID `json:"versionId"`
	// ReadAt, LogSize and ReadFrom are those of the facts.
	ReadAt   time.Time `json:"readAt,omitzero"`
	LogSize  int64     `json:"logSize"`
	ReadFrom int64     `json:"readFrom"`
	// AsOf and NotAsOf are those of the facts.
	AsOf    time.Time `json:"asOf,omitzero"`
	NotAsOf []string  `json:"notAsOf,omitempty"`
	// Log is the name of the log, PublicKey the key that sealed the manifest.
	Log       string `json:"log"`
	PublicKey string `json:"publicKey"`
	// Hidden and Cut are those of the facts.
	Hidden []string `json:"hidden"`
	Cut    []string `json:"cut"`
	Files  []Digest `json:"files"`
}

// Digest is the digest of one file.
type Digest struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Sources are what a pack is made of besides the facts.
type Sources struct {
	// Exports are the lineage in formats of other tools, by the names of their files.
	Exports []File
	// Entries are the entries of the log with their proofs, in the order of the log. Checkpoint is
	// the signed checkpoint that they are proved to; both are empty for who may not read the log.
	Entries    []ProvenEntry
	Checkpoint string
	// Seal signs the digest of the manifest.
	Seal func(what string, digest audit.Hash) (string, error)
	// Log and PublicKey are those of the key that seals.
	Log, PublicKey string
}

// Pack is a pack: its files, sorted, the manifest and its seal among them.
type Pack struct {
	Manifest  Manifest
	Checklist Checklist
	Files     []File
}

// New makes a pack. RESOURCE_EXHAUSTED when it would be larger than MaxBytes.
func New(f *Facts, s Sources) (*Pack, error) {
	facts, err := marshal(f)
	if err != nil {
		return nil, err
	}
	// What is derived is derived from the bytes of the pack, as a verifier does it.
	read, err := parseFacts(facts)
	if err != nil {
		return nil, err
	}
	derived, err := derive(read)
	if err != nil {
		return nil, err
	}
	files := append(slices.Clone(s.Exports), File{FactsFile, facts})
	files = append(files, derived...)
	if s.Checkpoint != "" {
		log, err := marshalLog(s.Entries)
		if err != nil {
			return nil, err
		}
		files = append(files, File{LogFile, log}, File{CheckpointFile, []byte(s.Checkpoint)})
	}
	if err := checkSize(files); err != nil {
		return nil, err
	}
	m := Manifest{Format: Format, MadeFor: read.MadeFor, Model: read.Version.Model, Version: read.Version.Version, VersionID: read.Version.ID,
		ReadAt: read.ReadAt, LogSize: read.LogSize, ReadFrom: read.ReadFrom, AsOf: read.AsOf, NotAsOf: read.NotAsOf, Log: s.Log, PublicKey: s.PublicKey, Hidden: read.Hidden, Cut: read.Cut}
	sortFiles(files)
	for _, f := range files {
		m.Files = append(m.Files, digestOf(f))
	}
	manifest, err := marshal(&m)
	if err != nil {
		return nil, err
	}
	seal, err := s.Seal(sealedAs, sha256.Sum256(manifest))
	if err != nil {
		return nil, err
	}
	files = append(files, File{ManifestFile, manifest}, File{SealFile, []byte(seal)})
	sortFiles(files)
	return &Pack{Manifest: m, Checklist: checklistOf(read), Files: files}, nil
}

func sortFiles(files []File) {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
}

func digestOf(f File) Digest {
	sum := sha256.Sum256(f.Body)
	return Digest{f.Name, hex.EncodeToString(sum[:]), int64(len(f.Body))}
}

// checkSize bounds a pack, because it is held in memory.
func checkSize(files []File) error {
	size := 0
	for _, f := range files {
		size += len(f.Body)
	}
	if size > MaxBytes {
		return registry.Errorf(registry.ResourceExhausted, "the pack would have %d bytes, and at most %d are made", size, MaxBytes)
	}
	return nil
}

// marshal writes a value as indented JSON; keys of maps are sorted.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// unmarshal reads JSON that marshal has written, and nothing else: no byte of it can differ.
func unmarshal(b []byte, into any) error {
	if err := json.Unmarshal(b, into); err != nil {
		return err
	}
	again, err := marshal(into)
	if err == nil && !bytes.Equal(again, b) {
		err = errNotAsWritten
	}
	return err
}

func parseFacts(b []byte) (*Facts, error) {
	f := &Facts{}
	return f, unmarshal(b, f)
}

// Filename is a name for the pack, without text from users.
func (p *Pack) Filename() string { return "compliance-" + string(p.Manifest.VersionID) + ".zip" }

// Write writes the pack as a zip: files in the order of their names, not compressed, with the time of
// the facts. So the same files give the same bytes, whatever library writes them.
func (p *Pack) Write(w io.Writer) error { return writeZip(w, p.Files, p.Manifest.ReadAt) }

func writeZip(w io.Writer, files []File, at time.Time) error {
	z := zip.NewWriter(w)
	if at = at.UTC().Truncate(2 * time.Second); at.Year() < 1980 { // Zip files know no earlier time.
		at = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	for _, f := range files {
		part, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store, Modified: at})
		if err != nil {
			return err
		}
		if _, err := part.Write(f.Body); err != nil {
			return err
		}
	}
	return z.Close()
}

// Digest returns the SHA-256 of the zip and its size.
func (p *Pack) Digest() (sha256Hex string, size int64, err error) {
	h := sha256.New()
	n := &countingWriter{w: h}
	err = p.Write(n)
	return hex.EncodeToString(h.Sum(nil)), n.n, err
}

type countingWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countingWriter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.w.Write(b)
}
