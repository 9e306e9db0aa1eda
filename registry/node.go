package registry

import "time"

// Instant is an as-of point in two time dimensions: the world at Valid, as it was known
// at log sequence Known (0: as known today). Valid is in UTC and whole microseconds, so
// that Instants compare with ==. The zero Instant is today.
type Instant struct {
	Valid time.Time
	Known int64
}

// Today reports whether this is the zero Instant.
func (i Instant) Today() bool { return i == Instant{} }

// Meta is what every node has beside its JSON document.
type Meta struct {
	ID       ID   `json:"-"`
	Kind     Kind `json:"-"`
	Parent   ID   `json:"-"`
	Revision int  `json:"-"`
	Deleted  bool `json:"-"`
	// ReadAt is the as-of instant at which it was read. Resolvers read related nodes at
	// the same instant.
	ReadAt Instant `json:"-"`
	// Erased is true when it was deleted after ReadAt. Then Deleted is true and only the
	// fields of the tombstone are left.
	Erased bool `json:"-"`
	// Serial is the number of the node in its store.
	Serial int64 `json:"-"`
	// Mask has the bits of the fields that the caller may see. The other fields are
	// already cleared.
	Mask Mask `json:"-"`
	// ValidFrom and ValidTo are when it was true in the world; zero ValidTo means that
	// it still is.
	ValidFrom time.Time `json:"-"`
	ValidTo   time.Time `json:"-"`
}

// NodeMeta implements Node.
func (m *Meta) NodeMeta() *Meta { return m }

// Node is anything that can be fetched by its id (Relay's Node).
type Node interface{ NodeMeta() *Meta }

// ProvenanceNode is a Node of a lineage kind, or a Restricted stub for one.
type ProvenanceNode interface {
	Node
	// Walked marks the types of lineage nodes; it does nothing.
	Walked()
}

// Restricted is the stub of a lineage node that the caller may not see. It keeps the
// graph connected and shows only the kind. Its id is made for this caller and is not
// accepted as input.
type Restricted struct{ Meta }

// Walked marks a lineage node.
func (*Restricted) Walked() {}

// Name is always nil: the name of a restricted node is hidden.
func (*Restricted) Name() *string { return nil }
