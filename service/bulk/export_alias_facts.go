package bulk

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// aliasSpan is a time in which an alias pointed at one version. End is zero when the alias was
// not removed; then the next span begins where this one ends.
type aliasSpan struct {
	version    registry.ID
	name       string
	start, end time.Time
}

// aliases exports the aliases of a model with their history: what each pointed at, and when it
// was removed. Times at which an alias pointed at a deleted version are left out.
func (e *factExport) aliases(ctx context.Context, m *graph.Node) error {
	q := graph.Query{Kinds: []registry.Kind{registry.KindAlias}, Parents: []registry.ID{m.ID}, Order: registry.IndexName}
	return e.pages(ctx, q, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			if !seesKey(n) {
				e.omit(n)
				continue
			}
			spans, err := e.aliasHistory(ctx, n)
			if err != nil {
				return err
			}
			if err := e.writeAlias(ctx, m.Name, n, spans); err != nil {
				return err
			}
		}
		return nil
	})
}

// aliasHistory returns the spans of an alias, oldest first. It reads the revisions of the node
// from the newest to the oldest, each by the time just before the one after it began.
func (e *factExport) aliasHistory(ctx context.Context, n *graph.Node) (out []aliasSpan, err error) {
	for n != nil && !n.Deleted && !n.Erased() {
		a, err := core.DecodeWhole(n, &registry.Alias{})
		if err != nil {
			return nil, err
		}
		span := aliasSpan{a.VersionID, a.Version, a.SetAt, n.ValidTo}
		// The revision that set an alias comes before the one that removed it.
		if last := len(out) - 1; last < 0 || !out[last].start.Equal(span.start) || out[last].version != span.version {
			out = append(out, span)
		}
		before := core.LaterTime(n.Since, n.ValidFrom).Add(-time.Microsecond)
		nodes, err := e.scope.Nodes(ctx, graph.Instant{Valid: before, Known: e.at.Known}, n.ID)
		if err != nil {
			return nil, err
		}
		n = nodes[0]
	}
	slices.Reverse(out)
	return out, nil
}

// writeAlias writes the spans of an alias. A span that the next one does not follow without a
// gap was ended.
func (e *factExport) writeAlias(ctx context.Context, model string, n *graph.Node, spans []aliasSpan) error {
	var ids []registry.ID
	for _, s := range spans {
		ids = append(ids, s.version)
	}
	versions, err := e.existing(ctx, ids)
	if err != nil {
		return err
	}
	for i, s := range spans {
		if versions[s.version] == nil {
			continue
		}
		if s.end.IsZero() && i+1 < len(spans) && versions[spans[i+1].version] == nil {
			s.end = spans[i+1].start // Then it pointed at a version that is left out.
		}
		if err := e.write(FactInput{Alias: &catalog.SetAliasInput{Model: model, Alias: n.Name, Version: s.name, At: s.start, RemovedAt: s.end}}); err != nil {
			return err
		}
	}
	return nil
}
