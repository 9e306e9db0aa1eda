package registry

import (
	"bytes"
	"encoding/json"
	"errors"
)

var (
	errNoObject = errors.New("registry: a stored document is no JSON object")
	errNoText   = errors.New("registry: a value of a stored document is no text")
)

// EachMember passes the members of a JSON object to fn, in their order: the name, and the value as it
// is written. It is for stored documents, of which all have been encoded by this program: it finds
// where values end, and does not check what is in them. It decodes nothing that the caller does
// not look at, and costs a fraction of json.Unmarshal.
func EachMember(doc []byte, fn func(name string, value json.RawMessage)) error {
	in := bytes.TrimSpace(doc)
	if len(in) < 2 || in[0] != '{' || in[len(in)-1] != '}' {
		return errNoObject
	}
	in = skipSpace(in[1:])
	for first := true; ; first = false {
		if len(in) == 1 && in[0] == '}' {
			return nil
		}
		if !first {
			if len(in) == 0 || in[0] != ',' {
				return errNoObject
			}
			in = skipSpace(in[1:])
		}
		key := stringEnd(in)
		if key < 0 {
			return errNoObject
		}
		name, err := textOf(in[:key])
		if err != nil {
			return err
		}
		if in = skipSpace(in[key:]); len(in) == 0 || in[0] != ':' {
			return errNoObject
		}
		in = skipSpace(in[1:])
		end := valueEnd(in)
		if end <= 0 {
			return errNoObject
		}
		fn(name, json.RawMessage(in[:end:end]))
		in = skipSpace(in[end:])
	}
}

// ReadMembers is EachMember for an fn that may fail. It returns the first error, and calls fn no more after it.
func ReadMembers(doc []byte, fn func(name string, value json.RawMessage) error) (err error) {
	walk := EachMember(doc, func(name string, value json.RawMessage) {
		if err == nil {
			err = fn(name, value)
		}
	})
	if err == nil {
		err = walk
	}
	return err
}

// TextOf decodes a string of a stored document.
func TextOf(raw json.RawMessage) (string, error) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return "", errNoText
	}
	return textOf(raw)
}

// textOf decodes a JSON string.
func textOf(raw []byte) (text string, err error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	err = json.Unmarshal(raw, &text)
	return text, err
}

func skipSpace(in []byte) []byte {
	for len(in) > 0 && (in[0] == ' ' || in[0] == '\n' || in[0] == '\t' || in[0] == '\r') {
		in = in[1:]
	}
	return in
}

// stringEnd returns where the string ends that a text begins with; -1 when it begins with none.
func stringEnd(in []byte) int {
	if len(in) == 0 || in[0] != '"' {
		return -1
	}
	for i := 1; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// valueEnd returns where the value ends that a text begins with; -1 when it does not end.
func valueEnd(in []byte) int {
	depth := 0
	for i := 0; i < len(in); i++ {
		switch in[i] {
		case '"':
			n := stringEnd(in[i:])
			if n < 0 {
				return -1
			}
			if i += n - 1; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}
