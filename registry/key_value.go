package registry

import (
	"encoding/json"
	"io"
)

// KeyValue is one tag. Keys are unique within their list; a value may be empty.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Text is the value, also when it is empty; the GraphQL API writes other empty texts
// as null.
func (kv KeyValue) Text() Verbatim { return Verbatim(kv.Value) }

// Verbatim is a text that GraphQL writes as "" and not as null when it is empty.
type Verbatim string

// MarshalGQL writes the text as a GraphQL String.
func (v Verbatim) MarshalGQL(w io.Writer) {
	b, _ := json.Marshal(string(v))
	w.Write(b)
}

// UnmarshalGQL reads a GraphQL String. Null is the empty text.
func (v *Verbatim) UnmarshalGQL(in any) error {
	s, ok := in.(string)
	if !ok && in != nil {
		return Errorf(InvalidArgument, "a text is wanted, not %T", in)
	}
	*v = Verbatim(s)
	return nil
}

// Metric is a named measurement. Its unit and range are up to whoever names it.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}
