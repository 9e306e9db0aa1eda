package provenance

import (
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
)

// nodeFilter reports whether an answer includes a node.
type nodeFilter func(*graph.Node) (bool, error)

// LineageFilter selects the nodes of a walk that are returned; empty fields match all. Since is
// inclusive and Until exclusive; both apply to ValidFrom.
type LineageFilter struct {
	Kinds        []registry.Kind
	Stages       []registry.Stage
	Environments []string
	Tags         []registry.KeyValue
	Since        time.Time
	Until        time.Time
}

// readsDocuments reports whether the filter needs the documents of nodes.
func (f *LineageFilter) readsDocuments() bool { return f != nil && len(f.Tags) > 0 }

// newNodeFilter returns the function of a filter. A filter on a field that the caller does not
// see on a node does not match that node.
func newNodeFilter(f *LineageFilter) (nodeFilter, error) {
	if f == nil {
		return func(*graph.Node) (bool, error) { return true, nil }, nil
	}
	if err := core.FirstError(core.CheckTags("where.tags", f.Tags), core.CheckTime("where.since", f.Since), core.CheckTime("where.until", f.Until)); err != nil {
		return nil, err
	}
	return func(n *graph.Node) (bool, error) {
		if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, n.Kind) {
			return false, nil
		}
		details := len(f.Stages)+len(f.Environments)+len(f.Tags) > 0 || !f.Since.IsZero() || !f.Until.IsZero()
		if !details {
			return true, nil
		}
		if n.Hidden {
			return false, nil
		}
		if f.readsDocuments() {
			var d struct {
				Tags []registry.KeyValue `json:"tags"`
			}
			if err := core.DecodeDoc(n, &d); err != nil {
				return false, err
			}
			for _, t := range f.Tags {
				if !slices.Contains(d.Tags, t) {
					return false, nil
				}
			}
		}
		return (len(f.Stages) == 0 || n.Kind == registry.KindModelVersion && slices.Contains(f.Stages, registry.Stage(n.Text(registry.IndexStage)))) &&
			(len(f.Environments) == 0 || n.Kind == registry.KindDeployment && slices.Contains(f.Environments, n.Text(registry.IndexEnvironment))) &&
			(f.Since.IsZero() || !n.ValidFrom.Before(f.Since)) && (f.Until.IsZero() || n.ValidFrom.Before(f.Until)), nil
	}, nil
}
