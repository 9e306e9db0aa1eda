package compliance

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"

	"pedigree/audit"
	"pedigree/registry"
)

// ProvenEntry is an entry of the log, and the proof that it is in the log of a checkpoint.
type ProvenEntry struct {
	Entry registry.LogEntry `json:"entry"`
	// Leaf is the entry's leaf hash, and Proof the hashes beside the path from it to the root, in
	// hex, lowest first.
	Leaf  string   `json:"leaf"`
	Proof []string `json:"proof"`
	// Partial is true when the caller may not see all fields of the entry. Then its place in the log
	// is proved, and not what it says.
	Partial bool `json:"partial,omitempty"`
}

// maxLogLine is the size limit of a line of the log in bytes.
const maxLogLine = 16 << 20

// marshalLog writes entries as JSON lines.
func marshalLog(entries []ProvenEntry) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i := range entries {
		if err := e.Encode(&entries[i]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// parseLog reads what marshalLog has written, and nothing else.
func parseLog(b []byte) ([]ProvenEntry, error) {
	var out []ProvenEntry
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(make([]byte, 0, 64<<10), maxLogLine)
	for lines.Scan() {
		var e ProvenEntry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	again, err := marshalLog(out)
	if err == nil && !bytes.Equal(again, b) {
		err = errNotAsWritten
	}
	return out, err
}

// check checks that an entry is in the log of a checkpoint, and that it says what was logged.
func (p *ProvenEntry) check(c audit.Checkpoint) error {
	bad := func(why string) error {
		return registry.Errorf(registry.FailedPrecondition, "log entry %d: %s", p.Entry.Seq, why)
	}
	leaf, err := hashOf(p.Leaf)
	if err != nil {
		return bad("its leaf hash is damaged")
	}
	if !p.Partial {
		sealed := p.Entry
		if sealed.Seal(); sealed.LeafHash != p.Leaf || p.Entry.LeafHash != p.Leaf {
			return bad("what it says is not what was logged")
		}
	}
	in := audit.Inclusion{Seq: p.Entry.Seq, Size: c.Size, Root: c.Root, Leaf: leaf}
	for _, h := range p.Proof {
		hash, err := hashOf(h)
		if err != nil {
			return bad("its proof is damaged")
		}
		in.Proof = append(in.Proof, hash)
	}
	if p.Entry.Seq < 1 || p.Entry.Seq > c.Size || in.Check() != nil {
		return bad("it is not in the log of the checkpoint")
	}
	return nil
}

// hashOf parses a hash in lower-case hex.
func hashOf(text string) (h audit.Hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) || hex.EncodeToString(b) != text {
		return h, errNotAsWritten
	}
	return audit.Hash(b), nil
}
