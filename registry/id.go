package registry

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ID identifies a node of the graph and never changes. It is deterministic: the prefix
// of the kind and a hash of the natural key. So importing a fact twice gives the same
// node, and both stores use the same ids.
type ID string

var idCoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID hashes the parts of a natural key into the id of a node of that kind.
func NewID(kind Kind, parts ...string) ID {
	var buffer [256]byte
	return hashID(kind.Prefix(), appendParts(appendParts(buffer[:0], string(kind)), parts...))
}

// HashID returns a prefix and the hash of parts: 128 bits of SHA-256 in base32. Parts
// are length-prefixed, so ("a","bc") and ("ab","c") differ.
func HashID(prefix string, parts ...string) ID {
	var buffer [256]byte
	return hashID(prefix, appendParts(buffer[:0], parts...))
}

func appendParts(text []byte, parts ...string) []byte {
	for _, p := range parts {
		text = binary.BigEndian.AppendUint64(text, uint64(len(p)))
		text = append(text, p...)
	}
	return text
}

func hashID(prefix string, text []byte) ID {
	sum := sha256.Sum256(text)
	var buffer [40]byte
	id := append(append(buffer[:0], prefix...), '_')
	return ID(idCoding.AppendEncode(id, sum[:16]))
}

// ParseID checks the form of an id in an input. It does not check that such a node
// exists.
func ParseID(s string) (ID, error) {
	prefix, hash, ok := strings.Cut(s, "_")
	if !ok || len(hash) != 26 || kindByPrefix[prefix] == "" {
		return "", Invalid("id", "%q is not an id of this registry; ids look like %q", Shorten(s, 60), NewID(KindModel, "example"))
	}
	if _, err := idCoding.DecodeString(hash); err != nil {
		return "", Invalid("id", "%q is not an id of this registry", Shorten(s, 60))
	}
	return ID(s), nil
}

// Kind returns the kind of the id's prefix, "" when the prefix is unknown.
func (id ID) Kind() Kind {
	prefix, _, _ := strings.Cut(string(id), "_")
	return kindByPrefix[prefix]
}

// MarshalGQL writes the id as a GraphQL ID.
func (id ID) MarshalGQL(w io.Writer) { io.WriteString(w, strconv.Quote(string(id))) }

// UnmarshalGQL reads a GraphQL ID. Null is the empty id.
func (id *ID) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok && v != nil {
		return Invalid("id", "an id is a string, not %T", v)
	}
	if len(s) > 255 {
		return Invalid("id", "longer than 255 characters")
	}
	*id = ID(s)
	return nil
}

// Shorten cuts a text to a number of runes, for use in a message.
func Shorten(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return fmt.Sprintf("%s…", string(r[:limit]))
}
