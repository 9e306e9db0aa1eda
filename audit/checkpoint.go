package audit

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"pedigree/registry"
)

// Checkpoint is the state of a log at a moment: its origin, size and root
// (https://c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	// Origin names the log; it is also the name of its key.
	Origin string
	Size   int64
	Root   Hash
}

// Text returns the text that is signed: the origin, the size and the root in base64, each on
// a line.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ParseCheckpoint reads the text of a checkpoint. Lines after the third are extensions and are
// ignored. INVALID_ARGUMENT when it is none.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	bad := registry.Errorf(registry.InvalidArgument, "this is no checkpoint: its three lines are an origin, a size and a root")
	if len(lines) < 4 || lines[0] == "" {
		return c, bad
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, bad
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return c, bad
	}
	copy(c.Root[:], root)
	return c, nil
}

// Key is the key that signs the checkpoints of a log: Ed25519, in the format of signed notes
// (https://c2sp.org/signed-note).
type Key struct {
	signer note.Signer
	// Public is the public key, as verifiers take it: NAME+HASH+KEY.
	Public string
}

// NewKey makes a key for a log. It returns the text of the private key, PRIVATE+KEY+NAME+…, to
// be stored where only the server reads it.
func NewKey(origin string) (private string, err error) {
	private, _, err = note.GenerateKey(rand.Reader, origin)
	return private, err
}

// ParseKey reads the text of a private key.
func ParseKey(private string) (*Key, error) {
	private = strings.TrimSpace(private)
	s, err := note.NewSigner(private)
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the log's key cannot be read: it must be PRIVATE+KEY+NAME+HASH+KEY, as audit key new prints it")
	}
	public, err := publicOf(private)
	if err != nil {
		return nil, err
	}
	return &Key{s, public}, nil
}

// Origin returns the name of the key, which is the origin of the log that it signs.
func (k *Key) Origin() string { return k.signer.Name() }

// Sign returns a checkpoint as a signed note.
func (k *Key) Sign(size int64, root Hash) (string, error) {
	out, err := note.Sign(&note.Note{Text: Checkpoint{k.Origin(), size, root}.Text()}, k.signer)
	return string(out), err
}

// Open checks the signature of a checkpoint with public keys, one of which must have signed
// it. Signatures of other keys, such as those of witnesses, are ignored.
func Open(signed string, publicKeys ...string) (Checkpoint, error) {
	verifiers, err := verifiersOf(publicKeys)
	if err != nil {
		return Checkpoint{}, err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, registry.Errorf(registry.FailedPrecondition, "the checkpoint is not signed by this log's key: %v", err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return c, err
	}
	for _, s := range n.Sigs {
		// Package note takes base64 whose unused bits are not zero.
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); s.Name == c.Origin && err == nil {
			return c, nil
		}
	}
	return c, registry.Errorf(registry.FailedPrecondition, "the checkpoint is of the log %q, and the key of another one signed it", registry.Shorten(c.Origin, 100))
}
