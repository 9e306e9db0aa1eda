package core

import (
	"encoding/json"
	"fmt"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Decode turns a node that was read at an instant into its noun. A hidden node becomes a
// Restricted that still has the stored id; the caller of Decode replaces it. A node that
// was deleted after that instant is marked as erased and has only its name. The noun may be
// shared with other readers: it must not be changed.
func (c *Core) Decode(n *graph.Node, at registry.Instant) (registry.Node, error) {
	if n == nil {
		return nil, nil
	}
	if n.Hidden {
		return &registry.Restricted{Meta: metaOf(n, at)}, nil
	}
	// A node that a store remembers is decoded once for each mask.
	if at.Today() {
		if noun := n.Kept.Noun(n.Mask); noun != nil {
			if CheckSharedNoun != nil {
				CheckSharedNoun(c, n, noun)
			}
			return noun, nil
		}
	}
	noun, timeless, err := c.decode(n, at)
	if err == nil && noun != nil && at.Today() && timeless {
		n.Kept.KeepNoun(n.Mask, noun)
	}
	return noun, err
}

// CheckSharedNoun is called, when it is set, with each node that has been decoded before and the noun
// that its readers share. Only tests set it, to find who changes what is shared.
var CheckSharedNoun func(c *Core, n *graph.Node, shared registry.Node)

func metaOf(n *graph.Node, at registry.Instant) registry.Meta {
	return registry.Meta{ID: n.ID, Kind: n.Kind, Parent: n.Parent, Revision: int(n.Revision), Deleted: n.Deleted || n.Erased(), Mask: n.Mask,
		ValidFrom: n.ValidFrom, ValidTo: n.ValidTo, ReadAt: at, Erased: n.Erased(), Serial: n.Number}
}

// decode makes a noun of a node that is not hidden; nil for a kind that no API shows. timeless is false
// when the noun will be another one by time alone.
func (c *Core) decode(n *graph.Node, at registry.Instant) (noun registry.Node, timeless bool, err error) {
	if noun = n.Kind.NewNoun(n.Name); noun == nil {
		return nil, true, nil
	}
	if n.Doc != nil {
		if err := DecodeDoc(n, noun); err != nil {
			return nil, false, err
		}
	}
	timeless = true
	meta := metaOf(n, at)
	*noun.NodeMeta() = meta
	switch noun := noun.(type) {
	case *registry.DatasetVersion:
		for i := range noun.Columns {
			noun.Columns[i].ReadAt = at
		}
	case *registry.Run:
		if n.Doc != nil && noun.Status == "" && meta.Mask.Has(registry.Bit("Run", "status")) {
			noun.Status = registry.RunComplete
		}
		if timeless = noun.Status != registry.RunRunning; !timeless {
			noun.Status = noun.StatusAt(c.timeOf(at), c.RunTimeout)
		}
	case *registry.TransitionRequest:
		if timeless = !noun.Open(); noun.Status != "" {
			noun.Status = noun.StatusAt(c.timeOf(at))
		}
	case *registry.Deployment:
		noun.Live = !meta.Deleted && meta.Mask.Has(registry.Bit("Deployment", "live")) && deploymentLiveAt(noun, at)
	}
	return noun, timeless, nil
}

// timeOf returns the time that an instant is about.
func (c *Core) timeOf(at registry.Instant) time.Time {
	if at.Today() || at.Valid.IsZero() {
		return c.Now()
	}
	return at.Valid
}

// deploymentLiveAt reports whether a deployment is live at an instant. Now, what is recorded
// has begun, and an end that is recorded has come.
func deploymentLiveAt(d *registry.Deployment, at registry.Instant) bool {
	if at.Today() {
		return d.EndedAt.IsZero()
	}
	return !d.StartedAt.After(at.Valid) && (d.EndedAt.IsZero() || d.EndedAt.After(at.Valid))
}

// DecodeDoc reads a node's document into a noun. A node that was read bare, or whose
// document was erased, has a name only.
func DecodeDoc(n *graph.Node, into any) error {
	doc := n.Doc
	if len(doc) == 0 {
		doc, _ = json.Marshal(map[string]string{"name": n.Name})
	}
	if err := json.Unmarshal(doc, into); err != nil {
		return BrokenDoc(n, err)
	}
	return nil
}

// BrokenDoc returns the INTERNAL error of a node whose document cannot be read.
func BrokenDoc(n *graph.Node, err error) error {
	return &registry.Error{Code: registry.Internal, Message: "a stored document cannot be read", Err: fmt.Errorf("%s: %w", n.ID, err)}
}

// DecodeWhole decodes a node that was read in a transaction, with all its fields, and
// sets its Meta.
func DecodeWhole[T registry.Node](n *graph.Node, into T) (T, error) {
	if err := DecodeDoc(n, into); err != nil {
		return into, err
	}
	*into.NodeMeta() = registry.Meta{ID: n.ID, Kind: n.Kind, Parent: n.Parent, Revision: int(n.Revision), Deleted: n.Deleted,
		Mask: registry.AllFields, ValidFrom: n.ValidFrom, ValidTo: n.ValidTo, Serial: n.Number}
	return into, nil
}

// EncodeNode turns a noun into a node: its canonical document, and the columns of the
// field table, read from that document. since is when this state became true.
func EncodeNode(noun registry.Node, title string, since time.Time, slots ...string) (*graph.Node, error) {
	doc, err := registry.Canonical(noun)
	if err != nil {
		return nil, err
	}
	return encodeDoc(noun, doc, title, since, slots...)
}

// encodeDoc is EncodeNode for a noun whose document is known.
func encodeDoc(noun registry.Node, doc []byte, title string, since time.Time, slots ...string) (*graph.Node, error) {
	m := noun.NodeMeta()
	kind := m.ID.Kind()
	columns, err := registry.ColumnsOf(kind, doc)
	if err != nil {
		return nil, err
	}
	return &graph.Node{ID: m.ID, Kind: kind, Parent: m.Parent, Name: title, Slots: slots, ValidFrom: m.ValidFrom, ValidTo: m.ValidTo, Since: since,
		Columns: columns, Doc: doc}, nil
}
