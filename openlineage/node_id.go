package openlineage

import (
	"slices"
	"strings"

	"pedigree/registry"
)

// The kinds of nodes that tools of OpenLineage show.
const (
	DatasetNode = "dataset"
	JobNode     = "job"
)

// maxNodeID is the most bytes of the id of a node, maxColons the most colons in it.
const maxNodeID, maxColons = 2048, 30

// NodeID is the id by which Marquez and its clients name a dataset or a job.
func NodeID(kind string, n Name) string { return kind + ":" + n.Namespace + ":" + n.Name }

// ParseNodeID returns the kind of a node and the names that its id can mean, at least one: namespaces
// and names have colons too. The likeliest is first, by Marquez's rule: a namespace does not end before
// "//" or a digit. An error is INVALID_ARGUMENT.
func ParseNodeID(id string) (kind string, names []Name, err error) {
	kind, rest, _ := strings.Cut(id, ":")
	if kind != DatasetNode && kind != JobNode {
		return "", nil, registry.Invalid("nodeId", "%q is not the id of a dataset or a job; write dataset:NAMESPACE:NAME or job:NAMESPACE:NAME", registry.Shorten(id, 100))
	}
	if len(id) > maxNodeID || strings.Count(rest, ":") > maxColons {
		return "", nil, registry.Invalid("nodeId", "is longer than %d bytes, or has more than %d colons", maxNodeID, maxColons)
	}
	if err := registry.CheckText("nodeId", id); err != nil {
		return "", nil, err
	}
	var unlikely []Name
	for at := range rest {
		if rest[at] != ':' || at == 0 || at == len(rest)-1 {
			continue
		}
		n := Name{rest[:at], rest[at+1:]}
		if strings.HasPrefix(n.Name, "//") || n.Name[0] >= '0' && n.Name[0] <= '9' {
			unlikely = append(unlikely, n)
		} else {
			names = append(names, n)
		}
	}
	if names = slices.Concat(names, unlikely); len(names) == 0 {
		return "", nil, registry.Invalid("nodeId", "%q names no namespace and name; write %s:NAMESPACE:NAME", registry.Shorten(id, 100), kind)
	}
	return kind, names, nil
}
