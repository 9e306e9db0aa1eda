package registry

import (
	"encoding/json"
	"io"
	"sync"
)

// MaxJSON is the most bytes of a free-form JSON value (hyperparameters, parameters).
const MaxJSON = 64 << 10

// JSON is any JSON value in canonical form: keys sorted at every level, no white
// space, numbers as the input wrote them.
type JSON []byte

// Canonical marshals a value to canonical JSON.
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	c := canonicalWriters.Get().(*canonicalWriter)
	defer c.giveBack()
	c.in, c.out = raw, make([]byte, 0, len(raw))
	if err := c.value(); err != nil {
		return nil, err
	}
	return c.out, nil
}

// canonicalWriters keep the room that writers need beside the document.
var canonicalWriters = sync.Pool{New: func() any { return &canonicalWriter{} }}

// giveBack keeps the room of a writer for the next document, unless it is much, and nothing of this one.
func (c *canonicalWriter) giveBack() {
	if cap(c.members) > 1<<10 || cap(c.scratch) > 1<<16 {
		return
	}
	clear(c.members[:cap(c.members)])
	*c = canonicalWriter{members: c.members[:0], scratch: c.scratch[:0]}
	canonicalWriters.Put(c)
}

// MarshalJSON writes the value as it is, null when empty.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j) == 0 {
		return []byte("null"), nil
	}
	return j, nil
}

// UnmarshalJSON reads a value and brings it into canonical form.
func (j *JSON) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*j = nil
		return nil
	}
	c, err := Canonical(json.RawMessage(b))
	*j = c
	return err
}

// MarshalGQL writes the value as a GraphQL JSON scalar.
func (j JSON) MarshalGQL(w io.Writer) {
	b, _ := j.MarshalJSON()
	w.Write(b)
}

// UnmarshalGQL reads any GraphQL value; more than MaxJSON bytes is INVALID_ARGUMENT.
func (j *JSON) UnmarshalGQL(v any) error {
	if v == nil {
		*j = nil
		return nil
	}
	b, err := Canonical(v)
	if CodeOf(err) == InvalidArgument {
		return err
	}
	if err != nil {
		return Invalid("json", "is not a JSON value")
	}
	if len(b) > MaxJSON {
		return Invalid("json", "is larger than %d bytes", MaxJSON)
	}
	*j = b
	return nil
}
