package registry

import "slices"

// Served says whether a node belongs to what runs today: it is a model version in
// PRODUCTION or DEPRECATED, or such a version came from it, or it is attached to one. It
// is what a role with the row rule "served" sees. A store keeps it with the node.
type Served int8

// The values of Served. The numbers are stored.
const (
	// ServedUnknown is the value of a node whose reader does not tell.
	ServedUnknown Served = 0
	// NotServed is the value of a node that no version in PRODUCTION or DEPRECATED needs.
	NotServed Served = 1
	// ServedBelow is the value of a model version that is not served itself, but a served
	// version came from it.
	ServedBelow Served = 2
	// IsServed is the value of a version in PRODUCTION or DEPRECATED, of the other nodes
	// that one came from, of its deployments, and of the model, dataset or repository that
	// has one of these nodes.
	IsServed Served = 3
)

// ServedStages are the stages of the versions that are served.
func ServedStages() []Stage { return []Stage{Production, Deprecated} }

// ServesItself reports whether a node is a version in one of ServedStages.
func ServesItself(kind Kind, stage Stage, deleted bool) bool {
	return kind == KindModelVersion && !deleted && slices.Contains(ServedStages(), stage)
}

// ServedOf returns the value of a node from what it is and from its support: the number of
// nodes that make it served. The support of a deployment are the versions that it deploys
// and that serve themselves, that of a container its nodes that are served and not deleted,
// that of any other node its effects that are served or below a served version.
func ServedOf(kind Kind, servesItself bool, support int64) Served {
	switch {
	case servesItself:
		return IsServed
	case support <= 0:
		return NotServed
	case kind == KindModelVersion:
		return ServedBelow
	}
	return IsServed
}

// ServedContainer returns the kind of the container that a node of this kind supports, ""
// for a kind that supports none.
func (k Kind) ServedContainer() Kind {
	switch k {
	case KindModelVersion:
		return KindModel
	case KindDatasetVersion, KindFeature:
		return KindDataset
	case KindCommit, KindTag:
		return KindRepository
	}
	return ""
}

// HasServed reports whether stores keep Served for nodes of this kind: the lineage kinds
// and their containers.
func (k Kind) HasServed() bool {
	return k.Walked() || len(k.ServedContents()) > 0
}

// ServedContents returns the kinds of the nodes that support a container of this kind, nil
// for a kind that is no such container.
func (k Kind) ServedContents() (out []Kind) {
	for _, r := range kindTable {
		if r.kind.ServedContainer() == k {
			out = append(out, r.kind)
		}
	}
	return out
}
