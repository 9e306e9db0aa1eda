package registry

import (
	"encoding/json"
	"io"
	"time"
)

// Instant is the past that a noun was read at: as it was at Valid, as far as it was
// known with the log sequence Known (0: as it is known today). Valid is in UTC and
// whole microseconds, so that Instants compare. The zero Instant is today.
type Instant struct {
	Valid time.Time
	Known int64
}

// Today reports whether this is no past at all.
func (i Instant) Today() bool { return i == Instant{} }

// Meta is what every noun that is a node carries beside its document.
type Meta struct {
	ID       ID   `json:"-"`
	Kind     Kind `json:"-"`
	Parent   ID   `json:"-"`
	Revision int  `json:"-"`
	Deleted  bool `json:"-"`
	// ReadAt is the past that it was read at; what is reached from it is read so too.
	ReadAt Instant `json:"-"`
	// Erased says that it was deleted after the instant ReadAt: then Deleted is true and
	// only what the tombstone keeps is left of it.
	Erased bool `json:"-"`
	// Mask has the bits of the fields that the caller may see; the values of the
	// others are gone already.
	Mask Mask `json:"-"`
	// ValidFrom and ValidTo say when it was so in the world; zero ValidTo is still.
	ValidFrom time.Time `json:"-"`
	ValidTo   time.Time `json:"-"`
}

// NodeMeta returns the Meta of a noun; it makes a noun a Node.
func (m *Meta) NodeMeta() *Meta { return m }

// Node is any noun that can be fetched by its id (Relay's Node).
type Node interface{ NodeMeta() *Meta }

// ProvenanceNode is a Node that lineage walks, or the stub of a restricted one.
type ProvenanceNode interface {
	Node
	// Walked marks what lineage walks; it does nothing.
	Walked()
}

// Restricted stands for a lineage node that the caller may not see: it keeps the
// graph connected and tells its kind, nothing else. Its id is made for this
// caller alone and is not accepted as input.
type Restricted struct{ Meta }

// Walked marks a lineage node.
func (*Restricted) Walked() {}

// Name is always nil: the name of a restricted node is not told.
func (*Restricted) Name() *string { return nil }

// KeyValue is one tag of a model or version, or one parameter of a run; keys are
// unique within their list. A value may be empty.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Text is the value as it is, for doors that write empty texts as null elsewhere.
func (kv KeyValue) Text() Verbatim { return Verbatim(kv.Value) }

// Verbatim is a text that is written also when it is empty.
type Verbatim string

// MarshalGQL writes the text as a GraphQL String.
func (v Verbatim) MarshalGQL(w io.Writer) {
	b, _ := json.Marshal(string(v))
	w.Write(b)
}

// UnmarshalGQL takes a text.
func (v *Verbatim) UnmarshalGQL(in any) error {
	s, ok := in.(string)
	if !ok {
		return Errorf(InvalidArgument, "a text is wanted, not %T", in)
	}
	*v = Verbatim(s)
	return nil
}

// Metric is a named measurement; what it is out of is its name's convention.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}
