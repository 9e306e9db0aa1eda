package registry

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// LogEntry is one entry of the audit log. Entries are ordered by Seq, which has no
// gaps. At is the writer's clock, but later than the entries of every earlier commit, so
// that it names the state of the store.
type LogEntry struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action LogAction `json:"action"`
	// Objects are the ids of the nodes and edges concerned, the main one first.
	Objects []ID `json:"objects"`
	// Model is the model that the change belongs to, "" when there is none.
	Model  ID     `json:"model,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Approval holds verified subjects or is empty.
	Approval  string `json:"approval,omitempty"`
	RequestID string `json:"requestId,omitempty"`
	// Detail is canonical JSON of what changed.
	Detail JSON `json:"detail,omitempty"`
	// LeafHash is the hex hash that Seal computes over Canonical.
	LeafHash string `json:"leafHash,omitempty"`
	// TreeHashes are the hashes of the inner nodes that the entry completes in the log's
	// Merkle tree, as LogFrontier.Append returns them.
	TreeHashes string `json:"-"`
	Mask       Mask   `json:"-"`
}

const logFormat = 1

// Canonical returns the bytes to hash: a format number and every field. Numbers are 8
// bytes big-endian, texts are prefixed by their length, times are microseconds since
// 1970. The bytes of a written entry never change.
func (e *LogEntry) Canonical() []byte {
	var b []byte
	num := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	text := func(s string) { num(int64(len(s))); b = append(b, s...) }
	num(logFormat)
	num(e.Seq)
	num(e.At.UnixMicro())
	text(e.Actor)
	text(string(e.Action))
	num(int64(len(e.Objects)))
	for _, o := range e.Objects {
		text(string(o))
	}
	text(string(e.Model))
	text(e.Reason)
	text(e.Approval)
	text(e.RequestID)
	text(string(e.Detail))
	return b
}

// Seal sets LeafHash: the hex of SHA-256 over a zero byte and the canonical bytes,
// which is the leaf hash of an RFC 6962 Merkle tree.
func (e *LogEntry) Seal() {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(e.Canonical())
	e.LeafHash = hex.EncodeToString(h.Sum(nil))
}
