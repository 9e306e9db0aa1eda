package signing

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// File is a file of a model as it is stored: its path and SHA-256 in hex, "" when that is not known.
type File struct {
	Path, SHA256 string
}

// FileStatus is how a file compares with what was signed.
type FileStatus string

// The statuses.
const (
	// Match is a file with the digest that was signed.
	Match FileStatus = "MATCH"
	// Mismatch is a file with another digest.
	Mismatch FileStatus = "MISMATCH"
	// Missing is a file that was signed and is not stored.
	Missing FileStatus = "MISSING"
	// Extra is a file that is stored and was not signed.
	Extra FileStatus = "EXTRA"
	// Ignored is a file that is stored and that the signer left out on purpose.
	Ignored FileStatus = "IGNORED"
	// Unknown is a file that was signed and whose stored digest is not known.
	Unknown FileStatus = "UNKNOWN"
)

// FileResult is the comparison of one file; a digest is "" where there is none.
type FileResult struct {
	Path           string
	Status         FileStatus
	Signed, Stored string
}

// Verification is what a bundle proves about a model.
type Verification struct {
	Signer Signer
	// Model is what the signer called the model; Digest stands for all its files.
	Model, Digest string
	// Files are all files, signed or stored, by path.
	Files []FileResult
}

// Whole reports whether every file is as it was signed, and no other is there but those that the
// signer left out on purpose.
func (v *Verification) Whole() bool {
	return !slices.ContainsFunc(v.Files, func(f FileResult) bool { return f.Status != Match && f.Status != Ignored })
}

// VerifyModel verifies a bundle of OpenSSF Model Signing v1 at a time and compares the files of a
// model with what was signed. The error is a Refusal when the bundle proves nothing.
func (t *Trust) VerifyModel(raw []byte, files []File, now time.Time) (*Verification, error) {
	if len(files) > MaxFiles {
		return nil, refuse(TooLarge, "the model has more than %d files", MaxFiles)
	}
	payload, signer, err := t.open(raw, now)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(payload)
	if err != nil {
		return nil, err
	}
	v := &Verification{Signer: signer, Model: m.model, Digest: strings.ToLower(m.root), Files: m.compare(files)}
	if len(m.files) > 0 && !slices.ContainsFunc(v.Files, func(f FileResult) bool { return f.Status == Match || f.Status == Unknown }) {
		return nil, refuse(OtherModel, "none of the signed files is one of this model: the bundle is of another one, %q", shorten(m.model))
	}
	return v, nil
}

// open verifies the signature of a bundle and returns the statement in it. The statement is read only
// after that: nothing of it counts before.
func (t *Trust) open(raw []byte, now time.Time) ([]byte, Signer, error) {
	b, err := openBundle(raw)
	if err != nil {
		return nil, Signer{}, err
	}
	payload, err := payloadOf(b)
	if err != nil {
		return nil, Signer{}, err
	}
	signer, err := t.signerOf(b, now)
	return payload, signer, err
}

// compare compares stored files with the signed ones.
func (m *manifest) compare(files []File) []FileResult {
	signed := m.files
	if digest := signed[onlyFile]; digest != "" && len(signed) == 1 && len(files) == 1 {
		signed = map[string]string{files[0].Path: digest}
	}
	results := map[string]FileResult{}
	for name, digest := range signed {
		results[name] = FileResult{Path: name, Status: Missing, Signed: digest}
	}
	for _, f := range files {
		r := FileResult{Path: f.Path, Status: Mismatch, Signed: signed[f.Path], Stored: strings.ToLower(f.SHA256)}
		switch {
		case r.Signed == "" && m.ignores(f.Path):
			r.Status = Ignored
		case r.Signed == "":
			r.Status = Extra
		case r.Stored == "":
			r.Status = Unknown
		case r.Stored == r.Signed:
			r.Status = Match
		}
		if old, twice := results[f.Path]; twice && old.Status != Missing {
			r.Status = Mismatch // Two stored files of one path: which one is meant is not known.
		}
		results[f.Path] = r
	}
	return slices.SortedFunc(maps.Values(results), func(a, b FileResult) int { return strings.Compare(a.Path, b.Path) })
}
