package registry

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// canonicalWriter brings JSON as json.Marshal writes it, which is valid and has no white space, into
// canonical form. Every stored document goes through it, several for each fact, so it makes no tree of
// values: it copies what is canonical already.
type canonicalWriter struct {
	in      []byte
	at      int
	out     []byte
	members []canonicalMember // of the objects that are being written, the innermost last
	scratch []byte
}

// canonicalMember is a member of an object: its key, and where it stands in the output. The key is
// mostly a part of the input, so that it need not be copied.
type canonicalMember struct {
	key        []byte
	start, end int
}

// value writes the value at the place of reading.
func (c *canonicalWriter) value() error {
	switch b := c.in[c.at]; b {
	case '{':
		return c.object()
	case '[':
		return c.array()
	case '"':
		_, err := c.text()
		return err
	default:
		start := c.at
		for c.at < len(c.in) && !strings.ContainsRune(",]}", rune(c.in[c.at])) {
			c.at++
		}
		literal := c.in[start:c.at]
		c.out = append(c.out, literal...)
		if b == 't' || b == 'f' || b == 'n' {
			return nil
		}
		return checkNumber(literal)
	}
}

// checkNumber refuses numbers that no reader of JSON could hold, such as 1e400.
func checkNumber(literal []byte) error {
	if len(literal) < 300 && !bytes.ContainsAny(literal, "eE") {
		return nil
	}
	if _, err := strconv.ParseFloat(string(literal), 64); err != nil {
		return Invalid("json", "holds the number %s, which is out of range; write it as a text", Shorten(string(literal), 40))
	}
	return nil
}

func (c *canonicalWriter) array() error {
	c.copy()
	for c.in[c.at] != ']' {
		if c.in[c.at] == ',' {
			c.copy()
		}
		if err := c.value(); err != nil {
			return err
		}
	}
	c.copy()
	return nil
}

// copy copies one byte.
func (c *canonicalWriter) copy() {
	c.out = append(c.out, c.in[c.at])
	c.at++
}

func (c *canonicalWriter) object() error {
	c.copy()
	first, base := len(c.members), len(c.out)
	sorted := true
	for c.in[c.at] != '}' {
		if c.in[c.at] == ',' {
			c.copy()
		}
		m := canonicalMember{start: len(c.out)}
		var err error
		if m.key, err = c.text(); err != nil {
			return err
		}
		c.copy() // The colon.
		if err := c.value(); err != nil {
			return err
		}
		m.end = len(c.out)
		sorted = sorted && (len(c.members) == first || bytes.Compare(c.members[len(c.members)-1].key, m.key) < 0)
		c.members = append(c.members, m)
	}
	if !sorted {
		c.sort(first, base)
	}
	c.members = c.members[:first]
	c.copy()
	return nil
}

// sort writes the members of an object anew, by their keys. Of two with one key the last stands.
func (c *canonicalWriter) sort(first, base int) {
	all := c.members[first:]
	slices.SortStableFunc(all, func(a, b canonicalMember) int { return bytes.Compare(a.key, b.key) })
	c.scratch = append(c.scratch[:0], c.out[base:]...)
	c.out = c.out[:base]
	for i, m := range all {
		if i+1 < len(all) && bytes.Equal(all[i+1].key, m.key) {
			continue
		}
		if len(c.out) > base {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, c.scratch[m.start-base:m.end-base]...)
	}
}

// text writes a string, and returns it. Most have no escapes and are copied.
func (c *canonicalWriter) text() ([]byte, error) {
	start := c.at
	plain := true
	for c.at++; c.in[c.at] != '"'; c.at++ {
		if c.in[c.at] == '\\' {
			plain = false
			c.at++
		}
	}
	c.at++
	raw := c.in[start:c.at]
	if inner := raw[1 : len(raw)-1]; plain && utf8.Valid(inner) {
		c.out = append(c.out, raw...)
		return inner, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	c.out = append(c.out, bytes.TrimRight(b.Bytes(), "\n")...)
	return []byte(s), nil
}
