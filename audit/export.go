package audit

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"pedigree/registry"
)

// An export is a text of JSON lines that verifies without the database: a header, every entry
// of the log in order, and the signed checkpoint that seals them.

// ExportHeader is the first line of an export.
type ExportHeader struct {
	// Log is the origin of the log, Size the number of entries that follow.
	Log  string `json:"log"`
	Size int64  `json:"size"`
}

// exportSeal is the last line of an export.
type exportSeal struct {
	Checkpoint string `json:"checkpoint"`
}

// ExportWriter writes an export.
type ExportWriter struct{ e *json.Encoder }

// NewExportWriter writes the header of an export.
func NewExportWriter(w io.Writer, h ExportHeader) (*ExportWriter, error) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &ExportWriter{e}, e.Encode(h)
}

// Entry writes the next entry.
func (x *ExportWriter) Entry(entry *registry.LogEntry) error { return x.e.Encode(entry) }

// Seal writes the checkpoint, which ends the export.
func (x *ExportWriter) Seal(checkpoint string) error { return x.e.Encode(exportSeal{checkpoint}) }

// Verified says what a verification found to hold.
type Verified struct {
	// Checkpoint is the one that seals the log.
	Checkpoint Checkpoint
	// Entries is the number of entries whose hashes were computed anew.
	Entries int64
	// Kept is the number of checkpoints from elsewhere that the log agrees with.
	Kept int
}

// LogVerifier computes the tree of a log anew, entry by entry.
type LogVerifier struct {
	frontier registry.LogFrontier
	// kept are checkpoints from elsewhere, by size.
	kept  map[int64]Checkpoint
	agree int
}

// NewLogVerifier returns a verifier that also compares the log with checkpoints kept
// elsewhere.
func NewLogVerifier(kept ...Checkpoint) *LogVerifier {
	v := &LogVerifier{kept: map[int64]Checkpoint{}}
	for _, c := range kept {
		v.kept[c.Size] = c
	}
	if c, ok := v.kept[0]; ok && Hash(v.frontier.Root()) == c.Root {
		v.agree++
	}
	return v
}

// Entry adds the next entry. FAILED_PRECONDITION when it is not the next, when its hash is not
// that of its fields, or when the log differs from a kept checkpoint.
func (v *LogVerifier) Entry(e *registry.LogEntry) error {
	_, err := v.add(e)
	return err
}

// add is Entry. It also returns the tree hashes that the entry completes.
func (v *LogVerifier) add(e *registry.LogEntry) (completed string, err error) {
	if e.Seq != v.frontier.Size+1 {
		return "", registry.Errorf(registry.FailedPrecondition, "log entry %d stands where entry %d belongs", e.Seq, v.frontier.Size+1)
	}
	sealed := *e
	if sealed.Seal(); sealed.LeafHash != e.LeafHash {
		return "", registry.Errorf(registry.FailedPrecondition, "log entry %d was changed: its fields have the hash %s, and %q is stored", e.Seq, sealed.LeafHash, registry.Shorten(e.LeafHash, 64))
	}
	if completed, err = v.frontier.Append(sealed.LeafHash); err != nil {
		return "", err
	}
	if c, ok := v.kept[e.Seq]; ok {
		if Hash(v.frontier.Root()) != c.Root {
			return "", registry.Errorf(registry.FailedPrecondition, "the log was rewritten: its first %d entries are not those of the kept checkpoint", e.Seq)
		}
		v.agree++
	}
	return completed, nil
}

// StoredEntry is Entry for an entry as a store keeps it, with the tree hashes that it
// completes. FAILED_PRECONDITION also when these are not those of the log.
func (v *LogVerifier) StoredEntry(e *registry.LogEntry) error {
	completed, err := v.add(e)
	if err != nil {
		return err
	}
	if completed != e.TreeHashes {
		return registry.Errorf(registry.FailedPrecondition, "the tree hashes of log entry %d were changed", e.Seq)
	}
	return nil
}

// Size returns the number of entries that were added.
func (v *LogVerifier) Size() int64 { return v.frontier.Size }

// End checks the log against the checkpoint that seals it.
func (v *LogVerifier) End(c Checkpoint) (Verified, error) {
	switch {
	case c.Size != v.frontier.Size:
		return Verified{}, registry.Errorf(registry.FailedPrecondition, "the checkpoint is of %d entries, and the log has %d", c.Size, v.frontier.Size)
	case c.Root != Hash(v.frontier.Root()):
		return Verified{}, registry.Errorf(registry.FailedPrecondition, "the log was rewritten: its %d entries are not those of the checkpoint", c.Size)
	}
	for size := range v.kept {
		if size > c.Size {
			return Verified{}, registry.Errorf(registry.FailedPrecondition, "the log was cut: a checkpoint kept elsewhere is of %d entries, and the log has %d", size, c.Size)
		}
	}
	return Verified{Checkpoint: c, Entries: v.frontier.Size, Kept: v.agree}, nil
}

// maxExportLine is the size limit of a line of an export in bytes.
const maxExportLine = 16 << 20

// VerifyExport reads an export and checks every entry, the order, the root and the signature.
// publicKeys are those of the log; without any, those that the log itself has recorded are
// taken, which proves that the file is whole, and not whose it is. kept are checkpoints from
// elsewhere.
func VerifyExport(r io.Reader, publicKeys []string, kept ...Checkpoint) (Verified, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxExportLine)
	broken := func(what string) error {
		return registry.Errorf(registry.FailedPrecondition, "this is no whole export of a log: %s", what)
	}
	var header ExportHeader
	if !lines.Scan() && lines.Err() != nil {
		return Verified{}, lines.Err()
	}
	if strictDecode(lines.Bytes(), &header) != nil || header.Log == "" {
		return Verified{}, broken("its first line is no header")
	}
	v := NewLogVerifier(kept...)
	var recorded []string
	for v.Size() < header.Size {
		var e registry.LogEntry
		if !lines.Scan() {
			return Verified{}, cmp.Or(lines.Err(), broken(fmt.Sprintf("it ends after %d of %d entries", v.Size(), header.Size)))
		}
		if err := strictDecode(lines.Bytes(), &e); err != nil {
			return Verified{}, broken(fmt.Sprintf("line %d is no entry", v.Size()+2))
		}
		if err := v.Entry(&e); err != nil {
			return Verified{}, err
		}
		if key := RecordedKey(&e); key != "" {
			recorded = append(recorded, key)
		}
	}
	if len(publicKeys) == 0 {
		publicKeys = recorded
	}
	var seal exportSeal
	if !lines.Scan() || strictDecode(lines.Bytes(), &seal) != nil {
		return Verified{}, cmp.Or(lines.Err(), broken("its last line is no checkpoint"))
	}
	if lines.Scan() {
		return Verified{}, broken("there is a line after the checkpoint")
	}
	c, err := Open(seal.Checkpoint, publicKeys...)
	if err != nil {
		return Verified{}, err
	}
	if c.Origin != header.Log {
		return Verified{}, broken("its header names another log than its checkpoint")
	}
	return v.End(c)
}

// RecordedKey returns the public key that an entry records, "" for other entries.
func RecordedKey(e *registry.LogEntry) string {
	if e.Action != registry.LogKeyAdded {
		return ""
	}
	var d struct {
		PublicKey string `json:"publicKey"`
	}
	if json.Unmarshal(e.Detail, &d) != nil {
		return ""
	}
	return d.PublicKey
}

// strictDecode decodes one JSON object without unknown or repeated fields, so that no byte of
// a line can change in silence.
func strictDecode(line []byte, into any) error {
	if err := json.Unmarshal(line, into); err != nil {
		return err
	}
	var again jsonText
	e := json.NewEncoder(&again)
	e.SetEscapeHTML(false)
	if err := e.Encode(into); err != nil {
		return err
	}
	if string(again) != string(line)+"\n" {
		return errors.New("it is not as it was written")
	}
	return nil
}

// jsonText collects what an encoder writes.
type jsonText []byte

// Write implements io.Writer.
func (t *jsonText) Write(b []byte) (int, error) {
	*t = append(*t, b...)
	return len(b), nil
}
