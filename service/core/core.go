// Package core holds what the use cases of all parts of service share: access to the gate,
// idempotent writes, batched loading, encoding of nouns, pages and cursors, instants, and
// checks of input. It contains no use case of its own.
package core

import (
	"context"
	"io"
	"time"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/signing"
)

// Core is the shared base of the parts of the service. It is safe for concurrent use.
type Core struct {
	Gate *policies.Gate
	// Runs reads the runs of new versions; nil when no tracking system is known.
	Runs RunReader
	// Blobs has the bytes of files, nil where none are kept.
	Blobs *blobs.Store
	// Trust is whom the server trusts to sign; nil when it trusts nobody.
	Trust *signing.Trust
	// References opens files that lie elsewhere; nil where none are opened.
	References Elsewhere
	// RunTimeout is after what time a run without an end is UNKNOWN; zero for never.
	RunTimeout time.Duration
	// FileBytes is the largest file in bytes.
	FileBytes int64
	cursorKey []byte
	unbatched bool
}

// Option changes how a Core is built.
type Option func(*Core)

// Unbatched makes each object of an answer read its fields by itself. It is for tests, which
// show by it what reading for siblings saves.
func Unbatched() Option { return func(c *Core) { c.unbatched = true } }

// ReadRuns makes versions that name a run of a tracking system be registered with what it knows
// of that run.
func ReadRuns(r RunReader) Option { return func(c *Core) { c.Runs = r } }

// WithBlobs makes the service keep files of at most so many bytes in a store of blobs.
func WithBlobs(store *blobs.Store, fileBytes int64) Option {
	return func(c *Core) { c.Blobs, c.FileBytes = store, fileBytes }
}

// Elsewhere opens files that lie elsewhere.
type Elsewhere interface {
	// Open opens the file of a URI. Its errors have codes, and are told to callers.
	Open(ctx context.Context, uri string) (io.ReadCloser, error)
}

// WithReferences makes the service open files that lie elsewhere, to verify them.
func WithReferences(r Elsewhere) Option { return func(c *Core) { c.References = r } }

// RunTimeout makes runs without an end UNKNOWN after a time; zero for never.
func RunTimeout(d time.Duration) Option { return func(c *Core) { c.RunTimeout = d } }

// New returns a Core that reads and writes through a gate.
func New(gate *policies.Gate, options ...Option) *Core {
	c := &Core{Gate: gate, cursorKey: gate.Key("cursors"), RunTimeout: registry.DefaultRunTimeout}
	for _, o := range options {
		o(c)
	}
	return c
}

// Now returns the current time of the registry's clock.
func (c *Core) Now() time.Time { return c.Gate.Now() }

// Nodes returns the current nouns with these ids, as siblings. An entry is nil when there is
// no such noun that the caller sees.
func (c *Core) Nodes(ctx context.Context, ids []registry.ID) ([]registry.Node, error) {
	return c.NodesAt(ctx, registry.Instant{}, ids)
}

// NodesAt is like Nodes, at an instant.
func (c *Core) NodesAt(ctx context.Context, at registry.Instant, ids []registry.ID) ([]registry.Node, error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	found, err := scope.Nodes(ctx, StoreInstant(at), ids...)
	if err != nil {
		return nil, err
	}
	nouns, err := c.decodeVisible(found, at)
	Siblings(ctx, nouns)
	return nouns, err
}

// decodeVisible decodes nodes that were read at an instant; the noun of a node that is not
// shown is nil.
func (c *Core) decodeVisible(found []*graph.Node, at registry.Instant) (out []registry.Node, err error) {
	out = make([]registry.Node, len(found))
	for i, n := range found {
		if n == nil || n.Hidden || hiddenAfterErasure(n) {
			continue
		}
		if out[i], err = c.Decode(n, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NodeAt is like Node, at an instant.
func (c *Core) NodeAt(ctx context.Context, at registry.Instant, id registry.ID) (registry.Node, error) {
	nodes, err := c.NodesAt(ctx, at, []registry.ID{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// NounAs converts a node to a noun type; the result is nil when the node has another kind.
// It passes err through.
func NounAs[T registry.Node](n registry.Node, err error) (T, error) {
	t, _ := n.(T)
	return t, err
}

// GetNoun returns the noun with an id at an optional point in time; nil when there is none
// that the caller sees, or when it was deleted by then.
func GetNoun[N registry.Node](ctx context.Context, c *Core, id registry.ID, past []PointInTime) (N, error) {
	var none N
	at, known, err := c.ResolvePointInTime(ctx, past)
	if err != nil || !known {
		return none, err
	}
	n, err := c.NodeAt(ctx, at, id)
	if err != nil || n == nil || IsTombstone(n) {
		return none, err
	}
	return NounAs[N](n, nil)
}

// FindModel returns the model that has a name now, nil when there is none that the scope sees.
func FindModel(ctx context.Context, scope *policies.Scope, name string) (*graph.Node, error) {
	ToNFC(&name)
	page, err := scope.Find(ctx, graph.SlotQuery(registry.ModelNameSlot(name), registry.KindModel))
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return page.Nodes[0], nil
}

// IsTombstone reports whether a noun was a tombstone at the instant that it was read at. A
// noun that was erased after that instant was no tombstone then.
func IsTombstone(n registry.Node) bool {
	m := n.NodeMeta()
	return m.Deleted && !m.Erased
}

// hiddenAfterErasure reports whether a node was erased and is therefore not shown at all. Of
// erased nodes only models and lineage nodes are still shown, as tombstones.
func hiddenAfterErasure(n *graph.Node) bool {
	return n.Erased() && !n.Kind.Walked() && n.Kind != registry.KindModel
}
